//! The certificates themselves.

use openccm_core::{GatewayCertificateId, GatewayScope, Invalid, Subject, covers};
use openccm_store::{
    Session,
    gateway_certificates::{self as store, Filter, GatewayCertificate, Replacement},
    gateway_domains::{self, GatewayDomain},
    page::Page,
    private_keys,
};

use super::{
    CertificateForm, domains,
    upload::{self, Details, Upload},
    write,
};
use crate::{Caller, Error, OpenCcm};

/// A certificate with what only its DER says.
#[derive(Clone, Debug)]
pub struct ShownCertificate {
    /// What lists show of it too.
    pub row: GatewayCertificate,
    /// What stands in the certificate.
    pub details: Details,
}

/// Keeps a certificate with its key.
///
/// # Errors
/// A form that cannot be accepted, a name that the account has already, or a gateway that is not known.
pub async fn create(
    ccm: &OpenCcm,
    caller: &Caller,
    project_id: &str,
    form: CertificateForm,
) -> Result<ShownCertificate, Error> {
    let upload = upload::read(form, ccm.now_ms()).await?;
    let mut session = write(ccm, caller).await?;
    let id = insert(ccm, &mut session, caller, project_id, &upload).await?;
    let shown = find(&mut session, &caller.account_id, &id).await?;
    session.commit().await?;
    Ok(shown)
}

/// As [`create`], within a session that holds the account's lock; gives the id.
pub(super) async fn insert(
    ccm: &OpenCcm,
    session: &mut Session,
    caller: &Caller,
    project_id: &str,
    upload: &Upload,
) -> Result<String, Error> {
    let id = ccm.ids().next::<GatewayCertificateId>().to_string();
    check_name(session, &caller.account_id, &id, &upload.content.name).await?;
    check_scope(session, &caller.account_id, &upload.content).await?;
    store::insert(session, &id, &caller.account_id, project_id, &upload.content).await?;
    private_keys::insert_all(session, &[ccm.keys().seal_pkcs8(&id, &upload.private_key)?]).await?;
    Ok(id)
}

/// Puts another certificate and key in the place of those that are there. Domain names stay bound.
///
/// # Errors
/// As [`create`]; [`Error::NotFound`]; [`Error::StatusConflict`] where it is bound on gateways that it would no longer be for;
/// a certificate that is not for all domain names that it would be bound to.
pub async fn update(
    ccm: &OpenCcm,
    caller: &Caller,
    id: &str,
    form: CertificateForm,
) -> Result<ShownCertificate, Error> {
    // What is not there cannot be changed, whatever is sent.
    find_row(&mut ccm.database().read().await?, &caller.account_id, id).await?;
    let upload = upload::read(form, ccm.now_ms()).await?;
    let content = &upload.content;
    let mut session = write(ccm, caller).await?;
    find_row(&mut session, &caller.account_id, id).await?;
    check_name(&mut session, &caller.account_id, id, &content.name).await?;
    check_scope(&mut session, &caller.account_id, content).await?;
    for domain in gateway_domains::list_bound(&mut session, id).await? {
        if content.scope == GatewayScope::Instance && content.instance_id != domain.instance_id {
            let reason = format!("it is bound to {} on the gateway {}", domain.name, domain.instance_id);
            return Err(Error::StatusConflict(reason));
        }
        check_covers(&content.alternative_names, &content.common_name, &domain, "cert_content")?;
    }
    if content.trusted_roots.is_empty() {
        gateway_domains::stop_verifying(&mut session, id).await?;
    }
    store::replace(&mut session, id, content).await?;
    ccm.keys().delete(&mut session, id).await?;
    private_keys::insert_all(&mut session, &[ccm.keys().seal_pkcs8(id, &upload.private_key)?]).await?;
    let shown = find(&mut session, &caller.account_id, id).await?;
    session.commit().await?;
    Ok(shown)
}

/// Deletes a certificate and its key.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::StatusConflict`] where it is bound to a domain name.
pub async fn delete(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<(), Error> {
    let mut session = write(ccm, caller).await?;
    find_row(&mut session, &caller.account_id, id).await?;
    let bound = gateway_domains::list_bound(&mut session, id).await?;
    if let Some(domain) = bound.first() {
        return Err(Error::StatusConflict(format!(
            "{} domain names are bound to it, such as {}",
            bound.len(),
            domain.name
        )));
    }
    ccm.keys().delete(&mut session, id).await?;
    store::delete(&mut session, id).await?;
    Ok(session.commit().await?)
}

/// The caller's certificate with this id.
///
/// # Errors
/// [`Error::NotFound`], or the database fails.
pub async fn show(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<ShownCertificate, Error> {
    // A snapshot: between two statements, the certificate may become another.
    find(&mut ccm.database().snapshot().await?, &caller.account_id, id).await
}

/// A page of the caller's certificates that match, the newest first, and how many match in all.
///
/// # Errors
/// The database fails.
pub async fn list(
    ccm: &OpenCcm,
    caller: &Caller,
    filter: &Filter,
    page: Page,
) -> Result<(Vec<GatewayCertificate>, i64), Error> {
    Ok(store::list(&mut ccm.database().read().await?, &caller.account_id, filter, page).await?)
}

/// The account's certificate with this id.
///
/// # Errors
/// [`Error::NotFound`], or the database fails.
pub(super) async fn find_row(session: &mut Session, account_id: &str, id: &str) -> Result<GatewayCertificate, Error> {
    store::find(session, account_id, id).await?.ok_or(Error::NotFound)
}

/// As [`find_row`], with what only the DER says.
pub(super) async fn find(session: &mut Session, account_id: &str, id: &str) -> Result<ShownCertificate, Error> {
    let row = find_row(session, account_id, id).await?;
    let der = store::find_der(session, id).await?.ok_or(Error::NotFound)?;
    Ok(ShownCertificate { row, details: upload::details(&der)? })
}

/// Checks that no other certificate of the account has this name.
async fn check_name(session: &mut Session, account_id: &str, id: &str, name: &str) -> Result<(), Error> {
    match store::find_id(session, account_id, name).await? {
        Some(other) if other != id => {
            Err(Invalid::new(Subject::TakenName, "name", "another certificate of the account has it").into())
        }
        _ => Ok(()),
    }
}

/// Checks that the gateway that a certificate is for is one of the account.
async fn check_scope(session: &mut Session, account_id: &str, content: &Replacement) -> Result<(), Error> {
    match content.scope {
        GatewayScope::Global => Ok(()),
        GatewayScope::Instance => domains::check_instance(session, account_id, &content.instance_id).await,
    }
}

/// Checks that a certificate may be bound to a domain name: it is for the domain's gateway, and for the domain.
pub(super) fn check_fits(row: &GatewayCertificate, domain: &GatewayDomain, field: &str) -> Result<(), Error> {
    if row.is_for_one_gateway() && row.instance_id != domain.instance_id {
        let reason = format!("the certificate is for the gateway {} alone", row.instance_id);
        return Err(Invalid::new(Subject::Parameter, field, reason).into());
    }
    check_covers(&row.alternative_names, &row.common_name, domain, field)
}

fn check_covers(alternative_names: &str, common_name: &str, domain: &GatewayDomain, field: &str) -> Result<(), Error> {
    if covers(alternative_names.lines().chain([common_name]), &domain.name) {
        return Ok(());
    }
    Err(Invalid::new(Subject::CertificateDomain, field, format!("the certificate is not for {}", domain.name)).into())
}
