use openccm_core::{
    AuthorityStatus, AuthorityType, CaId, DistinguishedName, GenerationMode, HashAlgorithm, Invalid, KeyAlgorithm,
    KeyUsages, PATH_LENGTH_UNLIMITED, Subject, Validity,
};
use openccm_pki::{Constraints, PrivateKey, Signer, Template, issue};
use openccm_store::{
    certificate_authorities::{self as store, AuthorityCertificate, NewCertificateAuthority},
    private_keys,
};

use super::{ROOT_MAX_YEARS, SUBORDINATE_MAX_YEARS};
use crate::{
    Caller, Error, OpenCcm,
    issuing::{IssuedBelow, Issuer},
    revocation::{CrlConfiguration, publish_all_of},
};

/// What a new authority is to be.
#[derive(Clone, Debug)]
pub struct NewAuthority {
    /// Root or subordinate.
    pub authority_type: AuthorityType,
    /// Its subject, all six attributes.
    pub name: DistinguishedName,
    /// The algorithm of its key.
    pub key_algorithm: KeyAlgorithm,
    /// How long it is to last. Mandatory for a root.
    pub validity: Option<Validity>,
    /// The authority that is to issue it, where it is subordinate.
    pub issuer_id: Option<CaId>,
    /// Its path length, where it is subordinate; 0 where it is left open.
    pub path_length: Option<u8>,
    /// The hash under its certificate's signature. Mandatory for a root.
    pub hash: Option<HashAlgorithm>,
    /// Its key usages, where it is subordinate.
    pub key_usages: Option<KeyUsages>,
    /// How it is to publish revocation lists.
    pub crl_configuration: Option<CrlConfiguration>,
    /// Its enterprise project.
    pub enterprise_project_id: String,
}

/// A certificate made for an authority, with what the store is to know of it.
pub(super) struct OwnCertificate {
    issued: IssuedBelow,
    period: openccm_core::Period,
    path_length: u8,
    hash: HashAlgorithm,
    key_usages: KeyUsages,
}

impl OwnCertificate {
    pub(super) fn for_store<'a>(
        &'a self,
        name: &'a DistinguishedName,
        issuer: Option<&Issuer>,
    ) -> AuthorityCertificate<'a> {
        AuthorityCertificate {
            issuer_id: issuer.map(|issuer| issuer.id.clone()),
            issuer_name: issuer.and_then(|issuer| issuer.name.clone()),
            path_length: i64::from(self.path_length),
            signature_algorithm: self.hash.to_string(),
            key_usages: self.key_usages.to_string(),
            serial_number: self.issued.serial_number.clone(),
            crl_partition: self.issued.crl_partition,
            name,
            not_before: self.period.not_before_ms(),
            not_after: self.period.not_after_ms(),
            der: &self.issued.der,
            imported_chain: None,
        }
    }
}

/// Makes an authority: a root signs itself and is active; a subordinate one with an issuer, a hash and a validity is issued
/// and active; any other waits for its certificate.
///
/// # Errors
/// Anything in `new` that is not allowed, an issuer that cannot issue it, or the account's quota.
pub async fn create(ccm: &OpenCcm, caller: &Caller, new: NewAuthority) -> Result<CaId, Error> {
    new.name.validate_complete()?;
    create_named(ccm, caller, new).await
}

/// As [`create`], for a subject that need not have all attributes.
pub(crate) async fn create_named(ccm: &OpenCcm, caller: &Caller, new: NewAuthority) -> Result<CaId, Error> {
    let crl = CrlConfiguration::plan_first(new.crl_configuration.as_ref(), ccm, caller).await?;
    check_quota(ccm, caller, &mut ccm.database().read().await?).await?;

    let key_usages = match new.authority_type {
        AuthorityType::Root => KeyUsages::AUTHORITY,
        AuthorityType::Subordinate => new.key_usages.unwrap_or(KeyUsages::AUTHORITY),
    };
    crl.as_ref().map_or(Ok(()), |crl| crl.check_key_usages(key_usages))?;
    let issuer;
    let key;
    let certificate;
    match (new.authority_type, new.issuer_id, new.hash, new.validity) {
        (AuthorityType::Root, _, hash, validity) => {
            let hash = hash.ok_or_else(|| Invalid::missing(Subject::HashAlgorithm, "signature_algorithm"))?;
            let validity = validity.ok_or_else(|| Invalid::missing(Subject::Validity, "validity"))?;
            let period = validity.period(ccm.now_ms(), ROOT_MAX_YEARS)?;
            key = ccm.key_pool().take(new.key_algorithm).await?;
            let constraints = Constraints::Authority { path_length: None };
            let template = Template::new(&new.name, key.public_key().clone(), period, constraints, key_usages)?;
            let issued = IssuedBelow::own(issue(&template, None, &key, hash).await?);
            issuer = None;
            certificate = Some(OwnCertificate { issued, period, path_length: PATH_LENGTH_UNLIMITED, hash, key_usages });
        }
        (AuthorityType::Subordinate, Some(issuer_id), Some(hash), Some(validity)) => {
            let found = Issuer::find(ccm, caller, issuer_id).await?;
            let request = SubordinateCertificate {
                name: &new.name,
                validity,
                path_length: new.path_length.unwrap_or(0),
                hash,
                key_usages,
            };
            // Before the key is made, which may take seconds.
            request.check(ccm, &found)?;
            key = ccm.key_pool().take(new.key_algorithm).await?;
            certificate = Some(request.issue(ccm, &found, &key).await?);
            issuer = Some(found);
        }
        (AuthorityType::Subordinate, ..) => {
            issuer = None;
            key = ccm.key_pool().take(new.key_algorithm).await?;
            certificate = None;
        }
    }

    let id: CaId = ccm.ids().next();
    let row = NewCertificateAuthority {
        id: id.to_string(),
        account_id: caller.account_id.clone(),
        authority_type: new.authority_type,
        status: AuthorityStatus::Pending,
        generation_mode: GenerationMode::Generate,
        key_algorithm: new.key_algorithm.to_string(),
        key_usages: key_usages.to_string(),
        name: &new.name,
        enterprise_project_id: new.enterprise_project_id,
        created_at: ccm.now_ms(),
    };
    let mut session = ccm.database().write().await?;
    // Of two callers who would both be the last, one waits here for the other.
    session.lock(&format!("authorities:{}", caller.account_id)).await?;
    check_quota(ccm, caller, &mut session).await?;
    if let Some(issuer) = &issuer {
        issuer.check_still_active(&mut session, ccm.now_ms()).await?;
    }
    store::insert(&mut session, &row).await?;
    private_keys::insert_all(&mut session, &[ccm.keys().seal_key(&row.id, &key)?]).await?;
    if let Some(certificate) = &certificate {
        store::update_certificate(&mut session, &row.id, &certificate.for_store(&new.name, issuer.as_ref())).await?;
    }
    if let Some(crl) = &crl {
        crl.store(ccm, &mut session, &row.id, 0).await?;
    }
    session.commit().await?;
    if crl.is_some() && certificate.is_some() {
        publish_all_of(ccm, &row.id).await;
    }
    Ok(id)
}

async fn check_quota(ccm: &OpenCcm, caller: &Caller, session: &mut openccm_store::Session) -> Result<(), Error> {
    let quota = ccm.quotas().authorities;
    if store::count(session, &caller.account_id, ccm.now_ms()).await? < quota {
        return Ok(());
    }
    Err(Error::QuotaExceeded { resource: "certificate authorities", quota })
}

/// The certificate that a subordinate authority asks of an issuer on this server.
pub(super) struct SubordinateCertificate<'a> {
    pub(super) name: &'a DistinguishedName,
    pub(super) validity: Validity,
    pub(super) path_length: u8,
    pub(super) hash: HashAlgorithm,
    pub(super) key_usages: KeyUsages,
}

impl SubordinateCertificate<'_> {
    pub(super) fn check(&self, ccm: &OpenCcm, issuer: &Issuer) -> Result<openccm_core::Period, Error> {
        issuer.check_path_length(self.path_length)?;
        let period = self.validity.period(ccm.now_ms(), SUBORDINATE_MAX_YEARS)?;
        issuer.check_period(period)?;
        Ok(period)
    }

    pub(super) async fn issue(
        &self,
        ccm: &OpenCcm,
        issuer: &Issuer,
        key: &PrivateKey,
    ) -> Result<OwnCertificate, Error> {
        let period = self.check(ccm, issuer)?;
        let constraints = Constraints::Authority { path_length: Some(self.path_length) };
        let template = Template::new(self.name, key.public_key().clone(), period, constraints, self.key_usages)?;
        let issued = issuer.issue(template, self.hash).await?;
        Ok(OwnCertificate {
            issued,
            period,
            path_length: self.path_length,
            hash: self.hash,
            key_usages: self.key_usages,
        })
    }
}
