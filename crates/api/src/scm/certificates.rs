//! SSL certificates (v3): listing, importing, showing, exporting, deleting.

use axum::{Extension, Json, extract::State};
use http::{HeaderName, StatusCode, header::CACHE_CONTROL};
use openccm_auth::Secret;
use openccm_core::{DomainType, Invalid, Subject, ValidationMethod};
use openccm_service::{
    Caller, Error, OpenCcm,
    ssl::{
        certificates,
        import::{self, Import},
        orders,
    },
};
use openccm_store::{
    domain_proofs::{self, DomainProof},
    ssl_certificates::{self as store, Filter, SslCertificate},
};
use serde::{Deserialize, Serialize};

use super::{
    Failure,
    fields::{self, ApplicantFields, StatusFilter, date},
};
use crate::{
    extract::{Body, Input, Params, ResourceId, enterprise_project_id},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const CERTIFICATES: &str = "/v3/scm/certificates";
    const CERTIFICATE: &str = "/v3/scm/certificates/{certificate_id}";
    const IMPORT: &str = "/v3/scm/certificates/import";
    const EXPORT: &str = "/v3/scm/certificates/{certificate_id}/export";
    Routes::of(Service::Scm)
        .add("GET", CERTIFICATES, "list_certificates", Action("scm:cert:list"), list_certificates)
        .add("POST", IMPORT, "import_certificate", Action("scm:cert:upload"), import_certificate)
        .add("GET", CERTIFICATE, "show_certificate", Action("scm:cert:get"), show_certificate)
        .add("DELETE", CERTIFICATE, "delete_certificate", Action("scm:cert:delete"), delete_certificate)
        .add("POST", EXPORT, "export_certificate", Action("scm:cert:download"), export_certificate)
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Serialize)]
struct ListCertificatesResponse {
    total_count: i64,
    certificates: Vec<ListedCertificate>,
}

#[derive(Serialize)]
struct ListedCertificate {
    id: String,
    name: String,
    domain: String,
    sans: String,
    signature_algorithm: String,
    deploy_support: bool,
    #[serde(rename = "type")]
    certificate_type: String,
    brand: String,
    expire_time: String,
    domain_type: String,
    validity_period: i64,
    status: &'static str,
    domain_count: i64,
    wildcard_count: i64,
    description: Option<String>,
    domain_id: String,
    enterprise_project_id: String,
}

impl ListedCertificate {
    fn new(row: SslCertificate, now_ms: i64) -> Self {
        Self {
            status: row.status_at(now_ms).as_str(),
            deploy_support: row.is_pushable_at(now_ms),
            expire_time: date(row.not_after),
            id: row.id,
            name: row.name,
            domain: row.domain,
            sans: row.sans,
            signature_algorithm: row.signature_algorithm.unwrap_or_default(),
            certificate_type: row.certificate_type.unwrap_or_default(),
            brand: row.brand.unwrap_or_default(),
            domain_type: row.domain_type,
            validity_period: row.validity_months,
            domain_count: row.domain_count,
            wildcard_count: row.wildcard_count,
            description: row.description,
            domain_id: row.account_id,
            enterprise_project_id: row.enterprise_project_id,
        }
    }
}

async fn list_certificates(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<ListCertificatesResponse>, Failure> {
    let now_ms = ccm.now_ms();
    let page = fields::page(&params)?;
    let flag = |name: &str| {
        params.choice(name, Subject::Parameter, |text| match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    };
    // Nothing is shared between accounts: what an account owns is all that it sees.
    flag("owned_by_self")?;
    let since = params.integer("expired_days_since")?;
    let mut filter = Filter {
        status: None,
        content: params.short_text("content", 255)?.map(str::to_owned),
        enterprise_project_id: params.text("enterprise_project_id").filter(|id| *id != "all").map(str::to_owned),
        pushable: flag("deploy_support")?,
        not_ended_before: since.map(|days| now_ms.saturating_sub(days.saturating_mul(DAY_MS))),
    };
    let sort_key = fields::sort_key(&params)?;
    match fields::status(&params, "status")? {
        StatusFilter::Any => {}
        StatusFilter::Only(status) => filter.status = Some(status),
        StatusFilter::None => return Ok(Json(ListCertificatesResponse { total_count: 0, certificates: Vec::new() })),
    }
    let mut session = ccm.database().read().await?;
    let (rows, total_count) = store::list(&mut session, &caller.account_id, &filter, sort_key, page, now_ms).await?;
    let certificates = rows.into_iter().map(|row| ListedCertificate::new(row, now_ms)).collect();
    Ok(Json(ListCertificatesResponse { total_count, certificates }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ImportCertificateRequest {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    certificate: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    certificate_chain: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    private_key: Option<String>,
    #[serde(deserialize_with = "lenient::boolean")]
    duplicate_check: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    enterprise_project_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    enc_certificate: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    enc_private_key: Option<String>,
    /// This server's own: the certificate that is renewed.
    #[serde(deserialize_with = "lenient::text")]
    origin_cert_id: Option<String>,
}

impl Body for ImportCertificateRequest {
    fn subject(path: &str) -> Subject {
        match path {
            "name" => Subject::Name,
            "certificate" => Subject::Certificate,
            "certificate_chain" => Subject::CertificateChain,
            "private_key" => Subject::PrivateKey,
            _ => Subject::Parameter,
        }
    }
}

#[derive(Serialize)]
struct ImportCertificateResponse {
    certificate_id: String,
}

async fn import_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<ImportCertificateRequest>,
) -> Result<Json<ImportCertificateResponse>, Failure> {
    let missing = Invalid::missing;
    if body.enc_private_key.is_some() && body.enc_certificate.is_none() {
        return Err(missing(Subject::EncryptionCertificate, "enc_certificate").into());
    }
    let new = Import {
        name: body.name.ok_or_else(|| missing(Subject::Name, "name"))?,
        certificate: body.certificate.ok_or_else(|| missing(Subject::Certificate, "certificate"))?,
        chain: body.certificate_chain,
        private_key: Secret::new(body.private_key.ok_or_else(|| missing(Subject::PrivateKey, "private_key"))?),
        encryption_certificate: body.enc_certificate,
        refuse_duplicate: body.duplicate_check.unwrap_or(false),
        enterprise_project_id: enterprise_project_id(body.enterprise_project_id)?,
        origin_id: body.origin_cert_id,
    };
    let certificate_id = import::import(&ccm, &caller, new).await?;
    Ok(Json(ImportCertificateResponse { certificate_id }))
}

#[derive(Serialize)]
struct ShowCertificateResponse {
    id: String,
    status: &'static str,
    order_id: String,
    name: String,
    #[serde(rename = "type")]
    certificate_type: String,
    brand: String,
    push_support: &'static str,
    revoke_reason: String,
    signature_algorithm: String,
    issue_time: String,
    not_before: String,
    not_after: String,
    validity_period: i64,
    validation_method: String,
    domain_type: String,
    domain: String,
    sans: String,
    domain_count: i64,
    wildcard_count: i64,
    /// The name on the wire, and the one in the reference.
    authentification: Vec<Authentication>,
    authentication: Vec<Authentication>,
    multi_domain_type: &'static str,
    fingerprint: String,
    shared: bool,
    application_info: ApplicantFields,
    description: String,
    enterprise_project_id: String,
    fail_reason: String,
}

/// What is to be shown for a domain name.
#[derive(Clone, Serialize)]
struct Authentication {
    record_name: String,
    record_type: String,
    record_value: String,
    domain: String,
}

impl From<DomainProof> for Authentication {
    fn from(proof: DomainProof) -> Self {
        Self {
            record_name: proof.record_name,
            record_type: proof.record_type,
            record_value: proof.record_value,
            domain: proof.domain,
        }
    }
}

async fn show_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<ShowCertificateResponse>, Failure> {
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().read().await?;
    let row = store::find(&mut session, &caller.account_id, &id).await?.ok_or(Error::NotFound)?;
    let applicant = orders::find_applicant(&ccm, &mut session, &id).await?.unwrap_or_default();
    let proofs = domain_proofs::list(&mut session, &id).await?;
    // Of an approval by mail there is nothing that the applicant could set up.
    let shown = proofs.into_iter().filter(|proof| proof.method() != ValidationMethod::Email);
    let authentication: Vec<Authentication> = shown.map(Authentication::from).collect();
    let primary = row.primary_domain_type.as_deref().and_then(DomainType::parse);
    Ok(Json(ShowCertificateResponse {
        status: row.status_at(now_ms).as_str(),
        push_support: if row.is_pushable_at(now_ms) { "ON" } else { "OFF" },
        issue_time: date(row.issued_at),
        not_before: date(row.not_before),
        not_after: date(row.not_after),
        multi_domain_type: match primary {
            None => "",
            Some(DomainType::Wildcard) => "primary_wildcard",
            Some(_) => "primary_single",
        },
        id: row.id,
        order_id: row.order_id.unwrap_or_default(),
        name: row.name,
        certificate_type: row.certificate_type.unwrap_or_default(),
        brand: row.brand.unwrap_or_default(),
        revoke_reason: row.revocation_reason.unwrap_or_default(),
        signature_algorithm: row.signature_algorithm.unwrap_or_default(),
        validity_period: row.validity_months,
        validation_method: row.validation_method.unwrap_or_default(),
        domain_type: row.domain_type,
        domain: row.domain,
        sans: row.sans,
        domain_count: row.domain_count,
        wildcard_count: row.wildcard_count,
        authentification: authentication.clone(),
        authentication,
        fingerprint: row.fingerprint.unwrap_or_default(),
        shared: false,
        application_info: applicant.into(),
        description: row.description.unwrap_or_default(),
        enterprise_project_id: row.enterprise_project_id,
        fail_reason: row.failure.unwrap_or_default(),
    }))
}

async fn delete_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<StatusCode, Failure> {
    certificates::delete(&ccm, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct ExportCertificateResponse {
    certificate: String,
    certificate_chain: String,
    entire_certificate: String,
    /// Empty where the key is with the applicant.
    private_key: String,
    enc_certificate: &'static str,
    enc_private_key: &'static str,
}

/// Private keys must not stay in a cache on the way.
pub(super) const NO_STORE: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

type Exported = ([(HeaderName, &'static str); 1], Json<ExportCertificateResponse>);

async fn export_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Exported, Failure> {
    let exported = certificates::export(&ccm, &caller, &id).await?;
    let private_key = exported.private_key_pem()?;
    let body = ExportCertificateResponse {
        certificate: exported.certificate_pem(),
        certificate_chain: exported.chain_pem(),
        entire_certificate: exported.full_chain_pem(),
        private_key: private_key.map(|key| key.to_string()).unwrap_or_default(),
        enc_certificate: "",
        enc_private_key: "",
    };
    Ok((NO_STORE, Json(body)))
}
