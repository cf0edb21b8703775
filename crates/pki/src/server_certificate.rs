//! What is checked of a certificate that someone brings with its key and its chain.

use crate::{
    Certificate, KeyReadError, MalformedDomainName, PkiError, ServerKey, build_chain,
    pem::{self, CERTIFICATE},
};

/// A certificate of a server, with the key and the chain that belong to it.
#[derive(Clone, Debug)]
pub struct ServerCertificate {
    /// The certificate of the server itself.
    pub certificate: Certificate,
    /// Those above it, its issuer first. The root may be absent. Empty for one that signed itself.
    pub chain: Vec<Certificate>,
    /// Its key.
    pub key: ServerKey,
    /// The host names and addresses that it is for, at least one, in lower case and each once. The first is its common
    /// name, where that is one.
    pub domain_names: Vec<String>,
}

/// Why a certificate was not accepted, with the code that the API answers.
#[derive(Debug, thiserror::Error)]
pub enum ServerCertificateError {
    /// It cannot be read, or its key or signature is of a kind that is not accepted, or it is an authority's
    /// (SCM.0006).
    #[error("the certificate cannot be accepted: {0}")]
    Certificate(PkiError),
    /// It is past its end (SCM.0042).
    #[error("the certificate has expired")]
    Expired,
    /// It is for no host name and no address (SCM.0009).
    #[error("the certificate has no domain name")]
    NoDomain,
    /// It is for a name that is neither a host name nor an address (SCM.0070).
    #[error("the certificate has a malformed domain name: {0}")]
    MalformedDomain(#[from] MalformedDomainName),
    /// The key cannot be read or accepted (SCM.0012).
    #[error(transparent)]
    Key(#[from] KeyReadError),
    /// The key is another one's (SCM.0014).
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// A certificate of the chain cannot be read, or does not belong to it (SCM.0013).
    #[error("the certificate chain cannot be accepted: {0}")]
    Chain(PkiError),
    /// It did not sign itself, and none above it was given (SCM.0109).
    #[error("the certificate chain is missing, and the certificate is not self-signed")]
    ShortChain,
}

impl ServerCertificate {
    /// Reads a certificate with its chain and its key, at `now_ms` milliseconds since the epoch.
    ///
    /// The first certificate in `certificate` is the server's; those behind it are its chain, unless `chain` has any: then
    /// they are not looked at. The chain may come in any order and stop below the root, but all in it must belong to it.
    /// A certificate that is not yet valid is accepted, and so is a chain with expired certificates: old authorities
    /// sign new ones that way.
    ///
    /// A server's certificate must not be an authority's, except where it signed itself: `openssl req -x509` sets the CA
    /// bit unless it is told otherwise.
    ///
    /// Blocking: up to some milliseconds for large RSA keys.
    ///
    /// # Errors
    /// The first that is wrong, in this order: what is wrong with the certificate itself, for nothing that is sent with it
    /// could mend that (unreadable, expired, its domain names); then with the key (unreadable, another one's); then with
    /// the chain (unreadable, too short, not its chain).
    pub fn read(
        certificate: &str,
        chain: Option<&str>,
        private_key: &str,
        now_ms: i64,
    ) -> Result<Self, ServerCertificateError> {
        let chain = chain.filter(|text| !text.trim().is_empty());
        let (certificate, behind) = read_leaf(certificate).map_err(ServerCertificateError::Certificate)?;
        if certificate.period().not_after_ms() <= now_ms {
            return Err(ServerCertificateError::Expired);
        }
        let domain_names = certificate.domain_names()?;
        if domain_names.is_empty() {
            return Err(ServerCertificateError::NoDomain);
        }
        let key = ServerKey::from_pem(private_key)?;
        if !key.public_key().is_same_key(certificate.public_key()) {
            return Err(ServerCertificateError::KeyMismatch);
        }
        let pool = match chain {
            Some(text) => Certificate::all_from_pem(text),
            None => behind.iter().map(|der| Certificate::from_der(der)).collect(),
        };
        let chain = build_chain(&certificate, pool.map_err(ServerCertificateError::Chain)?);
        let chain = chain.map_err(ServerCertificateError::Chain)?;
        if chain.is_empty() && !certificate.is_self_signed() {
            return Err(ServerCertificateError::ShortChain);
        }
        Ok(Self { certificate, chain, key, domain_names })
    }
}

/// The first certificate of a text, if it can be a server's, and the DER of what is behind it.
fn read_leaf(text: &str) -> Result<(Certificate, Vec<Vec<u8>>), PkiError> {
    let mut blocks = pem::decode_all(text, CERTIFICATE).map_err(|error| PkiError::Malformed(error.to_string()))?;
    if blocks.is_empty() {
        return Err(PkiError::Malformed("there is none".to_owned()));
    }
    let behind = blocks.split_off(1);
    let leaf = Certificate::from_der(&blocks[0])?;
    if leaf.signature_scheme().is_none() {
        return Err(PkiError::UnsupportedSignature);
    }
    if leaf.is_authority() && !leaf.is_self_signed() {
        return Err(PkiError::Unfit("it is the certificate of an authority".to_owned()));
    }
    Ok((leaf, behind))
}
