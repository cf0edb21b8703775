//! SM2 signatures (GB/T 32918.2) with the vendor's fixed signer identity.

use sm2::dsa::signature::hazmat::PrehashVerifier;
use sm2::dsa::signature::{Signer, Verifier};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};
use sm2::{FieldBytes, U256};
use sm3::{Digest, Sm3};

use crate::derivation::PrivateScalar;
use crate::signature::SignatureError;

/// The identity that every client signs with: the default of GM/T 0009.
const IDENTITY: &str = "1234567812345678";

/// The curve parameters that the identity hash covers (GB/T 32918.5): a, b and the base point.
const CURVE: [U256; 4] = [
    U256::from_be_hex("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"),
    U256::from_be_hex("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
    U256::from_be_hex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
    U256::from_be_hex("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
];

/// Signs with a derived private key.
pub(crate) struct Sm2SigningKey(SigningKey);

impl Sm2SigningKey {
    /// A key of a scalar between 1 and n - 1.
    pub(crate) fn new(private: &PrivateScalar) -> Result<Self, SignatureError> {
        SigningKey::from_slice(IDENTITY, private.as_slice()).map(Self).map_err(|_| SignatureError::Cryptography)
    }

    /// Signs `message`; gives the DER form.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature = self.0.try_sign(message).map_err(|_| SignatureError::Cryptography)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    pub(crate) fn verifying_key(&self) -> Sm2VerifyingKey {
        Sm2VerifyingKey::new(self.0.verifying_key())
    }
}

/// Verifies the signatures of the official clients.
pub(crate) struct Sm2VerifyingKey {
    key: VerifyingKey,
    /// The identity hash as the vendor's Python client computes it, where it differs from the standard one.
    stripped_identity_hash: Option<[u8; 32]>,
}

impl Sm2VerifyingKey {
    fn new(key: &VerifyingKey) -> Self {
        // Uncompressed (SEC 1 section 2.3.3): 04, x, y.
        let point = key.to_sec1_bytes();
        let coordinates = point.get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let is_stripped = x.first() == Some(&0) || y.first() == Some(&0);
        let stripped_identity_hash =
            is_stripped.then(|| identity_hash(without_leading_zeros(x), without_leading_zeros(y)));
        Self { key: key.clone(), stripped_identity_hash }
    }

    /// Whether `signature` (DER) is one of `message`.
    ///
    /// The Python client leaves out leading zero bytes of the public key's coordinates when it hashes the signer's
    /// identity (one key in 128 has any), so a signature is also tried with that hash.
    pub(crate) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_der(signature) else {
            return false;
        };
        self.key.verify(message, &signature).is_ok()
            || self.stripped_identity_hash.is_some_and(|identity_hash| {
                self.key.verify_prehash(&message_hash(&identity_hash, message), &signature).is_ok()
            })
    }
}

/// ZA = SM3(ENTLA || IDA || a || b || xG || yG || xA || yA) (GB/T 32918.2 section 5.5).
fn identity_hash(x: &[u8], y: &[u8]) -> [u8; 32] {
    const IDENTITY_BITS: u16 = 8 * IDENTITY.len() as u16;
    let mut hash = Sm3::new();
    hash.update(IDENTITY_BITS.to_be_bytes());
    hash.update(IDENTITY);
    for parameter in CURVE {
        hash.update(FieldBytes::from(parameter.to_be_bytes()));
    }
    hash.update(x);
    hash.update(y);
    hash.finalize().into()
}

/// e = SM3(ZA || M).
fn message_hash(identity_hash: &[u8; 32], message: &[u8]) -> [u8; 32] {
    Sm3::new_with_prefix(identity_hash).chain_update(message).finalize().into()
}

fn without_leading_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use sm2::dsa::signature::hazmat::PrehashSigner;

    use super::*;
    use crate::derivation::sm2_private_key;

    const MESSAGE: &[u8] = b"string to sign";

    fn key(number: usize) -> Sm2SigningKey {
        Sm2SigningKey::new(&sm2_private_key(&format!("AK{number}"), "SK").unwrap()).unwrap()
    }

    fn coordinates(key: &Sm2SigningKey) -> (Vec<u8>, Vec<u8>) {
        let point = key.0.verifying_key().to_sec1_bytes();
        (point[1..33].to_vec(), point[33..].to_vec())
    }

    fn sign_with(key: &Sm2SigningKey, identity_hash: [u8; 32]) -> Vec<u8> {
        key.0.sign_prehash(&message_hash(&identity_hash, MESSAGE)).unwrap().to_der().as_bytes().to_vec()
    }

    #[test]
    fn our_identity_hash_is_the_standard_one() {
        let key = key(0);
        let (x, y) = coordinates(&key);
        assert_eq!(sign_with(&key, identity_hash(&x, &y)), key.sign(MESSAGE).unwrap());
    }

    #[test]
    fn coordinates_without_leading_zeros_are_accepted_too() {
        let key = (0..).map(key).find(|key| coordinates(key).0[0] == 0).unwrap();
        let (x, y) = coordinates(&key);
        let verifying = key.verifying_key();
        let stripped = sign_with(&key, identity_hash(without_leading_zeros(&x), without_leading_zeros(&y)));
        assert_ne!(stripped, key.sign(MESSAGE).unwrap());
        assert!(verifying.accepts(MESSAGE, &stripped));
        assert!(verifying.accepts(MESSAGE, &key.sign(MESSAGE).unwrap()));
        assert!(!verifying.accepts(b"another string", &stripped));
    }

    #[test]
    fn a_key_with_full_coordinates_has_one_identity_hash() {
        let key = (0..).map(key).find(|key| coordinates(key).0[0] != 0 && coordinates(key).1[0] != 0).unwrap();
        let (x, y) = coordinates(&key);
        assert!(key.verifying_key().stripped_identity_hash.is_none());
        assert!(!key.verifying_key().accepts(MESSAGE, &sign_with(&key, identity_hash(&x[1..], &y))));
    }

    #[test]
    fn odd_signatures_are_refused_without_panic() {
        let key = key(0);
        let good = key.sign(MESSAGE).unwrap();
        let verifying = key.verifying_key();
        for end in 0..good.len() {
            assert!(!verifying.accepts(MESSAGE, &good[..end]));
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = good.clone();
                changed[end] = value;
                assert_eq!(verifying.accepts(MESSAGE, &changed), changed == good);
            }
        }
        let longer = [good.as_slice(), &[0]].concat();
        assert!(!verifying.accepts(MESSAGE, &longer));
    }
}
