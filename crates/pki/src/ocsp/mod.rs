//! The Online Certificate Status Protocol (RFC 6960), with the limits of its profile for many clients (RFC 5019) and of
//! nonces (RFC 9654).

mod asn1;
mod cert_id;
mod entity_tag;
mod request;
mod responder;
mod response;

use const_oid::db::rfc6960::ID_PKIX_OCSP_NONCE;
use der::{Decode, Encode, asn1::OctetString};
use openccm_core::RevocationReason;
use x509_cert::ext::Extension;

pub use cert_id::{CertId, CertIdDigest};
pub use entity_tag::ocsp_entity_tag;
pub use request::OcspRequest;
pub use responder::OcspResponder;
pub use response::{OcspFailure, ocsp_response};

use crate::{PkiError, unfit};

/// What a response says of a certificate (RFC 6960 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// Not revoked.
    Good,
    /// Revoked, or on hold.
    Revoked {
        /// When, in seconds since the epoch.
        at: i64,
        /// Why; an unspecified reason is left out.
        reason: RevocationReason,
    },
    /// Not of the authority.
    Unknown,
}

/// The octets of a nonce in its extension, where their number is that of RFC 9654 §2.1.
fn nonce_from(extension: &Extension) -> Result<Vec<u8>, PkiError> {
    let nonce = OctetString::from_der(extension.extn_value.as_bytes())?;
    check_nonce(nonce.as_bytes())?;
    Ok(nonce.as_bytes().to_vec())
}

fn nonce_extension(nonce: &[u8]) -> Result<Extension, PkiError> {
    check_nonce(nonce)?;
    let extn_value = OctetString::new(OctetString::new(nonce)?.to_der()?)?;
    Ok(Extension { extn_id: ID_PKIX_OCSP_NONCE, critical: false, extn_value })
}

fn check_nonce(nonce: &[u8]) -> Result<(), PkiError> {
    if (1..=128).contains(&nonce.len()) { Ok(()) } else { unfit("a nonce has 1 to 128 octets") }
}
