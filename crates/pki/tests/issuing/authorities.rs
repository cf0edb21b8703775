//! Keys, made once for all tests, and authorities that hold them.

use std::sync::OnceLock;

use openccm_core::{
    AlternativeName, DistinguishedName, ExtendedKeyUsage, HashAlgorithm, KeyAlgorithm, KeyUsage, KeyUsages, Period,
};
use openccm_pki::{Certificate, Constraints, Issued, PkiError, PrivateKey, Signer, Template, issue};

/// When the tests take place.
pub(crate) const NOW: i64 = 1_790_000_000;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const SHA256: HashAlgorithm = HashAlgorithm::Sha256;
pub(crate) const LEAF_USAGES: KeyUsages = KeyUsages::of(&[KeyUsage::DigitalSignature, KeyUsage::KeyEncipherment]);
pub(crate) const LEAF_NAME: &str = "www.example.com";

/// Who holds a key; each has one of every algorithm.
#[derive(Clone, Copy)]
pub(crate) enum Holder {
    Root,
    Subordinate,
    Leaf,
}

/// The key of `holder`, made when it is first asked for: RSA keys take seconds.
pub(crate) fn key(holder: Holder, algorithm: KeyAlgorithm) -> &'static PrivateKey {
    static KEYS: [[OnceLock<PrivateKey>; 5]; 3] = [const { [const { OnceLock::new() }; 5] }; 3];
    KEYS[holder as usize][algorithm as usize].get_or_init(|| PrivateKey::generate(algorithm).unwrap())
}

/// An authority: its certificate and its key.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    pub(crate) key: &'static PrivateKey,
}

impl Authority {
    pub(crate) async fn root(algorithm: KeyAlgorithm, hash: HashAlgorithm) -> Self {
        Self::root_with(algorithm, hash, None, KeyUsages::AUTHORITY).await
    }

    pub(crate) async fn root_with(
        algorithm: KeyAlgorithm,
        hash: HashAlgorithm,
        path_length: Option<u8>,
        usages: KeyUsages,
    ) -> Self {
        let key = key(Holder::Root, algorithm);
        let template = Template::new(
            &name("根 CA"),
            key.public_key().clone(),
            days(3650),
            Constraints::Authority { path_length },
            usages,
        );
        let issued = issue(&template.unwrap(), None, key, hash).await.unwrap();
        Self { certificate: read(&issued), key }
    }

    /// A subordinate of this authority, with the subordinate's key of `algorithm`.
    pub(crate) async fn subordinate(
        &self,
        algorithm: KeyAlgorithm,
        hash: HashAlgorithm,
        path_length: Option<u8>,
    ) -> Result<Self, PkiError> {
        let key = key(Holder::Subordinate, algorithm);
        let constraints = Constraints::Authority { path_length };
        let public_key = key.public_key().clone();
        let template =
            Template::new(&name("Subordinate CA"), public_key, days(1825), constraints, KeyUsages::AUTHORITY)?;
        Ok(Self { certificate: read(&self.issue(&template, hash).await?), key })
    }

    pub(crate) async fn issue(&self, template: &Template, hash: HashAlgorithm) -> Result<Issued, PkiError> {
        issue(template, Some(&self.certificate), self.key, hash).await
    }

    /// Issues what `template` says with SHA-256, and reads it back.
    pub(crate) async fn certify(&self, template: &Template) -> Certificate {
        read(&self.issue(template, SHA256).await.unwrap())
    }
}

/// A period from [`NOW`].
pub(crate) fn days(count: i64) -> Period {
    Period { not_before: NOW, not_after: NOW + count * DAY }
}

/// The six attributes, in more than one script.
pub(crate) fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName {
        common_name: Some(common_name.into()),
        country: Some("CN".into()),
        state: Some("四川".into()),
        locality: Some("成都".into()),
        organization: Some("示例科技有限公司".into()),
        organizational_unit: Some("IT".into()),
    }
}

/// A TLS server's certificate without extensions of its own.
pub(crate) fn bare_leaf(algorithm: KeyAlgorithm) -> Template {
    bare_leaf_during(algorithm, days(365))
}

/// A TLS server's certificate.
pub(crate) fn leaf(algorithm: KeyAlgorithm) -> Template {
    leaf_during(algorithm, days(365))
}

/// A TLS server's certificate for `period`.
pub(crate) fn leaf_during(algorithm: KeyAlgorithm, period: Period) -> Template {
    bare_leaf_during(algorithm, period)
        .alternative_names(&[AlternativeName::Dns(LEAF_NAME.into())])
        .unwrap()
        .extended_key_usages(&[ExtendedKeyUsage::ServerAuth])
        .unwrap()
}

fn bare_leaf_during(algorithm: KeyAlgorithm, period: Period) -> Template {
    let public_key = key(Holder::Leaf, algorithm).public_key().clone();
    Template::new(&name(LEAF_NAME), public_key, period, Constraints::EndEntity, LEAF_USAGES).unwrap()
}

pub(crate) fn read(issued: &Issued) -> Certificate {
    Certificate::from_der(&issued.der).unwrap()
}
