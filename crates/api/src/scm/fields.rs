//! What the requests and answers of SSL certificates have in common.

use openccm_core::{CertificateBrand, CertificateType, DomainType, Invalid, SslStatus, Subject};
use openccm_service::ssl::orders::Applicant;
use openccm_store::{
    page::{Direction, Page},
    ssl_certificates::SortKey,
};
use serde::Serialize;
use time::{OffsetDateTime, macros::format_description};

use crate::extract::Params;

/// What the operations of the historical API answer that do something.
#[derive(Serialize)]
pub(super) struct Message {
    pub(super) message: &'static str,
}

/// What the operations answer that apply for something.
#[derive(Serialize)]
pub(super) struct RequestInfo {
    pub(super) request_info: &'static str,
}

impl RequestInfo {
    pub(super) const SUCCESS: Self = Self { request_info: "success" };
}

impl Message {
    pub(super) const SUCCESS: Self = Self { message: "success" };
}

/// Who applied, as every answer that says so has it; empty texts where that is not known.
#[derive(Default, Serialize)]
pub(super) struct ApplicantFields {
    country: String,
    company_name: String,
    company_province: String,
    company_city: String,
    applicant_name: String,
    applicant_phone: String,
    applicant_email: String,
    contact_name: String,
    contact_phone: String,
    contact_email: String,
}

impl From<Applicant> for ApplicantFields {
    fn from(applicant: Applicant) -> Self {
        Self {
            country: applicant.country.unwrap_or_default(),
            company_name: applicant.company_name.unwrap_or_default(),
            company_province: applicant.company_province.unwrap_or_default(),
            company_city: applicant.company_city.unwrap_or_default(),
            applicant_name: applicant.applicant_name.unwrap_or_default(),
            applicant_phone: applicant.applicant_phone.unwrap_or_default(),
            applicant_email: applicant.applicant_email.unwrap_or_default(),
            contact_name: applicant.contact_name.unwrap_or_default(),
            contact_phone: applicant.contact_phone.unwrap_or_default(),
            contact_email: applicant.contact_email.unwrap_or_default(),
        }
    }
}

/// A time as the API writes it, `2021-05-27 16:46:25.0` in UTC; empty where there is none.
pub(super) fn date(time_ms: Option<i64>) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].0");
    let time = time_ms.and_then(|time_ms| OffsetDateTime::from_unix_timestamp(time_ms.div_euclid(1000)).ok());
    time.and_then(|time| time.format(&format).ok()).unwrap_or_default()
}

/// A time as the API writes it where it wants milliseconds as text; empty where there is none.
pub(super) fn milliseconds(time_ms: Option<i64>) -> String {
    time_ms.map(|time_ms| time_ms.to_string()).unwrap_or_default()
}

/// The page that a list is asked for: `limit` 1 to 50 (10), `offset` (0), `sort_dir` `ASC` or `DESC` (`DESC`).
pub(super) fn page(params: &Params) -> Result<Page, Invalid> {
    let limit = params.integer("limit")?.unwrap_or(10).clamp(1, 50);
    let offset = params.integer("offset")?.unwrap_or(0);
    if offset < 0 {
        return Err(Invalid::new(Subject::Parameter, "offset", "must not be negative"));
    }
    let ascending = params.text("sort_dir").is_some_and(|text| text.trim().eq_ignore_ascii_case("ASC"));
    Ok(Page { limit, offset, direction: if ascending { Direction::Ascending } else { Direction::Descending } })
}

pub(super) fn sort_key(params: &Params) -> Result<SortKey, Invalid> {
    let parse = |text: &str| match text.trim() {
        text if text.eq_ignore_ascii_case("certExpiredTime") => Some(SortKey::ExpiredTime),
        text if text.eq_ignore_ascii_case("certStatus") => Some(SortKey::Status),
        text if text.eq_ignore_ascii_case("certUpdateTime") => Some(SortKey::UpdateTime),
        _ => None,
    };
    Ok(params.choice("sort_key", Subject::Parameter, parse)?.unwrap_or(SortKey::UpdateTime))
}

/// The status that a list is limited to. Some that the vendor's documents name never occur here: they find nothing.
pub(super) enum StatusFilter {
    Any,
    None,
    Only(SslStatus),
}

pub(super) fn status(params: &Params, name: &str) -> Result<StatusFilter, Invalid> {
    let parse = |text: &str| match text.trim().to_ascii_uppercase().as_str() {
        "ALL" => Some(StatusFilter::Any),
        "CANCLEREVOKING" | "CHECKING_DOMAIN" => Some(StatusFilter::None),
        text => SslStatus::parse(text).map(StatusFilter::Only),
    };
    Ok(params.choice(name, Subject::Status, parse)?.unwrap_or(StatusFilter::Any))
}

pub(super) fn brand(text: Option<String>) -> Result<CertificateBrand, Invalid> {
    choice(text, Subject::Brand, "cert_brand", CertificateBrand::parse, CertificateBrand::choices)
}

pub(super) fn certificate_type(text: Option<String>) -> Result<CertificateType, Invalid> {
    choice(text, Subject::CertificateType, "cert_type", CertificateType::parse, CertificateType::choices)
}

pub(super) fn domain_type(text: Option<String>) -> Result<DomainType, Invalid> {
    choice(text, Subject::DomainType, "domain_type", DomainType::parse, DomainType::choices)
}

/// `SINGLE_DOMAIN`, or `WILDCARD_DOMAIN`, which elsewhere is called `WILDCARD`.
pub(super) fn primary_domain_type(text: Option<String>) -> Result<Option<DomainType>, Invalid> {
    let parse = |text: &str| match text.trim().to_ascii_uppercase().as_str() {
        "SINGLE_DOMAIN" => Ok(DomainType::Single),
        "WILDCARD_DOMAIN" | "WILDCARD" => Ok(DomainType::Wildcard),
        _ => Err(Invalid::new(
            Subject::DomainType,
            "primary_domain_type",
            "must be one of SINGLE_DOMAIN, WILDCARD_DOMAIN",
        )),
    };
    text.as_deref().map(parse).transpose()
}

/// Terms that a user must agree to.
pub(super) fn agreement(agreed: Option<bool>) -> Result<(), Invalid> {
    if agreed == Some(true) {
        return Ok(());
    }
    Err(Invalid::new(Subject::Parameter, "agree_privacy_protection", "must be true"))
}

fn choice<T>(
    text: Option<String>,
    subject: Subject,
    field: &str,
    parse: impl Fn(&str) -> Option<T>,
    choices: impl Fn() -> String,
) -> Result<T, Invalid> {
    let text = text.ok_or_else(|| Invalid::missing(subject, field))?;
    parse(&text).ok_or_else(|| Invalid::new(subject, field, format!("must be one of {}", choices())))
}
