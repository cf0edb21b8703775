//! The server's own routes: health, metrics, documentation.

use axum::{
    extract::State,
    response::{Html, IntoResponse},
};
use http::{StatusCode, header::CONTENT_TYPE};
use openccm_service::OpenCcm;

use crate::{
    RenderMetrics,
    route::{Access::Public, Routes, Service},
};

/// The description of the API that `build.rs` made from `openapi/openccm.yaml`.
const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
const DOCS: &str = include_str!("docs.html");

pub(crate) fn routes(metrics: RenderMetrics) -> Routes {
    let show_metrics = async move || ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics());
    Routes::of(Service::Server)
        .add("GET", "/healthz", "show_health", Public, async || "ok\n")
        .add("GET", "/readyz", "show_readiness", Public, show_readiness)
        .add("GET", "/metrics", "show_metrics", Public, show_metrics)
        .add("GET", "/openapi.json", "show_openapi", Public, async || ([(CONTENT_TYPE, "application/json")], OPENAPI))
        .add("GET", "/docs", "show_docs", Public, async || Html(DOCS))
}

async fn show_readiness(State(ccm): State<OpenCcm>) -> impl IntoResponse {
    let answers = async { ccm.database().read().await?.ping().await };
    match answers.await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
