//! Keys that a client and the server derive from the secret key instead of using it directly.

use ::hmac::Mac;
use aws_lc_rs::{hkdf, hmac};
use p256::NistP256;
use sm2::elliptic_curve::Curve;
use sm2::{Sm2, U256};
use zeroize::{Zeroize, Zeroizing};

use crate::scheme::{Algorithm, hmac_sm3};
use crate::signature::SignatureError;

/// A private scalar: 32 bytes, big-endian.
pub(crate) type PrivateScalar = Zeroizing<[u8; 32]>;

/// The key of `V11-HMAC-SHA256`: HKDF-SHA256 (RFC 5869) of the secret key, with the access key as salt and the scope
/// (`YYYYMMDD/region/service`) as info. The 64 lower-case hex digits themselves, as ASCII, are the HMAC key.
pub(crate) fn v11_key(access_key: &str, secret_key: &str, scope: &str) -> Result<Zeroizing<String>, SignatureError> {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, access_key.as_bytes());
    let prk = salt.extract(secret_key.as_bytes());
    let mut key = Zeroizing::new([0; 32]);
    prk.expand(&[scope.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .map_err(|_| SignatureError::Cryptography)?;
    Ok(Zeroizing::new(hex::encode(key.as_slice())))
}

/// The private key of `SDK-ECDSA-P256-SHA256`.
pub(crate) fn p256_private_key(access_key: &str, secret_key: &str) -> Result<PrivateScalar, SignatureError> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes());
    let prf = |input: &[u8]| {
        let mut output = Zeroizing::new([0; 32]);
        output.copy_from_slice(hmac::sign(&key, input).as_ref());
        output
    };
    private_scalar(Algorithm::EcdsaP256Sha256, access_key, &NistP256::ORDER, prf)
}

/// The private key of `SDK-SM2-SM3`.
pub(crate) fn sm2_private_key(access_key: &str, secret_key: &str) -> Result<PrivateScalar, SignatureError> {
    let mac = hmac_sm3(secret_key.as_bytes())?;
    let prf = |input: &[u8]| Zeroizing::new(mac.clone().chain_update(input).finalize().into_bytes().into());
    private_scalar(Algorithm::Sm2Sm3, access_key, &Sm2::ORDER, prf)
}

/// Derives a scalar between 1 and n - 1: the key derivation in counter mode of NIST SP 800-108, with the algorithm's
/// name as label and the access key and a retry counter as context, until the candidate is at most n - 2; plus one.
fn private_scalar(
    algorithm: Algorithm,
    access_key: &str,
    order: &U256,
    prf: impl Fn(&[u8]) -> PrivateScalar,
) -> Result<PrivateScalar, SignatureError> {
    let limit = order.wrapping_sub(&U256::ONE);
    for retry in 0..=u8::MAX {
        let input = [
            &1_u32.to_be_bytes(),
            algorithm.name().as_bytes(),
            &[0],
            access_key.as_bytes(),
            &[retry],
            &256_u32.to_be_bytes(),
        ];
        let candidate = Zeroizing::new(U256::from_be_slice(prf(&input.concat()).as_slice()));
        if *candidate < limit {
            let scalar = Zeroizing::new(candidate.wrapping_add(&U256::ONE));
            let mut bytes = scalar.to_be_bytes();
            let private = Zeroizing::new(bytes.into());
            bytes.zeroize();
            return Ok(private);
        }
    }
    // Each candidate is refused with a probability of 2^-32.
    Err(SignatureError::Cryptography)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS_KEY: &str = "AKTESTEXAMPLE0000001";
    const SECRET_KEY: &str = "SKTESTEXAMPLE000000000000000000000000001";

    #[test]
    fn derived_keys_are_those_of_the_official_clients() {
        assert_eq!(
            v11_key(ACCESS_KEY, SECRET_KEY, "20261122/globe/ccm").unwrap().as_str(),
            "b74f6d9d7570c3016898df0dd9e65e7a466684b8f6cf84e38a340fafd8dcfb4d"
        );
        assert_eq!(
            hex::encode(p256_private_key(ACCESS_KEY, SECRET_KEY).unwrap()),
            "2ff414c096961ad7c3a8f491a0408b785eabeea22fd18ff9bfde83bf116cb56b"
        );
        assert_eq!(
            hex::encode(sm2_private_key(ACCESS_KEY, SECRET_KEY).unwrap()),
            "e2f722aa6513b49ce162785b0963452634d7af7fe96a024a71ed813917f09662"
        );
    }

    #[test]
    fn candidates_out_of_range_are_drawn_again() {
        let order_less = |difference: u64| NistP256::ORDER.wrapping_sub(&U256::from(difference)).to_be_bytes();
        let derive = |candidates: [Zeroizing<[u8; 32]>; 2]| {
            let prf = |input: &[u8]| candidates[usize::from(input[input.len() - 5])].clone();
            private_scalar(Algorithm::EcdsaP256Sha256, ACCESS_KEY, &NistP256::ORDER, prf).map(hex::encode)
        };
        let zero = Zeroizing::new([0; 32]);
        let largest: PrivateScalar = Zeroizing::new(order_less(2).into());
        let too_large: PrivateScalar = Zeroizing::new(order_less(1).into());
        assert_eq!(derive([largest.clone(), zero.clone()]).unwrap(), hex::encode(order_less(1)));
        assert_eq!(derive([too_large.clone(), zero]).unwrap(), format!("{:064x}", 1));
        let never = |_: &[u8]| Zeroizing::new([0xff; 32]);
        assert!(private_scalar(Algorithm::Sm2Sm3, ACCESS_KEY, &Sm2::ORDER, never).is_err());
    }

    #[test]
    fn empty_and_long_inputs_derive() {
        let long = "x".repeat(10_000);
        for (access_key, secret_key, scope) in [("", "", ""), (&long, &long, &long)] {
            assert!(v11_key(access_key, secret_key, scope).is_ok());
            assert!(p256_private_key(access_key, secret_key).is_ok());
            assert!(sm2_private_key(access_key, secret_key).is_ok());
        }
    }
}
