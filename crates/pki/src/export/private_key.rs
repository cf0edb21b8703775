//! Private keys as PEM.

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2;
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::{ExportError, random};
use crate::pem;

/// Iterations of PBKDF2-HMAC-SHA-256: about 65 ms on a server core with SHA instructions, three times that without. Of
/// the order that is advised for passwords today (OWASP: 600,000, NIST SP 800-132: as many as can be borne); the tools
/// that read these files make them with 2,048 (OpenSSL) or 10,000 (Java).
const PBKDF2_ITERATIONS: u32 = 400_000;
const SALT_LEN: usize = 16;
const IV_LEN: usize = 16;

/// Gives a private key, PKCS#8 DER, as one PEM block that ends with a line ending.
///
/// Without a password, the form that is native to the key: PKCS#1 (`RSA PRIVATE KEY`, RFC 8017, A.1.2) for RSA, SEC1
/// (`EC PRIVATE KEY`, RFC 5915) for EC keys on a named curve, PKCS#8 (`PRIVATE KEY`, RFC 5958) for everything else. With
/// a password, `ENCRYPTED PRIVATE KEY`: PBES2 (RFC 8018) with PBKDF2-HMAC-SHA-256 and AES-256-CBC, which OpenSSL 1.0
/// and everything after it read.
///
/// Blocks for tens of milliseconds if there is a password. The password is taken as it is; see
/// [`validate_password`](super::validate_password).
///
/// # Errors
/// [`ExportError::PrivateKey`] if the input is not a well-formed key, [`ExportError::Encryption`] or
/// [`ExportError::Random`] if it could not be encrypted.
pub fn private_key_pem(pkcs8: &[u8], password: Option<&str>) -> Result<Zeroizing<String>, ExportError> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(|_| ExportError::PrivateKey)?;
    if let Some(password) = password {
        let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(
            PBKDF2_ITERATIONS,
            &random::<SALT_LEN>()?,
            random::<IV_LEN>()?,
        )
        .map_err(|_| ExportError::Encryption)?;
        let encrypted = info.encrypt_with_params(parameters, password).map_err(|_| ExportError::Encryption)?;
        return Ok(block("ENCRYPTED PRIVATE KEY", encrypted.as_bytes()));
    }

    let inner = info.private_key.as_bytes();
    match info.algorithm.oid {
        pkcs1::ALGORITHM_OID => {
            RsaPrivateKeyRef::try_from(inner).map_err(|_| ExportError::PrivateKey)?;
            Ok(block("RSA PRIVATE KEY", inner))
        }
        sec1::ALGORITHM_OID => Ok(block("EC PRIVATE KEY", &sec1_der(&info).map_err(|_| ExportError::PrivateKey)?)),
        _ => Ok(block("PRIVATE KEY", pkcs8)),
    }
}

/// The SEC1 structure inside PKCS#8 usually leaves the curve out, because PKCS#8 names it outside; alone it needs it.
fn sec1_der(info: &PrivateKeyInfoRef<'_>) -> der::Result<Zeroizing<Vec<u8>>> {
    let curve: ObjectIdentifier = info.algorithm.parameters.as_ref().ok_or(der::ErrorKind::Failed)?.decode_as()?;
    let mut key = EcPrivateKey::from_der(info.private_key.as_bytes())?;
    key.parameters = Some(EcParameters::NamedCurve(curve));
    key.public_key = key.public_key.or_else(|| info.public_key.as_ref().and_then(|public| public.as_bytes()));
    key.to_der().map(Zeroizing::new)
}

fn block(label: &str, der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(pem::encode(label, der));
    // Joined into a string of its own size: growing `text` could leave an unwiped copy behind.
    let mut with_end = Zeroizing::new(String::with_capacity(text.len() + 2));
    with_end.extend([text.as_str(), "\r\n"]);
    with_end
}
