//! Public key infrastructure: keys, signing requests, certificates, chains, export bundles and the sealing of keys.
//!
//! Types of the X.509 crates stop here. Nothing in this crate does I/O, reads a clock or knows a database.

mod algorithm;
mod blocking;
mod certificate;
mod certificate_facts;
mod chain;
mod crl;
mod domain_names;
pub mod export;
mod extensions;
mod issue;
mod name;
mod ocsp;
pub mod pem;
mod private_key;
mod public_key;
pub mod seal;
mod server_certificate;
mod server_key;
mod server_request;
mod signing_request;
mod timestamp;

pub use algorithm::{SignatureScheme, signature_algorithm};
pub use certificate::Certificate;
pub use certificate_facts::is_sm2_certificate;
pub use chain::{build_chain, complete_chain, verify_path};
pub use crl::{Crl, CrlEntries, CrlTemplate, RevokedCertificate, issue_crl};
pub use domain_names::MalformedDomainName;
pub use issue::{Constraints, Issued, Template, issue};
pub use name::{from_x501, to_x501};
pub use ocsp::{
    CertId, CertIdDigest, OcspFailure, OcspRequest, OcspResponder, OcspStatus, ocsp_entity_tag, ocsp_response,
};
pub use private_key::{PrivateKey, Signer, Signing};
pub use public_key::{KeyKind, PublicKey};
pub use server_certificate::{ServerCertificate, ServerCertificateError};
pub use server_key::{KeyReadError, ServerKey};
pub use server_request::make_server_request;
pub use signing_request::{SigningRequest, make_signing_request};
pub use x509_cert::name::Name;

/// Why something of the public key infrastructure failed.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// Not the DER that it should be.
    #[error("malformed: {0}")]
    Malformed(String),
    /// A kind of key that is not accepted.
    #[error("the key is not RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519, or is not well formed")]
    UnsupportedKey,
    /// A signature algorithm that is not accepted, or does not fit the key.
    #[error("the signature algorithm is not accepted or does not fit the key")]
    UnsupportedSignature,
    /// A signature that does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// Content that the rules of RFC 5280 forbid.
    #[error("{0}")]
    Unfit(String),
    /// A failure in the cryptographic library.
    #[error("cryptographic operation failed")]
    Crypto,
}

impl From<aws_lc_rs::error::Unspecified> for PkiError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}

impl From<der::Error> for PkiError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<x509_cert::builder::Error> for PkiError {
    fn from(error: x509_cert::builder::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

pub(crate) fn unfit<T>(reason: impl Into<String>) -> Result<T, PkiError> {
    Err(PkiError::Unfit(reason.into()))
}
