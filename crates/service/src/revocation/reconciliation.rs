//! Comparing what is published with what the database knows.
//!
//! A database that was restored from a backup does not know what was revoked since, but the published lists do. A revocation
//! must not be taken back by a restore, so what a list of this authority names is recorded again.

use std::{collections::BTreeSet, time::Duration};

use openccm_core::RevocationReason;
use openccm_pki::{Certificate, Crl, RevokedCertificate};
use openccm_store::{
    Session, certificate_authorities, private_certificates,
    revocation_lists::{self, ListKey, RevocationList},
    revocations::{self, Revocation},
};

use super::{after_commit, alone_with, announce};
use crate::{Error, OpenCcm, bucket_store::Version};

/// How many serial numbers are looked up at a time.
const PAGE: usize = 500;
/// How long a request waits to learn whether the name of a list is free.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

/// Compares every published list with the database: what it names and the database does not know is recorded, and what is
/// missing in its bucket is asked for. Gives how many revocations were taken back in.
///
/// # Errors
/// The database fails at the beginning. A list that cannot be compared is logged, and compared again before it is next
/// replaced.
pub async fn compare_published(ccm: &OpenCcm) -> Result<u64, Error> {
    let keys = revocation_lists::list(&mut ccm.database().read().await?, None, ccm.now_ms()).await?;
    let mut taken_back = 0;
    for key in &keys {
        match alone_with(ccm, key, compare(ccm, key)).await {
            Ok(count) => taken_back += count,
            Err(error) => {
                tracing::error!(ca_id = key.ca_id, partition = key.crl_partition, %error, "a CRL could not be compared");
            }
        }
    }
    Ok(taken_back)
}

async fn compare(ccm: &OpenCcm, key: &ListKey) -> Result<u64, Error> {
    let mut session = ccm.database().read().await?;
    let Some(list) = revocation_lists::find(&mut session, key).await? else { return Ok(0) };
    let der = certificate_authorities::find_der(&mut session, &key.ca_id).await?;
    drop(session);
    let Some(der) = der else { return Ok(0) };
    let current = ccm.buckets().version(&list.bucket, &list.object).await?;
    if current.as_ref().map(Version::as_str) == list.version.as_deref() {
        return Ok(0);
    }
    let found = take_back(ccm, &list, &Certificate::from_der(&der)?).await?;
    // Whatever is there is not what this database published last.
    let mut session = ccm.database().write().await?;
    announce(&mut session, &key.ca_id, key.crl_partition).await?;
    session.commit().await?;
    Ok(found.taken_back)
}

/// Whether a list that counts, and is not one of `own`, is published as this object. An authority of the same name with
/// another key is another one. What cannot be looked at is taken for free: publishing looks again.
pub(super) async fn is_taken(ccm: &OpenCcm, bucket: &str, object: &str, own: Option<&Certificate>) -> bool {
    let look = ccm.buckets().get(bucket, object);
    let Ok(Ok(Some(object))) = tokio::time::timeout(LOOK_PATIENCE, look).await else { return false };
    let Ok(published) = Crl::from_der(&object.bytes) else { return false };
    !has_ended(&published, ccm) && own.is_none_or(|own| published.verify_issued_by(own).is_err())
}

fn has_ended(published: &Crl<'_>, ccm: &OpenCcm) -> bool {
    published.next_update().saturating_mul(1000) <= ccm.now_ms()
}

/// What was found in a bucket.
#[derive(Default)]
pub(super) struct Found {
    /// The number of the published list; 0 where there is none that counts.
    pub(super) number: i64,
    /// How many revocations the database did not know.
    taken_back: u64,
}

/// Records what the published list names and the database does not know.
pub(super) async fn take_back(ccm: &OpenCcm, list: &RevocationList, issuer: &Certificate) -> Result<Found, Error> {
    let ca_id = &list.key.ca_id;
    let Some(object) = ccm.buckets().get(&list.bucket, &list.object).await? else { return Ok(Found::default()) };
    let published = match Crl::from_der(&object.bytes) {
        Ok(published) => published,
        Err(error) => {
            tracing::error!(ca_id, object = list.object, %error, "what is published is no CRL: it will be replaced");
            return Ok(Found::default());
        }
    };
    if !published.claims_to_be_of(issuer) && !has_ended(&published, ccm) {
        return Err(Error::ForeignList { bucket: list.bucket.clone(), object: list.object.clone() });
    }
    if let Err(error) = published.verify_issued_by(issuer) {
        tracing::error!(ca_id, object = list.object, %error, "the published CRL is not genuine: it will be replaced");
        return Ok(Found::default());
    }
    let mut found = Found { number: published.number(), taken_back: 0 };
    let mut page = Vec::with_capacity(PAGE);
    let mut entries = published.entries();
    loop {
        let entry = entries.next().transpose()?;
        let ended = entry.is_none();
        page.extend(entry);
        if page.len() == PAGE || ended {
            found.taken_back += record_unknown(ccm, list, &page).await?;
            page.clear();
        }
        if ended {
            break;
        }
    }
    if found.taken_back > 0 {
        metrics::counter!("openccm_crl_revocations_taken_back_total").increment(found.taken_back);
        tracing::warn!(
            ca_id,
            partition = list.key.crl_partition,
            number = found.number,
            count = found.taken_back,
            "the published CRL names revocations that the database did not know: they were taken back in"
        );
        after_commit(ccm, ca_id);
    }
    Ok(found)
}

/// Records those of `entries` that the database does not know. Gives how many.
async fn record_unknown(ccm: &OpenCcm, list: &RevocationList, entries: &[RevokedCertificate]) -> Result<u64, Error> {
    let ca_id = &list.key.ca_id;
    let serials: Vec<&str> = entries.iter().map(|entry| entry.serial_number.as_str()).collect();
    let known = revocations::find_all(&mut ccm.database().read().await?, ca_id, &serials).await?;
    let is_known = |entry: &&RevokedCertificate| {
        let known = known.iter().find(|known| known.serial_number == entry.serial_number);
        known.is_some_and(|known| agrees(known, entry, list.key.crl_partition))
    };
    let unknown: Vec<&RevokedCertificate> = entries.iter().filter(|entry| !is_known(entry)).collect();
    if unknown.is_empty() {
        return Ok(0);
    }
    let mut session = ccm.database().write().await?;
    let mut count = 0;
    let mut partitions = BTreeSet::new();
    for entry in unknown {
        let recorded = record_entry(&mut session, &list.key, entry).await?;
        count += u64::from(recorded.was_unknown);
        partitions.insert(recorded.crl_partition);
    }
    for crl_partition in partitions {
        announce(&mut session, ca_id, crl_partition).await?;
    }
    session.commit().await?;
    Ok(count)
}

/// Whether the database already says what a list says. It may know a hold that has since become a revocation for good, or
/// not know the partition of a certificate that only a list told it of.
fn agrees(known: &Revocation, entry: &RevokedCertificate, partition: i64) -> bool {
    let became_final =
        known.reason == RevocationReason::CertificateHold.as_str() && entry.reason != RevocationReason::CertificateHold;
    !became_final && (partition == 0 || known.crl_partition == partition)
}

/// What was recorded of an entry; yet to be announced.
struct Recorded {
    /// Whether the certificate's revocation was not known.
    was_unknown: bool,
    /// The partition that names it.
    crl_partition: i64,
}

/// Records an entry of a list.
async fn record_entry(session: &mut Session, key: &ListKey, entry: &RevokedCertificate) -> Result<Recorded, Error> {
    let (issuer_id, serial_number) = (&key.ca_id, &entry.serial_number);
    let known = revocations::find(session, issuer_id, serial_number).await?;
    if let Some(known) = &known
        && known.reason != RevocationReason::CertificateHold.as_str()
    {
        let crl_partition = key.crl_partition;
        revocations::update(session, issuer_id, serial_number, &known.reason, crl_partition, None).await?;
        return Ok(Recorded { was_unknown: false, crl_partition });
    }
    let reason = entry.reason.as_str();
    let revoked_at = entry.revoked_at.saturating_mul(1000);
    let mut not_after = None;
    let mut crl_partition = key.crl_partition;
    if let Some(certificate) = private_certificates::find_by_serial(session, issuer_id, serial_number).await? {
        not_after = Some(certificate.not_after);
        crl_partition = certificate.crl_partition;
        private_certificates::set_revoked(session, &certificate.id, revoked_at, reason).await?;
    } else if let Some(authority) = certificate_authorities::find_by_serial(session, issuer_id, serial_number).await? {
        not_after = authority.not_after;
        crl_partition = authority.crl_partition;
        certificate_authorities::set_revoked(session, &authority.id, revoked_at, reason).await?;
    }
    let invalid_since = entry.invalid_since.map(|since| since.saturating_mul(1000));
    if known.is_some() {
        revocations::update(session, issuer_id, serial_number, reason, crl_partition, invalid_since).await?;
        return Ok(Recorded { was_unknown: false, crl_partition });
    }
    tracing::warn!(
        ca_id = issuer_id,
        serial_number,
        reason,
        revoked_at,
        known = not_after.is_some(),
        "taking a published revocation back in"
    );
    let revocation = Revocation {
        serial_number: serial_number.clone(),
        revoked_at,
        reason: reason.to_owned(),
        invalid_since,
        not_after,
        crl_partition,
    };
    revocations::insert(session, issuer_id, &revocation).await?;
    Ok(Recorded { was_unknown: true, crl_partition })
}
