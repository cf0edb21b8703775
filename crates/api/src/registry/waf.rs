//! Web Application Firewall, v1: the certificates in the registry.

use axum::{Extension, Json, extract::State};
use openccm_core::PushService;
use openccm_service::{Caller, OpenCcm, ssl::push::registry};
use openccm_store::registered_certificates::RegisteredCertificate;
use serde::Serialize;

use crate::{
    error::failure,
    extract::{ProjectAndId, ResourceId},
    route::{Access::Action, Routes, Service},
};

failure!(Waf);

/// A certificate that ends within a month is about to.
const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1000;

pub(super) fn routes() -> Routes {
    Routes::of(Service::Waf)
        .add(
            "GET",
            "/v1/{project_id}/waf/certificate/{certificate_id}",
            "show_waf_certificate",
            Action("waf:certificate:get"),
            show_certificate,
        )
        .add(
            "DELETE",
            "/v1/{project_id}/waf/certificate/{certificate_id}",
            "delete_waf_certificate",
            Action("waf:certificate:delete"),
            delete_certificate,
        )
}

#[derive(Serialize)]
struct CertificateResponse {
    id: String,
    name: String,
    content: String,
    expire_time: i64,
    /// 0 valid, 1 ended, 2 about to end.
    exp_status: i64,
    timestamp: i64,
    bind_host: [String; 0],
}

fn render(row: RegisteredCertificate, now_ms: i64) -> CertificateResponse {
    CertificateResponse {
        id: row.id,
        name: row.name,
        content: row.content,
        expire_time: row.not_after,
        exp_status: match row.not_after - now_ms {
            left if left <= 0 => 1,
            left if left <= MONTH_MS => 2,
            _ => 0,
        },
        timestamp: row.updated_at,
        bind_host: [],
    }
}

async fn show_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ProjectAndId { project_id, id: ResourceId(id) }: ProjectAndId,
) -> Result<Json<CertificateResponse>, Failure> {
    let row = registry::find(&ccm, &caller, PushService::Waf, &project_id, &id).await?;
    Ok(Json(render(row, ccm.now_ms())))
}

async fn delete_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ProjectAndId { project_id, id: ResourceId(id) }: ProjectAndId,
) -> Result<Json<CertificateResponse>, Failure> {
    let row = registry::find(&ccm, &caller, PushService::Waf, &project_id, &id).await?;
    registry::delete(&ccm, &caller, PushService::Waf, &project_id, &id).await?;
    Ok(Json(render(row, ccm.now_ms())))
}
