//! Who issues ordered certificates: an authority of this server, or an ACME service.

pub mod acme;
mod authority;

use std::collections::HashSet;

use self::acme::{AcmeError, AcmeProgress, AcmeRequest};
pub use self::authority::AuthorityOptions;
use openccm_core::{
    DistinguishedName, HashAlgorithm, Invalid, KeyAlgorithm, RevocationReason, ServerName, SslKeyAlgorithm, SslStatus,
    Subject,
};
use openccm_pki::{Certificate, PrivateKey, PublicKey, Signer, SigningRequest, make_server_request, pem};
use openccm_store::{
    Session, private_keys,
    ssl_certificates::{self as store, IssuedCertificate, SslCertificate},
};

use crate::{Error, OpenCcm, ssl::products::OWN_ISSUER};

/// How far an issuer is.
pub(crate) enum Progress {
    /// The certificate is there.
    Issued(Box<NewCertificate>),
    /// It is not there yet; the issuer is to be asked again then (ms since the epoch).
    Waiting { until_ms: i64 },
}

/// Why an issuer has not issued.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    /// It will not issue this.
    #[error("{0}")]
    Refused(String),
    /// It could not now.
    #[error("{reason}")]
    Failed {
        /// Why.
        reason: String,
        /// When it wants to be asked again, where it says so (ms since the epoch).
        retry_at_ms: Option<i64>,
    },
}

impl<E: Into<Error>> From<E> for IssuerError {
    fn from(error: E) -> Self {
        match error.into() {
            Error::Invalid(invalid) => Self::Refused(invalid.to_string()),
            error => failed(&error.to_string()),
        }
    }
}

impl IssuerError {
    fn of_acme(error: AcmeError) -> Self {
        match error {
            AcmeError::Refused(reason) => Self::Refused(reason),
            AcmeError::Failed { reason, retry_at_ms } => Self::Failed { reason, retry_at_ms },
        }
    }
}

/// A certificate as an issuer gave it.
pub(crate) struct NewCertificate {
    names: Vec<ServerName>,
    certificate: Certificate,
    chain: Vec<Certificate>,
    /// What an authority of this server must note in the same transaction; none where an ACME service issued it.
    record: Option<authority::Record>,
}

impl NewCertificate {
    /// Keeps it in the row of its order.
    ///
    /// # Errors
    /// An authority that may no longer issue; the database fails.
    pub(crate) async fn store(&self, ccm: &OpenCcm, session: &mut Session, id: &str) -> Result<(), Error> {
        let content = content(&self.certificate, &self.chain, &self.names);
        match &self.record {
            Some(record) => record.store(ccm, session, id).await?,
            None => acme::keep(session, id, &content.certificate, content.not_after).await?,
        }
        Ok(store::set_issued(session, id, &content, ccm.now_ms()).await?)
    }

    /// Serial number and domain names, for the record.
    pub(crate) fn describe(&self) -> String {
        format!("{} for {}", self.certificate.serial_number(), ServerName::join(&self.names))
    }
}

/// A certificate as it is kept.
pub(crate) fn content(certificate: &Certificate, chain: &[Certificate], names: &[ServerName]) -> IssuedCertificate {
    let period = certificate.period();
    IssuedCertificate {
        domain: names.first().map(ToString::to_string).unwrap_or_default(),
        sans: ServerName::join(names.get(1..).unwrap_or_default()),
        certificate: certificate.der().to_vec(),
        chain: chain.iter().flat_map(|certificate| certificate.der().iter().copied()).collect(),
        fingerprint: certificate.fingerprint(),
        digest: certificate.digest(),
        signature_algorithm: certificate.signature_name(),
        key_algorithm: certificate.public_key().kind().to_string(),
        not_before: period.not_before_ms(),
        not_after: period.not_after_ms(),
    }
}

/// Checks that `issuer` (a name in the settings) can issue for just these `names` with the applicant's own request, where he
/// has one. So an applicant learns at once what the service would refuse later.
///
/// # Errors
/// [`Subject::Product`] where there is no such issuer. Of ACME services: [`Subject::UnfitDomains`] for names that its
/// challenges cannot verify, [`Subject::CsrDomain`] for a request for other names (RFC 8555 §7.4).
pub fn check_application(
    ccm: &OpenCcm,
    issuer: &str,
    names: &[ServerName],
    csr: Option<&SigningRequest>,
) -> Result<(), Invalid> {
    if ccm.ssl().authority(issuer).is_some() {
        return Ok(());
    }
    let Some(options) = ccm.ssl().acme.get(issuer) else {
        let reason = "its issuer is not among the settings";
        return Err(Invalid::new(Subject::Product, "cert_id", reason));
    };
    if let Some(name) = names.iter().find(|name| !options.challenge.can_verify(name)) {
        let reason = format!("{issuer} has no way to verify {name}");
        return Err(Invalid::new(Subject::UnfitDomains, "domain", reason));
    }
    let Some(csr) = csr else { return Ok(()) };
    let requested = csr.domain_names().map_err(|error| Invalid::new(Subject::CsrWithoutDomain, "csr", error))?;
    let requested: HashSet<&str> = requested.iter().map(String::as_str).collect();
    let applied: HashSet<&str> = names.iter().map(ServerName::as_str).collect();
    if let Some(missing) = names.iter().find(|name| !requested.contains(name.as_str())) {
        return Err(Invalid::new(Subject::CsrDomain, "csr", format!("does not name {missing}")));
    }
    match requested.difference(&applied).min() {
        Some(other) => Err(Invalid::new(Subject::CsrDomain, "csr", format!("{other} is not applied for"))),
        None => Ok(()),
    }
}

/// The next step towards the certificate of an order, which is `ISSUING` or `SUPPLEMENTCHECKING`.
pub(crate) async fn step(ccm: &OpenCcm, row: &SslCertificate) -> Result<Progress, IssuerError> {
    let names = ServerName::parse_list(&row.domains().join(";"), "domain")?;
    let added = ServerName::parse_list(&row.added_sans, "add_sans")?;
    let names = [names, added].concat();
    let issuer = row.issuer.as_deref().unwrap_or(OWN_ISSUER);
    if let Some(options) = ccm.ssl().authority(issuer) {
        return Box::pin(authority::issue(ccm, row, issuer, options, names)).await;
    }
    let request = AcmeRequest {
        certificate_id: row.id.clone(),
        issuer: issuer.to_owned(),
        domains: names.iter().map(ToString::to_string).collect(),
        csr_der: signing_request(ccm, row, &names).await?,
    };
    match Box::pin(acme::step(ccm, &request)).await {
        Ok(AcmeProgress::Issued { chain }) => {
            let mut chain = chain.iter().map(|der| Certificate::from_der(der));
            let certificate = chain.next().ok_or_else(|| failed("the ACME service gave no certificate"))??;
            let chain = chain.collect::<Result<_, _>>()?;
            Ok(Progress::Issued(Box::new(NewCertificate { names, certificate, chain, record: None })))
        }
        Ok(AcmeProgress::Waiting { until_ms }) => Ok(Progress::Waiting { until_ms }),
        Err(error) => Err(IssuerError::of_acme(error)),
    }
}

fn failed(reason: &str) -> IssuerError {
    IssuerError::Failed { reason: reason.to_owned(), retry_at_ms: None }
}

/// The signing request (DER) that an ACME service is sent: the applicant's own, or one for the key made here.
async fn signing_request(ccm: &OpenCcm, row: &SslCertificate, names: &[ServerName]) -> Result<Vec<u8>, IssuerError> {
    let text = match &row.csr {
        Some(csr) => csr.clone(),
        None => {
            let key = own_key(ccm, row).await?;
            let names: Vec<_> = names.iter().map(ServerName::to_alternative_name).collect();
            make_server_request(&DistinguishedName::default(), &names, &key, HashAlgorithm::Sha256).await?
        }
    };
    let (_, der) = pem::decode_one(&text, pem::CERTIFICATE_REQUEST).map_err(|error| failed(&error.to_string()))?;
    Ok(der)
}

/// Revokes the certificate of an order.
pub(crate) async fn revoke(ccm: &OpenCcm, row: &SslCertificate) -> Result<(), IssuerError> {
    let issuer = row.issuer.as_deref().unwrap_or(OWN_ISSUER);
    if ccm.ssl().authority(issuer).is_some() {
        return authority::revoke(ccm, row).await;
    }
    let reason = row.revocation_reason.as_deref().and_then(RevocationReason::parse);
    let reason = reason.unwrap_or(RevocationReason::Unspecified);
    acme::revoke_all(ccm, &row.id, reason).await.map_err(IssuerError::of_acme)
}

/// The public key that a certificate is to be for: that of the applicant's request, or of a key made here on the first use.
async fn public_key(ccm: &OpenCcm, row: &SslCertificate) -> Result<PublicKey, IssuerError> {
    if let Some(csr) = &row.csr {
        let request = SigningRequest::from_pem(csr).map_err(|error| IssuerError::Refused(error.to_string()))?;
        return Ok(request.public_key().clone());
    }
    Ok(own_key(ccm, row).await?.public_key().clone())
}

/// The key that is made here for a certificate. Once made it stays: an issuer that is asked again is asked for the same.
async fn own_key(ccm: &OpenCcm, row: &SslCertificate) -> Result<PrivateKey, Error> {
    let named = row.key_algorithm.as_deref();
    let asked = named.and_then(SslKeyAlgorithm::parse).map(KeyAlgorithm::from);
    // An issued certificate has the name of the key that it has.
    let algorithm = asked.or_else(|| named.and_then(KeyAlgorithm::parse)).unwrap_or(KeyAlgorithm::Rsa2048);
    let kept = ccm.keys().find_pkcs8(&mut ccm.database().read().await?, &row.id).await?;
    if let Some(pkcs8) = kept {
        let kept = PrivateKey::from_pkcs8(algorithm, &pkcs8);
        // Another algorithm was asked for after an application that was refused.
        if kept.is_ok() || row.status == SslStatus::SupplementChecking.as_str() {
            return Ok(kept?);
        }
    }
    let key = ccm.key_pool().take(algorithm).await?;
    let mut session = ccm.database().write().await?;
    private_keys::delete(&mut session, &row.id).await?;
    private_keys::insert_all(&mut session, &[ccm.keys().seal_key(&row.id, &key)?]).await?;
    session.commit().await?;
    Ok(key)
}
