//! What users do with an order after they applied.

use std::collections::HashSet;

use openccm_core::{DomainType, Invalid, ServerName, SslOperation, SslOutcome, SslStatus, Subject, ssl_outcome};
use openccm_store::{
    Session,
    ssl_certificates::{self as store, SslCertificate},
    ssl_orders,
};

use super::{application::check_numbers, change, event};
use crate::{
    Caller, Error, OpenCcm,
    ssl::{certificates, issuers, products::OWN_ISSUER, signing_requests, validation},
};

/// Takes an application, or the domain names that were added, back.
///
/// # Errors
/// A status that does not allow it.
pub async fn cancel(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    begin(ccm, &mut session, caller, id, SslOperation::Cancel).await?;
    note(ccm, &mut session, caller, id, event::CANCELLED, "").await?;
    commit(ccm, session).await
}

/// Adds domain names to a certificate for several: `added` (semicolons between them) to those that it has, which must be
/// `present`. Once they are verified, a certificate with all of them takes the place of this one.
///
/// # Errors
/// Names that are malformed, there already or too many; a status that does not allow it.
pub async fn supplement(ccm: &OpenCcm, caller: &Caller, id: &str, present: &str, added: &str) -> Result<(), Error> {
    let added = ServerName::parse_list(added, "add_sans")?;
    let mut session = ccm.database().write().await?;
    let row = certificates::find(&mut session, &caller.account_id, id).await?;
    certificates::check_allowed(&row, SslOperation::Supplement, ccm.now_ms())?;
    if row.domain_type != DomainType::Multi.as_str() {
        let reason = "only certificates for several domain names can be given more";
        return Err(Invalid::new(Subject::UnfitDomainType, "cert_id", reason).into());
    }
    let others = ServerName::parse_list(&row.sans, "sans")?;
    if ServerName::parse_list(present, "ori_sans")? != others {
        let reason = "must be the additional domain names that the certificate has";
        return Err(Invalid::new(Subject::AlternativeNames, "ori_sans", reason).into());
    }
    if added.is_empty() {
        return Err(Invalid::missing(Subject::Domain, "add_sans").into());
    }
    let mut names = vec![ServerName::parse(&row.domain, "domain")?];
    names.extend(others);
    names.extend(added.iter().cloned());
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(Invalid::new(Subject::DuplicateDomain, "add_sans", format!("{twice} is there twice")).into());
    }
    check_numbers(&row, &names).map_err(|invalid| Invalid { field: "add_sans".into(), ..invalid })?;

    let request = row.csr.as_deref().map(signing_requests::read).transpose()?.map(|(request, _)| request);
    let issuer = row.issuer.as_deref().unwrap_or(OWN_ISSUER);
    issuers::check_application(ccm, issuer, &names, request.as_ref())
        .map_err(|invalid| Invalid { field: "add_sans".into(), ..invalid })?;

    begin(ccm, &mut session, caller, id, SslOperation::Supplement).await?;
    store::set_added_names(&mut session, id, &ServerName::join(&added), ccm.now_ms()).await?;
    let method = row.validation_method.as_deref().and_then(openccm_core::ValidationMethod::parse);
    let method = method.unwrap_or(openccm_core::ValidationMethod::Dns);
    let all: Vec<String> = names.iter().map(ToString::to_string).collect();
    // What was verified not long ago counts on.
    validation::open(ccm, &mut session, &row, &all, method).await?;
    note(ccm, &mut session, caller, id, event::SUPPLEMENTED, &ServerName::join(&added)).await?;
    commit(ccm, session).await
}

/// Revokes a certificate, for `reason` (1 to 63 characters).
///
/// # Errors
/// A reason that is missing or too long, or a status that does not allow it.
pub async fn revoke(ccm: &OpenCcm, caller: &Caller, id: &str, reason: &str) -> Result<(), Error> {
    if reason.trim().is_empty() || reason.chars().count() > 63 {
        return Err(Invalid::new(Subject::RevocationReason, "reason", "must have 1 to 63 characters").into());
    }
    let mut session = ccm.database().write().await?;
    begin(ccm, &mut session, caller, id, SslOperation::Revoke).await?;
    store::set_revocation_reason(&mut session, id, reason.trim()).await?;
    note(ccm, &mut session, caller, id, event::REVOKING, reason.trim()).await?;
    commit(ccm, session).await
}

/// Forgets who applied: the applicant's data and pictures.
///
/// # Errors
/// A certificate that was not ordered, or whose application is being looked at.
pub async fn forget_applicant(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    let (row, status) = find_for(ccm, &mut session, caller, id, SslOperation::ForgetApplicant).await?;
    change(ccm, &mut session, &row, status, status).await?;
    store::forget_application(&mut session, id, ccm.now_ms()).await?;
    ssl_orders::delete_pictures(&mut session, id).await?;
    note(ccm, &mut session, caller, id, event::FORGOTTEN, "").await?;
    Ok(session.commit().await?)
}

/// The account's ordered certificate with this id, if `operation` is allowed now.
pub(super) async fn find_for(
    ccm: &OpenCcm,
    session: &mut Session,
    caller: &Caller,
    id: &str,
    operation: SslOperation,
) -> Result<(SslCertificate, SslStatus), Error> {
    let row = certificates::find(session, &caller.account_id, id).await?;
    let status = certificates::check_allowed(&row, operation, ccm.now_ms())?;
    if row.order_id.is_none() {
        return Err(Error::StatusConflict("an imported certificate was not ordered".into()));
    }
    Ok((row, status))
}

/// Begins what the order's jobs bring to its end.
async fn begin(
    ccm: &OpenCcm,
    session: &mut Session,
    caller: &Caller,
    id: &str,
    operation: SslOperation,
) -> Result<(), Error> {
    let (row, status) = find_for(ccm, session, caller, id, operation).await?;
    let Some(SslOutcome::Becomes(next)) = ssl_outcome(status, operation) else { return Err(Error::NotFound) };
    change(ccm, session, &row, status, next).await?;
    Ok(store::set_next_step(session, id, Some(ccm.now_ms()), 0).await?)
}

async fn note(
    ccm: &OpenCcm,
    session: &mut Session,
    caller: &Caller,
    id: &str,
    event: &str,
    detail: &str,
) -> Result<(), Error> {
    Ok(ssl_orders::insert_event(session, id, event, &caller.user_name, detail, ccm.now_ms()).await?)
}

async fn commit(ccm: &OpenCcm, session: Session) -> Result<(), Error> {
    session.commit().await?;
    ccm.orders().notify_one();
    Ok(())
}
