//! One attempt at a push, and the job that makes further ones.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, stream};
use openccm_core::{PushId, SslOperation};
use openccm_store::{
    Session, accounts,
    ssl_pushes::{self as store, Copy, Push},
};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    failure::Fault,
    history::PushState,
    options::TargetOptions,
    place::Place,
    probe,
    target::{self, PushTarget, Pushed, Resource},
};
use crate::{
    Error, OpenCcm,
    ssl::certificates::{Servable, find_servable},
};

const MINUTE_MS: i64 = 60 * 1000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// For how long a push is tried again.
const RETRIED_FOR_MS: i64 = 24 * HOUR_MS;
/// When the job takes over an attempt of which nothing was heard since: longer than any attempt takes.
const UNHEARD_MS: i64 = 10 * MINUTE_MS;
/// How many pushes the job tries at a turn, and how many of them may be one account's to one place.
const AT_ONCE: i64 = 100;
const AT_ONCE_TO_PLACE: i64 = 10;
/// After how long the job begins no further attempt at a turn: what became due meanwhile must not wait for all of them.
const TURN: Duration = Duration::from_secs(60);
/// To how many places at a time: one that does not answer must not hold up the others.
const PLACES_AT_ONCE: usize = 8;

/// What came of an attempt whose certificate the service has.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The certificate's id in the service.
    pub(super) remote_id: String,
    /// Why it was seen not to be served, where it was looked.
    pub(super) not_serving: Option<String>,
}

/// A new push, due only if nothing is heard of its first attempt.
pub(super) fn wish(
    ccm: &OpenCcm,
    account_id: &str,
    certificate_id: &str,
    place: &Place,
    resource: Option<&Resource>,
) -> Push {
    let now_ms = ccm.now_ms();
    Push {
        id: ccm.ids().next::<PushId>().to_string(),
        certificate_id: certificate_id.to_owned(),
        account_id: account_id.to_owned(),
        service: place.service.as_str().to_owned(),
        region: place.region.clone(),
        resource: resource.and_then(|resource| serde_json::to_string(resource).ok()),
        renews: None,
        state: PushState::Pending.as_str().to_owned(),
        attempts: 0,
        next_attempt_at: Some(now_ms + UNHEARD_MS),
        failure: None,
        reason: None,
        created_at: now_ms,
        pushed_at: None,
    }
}

/// Tries the pushes that are due: those to one place in turn, several places at a time. Gives how many it tried.
///
/// # Errors
/// The database fails. What other machines fail with is noted with the push.
pub async fn retry_due(ccm: &OpenCcm) -> Result<u64, Error> {
    let due = store::list_due(&mut ccm.database().read().await?, ccm.now_ms(), AT_ONCE, AT_ONCE_TO_PLACE).await?;
    let until = Instant::now() + TURN;
    let mut places: BTreeMap<String, (Place, Vec<Push>)> = BTreeMap::new();
    for push in due {
        if let Some(place) = Place::stored(&push.service, &push.region) {
            let name = place.lock_name(&push.account_id);
            places.entry(name).or_insert_with(|| (place, Vec::new())).1.push(push);
        }
    }
    let retries = places.into_values().map(|(place, pushes)| retry_all(ccm, place, pushes, until));
    let outcomes: Vec<Result<u64, Error>> = stream::iter(retries).buffer_unordered(PLACES_AT_ONCE).collect().await;
    outcomes.into_iter().sum()
}

/// Tries the pushes to a place, those that can be begun by then. One that cannot be read does not hold up the others.
async fn retry_all(ccm: &OpenCcm, place: Place, pushes: Vec<Push>, until: Instant) -> Result<u64, Error> {
    let mut tried = 0;
    let mut failed = None;
    for push in pushes {
        if Instant::now() >= until {
            break;
        }
        let _lock = ccm.database().lock(&place.lock_name(&push.account_id)).await?;
        // It may have been tried, or given up, meanwhile.
        let push = store::find(&mut ccm.database().read().await?, &push.id).await?;
        let Some(push) = push.filter(|push| push.next_attempt_at.is_some_and(|due| due <= ccm.now_ms())) else {
            continue;
        };
        match attempt(ccm, &place, push).await {
            // The certificate cannot be pushed any more, or a service failed: both are noted.
            Ok(_) | Err(Error::Push(_) | Error::NotFound | Error::StatusConflict(_) | Error::Invalid(_)) => tried += 1,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(tried), Err)
}

/// Tries a push, and notes what came of it. The lock of the place must be held.
///
/// # Errors
/// [`Error::Push`] where the service failed; what keeps the certificate from being pushed at all.
pub(super) async fn attempt(ccm: &OpenCcm, place: &Place, mut push: Push) -> Result<Accepted, Error> {
    let attempts_before = push.attempts;
    push.attempts += 1;
    let mut session = ccm.database().read().await?;
    let found = find_pushed(ccm, &mut session, place, &push).await;
    drop(session);
    let (pushed, target) = match found {
        Ok(found) => found,
        Err(error) => {
            give_up(&mut push, "INVALID", &error.to_string());
            save(ccm, &push, attempts_before).await?;
            return Err(error);
        }
    };
    let delivered = deliver(ccm, &push, &pushed, &target).await;
    let now_ms = ccm.now_ms();
    let accepted = match delivered {
        Ok(remote_id) => {
            let not_serving = match &target.probe {
                None => None,
                Some(options) => Some(
                    probe::wait_until_served(options, &probed_names(&push, &pushed), &pushed.certificate).await.err(),
                ),
            };
            let state = match &not_serving {
                None => PushState::Accepted,
                Some(None) => PushState::Serving,
                Some(Some(_)) => PushState::NotServing,
            };
            push.pushed_at = push.pushed_at.or(Some(now_ms));
            push.failure = None;
            push.reason = not_serving.clone().flatten();
            push.next_attempt_at = if state == PushState::NotServing { next_attempt(&push, now_ms) } else { None };
            push.state = state.as_str().to_owned();
            if let Some(reason) = &push.reason {
                tracing::warn!(
                    certificate_id = push.certificate_id,
                    service = push.service,
                    region = push.region,
                    reason,
                    "a pushed certificate is not served"
                );
            }
            Ok(Accepted { remote_id, not_serving: not_serving.flatten() })
        }
        Err(fault) => {
            let failure = fault.of(place.service);
            push.failure = Some(failure.kind.as_str().to_owned());
            push.reason = Some(failure.reason.clone());
            push.next_attempt_at = if failure.kind.is_transient() { next_attempt(&push, now_ms) } else { None };
            if push.next_attempt_at.is_none() && push.pushed_at.is_none() {
                push.state = PushState::Failed.as_str().to_owned();
            }
            tracing::warn!(
                certificate_id = push.certificate_id,
                service = push.service,
                region = push.region,
                reason = failure.reason,
                again = push.next_attempt_at.is_some(),
                "a push failed"
            );
            Err(Error::Push(failure))
        }
    };
    metrics::counter!("openccm_pushes_total", "service" => place.service.as_str(), "state" => outcome(&push))
        .increment(1);
    save(ccm, &push, attempts_before).await?;
    accepted
}

fn outcome(push: &Push) -> &'static str {
    PushState::parse(&push.state).map_or("FAILED", PushState::as_str)
}

/// When to try again: one minute later, then twice as long each time, at most an hour; not at all after a day.
fn next_attempt(push: &Push, now_ms: i64) -> Option<i64> {
    let exponent = push.attempts.saturating_sub(1).clamp(0, 10);
    let next = now_ms + (MINUTE_MS << exponent).min(HOUR_MS);
    (next <= push.created_at + RETRIED_FOR_MS).then_some(next)
}

fn give_up(push: &mut Push, failure: &str, reason: &str) {
    if push.pushed_at.is_none() {
        push.state = PushState::Failed.as_str().to_owned();
    }
    push.failure = Some(failure.to_owned());
    push.reason = Some(super::text::bounded(reason));
    push.next_attempt_at = None;
}

async fn save(ccm: &OpenCcm, push: &Push, attempts_before: i64) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    store::update(&mut session, push, attempts_before).await?;
    Ok(session.commit().await?)
}

/// Of CDN, it is the domain name of the resource that serves the certificate.
fn probed_names(push: &Push, pushed: &Pushed) -> Vec<String> {
    match resource(push) {
        Some(resource) if push.service == "CDN" => vec![resource.id],
        _ => pushed.domains.clone(),
    }
}

fn resource(push: &Push) -> Option<Resource> {
    push.resource.as_deref().and_then(|json| serde_json::from_str(json).ok())
}

async fn find_pushed(
    ccm: &OpenCcm,
    session: &mut Session,
    place: &Place,
    push: &Push,
) -> Result<(Pushed, TargetOptions), Error> {
    let servable = find_servable(ccm, session, &push.account_id, &push.certificate_id, SslOperation::Push).await?;
    let missing = || Fault::refused("no target is configured any more").of(place.service);
    let target = place.target(ccm).ok_or_else(missing)?;
    // The settings may have changed since the push was wished for.
    let account = accounts::find(session, &push.account_id).await?.ok_or(Error::NotFound)?;
    if !target.admits(&account.id, &account.name) {
        return Err(Fault::refused("the target is not for this account").of(place.service).into());
    }
    Ok((pushed(ccm, place, &servable)?, target))
}

/// What is pushed of a certificate.
///
/// # Errors
/// A key that is not here.
pub(super) fn pushed(ccm: &OpenCcm, place: &Place, servable: &Servable) -> Result<Pushed, Error> {
    let missing =
        || Error::from(openccm_core::Invalid::missing(openccm_core::Subject::MissingPrivateKey, "private_key"));
    let private_key_pem = Zeroizing::new(lines(&servable.private_key_pem()?.ok_or_else(missing)?));
    Ok(Pushed {
        account_id: servable.row.account_id.clone(),
        certificate_id: servable.row.id.clone(),
        name: servable.row.name.clone(),
        domains: servable.row.domains(),
        digest: servable.certificate.digest(),
        certificate: servable.certificate.der().to_vec(),
        certificate_pem: lines(&servable.certificate_pem()),
        chain_pem: lines(&servable.chain_pem()),
        private_key_pem,
        not_after_ms: servable.row.not_after.unwrap_or_default(),
        service: place.service,
        region: place.region.clone(),
        now_ms: ccm.now_ms(),
    })
}

/// PEM with LF, and one at the end, as servers' files have it.
fn lines(pem: &str) -> String {
    let text = pem.replace("\r\n", "\n");
    match text.trim_end() {
        "" => String::new(),
        text => format!("{text}\n"),
    }
}

/// Brings the certificate to the service, and to the resource where there is one. Gives its id in the service.
async fn deliver(ccm: &OpenCcm, push: &Push, pushed: &Pushed, options: &TargetOptions) -> Result<String, Fault> {
    let target = target::open(ccm, pushed.service, options.kind.clone());
    let resource = resource(push);
    if push.pushed_at.is_some() {
        // It is there already, and only looked at.
        return Ok(pushed.certificate_id.clone());
    }
    let remote_id = match &resource {
        Some(_) if !target.keeps_copies() => pushed.certificate_id.clone(),
        resource => put_copy(ccm, push, pushed, target.as_ref(), resource.is_some()).await?,
    };
    if let Some(resource) = resource {
        target.bind(pushed, &remote_id, &resource).await?;
        let row = store::Resource {
            account_id: push.account_id.clone(),
            service: push.service.clone(),
            region: push.region.clone(),
            resource_id: resource.id,
            kind: resource.kind,
            certificate_id: push.certificate_id.clone(),
            deployed_at: pushed.now_ms,
        };
        let mut session = ccm.database().write().await.map_err(Fault::failed)?;
        store::put_resource(&mut session, &row).await.map_err(Fault::failed)?;
        session.commit().await.map_err(Fault::failed)?;
    }
    Ok(remote_id)
}

/// Puts the certificate into the service, unless `reuse` and it is there already. Gives its id there.
async fn put_copy(
    ccm: &OpenCcm,
    push: &Push,
    pushed: &Pushed,
    target: &dyn PushTarget,
    reuse: bool,
) -> Result<String, Fault> {
    let (service, region) = (push.service.as_str(), push.region.as_str());
    let mut session = ccm.database().read().await.map_err(Fault::failed)?;
    let mut copy =
        store::find_copy(&mut session, &push.certificate_id, service, region).await.map_err(Fault::failed)?;
    if let (None, Some(renews)) = (&copy, &push.renews) {
        copy = store::find_copy(&mut session, renews, service, region).await.map_err(Fault::failed)?;
    }
    drop(session);
    let current = copy
        .as_ref()
        .filter(|copy| reuse && copy.digest == pushed.digest && copy.certificate_id == push.certificate_id);
    if let Some(copy) = current {
        return Ok(copy.remote_id.clone());
    }
    let remote_id = target.push(pushed, copy.as_ref().map(|copy| copy.remote_id.as_str())).await?;
    let mut session = ccm.database().write().await.map_err(Fault::failed)?;
    let copy = Copy {
        certificate_id: push.certificate_id.clone(),
        service: push.service.clone(),
        region: push.region.clone(),
        remote_id: remote_id.clone(),
        digest: pushed.digest.clone(),
    };
    store::put_copy(&mut session, &copy).await.map_err(Fault::failed)?;
    if let Some(renews) = &push.renews {
        store::delete_copy(&mut session, renews, service, region).await.map_err(Fault::failed)?;
    }
    session.commit().await.map_err(Fault::failed)?;
    Ok(remote_id)
}
