//! Certificates of servers, made elsewhere: what people import.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use time::{Duration, OffsetDateTime};

/// A certificate, those above it and its key, all PEM.
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// An intermediate authority's, then the root's.
    pub chain: String,
    /// The key, PKCS#8.
    pub private_key: String,
}

impl Pair {
    /// A P-256 certificate for `names` that begins at `now_ms` (ms since the epoch) and ends `days` days later, below two
    /// authorities of its own.
    pub fn new(names: &[&str], now_ms: i64, days: i64) -> Self {
        let start = OffsetDateTime::from_unix_timestamp(now_ms / 1000).unwrap();
        let (root, root_key) = authority("Test Root", start, None);
        let root_issuer = Issuer::from_ca_cert_pem(&root, &root_key).unwrap();
        let (intermediate, intermediate_key) = authority("Test Issuing", start, Some(&root_issuer));
        let issuer = Issuer::from_ca_cert_pem(&intermediate, &intermediate_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let common_name = names[0].clone();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.not_before = start;
        params.not_after = start + Duration::days(days);
        params.is_ca = IsCa::ExplicitNoCa;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        Self { certificate, chain: format!("{intermediate}{root}"), private_key: key.serialize_pem() }
    }

    /// The DER of each certificate in a text of PEM.
    pub fn ders(&self, pem: &str) -> Vec<Vec<u8>> {
        CertificateDer::pem_slice_iter(pem.as_bytes()).map(|der| der.unwrap().to_vec()).collect()
    }

    /// Whether a text of PEM, in whatever format, is this pair's key.
    pub fn is_key(&self, pem: &str) -> bool {
        let public = |pem: &str| {
            let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
            KeyPair::try_from(&key).unwrap().public_key_raw().to_vec()
        };
        public(pem) == public(&self.private_key)
    }
}

fn authority(name: &str, start: OffsetDateTime, issuer: Option<&Issuer<'_, &KeyPair>>) -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = start - Duration::days(1);
    params.not_after = start + Duration::days(3650);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer),
        None => params.self_signed(&key),
    };
    (certificate.unwrap().pem(), key)
}
