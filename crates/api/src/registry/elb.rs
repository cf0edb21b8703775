//! Elastic Load Balance, v3: the certificates in the registry.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use openccm_core::PushService;
use openccm_service::{Caller, OpenCcm, ssl::push::registry};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    error::failure,
    extract::{ProjectAndId, ResourceId},
    route::{Access::Action, Routes, Service},
};

failure!(Elb);

pub(super) fn routes() -> Routes {
    Routes::of(Service::Elb)
        .add(
            "GET",
            "/v3/{project_id}/elb/certificates/{certificate_id}",
            "show_elb_certificate",
            Action("elb:certificates:get"),
            show_certificate,
        )
        .add(
            "DELETE",
            "/v3/{project_id}/elb/certificates/{certificate_id}",
            "delete_elb_certificate",
            Action("elb:certificates:delete"),
            delete_certificate,
        )
}

#[derive(Serialize)]
struct ShowCertificateResponse {
    certificate: CertificateBody,
}

#[derive(Serialize)]
struct CertificateBody {
    id: String,
    name: String,
    description: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    domain: String,
    certificate: String,
    admin_state_up: bool,
    project_id: String,
    expire_time: String,
    created_at: String,
    updated_at: String,
}

async fn show_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ProjectAndId { project_id, id: ResourceId(id) }: ProjectAndId,
) -> Result<Json<ShowCertificateResponse>, Failure> {
    let row = registry::find(&ccm, &caller, PushService::Elb, &project_id, &id).await?;
    let certificate = CertificateBody {
        id: row.id,
        name: row.name,
        description: "",
        kind: "server",
        domain: row.domains,
        certificate: row.content,
        admin_state_up: true,
        project_id: row.project_id,
        expire_time: time_text(row.not_after),
        created_at: time_text(row.created_at),
        updated_at: time_text(row.updated_at),
    };
    Ok(Json(ShowCertificateResponse { certificate }))
}

async fn delete_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ProjectAndId { project_id, id: ResourceId(id) }: ProjectAndId,
) -> Result<StatusCode, Failure> {
    registry::delete(&ccm, &caller, PushService::Elb, &project_id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// ELB's times: `2026-11-22T00:00:00Z`.
fn time_text(ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(ms / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}
