//! Private certificates: issued with a key made here or from a signing request, exported, revoked, deleted.

use openccm_auth::Secret;
use openccm_core::{
    AlternativeName, AuthorityStatus, AuthorityType, CaId, CertificateId, CertificateStatus, DistinguishedName,
    ExtendedKeyUsage, GenerationMode, HashAlgorithm, Invalid, KeyAlgorithm, KeyUsage, KeyUsages, RevocationReason,
    Subject, Validity,
};
use openccm_pki::{
    Constraints, Signer, SigningRequest, Template,
    export::{self, Material, ServerType},
    pem,
};
use openccm_store::{
    Session, accounts,
    certificate_authorities::{self as authority_store, AuthorityCertificate, NewCertificateAuthority},
    private_certificates::{self as store, NewPrivateCertificate, PrivateCertificate},
    revocations::Revocation,
};

use crate::{
    Caller, Error, OpenCcm,
    authorities::{Chain, SUBORDINATE_MAX_YEARS},
    issuing::Issuer,
    revocation::{self, Cause},
};

/// The hash under certificates made from signing requests.
const REQUEST_HASH: HashAlgorithm = HashAlgorithm::Sha384;

/// What a new certificate, with a key made here, is to be.
#[derive(Clone, Debug)]
pub struct NewCertificate {
    /// The authority that is to issue it.
    pub issuer_id: CaId,
    /// The algorithm of its key.
    pub key_algorithm: KeyAlgorithm,
    /// The hash under its signature.
    pub hash: HashAlgorithm,
    /// Its subject; what it leaves open is the authority's.
    pub name: DistinguishedName,
    /// How long it is to last.
    pub validity: Validity,
    /// Its key usages; those usual for its key where it names none.
    pub key_usages: KeyUsages,
    /// Its extended key usages.
    pub extended_key_usages: Vec<ExtendedKeyUsage>,
    /// Its alternative names.
    pub alternative_names: Vec<AlternativeName>,
    /// An extension of its own: object identifier and text.
    pub customized_extension: Option<(String, String)>,
    /// Its enterprise project.
    pub enterprise_project_id: String,
}

/// What is to be issued from a signing request.
#[derive(Clone, Debug)]
pub struct RequestedCertificate {
    /// The authority that is to issue it.
    pub issuer_id: CaId,
    /// The request in PEM.
    pub request: String,
    /// How long the certificate is to last.
    pub validity: Validity,
    /// The path length where an authority is asked for; `None` for a certificate.
    pub authority: Option<u8>,
    /// The enterprise project.
    pub enterprise_project_id: String,
}

/// What a signing request says.
#[derive(Clone, Debug)]
pub struct ParsedRequest {
    /// `RSA`, `EC` or `Ed25519`.
    pub key_family: &'static str,
    /// The key's length in bits.
    pub key_bits: u32,
    /// Such as `SHA256withRSA`.
    pub signature_algorithm: String,
    /// The key: PEM, CRLF line endings.
    pub public_key: String,
    /// The subject.
    pub name: DistinguishedName,
}

/// How a certificate is exported.
#[derive(Debug)]
pub enum Export {
    /// A zip for a kind of server.
    Archive {
        /// Its file name.
        file_name: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// PEM, CRLF line endings.
    Pem {
        /// The certificate.
        certificate: String,
        /// What is above it, issuer first, root last.
        chain: String,
        /// Its key, where it was made here.
        private_key: Option<Secret>,
    },
}

/// Issues a certificate with a new key.
///
/// # Errors
/// Anything in `new` that is not allowed, an issuer that cannot issue it, or the account's quota.
pub async fn create(ccm: &OpenCcm, caller: &Caller, new: NewCertificate) -> Result<CertificateId, Error> {
    new.name.validate_partial()?;
    let period = new.validity.period(ccm.now_ms(), SUBORDINATE_MAX_YEARS)?;
    check_key_usages(new.key_usages)?;
    let issuer = Issuer::find(ccm, caller, new.issuer_id).await?;
    issuer.check_period(period)?;
    let name = new.name.inherit(&issuer.certificate.distinguished_name());
    let key_usages = if new.key_usages.is_empty() { usual_key_usages(new.key_algorithm) } else { new.key_usages };

    let key = ccm.key_pool().take(new.key_algorithm).await?;
    // What was asked for was checked; what is inherited from an authority signed elsewhere need not fit.
    let mut template = Template::new(&name, key.public_key().clone(), period, Constraints::EndEntity, key_usages)
        .map_err(|error| Error::invalid(Subject::DistinguishedName, "distinguished_name", &error))?
        .alternative_names(&new.alternative_names)?
        .extended_key_usages(&new.extended_key_usages)?;
    if let Some((identifier, value)) = &new.customized_extension {
        template = template
            .customized_extension(identifier, value)
            .map_err(|error| Error::invalid(Subject::Parameter, "customized_extension.object_identifier", &error))?;
    }
    let issued = issuer.issue(template, new.hash).await?;

    let id: CertificateId = ccm.ids().next();
    let row = NewPrivateCertificate {
        id: id.to_string(),
        account_id: caller.account_id.clone(),
        generation_mode: GenerationMode::Generate,
        issuer_id: issuer.id.clone(),
        issuer_name: issuer.name.clone(),
        key_algorithm: new.key_algorithm.to_string(),
        signature_algorithm: new.hash.to_string(),
        serial_number: issued.serial_number,
        name,
        enterprise_project_id: new.enterprise_project_id,
        created_at: ccm.now_ms(),
        not_before: period.not_before_ms(),
        not_after: period.not_after_ms(),
        crl_partition: issued.crl_partition,
        der: issued.der,
    };
    let key = ccm.keys().seal_key(&row.id, &key)?;
    ccm.certificate_writer().write(row, Some(key)).await?;
    Ok(id)
}

/// Issues what a signing request asks for: a certificate, or an authority whose key stays with the requester.
///
/// # Errors
/// A request that cannot be read or is not signed by its key, an issuer that cannot issue it, or the account's quota.
pub async fn create_from_request(
    ccm: &OpenCcm,
    caller: &Caller,
    new: RequestedCertificate,
) -> Result<CertificateId, Error> {
    let invalid = |error| Error::invalid(Subject::Csr, "csr", &error);
    let request = SigningRequest::from_pem(&new.request).map_err(invalid)?;
    let period = new.validity.period(ccm.now_ms(), SUBORDINATE_MAX_YEARS)?;
    let issuer = Issuer::find(ccm, caller, new.issuer_id).await?;
    issuer.check_period(period)?;
    let (constraints, usual) = match new.authority {
        Some(path_length) => {
            issuer.check_path_length(path_length)?;
            (Constraints::Authority { path_length: Some(path_length) }, KeyUsages::AUTHORITY)
        }
        None => (Constraints::EndEntity, KeyUsages::of(&[KeyUsage::DigitalSignature, KeyUsage::KeyAgreement])),
    };
    let template = Template::from_request(&request, period, constraints, usual).map_err(invalid)?;
    let issued = issuer.issue(template, REQUEST_HASH).await?;

    let id: CertificateId = ccm.ids().next();
    let name = request.distinguished_name();
    let now_ms = ccm.now_ms();
    let key_algorithm = request.public_key().kind().to_string();
    match new.authority {
        None => {
            let row = NewPrivateCertificate {
                id: id.to_string(),
                account_id: caller.account_id.clone(),
                generation_mode: GenerationMode::Csr,
                issuer_id: issuer.id.clone(),
                issuer_name: issuer.name.clone(),
                key_algorithm,
                signature_algorithm: REQUEST_HASH.to_string(),
                serial_number: issued.serial_number,
                name,
                enterprise_project_id: new.enterprise_project_id,
                created_at: now_ms,
                not_before: period.not_before_ms(),
                not_after: period.not_after_ms(),
                crl_partition: issued.crl_partition,
                der: issued.der,
            };
            ccm.certificate_writer().write(row, None).await?;
        }
        Some(path_length) => {
            let key_usages = request.key_usages().unwrap_or(usual).to_string();
            let row = NewCertificateAuthority {
                id: id.to_string(),
                account_id: caller.account_id.clone(),
                authority_type: AuthorityType::Subordinate,
                status: AuthorityStatus::Pending,
                generation_mode: GenerationMode::Csr,
                key_algorithm,
                key_usages: key_usages.clone(),
                name: &name,
                enterprise_project_id: new.enterprise_project_id,
                created_at: now_ms,
            };
            let certificate = AuthorityCertificate {
                issuer_id: Some(issuer.id.clone()),
                issuer_name: issuer.name.clone(),
                path_length: i64::from(path_length),
                signature_algorithm: REQUEST_HASH.to_string(),
                key_usages,
                serial_number: issued.serial_number,
                crl_partition: issued.crl_partition,
                name: &name,
                not_before: period.not_before_ms(),
                not_after: period.not_after_ms(),
                der: &issued.der,
                imported_chain: None,
            };
            let mut session = ccm.database().write().await?;
            issuer.check_still_active(&mut session, now_ms).await?;
            authority_store::insert(&mut session, &row).await?;
            authority_store::update_certificate(&mut session, &row.id, &certificate).await?;
            session.commit().await?;
        }
    }
    Ok(id)
}

/// RFC 5280 §4.2.1.3: only authorities sign certificates.
fn check_key_usages(key_usages: KeyUsages) -> Result<(), Invalid> {
    if key_usages.contains(KeyUsage::KeyCertSign) {
        return Err(Invalid::new(Subject::Parameter, "key_usages", "keyCertSign is for authorities only"));
    }
    Ok(())
}

/// What a certificate's key is for where nothing else is asked: as RFC 3279 §2.3 allows for its kind.
fn usual_key_usages(algorithm: KeyAlgorithm) -> KeyUsages {
    if algorithm.is_rsa() {
        KeyUsages::of(&[KeyUsage::DigitalSignature, KeyUsage::KeyEncipherment])
    } else {
        KeyUsages::of(&[KeyUsage::DigitalSignature, KeyUsage::KeyAgreement])
    }
}

/// Reads a signing request (PEM) and checks its signature.
///
/// # Errors
/// A request that cannot be read or is not signed by its key.
pub fn parse_request(request: &str) -> Result<ParsedRequest, Error> {
    let request = SigningRequest::from_pem(request).map_err(|error| Error::invalid(Subject::Csr, "csr", &error))?;
    let kind = request.public_key().kind();
    Ok(ParsedRequest {
        key_family: kind.family(),
        key_bits: kind.bits(),
        signature_algorithm: request.signature_scheme().java_name(),
        public_key: request.public_key().to_pem()?,
        name: request.distinguished_name(),
    })
}

/// Exports a certificate with its chain and, where it was made here, its key: as a zip for `server` if `compressed`, else as
/// PEM. A `password` (1 to 32 printable characters) protects the key.
///
/// # Errors
/// A certificate that is revoked or expired, a password that is not allowed, a keystore asked for as PEM.
pub async fn export(
    ccm: &OpenCcm,
    caller: &Caller,
    id: CertificateId,
    server: ServerType,
    compressed: bool,
    password: Option<Secret>,
) -> Result<Export, Error> {
    if let Some(password) = &password {
        export::validate_password(password.expose())
            .map_err(|reason| Invalid::new(Subject::Parameter, "password", reason))?;
    }
    let mut session = ccm.database().read().await?;
    let certificate = find(&mut session, caller, id).await?;
    let status = certificate.status_at(ccm.now_ms());
    if status != CertificateStatus::Issued {
        return Err(Error::StatusConflict(format!("export is not allowed in status {status}")));
    }
    let der = store::find_der(&mut session, &certificate.id).await?.ok_or(Error::NotFound)?;
    let chain = Chain::find(&mut session, &certificate.issuer_id).await?;
    let private_key = ccm.keys().find_pkcs8(&mut session, &certificate.id).await?;
    drop(session);

    if !compressed {
        if private_key.is_some() && matches!(server, ServerType::Iis | ServerType::Tomcat) {
            let reason = "must be true for IIS and TOMCAT, whose keystores are files";
            return Err(Invalid::new(Subject::Parameter, "is_compressed", reason).into());
        }
        let (certificate, chain) = (pem::encode(pem::CERTIFICATE, &der), chain.pem(0));
        let private_key = match private_key {
            None => None,
            Some(pkcs8) => {
                let password = password.as_ref().map(|password| password.expose().to_owned());
                let encode = move || export::private_key_pem(&pkcs8, password.as_deref());
                Some(Secret::new(blocking(encode).await?.to_string()))
            }
        };
        return Ok(Export::Pem { certificate, chain, private_key });
    }

    let name = certificate.name().common_name.unwrap_or_else(|| certificate.id.clone());
    let chain = chain.into_ders()?;
    let created_ms = ccm.now_ms();
    let file_name = export::archive_name(&name, server);
    let pack = move || {
        let material = Material {
            name: &name,
            certificate: &der,
            chain: &chain,
            private_key: private_key.as_ref().map(|key| key.as_slice()),
            created_ms,
        };
        export::bundle(&material, server, password.as_ref().map(Secret::expose))
    };
    Ok(Export::Archive { file_name, bytes: blocking(pack).await? })
}

/// Runs what takes tens of milliseconds of computing on a thread of its own.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Error>
where
    T: Send + 'static,
    E: Into<Error> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(Error::key)?.map_err(Into::into)
}

/// Revokes a certificate. One on hold can still be revoked for good.
///
/// # Errors
/// A certificate that is revoked or expired already.
pub async fn revoke(ccm: &OpenCcm, caller: &Caller, id: CertificateId, cause: Cause) -> Result<(), Error> {
    let now_ms = ccm.now_ms();
    cause.validate(now_ms)?;
    let mut session = ccm.database().write().await?;
    let certificate = find(&mut session, caller, id).await?;
    let (issuer_id, serial_number) = (&certificate.issuer_id, &certificate.serial_number);
    let reason = cause.reason.as_str();
    let hold = RevocationReason::CertificateHold.as_str();
    if store::revoke(&mut session, &certificate.id, now_ms, reason).await? {
        let revocation = Revocation {
            serial_number: serial_number.clone(),
            revoked_at: now_ms,
            reason: reason.to_owned(),
            invalid_since: cause.invalid_since_ms,
            not_after: Some(certificate.not_after),
            crl_partition: certificate.crl_partition,
        };
        revocation::record(&mut session, issuer_id, &revocation).await?;
    } else if reason != hold && store::update_reason(&mut session, &certificate.id, hold, reason).await? {
        let crl_partition = certificate.crl_partition;
        let since = cause.invalid_since_ms;
        revocation::record_final(&mut session, issuer_id, serial_number, cause.reason, crl_partition, since).await?;
    } else {
        let status = certificate.status_at(now_ms);
        return Err(Error::StatusConflict(format!("revoke is not allowed in status {status}")));
    }
    revocation::commit(ccm, session, certificate.issuer_id).await
}

/// Deletes a certificate, in whatever status, and destroys its key. It stays known to its issuer.
///
/// # Errors
/// A certificate that is not there.
pub async fn delete(ccm: &OpenCcm, caller: &Caller, id: CertificateId) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    let certificate = find(&mut session, caller, id).await?;
    if !store::delete(&mut session, &certificate.id, ccm.now_ms()).await? {
        return Err(Error::NotFound);
    }
    ccm.keys().delete(&mut session, &certificate.id).await?;
    accounts::return_certificate_quota(&mut session, &caller.account_id).await?;
    Ok(session.commit().await?)
}

async fn find(session: &mut Session, caller: &Caller, id: CertificateId) -> Result<PrivateCertificate, Error> {
    store::find(session, &caller.account_id, &id.to_string()).await?.ok_or(Error::NotFound)
}
