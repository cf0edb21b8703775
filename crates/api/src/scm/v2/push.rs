//! Pushing certificates, as the historical API has it.

use axum::{Extension, Json, extract::State};
use openccm_core::Subject;
use openccm_service::{Caller, OpenCcm, ssl::push};
use serde::{Deserialize, Serialize};

use super::super::Failure;
use crate::{
    extract::{Body, Input, ResourceId},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Scm)
        .add("POST", "/v2/{project_id}/scm/cert/{cert_id}/push", "push_cert", Action("scm:cert:push"), push_cert)
        .add(
            "GET",
            "/v2/{project_id}/scm/cert/{cert_id}/push-history",
            "list_push_history",
            Action("scm:pushHistory:list"),
            list_push_history,
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PushCertRequest {
    #[serde(deserialize_with = "lenient::text")]
    remote_project: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    service_type: Option<String>,
}

impl Body for PushCertRequest {
    fn subject(path: &str) -> Subject {
        if path == "service_type" { Subject::PushService } else { Subject::Region }
    }
}

#[derive(Serialize)]
struct PushCertResponse {
    message: &'static str,
}

async fn push_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<PushCertRequest>,
) -> Result<Json<PushCertResponse>, Failure> {
    let (service, region) = (body.service_type.as_deref(), body.remote_project.as_deref());
    push::push(&ccm, &caller, &id, service, region).await?;
    Ok(Json(PushCertResponse { message: "success" }))
}

#[derive(Serialize)]
struct ListPushHistoryResponse {
    push_history_list: Vec<PushHistoryEntry>,
}

#[derive(Serialize)]
struct PushHistoryEntry {
    push_time: String,
    push_remote_project: Option<String>,
    push_service: String,
    /// OpenCCM's own: whether it is served.
    push_status: &'static str,
}

async fn list_push_history(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<ListPushHistoryResponse>, Failure> {
    let entries = push::history(&ccm, &caller, &id).await?;
    let push_history_list = entries.into_iter().map(|entry| PushHistoryEntry {
        push_time: entry.pushed_at.to_string(),
        push_remote_project: entry.region,
        push_service: entry.service,
        push_status: entry.state.as_str(),
    });
    Ok(Json(ListPushHistoryResponse { push_history_list: push_history_list.collect() }))
}
