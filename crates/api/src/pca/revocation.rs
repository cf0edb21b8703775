//! How authorities make revocations public: their lists and their OCSP.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use openccm_core::{CaId, Invalid, Subject};
use openccm_service::{
    Caller, OpenCcm, ocsp,
    revocation::{self, CrlConfiguration},
};
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::{
    extract::{Body, Id, Input},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Pca)
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/crl/enable",
            "enable_certificate_authority_crl",
            Action("pca:ca:enableCrl"),
            enable_certificate_authority_crl,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/crl/disable",
            "disable_certificate_authority_crl",
            Action("pca:ca:disableCrl"),
            disable_certificate_authority_crl,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/ocsp/switch",
            "update_ocsp_switch",
            Action("pca:ca:switchOcsp"),
            update_ocsp_switch,
        )
        .add(
            "GET",
            "/v1/pca/config/console",
            "show_console_config",
            Action("pca:console:getConfig"),
            show_console_config,
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EnableCertificateAuthorityCrlRequest {
    #[serde(deserialize_with = "lenient::text")]
    crl_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    obs_bucket_name: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    valid_days: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    partitions: Option<i64>,
}

impl Body for EnableCertificateAuthorityCrlRequest {
    fn subject(_: &str) -> Subject {
        Subject::CrlConfiguration
    }
}

async fn enable_certificate_authority_crl(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
    Input(body): Input<EnableCertificateAuthorityCrlRequest>,
) -> Result<StatusCode, Failure> {
    let configuration = CrlConfiguration {
        enabled: true,
        name: body.crl_name,
        bucket: body.obs_bucket_name,
        valid_days: body.valid_days,
        partitions: body.partitions,
    };
    revocation::enable_crl(&ccm, &caller, id, configuration).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn disable_certificate_authority_crl(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
) -> Result<StatusCode, Failure> {
    revocation::disable_crl(&ccm, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UpdateOcspSwitchRequest {
    #[serde(deserialize_with = "lenient::boolean")]
    ocsp_switch: Option<bool>,
}

impl Body for UpdateOcspSwitchRequest {
    fn subject(_: &str) -> Subject {
        Subject::Parameter
    }
}

async fn update_ocsp_switch(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
    Input(body): Input<UpdateOcspSwitchRequest>,
) -> Result<StatusCode, Failure> {
    let on = body.ocsp_switch.ok_or_else(|| Invalid::missing(Subject::Parameter, "ocsp_switch"))?;
    ocsp::switch(&ccm, &caller, id, on).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What this server can do, for consoles.
#[derive(Serialize)]
struct ShowConsoleConfigResponse {
    is_support_eps: bool,
    is_support_sm2: bool,
    is_support_dhsm: bool,
    is_support_yearly_monthly_ca: bool,
    is_support_iam5: bool,
    is_support_ocsp: bool,
    dhsm_regions: [String; 0],
}

async fn show_console_config() -> Json<ShowConsoleConfigResponse> {
    Json(ShowConsoleConfigResponse {
        is_support_eps: false,
        is_support_sm2: false,
        is_support_dhsm: false,
        is_support_yearly_monthly_ca: false,
        is_support_iam5: false,
        is_support_ocsp: true,
        dhsm_regions: [],
    })
}
