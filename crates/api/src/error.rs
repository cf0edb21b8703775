//! The vendor's error answers. Domain errors become codes here, once.

use std::{any::Any, fmt::Display};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use openccm_core::{Code, Subject, codes};
use openccm_service::Error;
use serde_json::json;

use crate::{
    codes::{apig_code, pca_code, push_code, scm_code},
    route::Service,
};

/// The longest error message, in characters.
const MESSAGE_LIMIT: usize = 1024;

/// An error as the vendor's API answers it.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: Code,
    status: StatusCode,
    message: String,
}

impl ApiError {
    pub(crate) fn new(code: Code) -> Self {
        let status = StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { code, status, message: code.message.to_owned() }
    }

    /// Adds what is particular to this case, for the caller to read.
    pub(crate) fn with_detail(self, detail: impl Display) -> Self {
        // Some of the vendor's texts say where the detail stands.
        let message = match self.message.split_once("{0}") {
            Some((before, after)) => format!("{before}{detail}{after}"),
            None => format!("{} {detail}", self.message),
        };
        let message = message.chars().take(MESSAGE_LIMIT).collect();
        Self { message, ..self }
    }

    /// Says something else than the code's own text.
    pub(crate) fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// What `service` answers where something about `subject` is invalid, without what is particular to this case.
    pub(crate) fn of_subject(service: Service, subject: Subject) -> Self {
        Self::new(match service {
            Service::Pca => pca_code(subject),
            Service::Scm => scm_code(subject),
            Service::Apig => apig_code(subject),
            Service::Elb | Service::Waf | Service::Iam | Service::Server => service.codes().bad_request,
        })
    }

    /// What it says.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What `service` answers for `error`. What the caller can mend is told; what is ours to mend is logged.
    pub(crate) fn from_error(service: Service, error: &Error) -> Self {
        let codes = service.codes();
        match error {
            Error::Invalid(invalid) => Self::of_subject(service, invalid.subject).with_detail(invalid),
            Error::Push(failure) => Self::new(push_code(failure.service, failure.kind)).with_detail(&failure.reason),
            Error::NotFound => Self::new(codes.not_found),
            Error::SigningRequestNotFound => Self::new(codes::SCM_CSR_NOT_FOUND),
            Error::UnknownGateway(which) => {
                let code = codes::APIG_INSTANCE_NOT_FOUND;
                Self::new(code).with_message(format!("{};{which}", code.message))
            }
            Error::IssuerNotFound => Self::new(codes::PCA_ISSUER_NOT_FOUND),
            Error::ForeignProject => Self::new(codes.foreign_project).with_detail(error),
            Error::StatusConflict(_) => Self::new(codes.status_conflict).with_detail(error),
            Error::QuotaExceeded { .. } => Self::new(codes.quota_exceeded).with_detail(error),
            Error::TooManyFreeCertificates { .. } => {
                Self::new(codes::SCM_FREE_CERTIFICATE_QUOTA_EXCEEDED).with_detail(error)
            }
            Error::TooManyTags => match service {
                Service::Scm => Self::new(codes::SCM_TAG_QUOTA_EXCEEDED).with_detail(error),
                _ => Self::new(codes.quota_exceeded).with_detail(error),
            },
            Error::KeyMismatch => Self::new(codes.key_mismatch),
            Error::NoAgency => Self::new(codes::PCA_OBS_UNAVAILABLE).with_detail(error),
            Error::Unauthenticated(_) => {
                tracing::info!(reason = %error, "sign-in refused");
                Self::new(codes.unauthenticated)
            }
            Error::Forbidden(_) => {
                tracing::info!(reason = %error, "action refused");
                Self::new(codes.forbidden).with_detail(error)
            }
            Error::Store(_)
            | Error::Pki(_)
            | Error::Key(_)
            | Error::Bucket(_)
            | Error::ForeignList { .. }
            | Error::Unpublished(_) => {
                tracing::error!(cause = %error, "internal error");
                let code = match (service, error) {
                    (Service::Pca, Error::Pki(_)) => codes::PCA_CERTIFICATE_PROCESSING_FAILED,
                    (Service::Pca, Error::Key(_)) => codes::PCA_KEY_PROCESSING_FAILED,
                    _ => codes.internal,
                };
                Self::new(code)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({"error_code": self.code.code, "error_msg": self.message});
        if self.code.code.starts_with("IAM.") {
            // Identity clients read the one form or the other.
            let title = self.status.canonical_reason().unwrap_or_default();
            body["error"] = json!({"code": self.status.as_u16(), "message": self.message, "title": title});
        }
        (self.status, Json(body)).into_response()
    }
}

/// Defines `Failure`: what the handlers of a service fail with.
macro_rules! failure {
    ($service:ident) => {
        /// What the handlers of this service fail with.
        pub(crate) struct Failure($crate::error::ApiError);

        impl axum::response::IntoResponse for Failure {
            fn into_response(self) -> axum::response::Response {
                self.0.into_response()
            }
        }

        $crate::error::failure!(@from $service, openccm_service::Error, openccm_core::Invalid, openccm_store::StoreError);
    };
    (@from $service:ident, $($error:ty),+) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let service = $crate::route::Service::$service;
                Self($crate::error::ApiError::from_error(service, &openccm_service::Error::from(error)))
            }
        }
    )+ };
}
pub(crate) use failure;

/// What is answered when a handler panicked. The panic itself is in the log.
pub(crate) fn after_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(message = message.unwrap_or("?"), "a handler panicked");
    ApiError::new(codes::PCA_UNKNOWN_ERROR).into_response()
}
