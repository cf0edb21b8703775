use std::{fmt, future::Future, pin::Pin, sync::Arc};

use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa,
    signature::{self as sign, EcdsaKeyPair, KeyPair as _},
};
use der::{Any, asn1::BitString};
use openccm_core::{HashAlgorithm, KeyAlgorithm};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::{
    PkiError, PublicKey,
    algorithm::{EC_PUBLIC_KEY, P256, P384, RSA_ENCRYPTION},
    blocking,
};

/// The future of a signature, or of why there is none.
pub type Signing<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, PkiError>> + Send + 'a>>;

/// Whatever can sign for an authority: a key in memory here, a token or a remote service elsewhere.
pub trait Signer: Send + Sync {
    /// The algorithm of its key.
    fn algorithm(&self) -> KeyAlgorithm;

    /// The public half of its key.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` hashed with `hash`: PKCS#1 v1.5 for RSA, a DER `ECDSA-Sig-Value` (RFC 3279 §2.2.3) for EC.
    fn sign(&self, hash: HashAlgorithm, message: Vec<u8>) -> Signing<'_>;
}

/// A private key in memory.
#[derive(Clone)]
pub struct PrivateKey {
    secret: Arc<Secret>,
    algorithm: KeyAlgorithm,
    public: PublicKey,
}

enum Secret {
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair),
}

impl PrivateKey {
    /// Makes a key. Blocking: RSA takes 0.1 s (2048 bits) to seconds (4096 bits).
    ///
    /// # Errors
    /// Only where the random number generator fails.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, PkiError> {
        let secret = match algorithm {
            KeyAlgorithm::Rsa2048 => Secret::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?),
            KeyAlgorithm::Rsa3072 => Secret::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa3072)?),
            KeyAlgorithm::Rsa4096 => Secret::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa4096)?),
            KeyAlgorithm::Ec256 => Secret::Ec(EcdsaKeyPair::generate(&sign::ECDSA_P256_SHA256_ASN1_SIGNING)?),
            KeyAlgorithm::Ec384 => Secret::Ec(EcdsaKeyPair::generate(&sign::ECDSA_P384_SHA384_ASN1_SIGNING)?),
        };
        Self::new(secret, algorithm)
    }

    /// Loads the DER of a PKCS#8 key. Takes 0.3 to 1.2 ms for RSA: keep what is used often.
    ///
    /// # Errors
    /// A key that is not of `algorithm`, or not well formed.
    pub fn from_pkcs8(algorithm: KeyAlgorithm, der: &[u8]) -> Result<Self, PkiError> {
        let rejected = |_| PkiError::UnsupportedKey;
        let secret = match algorithm {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                Secret::Rsa(rsa::KeyPair::from_pkcs8(der).map_err(rejected)?)
            }
            KeyAlgorithm::Ec256 => {
                Secret::Ec(EcdsaKeyPair::from_pkcs8(&sign::ECDSA_P256_SHA256_ASN1_SIGNING, der).map_err(rejected)?)
            }
            KeyAlgorithm::Ec384 => {
                Secret::Ec(EcdsaKeyPair::from_pkcs8(&sign::ECDSA_P384_SHA384_ASN1_SIGNING, der).map_err(rejected)?)
            }
        };
        Self::new(secret, algorithm)
    }

    /// The DER of the PKCS#8 key.
    ///
    /// # Errors
    /// None in practice: the key can be encoded.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        Ok(Zeroizing::new(match &*self.secret {
            Secret::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der()?;
                der.as_ref().to_vec()
            }
            Secret::Ec(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        }))
    }

    fn new(secret: Secret, algorithm: KeyAlgorithm) -> Result<Self, PkiError> {
        let bits = match &secret {
            Secret::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Secret::Ec(pair) => pair.public_key().as_ref().to_vec(),
        };
        let (oid, parameters) = match algorithm {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => (RSA_ENCRYPTION, Any::null()),
            KeyAlgorithm::Ec256 => (EC_PUBLIC_KEY, Any::from(P256)),
            KeyAlgorithm::Ec384 => (EC_PUBLIC_KEY, Any::from(P384)),
        };
        let public = PublicKey::from_info(SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters: Some(parameters) },
            subject_public_key: BitString::from_bytes(&bits)?,
        })?;
        if public.kind().algorithm() != Some(algorithm) {
            return Err(PkiError::UnsupportedKey);
        }
        Ok(Self { secret: Arc::new(secret), algorithm, public })
    }
}

impl Secret {
    fn sign(&self, algorithm: KeyAlgorithm, hash: HashAlgorithm, message: &[u8]) -> Result<Vec<u8>, PkiError> {
        match self {
            Self::Rsa(pair) => {
                let encoding: &'static dyn sign::RsaEncoding = match hash {
                    HashAlgorithm::Sha256 => &sign::RSA_PKCS1_SHA256,
                    HashAlgorithm::Sha384 => &sign::RSA_PKCS1_SHA384,
                    HashAlgorithm::Sha512 => &sign::RSA_PKCS1_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature)?;
                Ok(signature)
            }
            Self::Ec(pair) => {
                let (native, size) = match algorithm {
                    KeyAlgorithm::Ec384 => (&digest::SHA384, 48),
                    _ => (&digest::SHA256, 32),
                };
                let representative = ecdsa_representative(hash, message, size);
                let digest = digest::Digest::import_less_safe(&representative, native)?;
                Ok(pair.sign_digest(&digest)?.as_ref().to_vec())
            }
        }
    }
}

/// The number that ECDSA signs, as `size` bytes: the leftmost bits of the hash (FIPS 186-5 §6.4.1), or the whole hash with
/// leading zeros where it is the shorter. The library signs digests of the curve's own size only; this is what lets a
/// P-256 key sign SHA-512 and a P-384 key SHA-256.
fn ecdsa_representative(hash: HashAlgorithm, message: &[u8], size: usize) -> Vec<u8> {
    let algorithm = match hash {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    };
    let digest = digest::digest(algorithm, message);
    let kept = &digest.as_ref()[..size.min(algorithm.output_len())];
    let mut representative = vec![0; size - kept.len()];
    representative.extend_from_slice(kept);
    representative
}

impl Signer for PrivateKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, hash: HashAlgorithm, message: Vec<u8>) -> Signing<'_> {
        Box::pin(async move {
            let (secret, algorithm) = (Arc::clone(&self.secret), self.algorithm);
            // EC takes 25 to 150 µs: less than handing it to another thread and waiting for a slot there.
            let long = algorithm.is_rsa() || message.len() > blocking::MAX_INLINE;
            blocking::run(long, move || secret.sign(algorithm, hash, &message)).await
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, ..)", self.algorithm)
    }
}
