//! What goes wrong at an ACME service, and what that means for an order.

use instant_acme::{Error as ClientError, Problem};
use openccm_store::StoreError;

use crate::Error;

/// Why an order is not issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcmeError {
    /// The order is over: trying again as it is would be in vain.
    #[error("{0}")]
    Refused(String),
    /// It did not work this time: to be tried again.
    #[error("{reason}")]
    Failed {
        /// Why.
        reason: String,
        /// When the service wants to be asked again, where it says so (ms since the epoch).
        retry_at_ms: Option<i64>,
    },
}

impl AcmeError {
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retry_at_ms: None }
    }
}

impl From<StoreError> for AcmeError {
    fn from(error: StoreError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<Error> for AcmeError {
    fn from(error: Error) -> Self {
        Self::failed(error.to_string())
    }
}

/// What an error of the service says about what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It will never be given.
    Refused,
    /// Something else kept it from being given.
    Failed,
    /// The account is not there any more.
    NoAccount,
    /// It is not there, or no longer.
    NotFound,
    /// It is revoked already.
    AlreadyRevoked,
    /// It does not take this reason of a revocation.
    BadReason,
}

const PREFIX: &str = "urn:ietf:params:acme:error:";

/// The kind of a problem (RFC 8555 §6.7), without its prefix.
fn kind(problem: &Problem) -> &str {
    problem.r#type.as_deref().and_then(|kind| kind.strip_prefix(PREFIX)).unwrap_or_default()
}

/// What `error`, which the service answered a request with, means.
pub(super) fn verdict(error: &ClientError) -> Verdict {
    let ClientError::Api(problem) = error else { return Verdict::Failed };
    match kind(problem) {
        "rejectedIdentifier" | "unsupportedIdentifier" | "badCSR" | "badPublicKey" | "caa" => Verdict::Refused,
        // What a challenge found.
        "connection" | "dns" | "incorrectResponse" | "tls" => Verdict::Refused,
        "accountDoesNotExist" => Verdict::NoAccount,
        "alreadyRevoked" => Verdict::AlreadyRevoked,
        "badRevocationReason" => Verdict::BadReason,
        _ if problem.status == Some(404) => Verdict::NotFound,
        _ => Verdict::Failed,
    }
}

/// Whether `error`, with which the service answered a signing request, is the request's fault: it cannot be read, or is for
/// other names than the order (RFC 8555 §7.4).
pub(super) fn is_unfit_request(error: &ClientError) -> bool {
    matches!(error, ClientError::Api(problem) if matches!(kind(problem), "badCSR" | "malformed" | "unauthorized"))
}

/// What a problem says, for people.
pub(super) fn describe(problem: &Problem) -> String {
    let mut text = match (kind(problem), problem.detail.as_deref()) {
        ("", None) => "no reason is given".to_owned(),
        ("", Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
    };
    for subproblem in &problem.subproblems {
        text.push_str(&format!("; {subproblem}"));
    }
    text.chars().take(1000).collect()
}

/// What an error says, for people.
pub(super) fn reason(error: &ClientError) -> String {
    match error {
        ClientError::Api(problem) => describe(problem),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, status: u16) -> ClientError {
        let json = format!(r#"{{"type": "{kind}", "detail": "why", "status": {status}}}"#);
        ClientError::Api(serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn only_what_would_be_in_vain_ends_an_order() {
        for (kind, status, expected) in [
            ("rejectedIdentifier", 400, Verdict::Refused),
            ("badCSR", 400, Verdict::Refused),
            ("caa", 403, Verdict::Refused),
            ("rateLimited", 429, Verdict::Failed),
            ("serverInternal", 500, Verdict::Failed),
            ("badNonce", 400, Verdict::Failed),
            ("userActionRequired", 403, Verdict::Failed),
            ("externalAccountRequired", 403, Verdict::Failed),
            ("unauthorized", 403, Verdict::Failed),
            ("accountDoesNotExist", 400, Verdict::NoAccount),
            ("alreadyRevoked", 400, Verdict::AlreadyRevoked),
            ("badRevocationReason", 400, Verdict::BadReason),
            ("malformed", 404, Verdict::NotFound),
            ("malformed", 400, Verdict::Failed),
        ] {
            let error = problem(&format!("{PREFIX}{kind}"), status);
            assert_eq!(verdict(&error), expected, "{kind}");
            assert_eq!(reason(&error), format!("{kind}: why"));
        }
        assert_eq!(verdict(&problem("about:blank", 503)), Verdict::Failed);
        assert_eq!(verdict(&ClientError::Str("anything")), Verdict::Failed);
    }
}
