//! How much of its quotas an account has used, and the paging that all lists share.

use axum::{Extension, Json, extract::State};
use openccm_core::{Invalid, Subject};
use openccm_service::{Caller, OpenCcm};
use openccm_store::{
    accounts, certificate_authorities,
    page::{Direction, Page},
};
use serde::Serialize;

use super::Failure;
use crate::{
    extract::Params,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Pca)
        .add(
            "GET",
            "/v1/private-certificate-authorities/quotas",
            "show_certificate_authority_quota",
            Action("pca:ca:quota"),
            show_certificate_authority_quota,
        )
        .add(
            "GET",
            "/v1/private-certificates/quotas",
            "show_certificate_quota",
            Action("pca:cert:quota"),
            show_certificate_quota,
        )
}

#[derive(Serialize)]
struct QuotaResponse {
    quotas: Quotas,
}

#[derive(Serialize)]
struct Quotas {
    resources: [Resource; 1],
}

#[derive(Serialize)]
struct Resource {
    #[serde(rename = "type")]
    resource_type: &'static str,
    used: i64,
    quota: i64,
}

fn response(resource_type: &'static str, used: i64, quota: i64) -> Json<QuotaResponse> {
    Json(QuotaResponse { quotas: Quotas { resources: [Resource { resource_type, used, quota }] } })
}

async fn show_certificate_authority_quota(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<QuotaResponse>, Failure> {
    let mut session = ccm.database().read().await?;
    let used = certificate_authorities::count(&mut session, &caller.account_id, ccm.now_ms()).await?;
    Ok(response("CERTIFICATE_AUTHORITY", used, ccm.quotas().authorities))
}

async fn show_certificate_quota(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<QuotaResponse>, Failure> {
    let mut session = ccm.database().read().await?;
    let account = accounts::find(&mut session, &caller.account_id).await?;
    let used = account.map_or(0, |account| account.certificates_used);
    Ok(response("CERTIFICATE", used, ccm.quotas().certificates))
}

/// The page that a list is asked for: `limit` 0 to 1000 (10), `offset` (0), `sort_dir` `ASC` or `DESC` (`DESC`).
pub(super) fn page(params: &Params) -> Result<Page, Invalid> {
    let limit = params.integer("limit")?.unwrap_or(10);
    if !(0..=1000).contains(&limit) {
        return Err(Invalid::new(Subject::Parameter, "limit", "must be 0 to 1000"));
    }
    let offset = params.integer("offset")?.unwrap_or(0);
    if offset < 0 {
        return Err(Invalid::new(Subject::Parameter, "offset", "must not be negative"));
    }
    let ascending = params.text("sort_dir").is_some_and(|text| text.eq_ignore_ascii_case("ASC"));
    let direction = if ascending { Direction::Ascending } else { Direction::Descending };
    Ok(Page { limit, offset, direction })
}
