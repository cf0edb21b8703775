//! Switching authorities on and off, revoking, deleting and restoring them.

use axum::{Extension, extract::State};
use http::StatusCode;
use openccm_core::CaId;
use openccm_service::{Caller, OpenCcm, authorities};

use super::{Failure, fields::RevokeRequest};
use crate::{
    extract::{Id, Input, Params},
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Pca)
        .add(
            "DELETE",
            "/v1/private-certificate-authorities/{ca_id}",
            "delete_certificate_authority",
            Action("pca:ca:delete"),
            delete_certificate_authority,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/disable",
            "disable_certificate_authority",
            Action("pca:ca:disable"),
            disable_certificate_authority,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/enable",
            "enable_certificate_authority",
            Action("pca:ca:enable"),
            enable_certificate_authority,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/restore",
            "restore_certificate_authority",
            Action("pca:ca:restore"),
            restore_certificate_authority,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/revoke",
            "revoke_certificate_authority",
            Action("pca:ca:revoke"),
            revoke_certificate_authority,
        )
}

async fn delete_certificate_authority(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
    params: Params,
) -> Result<StatusCode, Failure> {
    authorities::delete(&ccm, &caller, id, params.integer("pending_days")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn disable_certificate_authority(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
) -> Result<StatusCode, Failure> {
    authorities::disable(&ccm, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn enable_certificate_authority(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
) -> Result<StatusCode, Failure> {
    authorities::enable(&ccm, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore_certificate_authority(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
) -> Result<StatusCode, Failure> {
    authorities::restore(&ccm, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_certificate_authority(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
    Input(body): Input<RevokeRequest>,
) -> Result<StatusCode, Failure> {
    authorities::revoke(&ccm, &caller, id, body.cause()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
