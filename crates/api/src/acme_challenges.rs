//! What ACME services ask in order to see that a domain name leads here (RFC 8555 §8.3).

use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use openccm_core::codes::GATEWAY_NO_SUCH_API;
use openccm_service::OpenCcm;
use openccm_store::acme_challenges;

use crate::{
    error::ApiError,
    route::{Access::Public, Routes, Service},
};

/// The longest token that is looked for, in characters. RFC 8555 §8.3 knows no limit; services have 43.
const TOKEN_LIMIT: usize = 256;

pub(crate) fn routes() -> Routes {
    Routes::of(Service::Server).add(
        "GET",
        "/.well-known/acme-challenge/{token}",
        "show_acme_challenge",
        Public,
        show_acme_challenge,
    )
}

async fn show_acme_challenge(State(ccm): State<OpenCcm>, token: Result<Path<String>, PathRejection>) -> Response {
    let not_found = || ApiError::new(GATEWAY_NO_SUCH_API).into_response();
    let Ok(Path(token)) = token else { return not_found() };
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if token.len() > TOKEN_LIMIT || !token.bytes().all(is_token) {
        return not_found();
    }
    let find = async { acme_challenges::find_key_authorization(&mut ccm.database().read().await?, &token).await };
    match find.await {
        Ok(Some(content)) => {
            let headers = [(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, "no-store")];
            (headers, content).into_response()
        }
        Ok(None) => not_found(),
        Err(error) => {
            tracing::error!(%error, "an ACME challenge cannot be looked up");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
