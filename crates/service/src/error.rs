use openccm_core::{AuthorityOperation, AuthorityStatus, Invalid, Subject};
use openccm_pki::{PkiError, export::ExportError, seal::SealError};
use openccm_store::StoreError;

use crate::{bucket_store::BucketError, ssl::push::PushFailure};

/// Why something was not done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An input that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The authority or certificate is not there, or belongs to another account.
    #[error("not found")]
    NotFound,
    /// The signing request is not there, or belongs to another account.
    #[error("the signing request is not found")]
    SigningRequestNotFound,
    /// The authority that is to issue is not there, or belongs to another account.
    #[error("the issuer is not found")]
    IssuerNotFound,
    /// A gateway, a group of APIs or a domain name that is not known, or another account's: which, such as `id:…`.
    #[error("the gateway is not known: {0}")]
    UnknownGateway(String),
    /// The status does not allow it. Says which status, and why.
    #[error("{0}")]
    StatusConflict(String),
    /// The account has as many as it may have.
    #[error("the account may have {quota} of {resource} at most")]
    QuotaExceeded {
        /// What there are too many of.
        resource: &'static str,
        /// How many there may be.
        quota: i64,
    },
    /// The account has as many free certificates as it may have.
    #[error("the account may have {quota} free certificates at most")]
    TooManyFreeCertificates {
        /// How many there may be.
        quota: i64,
    },
    /// The resource would have more tags than it may have.
    #[error("a resource may have {} tags at most", crate::tags::TAGS_MAX)]
    TooManyTags,
    /// A certificate that is not for the key of the authority.
    #[error("the certificate is not for the key of this authority")]
    KeyMismatch,
    /// The account has not granted the agency by which this server uses its buckets.
    #[error("no agency is granted: create one first")]
    NoAgency,
    /// What is published under the name of a list is another authority's, and still counts.
    #[error("{object} in the bucket {bucket} is another authority's CRL, and still valid")]
    ForeignList {
        /// The bucket.
        bucket: String,
        /// The object.
        object: String,
    },
    /// So many revocation lists that are due could not be published.
    #[error("{0} revocation lists could not be published")]
    Unpublished(u64),
    /// A service did not take a certificate that was pushed to it.
    #[error(transparent)]
    Push(#[from] PushFailure),
    /// The bucket store failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The project in the address is not the caller's.
    #[error("the project is not one of the caller's account")]
    ForeignProject,
    /// Who is calling cannot be told. The reason is for the log.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// The caller may not do this.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Making or reading a certificate failed for no fault of the caller.
    #[error("certificate processing: {0}")]
    Pki(#[from] PkiError),
    /// A private key could not be made, sealed or opened.
    #[error("key processing: {0}")]
    Key(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn status(status: AuthorityStatus, operation: AuthorityOperation) -> Self {
        Self::StatusConflict(format!("{operation} is not allowed in status {status}"))
    }

    pub(crate) fn key(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Key(Box::new(error))
    }

    /// The same, where the field that is wrong is a member of `parent`.
    pub(crate) fn inside(self, parent: &str) -> Self {
        match self {
            Self::Invalid(invalid) => {
                Self::Invalid(Invalid { field: format!("{parent}.{}", invalid.field), ..invalid })
            }
            error => error,
        }
    }

    /// What the requester got wrong, where a fault in what was sent shows only when it is used.
    pub(crate) fn invalid(subject: Subject, field: &str, error: &PkiError) -> Self {
        Self::Invalid(Invalid::new(subject, field, error))
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        Self::key(error)
    }
}

impl From<ExportError> for Error {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Password(reason) => Self::Invalid(Invalid::new(Subject::Parameter, "password", reason)),
            error => Self::key(error),
        }
    }
}
