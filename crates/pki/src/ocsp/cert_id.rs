use aws_lc_rs::digest;
use const_oid::{
    ObjectIdentifier,
    db::rfc5912::{ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512},
};
use der::Encode;

use super::asn1;
use crate::{Certificate, PkiError, certificate};

/// Which certificate a request asks about: its issuer, as hashes of name and key, and its serial number (RFC 6960 §4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId(pub(super) asn1::CertId);

/// The hashes by which a request may name an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertIdDigest {
    /// SHA-1, which RFC 5019 §2.1.1 prescribes; nothing hangs on collisions here.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl CertId {
    /// The serial number as OpenSSL prints it: upper-case hexadecimal digits, two a byte, as
    /// [`Certificate::serial_number`]. Negative ones, which certificates do not have, begin with a minus.
    pub fn serial_number(&self) -> String {
        let bytes = self.0.serial_number.as_bytes();
        if bytes.first().is_some_and(|first| *first >= 0x80) {
            return format!("-{}", certificate::serial_number(&negated(bytes)));
        }
        certificate::serial_number(bytes)
    }

    /// The hash with which the issuer is named; `None` for those that are not accepted.
    pub fn digest(&self) -> Option<CertIdDigest> {
        let algorithm = &self.0.hash_algorithm;
        // RFC 5754 §2: without parameters, or with NULL as older software has it.
        if !algorithm.parameters.as_ref().is_none_or(|parameters| parameters.is_null()) {
            return None;
        }
        CertIdDigest::from_oid(algorithm.oid)
    }

    /// Whether it names `issuer`: by the hash of its subject, and by the hash of the bits of its key.
    pub fn is_issued_by(&self, issuer: &Certificate) -> bool {
        let (Some(hash), Ok(name)) = (self.digest(), issuer.subject().to_der()) else { return false };
        let key = issuer.public_key().info().subject_public_key.raw_bytes();
        hash.of(&name).as_ref() == self.0.issuer_name_hash.as_bytes()
            && hash.of(key).as_ref() == self.0.issuer_key_hash.as_bytes()
    }

    /// Its DER, exactly as it came.
    ///
    /// # Errors
    /// None in practice: what was decoded encodes again.
    pub fn to_der(&self) -> Result<Vec<u8>, PkiError> {
        Ok(self.0.to_der()?)
    }
}

impl CertIdDigest {
    fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Some(match oid {
            ID_SHA_1 => Self::Sha1,
            ID_SHA_256 => Self::Sha256,
            ID_SHA_384 => Self::Sha384,
            ID_SHA_512 => Self::Sha512,
            _ => return None,
        })
    }

    fn of(self, message: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, message)
    }
}

/// A two's complement of any length, negated.
fn negated(bytes: &[u8]) -> Vec<u8> {
    let mut carry = true;
    let mut negated: Vec<u8> = bytes
        .iter()
        .rev()
        .map(|byte| {
            let (sum, overflow) = (!byte).overflowing_add(u8::from(carry));
            carry = overflow;
            sum
        })
        .collect();
    negated.reverse();
    negated
}
