//! The HTTP surface. One module a service, one file a resource; a handler parses, calls and renders.

mod acme_challenges;
mod apigw;
mod attachment;
mod codes;
mod domain_validation;
mod error;
mod extract;
mod iam;
mod lenient;
mod observe;
mod pca;
mod registry;
mod relying_parties;
mod route;
mod scm;
mod server;
mod sign_in;
mod unbuilt;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use http::StatusCode;
use openccm_core::codes::GATEWAY_NO_SUCH_API;
use openccm_service::OpenCcm;
pub use route::{Access, Operation, Service};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    error::ApiError,
    route::{Catalogue, Routes},
};

/// The longest body that is read, in bytes: what the vendor allows for signed requests.
pub const BODY_LIMIT: usize = 12 * 1024 * 1024;

/// Gives the metrics in the text format of Prometheus.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The whole surface of `ccm`.
pub fn router(ccm: OpenCcm, metrics: RenderMetrics) -> Router {
    serve(ccm, routes(metrics))
}

/// What is asked without signing in, alone: what relying parties ask (revocation lists, OCSP), and ACME services.
pub fn relying_party_router(ccm: OpenCcm) -> Router {
    serve(ccm, relying_parties::routes().merge(acme_challenges::routes()))
}

fn serve(ccm: OpenCcm, routes: Routes) -> Router {
    let (router, operations) = routes.into_parts();
    let gate = sign_in::Gate { ccm: ccm.clone(), catalogue: Arc::new(Catalogue::new(operations)) };
    router
        // Signing in has read the body within `BODY_LIMIT`; the framework's own limit of 2 MB is less than a chain may have.
        .layer(DefaultBodyLimit::disable())
        .route_layer(from_fn_with_state(gate, sign_in::sign_in))
        .method_not_allowed_fallback(|| async {
            ApiError::new(GATEWAY_NO_SUCH_API).with_status(StatusCode::METHOD_NOT_ALLOWED)
        })
        .fallback(|| async { ApiError::new(GATEWAY_NO_SUCH_API) })
        .layer(CatchPanicLayer::custom(error::after_panic))
        .layer(from_fn(observe::refuse_oversize))
        .layer(from_fn_with_state(ccm.clone(), observe::observe))
        .with_state(ccm)
}

/// Every operation that has a route, built or not.
pub fn operations() -> Vec<Operation> {
    routes(Arc::new(String::new)).into_parts().1
}

fn routes(metrics: RenderMetrics) -> Routes {
    pca::routes()
        .merge(scm::routes())
        .merge(apigw::routes())
        .merge(iam::routes())
        .merge(registry::routes())
        .merge(relying_parties::routes())
        .merge(domain_validation::routes())
        .merge(acme_challenges::routes())
        .merge(server::routes(metrics))
        .merge(unbuilt::routes())
}
