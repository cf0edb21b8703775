//! The clock's work: what becomes due by the passing of time alone.
//!
//! One server at a time does it, elected by a lock that ends with the server; each kind of work that waits for other people's
//! servers has an election of its own, so that nothing else waits for it. Each job does whatever is due, however long
//! that has been so: it catches up after a standstill, and doing it again does no harm.

use std::time::Duration;

use openccm_store::{
    Lock, certificate_authorities, jobs as store, ocsp_responders, private_certificates,
    revocation_lists::{self},
    tokens,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{Error, OpenCcm, ocsp, revocation, ssl};

/// How often a server that does not do the jobs asks whether it should.
const CANDIDACY: Duration = Duration::from_secs(5);
/// How often the one that does looks whether a job's turn has come.
const TICK: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Publishes the revocation lists that are due, and notes how all of them stand.
    PublishLists,
    /// Renews the certificates of OCSP responders.
    RenewResponders,
    /// Notes the authorities and certificates whose time has ended.
    Expire,
    /// Destroys the keys of authorities whose scheduled deletion is due.
    Purge,
    /// Forgets tokens that have ended.
    ForgetTokens,
    /// Brings orders of SSL certificates forward.
    ProgressOrders,
    /// Tries pushes again that failed, and looks whether what was pushed is served.
    RetryPushes,
    /// Sends notices that SSL certificates are about to end, or have ended.
    Notify,
}

/// Jobs that one server does in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What needs nothing but this server's own database and buckets.
    Own,
    /// What brings orders forward: it asks DNS, web servers and ACME services, and mails to domains' administrators.
    Orders,
    /// What talks to push targets.
    Pushes,
    /// What sends notices.
    Notices,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 4] = [Self::Own, Self::Orders, Self::Pushes, Self::Notices];

    /// What the lock is called.
    const fn election(self) -> &'static str {
        match self {
            Self::Own => "jobs",
            Self::Orders => "order-jobs",
            Self::Pushes => "push-jobs",
            Self::Notices => "notice-jobs",
        }
    }
}

impl Job {
    /// Every job, in the order in which they run where several are due: first what relying parties see.
    pub const ALL: [Self; 8] = [
        Self::PublishLists,
        Self::RenewResponders,
        Self::Expire,
        Self::Purge,
        Self::ForgetTokens,
        Self::ProgressOrders,
        Self::RetryPushes,
        Self::Notify,
    ];

    /// Its name in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublishLists => "publish_lists",
            Self::RenewResponders => "renew_responders",
            Self::Expire => "expire",
            Self::Purge => "purge",
            Self::ForgetTokens => "forget_tokens",
            Self::ProgressOrders => "progress_orders",
            Self::RetryPushes => "retry_pushes",
            Self::Notify => "notify",
        }
    }

    /// The group that it is done with.
    pub const fn group(self) -> Group {
        match self {
            Self::PublishLists | Self::RenewResponders | Self::Expire | Self::Purge | Self::ForgetTokens => Group::Own,
            Self::ProgressOrders => Group::Orders,
            Self::RetryPushes => Group::Pushes,
            Self::Notify => Group::Notices,
        }
    }

    const fn every(self) -> Duration {
        match self {
            Self::PublishLists | Self::Expire | Self::Purge | Self::Notify => MINUTE,
            Self::ProgressOrders => Duration::from_secs(3),
            Self::RetryPushes => Duration::from_secs(10),
            Self::RenewResponders | Self::ForgetTokens => Duration::from_secs(10 * 60),
        }
    }

    /// Does the job now. Gives how many things it did.
    ///
    /// # Errors
    /// What kept it from doing all that is due; the rest was done.
    pub async fn run(self, ccm: &OpenCcm) -> Result<u64, Error> {
        let name = self.name();
        let started = std::time::Instant::now();
        // What becomes due while it runs is its next turn's.
        let now_ms = ccm.now_ms();
        let outcome = match self {
            Self::PublishLists => publish_lists(ccm).await,
            Self::RenewResponders => ocsp::renew_responders(ccm).await,
            Self::Expire => expire(ccm).await,
            Self::Purge => purge(ccm).await,
            Self::ForgetTokens => forget_tokens(ccm).await,
            Self::ProgressOrders => ssl::orders::progress_due(ccm).await,
            Self::RetryPushes => ssl::push::retry_due(ccm).await,
            Self::Notify => ssl::notifications::notify(ccm).await,
        };
        metrics::histogram!("openccm_job_duration_seconds", "job" => name).record(started.elapsed());
        let label = if outcome.is_ok() { "succeeded" } else { "failed" };
        metrics::counter!("openccm_job_runs_total", "job" => name, "outcome" => label).increment(1);
        match &outcome {
            Ok(count) => {
                metrics::counter!("openccm_job_items_total", "job" => name).increment(*count);
                metrics::gauge!("openccm_job_last_success_timestamp_seconds", "job" => name)
                    .set(now_ms as f64 / 1000.0);
                let mut session = ccm.database().write().await?;
                store::update(&mut session, name, now_ms).await?;
                session.commit().await?;
            }
            Err(error) => tracing::error!(job = name, %error, "a job failed; it is tried again at its next turn"),
        }
        outcome
    }
}

/// Does the jobs whenever no other server does them, for as long as it is polled.
pub async fn run_when_elected(ccm: OpenCcm, group: Group) {
    let election = group.election();
    let leader = metrics::gauge!("openccm_job_leader", "election" => election);
    leader.set(0.0);
    loop {
        match ccm.database().try_lock(election).await {
            Ok(Some(lock)) => {
                tracing::info!(election, "this server does the clock's jobs");
                leader.set(1.0);
                run_while_held(&ccm, group, lock).await;
                leader.set(0.0);
                tracing::warn!(election, "this server no longer does the clock's jobs");
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "cannot ask who does the clock's jobs"),
        }
        tokio::time::sleep(CANDIDACY).await;
    }
}

async fn run_while_held(ccm: &OpenCcm, group: Group, mut lock: Lock) {
    let jobs = Job::ALL.into_iter().filter(|job| job.group() == group);
    let mut turns: Vec<(Job, Instant)> = jobs.map(|job| (job, Instant::now())).collect();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !lock.is_held().await {
            return;
        }
        for (job, turn) in &mut turns {
            if *turn <= Instant::now() {
                // It has said itself what went wrong.
                let _ = job.run(ccm).await;
                *turn = Instant::now() + job.every();
            }
        }
    }
}

async fn publish_lists(ccm: &OpenCcm) -> Result<u64, Error> {
    let publications = revocation::publish_due(ccm).await?;
    let overview = revocation_lists::overview(&mut ccm.database().read().await?, ccm.now_ms()).await?;
    metrics::gauge!("openccm_crl_lists").set(overview.lists as f64);
    metrics::gauge!("openccm_crl_lists_due").set(overview.due as f64);
    if let Some(first) = overview.first_next_update {
        metrics::gauge!("openccm_crl_first_next_update_timestamp_seconds").set(first as f64 / 1000.0);
    }
    match publications.failed {
        0 => Ok(publications.published),
        failed => Err(Error::Unpublished(failed)),
    }
}

/// Statuses end by themselves; this makes it seen, once each.
async fn expire(ccm: &OpenCcm) -> Result<u64, Error> {
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().read().await?;
    let Some(since) = store::find(&mut session, Job::Expire.name()).await? else { return Ok(0) };
    let authorities = certificate_authorities::list_ended(&mut session, since, now_ms).await?;
    let certificates = private_certificates::count_ended(&mut session, since, now_ms).await?;
    for id in &authorities {
        tracing::warn!(ca_id = %id, "the certificate of an authority has ended");
    }
    let certificates = u64::try_from(certificates).unwrap_or(0);
    metrics::counter!("openccm_expired_total", "kind" => "authority").increment(authorities.len() as u64);
    metrics::counter!("openccm_expired_total", "kind" => "certificate").increment(certificates);
    Ok(authorities.len() as u64 + certificates)
}

/// The last list of an authority is published before its key is destroyed. A bucket that cannot be reached holds that up for
/// a day, but not for ever.
async fn purge(ccm: &OpenCcm) -> Result<u64, Error> {
    let now_ms = ccm.now_ms();
    let due = certificate_authorities::list_to_purge(&mut ccm.database().read().await?, now_ms).await?;
    let mut purged = 0;
    let mut failed = None;
    for ca_id in &due {
        if let Err(error) = revocation::publish_last(ccm, ca_id).await {
            let mut session = ccm.database().read().await?;
            if !certificate_authorities::list_to_purge(&mut session, now_ms - DAY_MS).await?.contains(ca_id) {
                failed = Some(error);
                continue;
            }
        }
        let mut session = ccm.database().write().await?;
        certificate_authorities::update_crl(&mut session, ca_id, None).await?;
        ccm.keys().delete(&mut session, ca_id).await?;
        ocsp_responders::delete(&mut session, ca_id).await?;
        revocation_lists::delete(&mut session, ca_id).await?;
        session.commit().await?;
        ccm.ocsp().forget(ca_id);
        tracing::info!(ca_id, "destroyed the key of a deleted authority");
        purged += 1;
    }
    failed.map_or(Ok(purged), Err)
}

async fn forget_tokens(ccm: &OpenCcm) -> Result<u64, Error> {
    let mut session = ccm.database().write().await?;
    let count = tokens::delete_expired(&mut session, ccm.now_ms()).await?;
    session.commit().await?;
    Ok(count)
}
