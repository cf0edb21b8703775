//! SSL certificates (v2): listing, showing, changing, uploading, downloading, deleting.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use openccm_auth::Secret;
use openccm_core::{Invalid, ProofStatus, Subject, ValidationMethod, codes};
use openccm_service::{
    Caller, Error, OpenCcm,
    ssl::{
        certificates::{self, Modification},
        import::{self, Import},
        orders,
        products::FREE_MONTHS,
    },
};
use openccm_store::{
    domain_proofs::{self, DomainProof},
    ssl_certificates::{self as store, Filter, SslCertificate},
};
use serde::{Deserialize, Serialize};

use super::super::{
    Failure,
    fields::{self, ApplicantFields, Message, StatusFilter, milliseconds},
};
use crate::{
    attachment::attachment,
    error::ApiError,
    extract::{Body, Input, Params, ResourceId},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const LIST: &str = "/v2/{project_id}/scm/certlist";
    const CERTIFICATE: &str = "/v2/{project_id}/scm/cert/{cert_id}";
    const UPLOAD: &str = "/v2/{project_id}/scm/cert/upload";
    const FILE: &str = "/v2/{project_id}/scm/cert/{cert_id}/cert_file";
    Routes::of(Service::Scm)
        .add("GET", LIST, "list_certs", Action("scm:cert:list"), list_certs)
        .add("GET", CERTIFICATE, "show_cert", Action("scm:cert:get"), show_cert)
        .add("PUT", CERTIFICATE, "modify_cert", Action("scm:cert:edit"), modify_cert)
        .add("DELETE", CERTIFICATE, "delete_cert", Action("scm:cert:delete"), delete_cert)
        .add("POST", UPLOAD, "upload_cert", Action("scm:cert:upload"), upload_cert)
        .add("GET", FILE, "download_cert_file", Action("scm:cert:download"), download_cert_file)
}

#[derive(Serialize)]
struct ListCertsResponse {
    total: i64,
    /// How many free certificates the account can still order.
    free_remain: i64,
    order_list: Vec<ListedCert>,
}

#[derive(Serialize)]
struct ListedCert {
    cert_id: String,
    cert_name: String,
    domain: String,
    cert_type: String,
    cert_brand: String,
    domain_type: String,
    purchase_period: i64,
    expired_time: String,
    /// The name in the table of the reference, and the one in its example.
    order_status: &'static str,
    order_state: &'static str,
    domain_num: i64,
    wildcard_number: i64,
    cert_des: String,
}

impl ListedCert {
    fn new(row: SslCertificate, now_ms: i64) -> Self {
        let status = row.status_at(now_ms).as_str();
        Self {
            domain: row.domains().join(";"),
            cert_id: row.id,
            cert_name: row.name,
            cert_type: row.certificate_type.unwrap_or_default(),
            cert_brand: row.brand.unwrap_or_default(),
            domain_type: row.domain_type,
            purchase_period: row.validity_months / 12,
            expired_time: milliseconds(row.not_after),
            order_status: status,
            order_state: status,
            domain_num: row.domain_count,
            wildcard_number: row.wildcard_count,
            cert_des: row.description.unwrap_or_default(),
        }
    }
}

async fn list_certs(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<ListCertsResponse>, Failure> {
    let now_ms = ccm.now_ms();
    let page = fields::page(&params)?;
    let sort_key = fields::sort_key(&params)?;
    let content = params.short_text("content", 255)?.map(str::to_owned);
    let mut filter = Filter { content, ..Filter::default() };
    let mut session = ccm.database().read().await?;
    let used = store::count_free(&mut session, &caller.account_id, FREE_MONTHS).await?;
    let free_remain = (ccm.free_certificates() - used).max(0);
    match fields::status(&params, "order_status")? {
        StatusFilter::Any => {}
        StatusFilter::Only(status) => filter.status = Some(status),
        StatusFilter::None => return Ok(Json(ListCertsResponse { total: 0, free_remain, order_list: Vec::new() })),
    }
    let (rows, total) = store::list(&mut session, &caller.account_id, &filter, sort_key, page, now_ms).await?;
    let order_list = rows.into_iter().map(|row| ListedCert::new(row, now_ms)).collect();
    Ok(Json(ListCertsResponse { total, free_remain, order_list }))
}

#[derive(Serialize)]
struct ShowCertResponse {
    cert_id: String,
    order_id: String,
    cert_name: String,
    cert_type: String,
    cert_brand: String,
    domain_type: String,
    domain_name: String,
    domain_number: i64,
    cert_describe: String,
    push_support: &'static str,
    revoke_reason: String,
    #[serde(flatten)]
    applicant: ApplicantFields,
    organization_unit: String,
    status: &'static str,
    encrypt_type: String,
    /// This server makes no DNS records.
    #[serde(rename = "DNS_push_status")]
    dns_push_status: &'static str,
    auth: Vec<Authentication>,
}

#[derive(Serialize)]
struct Authentication {
    method: &'static str,
    status: &'static str,
    domain_name: String,
    host_record: String,
    record_type: String,
    record: String,
}

impl From<DomainProof> for Authentication {
    fn from(proof: DomainProof) -> Self {
        // Who gets the mails is not told: a link in them approves the domain.
        let shown = proof.method() != ValidationMethod::Email;
        Self {
            method: proof.method().as_str(),
            status: match proof.status() {
                ProofStatus::Verified => "verified",
                ProofStatus::Expired => "failed",
                _ => "checking",
            },
            host_record: if shown { proof.record_name } else { String::new() },
            record: if shown { proof.record_value } else { String::new() },
            record_type: proof.record_type,
            domain_name: proof.domain,
        }
    }
}

async fn show_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<ShowCertResponse>, Failure> {
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().read().await?;
    let row = store::find(&mut session, &caller.account_id, &id).await?.ok_or(Error::NotFound)?;
    let applicant = orders::find_applicant(&ccm, &mut session, &id).await?.unwrap_or_default();
    let proofs = domain_proofs::list(&mut session, &id).await?;
    Ok(Json(ShowCertResponse {
        domain_name: row.domains().join(";"),
        push_support: if row.is_pushable_at(now_ms) { "on" } else { "off" },
        status: row.status_at(now_ms).as_str(),
        cert_id: row.id,
        order_id: row.order_id.unwrap_or_default(),
        cert_name: row.name,
        cert_type: row.certificate_type.unwrap_or_default(),
        cert_brand: row.brand.unwrap_or_default(),
        domain_type: row.domain_type,
        domain_number: row.domain_count,
        cert_describe: row.description.unwrap_or_default(),
        revoke_reason: row.revocation_reason.unwrap_or_default(),
        encrypt_type: row.signature_algorithm.unwrap_or_default(),
        organization_unit: applicant.company_unit.clone().unwrap_or_default(),
        applicant: applicant.into(),
        dns_push_status: "NONE",
        auth: proofs.into_iter().map(Authentication::from).collect(),
    }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ModifyCertRequest {
    #[serde(deserialize_with = "lenient::text")]
    modify_key: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    modify_value: Option<String>,
}

impl Body for ModifyCertRequest {
    fn subject(path: &str) -> Subject {
        if path == "modify_key" { Subject::ModifyKey } else { Subject::ModifyValue }
    }
}

#[derive(Serialize)]
struct ModifyCertResponse {
    response_info: &'static str,
}

async fn modify_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<ModifyCertRequest>,
) -> Result<Json<ModifyCertResponse>, Failure> {
    let key = body.modify_key.unwrap_or_default();
    let modification = match key.trim().to_ascii_uppercase().as_str() {
        "CERT_NAME" => {
            let missing = || Invalid::missing(Subject::ModifyValue, "modify_value");
            Modification::Name(body.modify_value.ok_or_else(missing)?)
        }
        "DESCRIPTION" => Modification::Description(body.modify_value),
        _ => {
            let reason = "must be CERT_NAME or DESCRIPTION";
            return Err(Invalid::new(Subject::ModifyKey, "modify_key", reason).into());
        }
    };
    certificates::modify(&ccm, &caller, &id, modification).await?;
    Ok(Json(ModifyCertResponse { response_info: "success" }))
}

async fn delete_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<Message>, Failure> {
    certificates::delete(&ccm, &caller, &id).await?;
    Ok(Json(Message::SUCCESS))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UploadCertRequest {
    #[serde(deserialize_with = "lenient::text")]
    cert_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    cert: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    private_key: Option<String>,
}

impl Body for UploadCertRequest {
    fn subject(path: &str) -> Subject {
        match path {
            "cert_name" => Subject::Name,
            "private_key" => Subject::PrivateKey,
            _ => Subject::Certificate,
        }
    }
}

#[derive(Serialize)]
struct UploadCertResponse {
    cert_id: String,
}

async fn upload_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<UploadCertRequest>,
) -> Result<Json<UploadCertResponse>, Failure> {
    let missing = Invalid::missing;
    let new = Import {
        name: body.cert_name.ok_or_else(|| missing(Subject::Name, "cert_name"))?,
        certificate: body.cert.ok_or_else(|| missing(Subject::Certificate, "cert"))?,
        chain: None,
        private_key: Secret::new(body.private_key.ok_or_else(|| missing(Subject::PrivateKey, "private_key"))?),
        encryption_certificate: None,
        refuse_duplicate: false,
        enterprise_project_id: "0".into(),
        origin_id: None,
    };
    Ok(Json(UploadCertResponse { cert_id: import::import(&ccm, &caller, new).await? }))
}

async fn download_cert_file(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Response, Failure> {
    let (file_name, bytes) = match certificates::download(&ccm, &caller, &id).await {
        // What is wrong with a certificate that is kept here is no fault of the caller.
        Err(error @ (Error::Key(_) | Error::Pki(_))) => {
            tracing::error!(cause = %error, "a certificate cannot be downloaded");
            return Ok(ApiError::new(codes::SCM_DOWNLOAD_FAILED).into_response());
        }
        outcome => outcome?,
    };
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, attachment(&file_name)),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}
