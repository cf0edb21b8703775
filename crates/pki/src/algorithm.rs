//! Which signature algorithm belongs to which key and hash, both ways.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef};
use openccm_core::{HashAlgorithm, KeyAlgorithm};
use spki::AlgorithmIdentifierOwned;

pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(crate) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(crate) const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const RSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

/// What stands in a certificate as its signature algorithm when a key of `key` signs with `hash`: PKCS#1 v1.5 with NULL
/// parameters for RSA (RFC 4055 §5), ECDSA without parameters (RFC 5758 §3.2).
pub fn signature_algorithm(key: KeyAlgorithm, hash: HashAlgorithm) -> AlgorithmIdentifierOwned {
    let oid = match (key.is_rsa(), hash) {
        (true, HashAlgorithm::Sha256) => RSA_WITH_SHA256,
        (true, HashAlgorithm::Sha384) => RSA_WITH_SHA384,
        (true, HashAlgorithm::Sha512) => RSA_WITH_SHA512,
        (false, HashAlgorithm::Sha256) => ECDSA_WITH_SHA256,
        (false, HashAlgorithm::Sha384) => ECDSA_WITH_SHA384,
        (false, HashAlgorithm::Sha512) => ECDSA_WITH_SHA512,
    };
    AlgorithmIdentifierOwned { oid, parameters: key.is_rsa().then(|| Any::from(AnyRef::NULL)) }
}

/// The kinds of signature that are accepted on requests and on certificates of other authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// RSA PKCS#1 v1.5.
    RsaPkcs1(HashAlgorithm),
    /// ECDSA on the curve of the key.
    Ecdsa(HashAlgorithm),
    /// Ed25519 (RFC 8410).
    Ed25519,
}

impl SignatureScheme {
    /// The scheme that an algorithm identifier names; `None` for weak (SHA-1, MD5) and unknown ones.
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Some(match oid {
            RSA_WITH_SHA256 => Self::RsaPkcs1(HashAlgorithm::Sha256),
            RSA_WITH_SHA384 => Self::RsaPkcs1(HashAlgorithm::Sha384),
            RSA_WITH_SHA512 => Self::RsaPkcs1(HashAlgorithm::Sha512),
            ECDSA_WITH_SHA256 => Self::Ecdsa(HashAlgorithm::Sha256),
            ECDSA_WITH_SHA384 => Self::Ecdsa(HashAlgorithm::Sha384),
            ECDSA_WITH_SHA512 => Self::Ecdsa(HashAlgorithm::Sha512),
            ED25519 => Self::Ed25519,
            _ => return None,
        })
    }

    /// The name in Java's style, as the API prints it: `SHA256withRSA`.
    pub fn java_name(self) -> String {
        match self {
            Self::RsaPkcs1(hash) => format!("{hash}withRSA"),
            Self::Ecdsa(hash) => format!("{hash}withECDSA"),
            Self::Ed25519 => "Ed25519".to_owned(),
        }
    }

    /// The hash under the signature; Ed25519 has none of its own.
    pub fn hash(self) -> Option<HashAlgorithm> {
        match self {
            Self::RsaPkcs1(hash) | Self::Ecdsa(hash) => Some(hash),
            Self::Ed25519 => None,
        }
    }
}
