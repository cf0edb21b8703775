//! PKCS#12 (RFC 7292), for IIS and everything else that reads `.pfx`.

use aws_lc_rs::digest;
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};

use super::{ExportError, Material};

/// Iterations of each of the three key derivations (certificates, key, MAC). They are three equal doors to the same
/// password, so each has the same number. Windows bounds the work: .NET (KB5025823) refuses files of more than 600,000.
const ITERATIONS: u32 = 100_000;

/// Makes a PKCS#12 file: the private key, its certificate and the chain, under one password. The key's friendly name
/// (its alias in Java) is the material's name, with characters beyond the Basic Multilingual Plane, which a BMPString
/// cannot hold, replaced by U+FFFD.
///
/// PBES2 with AES-256-CBC for key and certificates, HMAC-SHA-256 for integrity. OpenSSL 1.0.2 and later, Java 8u301 and
/// later, Windows 10 1709, Windows Server 2019 and later read it. Windows Server 2016 (build 1607) and older know only
/// RC2 and triple DES with SHA-1, and report a wrong password; make them a file with `openssl pkcs12 -export -legacy`.
///
/// Blocks for tens of milliseconds. The password is taken as it is; see [`validate_password`](super::validate_password).
///
/// # Errors
/// [`ExportError::NoPrivateKey`] if there is no key, [`ExportError::Pkcs12`] if key or certificates are malformed.
pub fn pkcs12(material: &Material<'_>, password: &str) -> Result<Vec<u8>, ExportError> {
    let key = PrivateKey::from_der(material.private_key.ok_or(ExportError::NoPrivateKey)?);
    let key = key.map_err(ExportError::Pkcs12)?;
    let certificates = material.full_chain().map(Certificate::from_der).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(ExportError::Pkcs12)?;

    // The local key id only ties the key to its certificate within the file.
    let local_key_id = digest::digest(&digest::SHA256, material.certificate);
    let chain = PrivateKeyChain::new(local_key_id.as_ref(), key, certificates);
    let friendly_name: String = material
        .name
        .chars()
        .map(|char| if u32::from(char) > 0xFFFF { char::REPLACEMENT_CHARACTER } else { char })
        .collect();

    let mut store = KeyStore::new();
    store.add_entry(&friendly_name, KeyStoreEntry::PrivateKeyChain(chain));
    store
        .writer(password)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ITERATIONS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ITERATIONS)
        .write()
        .map_err(ExportError::Pkcs12)
}
