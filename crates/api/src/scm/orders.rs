//! Orders of SSL certificates (v3): buying, applying, taking back, giving back.

use axum::{Extension, Json, extract::State};
use openccm_core::{Invalid, SslKeyAlgorithm, Subject, ValidationMethod};
use openccm_service::{
    Caller, OpenCcm,
    ssl::orders::{self, Applicant, NewApplication, Purchase},
};
use serde::{Deserialize, Serialize};

use super::{
    Failure,
    fields::{self, RequestInfo},
    tags::{self, TagRequest},
};
use crate::{
    extract::{Body, Input, ResourceId, enterprise_project_id},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const BUY: &str = "/v3/scm/certificates/buy";
    const APPLY: &str = "/v3/scm/certificates/{certificate_id}/apply";
    const CANCEL: &str = "/v3/scm/certificates/{certificate_id}/cancel-cert";
    const UNSUBSCRIBE: &str = "/v3/scm/certificates/{certificate_id}/unsubscribe";
    Routes::of(Service::Scm)
        .add("POST", BUY, "subscribe_certificate", Action("scm:cert:purchase"), subscribe_certificate)
        .add("POST", APPLY, "apply_certificate", Action("scm:cert:apply"), apply_certificate)
        .add("POST", CANCEL, "cancel_certificate_request", Action("scm:cert:cancelApply"), cancel_certificate_request)
        .add("DELETE", UNSUBSCRIBE, "unsubscribe_certificate", Action("scm:cert:unsubscribe"), unsubscribe_certificate)
}

/// What is bought, as both versions of the API read it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PurchaseRequest {
    #[serde(deserialize_with = "lenient::text")]
    cert_brand: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    cert_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    domain_type: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    effective_time: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    domain_numbers: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    order_number: Option<i64>,
    #[serde(deserialize_with = "lenient::boolean")]
    agree_privacy_protection: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    primary_domain_type: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    single_domain_number: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    wildcard_domain_number: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    enterprise_project_id: Option<String>,
    /// This server's own: the certificate that is renewed.
    #[serde(deserialize_with = "lenient::text")]
    origin_cert_id: Option<String>,
    #[serde(deserialize_with = "lenient::objects")]
    tags: Option<Vec<TagRequest>>,
}

impl Body for PurchaseRequest {
    fn subject(path: &str) -> Subject {
        match path {
            path if path.starts_with("tags") => tags::subject(path),
            "cert_brand" => Subject::Brand,
            "cert_type" => Subject::CertificateType,
            "domain_type" | "primary_domain_type" => Subject::DomainType,
            "effective_time" => Subject::EffectiveTime,
            "domain_numbers" | "single_domain_number" | "wildcard_domain_number" => Subject::DomainNumber,
            "order_number" => Subject::OrderNumber,
            _ => Subject::Parameter,
        }
    }
}

impl PurchaseRequest {
    /// What is bought, where an order may have `max_order_number` certificates.
    pub(super) fn read(self, max_order_number: i64) -> Result<Purchase, Invalid> {
        fields::agreement(self.agree_privacy_protection)?;
        let missing = |subject, field| move || Invalid::missing(subject, field);
        let tags = self.tags.unwrap_or_default().into_iter().enumerate();
        let tags: Result<_, _> = tags.map(|(index, tag)| tag.into_tag(&format!("tags[{index}]"))).collect();
        Ok(Purchase {
            tags: tags?,
            brand: fields::brand(self.cert_brand)?,
            certificate_type: fields::certificate_type(self.cert_type)?,
            domain_type: fields::domain_type(self.domain_type)?,
            primary_domain_type: fields::primary_domain_type(self.primary_domain_type)?,
            years: self.effective_time.ok_or_else(missing(Subject::EffectiveTime, "effective_time"))?,
            domain_count: self.domain_numbers.ok_or_else(missing(Subject::DomainNumber, "domain_numbers"))?,
            single_count: self.single_domain_number,
            wildcard_count: self.wildcard_domain_number,
            order_number: self.order_number.ok_or_else(missing(Subject::OrderNumber, "order_number"))?,
            max_order_number,
            enterprise_project_id: enterprise_project_id(self.enterprise_project_id)?,
            origin_id: self.origin_cert_id,
        })
    }
}

#[derive(Serialize)]
pub(super) struct PurchaseResponse {
    order_id: String,
    cert: Vec<OrderedCertificate>,
}

#[derive(Serialize)]
struct OrderedCertificate {
    cert_id: String,
}

impl From<orders::Order> for PurchaseResponse {
    fn from(order: orders::Order) -> Self {
        let cert = order.certificate_ids.into_iter().map(|cert_id| OrderedCertificate { cert_id }).collect();
        Self { order_id: order.id, cert }
    }
}

async fn subscribe_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<PurchaseRequest>,
) -> Result<Json<PurchaseResponse>, Failure> {
    const MAX_ORDER_NUMBER: i64 = 100;
    Ok(Json(orders::buy(&ccm, &caller, body.read(MAX_ORDER_NUMBER)?).await?.into()))
}

/// What is applied for, as both versions of the API read it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ApplicationRequest {
    #[serde(deserialize_with = "lenient::text")]
    domain: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    sans: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    csr: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    company_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    company_unit: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    company_province: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    company_city: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    country: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    applicant_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    applicant_phone: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    applicant_email: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    contact_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    contact_phone: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    contact_email: Option<String>,
    #[serde(deserialize_with = "lenient::boolean")]
    auto_dns_auth: Option<bool>,
    #[serde(deserialize_with = "lenient::boolean")]
    agree_privacy_protection: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    domain_method: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    key_algorithm: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    ca_hash_algorithm: Option<String>,
}

impl Body for ApplicationRequest {
    fn subject(path: &str) -> Subject {
        match path {
            "domain" | "sans" => Subject::Domain,
            "csr" => Subject::Csr,
            _ => Subject::Parameter,
        }
    }
}

impl ApplicationRequest {
    /// What is applied for, or only kept.
    pub(super) fn read(self) -> Result<NewApplication, Invalid> {
        fields::agreement(self.agree_privacy_protection)?;
        let invalid =
            |field: &str, choices: String| Invalid::new(Subject::Parameter, field, format!("must be one of {choices}"));
        let method = |text: String| {
            ValidationMethod::parse(&text).ok_or_else(|| invalid("domain_method", ValidationMethod::choices()))
        };
        let key_algorithm = |text: String| {
            SslKeyAlgorithm::parse(&text).ok_or_else(|| invalid("key_algorithm", SslKeyAlgorithm::choices()))
        };
        // The hash is the issuer's choice, which is SHA-256 or stronger.
        if let Some(hash) = self.ca_hash_algorithm
            && !["DEFAULT", "SHA-256", "SHA256"].contains(&hash.trim().to_ascii_uppercase().as_str())
        {
            return Err(invalid("ca_hash_algorithm", "DEFAULT, SHA-256".into()));
        }
        Ok(NewApplication {
            domain: self.domain,
            sans: self.sans,
            csr: self.csr,
            method: self.domain_method.map(method).transpose()?,
            key_algorithm: self.key_algorithm.map(key_algorithm).transpose()?,
            applicant: Applicant {
                company_name: self.company_name,
                company_unit: self.company_unit,
                company_province: self.company_province,
                company_city: self.company_city,
                country: self.country,
                applicant_name: self.applicant_name,
                applicant_phone: self.applicant_phone,
                applicant_email: self.applicant_email,
                contact_name: self.contact_name,
                contact_phone: self.contact_phone,
                contact_email: self.contact_email,
                auto_dns_auth: self.auto_dns_auth,
            },
        })
    }
}

async fn apply_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<ApplicationRequest>,
) -> Result<Json<RequestInfo>, Failure> {
    orders::apply(&ccm, &caller, &id, body.read()?).await?;
    Ok(Json(RequestInfo::SUCCESS))
}

#[derive(Serialize)]
pub(super) struct CancelResponse {
    cert_id: String,
    message: &'static str,
}

/// Takes an application back. Both versions of the API answer the same.
pub(super) async fn cancel_certificate_request(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<CancelResponse>, Failure> {
    orders::cancel(&ccm, &caller, &id).await?;
    Ok(Json(CancelResponse { cert_id: id, message: "success" }))
}

#[derive(Serialize)]
struct UnsubscribeResponse {
    unsubscribe_results: &'static str,
}

async fn unsubscribe_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<UnsubscribeResponse>, Failure> {
    orders::unsubscribe(&ccm, &caller, &id).await?;
    Ok(Json(UnsubscribeResponse { unsubscribe_results: "SUCCESS" }))
}
