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

use crate::route::Service;

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
        let message = format!("{} {detail}", self.message).chars().take(MESSAGE_LIMIT).collect();
        Self { message, ..self }
    }

    /// Says something else than the code's own text.
    pub(crate) fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// What `service` answers for `error`. What the caller can mend is told; what is ours to mend is logged.
    pub(crate) fn from_error(service: Service, error: &Error) -> Self {
        let codes = service.codes();
        match error {
            Error::Invalid(invalid) => {
                let code = if service == Service::Pca { pca_code(invalid.subject) } else { codes.bad_request };
                Self::new(code).with_detail(invalid)
            }
            Error::NotFound => Self::new(codes.not_found),
            Error::IssuerNotFound => Self::new(codes::PCA_ISSUER_NOT_FOUND),
            Error::StatusConflict(_) => Self::new(codes::PCA_STATUS_CONFLICT).with_detail(error),
            Error::QuotaExceeded { .. } => Self::new(codes::PCA_QUOTA_EXCEEDED).with_detail(error),
            Error::KeyMismatch => Self::new(codes::PCA_KEY_MISMATCH),
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

fn pca_code(subject: Subject) -> Code {
    match subject {
        Subject::Parameter => codes::PCA_INCORRECT_PARAMETER,
        Subject::DistinguishedName => codes::PCA_INVALID_DISTINGUISHED_NAME,
        Subject::KeyAlgorithm => codes::PCA_INVALID_KEY_ALGORITHM,
        Subject::HashAlgorithm => codes::PCA_INVALID_SIGNATURE_ALGORITHM,
        Subject::Validity => codes::PCA_INVALID_VALIDITY,
        Subject::DomainName => codes::PCA_INVALID_DOMAIN_NAME,
        Subject::IpAddress => codes::PCA_INVALID_IP_ADDRESS,
        Subject::AlternativeNameType => codes::PCA_INVALID_ALTERNATIVE_NAME_TYPE,
        Subject::CaId => codes::PCA_INVALID_CA_ID,
        Subject::CaType => codes::PCA_INVALID_CA_TYPE,
        Subject::PathLength => codes::PCA_INVALID_PATH_LENGTH,
        Subject::CrlConfiguration => codes::PCA_INVALID_CRL_CONFIGURATION,
        Subject::CertificateId => codes::PCA_INVALID_CERTIFICATE_ID,
        Subject::Csr => codes::PCA_INVALID_CSR,
        Subject::Certificate => codes::PCA_INVALID_CERTIFICATE,
        Subject::CertificateChain => codes::PCA_INVALID_CERTIFICATE_CHAIN,
        Subject::Status => codes::PCA_INVALID_STATUS,
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
