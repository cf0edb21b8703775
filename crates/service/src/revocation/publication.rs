//! Publishing lists: one at a time each, on whatever server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use openccm_core::{HashAlgorithm, KeyAlgorithm};
use openccm_pki::{Certificate, CrlTemplate};
use openccm_store::{
    certificate_authorities::{self, CertificateAuthority},
    revocation_lists::{self, ListKey, Publication, RevocationList},
    revocations,
};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    alone_with,
    build::{ListSigner, Plan, build},
    reconciliation::take_back,
};
use crate::{Error, OpenCcm, bucket_store::Version};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How far back lists are dated, in seconds: relying parties whose clocks are a little slow are to take them at once.
const BACKDATED_SECONDS: i64 = 5 * 60;
/// How long a request that switches publishing on waits for the first list.
const FIRST_LIST_PATIENCE: Duration = Duration::from_secs(5);
/// How many lists are published at the same time.
pub(super) const AT_ONCE: usize = 4;
/// A list with so many entries is made alone: its making takes tens of megabytes.
const LARGE: i64 = 50_000;

const CONTENT_TYPE: &str = "application/pkix-crl";
/// What relying parties and what is in between may keep a list for: short, so that a revocation is seen soon. Asking again
/// costs little: the list's version is its ETag.
pub const CACHE_CONTROL: &str = "public, max-age=60, must-revalidate";

/// What came of publishing lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Publications {
    /// How many were published.
    pub published: u64,
    /// How many could not be; the log says why.
    pub failed: u64,
}

/// Which list of an authority's life.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Issue {
    /// One of many.
    Regular,
    /// The last before its key is destroyed: it is valid as long as the authority's certificate.
    Last,
}

/// Publishes every list that a new one is due of.
///
/// # Errors
/// The database fails. A list that cannot be published is counted, and stays due.
pub async fn publish_due(ccm: &OpenCcm) -> Result<Publications, Error> {
    let due = revocation_lists::list_due(&mut ccm.database().read().await?, ccm.now_ms()).await?;
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for key in due {
        let (ccm, slots) = (ccm.clone(), Arc::clone(&slots));
        tasks.spawn(async move {
            let _slot = slots.acquire_owned().await;
            publish(&ccm, &key).await
        });
    }
    let mut publications = Publications::default();
    while let Some(outcome) = tasks.join_next().await {
        match outcome {
            Ok(Ok(published)) => publications.published += u64::from(published),
            Ok(Err(_)) | Err(_) => publications.failed += 1,
        }
    }
    Ok(publications)
}

/// Publishes the lists of an authority for which publishing was just switched on. Gives up after a few seconds: what is not
/// out by then stays due, and whoever asked is not kept waiting for it.
pub(crate) async fn publish_all_of(ccm: &OpenCcm, ca_id: &str) {
    let publish_all = async {
        let keys = revocation_lists::list(&mut ccm.database().read().await?, Some(ca_id), ccm.now_ms()).await?;
        for key in &keys {
            publish(ccm, key).await?;
        }
        Ok::<_, Error>(())
    };
    let outcome = tokio::time::timeout(FIRST_LIST_PATIENCE, publish_all).await;
    if !matches!(outcome, Ok(Ok(()))) {
        ccm.publisher().notify_one();
    }
}

/// Publishes the last lists of an authority whose key is about to be destroyed.
pub(crate) async fn publish_last(ccm: &OpenCcm, ca_id: &str) -> Result<(), Error> {
    let keys = revocation_lists::list_of(&mut ccm.database().read().await?, ca_id).await?;
    for key in &keys {
        observe(key, alone_with(ccm, key, publish_alone(ccm, key, Issue::Last))).await?;
    }
    Ok(())
}

/// Publishes a list if a new one is due. Says whether it was.
pub(super) async fn publish(ccm: &OpenCcm, key: &ListKey) -> Result<bool, Error> {
    observe(key, alone_with(ccm, key, publish_alone(ccm, key, Issue::Regular))).await
}

/// Makes the outcome of a publication visible in the log and the metrics.
async fn observe(key: &ListKey, publication: impl Future<Output = Result<bool, Error>>) -> Result<bool, Error> {
    let started = Instant::now();
    let outcome = publication.await;
    let label = match &outcome {
        Ok(false) => return outcome,
        Ok(true) => {
            metrics::histogram!("openccm_crl_publication_duration_seconds").record(started.elapsed());
            "published"
        }
        Err(error) => {
            tracing::error!(ca_id = key.ca_id, partition = key.crl_partition, %error, "a CRL could not be published");
            "failed"
        }
    };
    metrics::counter!("openccm_crl_publications_total", "outcome" => label).increment(1);
    outcome
}

async fn publish_alone(ccm: &OpenCcm, key: &ListKey, issue: Issue) -> Result<bool, Error> {
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().read().await?;
    let Some(list) = revocation_lists::find(&mut session, key).await? else { return Ok(false) };
    let Some(authority) = certificate_authorities::find_anywhere(&mut session, &key.ca_id).await? else {
        return Ok(false);
    };
    // Another server, or an earlier task, may have been faster.
    let due = list.wanted > list.published || list.renew_at <= now_ms;
    if issue == Issue::Regular && !(due && authority.lists_at(now_ms)) {
        return Ok(false);
    }
    let Some(signer) = find_signer(ccm, &mut session, &authority).await? else { return Ok(false) };
    // About as many as last time; the first time, as many as there can be.
    let entries = if list.published > 0 { list.entries } else { revocations::count(&mut session, &key.ca_id).await? };
    drop(session);
    let _alone = if entries >= LARGE { Some(ccm.publisher().large_list().await) } else { None };

    let current = ccm.buckets().version(&list.bucket, &list.object).await?;
    let mut at_least = now_ms;
    if current.as_ref().map(Version::as_str) != list.version.as_deref() {
        at_least = at_least.max(take_back(ccm, &list, &signer.certificate).await?.number.saturating_add(1));
    }
    let mut session = ccm.database().write().await?;
    let number = certificate_authorities::take_crl_number(&mut session, &key.ca_id, at_least).await?;
    session.commit().await?;

    let times = Times::new(&list, &signer.certificate, issue, now_ms);
    let template = CrlTemplate {
        number,
        this_update: times.this_update,
        next_update: times.next_update,
        distribution_point: (key.crl_partition > 0).then(|| list.address.clone()),
    };
    // RFC 5280 §3.3: a certificate leaves when a list dated past its end has named it. A revocation that was recorded within
    // the certificate's time, but committed a moment later, is named too: lists are dated back.
    let ended_before = list.this_update.unwrap_or(0);
    let Some(built) = build(ccm, &signer, Plan { key, template, ended_before }).await? else { return Ok(false) };
    let length = built.der.len();
    let version =
        ccm.buckets().put(&list.bucket, &list.object, built.der, CONTENT_TYPE, CACHE_CONTROL, current.as_ref()).await?;
    let publication = Publication {
        published: built.wanted,
        renew_at: times.renew_at_ms,
        this_update: times.this_update * 1000,
        next_update: times.next_update * 1000,
        entries: built.entries,
        version: version.as_str().to_owned(),
    };
    let mut session = ccm.database().write().await?;
    revocation_lists::update_published(&mut session, key, &publication).await?;
    session.commit().await?;
    tracing::info!(
        ca_id = key.ca_id,
        partition = key.crl_partition,
        number,
        entries = built.entries,
        bytes = length,
        "published a CRL"
    );
    check_address(ccm, &list).await;
    Ok(true)
}

/// The times of a list: the first two in seconds, for they stand in it.
struct Times {
    this_update: i64,
    next_update: i64,
    renew_at_ms: i64,
}

impl Times {
    fn new(list: &RevocationList, certificate: &Certificate, issue: Issue, now_ms: i64) -> Self {
        let valid_ms = list.valid_days * DAY_MS;
        let next_update = (now_ms + valid_ms).div_euclid(1000);
        let this_update = now_ms.div_euclid(1000) - BACKDATED_SECONDS;
        Self {
            this_update: this_update.max(certificate.period().not_before),
            next_update: match issue {
                Issue::Regular => next_update,
                Issue::Last => next_update.max(certificate.period().not_after),
            },
            // Half of its time is left then to mend whatever is in the way of the next one.
            renew_at_ms: now_ms + valid_ms / 2,
        }
    }
}

async fn find_signer(
    ccm: &OpenCcm,
    session: &mut openccm_store::Session,
    authority: &CertificateAuthority,
) -> Result<Option<ListSigner>, Error> {
    let der = certificate_authorities::find_der(session, &authority.id).await?;
    let algorithm = KeyAlgorithm::parse(&authority.key_algorithm);
    let (Some(der), Some(algorithm)) = (der, algorithm) else { return Ok(None) };
    let Some(key) = ccm.keys().find_signer(session, &authority.id, algorithm).await? else { return Ok(None) };
    let hash = authority.signature_algorithm.as_deref().and_then(HashAlgorithm::parse);
    Ok(Some(ListSigner { certificate: Certificate::from_der(&der)?, key, hash: hash.unwrap_or(HashAlgorithm::Sha256) }))
}

/// Looks whether relying parties get the list at the address that certificates name, where an object service is to serve it:
/// most of them keep what is stored private unless told otherwise.
async fn check_address(ccm: &OpenCcm, list: &RevocationList) {
    if ccm.serves_lists_itself() {
        return;
    }
    let readable = ccm.buckets().is_public(&list.address).await;
    if !matches!(readable, Ok(true)) {
        metrics::counter!("openccm_crl_unreadable_total").increment(1);
        let cause = readable.err().map(|error| error.to_string());
        tracing::warn!(address = list.address, cause, "the published CRL cannot be read there without signing in");
    }
}
