//! Groups of APIs, as far as their domain names and certificates go: what Terraform reads after it has bound a certificate.

use axum::{Extension, Json, extract::State};
use openccm_service::{Caller, OpenCcm, gateway::bindings};
use openccm_store::{gateway_certificates::GatewayCertificate, gateway_domains::GatewayDomain};
use serde::Serialize;

use super::{
    Failure,
    fields::{GroupPath, MIN_SSL_VERSION, NO_PORT, RESOLVED, time},
};
use crate::route::{Access::Action, Routes, Service};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Apig).add(
        "GET",
        "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}",
        "show_details_of_api_group_v2",
        Action("apig:groups:get"),
        show_details_of_api_group_v2,
    )
}

#[derive(Serialize)]
struct GroupResponse {
    id: String,
    name: String,
    /// Valid.
    status: i64,
    register_time: String,
    update_time: String,
    url_domains: Vec<DomainResponse>,
}

#[derive(Serialize)]
struct DomainResponse {
    id: String,
    domain: String,
    cname_status: i64,
    ssl_id: Option<String>,
    ssl_name: Option<String>,
    min_ssl_version: &'static str,
    verified_client_certificate_enabled: bool,
    is_has_trusted_root_ca: bool,
    ingress_http_port: i64,
    ingress_https_port: i64,
    ssl_infos: Vec<SslResponse>,
}

#[derive(Serialize)]
struct SslResponse {
    ssl_id: String,
    ssl_name: String,
    algorithm_type: String,
    /// 1 for a certificate of this gateway, 2 for one of every gateway.
    #[serde(rename = "type")]
    scope: i64,
    is_has_trusted_root_ca: bool,
}

async fn show_details_of_api_group_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    path: GroupPath,
) -> Result<Json<GroupResponse>, Failure> {
    let rows = bindings::show_group(&ccm, &caller, &path.instance_id, &path.group_id).await?;
    let name = rows.first().map(|(domain, _)| domain.group_name.clone()).unwrap_or_default();
    let times = || rows.iter().map(|(domain, _)| domain.created_at);
    Ok(Json(GroupResponse {
        id: path.group_id,
        name,
        status: 1,
        register_time: time(times().min().unwrap_or_default()),
        update_time: time(times().max().unwrap_or_default()),
        url_domains: rows.into_iter().map(DomainResponse::from).collect(),
    }))
}

impl From<(GatewayDomain, Option<GatewayCertificate>)> for DomainResponse {
    fn from((domain, certificate): (GatewayDomain, Option<GatewayCertificate>)) -> Self {
        Self {
            id: domain.id,
            domain: domain.name,
            cname_status: RESOLVED,
            ssl_id: certificate.as_ref().map(|certificate| certificate.id.clone()),
            ssl_name: certificate.as_ref().map(|certificate| certificate.name.clone()),
            min_ssl_version: MIN_SSL_VERSION,
            verified_client_certificate_enabled: domain.verifies_clients != 0,
            is_has_trusted_root_ca: certificate.as_ref().is_some_and(|row| row.has_trusted_roots != 0),
            ingress_http_port: NO_PORT,
            ingress_https_port: NO_PORT,
            ssl_infos: certificate.into_iter().map(SslResponse::from).collect(),
        }
    }
}

impl From<GatewayCertificate> for SslResponse {
    fn from(row: GatewayCertificate) -> Self {
        Self {
            is_has_trusted_root_ca: row.has_trusted_roots != 0,
            scope: if row.is_for_one_gateway() { 1 } else { 2 },
            ssl_id: row.id,
            ssl_name: row.name,
            algorithm_type: row.algorithm_type,
        }
    }
}
