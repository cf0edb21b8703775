//! Orders of SSL certificates (v2): keeping and making applications, taking them back, adding domain names, revoking.

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{FromRequest, Multipart, RawPathParams, Request, State},
};
use http::header::CONTENT_TYPE;
use openccm_core::{Invalid, ServerName, Subject};
use openccm_service::{
    Caller, OpenCcm,
    ssl::{
        orders::{self, PictureKind},
        signing_requests,
    },
};
use serde::{Deserialize, Serialize};

use super::super::{
    Failure,
    fields::{ApplicantFields, Message, RequestInfo},
    orders::{ApplicationRequest, cancel_certificate_request},
};
use crate::{
    extract::{Body, Input, ResourceId},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const COMPLETE: &str = "/v2/{project_id}/scm/cert/{cert_id}/complete";
    const CHECK_CSR: &str = "/v2/{project_id}/scm/check-csr";
    const SAVE: &str = "/v2/{project_id}/scm/cert/{cert_id}/save";
    const READ: &str = "/v2/{project_id}/scm/cert/{cert_id}/read";
    const CANCEL: &str = "/v2/{project_id}/scm/cert/{cert_id}/cancel-cert";
    const PICTURE: &str = "/v2/{project_id}/scm/cert/{cert_id}/info/{type}/upload_authentication";
    const REVOKE: &str = "/v2/{project_id}/scm/cert/{cert_id}/revoke";
    const PRIVACY: &str = "/v2/{project_id}/scm/privacy-protection/{cert_id}";
    const SUPPLEMENT: &str = "/v2/{project_id}/scm/cert/{cert_id}/supplement";
    Routes::of(Service::Scm)
        .add("POST", COMPLETE, "complete_cert", Action("scm:cert:apply"), complete_cert)
        .add("POST", CHECK_CSR, "check_csr", Action("scm:csr:check"), check_csr)
        .add("POST", SAVE, "save_cert", Action("scm:certInfo:save"), save_cert)
        .add("POST", READ, "read_cert", Action("scm:certInfo:get"), read_cert)
        .add("POST", CANCEL, "cancel_cert", Action("scm:cert:cancelApply"), cancel_certificate_request)
        .add("POST", PICTURE, "upload_authentication", Action("scm:certInfo:upload"), upload_authentication)
        .add("POST", REVOKE, "revoke_cert", Action("scm:cert:revoke"), revoke_cert)
        .add(
            "DELETE",
            PRIVACY,
            "delete_privacy_protection",
            Action("scm:privacyProtection:delete"),
            delete_privacy_protection,
        )
        .add("POST", SUPPLEMENT, "supplement_cert", Action("scm:cert:supplement"), supplement_cert)
}

async fn complete_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<ApplicationRequest>,
) -> Result<Json<RequestInfo>, Failure> {
    orders::apply(&ccm, &caller, &id, body.read()?).await?;
    Ok(Json(RequestInfo::SUCCESS))
}

async fn save_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<ApplicationRequest>,
) -> Result<Json<RequestInfo>, Failure> {
    orders::save(&ccm, &caller, &id, body.read()?).await?;
    Ok(Json(RequestInfo::SUCCESS))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CheckCsrRequest {
    #[serde(deserialize_with = "lenient::text")]
    csr: Option<String>,
}

impl Body for CheckCsrRequest {
    fn subject(_: &str) -> Subject {
        Subject::Csr
    }
}

#[derive(Serialize)]
struct CheckCsrResponse {
    /// The name in the table of the reference, and the one in its example.
    domain_name: String,
    domain: String,
}

async fn check_csr(Input(body): Input<CheckCsrRequest>) -> Result<Json<CheckCsrResponse>, Failure> {
    let csr = body.csr.ok_or_else(|| Invalid::missing(Subject::Csr, "csr"))?;
    let names = signing_requests::check(&csr)?;
    let domain = names.first().map(ServerName::to_string).unwrap_or_default();
    Ok(Json(CheckCsrResponse { domain_name: domain.clone(), domain }))
}

#[derive(Serialize)]
struct ReadCertResponse {
    domain_name: String,
    sans: String,
    #[serde(rename = "CSR")]
    csr: Option<String>,
    company_unit: String,
    #[serde(flatten)]
    applicant: ApplicantFields,
    bl: &'static str,
    tl: &'static str,
}

async fn read_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<ReadCertResponse>, Failure> {
    let saved = orders::read(&ccm, &caller, &id).await?;
    let applicant = saved.applicant.unwrap_or_default();
    let uploaded = |kind: PictureKind| if saved.pictures.iter().any(|k| k == kind.as_str()) { "1" } else { "0" };
    Ok(Json(ReadCertResponse {
        domain_name: saved.row.domain,
        sans: saved.row.sans,
        csr: saved.row.csr,
        company_unit: applicant.company_unit.clone().unwrap_or_default(),
        applicant: applicant.into(),
        bl: uploaded(PictureKind::BankPermit),
        tl: uploaded(PictureKind::BusinessLicence),
    }))
}

/// The reference leaves open how a picture is sent: as the body itself, or as the first file of a form.
async fn upload_authentication(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    params: RawPathParams,
    request: Request,
) -> Result<Json<RequestInfo>, Failure> {
    let kind = params.iter().find(|(name, _)| *name == "type").and_then(|(_, text)| PictureKind::parse(text));
    let kind = kind.ok_or_else(|| Invalid::new(Subject::Parameter, "type", "must be BL or TL"))?;
    let bytes = read_picture(request).await?;
    orders::upload_picture(&ccm, &caller, &id, kind, &bytes).await?;
    Ok(Json(RequestInfo::SUCCESS))
}

async fn read_picture(request: Request) -> Result<Bytes, Invalid> {
    let unreadable = |error: String| Invalid::new(Subject::Parameter, "body", error);
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media_type.to_ascii_lowercase().starts_with("multipart/form-data") {
        return Bytes::from_request(request, &()).await.map_err(|error| unreadable(error.to_string()));
    }
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| unreadable(error.to_string()))?;
    while let Some(field) = form.next_field().await.map_err(|error| unreadable(error.to_string()))? {
        if field.file_name().is_some() {
            return field.bytes().await.map_err(|error| unreadable(error.to_string()));
        }
    }
    Err(Invalid::new(Subject::Parameter, "body", "has no file"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RevokeCertRequest {
    #[serde(deserialize_with = "lenient::text")]
    reason: Option<String>,
}

impl Body for RevokeCertRequest {
    fn subject(_: &str) -> Subject {
        Subject::RevocationReason
    }
}

async fn revoke_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<RevokeCertRequest>,
) -> Result<Json<Message>, Failure> {
    orders::revoke(&ccm, &caller, &id, &body.reason.unwrap_or_default()).await?;
    Ok(Json(Message::SUCCESS))
}

async fn delete_privacy_protection(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<Message>, Failure> {
    orders::forget_applicant(&ccm, &caller, &id).await?;
    Ok(Json(Message::SUCCESS))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SupplementCertRequest {
    #[serde(deserialize_with = "lenient::text")]
    ori_sans: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    add_sans: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    email: Option<String>,
}

impl Body for SupplementCertRequest {
    fn subject(path: &str) -> Subject {
        match path {
            "ori_sans" => Subject::AlternativeNames,
            "add_sans" => Subject::Domain,
            _ => Subject::Parameter,
        }
    }
}

async fn supplement_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<SupplementCertRequest>,
) -> Result<Json<RequestInfo>, Failure> {
    if body.email.as_ref().is_some_and(|email| !email.contains('@')) {
        return Err(Invalid::new(Subject::Parameter, "email", "is no mail address").into());
    }
    let (present, added) = (body.ori_sans.unwrap_or_default(), body.add_sans.unwrap_or_default());
    orders::supplement(&ccm, &caller, &id, &present, &added).await?;
    Ok(Json(RequestInfo::SUCCESS))
}
