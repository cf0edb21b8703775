//! The private keys that people bring for their servers, in whatever form their tools left them.

use std::fmt;

use aws_lc_rs::{
    rsa,
    signature::{self as sign, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _},
};
use der::{
    Any, AnyRef, Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged,
    asn1::{BitString, BitStringRef, ObjectIdentifier, OctetStringRef},
};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use sec1::EcPrivateKey;
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::{
    PkiError, PublicKey,
    algorithm::{EC_PUBLIC_KEY, ED25519, P256, P384, P521, RSA_ENCRYPTION},
    pem::{self, PemError},
    public_key::{RSA_BITS, bit_length},
};

const PKCS8: &str = "PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const ENCRYPTED_PKCS8: &str = "ENCRYPTED PRIVATE KEY";
/// Every kind of private key that comes as PEM, so that two of them are noticed whatever they are.
const LABELS: &[&str] = &[PKCS8, PKCS1, SEC1, ENCRYPTED_PKCS8, "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY"];
const EC_PARAMETERS: &str = "EC PARAMETERS";
/// Nearly twice as long as the DER of an RSA key of 16,384 bits, which is still told to be too large.
const MAX_DER: usize = 16 * 1024;
const ED25519_BYTES: usize = 32;

/// Why a text was not accepted as a private key. No message repeats any of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyReadError {
    /// There is no private key in the text.
    #[error("there is no private key in it")]
    Missing,
    /// The key is protected by a password.
    #[error("the private key is encrypted; decrypt it first")]
    Encrypted,
    /// The PEM is damaged, or holds several keys.
    #[error("the private key cannot be read: {0}")]
    Pem(PemError),
    /// What the PEM holds is not the structure that its label says, or another version of it.
    #[error("the private key is not well-formed {0}")]
    Malformed(&'static str),
    /// A kind or size of key that is not accepted.
    #[error("the private key is not RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519")]
    Unsupported,
    /// Its numbers do not belong together.
    #[error("the parts of the private key do not belong together")]
    Inconsistent,
}

/// A private key that someone brought: RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519.
#[derive(Clone)]
pub struct ServerKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl ServerKey {
    /// Reads the one private key in a text of PEM blocks, however its lines are broken: PKCS#8 (`PRIVATE KEY`, RFC 5958,
    /// both versions), PKCS#1 (`RSA PRIVATE KEY`, RFC 8017 A.1.2) or SEC1 (`EC PRIVATE KEY`, RFC 5915). Blocks that are
    /// no private keys are passed over.
    ///
    /// Blocking: checking an RSA key takes up to some milliseconds.
    ///
    /// # Errors
    /// [`KeyReadError`], where it is no key, not an accepted one, or one whose parts do not belong together.
    pub fn from_pem(text: &str) -> Result<Self, KeyReadError> {
        let (label, der) = pem::decode_one(text, LABELS).map_err(|error| match error {
            PemError::Missing | PemError::OtherLabel(_) => KeyReadError::Missing,
            // RFC 1421 §4.6.1.1; other header lines do not occur in keys.
            PemError::Headers if text.contains("ENCRYPTED") => KeyReadError::Encrypted,
            error => KeyReadError::Pem(error),
        })?;
        let der = Zeroizing::new(der);
        match label {
            PKCS8 => Self::from_pkcs8(&der),
            PKCS1 => Self::from_rsa(&der),
            SEC1 => Self::from_sec1(&der, named_curve(text), None),
            ENCRYPTED_PKCS8 => Err(KeyReadError::Encrypted),
            _ => Err(KeyReadError::Unsupported),
        }
    }

    /// Reads the DER of a PKCS#8 key of an accepted kind, as [`Self::from_pem`].
    ///
    /// # Errors
    /// As [`Self::from_pem`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyReadError> {
        check_length(der, "PKCS#8")?;
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyReadError::Malformed("PKCS#8"))?;
        let key = info.private_key.as_bytes();
        let public = match &info.public_key {
            Some(bits) => Some(bits.as_bytes().ok_or(KeyReadError::Malformed("PKCS#8"))?),
            None => None,
        };
        let read = match info.algorithm.oid {
            RSA_ENCRYPTION => Self::from_rsa(key)?,
            EC_PUBLIC_KEY => {
                let parameters = info.algorithm.parameters.ok_or(KeyReadError::Malformed("PKCS#8"))?;
                // RFC 5480 §2.1.1: the curve has a name; parameters written out are not to be trusted.
                let curve = parameters.decode_as().map_err(|_| KeyReadError::Unsupported)?;
                return Self::from_sec1(key, Some(curve), public);
            }
            ED25519 => Self::from_ed25519(key)?,
            _ => return Err(KeyReadError::Unsupported),
        };
        match public {
            Some(public) if public != read.public.bits() => Err(KeyReadError::Inconsistent),
            _ => Ok(read),
        }
    }

    /// Its DER in PKCS#8, version 1: the same for the same key, however it came.
    pub fn pkcs8(&self) -> &Zeroizing<Vec<u8>> {
        &self.pkcs8
    }

    /// Its public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn from_rsa(der: &[u8]) -> Result<Self, KeyReadError> {
        check_length(der, "PKCS#1")?;
        let key = RsaPrivateKeyRef::try_from(der).map_err(|_| KeyReadError::Malformed("PKCS#1"))?;
        if !RSA_BITS.contains(&bit_length(key.modulus.as_bytes())) || key.other_prime_infos.is_some() {
            return Err(KeyReadError::Unsupported);
        }
        // The library passes over what it could derive where the primes are absent, and signs slowly without them.
        let parts = [key.prime1, key.prime2, key.exponent1, key.exponent2, key.coefficient];
        if parts.iter().any(|part| part.as_bytes().iter().all(|byte| *byte == 0)) {
            return Err(KeyReadError::Inconsistent);
        }
        // Multiplies the primes, and compares the exponents and the coefficient with each other.
        let pair = rsa::KeyPair::from_der(der).map_err(|_| KeyReadError::Inconsistent)?;
        Self::new(RSA_ENCRYPTION, Some(Any::null()), der, pair.public_key().as_ref())
    }

    /// `curve` is what is said of it outside the structure, where it need not be said again; `public` likewise.
    fn from_sec1(der: &[u8], curve: Option<ObjectIdentifier>, public: Option<&[u8]>) -> Result<Self, KeyReadError> {
        check_length(der, "SEC1")?;
        let read = Sec1::read(der)?;
        let curve = match (read.curve, curve) {
            (Some(inside), Some(outside)) if inside != outside => return Err(KeyReadError::Inconsistent),
            (inside, outside) => inside.or(outside).ok_or(KeyReadError::Malformed("SEC1"))?,
        };
        let (algorithm, size) = signing_algorithm(curve).ok_or(KeyReadError::Unsupported)?;
        let secret = left_padded(read.secret, size).ok_or(KeyReadError::Malformed("SEC1"))?;

        let alone = EcPrivateKey { private_key: &secret, parameters: Some(curve.into()), public_key: None };
        let alone = Zeroizing::new(alone.to_der().map_err(|_| KeyReadError::Malformed("SEC1"))?);
        // Refuses what is 0 or not below the order of the curve, and derives the public half.
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, &alone).map_err(|_| KeyReadError::Inconsistent)?;
        let point = pair.public_key().as_ref();
        for said in [read.public, public].into_iter().flatten() {
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, &secret, said)
                .map_err(|_| KeyReadError::Inconsistent)?;
        }

        let canonical = EcPrivateKey { private_key: &secret, parameters: None, public_key: Some(point) };
        let canonical = Zeroizing::new(canonical.to_der().map_err(|_| KeyReadError::Malformed("SEC1"))?);
        Self::new(EC_PUBLIC_KEY, Some(Any::from(curve)), &canonical, point)
    }

    fn from_ed25519(der: &[u8]) -> Result<Self, KeyReadError> {
        // RFC 8410 §7: an OCTET STRING within the OCTET STRING.
        let seed = <&OctetStringRef>::from_der(der).map_err(|_| KeyReadError::Malformed("Ed25519"))?.as_bytes();
        if seed.len() != ED25519_BYTES {
            return Err(KeyReadError::Malformed("Ed25519"));
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyReadError::Inconsistent)?;
        Self::new(ED25519, None, der, pair.public_key().as_ref())
    }

    fn new(oid: ObjectIdentifier, parameters: Option<Any>, key: &[u8], public: &[u8]) -> Result<Self, KeyReadError> {
        let encode = || -> Result<Self, PkiError> {
            let identifier = AlgorithmIdentifierRef { oid, parameters: parameters.as_ref().map(AnyRef::from) };
            let info = PrivateKeyInfoRef::new(identifier, OctetStringRef::new(key)?);
            let pkcs8 = Zeroizing::new(info.to_der()?);
            let subject_public_key = BitString::from_bytes(public)?;
            let algorithm = AlgorithmIdentifierOwned { oid, parameters: parameters.clone() };
            let public = PublicKey::from_info(SubjectPublicKeyInfoOwned { algorithm, subject_public_key })?;
            Ok(Self { pkcs8, public })
        };
        // Of what the library has accepted, only a public exponent beyond its verifier's range can fail here.
        encode().map_err(|_| KeyReadError::Unsupported)
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({}, ..)", self.public.kind())
    }
}

/// What a SEC1 structure says (RFC 5915 §3).
struct Sec1<'a> {
    secret: &'a [u8],
    curve: Option<ObjectIdentifier>,
    public: Option<&'a [u8]>,
}

impl<'a> Sec1<'a> {
    fn read(der: &'a [u8]) -> Result<Self, KeyReadError> {
        let (mut read, parameters) = Self::parse(der).map_err(|_| KeyReadError::Malformed("SEC1"))?;
        read.curve = match parameters {
            Some(parameters) if parameters.tag() == Tag::ObjectIdentifier => {
                Some(parameters.decode_as().map_err(|_| KeyReadError::Malformed("SEC1"))?)
            }
            // Parameters that are written out.
            Some(_) => return Err(KeyReadError::Unsupported),
            None => None,
        };
        Ok(read)
    }

    fn parse(der: &'a [u8]) -> der::Result<(Self, Option<AnyRef<'a>>)> {
        const VERSION: u8 = 1;
        let mut reader = SliceReader::new(der)?;
        let parsed = reader.sequence(|fields| {
            if u8::decode(fields)? != VERSION {
                return Err(Tag::Integer.value_error().into());
            }
            let secret = <&OctetStringRef>::decode(fields)?.as_bytes();
            let mut read = Self { secret, curve: None, public: None };
            let mut parameters = None;
            while !fields.is_finished() {
                let field = AnyRef::decode(fields)?;
                match field.tag() {
                    Tag::ContextSpecific { constructed: true, number: TagNumber(0) } if parameters.is_none() => {
                        parameters = Some(AnyRef::from_der(field.value())?);
                    }
                    Tag::ContextSpecific { constructed: true, number: TagNumber(1) } if read.public.is_none() => {
                        let bits = BitStringRef::from_der(field.value())?;
                        read.public = Some(bits.as_bytes().ok_or_else(|| Tag::BitString.value_error())?);
                    }
                    tag => return Err(tag.value_error().into()),
                }
            }
            Ok::<_, der::Error>((read, parameters))
        })?;
        reader.finish()?;
        Ok(parsed)
    }
}

/// The curve that an `EC PARAMETERS` block beside a key names.
fn named_curve(text: &str) -> Option<ObjectIdentifier> {
    let (_, der) = pem::decode_one(text, &[EC_PARAMETERS]).ok()?;
    ObjectIdentifier::from_der(&der).ok()
}

fn signing_algorithm(curve: ObjectIdentifier) -> Option<(&'static EcdsaSigningAlgorithm, usize)> {
    Some(match curve {
        P256 => (&sign::ECDSA_P256_SHA256_ASN1_SIGNING, 32),
        P384 => (&sign::ECDSA_P384_SHA384_ASN1_SIGNING, 48),
        P521 => (&sign::ECDSA_P521_SHA512_ASN1_SIGNING, 66),
        _ => return None,
    })
}

/// The number in `size` bytes, as RFC 5915 §3 wants it; some tools leave leading zeros out, others add them.
fn left_padded(number: &[u8], size: usize) -> Option<Zeroizing<Vec<u8>>> {
    let leading_zeros = number.iter().take_while(|byte| **byte == 0).count();
    let significant = &number[leading_zeros..];
    let padding = size.checked_sub(significant.len())?;
    let mut padded = Zeroizing::new(vec![0; size]);
    padded[padding..].copy_from_slice(significant);
    Some(padded)
}

fn check_length(der: &[u8], structure: &'static str) -> Result<(), KeyReadError> {
    if der.len() <= MAX_DER { Ok(()) } else { Err(KeyReadError::Malformed(structure)) }
}
