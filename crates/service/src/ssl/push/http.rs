//! The HTTP client for other people's servers: short patience, short answers, no redirects.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use reqwest::{Certificate, Client, Response, redirect::Policy};

use super::failure::Fault;
use crate::causes::with_causes;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For a request and its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The JSON, or null where it is none.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends a request, and reads the answer.
pub(super) async fn send(
    method: http::Method,
    url: url::Url,
    headers: HeaderMap,
    body: Vec<u8>,
    roots: Option<&str>,
) -> Result<Answer, Fault> {
    answer(client(roots)?.request(method, url).headers(headers).body(body).send().await).await
}

/// A client that takes certificates under these roots (PEM) beside those of the system.
pub(super) fn client(roots: Option<&str>) -> Result<Client, Fault> {
    let mut builder = Client::builder()
        .user_agent(concat!("openccm/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(Policy::none());
    if let Some(roots) = roots {
        let roots = Certificate::from_pem_bundle(roots.as_bytes()).map_err(|error| Fault::refused(causes(&error)))?;
        builder = builder.tls_certs_merge(roots);
    }
    builder.build().map_err(|error| Fault::failed(causes(&error)))
}

/// Reads the answer to a request.
pub(super) async fn answer(response: Result<Response, reqwest::Error>) -> Result<Answer, Fault> {
    let mut response = response.map_err(|error| Fault::failed(causes(&error)))?;
    let mut answer = Answer { status: response.status(), body: Vec::new() };
    while let Some(chunk) = response.chunk().await.map_err(|error| Fault::failed(causes(&error)))? {
        answer.body.extend_from_slice(&chunk);
        if answer.body.len() > ANSWER_LIMIT {
            return Err(Fault::failed(format!("the answer is longer than {ANSWER_LIMIT} bytes")));
        }
    }
    Ok(answer)
}

/// An error and what caused it, without the address, which may hold a credential.
fn causes(error: &reqwest::Error) -> String {
    let text = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "cannot be reached",
        _ => "the request failed",
    };
    match std::error::Error::source(error) {
        Some(cause) => format!("{text}: {}", with_causes(cause)),
        None => text.to_owned(),
    }
}
