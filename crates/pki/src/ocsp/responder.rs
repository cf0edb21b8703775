use const_oid::db::rfc5280::ID_KP_OCSP_SIGNING;
use der::{Any, Decode, asn1::OctetString};
use openccm_core::{HashAlgorithm, KeyAlgorithm, Period};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use crate::{Certificate, PkiError, PrivateKey, PublicKey, Signer, signature_algorithm, unfit};

/// A responder to which an authority delegated its answers (RFC 6960 §4.2.2.2): a certificate of the authority for
/// signing them, and its key.
#[derive(Clone, Debug)]
pub struct OcspResponder {
    certificate: Certificate,
    key: PrivateKey,
    pub(super) hash: HashAlgorithm,
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) key_hash: OctetString,
    pub(super) encoded_certificate: Any,
}

impl OcspResponder {
    /// The responder with `certificate` and `key`. It signs with the hash of the key's own size: SHA-384 for P-384, else
    /// SHA-256.
    ///
    /// # Errors
    /// A certificate of another key, or one that is not for signing OCSP responses.
    pub fn new(certificate: Certificate, key: PrivateKey) -> Result<Self, PkiError> {
        if certificate.public_key() != key.public_key() {
            return unfit("the key is not that of the responder's certificate");
        }
        let read = x509_cert::Certificate::from_der(certificate.der())?;
        let purposes = read.tbs_certificate().get_extension::<ExtendedKeyUsage>()?;
        if !purposes.is_some_and(|(_, purposes)| purposes.0.contains(&ID_KP_OCSP_SIGNING)) {
            return unfit("the certificate is not for signing OCSP responses");
        }
        let hash = match key.algorithm() {
            KeyAlgorithm::Ec384 => HashAlgorithm::Sha384,
            _ => HashAlgorithm::Sha256,
        };
        Ok(Self {
            hash,
            algorithm: signature_algorithm(key.algorithm(), hash),
            key_hash: OctetString::new(key.public_key().key_identifier())?,
            encoded_certificate: Any::from_der(certificate.der())?,
            certificate,
            key,
        })
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(super) fn period(&self) -> Period {
        self.certificate.period()
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        self.certificate.public_key()
    }

    pub(super) async fn sign(&self, message: Vec<u8>) -> Result<Vec<u8>, PkiError> {
        self.key.sign(self.hash, message).await
    }
}
