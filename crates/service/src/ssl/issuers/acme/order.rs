//! An order at an ACME service (RFC 8555 §7.4), step by step.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use instant_acme::{AuthorizationStatus, Identifier, NewOrder, Order, OrderStatus};
use openccm_pki::{SigningRequest, pem};
use openccm_store::{
    Session, StoreError, acme_challenges,
    acme_orders::{self as store, AcmeOrder},
};
use tokio::time::{Instant, timeout};

use super::{
    AcmeError, AcmeOptions, AcmeProgress, AcmeRequest, ChallengeOptions,
    account::{Service, milliseconds},
    challenges,
    error::{Verdict, describe, is_unfit_request, reason, verdict},
    issued,
};
use crate::OpenCcm;

/// How often a step asks how the order stands.
const LOOKS: usize = 4;
/// How long a step waits between two looks.
const PAUSE: Duration = Duration::from_millis(300);
/// When to look again where the service does not say it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The longest time until the next look, whatever the service says.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How long a service may take for challenges before they are looked at again.
const CHALLENGES_PATIENCE_MS: i64 = 10 * 60 * 1000;
/// How long a service is told that an order is given up. What it is not told of ends by itself.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(5);
/// How many orders that were forgotten are tidied up after at a time.
const LEFT_BEHIND: i64 = 50;

/// An order that is under way.
struct Open {
    order: Order,
    /// Since when its challenges are answered.
    answered_at: Option<i64>,
    /// What is asked for, with the signing request that the order began with: another one for the same key has another
    /// signature.
    request: AcmeRequest,
}

/// Does what can be done now for an order, which is made where there is none yet. To be called again until the certificate
/// is issued or refused; by one task at a time for a certificate.
///
/// # Errors
/// [`AcmeError::Refused`] ends the order, and its rows are gone; [`AcmeError::Failed`] is to be tried again.
pub async fn step(ccm: &OpenCcm, request: &AcmeRequest) -> Result<AcmeProgress, AcmeError> {
    let options = options(ccm, &request.issuer)?;
    let wildcard = request.domains.iter().any(|domain| domain.starts_with("*."));
    if wildcard && options.challenge == ChallengeOptions::Http01 {
        let reason = format!("{} verifies by HTTP-01, which wildcards cannot be verified by", request.issuer);
        return Err(AcmeError::Refused(reason));
    }
    let service = Service::open(ccm, &request.issuer, options).await?;
    let progress = advance(ccm, &service, options, request).await;
    let over = match &progress {
        Err(AcmeError::Refused(_)) => true,
        Ok(AcmeProgress::Issued { .. }) | Ok(AcmeProgress::Waiting { .. }) | Err(AcmeError::Failed { .. }) => false,
    };
    if over {
        if !challenges::clear(ccm, &request.certificate_id).await? {
            // The service will say the same then.
            return Ok(AcmeProgress::Waiting { until_ms: ccm.now_ms() });
        }
        let mut session = ccm.database().write().await?;
        forget(&mut session, &request.certificate_id).await?;
        session.commit().await?;
    }
    progress
}

/// Forgets the order of a certificate: to be called in the transaction that keeps the certificate, or refuses it. TXT
/// records that are still there stay known, for [`clear_left_behind`].
///
/// # Errors
/// The database fails.
pub async fn forget(session: &mut Session, certificate_id: &str) -> Result<(), StoreError> {
    acme_challenges::delete_settled(session, certificate_id).await?;
    store::delete(session, certificate_id).await
}

/// Removes the TXT records of orders that were forgotten, unless somebody is at such an order just now. Says whether all
/// are gone; where it takes long, some are left for the next time.
///
/// # Errors
/// The database fails.
pub async fn clear_left_behind(ccm: &OpenCcm) -> Result<bool, AcmeError> {
    let began = Instant::now();
    let left = acme_challenges::list_left_behind(&mut ccm.database().read().await?, LEFT_BEHIND).await?;
    let mut all = true;
    for certificate_id in left {
        if began.elapsed() > challenges::HOOKS_PATIENCE {
            return Ok(false);
        }
        // The lock under which orders are brought forward.
        let Some(lock) = ccm.database().try_lock(&format!("ssl-order:{certificate_id}")).await? else {
            all = false;
            continue;
        };
        let cleared = clear_forgotten(ccm, &certificate_id).await;
        lock.release().await;
        all &= cleared?;
    }
    Ok(all)
}

async fn clear_forgotten(ccm: &OpenCcm, certificate_id: &str) -> Result<bool, AcmeError> {
    let begun_anew = store::find(&mut ccm.database().read().await?, certificate_id).await?.is_some();
    if begun_anew { Ok(true) } else { challenges::clear(ccm, certificate_id).await }
}

/// Gives up the order of a certificate, where it has one: takes away what was put up for it, and tells the service as far
/// as it can be reached. Says whether that is done; where it takes long, the rest is left for the next call.
///
/// # Errors
/// The database fails.
pub async fn abandon(ccm: &OpenCcm, certificate_id: &str) -> Result<bool, AcmeError> {
    if !challenges::clear(ccm, certificate_id).await? {
        return Ok(false);
    }
    let Some(row) = store::find(&mut ccm.database().read().await?, certificate_id).await? else { return Ok(true) };
    if let Some(options) = ccm.ssl().acme.get(&row.issuer) {
        let told = timeout(FAREWELL_PATIENCE, deactivate(ccm, options, &row)).await;
        let told = told.unwrap_or_else(|_| Err(AcmeError::failed("it takes too long")));
        if let Err(error) = told {
            // They end by themselves.
            tracing::info!(certificate_id, %error, "authorizations of an order that was given up stay pending");
        }
    }
    let mut session = ccm.database().write().await?;
    forget(&mut session, certificate_id).await?;
    session.commit().await?;
    Ok(true)
}

/// The service called `issuer` in the settings.
pub(super) fn options<'a>(ccm: &'a OpenCcm, issuer: &str) -> Result<&'a AcmeOptions, AcmeError> {
    let missing = || AcmeError::failed(format!("the settings know no ACME service called {issuer}"));
    ccm.ssl().acme.get(issuer).ok_or_else(missing)
}

/// Ends the authorizations that are still pending (RFC 8555 §7.5.2), except those that other orders wait for, too.
async fn deactivate(ccm: &OpenCcm, options: &AcmeOptions, row: &AcmeOrder) -> Result<(), AcmeError> {
    let failed = |error: instant_acme::Error| AcmeError::failed(error.to_string());
    let service = Service::open(ccm, &row.issuer, options).await?;
    if service.account.id() != row.account_url {
        return Ok(());
    }
    let mut order = service.account.order(row.order_url.clone()).await.map_err(failed)?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failed)?;
        let mut session = ccm.database().read().await?;
        let shared = acme_challenges::is_shared(&mut session, &row.certificate_id, authorization.url()).await?;
        drop(session);
        if authorization.status == AuthorizationStatus::Pending && !shared {
            authorization.deactivate().await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Domain names as they are compared: in lower case, sorted, each once.
pub(super) fn canonical(domains: &[String]) -> BTreeSet<String> {
    domains.iter().map(|domain| domain.to_ascii_lowercase()).collect()
}

async fn advance(
    ccm: &OpenCcm,
    service: &Service,
    options: &AcmeOptions,
    request: &AcmeRequest,
) -> Result<AcmeProgress, AcmeError> {
    let certificate_id = &request.certificate_id;
    let Some(open) = open(ccm, service, request).await? else {
        return Ok(AcmeProgress::Waiting { until_ms: ccm.now_ms() });
    };
    let Open { mut order, mut answered_at, request } = open;
    for look in 0..LOOKS {
        match order.state().status {
            OrderStatus::Pending => {
                let patient = answered_at.is_some_and(|at| ccm.now_ms() < at + CHALLENGES_PATIENCE_MS);
                if !patient {
                    if let Some(until_ms) =
                        challenges::answer(ccm, service, options, certificate_id, &mut order).await?
                    {
                        return Ok(AcmeProgress::Waiting { until_ms });
                    }
                    answered_at = Some(ccm.now_ms());
                }
            }
            OrderStatus::Ready => {
                if !challenges::clear(ccm, certificate_id).await? {
                    return Ok(AcmeProgress::Waiting { until_ms: ccm.now_ms() });
                }
                if let Err(error) = order.finalize_csr(&request.csr_der).await {
                    return Err(match is_unfit_request(&error) {
                        true => AcmeError::Refused(reason(&error)),
                        false => service.judge(ccm, "sending the signing request", &error).await,
                    });
                }
                // The answer says already how the order stands.
                continue;
            }
            OrderStatus::Processing => {}
            OrderStatus::Valid => {
                if !challenges::clear(ccm, certificate_id).await? {
                    return Ok(AcmeProgress::Waiting { until_ms: ccm.now_ms() });
                }
                return download(ccm, service, &request, &mut order).await;
            }
            OrderStatus::Invalid => {
                let problem = order.state().error.as_ref().map(describe);
                let found = challenges::refusals(&mut order).await;
                let reason = if found.is_empty() { problem.unwrap_or_default() } else { found.join("; ") };
                return Err(AcmeError::Refused(if reason.is_empty() { "the order is invalid".into() } else { reason }));
            }
        }
        let pause = service.transport.retry_after().unwrap_or(PAUSE).min(LONGEST_PAUSE);
        if look + 1 == LOOKS || pause > Duration::from_secs(1) {
            break;
        }
        tokio::time::sleep(pause).await;
        if let Err(error) = order.refresh().await {
            return Err(service.judge(ccm, "asking how the order stands", &error).await);
        }
    }
    let pause = service.transport.retry_after().unwrap_or(LOOK_AGAIN).clamp(Duration::from_secs(1), LONGEST_PAUSE);
    Ok(AcmeProgress::Waiting { until_ms: ccm.now_ms() + milliseconds(pause) })
}

/// Opens the order that was begun, or begins one. None where something had to be tidied up first and that takes long.
async fn open(ccm: &OpenCcm, service: &Service, request: &AcmeRequest) -> Result<Option<Open>, AcmeError> {
    let domains: Vec<String> = canonical(&request.domains).into_iter().collect();
    let row = store::find(&mut ccm.database().read().await?, &request.certificate_id).await?;
    if let Some(row) = row {
        let same = row.issuer == request.issuer
            && row.account_url == service.account.id()
            && row.domains == domains.join(";")
            && has_same_key(&row.csr, &request.csr_der);
        if same {
            match service.account.order(row.order_url.clone()).await {
                Ok(order) => {
                    let request = AcmeRequest { csr_der: row.csr, ..request.clone() };
                    return Ok(Some(Open { order, answered_at: row.answered_at, request }));
                }
                // Services forget orders some time after their end.
                Err(error) if verdict(&error) == Verdict::NotFound => {
                    tracing::warn!(order = row.order_url, "the ACME service no longer knows an order");
                }
                Err(error) => return Err(service.judge(ccm, "opening the order", &error).await),
            }
        }
        // Something else is asked for than before.
        if !challenges::clear(ccm, &request.certificate_id).await? {
            return Ok(None);
        }
        let mut session = ccm.database().write().await?;
        forget(&mut session, &request.certificate_id).await?;
        session.commit().await?;
    }
    let identifiers: Vec<Identifier> = domains.iter().map(|domain| identifier(domain)).collect();
    let order = match service.account.new_order(&NewOrder::new(&identifiers)).await {
        Ok(order) => order,
        Err(error) => return Err(service.judge(ccm, "making an order", &error).await),
    };
    let row = AcmeOrder {
        certificate_id: request.certificate_id.clone(),
        issuer: request.issuer.clone(),
        account_url: service.account.id().to_owned(),
        order_url: order.url().to_owned(),
        domains: domains.join(";"),
        csr: request.csr_der.clone(),
        answered_at: None,
    };
    let mut session = ccm.database().write().await?;
    store::insert(&mut session, &row, ccm.now_ms()).await?;
    session.commit().await?;
    tracing::info!(certificate_id = row.certificate_id, order = row.order_url, "made an order at an ACME service");
    Ok(Some(Open { order, answered_at: None, request: request.clone() }))
}

/// A name as it is ordered: a domain name (RFC 8555 §9.7.7) or an address (RFC 8738 §3).
fn identifier(name: &str) -> Identifier {
    name.parse::<IpAddr>().map_or_else(|_| Identifier::Dns(name.to_owned()), Identifier::Ip)
}

/// Whether two signing requests (DER) are for one key.
fn has_same_key(one: &[u8], other: &[u8]) -> bool {
    let read = |der| SigningRequest::from_pem(&pem::encode("CERTIFICATE REQUEST", der));
    match (read(one), read(other)) {
        (Ok(one), Ok(other)) => one.public_key().is_same_key(other.public_key()),
        _ => one == other,
    }
}

async fn download(
    ccm: &OpenCcm,
    service: &Service,
    request: &AcmeRequest,
    order: &mut Order,
) -> Result<AcmeProgress, AcmeError> {
    let pem = match order.certificate().await {
        Ok(Some(pem)) => pem,
        Ok(None) => return Ok(AcmeProgress::Waiting { until_ms: ccm.now_ms() + milliseconds(LOOK_AGAIN) }),
        Err(error) => return Err(service.judge(ccm, "fetching the certificate", &error).await),
    };
    let chain = issued::check(&pem, request, ccm.now_ms());
    let chain = chain.map_err(|reason| AcmeError::Refused(format!("what the ACME service issued: {reason}")))?;
    Ok(AcmeProgress::Issued { chain })
}
