//! Which certificate is bound to which domain name. A domain name has one at most: another one takes its place.

use openccm_core::{Invalid, Subject};
use openccm_store::{
    Session,
    gateway_certificates::GatewayCertificate,
    gateway_domains::{self as store, GatewayDomain},
    page::Page,
};

use super::{
    CertificateForm, ShownCertificate, certificates,
    domains::{self, Place},
    upload, write,
};
use crate::{Caller, Error, OpenCcm};

/// Domain names that a certificate is to be bound to or unbound from.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The domain name.
    pub domain: String,
    /// On which gateways; on all that have it, where there are none.
    pub instance_ids: Vec<String>,
    /// Whether clients must show a certificate of their own; by default, where the certificate comes with CAs for that.
    pub verifies_clients: Option<bool>,
}

/// A domain name and the certificate that is bound to it.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The domain name.
    pub domain: GatewayDomain,
    /// The certificate.
    pub certificate: GatewayCertificate,
}

/// Binds a certificate to every domain name that is selected, or to none.
///
/// # Errors
/// [`Error::NotFound`] for the certificate, [`Error::UnknownGateway`] for a gateway or domain name that is not known; a
/// certificate that is not for one of them.
pub async fn attach_domains(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_id: &str,
    selections: Vec<Selection>,
) -> Result<(), Error> {
    let mut session = write(ccm, caller).await?;
    let certificate = certificates::find_row(&mut session, &caller.account_id, certificate_id).await?;
    for (index, selection) in selections.into_iter().enumerate() {
        let field = format!("domains[{index}].domain");
        let name = domains::domain_name(&selection.domain, &field)?;
        let named = store::list_named(&mut session, &caller.account_id, &name).await?;
        let chosen: Vec<GatewayDomain> = if selection.instance_ids.is_empty() {
            // A certificate for one gateway is meant for that one, wherever else the name is.
            let alone = certificate.is_for_one_gateway().then_some(certificate.instance_id.as_str());
            named.into_iter().filter(|domain| alone.is_none_or(|id| id == domain.instance_id)).collect()
        } else {
            for instance_id in &selection.instance_ids {
                if !named.iter().any(|domain| domain.instance_id == *instance_id) {
                    domains::check_instance(&mut session, &caller.account_id, instance_id).await?;
                    return Err(Error::UnknownGateway(format!("id:{instance_id};domain:{name}")));
                }
            }
            named.into_iter().filter(|domain| selection.instance_ids.contains(&domain.instance_id)).collect()
        };
        if chosen.is_empty() {
            return Err(Error::UnknownGateway(format!("domain:{name}")));
        }
        for domain in chosen {
            bind(&mut session, &certificate, &domain, selection.verifies_clients, &field).await?;
        }
    }
    Ok(session.commit().await?)
}

/// Unbinds a certificate from those of the selected domain names that it is bound to.
///
/// # Errors
/// [`Error::NotFound`] for the certificate; [`Subject::UnboundDomain`] where it is bound to none of them.
pub async fn detach_domains(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_id: &str,
    selections: Vec<Selection>,
) -> Result<(), Error> {
    let mut session = write(ccm, caller).await?;
    certificates::find_row(&mut session, &caller.account_id, certificate_id).await?;
    let mut unbound = 0_usize;
    for (index, selection) in selections.into_iter().enumerate() {
        let name = domains::domain_name(&selection.domain, &format!("domains[{index}].domain"))?;
        for domain in store::list_named(&mut session, &caller.account_id, &name).await? {
            let chosen = selection.instance_ids.is_empty() || selection.instance_ids.contains(&domain.instance_id);
            if chosen && store::unbind(&mut session, &domain.id, certificate_id).await? {
                unbound += 1;
            }
        }
    }
    if unbound == 0 {
        return Err(Invalid::new(Subject::UnboundDomain, "domains", "the certificate is bound to none of them").into());
    }
    Ok(session.commit().await?)
}

/// Binds a certificate to the domain name at `place`.
///
/// # Errors
/// As [`attach_domains`].
pub async fn attach_certificate(
    ccm: &OpenCcm,
    caller: &Caller,
    place: &Place,
    certificate_id: &str,
    verifies_clients: Option<bool>,
) -> Result<(), Error> {
    let mut session = write(ccm, caller).await?;
    let domain = domains::find(&mut session, &caller.account_id, place).await?;
    let certificate = certificates::find_row(&mut session, &caller.account_id, certificate_id).await?;
    bind(&mut session, &certificate, &domain, verifies_clients, "certificate_ids").await?;
    Ok(session.commit().await?)
}

/// Unbinds a certificate from the domain name at `place`.
///
/// # Errors
/// As [`detach_domains`]; [`Error::UnknownGateway`].
pub async fn detach_certificate(
    ccm: &OpenCcm,
    caller: &Caller,
    place: &Place,
    certificate_id: &str,
) -> Result<(), Error> {
    let mut session = write(ccm, caller).await?;
    let domain = domains::find(&mut session, &caller.account_id, place).await?;
    certificates::find_row(&mut session, &caller.account_id, certificate_id).await?;
    if !store::unbind(&mut session, &domain.id, certificate_id).await? {
        let reason = "the certificate is not bound to this domain name";
        return Err(Invalid::new(Subject::UnboundDomain, "certificate_ids", reason).into());
    }
    Ok(session.commit().await?)
}

/// Keeps a certificate with its key, and binds it to the domain name at `place`.
///
/// # Errors
/// As [`certificates::create`] and [`attach_certificate`]; then there is no new certificate either.
pub async fn create_certificate(
    ccm: &OpenCcm,
    caller: &Caller,
    project_id: &str,
    place: &Place,
    form: CertificateForm,
) -> Result<Binding, Error> {
    // What is not there cannot get a certificate, whatever is sent.
    domains::find(&mut ccm.database().read().await?, &caller.account_id, place).await?;
    let upload = upload::read(form, ccm.now_ms()).await?;
    let mut session = write(ccm, caller).await?;
    let domain = domains::find(&mut session, &caller.account_id, place).await?;
    let id = certificates::insert(ccm, &mut session, caller, project_id, &upload).await?;
    let certificate = certificates::find_row(&mut session, &caller.account_id, &id).await?;
    bind(&mut session, &certificate, &domain, None, "cert_content").await?;
    let domain = domains::find(&mut session, &caller.account_id, place).await?;
    session.commit().await?;
    Ok(Binding { domain, certificate })
}

/// Unbinds the certificate that an address names from the domain name at `place`. The certificate stays.
///
/// # Errors
/// [`Error::UnknownGateway`]; [`Error::NotFound`] where the certificate is not bound to it.
pub async fn remove(ccm: &OpenCcm, caller: &Caller, place: &Place, certificate_id: &str) -> Result<(), Error> {
    let mut session = write(ccm, caller).await?;
    let domain = domains::find(&mut session, &caller.account_id, place).await?;
    if !store::unbind(&mut session, &domain.id, certificate_id).await? {
        return Err(Error::NotFound);
    }
    Ok(session.commit().await?)
}

/// The certificate that is bound to the domain name at `place`.
///
/// # Errors
/// As [`remove`].
pub async fn show(
    ccm: &OpenCcm,
    caller: &Caller,
    place: &Place,
    certificate_id: &str,
) -> Result<ShownCertificate, Error> {
    let mut session = ccm.database().snapshot().await?;
    let domain = domains::find(&mut session, &caller.account_id, place).await?;
    if domain.certificate_id.as_deref() != Some(certificate_id) {
        return Err(Error::NotFound);
    }
    certificates::find(&mut session, &caller.account_id, certificate_id).await
}

/// A page of the domain names that a certificate is bound to, those with `text` in them, by name, and how many there are.
///
/// # Errors
/// [`Error::NotFound`] for the certificate.
pub async fn list_domains(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_id: &str,
    text: Option<&str>,
    page: Page,
) -> Result<(Vec<Binding>, i64), Error> {
    let mut session = ccm.database().read().await?;
    let certificate = certificates::find_row(&mut session, &caller.account_id, certificate_id).await?;
    let (domains, total) = store::list_bound_page(&mut session, certificate_id, text, page).await?;
    let bindings = domains.into_iter().map(|domain| Binding { domain, certificate: certificate.clone() }).collect();
    Ok((bindings, total))
}

/// The domain names of a group of APIs with the certificates that are bound to them, where one is.
///
/// # Errors
/// [`Error::UnknownGateway`] where the gateway or the group is not known.
pub async fn show_group(
    ccm: &OpenCcm,
    caller: &Caller,
    instance_id: &str,
    group_id: &str,
) -> Result<Vec<(GatewayDomain, Option<GatewayCertificate>)>, Error> {
    let mut session = ccm.database().snapshot().await?;
    let mut group = Vec::new();
    for domain in domains::list_group(&mut session, &caller.account_id, instance_id, group_id).await? {
        let certificate = match &domain.certificate_id {
            Some(id) => Some(certificates::find_row(&mut session, &caller.account_id, id).await?),
            None => None,
        };
        group.push((domain, certificate));
    }
    Ok(group)
}

async fn bind(
    session: &mut Session,
    certificate: &GatewayCertificate,
    domain: &GatewayDomain,
    verifies_clients: Option<bool>,
    field: &str,
) -> Result<(), Error> {
    certificates::check_fits(certificate, domain, field)?;
    let can_verify = certificate.has_trusted_roots != 0;
    if verifies_clients == Some(true) && !can_verify {
        let (field, reason) = ("verified_client_certificate_enabled", "the certificate has no trusted_root_ca");
        return Err(Invalid::new(Subject::Parameter, field, reason).into());
    }
    Ok(store::bind(session, &domain.id, &certificate.id, verifies_clients.unwrap_or(can_verify)).await?)
}
