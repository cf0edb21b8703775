//! JKS, the keystore of Sun's Java, for Tomcat.
//!
//! The format was never specified; this is what `sun.security.provider.JavaKeyStore` reads. It is written here because
//! no maintained crate does. All integers are big-endian, texts are Java's "modified UTF-8" after a 16-bit length:
//!
//! ```text
//! u32 0xFEEDFEED, u32 version 2, u32 number of entries, then for each private key entry:
//!   u32 1, text alias (lower case), i64 creation date (ms since 1970)
//!   u32 length, EncryptedPrivateKeyInfo (PKCS#8) with Sun's own algorithm 1.3.6.1.4.1.42.2.17.1.1
//!   u32 number of certificates, leaf first, each: text "X.509", u32 length, DER
//! SHA-1 (password ‖ "Mighty Aphrodite" ‖ all of the above)
//! ```
//!
//! Sun's algorithm: a 20-byte salt, the PKCS#8 key XORed with the stream `D1 ‖ D2 ‖ …` (`D1 = SHA-1(password ‖ salt)`,
//! `Dn+1 = SHA-1(password ‖ Dn)`), and SHA-1 (password ‖ key) as the check. The password is in UTF-16, big-endian.
//!
//! The protection is weak by design: one SHA-1 tries one password, so a guessable password is soon guessed. Only a long
//! random password protects such a file, and Java itself has preferred PKCS#12 since version 9.

use aws_lc_rs::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA1_OUTPUT_LEN};
use const_oid::ObjectIdentifier;
use der::asn1::{Null, OctetStringRef};
use der::{Encode, Sequence};
use spki::AlgorithmIdentifier;
use zeroize::Zeroizing;

use super::{ExportError, Material, random};

const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const PRIVATE_KEY_ENTRY: u32 = 1;
const CERTIFICATE_TYPE: &str = "X.509";
const INTEGRITY_CONTEXT: &[u8] = b"Mighty Aphrodite";
const SUN_KEY_PROTECTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.17.1.1");

/// Makes a Java keystore with one entry: the private key with its certificate and chain. Store and key have the same
/// password, as Tomcat expects. The alias is the material's name in lower case, as Java does it; the creation date is
/// [`Material::created_ms`].
///
/// The password is taken as it is; see [`validate_password`](super::validate_password). Fast, but see the module on how
/// little the format protects.
///
/// # Errors
/// [`ExportError::NoPrivateKey`] if there is no key, [`ExportError::TooLarge`] if the alias is longer than 65,535 bytes,
/// [`ExportError::Random`] if there is no salt.
pub fn jks(material: &Material<'_>, password: &str) -> Result<Vec<u8>, ExportError> {
    let key = material.private_key.ok_or(ExportError::NoPrivateKey)?;
    let password = Zeroizing::new(password.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());

    let mut store = Writer(Vec::new());
    store.u32(MAGIC);
    store.u32(VERSION);
    store.u32(1);
    store.u32(PRIVATE_KEY_ENTRY);
    store.text(&material.name.to_lowercase())?;
    store.0.extend(material.created_ms.to_be_bytes());
    store.bytes(&protect(key, &password, random()?)?)?;
    store.len(1 + material.chain.len())?;
    for certificate in material.full_chain() {
        store.text(CERTIFICATE_TYPE)?;
        store.bytes(certificate)?;
    }
    let integrity = sha1(&[&password, INTEGRITY_CONTEXT, &store.0]);
    store.0.extend_from_slice(integrity.as_ref());
    Ok(store.0)
}

/// PKCS#8's EncryptedPrivateKeyInfo, for an algorithm that no library knows.
#[derive(Sequence)]
struct EncryptedPrivateKeyInfo<'a> {
    algorithm: AlgorithmIdentifier<Null>,
    data: &'a OctetStringRef,
}

/// Encrypts a key with Sun's algorithm and wraps it in an EncryptedPrivateKeyInfo, DER.
fn protect(key: &[u8], password: &[u8], salt: [u8; SHA1_OUTPUT_LEN]) -> Result<Vec<u8>, ExportError> {
    let mut protected = Vec::with_capacity(key.len() + 2 * SHA1_OUTPUT_LEN);
    protected.extend_from_slice(&salt);
    let mut stream = sha1(&[password, &salt]);
    for block in key.chunks(SHA1_OUTPUT_LEN) {
        protected.extend(block.iter().zip(stream.as_ref()).map(|(key, stream)| key ^ stream));
        stream = sha1(&[password, stream.as_ref()]);
    }
    protected.extend_from_slice(sha1(&[password, key]).as_ref());

    let algorithm = AlgorithmIdentifier { oid: SUN_KEY_PROTECTOR, parameters: Some(Null) };
    OctetStringRef::new(&protected)
        .and_then(|data| EncryptedPrivateKeyInfo { algorithm, data }.to_der())
        .map_err(|_| ExportError::TooLarge)
}

fn sha1(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// Writes what Java's `DataOutputStream` would.
struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }

    fn len(&mut self, len: usize) -> Result<(), ExportError> {
        self.u32(len.try_into().map_err(|_| ExportError::TooLarge)?);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.len(bytes.len())?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), ExportError> {
        let bytes = modified_utf8(text);
        let len = u16::try_from(bytes.len()).map_err(|_| ExportError::TooLarge)?;
        self.0.extend(len.to_be_bytes());
        self.0.extend(bytes);
        Ok(())
    }
}

/// Java's form of UTF-8: each UTF-16 unit by itself, so that characters beyond the Basic Multilingual Plane become two
/// groups of three bytes, and U+0000 in two bytes.
fn modified_utf8(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let [high, low] = [0xC0 | (unit >> 6), 0x80 | (unit & 0x3F)];
        match unit {
            0x0001..=0x007F => bytes.push(unit as u8),
            0x0000 | 0x0080..=0x07FF => bytes.extend([high as u8, low as u8]),
            0x0800.. => bytes.extend([0xE0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3F) as u8, low as u8]),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modified_utf8_is_utf8_within_the_bmp() {
        for text in ["", "server", "服务器", "é\u{7ff}\u{800}\u{ffff}"] {
            assert_eq!(modified_utf8(text), text.as_bytes());
        }
        assert_eq!(modified_utf8("\0"), [0xC0, 0x80]);
        assert_eq!(modified_utf8("😀"), [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]);
    }

    #[test]
    fn an_alias_that_does_not_fit_is_an_error() {
        let material = Material {
            name: &"x".repeat(65_536),
            certificate: &[],
            chain: &[],
            private_key: Some(&[1]),
            created_ms: 0,
        };
        assert!(matches!(jks(&material, "changeit"), Err(ExportError::TooLarge)));
    }
}
