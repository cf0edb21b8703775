//! Revocation: what is recorded, and the lists that make it public.
//!
//! A revocation is recorded in one transaction with what it changes, and asks there for new lists of its issuer. Making and
//! publishing them comes after, off the request's path: at once by the server that took the request ([`publish_as_needed`]),
//! and by the clock's jobs where that server did not get to it.

mod build;
mod configuration;
mod publication;
mod publisher;
mod reconciliation;

pub(crate) use configuration::partition_address;
pub use configuration::{CrlConfiguration, disable_crl, enable_crl};
use openccm_core::{Invalid, RevocationReason, Subject};
use openccm_store::{
    Session, StoreError, certificate_authorities,
    revocation_lists::{self, ListKey},
    revocations::{self, Revocation},
};
pub use publication::{CACHE_CONTROL, Publications, publish_due};
pub(crate) use publication::{publish_all_of, publish_last};
pub(crate) use publisher::Publisher;
pub use publisher::publish_as_needed;
pub use reconciliation::compare_published;

use crate::{Error, OpenCcm};

/// Why, and since when, a certificate is revoked.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// Why.
    pub reason: RevocationReason,
    /// Since when its key or content is suspect (ms since the epoch; InvalidityDate of RFC 5280 §5.3.2).
    pub invalid_since_ms: Option<i64>,
}

impl Cause {
    /// Checks the cause against the time now.
    ///
    /// # Errors
    /// A certificate that would become invalid only in the future.
    pub(crate) fn validate(self, now_ms: i64) -> Result<(), Invalid> {
        match self.invalid_since_ms {
            Some(since) if !(0..=now_ms).contains(&since) => {
                Err(Invalid::new(Subject::Parameter, "invalidity_date", "must be a time in the past"))
            }
            _ => Ok(()),
        }
    }
}

/// Records the revocation of a certificate of this issuer, and asks for the lists that are to name it.
pub(crate) async fn record(session: &mut Session, issuer_id: &str, new: &Revocation) -> Result<(), StoreError> {
    revocations::insert(session, issuer_id, new).await?;
    announce(session, issuer_id, new.crl_partition).await
}

/// Records that a certificate on hold is now revoked for good. The time of its revocation stays: it was invalid since then.
/// What was known of since when it is suspect stays too, unless `invalid_since` says more (ms since the epoch).
pub(crate) async fn record_final(
    session: &mut Session,
    issuer_id: &str,
    serial_number: &str,
    reason: RevocationReason,
    crl_partition: i64,
    invalid_since: Option<i64>,
) -> Result<(), StoreError> {
    revocations::update(session, issuer_id, serial_number, reason.as_str(), crl_partition, invalid_since).await?;
    announce(session, issuer_id, crl_partition).await
}

/// Tells every server that what it remembers of this issuer is out of date, and asks for new lists. Last in a transaction:
/// other revocations of the issuer wait for its end. The issuer's row comes before the rows of its lists, here and wherever
/// lists are made or taken away: PostgreSQL locks each as it is changed, and of two who take them in different orders one
/// would fail.
async fn announce(session: &mut Session, issuer_id: &str, crl_partition: i64) -> Result<(), StoreError> {
    certificate_authorities::count_revocation(session, issuer_id).await?;
    revocation_lists::want(session, issuer_id, crl_partition).await
}

/// Does something to a published list while nobody else, on whatever server, does anything to it.
async fn alone_with<T>(ccm: &OpenCcm, key: &ListKey, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let lock = ccm.database().lock(&format!("crl:{}:{}", key.ca_id, key.crl_partition)).await?;
    let outcome = work.await;
    lock.release().await;
    outcome
}

/// Commits what was recorded of certificates of this issuer, and makes it public. Once begun it goes to its end, also where
/// the client closes its connection meanwhile: what is durable must not wait for the next turn of a job.
pub(crate) async fn commit(ccm: &OpenCcm, session: Session, issuer_id: String) -> Result<(), Error> {
    let ccm = ccm.clone();
    let commit = async move {
        session.commit().await?;
        after_commit(&ccm, &issuer_id);
        Ok(())
    };
    tokio::spawn(commit).await.map_err(Error::key)?
}

/// What follows a revocation once it is durable: this server forgets what it remembers of the issuer, and publishes.
fn after_commit(ccm: &OpenCcm, issuer_id: &str) {
    ccm.ocsp().forget(issuer_id);
    ccm.publisher().notify_one();
}
