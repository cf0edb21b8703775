//! What brings orders forward without anybody asking: names are verified, certificates issued, what was begun is ended.
//!
//! An order that something is to be done for has a time for it, `next_step_at`. Whichever server's turn it is does the step
//! under the order's lock, and writes what came of it together with the next time: a server that dies in between leaves the
//! order as it was, and the step is done again.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use openccm_core::{CertificateType, SslOperation, SslOutcome, SslStatus, ssl_outcome};
use openccm_store::{
    Session,
    ssl_certificates::{self as store, SslCertificate},
    ssl_orders,
};

use super::{change, event};
use crate::{
    Error, OpenCcm,
    ssl::{
        issuers::{self, IssuerError, Progress, acme},
        push, validation,
    },
};

/// How many orders are looked at in one turn, and how many of them at a time.
const BATCH: i64 = 200;
const AT_ONCE: usize = 4;
/// How often an order is looked at that waits for the verification of its names. That wakes it, too.
const VERIFICATION_PAUSE_MS: i64 = 60_000;
/// The first and the longest pause after a failure.
const FIRST_PAUSE_MS: i64 = 5_000;
const LONGEST_PAUSE_MS: i64 = 60 * 60_000;
/// How long a server waits before it looks for orders that it was not told of.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// Takes the steps that are due and verifies the names. Gives how many steps were taken.
///
/// # Errors
/// The database fails; everything else was done. What fails for one order is noted there, and tried again.
pub async fn progress_due(ccm: &OpenCcm) -> Result<u64, Error> {
    // First what waits for nobody: a look at the world may take a minute.
    let before = take_steps(ccm).await;
    let looked = validation::check_due(ccm).await;
    if let Err(error) = acme::clear_left_behind(ccm).await {
        tracing::warn!(%error, "records that were put up for an ACME service could not be taken away; it is tried again");
    }
    let after = take_steps(ccm).await;
    looked?;
    Ok(before? + after?)
}

async fn take_steps(ccm: &OpenCcm) -> Result<u64, Error> {
    let mut taken = 0;
    loop {
        let due = store::list_due(&mut ccm.database().read().await?, ccm.now_ms(), BATCH).await?;
        if due.is_empty() {
            return Ok(taken);
        }
        let steps: Vec<_> = due.into_iter().map(|id| progress(ccm.clone(), id)).collect();
        let outcomes: Vec<_> = stream::iter(steps).buffer_unordered(AT_ONCE).collect().await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(true))).count();
        taken += done as u64;
        // Orders that another server holds, or that cannot be written, are left for the next turn.
        if done < outcomes.len() {
            return outcomes.into_iter().find_map(Result::err).map_or(Ok(taken), Err);
        }
    }
}

/// Brings the orders forward that this server's users just did something with, for as long as it is polled. Whoever is elected
/// for the clock's jobs does the rest.
pub async fn progress_promptly(ccm: OpenCcm) {
    loop {
        let _ = tokio::time::timeout(IDLE, ccm.orders().notified()).await;
        if let Err(error) = progress_due(&ccm).await {
            tracing::error!(%error, "orders could not be brought forward");
        }
    }
}

/// Takes the next step of an order, unless somebody else is at it. Says whether it did.
async fn progress(ccm: OpenCcm, id: String) -> Result<bool, Error> {
    let Some(lock) = ccm.database().try_lock(&format!("ssl-order:{id}")).await? else { return Ok(false) };
    // On the heap: with all that an issuer may do in it, a step is too large for the stack of a thread.
    let outcome = Box::pin(step(&ccm, &id)).await;
    lock.release().await;
    if let Err(error) = &outcome {
        tracing::error!(certificate_id = id, %error, "an order could not be brought forward; it is tried again");
    }
    outcome.map(|()| true)
}

async fn step(ccm: &OpenCcm, id: &str) -> Result<(), Error> {
    let mut session = ccm.database().read().await?;
    let Some(row) = store::find_any(&mut session, id).await? else { return Ok(()) };
    drop(session);
    if row.next_step_at.is_none_or(|due| due > ccm.now_ms()) {
        return Ok(());
    }
    match SslStatus::parse(&row.status) {
        Some(SslStatus::Checking) => check(ccm, &row).await,
        Some(SslStatus::SupplementChecking) => supplement(ccm, &row).await,
        Some(SslStatus::Issuing) => issue(ccm, &row, SslStatus::Issuing).await,
        Some(SslStatus::CancelChecking | SslStatus::CancelSupplementing) => settle_cancellation(ccm, &row).await,
        Some(SslStatus::Revoking) => revoke(ccm, &row).await,
        _ => pause(ccm, &row, None, 0).await,
    }
}

/// Sets when an order is looked at again.
async fn pause(ccm: &OpenCcm, row: &SslCertificate, until_ms: Option<i64>, attempts: i64) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    // Somebody may have done something with the order meanwhile, and set a time of his own.
    store::postpone(&mut session, row, until_ms, attempts).await?;
    Ok(session.commit().await?)
}

/// Waits after something failed for no fault of the applicant: longer each time, or as long as the issuer says.
async fn try_again(ccm: &OpenCcm, row: &SslCertificate, reason: &str, retry_at_ms: Option<i64>) -> Result<(), Error> {
    let attempts = row.attempts + 1;
    let factor = 1_i64 << (attempts.clamp(1, 20) - 1);
    let now_ms = ccm.now_ms();
    let asked = retry_at_ms.map_or(0, |at| at - now_ms);
    let wait = (FIRST_PAUSE_MS * factor).min(LONGEST_PAUSE_MS).max(asked);
    tracing::warn!(certificate_id = row.id, attempts, wait_ms = wait, reason, "an issuer failed; it is tried again");
    let mut session = ccm.database().write().await?;
    if store::postpone(&mut session, row, Some(now_ms + wait), attempts).await? {
        store::set_failure(&mut session, &row.id, reason).await?;
    }
    Ok(session.commit().await?)
}

/// Writes a change of status and what happened; `next_step_at` as given.
async fn transition(
    ccm: &OpenCcm,
    session: &mut Session,
    row: &SslCertificate,
    operation: SslOperation,
    next_step_at: Option<i64>,
) -> Result<SslStatus, Error> {
    let status = SslStatus::parse(&row.status).ok_or(Error::NotFound)?;
    let next = match ssl_outcome(status, operation) {
        Some(SslOutcome::Becomes(next)) => next,
        Some(SslOutcome::Stays) => status,
        Some(SslOutcome::Gone) | None => {
            return Err(Error::StatusConflict(format!("{operation} is not allowed in status {status}")));
        }
    };
    change(ccm, session, row, status, next).await?;
    // What the step was for must be what the order is for still: it may have been refused and applied for anew meanwhile.
    let now = store::find_any(session, &row.id).await?.ok_or(Error::NotFound)?;
    let purpose = |row: &SslCertificate| (row.domains(), row.added_sans.clone(), row.csr.clone());
    if purpose(&now) != purpose(row) {
        return Err(Error::StatusConflict(format!("{} has just been applied for anew", row.id)));
    }
    store::set_next_step(session, &row.id, next_step_at, 0).await?;
    Ok(next)
}

/// Refuses an application: an order is as before it, with the reason; added names are dropped.
async fn reject(ccm: &OpenCcm, row: &SslCertificate, reason: &str) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    transition(ccm, &mut session, row, SslOperation::Reject, None).await?;
    store::set_added_names(&mut session, &row.id, "", ccm.now_ms()).await?;
    store::set_failure(&mut session, &row.id, reason).await?;
    acme::forget(&mut session, &row.id).await?;
    validation::close(&mut session, &row.id).await?;
    ssl_orders::insert_event(&mut session, &row.id, event::REJECTED, "", reason, ccm.now_ms()).await?;
    session.commit().await?;
    tracing::info!(certificate_id = row.id, reason, "an application was refused");
    Ok(())
}

/// Whether the names that wait for it are verified; where they failed, the application is refused.
async fn verified(ccm: &OpenCcm, row: &SslCertificate) -> Result<bool, Error> {
    let mut session = ccm.database().read().await?;
    let failure = validation::has_failed(&mut session, &row.id).await?;
    let proven = validation::is_proven(&mut session, &row.id).await?;
    drop(session);
    if let Some(reason) = failure {
        reject(ccm, row, &reason).await?;
        return Ok(false);
    }
    if !proven {
        pause(ccm, row, Some(ccm.now_ms() + VERIFICATION_PAUSE_MS), 0).await?;
    }
    Ok(proven)
}

async fn check(ccm: &OpenCcm, row: &SslCertificate) -> Result<(), Error> {
    if !verified(ccm, row).await? {
        return Ok(());
    }
    let certificate_type = row.certificate_type.as_deref().and_then(CertificateType::parse);
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().write().await?;
    if certificate_type.is_some_and(CertificateType::names_organization) {
        transition(ccm, &mut session, row, SslOperation::VerifyForReview, None).await?;
    } else {
        transition(ccm, &mut session, row, SslOperation::Verify, Some(now_ms)).await?;
    }
    if !validation::is_proven(&mut session, &row.id).await? {
        return Err(Error::StatusConflict(format!("{} has just been applied for anew", row.id)));
    }
    ssl_orders::insert_event(&mut session, &row.id, event::VERIFIED, "", &row.domains().join(";"), now_ms).await?;
    Ok(session.commit().await?)
}

/// The organization was verified when the certificate was issued first: of added names there are the names to verify.
async fn supplement(ccm: &OpenCcm, row: &SslCertificate) -> Result<(), Error> {
    if verified(ccm, row).await? { issue(ccm, row, SslStatus::SupplementChecking).await } else { Ok(()) }
}

async fn issue(ccm: &OpenCcm, row: &SslCertificate, from: SslStatus) -> Result<(), Error> {
    match Box::pin(issuers::step(ccm, row)).await {
        Ok(Progress::Issued(issued)) => {
            let now_ms = ccm.now_ms();
            let mut session = ccm.database().write().await?;
            transition(ccm, &mut session, row, SslOperation::Issue, None).await?;
            issued.store(ccm, &mut session, &row.id).await?;
            store::set_added_names(&mut session, &row.id, "", now_ms).await?;
            acme::forget(&mut session, &row.id).await?;
            ssl_orders::insert_event(&mut session, &row.id, event::ISSUED, "", &issued.describe(), now_ms).await?;
            if from == SslStatus::SupplementChecking {
                push::reissued(ccm, &mut session, &row.id).await?;
            } else if let Some(origin_id) = &row.origin_id {
                push::renewed(ccm, &mut session, origin_id, &row.id).await?;
            }
            session.commit().await?;
            tracing::info!(certificate_id = row.id, "an SSL certificate was issued");
            metrics::counter!("openccm_ssl_certificates_issued_total").increment(1);
            Ok(())
        }
        Ok(Progress::Waiting { until_ms }) => pause(ccm, row, Some(until_ms), row.attempts).await,
        Err(IssuerError::Refused(reason)) => reject(ccm, row, &reason).await,
        Err(IssuerError::Failed { reason, retry_at_ms }) => try_again(ccm, row, &reason, retry_at_ms).await,
    }
}

async fn settle_cancellation(ccm: &OpenCcm, row: &SslCertificate) -> Result<(), Error> {
    match acme::abandon(ccm, &row.id).await {
        Ok(true) => {}
        // There is more to be taken away than other orders should wait for.
        Ok(false) => return pause(ccm, row, Some(ccm.now_ms() + FIRST_PAUSE_MS), row.attempts).await,
        Err(error) => return try_again(ccm, row, &error.to_string(), None).await,
    }
    let mut session = ccm.database().write().await?;
    transition(ccm, &mut session, row, SslOperation::Settle, None).await?;
    store::set_added_names(&mut session, &row.id, "", ccm.now_ms()).await?;
    validation::close(&mut session, &row.id).await?;
    Ok(session.commit().await?)
}

/// What the issuer will not revoke, or is past its end before it could be revoked, is as it was before, with the reason.
async fn revoke(ccm: &OpenCcm, row: &SslCertificate) -> Result<(), Error> {
    let refused = match issuers::revoke(ccm, row).await {
        Ok(()) => None,
        Err(IssuerError::Refused(reason)) => Some(reason),
        Err(IssuerError::Failed { reason, .. }) if row.has_ended_at(ccm.now_ms()) => Some(reason),
        Err(IssuerError::Failed { reason, retry_at_ms }) => return try_again(ccm, row, &reason, retry_at_ms).await,
    };
    let mut session = ccm.database().write().await?;
    let (operation, event, detail) = match &refused {
        None => (SslOperation::Settle, event::REVOKED, ""),
        Some(reason) => (SslOperation::Reject, event::REVOCATION_REFUSED, reason.as_str()),
    };
    transition(ccm, &mut session, row, operation, None).await?;
    if let Some(reason) = &refused {
        store::set_failure(&mut session, &row.id, reason).await?;
    }
    ssl_orders::insert_event(&mut session, &row.id, event, "", detail, ccm.now_ms()).await?;
    Ok(session.commit().await?)
}
