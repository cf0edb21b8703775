//! Certificates of the API gateway.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use openccm_core::{COMMON_INSTANCE, GatewayScope, Subject};
use openccm_service::{Caller, OpenCcm, gateway::certificates};
use openccm_store::{gateway_certificates::Filter, page::Direction};
use serde::Serialize;

use super::{
    Failure,
    fields::{BaseResponse, CertificatePath, CertificateResponse, FormRequest, ProjectId, page},
};
use crate::{
    extract::{Input, Params},
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const ALL: &str = "/v2/{project_id}/apigw/certificates";
    const ONE: &str = "/v2/{project_id}/apigw/certificates/{certificate_id}";
    Routes::of(Service::Apig)
        .add("POST", ALL, "create_certificate_v2", Action("apig:certificates:create"), create_certificate_v2)
        .add("GET", ALL, "list_certificates_v2", Action("apig:certificates:list"), list_certificates_v2)
        .add(
            "GET",
            ONE,
            "show_details_of_certificate_v2",
            Action("apig:certificates:get"),
            show_details_of_certificate_v2,
        )
        .add("PUT", ONE, "update_certificate_v2", Action("apig:certificates:update"), update_certificate_v2)
        .add("DELETE", ONE, "delete_certificate_v2", Action("apig:certificates:delete"), delete_certificate_v2)
}

async fn create_certificate_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ProjectId(project_id): ProjectId,
    Input(request): Input<FormRequest>,
) -> Result<Json<CertificateResponse>, Failure> {
    let shown = certificates::create(&ccm, &caller, &project_id, request.into_form()?).await?;
    Ok(Json(shown.into()))
}

#[derive(Serialize)]
struct ListCertificatesResponse {
    size: usize,
    total: i64,
    certs: Vec<BaseResponse>,
}

async fn list_certificates_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<ListCertificatesResponse>, Failure> {
    let text = |name: &str| params.text(name).map(str::to_owned);
    let scope = params.choice("type", Subject::Parameter, GatewayScope::parse)?;
    // The SDKs always name a gateway; those of every gateway are of none.
    let instance_id = text("instance_id").filter(|_| scope != Some(GatewayScope::Global));
    let filter = Filter {
        name: text("name"),
        common_name: text("common_name"),
        signature_algorithm: text("signature_algorithm"),
        scope: match (scope, instance_id.as_deref()) {
            (None, Some(COMMON_INSTANCE)) => Some(GatewayScope::Global),
            (scope, _) => scope,
        },
        instance_id,
        algorithm_type: text("algorithm_type"),
    };
    let (rows, total) = certificates::list(&ccm, &caller, &filter, page(&params, Direction::Descending)?).await?;
    let certs: Vec<BaseResponse> = rows.into_iter().map(BaseResponse::from).collect();
    Ok(Json(ListCertificatesResponse { size: certs.len(), total, certs }))
}

async fn show_details_of_certificate_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    CertificatePath(id): CertificatePath,
) -> Result<Json<CertificateResponse>, Failure> {
    Ok(Json(certificates::show(&ccm, &caller, &id).await?.into()))
}

async fn update_certificate_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    CertificatePath(id): CertificatePath,
    Input(request): Input<FormRequest>,
) -> Result<Json<CertificateResponse>, Failure> {
    Ok(Json(certificates::update(&ccm, &caller, &id, request.into_form()?).await?.into()))
}

async fn delete_certificate_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    CertificatePath(id): CertificatePath,
) -> Result<StatusCode, Failure> {
    certificates::delete(&ccm, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
