//! Applying: for which domain names, by whom, with which key.

use std::collections::HashSet;

use openccm_core::{
    CertificateType, DomainType, Invalid, ServerName, SslKeyAlgorithm, SslOperation, SslOutcome, Subject,
    ValidationMethod, ssl_outcome,
};
use openccm_pki::SigningRequest;
use openccm_store::{
    Session,
    ssl_certificates::{self as store, SslCertificate},
    ssl_orders,
};
use serde::{Deserialize, Serialize};

use super::{change, event};
use crate::{
    Caller, Error, OpenCcm,
    ssl::{certificates, issuers, products::OWN_ISSUER, signing_requests, validation},
};

/// Who applies. Personal data: sealed at rest, forgotten on request.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Applicant {
    /// The organization.
    pub company_name: Option<String>,
    /// Its unit.
    pub company_unit: Option<String>,
    /// Its province or state.
    pub company_province: Option<String>,
    /// Its city.
    pub company_city: Option<String>,
    /// Its country, two letters.
    pub country: Option<String>,
    /// The person who applies.
    pub applicant_name: Option<String>,
    /// That person's phone number.
    pub applicant_phone: Option<String>,
    /// That person's mail address.
    pub applicant_email: Option<String>,
    /// Another person to talk to.
    pub contact_name: Option<String>,
    /// That person's phone number.
    pub contact_phone: Option<String>,
    /// That person's mail address.
    pub contact_email: Option<String>,
    /// Whether the DNS records should be made by themselves. This server makes none; it remembers the wish.
    pub auto_dns_auth: Option<bool>,
}

impl std::fmt::Debug for Applicant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Applicant").finish_non_exhaustive()
    }
}

/// What is applied for.
#[derive(Clone, Debug, Default)]
pub struct NewApplication {
    /// The first domain name.
    pub domain: Option<String>,
    /// The others, with semicolons between them.
    pub sans: Option<String>,
    /// The applicant's own signing request (PEM).
    pub csr: Option<String>,
    /// How the domain names are verified; where that is left open, by DNS, and addresses by a file.
    pub method: Option<ValidationMethod>,
    /// The algorithm of the key, where it is made here.
    pub key_algorithm: Option<SslKeyAlgorithm>,
    /// Who applies.
    pub applicant: Applicant,
}

/// What was kept of an application.
#[derive(Clone, Debug)]
pub struct SavedApplication {
    /// The certificate's row.
    pub row: SslCertificate,
    /// Who applies; none where that was never said, or is forgotten.
    pub applicant: Option<Applicant>,
    /// The kinds of pictures that are there: `BL`, `TL`.
    pub pictures: Vec<String>,
}

/// An application that was read.
struct Checked {
    names: Vec<ServerName>,
    csr: Option<SigningRequest>,
    method: ValidationMethod,
    key_algorithm: Option<SslKeyAlgorithm>,
}

/// Keeps what is to be applied for, without applying. What is there must be well formed; it need not be complete.
///
/// # Errors
/// A field that cannot be read, or a status that does not allow it.
pub async fn save(ccm: &OpenCcm, caller: &Caller, id: &str, new: NewApplication) -> Result<(), Error> {
    new.applicant.check(false, false)?;
    let checked = new.check()?;
    let mut session = ccm.database().write().await?;
    let row = certificates::find(&mut session, &caller.account_id, id).await?;
    let status = certificates::check_allowed(&row, SslOperation::Save, ccm.now_ms())?;
    change(ccm, &mut session, &row, status, status).await?;
    keep(ccm, &mut session, id, &checked, &new.applicant).await?;
    Ok(session.commit().await?)
}

/// Applies for a certificate: its domain names are verified next.
///
/// # Errors
/// Anything in `new` that is missing or does not fit what was bought, or a status that does not allow it.
pub async fn apply(ccm: &OpenCcm, caller: &Caller, id: &str, new: NewApplication) -> Result<(), Error> {
    let now_ms = ccm.now_ms();
    let checked = new.check();
    let mut session = ccm.database().write().await?;
    let row = certificates::find(&mut session, &caller.account_id, id).await?;
    let status = certificates::check_allowed(&row, SslOperation::Apply, now_ms)?;
    let checked = checked?;
    let certificate_type = row.certificate_type.as_deref().and_then(CertificateType::parse);
    new.applicant.check(true, certificate_type.is_some_and(CertificateType::names_organization))?;
    checked.check_fits(&row)?;
    let issuer = row.issuer.as_deref().unwrap_or(OWN_ISSUER);
    issuers::check_application(ccm, issuer, &checked.names, checked.csr.as_ref())?;
    let Some(SslOutcome::Becomes(next)) = ssl_outcome(status, SslOperation::Apply) else {
        return Err(Error::NotFound);
    };
    change(ccm, &mut session, &row, status, next).await?;
    keep(ccm, &mut session, id, &checked, &new.applicant).await?;
    // What an application that was refused left behind: also a key, where the applicant now has his own.
    if checked.csr.is_some() {
        ccm.keys().delete(&mut session, id).await?;
    }
    validation::close(&mut session, id).await?;
    let names: Vec<String> = checked.names.iter().map(ToString::to_string).collect();
    validation::open(ccm, &mut session, &row, &names, checked.method).await?;
    let detail = ServerName::join(&checked.names);
    ssl_orders::insert_event(&mut session, id, event::APPLIED, &caller.user_name, &detail, now_ms).await?;
    store::set_next_step(&mut session, id, Some(now_ms), 0).await?;
    session.commit().await?;
    ccm.orders().notify_one();
    Ok(())
}

/// What was kept of an application.
///
/// # Errors
/// A certificate that is not there, or was not ordered.
pub async fn read(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<SavedApplication, Error> {
    let mut session = ccm.database().read().await?;
    let row = certificates::find(&mut session, &caller.account_id, id).await?;
    if row.order_id.is_none() {
        return Err(Error::StatusConflict("an imported certificate was not applied for".into()));
    }
    Ok(SavedApplication {
        applicant: find_applicant(ccm, &mut session, id).await?,
        pictures: ssl_orders::list_picture_kinds(&mut session, id).await?,
        row,
    })
}

/// Who applied, where that is kept.
///
/// # Errors
/// The database fails, or what was kept cannot be opened.
pub async fn find_applicant(ccm: &OpenCcm, session: &mut Session, id: &str) -> Result<Option<Applicant>, Error> {
    let Some(sealed) = store::find_sealed_application(session, id).await? else { return Ok(None) };
    let opened = ccm.keys().open(&identity(id), &sealed)?;
    serde_json::from_slice(&opened).map(Some).map_err(Error::key)
}

fn identity(id: &str) -> String {
    format!("ssl-application:{id}")
}

async fn keep(
    ccm: &OpenCcm,
    session: &mut Session,
    id: &str,
    checked: &Checked,
    applicant: &Applicant,
) -> Result<(), Error> {
    let text = zeroize::Zeroizing::new(serde_json::to_vec(applicant).map_err(Error::key)?);
    let application = store::Application {
        domain: checked.names.first().map(ToString::to_string).unwrap_or_default(),
        sans: ServerName::join(checked.names.get(1..).unwrap_or_default()),
        validation_method: checked.method.to_string(),
        key_algorithm: checked.key_algorithm.map(|algorithm| algorithm.to_string()),
        csr: checked.csr.as_ref().map(SigningRequest::pem),
        sealed_application: ccm.keys().seal(&identity(id), &text)?,
    };
    Ok(store::set_application(session, id, &application, ccm.now_ms()).await?)
}

impl NewApplication {
    /// Reads names and request, which must agree with each other.
    fn check(&self) -> Result<Checked, Invalid> {
        let mut names = Vec::new();
        if let Some(domain) = &self.domain {
            names.push(ServerName::parse(domain, "domain")?);
        }
        let others = ServerName::parse_list(self.sans.as_deref().unwrap_or_default(), "sans")?;
        if names.is_empty() && !others.is_empty() {
            return Err(Invalid::missing(Subject::Domain, "domain"));
        }
        names.extend(others);
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Invalid::new(Subject::DuplicateDomain, "sans", format!("{twice} is there twice")));
        }
        let csr = self.csr.as_deref().map(|csr| check_request(csr, &names)).transpose()?;
        let addresses = names.iter().any(ServerName::is_address);
        let usual = if addresses { ValidationMethod::File } else { ValidationMethod::Dns };
        Ok(Checked {
            method: self.method.unwrap_or(usual),
            key_algorithm: csr.is_none().then(|| self.key_algorithm.unwrap_or(SslKeyAlgorithm::Rsa2048)),
            csr,
            names,
        })
    }
}

/// A signing request must name no others than the names applied for, and the first among them.
fn check_request(csr: &str, names: &[ServerName]) -> Result<SigningRequest, Invalid> {
    let (request, requested) = signing_requests::read(csr)?;
    let applied: HashSet<&ServerName> = names.iter().collect();
    if let Some(other) = requested.iter().find(|name| !names.is_empty() && !applied.contains(name)) {
        return Err(Invalid::new(Subject::CsrDomain, "csr", format!("{other} is not applied for")));
    }
    if names.first().is_some_and(|first| !requested.contains(first)) {
        return Err(Invalid::new(Subject::CsrDomain, "csr", "does not name the domain applied for"));
    }
    Ok(request)
}

impl Checked {
    /// Checks that the names are such as were bought.
    fn check_fits(&self, row: &SslCertificate) -> Result<(), Invalid> {
        let (Some(first), domain_type) = (self.names.first(), DomainType::parse(&row.domain_type)) else {
            return Err(Invalid::missing(Subject::Domain, "domain"));
        };
        let primary = match domain_type {
            Some(DomainType::Multi) => row.primary_domain_type.as_deref().and_then(DomainType::parse),
            other => other,
        };
        if first.is_wildcard() != (primary == Some(DomainType::Wildcard)) {
            let wanted = if first.is_wildcard() { "must not be a wildcard" } else { "must be a wildcard" };
            return Err(Invalid::new(Subject::UnfitDomains, "domain", wanted));
        }
        check_numbers(row, &self.names)
    }
}

/// Checks that a certificate may have so many names, and so many wildcards beside the first one.
pub(super) fn check_numbers(row: &SslCertificate, names: &[ServerName]) -> Result<(), Invalid> {
    let wrong = |reason: String| Err(Invalid::new(Subject::DomainNumber, "sans", reason));
    let count = i64::try_from(names.len()).unwrap_or(i64::MAX);
    if count > row.domain_count {
        return wrong(format!("the certificate may have {} domain names at most", row.domain_count));
    }
    let wildcards = i64::try_from(names.iter().skip(1).filter(|name| name.is_wildcard()).count()).unwrap_or(i64::MAX);
    if wildcards > row.wildcard_count {
        return wrong(format!("{} of the other names may be wildcards at most", row.wildcard_count));
    }
    Ok(())
}

impl Applicant {
    /// Checks what is there; in an application (`complete`) the person must be named, and the organization where the
    /// certificate is to name it.
    fn check(&self, complete: bool, names_organization: bool) -> Result<(), Invalid> {
        let organization = complete && names_organization;
        let fields: [(&str, &Option<String>, usize, bool); 11] = [
            ("company_name", &self.company_name, 63, organization),
            ("company_unit", &self.company_unit, 63, false),
            ("company_province", &self.company_province, 63, organization),
            ("company_city", &self.company_city, 63, organization),
            ("country", &self.country, 2, organization),
            ("applicant_name", &self.applicant_name, 100, complete),
            ("applicant_phone", &self.applicant_phone, 63, complete),
            ("applicant_email", &self.applicant_email, 255, complete),
            ("contact_name", &self.contact_name, 63, false),
            ("contact_phone", &self.contact_phone, 63, false),
            ("contact_email", &self.contact_email, 255, false),
        ];
        let invalid = |field: &str, reason: &str| Err(Invalid::new(Subject::Parameter, field, reason));
        for (field, value, max, mandatory) in fields {
            let Some(value) = value else {
                if mandatory {
                    return Err(Invalid::missing(Subject::Parameter, field));
                }
                continue;
            };
            if value.chars().count() > max {
                return Err(Invalid::new(Subject::Parameter, field, format!("must have {max} characters at most")));
            }
            if value.chars().any(char::is_control) {
                return invalid(field, "must not have control characters");
            }
            if field == "country" && !(value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_alphabetic())) {
                return invalid(field, "must be two letters");
            }
            if field.ends_with("_email") && !value.contains('@') {
                return invalid(field, "is no mail address");
            }
        }
        Ok(())
    }
}
