//! Agencies, by which an account lets this server use buckets, and the buckets. The vendor has two operations for asking and
//! two for granting; they are about the same agency here.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header::USER_AGENT};
use openccm_service::{Caller, OpenCcm, buckets};
use serde::Serialize;

use super::Failure;
use crate::{
    route::{Access::Action, Routes, Service},
    sign_in::header_text,
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Pca)
        .add(
            "GET",
            "/v1/private-certificate-authorities/obs/agencies",
            "show_certificate_authority_obs_agency",
            Action("pca:ca:getObsAgency"),
            show_certificate_authority_obs_agency,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/obs/agencies",
            "create_certificate_authority_obs_agency",
            Action("pca:ca:createObsAgency"),
            create_agency,
        )
        .add(
            "GET",
            "/v1/private-certificate-authorities/obs/buckets",
            "list_certificate_authority_obs_bucket",
            Action("pca:ca:listObsBucket"),
            list_certificate_authority_obs_bucket,
        )
        .add(
            "GET",
            "/v1/private-certificate-authorities/agency",
            "show_agency",
            Action("pca:ca:getAgency"),
            show_agency,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/agencies",
            "create_agency",
            Action("pca:ca:createAgency"),
            create_agency,
        )
}

#[derive(Serialize)]
struct AgencyResponse<T> {
    agency_granted: T,
}

async fn show_certificate_authority_obs_agency(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<AgencyResponse<String>>, Failure> {
    let granted = buckets::has_agency(&ccm, &caller).await?;
    Ok(Json(AgencyResponse { agency_granted: granted.to_string() }))
}

/// A boolean, which Terraform needs; a text for the SDKs that read nothing else.
async fn show_agency(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    const TEXT_ONLY: [&str; 2] = ["huaweicloud-usdk-go", "huaweicloud-usdk-java"];
    let granted = buckets::has_agency(&ccm, &caller).await?;
    let agent = header_text(&headers, USER_AGENT.as_str()).unwrap_or_default();
    Ok(if TEXT_ONLY.iter().any(|client| agent.starts_with(client)) {
        Json(AgencyResponse { agency_granted: granted.to_string() }).into_response()
    } else {
        Json(AgencyResponse { agency_granted: granted }).into_response()
    })
}

#[derive(Serialize)]
struct CreateAgencyResponse {
    agency_id: String,
}

async fn create_agency(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<CreateAgencyResponse>, Failure> {
    Ok(Json(CreateAgencyResponse { agency_id: buckets::grant_agency(&ccm, &caller).await? }))
}

#[derive(Serialize)]
struct ListObsBucketResponse {
    total: usize,
    obs_buckets: Vec<ObsBucket>,
}

#[derive(Serialize)]
struct ObsBucket {
    bucket_name: String,
    create_time: i64,
}

async fn list_certificate_authority_obs_bucket(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ListObsBucketResponse>, Failure> {
    let rows = buckets::list_for(&ccm, &caller).await?;
    let obs_buckets: Vec<ObsBucket> =
        rows.into_iter().map(|row| ObsBucket { bucket_name: row.name, create_time: row.created_at }).collect();
    Ok(Json(ListObsBucketResponse { total: obs_buckets.len(), obs_buckets }))
}
