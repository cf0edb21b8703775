use const_oid::db::rfc6960::{ID_PKIX_OCSP_NONCE, ID_PKIX_OCSP_RESPONSE};
use der::Decode;
use x509_cert::ext::Extension;

use super::{CertId, asn1, nonce_from};
use crate::{PkiError, unfit};

/// The most certificates that one request may ask about.
const MAX_CERTIFICATES: usize = 100;

/// A request (RFC 6960 §4.1). Who sent and signed it does not matter: everybody gets the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    /// The certificates that it asks about, 1 to 100.
    pub certificates: Vec<CertId>,
    /// 1 to 128 octets that the response is to repeat.
    pub nonce: Option<Vec<u8>>,
}

impl OcspRequest {
    /// Reads a request in DER.
    ///
    /// # Errors
    /// Anything but one well-formed request of version 1 about 1 to 100 certificates, with a nonce of 1 to 128 octets
    /// (RFC 9654 §2.1) or none, and without critical extensions that are not known.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let request = asn1::OcspRequest::from_der(der)?.tbs_request;
        if request.version != 0 {
            return unfit("not a request of version 1");
        }
        if !(1..=MAX_CERTIFICATES).contains(&request.request_list.len()) {
            return unfit(format!("a request asks about 1 to {MAX_CERTIFICATES} certificates"));
        }
        let mut nonce = None;
        for extension in request.request_extensions.iter().flatten() {
            match extension.extn_id {
                ID_PKIX_OCSP_NONCE if nonce.is_some() => return unfit("a request with two nonces"),
                ID_PKIX_OCSP_NONCE => nonce = Some(nonce_from(extension)?),
                // The types of response that the client takes: all take the basic one (RFC 6960 §4.4.3).
                ID_PKIX_OCSP_RESPONSE => {}
                _ => check_ignorable(extension)?,
            }
        }
        for request in &request.request_list {
            request.single_request_extensions.iter().flatten().try_for_each(check_ignorable)?;
        }
        let certificates = request.request_list.into_iter().map(|request| CertId(request.req_cert)).collect();
        Ok(Self { certificates, nonce })
    }
}

/// RFC 6960 §4.4: what is critical must be understood, and of the extensions to single requests nothing is.
fn check_ignorable(extension: &Extension) -> Result<(), PkiError> {
    if extension.critical {
        return unfit(format!("a request with the unknown critical extension {}", extension.extn_id));
    }
    Ok(())
}
