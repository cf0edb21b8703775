//! Issuing, listing, showing, revoking and deleting private certificates.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use openccm_core::{
    AlternativeName, AlternativeNameType, CertificateId, CertificateStatus, ExtendedKeyUsage, HashAlgorithm, Invalid,
    KeyAlgorithm, Subject,
};
use openccm_service::{
    Caller, Error, OpenCcm,
    certificates::{self, NewCertificate, RequestedCertificate},
};
use openccm_store::private_certificates::{self as store, Filter, PrivateCertificate, SortKey};
use serde::{Deserialize, Serialize};

use super::{
    Failure,
    fields::{self, NameRequest, NameResponse, RevokeRequest, ValidityRequest},
    quotas::page,
};
use crate::{
    extract::{Body, Id, Input, Params, enterprise_project_id},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const CERTIFICATES: &str = "/v1/private-certificates";
    const CERTIFICATE: &str = "/v1/private-certificates/{certificate_id}";
    const REQUESTS: &str = "/v1/private-certificates/csr";
    Routes::of(Service::Pca)
        .add("GET", CERTIFICATES, "list_certificate", Action("pca:cert:list"), list_certificate)
        .add("POST", CERTIFICATES, "create_certificate", Action("pca:ca:issueCert"), create_certificate)
        .add(
            "POST",
            REQUESTS,
            "create_certificate_by_csr",
            Action("pca:ca:issueCertThroughCSR"),
            create_certificate_by_csr,
        )
        .add(
            "POST",
            "/v1/private-certificates/csr/parse",
            "parse_certificate_signing_request",
            Action("pca:cert:parseCsr"),
            parse_certificate_signing_request,
        )
        .add("GET", CERTIFICATE, "show_certificate", Action("pca:cert:get"), show_certificate)
        .add("DELETE", CERTIFICATE, "delete_certificate", Action("pca:cert:delete"), delete_certificate)
        .add(
            "POST",
            "/v1/private-certificates/{certificate_id}/revoke",
            "revoke_certificate",
            Action("pca:cert:revoke"),
            revoke_certificate,
        )
}

/// The longest signing request, in characters.
const REQUEST_LIMIT: usize = 5120;
/// The most alternative names of a certificate.
const ALTERNATIVE_NAME_LIMIT: usize = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CreateCertificateRequest {
    #[serde(deserialize_with = "lenient::text")]
    issuer_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    key_algorithm: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    signature_algorithm: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    distinguished_name: Option<NameRequest>,
    #[serde(deserialize_with = "lenient::object")]
    validity: Option<ValidityRequest>,
    key_usages: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient::objects")]
    subject_alternative_names: Option<Vec<AlternativeNameRequest>>,
    #[serde(deserialize_with = "lenient::object")]
    extended_key_usage: Option<ExtendedKeyUsageRequest>,
    #[serde(deserialize_with = "lenient::object")]
    customized_extension: Option<CustomizedExtensionRequest>,
    #[serde(deserialize_with = "lenient::text")]
    enterprise_project_id: Option<String>,
}

impl Body for CreateCertificateRequest {
    fn subject(path: &str) -> Subject {
        fields::subject(path)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AlternativeNameRequest {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExtendedKeyUsageRequest {
    #[serde(deserialize_with = "lenient::boolean")]
    server_auth: Option<bool>,
    #[serde(deserialize_with = "lenient::boolean")]
    client_auth: Option<bool>,
    #[serde(deserialize_with = "lenient::boolean")]
    code_signing: Option<bool>,
    #[serde(deserialize_with = "lenient::boolean")]
    email_protection: Option<bool>,
    #[serde(deserialize_with = "lenient::boolean")]
    time_stamping: Option<bool>,
    #[serde(deserialize_with = "lenient::boolean")]
    smart_card_logon: Option<bool>,
}

impl ExtendedKeyUsageRequest {
    fn usages(&self) -> Vec<ExtendedKeyUsage> {
        let wanted = |usage: &ExtendedKeyUsage| {
            let flag = match usage {
                ExtendedKeyUsage::ServerAuth => self.server_auth,
                ExtendedKeyUsage::ClientAuth => self.client_auth,
                ExtendedKeyUsage::CodeSigning => self.code_signing,
                ExtendedKeyUsage::EmailProtection => self.email_protection,
                ExtendedKeyUsage::TimeStamping => self.time_stamping,
                ExtendedKeyUsage::SmartCardLogon => self.smart_card_logon,
            };
            flag == Some(true)
        };
        ExtendedKeyUsage::ALL.iter().copied().filter(wanted).collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CustomizedExtensionRequest {
    #[serde(deserialize_with = "lenient::text")]
    object_identifier: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    value: Option<String>,
}

impl CustomizedExtensionRequest {
    /// Clients send both members empty where they want none.
    fn extension(self) -> Result<Option<(String, String)>, Invalid> {
        const MEMBERS: [&str; 2] = ["customized_extension.object_identifier", "customized_extension.value"];
        let (identifier, value) = match (self.object_identifier, self.value) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(Invalid::missing(Subject::Parameter, MEMBERS[0])),
            (Some(_), None) => return Err(Invalid::missing(Subject::Parameter, MEMBERS[1])),
            (Some(identifier), Some(value)) => (identifier, value),
        };
        for (member, text) in MEMBERS.iter().zip([&identifier, &value]) {
            if text.chars().count() > 64 {
                return Err(Invalid::new(Subject::Parameter, *member, "must have 1 to 64 characters"));
            }
        }
        Ok(Some((identifier, value)))
    }
}

#[derive(Serialize)]
struct CreateCertificateResponse {
    certificate_id: String,
}

async fn create_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<CreateCertificateRequest>,
) -> Result<Json<CreateCertificateResponse>, Failure> {
    let name =
        body.distinguished_name.ok_or_else(|| Invalid::missing(Subject::DistinguishedName, "distinguished_name"))?;
    let new = NewCertificate {
        issuer_id: fields::mandatory_issuer_id(body.issuer_id)?,
        key_algorithm: fields::key_algorithm(body.key_algorithm)?.unwrap_or(KeyAlgorithm::Rsa2048),
        hash: fields::hash_algorithm(body.signature_algorithm)?.unwrap_or(HashAlgorithm::Sha256),
        name: name.into(),
        validity: body.validity.ok_or_else(|| Invalid::missing(Subject::Validity, "validity"))?.try_into()?,
        key_usages: fields::key_usages(body.key_usages)?.unwrap_or_default(),
        extended_key_usages: body.extended_key_usage.unwrap_or_default().usages(),
        alternative_names: alternative_names(body.subject_alternative_names.unwrap_or_default())?,
        customized_extension: body.customized_extension.unwrap_or_default().extension()?,
        enterprise_project_id: enterprise_project_id(body.enterprise_project_id)?,
    };
    let certificate_id = certificates::create(&ccm, &caller, new).await?.to_string();
    Ok(Json(CreateCertificateResponse { certificate_id }))
}

fn alternative_names(names: Vec<AlternativeNameRequest>) -> Result<Vec<AlternativeName>, Invalid> {
    if names.len() > ALTERNATIVE_NAME_LIMIT {
        let reason = format!("must be at most {ALTERNATIVE_NAME_LIMIT}");
        return Err(Invalid::new(Subject::Parameter, "subject_alternative_names", reason));
    }
    let parse = |(index, name): (usize, AlternativeNameRequest)| {
        let field = format!("subject_alternative_names[{index}]");
        let kind = name.kind.as_deref().and_then(AlternativeNameType::parse).ok_or_else(|| {
            let reason = format!("must be one of {}", AlternativeNameType::choices());
            Invalid::new(Subject::AlternativeNameType, format!("{field}.type"), reason)
        })?;
        AlternativeName::parse(kind, name.value.as_deref().unwrap_or_default(), &format!("{field}.value"))
    };
    names.into_iter().enumerate().map(parse).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CreateCertificateByCsrRequest {
    #[serde(deserialize_with = "lenient::text")]
    issuer_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    csr: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    validity: Option<ValidityRequest>,
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    path_length: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    enterprise_project_id: Option<String>,
}

impl Body for CreateCertificateByCsrRequest {
    fn subject(path: &str) -> Subject {
        fields::subject(path)
    }
}

async fn create_certificate_by_csr(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<CreateCertificateByCsrRequest>,
) -> Result<Json<CreateCertificateResponse>, Failure> {
    let kind = body.kind.as_deref().unwrap_or("ENTITY_CERT").trim().to_ascii_uppercase();
    let authority = match kind.as_str() {
        "ENTITY_CERT" => None,
        "INTERMEDIATE_CA" => Some(fields::path_length(body.path_length)?.unwrap_or(0)),
        _ => {
            let reason = "must be ENTITY_CERT or INTERMEDIATE_CA";
            return Err(Invalid::new(Subject::Parameter, "type", reason).into());
        }
    };
    let new = RequestedCertificate {
        issuer_id: fields::mandatory_issuer_id(body.issuer_id)?,
        request: signing_request(body.csr)?,
        validity: body.validity.ok_or_else(|| Invalid::missing(Subject::Validity, "validity"))?.try_into()?,
        authority,
        enterprise_project_id: enterprise_project_id(body.enterprise_project_id)?,
    };
    let certificate_id = certificates::create_from_request(&ccm, &caller, new).await?.to_string();
    Ok(Json(CreateCertificateResponse { certificate_id }))
}

fn signing_request(text: Option<String>) -> Result<String, Invalid> {
    let text = text.ok_or_else(|| Invalid::missing(Subject::Csr, "csr"))?;
    if text.chars().count() > REQUEST_LIMIT {
        return Err(Invalid::new(Subject::Csr, "csr", format!("must have at most {REQUEST_LIMIT} characters")));
    }
    Ok(text)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ParseCertificateSigningRequestRequest {
    #[serde(deserialize_with = "lenient::text")]
    csr: Option<String>,
}

impl Body for ParseCertificateSigningRequestRequest {
    fn subject(path: &str) -> Subject {
        fields::subject(path)
    }
}

#[derive(Serialize)]
struct ParseCertificateSigningRequestResponse {
    key_algorithm: &'static str,
    key_algorithm_length: u32,
    signature_algorithm: String,
    public_key: String,
    distinguished_name: NameResponse,
}

async fn parse_certificate_signing_request(
    Input(body): Input<ParseCertificateSigningRequestRequest>,
) -> Result<Json<ParseCertificateSigningRequestResponse>, Failure> {
    let parsed = certificates::parse_request(&signing_request(body.csr)?)?;
    Ok(Json(ParseCertificateSigningRequestResponse {
        key_algorithm: parsed.key_family,
        key_algorithm_length: parsed.key_bits,
        signature_algorithm: parsed.signature_algorithm,
        public_key: parsed.public_key,
        distinguished_name: parsed.name.into(),
    }))
}

/// A certificate, as lists and details show it. Every field is always there.
#[derive(Serialize)]
struct CertificateResponse {
    certificate_id: String,
    status: &'static str,
    issuer_id: String,
    issuer_name: Option<String>,
    key_algorithm: String,
    signature_algorithm: String,
    freeze_flag: u8,
    gen_mode: String,
    serial_number: String,
    create_time: i64,
    delete_time: Option<i64>,
    not_before: i64,
    not_after: i64,
    distinguished_name: NameResponse,
    /// Of the second certificate of an SM2 pair.
    enc_cert_info: Option<()>,
    enterprise_project_id: String,
}

impl CertificateResponse {
    fn new(certificate: PrivateCertificate, now_ms: i64) -> Self {
        Self {
            status: certificate.status_at(now_ms).as_str(),
            distinguished_name: certificate.name().into(),
            certificate_id: certificate.id,
            issuer_id: certificate.issuer_id,
            issuer_name: certificate.issuer_name,
            key_algorithm: certificate.key_algorithm,
            signature_algorithm: certificate.signature_algorithm,
            freeze_flag: 0,
            gen_mode: certificate.generation_mode,
            serial_number: certificate.serial_number,
            create_time: certificate.created_at,
            delete_time: None,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            enc_cert_info: None,
            enterprise_project_id: certificate.enterprise_project_id,
        }
    }
}

#[derive(Serialize)]
struct ListCertificateResponse {
    total: i64,
    certificates: Vec<CertificateResponse>,
}

async fn list_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<ListCertificateResponse>, Failure> {
    let filter = Filter {
        name: params.short_text("name", 64)?.map(str::to_owned),
        status: params.choice("status", Subject::Parameter, CertificateStatus::parse)?,
    };
    let sort_key = match params.text("sort_key") {
        Some("common_name") => SortKey::CommonName,
        Some("issuer_name") => SortKey::IssuerName,
        Some("not_after") => SortKey::NotAfter,
        _ => SortKey::CreateTime,
    };
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().read().await?;
    let (rows, total) =
        store::list(&mut session, &caller.account_id, &filter, sort_key, page(&params)?, now_ms).await?;
    let certificates = rows.into_iter().map(|row| CertificateResponse::new(row, now_ms)).collect();
    Ok(Json(ListCertificateResponse { total, certificates }))
}

async fn show_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CertificateId>,
) -> Result<Json<CertificateResponse>, Failure> {
    let mut session = ccm.database().read().await?;
    let certificate = store::find(&mut session, &caller.account_id, &id.to_string()).await?;
    Ok(Json(CertificateResponse::new(certificate.ok_or(Error::NotFound)?, ccm.now_ms())))
}

async fn delete_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CertificateId>,
) -> Result<StatusCode, Failure> {
    certificates::delete(&ccm, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CertificateId>,
    Input(body): Input<RevokeRequest>,
) -> Result<StatusCode, Failure> {
    certificates::revoke(&ccm, &caller, id, body.cause()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
