//! Meeting the challenges of an order (RFC 8555 §7.5.1), and taking away what was put up for them.

use std::time::Duration;

use instant_acme::{AuthorizationHandle, AuthorizationStatus, ChallengeStatus, ChallengeType, Order, Problem};
use openccm_store::{
    acme_challenges::{self as store, AcmeChallenge},
    acme_orders,
};
use tokio::time::Instant;

use super::{
    AcmeError, AcmeOptions, ChallengeOptions,
    account::{Service, milliseconds},
    error,
    hook::{self, Action},
};
use crate::OpenCcm;

/// How long programs may keep a step busy; one that has begun may end.
pub(super) const HOOKS_PATIENCE: Duration = Duration::from_secs(5);

impl ChallengeOptions {
    const fn kind(&self) -> ChallengeType {
        match self {
            Self::Http01 => ChallengeType::Http01,
            Self::Dns01 { .. } => ChallengeType::Dns01,
        }
    }

    /// How long after it was put up a challenge's answer can be seen by all.
    fn wait_ms(&self) -> i64 {
        match self {
            Self::Http01 => 0,
            Self::Dns01 { wait, .. } => milliseconds(*wait),
        }
    }
}

/// Puts up what is asked for and tells the service so. Gives when to go on where that takes time (ms since the epoch).
pub(super) async fn answer(
    ccm: &OpenCcm,
    service: &Service,
    options: &AcmeOptions,
    certificate_id: &str,
    order: &mut Order,
) -> Result<Option<i64>, AcmeError> {
    record(ccm, service, options, certificate_id, order).await?;
    if !present(ccm, options, certificate_id).await? {
        return Ok(Some(ccm.now_ms()));
    }
    let presented = store::list(&mut ccm.database().read().await?, certificate_id).await?;
    let seen_at = presented.iter().filter_map(|row| row.presented_at).max().map(|at| at + options.challenge.wait_ms());
    if let Some(seen_at) = seen_at.filter(|seen_at| *seen_at > ccm.now_ms()) {
        return Ok(Some(seen_at));
    }
    // All states were read above, and none is read again here.
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = match authorization {
            Ok(authorization) => authorization,
            Err(error) => return Err(service.judge(ccm, "reading an authorization", &error).await),
        };
        let Some(mut challenge) = pending_challenge(&mut authorization, options)? else { continue };
        if let Err(error) = challenge.set_ready().await {
            return Err(service.judge(ccm, "answering a challenge", &error).await);
        }
    }
    let mut session = ccm.database().write().await?;
    acme_orders::set_answered(&mut session, certificate_id, ccm.now_ms()).await?;
    session.commit().await?;
    Ok(None)
}

/// Keeps the challenges that are to be met. Those of HTTP-01 can be seen from then on.
async fn record(
    ccm: &OpenCcm,
    service: &Service,
    options: &AcmeOptions,
    certificate_id: &str,
    order: &mut Order,
) -> Result<(), AcmeError> {
    let known = store::list(&mut ccm.database().read().await?, certificate_id).await?;
    let mut new = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = match authorization {
            Ok(authorization) => authorization,
            Err(error) => return Err(service.judge(ccm, "reading an authorization", &error).await),
        };
        let authorization_url = authorization.url().to_owned();
        let Some(challenge) = pending_challenge(&mut authorization, options)? else { continue };
        // The domain name without the wildcard (RFC 8555 §8.4).
        let domain = challenge.identifier().to_string();
        let domain = domain.strip_prefix("*.").unwrap_or(&domain).to_owned();
        let key_authorization = challenge.key_authorization();
        let by_dns = options.challenge.kind() == ChallengeType::Dns01;
        let row = AcmeChallenge {
            certificate_id: certificate_id.to_owned(),
            authorization_url,
            issuer: service.issuer.clone(),
            token: challenge.token.clone(),
            key_authorization: key_authorization.as_str().to_owned(),
            record_name: by_dns.then(|| format!("_acme-challenge.{domain}")),
            record_value: by_dns.then(|| key_authorization.dns_value()),
            presented_at: (!by_dns).then(|| ccm.now_ms()),
        };
        if !known.iter().any(|known| is_same(known, &row)) {
            new.push(row);
        }
    }
    if !new.is_empty() {
        let mut session = ccm.database().write().await?;
        for challenge in &new {
            store::put(&mut session, challenge).await?;
        }
        session.commit().await?;
    }
    Ok(())
}

fn is_same(known: &AcmeChallenge, new: &AcmeChallenge) -> bool {
    known.authorization_url == new.authorization_url
        && known.key_authorization == new.key_authorization
        && known.record_name == new.record_name
}

/// The challenge of an authorization that waits for us; none where there is nothing to do for it.
fn pending_challenge<'a>(
    authorization: &'a mut AuthorizationHandle<'a>,
    options: &AcmeOptions,
) -> Result<Option<instant_acme::ChallengeHandle<'a>>, AcmeError> {
    match authorization.status {
        AuthorizationStatus::Valid => return Ok(None),
        AuthorizationStatus::Pending => {}
        status => return Err(AcmeError::Refused(refusal(authorization, &format!("{status:?}")))),
    }
    let domain = authorization.identifier().to_string();
    match authorization.challenge(options.challenge.kind()) {
        None => {
            let kind = match options.challenge {
                ChallengeOptions::Http01 => "HTTP-01",
                ChallengeOptions::Dns01 { .. } => "DNS-01",
            };
            Err(AcmeError::Refused(format!("{domain}: the ACME service does not offer {kind}")))
        }
        // The service is at it.
        Some(challenge) if challenge.status != ChallengeStatus::Pending => Ok(None),
        Some(challenge) => Ok(Some(challenge)),
    }
}

/// Why an authorization was not given.
fn refusal(authorization: &instant_acme::AuthorizationState, status: &str) -> String {
    let domain = authorization.identifier().to_string();
    let found: Option<&Problem> = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
    match found {
        Some(problem) => format!("{domain}: {}", error::describe(problem)),
        None => format!("{domain}: the authorization is {}", status.to_lowercase()),
    }
}

/// Why an order is invalid, as far as its authorizations tell.
pub(super) async fn refusals(order: &mut Order) -> Vec<String> {
    let mut refusals = Vec::new();
    let mut authorizations = order.authorizations();
    // What cannot be read is left out: the order is over anyway.
    while let Some(Ok(authorization)) = authorizations.next().await {
        if !matches!(authorization.status, AuthorizationStatus::Valid | AuthorizationStatus::Pending) {
            refusals.push(refusal(&authorization, &format!("{:?}", authorization.status)));
        }
    }
    refusals
}

/// Makes the TXT records that are missing. Says whether all are there; where it takes long, some are left for the next step.
async fn present(ccm: &OpenCcm, options: &AcmeOptions, certificate_id: &str) -> Result<bool, AcmeError> {
    let ChallengeOptions::Dns01 { hook, .. } = &options.challenge else { return Ok(true) };
    let rows = store::list(&mut ccm.database().read().await?, certificate_id).await?;
    let began = Instant::now();
    for row in rows.iter().filter(|row| row.presented_at.is_none()) {
        let (Some(name), Some(value)) = (&row.record_name, &row.record_value) else { continue };
        if began.elapsed() > HOOKS_PATIENCE {
            return Ok(false);
        }
        hook::run(hook, Action::Present, name, value).await.map_err(AcmeError::failed)?;
        let mut session = ccm.database().write().await?;
        store::set_presented(&mut session, certificate_id, &row.authorization_url, ccm.now_ms()).await?;
        session.commit().await?;
    }
    Ok(true)
}

/// Takes away what was put up. Says whether all is gone; where it takes long, some is left for the next step. A record that
/// cannot be removed does no harm, and holds nothing up: the log names it.
pub(super) async fn clear(ccm: &OpenCcm, certificate_id: &str) -> Result<bool, AcmeError> {
    let rows = store::list(&mut ccm.database().read().await?, certificate_id).await?;
    let began = Instant::now();
    for row in &rows {
        if let (Some(name), Some(value)) = (&row.record_name, &row.record_value) {
            if began.elapsed() > HOOKS_PATIENCE {
                return Ok(false);
            }
            let outcome = match ccm.ssl().acme.get(&row.issuer).map(|options| &options.challenge) {
                Some(ChallengeOptions::Dns01 { hook, .. }) => hook::run(hook, Action::Cleanup, name, value).await,
                _ => Err("the settings no longer name a DNS hook".to_owned()),
            };
            if let Err(reason) = outcome {
                tracing::warn!(name, value, reason, "a TXT record is left behind: remove it by hand");
            }
        }
        let mut session = ccm.database().write().await?;
        store::delete(&mut session, certificate_id, &row.authorization_url).await?;
        session.commit().await?;
    }
    Ok(true)
}
