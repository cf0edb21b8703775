//! What is seen of every request: its id, a line in the log, metrics.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header::CONTENT_LENGTH};
use openccm_core::codes;
use openccm_service::OpenCcm;
use tracing::Instrument;

use crate::{BODY_LIMIT, domain_validation::SECRET_PATHS, error::ApiError};

/// The operations that monitoring and relying parties call all the time.
const FREQUENT: [&str; 7] = [
    "show_health",
    "show_readiness",
    "show_metrics",
    "download_crl",
    "download_crl_partition",
    "query_ocsp",
    "query_ocsp_by_get",
];

/// What signing in found out about a request, for the log.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(crate) operation: &'static str,
    /// The user; none where nobody signed in.
    pub(crate) caller: Option<String>,
}

/// Gives every answer its `X-Request-Id`, logs it and counts it. Bodies, queries and headers stay out of the log: they may
/// hold secrets.
pub(crate) async fn observe(State(ccm): State<OpenCcm>, request: Request, next: Next) -> Response {
    let request_id = ccm.next_request_id().to_string();
    let span = tracing::info_span!("request", id = %request_id);
    let (method, path) = (request.method().clone(), loggable(request.uri().path()));
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let elapsed = started.elapsed();

    let observed = response.extensions_mut().remove::<Observed>();
    let (operation, caller) = observed.map_or(("none", None), |observed| (observed.operation, observed.caller));
    let status = response.status().as_u16();
    let latency_ms = elapsed.as_secs_f64() * 1000.0;
    let caller = caller.as_deref().unwrap_or("-");
    span.in_scope(|| {
        // They say something only when they fail.
        if status < 400 && FREQUENT.contains(&operation) {
            tracing::debug!(request_id, %method, path, operation, caller, status, latency_ms, "answered");
        } else {
            tracing::info!(request_id, %method, path, operation, caller, status, latency_ms, "answered");
        }
    });
    let labels = [("operation", operation.to_owned()), ("status", status.to_string())];
    metrics::counter!("openccm_http_requests_total", &labels).increment(1);
    metrics::histogram!("openccm_http_request_duration_seconds", "operation" => operation).record(elapsed);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// The path, without the token where it has one.
fn loggable(path: &str) -> String {
    if path.starts_with(SECRET_PATHS) { format!("{SECRET_PATHS}…") } else { path.to_owned() }
}

/// Refuses a body that says itself that it is too long, before any of it is read. One that does not say is measured while it
/// is read.
pub(crate) async fn refuse_oversize(request: Request, next: Next) -> Response {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > BODY_LIMIT as u64) {
        return ApiError::new(codes::GATEWAY_ENTITY_TOO_LARGE).into_response();
    }
    next.run(request).await
}
