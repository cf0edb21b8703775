//! Version discovery: some clients ask for it before anything else.

use axum::{Json, extract::State};
use openccm_service::OpenCcm;
use serde_json::{Value, json};

use crate::route::{Access::Public, Routes, Service};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Iam).add("GET", "/", "list_versions", Public, list_versions).add(
        "GET",
        "/v3",
        "show_version",
        Public,
        show_version,
    )
}

fn version(ccm: &OpenCcm) -> Value {
    let href = format!("{}/v3/", ccm.public_url());
    json!({"id": "v3.6", "status": "stable", "links": [{"rel": "self", "href": href}]})
}

async fn list_versions(State(ccm): State<OpenCcm>) -> Json<Value> {
    Json(json!({"versions": {"values": [version(&ccm)]}}))
}

async fn show_version(State(ccm): State<OpenCcm>) -> Json<Value> {
    Json(json!({"version": version(&ccm)}))
}
