//! Importing certificates that were made elsewhere.

use openccm_core::{DomainType, Invalid, ServerName, SslStatus, Subject};
use openccm_pki::{ServerCertificate, ServerCertificateError, is_sm2_certificate};
use openccm_store::{
    private_keys,
    ssl_certificates::{self as store, NewSslCertificate},
};

use super::{certificates, issuers, orders, push};
use crate::{Caller, Error, OpenCcm};

/// The mean length of a month in milliseconds (146,097 days are 4,800 months).
const MONTH_MS: i64 = 2_629_746_000;

/// What is imported.
pub struct Import {
    /// Its name.
    pub name: String,
    /// The certificate (PEM), which may be followed by its chain.
    pub certificate: String,
    /// The chain (PEM); where it is there, what follows the certificate does not count.
    pub chain: Option<String>,
    /// The private key (PEM, not encrypted).
    pub private_key: openccm_auth::Secret,
    /// The second certificate of a pair of SM2 certificates, whose keys this server does not know.
    pub encryption_certificate: Option<String>,
    /// Whether a certificate that the account has already is refused.
    pub refuse_duplicate: bool,
    /// The enterprise project.
    pub enterprise_project_id: String,
    /// The certificate that this one renews: it is pushed to where that one is, if that was asked for.
    pub origin_id: Option<String>,
}

/// Imports a certificate. Gives its id.
///
/// # Errors
/// What of it cannot be accepted; nothing is changed then.
pub async fn import(ccm: &OpenCcm, caller: &Caller, new: Import) -> Result<String, Error> {
    certificates::check_name(&new.name, Subject::Name, "name")?;
    if let Some(second) = &new.encryption_certificate {
        return Err(refuse_encryption_certificate(second).into());
    }
    let now_ms = ccm.now_ms();
    let Import { certificate, chain, private_key, .. } = new;
    // Large RSA keys take milliseconds.
    let read = move || ServerCertificate::read(&certificate, chain.as_deref(), private_key.expose(), now_ms);
    let read = tokio::task::spawn_blocking(read).await.map_err(Error::key)?.map_err(refusal)?;
    let names = ServerName::parse_list(&read.domain_names.join(";"), "certificate")
        .map_err(|invalid| Invalid { subject: Subject::CertificateDomain, ..invalid })?;
    let content = issuers::content(&read.certificate, &read.chain, &names);
    let period = read.certificate.period();

    let mut session = ccm.database().write().await?;
    session.lock(&format!("ssl-import:{}", caller.account_id)).await?;
    if new.refuse_duplicate
        && let Some(id) = store::find_duplicate(&mut session, &caller.account_id, &content.digest).await?
    {
        return Err(Invalid::new(Subject::Parameter, "certificate", format!("is there already, as {id}")).into());
    }
    if let Some(origin_id) = &new.origin_id {
        certificates::find(&mut session, &caller.account_id, origin_id).await?;
    }
    let wildcards = names.iter().filter(|name| name.is_wildcard()).count();
    let domain_type = match names.as_slice() {
        [one] if one.is_wildcard() => DomainType::Wildcard,
        [_] => DomainType::Single,
        _ => DomainType::Multi,
    };
    let row = NewSslCertificate {
        id: String::new(),
        account_id: caller.account_id.clone(),
        enterprise_project_id: new.enterprise_project_id,
        name: new.name,
        status: SslStatus::Upload,
        order_id: None,
        brand: None,
        certificate_type: None,
        domain_type: domain_type.to_string(),
        primary_domain_type: None,
        domain_count: i64::try_from(names.len()).unwrap_or(i64::MAX),
        wildcard_count: i64::try_from(wildcards).unwrap_or(i64::MAX),
        validity_months: (period.not_after_ms() - period.not_before_ms() + MONTH_MS / 2) / MONTH_MS,
        issuer: None,
        origin_id: new.origin_id.clone(),
        created_at: now_ms,
    };
    let id = orders::insert(ccm, &mut session, row).await?;
    store::set_issued(&mut session, &id, &content, now_ms).await?;
    private_keys::insert_all(&mut session, &[ccm.keys().seal_pkcs8(&id, read.key.pkcs8())?]).await?;
    if let Some(origin_id) = &new.origin_id {
        push::renewed(ccm, &mut session, origin_id, &id).await?;
    }
    session.commit().await?;
    Ok(id)
}

/// Which field cannot be accepted, and why.
fn refusal(error: ServerCertificateError) -> Error {
    let (subject, field) = match &error {
        ServerCertificateError::KeyMismatch => return Error::KeyMismatch,
        ServerCertificateError::Certificate(_) => (Subject::Certificate, "certificate"),
        ServerCertificateError::Expired => (Subject::ExpiredCertificate, "certificate"),
        ServerCertificateError::NoDomain => (Subject::CertificateWithoutDomain, "certificate"),
        ServerCertificateError::MalformedDomain(_) => (Subject::CertificateDomain, "certificate"),
        ServerCertificateError::Key(_) => (Subject::PrivateKey, "private_key"),
        ServerCertificateError::Chain(_) => (Subject::CertificateChain, "certificate_chain"),
        ServerCertificateError::ShortChain => (Subject::ShortChain, "certificate_chain"),
    };
    Invalid::new(subject, field, error).into()
}

/// Pairs of SM2 certificates are not known here: one that is sent is either no SM2 certificate, or one too many.
fn refuse_encryption_certificate(pem: &str) -> Invalid {
    if is_sm2_certificate(pem) {
        Invalid::new(Subject::Certificate, "enc_certificate", "SM2 certificates are not supported")
    } else {
        Invalid::new(Subject::EncryptionCertificate, "enc_certificate", "is no SM2 certificate")
    }
}
