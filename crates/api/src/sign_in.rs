//! Who calls an operation, and may they?

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, request::Parts};
use openccm_auth::SignedRequest;
use openccm_core::codes;
use openccm_service::{Caller, Error, OpenCcm, identity};

use crate::{
    BODY_LIMIT,
    error::ApiError,
    observe::Observed,
    route::{Access, Catalogue, Operation},
};

/// The longest body that is read of those who need not sign in, in bytes: whoever they are, they have little to say.
const PUBLIC_BODY_LIMIT: usize = 1024 * 1024;

#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) ccm: OpenCcm,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// Reads the body, finds out which operation is called and by whom, and lets the request through if it may. Handlers find
/// the [`crate::Operation`] and the [`Caller`] among the request's extensions.
pub(crate) async fn sign_in(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let Some(operation) = gate.catalogue.find(request.method(), &path) else {
        return ApiError::new(codes::GATEWAY_NO_SUCH_API).into_response();
    };
    let (mut parts, body) = request.into_parts();
    let limit = if operation.access == Access::Public { PUBLIC_BODY_LIMIT } else { BODY_LIMIT };
    let Ok(body) = to_bytes(body, limit).await else {
        return ApiError::new(codes::GATEWAY_ENTITY_TOO_LARGE).into_response();
    };
    let mut observed = Observed { operation: operation.name, caller: None };
    let admitted = match operation.access {
        Access::Public => Ok(None),
        Access::SignedIn => authenticate(&gate.ccm, &parts, &body).await.map(Some),
        Access::Action(action) => match authenticate(&gate.ccm, &parts, &body).await {
            Ok(caller) => {
                observed.caller = Some(caller.user_name.clone());
                caller.authorize(action).map(|()| Some(caller))
            }
            Err(error) => Err(error),
        },
    };
    let admitted = match admitted {
        Ok(Some(caller)) => check_project(&operation, parts.uri.path(), &caller).map(|()| Some(caller)),
        admitted => admitted,
    };
    let mut response = match admitted {
        Ok(caller) => {
            parts.extensions.insert(operation);
            if let Some(caller) = caller {
                observed.caller = Some(caller.user_name.clone());
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, Body::from(body))).await
        }
        Err(error) => ApiError::from_error(operation.service, &error).into_response(),
    };
    response.extensions_mut().insert(observed);
    response
}

/// Checks the project in the path, where the operation's path has one.
fn check_project(operation: &Operation, path: &str, caller: &Caller) -> Result<(), Error> {
    let mut segments = operation.path.split('/').zip(path.split('/'));
    match segments.find(|(template, _)| *template == "{project_id}") {
        Some((_, project_id)) => caller.check_project(project_id),
        None => Ok(()),
    }
}

/// The caller, by signature or by token; where both are sent, by signature.
async fn authenticate(ccm: &OpenCcm, parts: &Parts, body: &Bytes) -> Result<Caller, Error> {
    let header = |name| header_text(&parts.headers, name);
    let caller = if let Some(authorization) = header("authorization") {
        verify_signature(ccm, parts, body, authorization).await?
    } else if let Some(token) = header("x-auth-token") {
        identity::authenticate_token(ccm, token).await?.caller
    } else {
        return Err(Error::Unauthenticated("neither Authorization nor X-Auth-Token is sent".into()));
    };
    caller.check_claims(header("x-domain-id"), header("x-project-id"))?;
    Ok(caller)
}

async fn verify_signature(ccm: &OpenCcm, parts: &Parts, body: &Bytes, authorization: &str) -> Result<Caller, Error> {
    let mut headers: Vec<(&str, &[u8])> =
        parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    // HTTP/2 says the host in the request's target.
    if let Some(authority) = parts.uri.authority()
        && !parts.headers.contains_key("host")
    {
        headers.push(("host", authority.as_str().as_bytes()));
    }
    let request = SignedRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body,
    };
    identity::authenticate_signature(ccm, authorization, &request).await
}

/// The text of a header; none where it is absent, empty or not text.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}
