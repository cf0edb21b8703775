//! Why a push failed.

use openccm_core::PushService;

use super::text::bounded;

/// The kinds of failures, each with a code of its own where the vendor has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The service does not take this certificate; it will not take it later either.
    Refused,
    /// The service does not let this server do that.
    Forbidden,
    /// The service, or the way to it, failed. It may go better later.
    Failed,
    /// The service has no such region.
    RegionUnsupported,
    /// The service has as many certificates as it may have.
    QuotaExceeded,
}

/// A push that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{service}: {reason}")]
pub struct PushFailure {
    /// The service.
    pub service: PushService,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// Why. No secret is in it.
    pub reason: String,
}

/// A failure, before it is said which service it is about.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: FailureKind,
    pub(super) reason: String,
}

impl FailureKind {
    /// Whether it may go better later.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Failed)
    }

    /// As it is kept.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "REFUSED",
            Self::Forbidden => "FORBIDDEN",
            Self::Failed => "FAILED",
            Self::RegionUnsupported => "REGION_UNSUPPORTED",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
        }
    }
}

impl Fault {
    /// A fault whose reason is cut to what can be shown. What other machines say may repeat what was sent to them.
    pub(super) fn new(kind: FailureKind, reason: impl std::fmt::Display) -> Self {
        Self { kind, reason: bounded(&reason.to_string()) }
    }

    pub(super) fn refused(reason: impl std::fmt::Display) -> Self {
        Self::new(FailureKind::Refused, reason)
    }

    pub(super) fn failed(reason: impl std::fmt::Display) -> Self {
        Self::new(FailureKind::Failed, reason)
    }

    pub(super) fn of(self, service: PushService) -> PushFailure {
        PushFailure { service, kind: self.kind, reason: self.reason }
    }
}
