use openccm_core::{
    AuthorityOperation, AuthorityType, CaId, DistinguishedName, HashAlgorithm, Invalid, KeyAlgorithm, KeyUsage,
    KeyUsages, PATH_LENGTH_MAX, PATH_LENGTH_UNLIMITED, Period, Subject, Validity,
};
use openccm_pki::{Certificate, PkiError, PrivateKey, Signer, complete_chain, pem, verify_path};
use openccm_store::{
    Session,
    certificate_authorities::{self as store, AuthorityCertificate, CertificateAuthority},
    revocation_lists,
};

use super::{creation::SubordinateCertificate, find_for, overtaken};
use crate::{
    Caller, Error, OpenCcm,
    issuing::Issuer,
    revocation::{CrlConfiguration, publish_all_of},
};

/// How a pending authority is to be activated.
#[derive(Clone, Debug)]
pub struct Activation {
    /// The authority that is to issue its certificate.
    pub issuer_id: CaId,
    /// Its path length.
    pub path_length: u8,
    /// The hash under its certificate's signature.
    pub hash: HashAlgorithm,
    /// How long it is to last.
    pub validity: Validity,
    /// Its key usages; those asked for at its creation where they are left open.
    pub key_usages: Option<KeyUsages>,
    /// How it is to publish revocation lists.
    pub crl_configuration: Option<CrlConfiguration>,
    /// What the caller takes the authority for. Its key and signing request exist already: where these differ from what it
    /// was made as, the caller means another one.
    pub expected: Expected,
}

/// What a caller takes an authority for, as far as it says so.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Root or subordinate.
    pub authority_type: Option<AuthorityType>,
    /// Its subject.
    pub name: Option<DistinguishedName>,
    /// The algorithm of its key.
    pub key_algorithm: Option<KeyAlgorithm>,
}

impl Expected {
    fn check(&self, authority: &CertificateAuthority) -> Result<(), Invalid> {
        let differs = |subject, field: &str| Err(Invalid::new(subject, field, "is not that of the authority"));
        if self.authority_type.is_some_and(|expected| expected.as_str() != authority.authority_type) {
            return differs(Subject::CaType, "type");
        }
        if self.name.as_ref().is_some_and(|expected| *expected != authority.name()) {
            return differs(Subject::DistinguishedName, "distinguished_name");
        }
        if self.key_algorithm.is_some_and(|expected| expected.as_str() != authority.key_algorithm) {
            return differs(Subject::KeyAlgorithm, "key_algorithm");
        }
        Ok(())
    }
}

/// Gives a pending authority its certificate from an issuer on this server.
///
/// # Errors
/// An authority that is not pending, an issuer that cannot issue it, anything in `activation` that is not allowed.
pub async fn activate(ccm: &OpenCcm, caller: &Caller, id: CaId, activation: Activation) -> Result<(), Error> {
    let crl = CrlConfiguration::plan_first(activation.crl_configuration.as_ref(), ccm, caller).await?;
    let (authority, key) = find_pending(ccm, caller, id, AuthorityOperation::Activate).await?;
    activation.expected.check(&authority)?;
    let issuer = Issuer::find(ccm, caller, activation.issuer_id).await?;
    let name = authority.name();
    let key_usages = activation.key_usages.unwrap_or_else(|| KeyUsages::parse(&authority.key_usages));
    crl.as_ref().map_or(Ok(()), |crl| crl.check_key_usages(key_usages))?;
    check_kept_configuration(&authority, activation.crl_configuration.as_ref(), key_usages)?;
    let request = SubordinateCertificate {
        name: &name,
        validity: activation.validity,
        path_length: activation.path_length,
        hash: activation.hash,
        key_usages,
    };
    let certificate = request.issue(ccm, &issuer, &key).await?;

    let mut session = ccm.database().write().await?;
    issuer.check_still_active(&mut session, ccm.now_ms()).await?;
    let row = certificate.for_store(&name, Some(&issuer));
    if !store::update_certificate(&mut session, &authority.id, &row).await? {
        return Err(overtaken(&authority, AuthorityOperation::Activate));
    }
    match (&activation.crl_configuration, &crl) {
        (_, Some(crl)) => crl.store(ccm, &mut session, &authority.id, 0).await?,
        (Some(_), None) => {
            revocation_lists::delete(&mut session, &authority.id).await?;
            store::update_crl(&mut session, &authority.id, None).await?;
        }
        // As it was said when the authority was made.
        (None, None) => {}
    }
    session.commit().await?;
    publish_all_of(ccm, &authority.id).await;
    Ok(())
}

/// Checks that an authority that was to publish its list from the beginning gets a certificate that lets it.
fn check_kept_configuration(
    authority: &CertificateAuthority,
    replaced: Option<&CrlConfiguration>,
    key_usages: KeyUsages,
) -> Result<(), Invalid> {
    if replaced.is_some() || authority.crl_bucket.is_none() || key_usages.contains(KeyUsage::CrlSign) {
        return Ok(());
    }
    Err(Invalid::new(Subject::CrlConfiguration, "key_usages", "must include cRLSign: the authority publishes a CRL"))
}

/// Gives a pending authority a certificate that was signed elsewhere (PEM), with the chain above it (PEM, may be empty).
///
/// # Errors
/// An authority that is not pending; [`Error::KeyMismatch`] where the certificate is for another key; a certificate that is
/// no authority's, self-signed or not valid now; a chain that does not lead from it to a root.
pub async fn import(ccm: &OpenCcm, caller: &Caller, id: CaId, certificate: &str, chain: &str) -> Result<(), Error> {
    let invalid = |error: &PkiError| Error::invalid(Subject::Certificate, "certificate", error);
    let (authority, key) = find_pending(ccm, caller, id, AuthorityOperation::Import).await?;
    let certificate = match Certificate::all_from_pem(certificate).map_err(|error| invalid(&error))?.as_slice() {
        [certificate] => certificate.clone(),
        _ => return Err(Invalid::new(Subject::Certificate, "certificate", "must hold one certificate").into()),
    };
    if certificate.public_key() != key.public_key() {
        return Err(Error::KeyMismatch);
    }
    check_imported(&certificate, ccm.now_ms())?;
    let chain_pem = check_imported_chain(&certificate, chain, ccm.now_ms())?;

    check_kept_configuration(&authority, None, certificate.key_usages().unwrap_or(KeyUsages::AUTHORITY))?;

    let name = certificate.distinguished_name();
    let path_length = certificate.path_length().map_or(PATH_LENGTH_UNLIMITED, |limit| limit.min(PATH_LENGTH_MAX));
    let hash = certificate.signature_scheme().and_then(|scheme| scheme.hash()).unwrap_or(HashAlgorithm::Sha256);
    let row = AuthorityCertificate {
        issuer_id: None,
        issuer_name: certificate.issuer_distinguished_name().common_name,
        path_length: i64::from(path_length),
        signature_algorithm: hash.to_string(),
        key_usages: certificate.key_usages().unwrap_or(KeyUsages::AUTHORITY).to_string(),
        serial_number: certificate.serial_number().to_owned(),
        crl_partition: 0,
        name: &name,
        not_before: certificate.period().not_before_ms(),
        not_after: certificate.period().not_after_ms(),
        der: certificate.der(),
        imported_chain: Some(chain_pem),
    };
    let mut session = ccm.database().write().await?;
    if !store::update_certificate(&mut session, &authority.id, &row).await? {
        return Err(overtaken(&authority, AuthorityOperation::Import));
    }
    session.commit().await?;
    publish_all_of(ccm, &authority.id).await;
    Ok(())
}

/// The pending authority with this id, and its key.
pub(super) async fn find_pending(
    ccm: &OpenCcm,
    caller: &Caller,
    id: CaId,
    operation: AuthorityOperation,
) -> Result<(CertificateAuthority, PrivateKey), Error> {
    let mut session: Session = ccm.database().read().await?;
    let (authority, _) = find_for(ccm, &mut session, caller, id, operation).await?;
    let algorithm = KeyAlgorithm::parse(&authority.key_algorithm).ok_or(Error::NotFound)?;
    let key = ccm.keys().find_signer(&mut session, &authority.id, algorithm).await?.ok_or(Error::NotFound)?;
    Ok((authority, key))
}

/// An authority's certificate that is valid now and was signed by another (RFC 5280 §4.2.1.9, §4.2.1.3).
fn check_imported(certificate: &Certificate, now_ms: i64) -> Result<(), Error> {
    let invalid = |reason: &str| Err(Invalid::new(Subject::Certificate, "certificate", reason).into());
    if certificate.is_self_issued() {
        return invalid("is self-signed: it was not issued by another authority");
    }
    if !certificate.is_authority() {
        return invalid("is no authority's certificate: the CA bit is not set");
    }
    if !certificate.can_issue() {
        return invalid("may not sign certificates: its key usage lacks keyCertSign");
    }
    if !(certificate.period().not_before_ms()..certificate.period().not_after_ms()).contains(&now_ms) {
        return invalid("is not valid now");
    }
    Ok(())
}

/// The chain above an imported certificate in PEM, in order; empty where none was given.
fn check_imported_chain(certificate: &Certificate, chain: &str, now_ms: i64) -> Result<String, Error> {
    let invalid = |error: &PkiError| Error::invalid(Subject::CertificateChain, "certificate_chain", error);
    let pool = Certificate::all_from_pem(chain).map_err(|error| invalid(&error))?;
    if pool.is_empty() {
        return if chain.trim().is_empty() {
            Ok(String::new())
        } else {
            Err(Invalid::new(Subject::CertificateChain, "certificate_chain", "holds no certificate").into())
        };
    }
    let chain = complete_chain(certificate, pool).map_err(|error| invalid(&error))?;
    let now = now_ms.div_euclid(1000);
    let now = Period { not_before: now, not_after: now };
    verify_path(certificate, &chain, now).map_err(|error| invalid(&error))?;
    let ders: Vec<&[u8]> = chain.iter().map(Certificate::der).collect();
    Ok(pem::encode_all(pem::CERTIFICATE, &ders))
}
