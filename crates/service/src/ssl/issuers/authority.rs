//! An authority of this server as the issuer of SSL certificates.

use openccm_core::{
    AuthorityType, CaId, CertificateType, DistinguishedName, ExtendedKeyUsage, GenerationMode, HashAlgorithm,
    KeyAlgorithm, KeyUsage, KeyUsages, Period, RevocationReason, ServerName, Validity, ValidityUnit,
};
use openccm_pki::{Certificate, Constraints, KeyKind, Template};
use openccm_store::{
    Session, accounts, certificate_authorities,
    private_certificates::{self, NewPrivateCertificate},
    revocations::Revocation,
    ssl_certificates::{self, SslCertificate},
    ssl_orders,
};

use super::{IssuerError, NewCertificate, Progress, public_key};
use crate::{
    Caller, Error, OpenCcm,
    authorities::{self, Chain, NewAuthority},
    issuing::Issuer,
    ocsp, revocation,
    ssl::orders::find_applicant,
};

/// How long the root and the issuing authority that are made on first use last, in years.
const ROOT_YEARS: i64 = 30;
const SUBORDINATE_YEARS: i64 = 15;

/// Which authority issues.
#[derive(Clone, Debug, Default)]
pub struct AuthorityOptions {
    /// The authority; where none is named, a root and an issuing authority below it are made on first use, for each account.
    pub ca_id: Option<CaId>,
}

/// What the authority notes of a certificate: it is revoked and asked for like any other, but not shown among the account's
/// private certificates.
pub(super) struct Record {
    issuer: Issuer,
    row: NewPrivateCertificate,
}

impl Record {
    pub(super) async fn store(&self, ccm: &OpenCcm, session: &mut Session, id: &str) -> Result<(), Error> {
        let now_ms = ccm.now_ms();
        self.issuer.check_still_active(session, now_ms).await?;
        private_certificates::insert_all(session, std::slice::from_ref(&self.row)).await?;
        private_certificates::delete(session, &self.row.id, now_ms).await?;
        Ok(ssl_orders::insert_issuance(session, id, &self.row.id).await?)
    }
}

/// Issues the certificate of an order for `names`.
pub(super) async fn issue(
    ccm: &OpenCcm,
    row: &SslCertificate,
    name: &str,
    options: &AuthorityOptions,
    names: Vec<ServerName>,
) -> Result<Progress, IssuerError> {
    let (account_id, issuer) = find_issuer(ccm, row, name, options).await?;
    // After the authority is found, which may have been made just now.
    let period = period(ccm, row, &issuer)?;
    issuer.check_period(period)?;
    let public_key = public_key(ccm, row).await?;
    let subject = subject(ccm, row, &names).await?;
    let kind = public_key.kind();
    let alternative_names: Vec<_> = names.iter().map(ServerName::to_alternative_name).collect();
    let template = Template::new(&subject, public_key, period, Constraints::EndEntity, key_usages(kind))
        .and_then(|template| template.alternative_names(&alternative_names))
        .and_then(|template| {
            template.extended_key_usages(&[ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth])
        })
        .map_err(|error| IssuerError::Refused(error.to_string()))?;
    let issued = issuer.issue(template, HashAlgorithm::Sha256).await?;
    let certificate = Certificate::from_der(&issued.der).map_err(Error::from)?;
    let chain = Chain::find(&mut ccm.database().read().await?, &issuer.id).await?.into_ders()?;
    let chain: Result<Vec<_>, _> = chain.iter().map(|der| Certificate::from_der(der)).collect();
    let record = NewPrivateCertificate {
        id: ccm.ids().next::<openccm_core::CertificateId>().to_string(),
        account_id,
        generation_mode: GenerationMode::Csr,
        issuer_id: issuer.id.clone(),
        issuer_name: issuer.name.clone(),
        key_algorithm: kind.to_string(),
        signature_algorithm: HashAlgorithm::Sha256.to_string(),
        serial_number: issued.serial_number,
        name: subject,
        enterprise_project_id: row.enterprise_project_id.clone(),
        created_at: ccm.now_ms(),
        not_before: period.not_before_ms(),
        not_after: period.not_after_ms(),
        crl_partition: issued.crl_partition,
        der: issued.der,
    };
    Ok(Progress::Issued(Box::new(NewCertificate {
        names,
        certificate,
        chain: chain.map_err(Error::from)?,
        record: Some(Record { issuer, row: record }),
    })))
}

/// From now on for as long as was bought; to the end that it has where names are added to a certificate. The clock of the server
/// that made the authority may be a little ahead of this one's.
fn period(ccm: &OpenCcm, row: &SslCertificate, issuer: &Issuer) -> Result<Period, Error> {
    let start_ms = ccm.now_ms().max(issuer.certificate.period().not_before_ms());
    let validity = Validity { start_from_ms: Some(start_ms), ..validity(row) };
    let mut period = validity.period(ccm.now_ms(), authorities::SUBORDINATE_MAX_YEARS)?;
    if let (Some(end), false) = (row.not_after, row.added_sans.is_empty()) {
        period.not_after = end / 1000;
    }
    Ok(period)
}

/// For how long a certificate was bought.
fn validity(row: &SslCertificate) -> Validity {
    let months = row.validity_months;
    let (unit, value) =
        if months % 12 == 0 { (ValidityUnit::Year, months / 12) } else { (ValidityUnit::Day, months * 30) };
    Validity { unit, value, start_from_ms: None }
}

/// A domain name alone, or the organization with it; the same as before where names are added to a certificate. A common name has
/// 64 characters at most (RFC 5280 appendix A.1): a longer domain name stands among the alternative names alone.
async fn subject(ccm: &OpenCcm, row: &SslCertificate, names: &[ServerName]) -> Result<DistinguishedName, Error> {
    let mut session = ccm.database().read().await?;
    if !row.added_sans.is_empty()
        && let Some(present) = ssl_certificates::find_content(&mut session, &row.id).await?
    {
        return Ok(Certificate::from_der(&present.certificate)?.distinguished_name());
    }
    let common_name = names.first().map(ToString::to_string).filter(|name| name.len() <= 64);
    let organization = row.certificate_type.as_deref().and_then(CertificateType::parse);
    if !organization.is_some_and(CertificateType::names_organization) {
        return Ok(DistinguishedName { common_name, ..DistinguishedName::default() });
    }
    let applicant = find_applicant(ccm, &mut session, &row.id).await?;
    let applicant = applicant.ok_or_else(|| Error::StatusConflict("who applied is not known any more".into()))?;
    Ok(DistinguishedName {
        common_name,
        country: applicant.country.map(|country| country.to_ascii_uppercase()),
        state: applicant.company_province,
        locality: applicant.company_city,
        organization: applicant.company_name,
        organizational_unit: applicant.company_unit,
    })
}

/// What a server's key is for, as RFC 3279 §2.3 allows for its kind.
fn key_usages(kind: KeyKind) -> KeyUsages {
    match kind {
        KeyKind::Rsa { .. } => KeyUsages::of(&[KeyUsage::DigitalSignature, KeyUsage::KeyEncipherment]),
        _ => KeyUsages::of(&[KeyUsage::DigitalSignature]),
    }
}

/// The authority that issues for an order, and the account that has it: the one that is named, whosever it is, or the account's
/// own, which is made where it is missing or would end before the certificate.
async fn find_issuer(
    ccm: &OpenCcm,
    row: &SslCertificate,
    name: &str,
    options: &AuthorityOptions,
) -> Result<(String, Issuer), Error> {
    let mut session = ccm.database().read().await?;
    let owner = match options.ca_id {
        Some(ca_id) => {
            let owner = certificate_authorities::find_owner(&mut session, &ca_id.to_string()).await?;
            owner.ok_or(Error::IssuerNotFound)?
        }
        None => row.account_id.clone(),
    };
    let account = accounts::find(&mut session, &owner).await?.ok_or(Error::NotFound)?;
    drop(session);
    let caller = Caller::server(account);
    if let Some(ca_id) = options.ca_id {
        return Ok((owner, Issuer::find(ccm, &caller, ca_id).await?));
    }
    let end_ms = validity(row).period(ccm.now_ms(), authorities::SUBORDINATE_MAX_YEARS)?.not_after_ms();
    if let Some(issuer) = find_own(ccm, &caller, name, end_ms).await? {
        return Ok((owner, issuer));
    }
    let lock = ccm.database().lock(&format!("ssl-authority:{owner}:{name}")).await?;
    let made = Box::pin(make_own(ccm, &caller, name, end_ms)).await;
    lock.release().await;
    Ok((owner, made?))
}

/// The account's own authority, where it is there and lasts until `end_ms` (ms since the epoch).
async fn find_own(ccm: &OpenCcm, caller: &Caller, name: &str, end_ms: i64) -> Result<Option<Issuer>, Error> {
    let known = ssl_orders::find_authority(&mut ccm.database().read().await?, &caller.account_id, name).await?;
    let Some(ca_id) = known.as_deref().and_then(CaId::parse) else { return Ok(None) };
    match Issuer::find(ccm, caller, ca_id).await {
        Ok(issuer) if issuer.certificate.period().not_after_ms() >= end_ms => Ok(Some(issuer)),
        // Deleted: another is made. Disabled: somebody wants nothing to be issued.
        Ok(_) | Err(Error::IssuerNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn make_own(ccm: &OpenCcm, caller: &Caller, name: &str, end_ms: i64) -> Result<Issuer, Error> {
    if let Some(issuer) = find_own(ccm, caller, name, end_ms).await? {
        return Ok(issuer);
    }
    let new = |authority_type, common_name: &str, years, issuer_id| NewAuthority {
        authority_type,
        name: DistinguishedName {
            common_name: Some(common_name.to_owned()),
            organization: Some(caller.account_name.chars().take(64).collect()),
            ..DistinguishedName::default()
        },
        key_algorithm: KeyAlgorithm::Ec384,
        validity: Some(Validity { unit: ValidityUnit::Year, value: years, start_from_ms: None }),
        issuer_id,
        path_length: Some(0),
        hash: Some(HashAlgorithm::Sha384),
        key_usages: None,
        crl_configuration: None,
        enterprise_project_id: "0".into(),
    };
    let root = new(AuthorityType::Root, "OpenCCM SSL Root CA", ROOT_YEARS, None);
    let root_id = Box::pin(authorities::create_named(ccm, caller, root)).await?;
    ocsp::switch(ccm, caller, root_id, true).await?;
    let issuing = new(AuthorityType::Subordinate, "OpenCCM SSL Issuing CA", SUBORDINATE_YEARS, Some(root_id));
    let issuing_id = Box::pin(authorities::create_named(ccm, caller, issuing)).await?;
    ocsp::switch(ccm, caller, issuing_id, true).await?;
    let mut session = ccm.database().write().await?;
    ssl_orders::set_authority(&mut session, &caller.account_id, name, &issuing_id.to_string()).await?;
    session.commit().await?;
    tracing::info!(account_id = caller.account_id, ca_id = %issuing_id, "made an authority for SSL certificates");
    Issuer::find(ccm, caller, issuing_id).await
}

/// Revokes what was issued for an order: also a certificate whose place another took when names were added, for it has the
/// same key. What is revoked or expired already is done.
pub(super) async fn revoke(ccm: &OpenCcm, row: &SslCertificate) -> Result<(), IssuerError> {
    let reason = row.revocation_reason.as_deref().and_then(RevocationReason::parse);
    let reason = reason.unwrap_or(RevocationReason::Unspecified).as_str();
    let issued = private_certificates::list_issued_for(&mut ccm.database().read().await?, &row.id).await?;
    for certificate in issued {
        let now_ms = ccm.now_ms();
        let mut session = ccm.database().write().await?;
        if !private_certificates::revoke(&mut session, &certificate.id, now_ms, reason).await? {
            continue;
        }
        let revocation = Revocation {
            serial_number: certificate.serial_number,
            revoked_at: now_ms,
            reason: reason.to_owned(),
            invalid_since: None,
            not_after: Some(certificate.not_after),
            crl_partition: certificate.crl_partition,
        };
        revocation::record(&mut session, &certificate.issuer_id, &revocation).await?;
        revocation::commit(ccm, session, certificate.issuer_id).await?;
    }
    Ok(())
}
