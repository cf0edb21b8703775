//! What a client downloads: a certificate with its chain and, if OpenCCM holds it, its private key, in the form that a
//! kind of server wants (`POST /v1/private-certificates/{certificate_id}/export`).
//!
//! Everything here **blocks**: deriving keys from passwords takes tens of milliseconds. Call it from
//! `tokio::task::spawn_blocking`, never on an async worker thread.

mod bundle;
mod jks;
mod password;
mod pkcs12;
mod private_key;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use bundle::{archive_name, bundle, bundle_for_all};
pub use jks::jks;
pub use password::{MAX_PASSWORD_LEN, MIN_JKS_PASSWORD_LEN, PasswordError, validate_password};
pub use pkcs12::pkcs12;
pub use private_key::private_key_pem;

/// What there is to export. Borrowed; never printed with its key.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// Name of the certificate: the friendly name in PKCS#12, the alias in JKS. Any characters.
    pub name: &'a str,
    /// The certificate, DER.
    pub certificate: &'a [u8],
    /// The certificates above it, DER: its issuer first, the root last. Empty for a self-signed certificate.
    pub chain: &'a [Vec<u8>],
    /// The private key, PKCS#8 DER; `None` if the certificate was issued from a request and the key is with the client.
    pub private_key: Option<&'a [u8]>,
    /// When the certificate was made, in milliseconds since 1970-01-01T00:00:00Z: the creation date of a JKS entry.
    pub created_ms: i64,
}

impl fmt::Debug for Material<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("name", &self.name)
            .field("chain_length", &self.chain.len())
            .field("has_private_key", &self.private_key.is_some())
            .field("created_ms", &self.created_ms)
            .finish_non_exhaustive()
    }
}

impl<'a> Material<'a> {
    /// The certificate, then its chain, up to the root.
    fn full_chain(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        std::iter::once(self.certificate).chain(self.chain.iter().map(Vec::as_slice))
    }
}

/// The kind of server that a certificate is exported for, which decides the files and their format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerType {
    /// PEM: key, chain and certificate in a file each (`.crt`).
    Apache,
    /// PEM: key; certificate and chain in one file.
    Nginx,
    /// PKCS#12.
    Iis,
    /// Java keystore (JKS).
    Tomcat,
    /// PEM: key, chain and certificate in a file each (`.pem`).
    Other,
}

impl ServerType {
    /// Every type, in the order of the API reference.
    pub const ALL: [Self; 5] = [Self::Apache, Self::Nginx, Self::Iis, Self::Tomcat, Self::Other];

    /// The name as the API writes it, in capitals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apache => "APACHE",
            Self::Nginx => "NGINX",
            Self::Iis => "IIS",
            Self::Tomcat => "TOMCAT",
            Self::Other => "OTHER",
        }
    }
}

impl fmt::Display for ServerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ServerType {
    type Err = UnknownServerType;

    /// Reads the name in any case: the API reference has capitals in its tables and small letters in its example.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownServerType)
    }
}

/// The text names no [`ServerType`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server type must be APACHE, NGINX, IIS, TOMCAT or OTHER")]
pub struct UnknownServerType;

/// Why an export failed. Only [`ExportError::Password`] is the caller's doing; the rest is about stored material.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The password breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A keystore was asked for, but there is no private key to put in it.
    #[error("a keystore needs a private key")]
    NoPrivateKey,
    /// The private key is not well-formed PKCS#8, or what it holds does not fit its algorithm.
    #[error("the private key is malformed")]
    PrivateKey,
    /// The private key could not be encrypted.
    #[error("the private key could not be encrypted")]
    Encryption,
    /// The name, a certificate or the key is longer than the file format allows.
    #[error("the material is too large for the file format")]
    TooLarge,
    /// The PKCS#12 file could not be made.
    #[error("the PKCS#12 file could not be made")]
    Pkcs12(#[source] p12_keystore::error::Error),
    /// The zip archive could not be made.
    #[error("the zip archive could not be made")]
    Zip(#[from] zip::result::ZipError),
    /// The random number generator failed.
    #[error("the random number generator failed")]
    Random,
}

/// Fresh random bytes, for salts and initialisation vectors.
fn random<const N: usize>() -> Result<[u8; N], ExportError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ExportError::Random)?;
    Ok(bytes)
}
