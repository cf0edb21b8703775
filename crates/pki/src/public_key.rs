use std::{fmt, ops::RangeInclusive};

use aws_lc_rs::{digest, signature as verify};
use const_oid::ObjectIdentifier;
use der::{Decode, Encode};
use openccm_core::{HashAlgorithm as Hash, KeyAlgorithm};
use pkcs1::RsaPublicKeyRef;
use spki::SubjectPublicKeyInfoOwned;

use crate::{
    PkiError,
    algorithm::{EC_PUBLIC_KEY, ED25519, P256, P384, P521, RSA_ENCRYPTION, SignatureScheme},
    pem,
};

/// The bits of an RSA modulus that the verifier knows; smaller moduli are no longer safe.
pub(crate) const RSA_BITS: RangeInclusive<u32> = 2048..=8192;

/// A public key, kept byte for byte as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    info: SubjectPublicKeyInfoOwned,
    kind: KeyKind,
}

/// The kinds of key that a certificate may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with a modulus of so many bits, 2048 to 8192.
    Rsa {
        /// Bits of the modulus.
        bits: u32,
    },
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
}

impl KeyKind {
    /// The algorithm of the API, where it has a name for this kind.
    pub fn algorithm(self) -> Option<KeyAlgorithm> {
        match self {
            Self::Rsa { bits: 2048 } => Some(KeyAlgorithm::Rsa2048),
            Self::Rsa { bits: 3072 } => Some(KeyAlgorithm::Rsa3072),
            Self::Rsa { bits: 4096 } => Some(KeyAlgorithm::Rsa4096),
            Self::P256 => Some(KeyAlgorithm::Ec256),
            Self::P384 => Some(KeyAlgorithm::Ec384),
            Self::Rsa { .. } | Self::P521 | Self::Ed25519 => None,
        }
    }

    /// The family: `RSA`, `EC` or `Ed25519`.
    pub const fn family(self) -> &'static str {
        match self {
            Self::Rsa { .. } => "RSA",
            Self::P256 | Self::P384 | Self::P521 => "EC",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The length in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Rsa { bits } => bits,
            Self::P256 | Self::Ed25519 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }
}

impl fmt::Display for KeyKind {
    /// The API's name (`RSA2048`), and one in its style for kinds that it has no name for (`RSA3072`, `EC521`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519 => f.write_str("ED25519"),
            kind => write!(f, "{}{}", kind.family(), kind.bits()),
        }
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// A key that is not RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519, or not well formed.
    pub fn from_info(info: SubjectPublicKeyInfoOwned) -> Result<Self, PkiError> {
        let bytes = info.subject_public_key.as_bytes().ok_or(PkiError::UnsupportedKey)?;
        let parameters = info.algorithm.parameters.as_ref();
        let kind = match info.algorithm.oid {
            // RFC 3279 §2.3.1: the parameters are NULL. Verifiers that compare bytes accept nothing else.
            RSA_ENCRYPTION if parameters.is_some_and(|parameters| parameters.is_null()) => {
                let key = RsaPublicKeyRef::from_der(bytes).map_err(|_| PkiError::UnsupportedKey)?;
                KeyKind::Rsa { bits: bit_length(key.modulus.as_bytes()) }
            }
            // RFC 5480 §2.2: a point is whole or compressed, never hybrid, which the verifier would take too.
            EC_PUBLIC_KEY if matches!(bytes.first(), Some(2..=4)) => {
                match parameters.and_then(|curve| curve.decode_as().ok()) {
                    Some(P256) => KeyKind::P256,
                    Some(P384) => KeyKind::P384,
                    Some(P521) => KeyKind::P521,
                    _ => return Err(PkiError::UnsupportedKey),
                }
            }
            // RFC 8410 §3: there are no parameters.
            ED25519 if parameters.is_none() => KeyKind::Ed25519,
            _ => return Err(PkiError::UnsupportedKey),
        };
        if matches!(kind, KeyKind::Rsa { bits } if !RSA_BITS.contains(&bits)) {
            return Err(PkiError::UnsupportedKey);
        }
        let key = Self { info, kind };
        key.check_well_formed()?;
        Ok(key)
    }

    /// Reads the DER of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// As [`Self::from_info`].
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        Self::from_info(SubjectPublicKeyInfoOwned::from_der(der).map_err(|_| PkiError::UnsupportedKey)?)
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(crate) fn info(&self) -> &SubjectPublicKeyInfoOwned {
        &self.info
    }

    /// The bits of the key alone, whole bytes: a point, or the DER of an RSAPublicKey.
    pub(crate) fn bits(&self) -> &[u8] {
        self.info.subject_public_key.raw_bytes()
    }

    /// Whether it is the same key as `other`, though one of them may have its point compressed (RFC 5480 §2.2).
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.kind == other.kind
            && (self.bits() == other.bits() || is_compressed(self, other) || is_compressed(other, self))
    }

    /// The DER of its SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// None in practice: what was decoded encodes again.
    pub fn to_der(&self) -> Result<Vec<u8>, PkiError> {
        Ok(self.info.to_der()?)
    }

    /// Its PEM, `PUBLIC KEY` with CRLF line endings and one at the end.
    ///
    /// # Errors
    /// As [`Self::to_der`].
    pub fn to_pem(&self) -> Result<String, PkiError> {
        Ok(pem::encode("PUBLIC KEY", &self.to_der()?) + "\r\n")
    }

    /// The SHA-256 of its SubjectPublicKeyInfo, in lower-case hexadecimal digits.
    ///
    /// # Errors
    /// As [`Self::to_der`].
    pub fn digest(&self) -> Result<String, PkiError> {
        Ok(hex::encode(digest::digest(&digest::SHA256, &self.to_der()?)))
    }

    /// Its key identifier: the SHA-1 of the key's bits (RFC 5280 §4.2.1.2, method 1).
    pub fn key_identifier(&self) -> Vec<u8> {
        let bits = self.info.subject_public_key.raw_bytes();
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bits).as_ref().to_vec()
    }

    /// Checks `signature` over `message`.
    ///
    /// # Errors
    /// [`PkiError::BadSignature`] where it does not verify, or the algorithm does not fit the key.
    pub fn verify(&self, algorithm: ObjectIdentifier, message: &[u8], signature: &[u8]) -> Result<(), PkiError> {
        let scheme = SignatureScheme::from_oid(algorithm).ok_or(PkiError::UnsupportedSignature)?;
        let verifier = self.verifier(scheme).ok_or(PkiError::UnsupportedSignature)?;
        verify::UnparsedPublicKey::new(verifier, self.info.subject_public_key.raw_bytes())
            .verify(message, signature)
            .map_err(|_| PkiError::BadSignature)
    }

    fn verifier(&self, scheme: SignatureScheme) -> Option<&'static dyn verify::VerificationAlgorithm> {
        use SignatureScheme::{Ecdsa, Ed25519, RsaPkcs1};
        Some(match (self.kind, scheme) {
            (KeyKind::Rsa { .. }, RsaPkcs1(Hash::Sha256)) => &verify::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa { .. }, RsaPkcs1(Hash::Sha384)) => &verify::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa { .. }, RsaPkcs1(Hash::Sha512)) => &verify::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::P256, Ecdsa(Hash::Sha256)) => &verify::ECDSA_P256_SHA256_ASN1,
            (KeyKind::P256, Ecdsa(Hash::Sha384)) => &verify::ECDSA_P256_SHA384_ASN1,
            (KeyKind::P256, Ecdsa(Hash::Sha512)) => &verify::ECDSA_P256_SHA512_ASN1,
            (KeyKind::P384, Ecdsa(Hash::Sha256)) => &verify::ECDSA_P384_SHA256_ASN1,
            (KeyKind::P384, Ecdsa(Hash::Sha384)) => &verify::ECDSA_P384_SHA384_ASN1,
            (KeyKind::P384, Ecdsa(Hash::Sha512)) => &verify::ECDSA_P384_SHA512_ASN1,
            (KeyKind::P521, Ecdsa(Hash::Sha256)) => &verify::ECDSA_P521_SHA256_ASN1,
            (KeyKind::P521, Ecdsa(Hash::Sha384)) => &verify::ECDSA_P521_SHA384_ASN1,
            (KeyKind::P521, Ecdsa(Hash::Sha512)) => &verify::ECDSA_P521_SHA512_ASN1,
            (KeyKind::Ed25519, Ed25519) => &verify::ED25519,
            _ => return None,
        })
    }

    /// A point off the curve or an even modulus must not get into a certificate.
    fn check_well_formed(&self) -> Result<(), PkiError> {
        let any_scheme = match self.kind {
            KeyKind::Rsa { .. } => SignatureScheme::RsaPkcs1(Hash::Sha256),
            KeyKind::Ed25519 => SignatureScheme::Ed25519,
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => SignatureScheme::Ecdsa(Hash::Sha256),
        };
        let verifier = self.verifier(any_scheme).ok_or(PkiError::UnsupportedKey)?;
        verify::ParsedPublicKey::new(verifier, self.info.subject_public_key.raw_bytes())
            .map(drop)
            .map_err(|_| PkiError::UnsupportedKey)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kind)
    }
}

/// Whether `short` is the compressed form of the point of `whole` (SEC 1 §2.3.3: the sign of y, then x).
fn is_compressed(short: &PublicKey, whole: &PublicKey) -> bool {
    let ([sign @ (2 | 3), x @ ..], [4, point @ ..]) = (short.bits(), whole.bits()) else { return false };
    let odd = point.last().is_some_and(|byte| byte & 1 == 1);
    matches!(short.kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521)
        && point.len() == 2 * x.len()
        && point.starts_with(x)
        && odd == (*sign == 3)
}

pub(crate) fn bit_length(big_endian: &[u8]) -> u32 {
    let significant = big_endian.iter().position(|byte| *byte != 0).map_or(&[][..], |first| &big_endian[first..]);
    significant.first().map_or(0, |first| significant.len() as u32 * 8 - first.leading_zeros())
}
