//! The five algorithms: how each hashes, and how each signs and verifies a string.

use std::fmt;

use ::hmac::{Hmac, KeyInit, Mac};
use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use aws_lc_rs::{digest, hmac};
use sm3::{Digest, Sm3};

use crate::derivation::{self, PrivateScalar};
use crate::signature::SignatureError;
use crate::sm2_signature::{Sm2SigningKey, Sm2VerifyingKey};

/// A request-signature algorithm, as the first word of the `Authorization` header names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `SDK-HMAC-SHA256`: the default of every client.
    HmacSha256,
    /// `SDK-HMAC-SM3`.
    HmacSm3,
    /// `SDK-ECDSA-P256-SHA256`, with a key derived from the secret key.
    EcdsaP256Sha256,
    /// `SDK-SM2-SM3`, with a key derived from the secret key.
    Sm2Sm3,
    /// `V11-HMAC-SHA256`, with a key derived for one day, region and service.
    V11HmacSha256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::HmacSha256, Self::HmacSm3, Self::EcdsaP256Sha256, Self::Sm2Sm3, Self::V11HmacSha256];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "SDK-HMAC-SHA256",
            Self::HmacSm3 => "SDK-HMAC-SM3",
            Self::EcdsaP256Sha256 => "SDK-ECDSA-P256-SHA256",
            Self::Sm2Sm3 => "SDK-SM2-SM3",
            Self::V11HmacSha256 => "V11-HMAC-SHA256",
        }
    }

    /// The algorithm that is named so on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The header in which a client may state the digest of its body, in lower case.
    pub(crate) fn content_digest_header(self) -> &'static str {
        match self {
            Self::HmacSha256 | Self::EcdsaP256Sha256 | Self::V11HmacSha256 => "x-sdk-content-sha256",
            Self::HmacSm3 | Self::Sm2Sm3 => "x-sdk-content-sm3",
        }
    }

    /// The digest of this algorithm, in lower-case hex.
    pub(crate) fn digest_hex(self, data: &[u8]) -> String {
        match self {
            Self::HmacSha256 | Self::EcdsaP256Sha256 | Self::V11HmacSha256 => {
                hex::encode(digest::digest(&digest::SHA256, data))
            }
            Self::HmacSm3 | Self::Sm2Sm3 => hex::encode(Sm3::digest(data)),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// HMAC-SM3, keyed. Cloned for each message.
pub(crate) type HmacSm3 = Hmac<Sm3>;

/// Keys HMAC-SM3 with a key of any length.
pub(crate) fn hmac_sm3(key: &[u8]) -> Result<HmacSm3, SignatureError> {
    HmacSm3::new_from_slice(key).map_err(|_| SignatureError::Cryptography)
}

/// Keys HMAC-SHA256 with a key of any length.
fn hmac_sha256(key: &[u8]) -> Box<hmac::Key> {
    Box::new(hmac::Key::new(hmac::HMAC_SHA256, key))
}

/// What verifies the signatures of one access key: derived once, it may be tried on several strings.
pub(crate) enum VerifyingKey {
    HmacSha256(Box<hmac::Key>),
    HmacSm3(HmacSm3),
    /// The uncompressed point (SEC 1 section 2.3.3).
    EcdsaP256(agreement::PublicKey),
    Sm2(Sm2VerifyingKey),
}

impl VerifyingKey {
    /// Derives the key. `v11_scope` (`YYYYMMDD/region/service`) is used by `V11-HMAC-SHA256` only.
    pub(crate) fn derive(
        algorithm: Algorithm,
        access_key: &str,
        secret_key: &str,
        v11_scope: &str,
    ) -> Result<Self, SignatureError> {
        Ok(match algorithm {
            Algorithm::HmacSha256 => Self::HmacSha256(hmac_sha256(secret_key.as_bytes())),
            Algorithm::HmacSm3 => Self::HmacSm3(hmac_sm3(secret_key.as_bytes())?),
            Algorithm::EcdsaP256Sha256 => {
                let private = derivation::p256_private_key(access_key, secret_key)?;
                Self::EcdsaP256(p256_public_key(&private)?)
            }
            Algorithm::Sm2Sm3 => {
                let private = derivation::sm2_private_key(access_key, secret_key)?;
                Self::Sm2(Sm2SigningKey::new(&private)?.verifying_key())
            }
            Algorithm::V11HmacSha256 => {
                let key = derivation::v11_key(access_key, secret_key, v11_scope)?;
                Self::HmacSha256(hmac_sha256(key.as_bytes()))
            }
        })
    }

    /// Whether `signature` (a MAC, or an ECDSA-Sig-Value in DER) is the one of `message`. MACs are compared in
    /// constant time.
    pub(crate) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::HmacSha256(key) => hmac::verify(key, message, signature).is_ok(),
            Self::HmacSm3(mac) => mac.clone().chain_update(message).verify_slice(signature).is_ok(),
            Self::EcdsaP256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Self::Sm2(key) => key.accepts(message, signature),
        }
    }
}

/// Signs `message`; gives a MAC, or an ECDSA-Sig-Value in DER. The parameters are those of [`VerifyingKey::derive`].
pub(crate) fn sign_message(
    algorithm: Algorithm,
    access_key: &str,
    secret_key: &str,
    v11_scope: &str,
    message: &[u8],
) -> Result<Vec<u8>, SignatureError> {
    match algorithm {
        Algorithm::HmacSha256 => Ok(hmac::sign(&hmac_sha256(secret_key.as_bytes()), message).as_ref().to_vec()),
        Algorithm::HmacSm3 => {
            let mac = hmac_sm3(secret_key.as_bytes())?.chain_update(message);
            Ok(mac.finalize().into_bytes().to_vec())
        }
        Algorithm::EcdsaP256Sha256 => {
            let private = derivation::p256_private_key(access_key, secret_key)?;
            let public = p256_public_key(&private)?;
            EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                private.as_slice(),
                public.as_ref(),
            )
            .map_err(|_| SignatureError::Cryptography)?
            .sign(&SystemRandom::new(), message)
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| SignatureError::Cryptography)
        }
        Algorithm::Sm2Sm3 => {
            let private = derivation::sm2_private_key(access_key, secret_key)?;
            Sm2SigningKey::new(&private)?.sign(message)
        }
        Algorithm::V11HmacSha256 => {
            let key = derivation::v11_key(access_key, secret_key, v11_scope)?;
            Ok(hmac::sign(&hmac_sha256(key.as_bytes()), message).as_ref().to_vec())
        }
    }
}

/// The point of a private scalar. Key agreement is aws-lc-rs's way to it; nothing is agreed.
fn p256_public_key(private: &PrivateScalar) -> Result<agreement::PublicKey, SignatureError> {
    agreement::PrivateKey::from_private_key(&ECDH_P256, private.as_slice())
        .map_err(|_| SignatureError::Cryptography)?
        .compute_public_key()
        .map_err(|_| SignatureError::Cryptography)
}
