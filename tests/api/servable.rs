//! SSL certificates that are there with their keys, whatever way they came in.

use std::sync::atomic::{AtomicI64, Ordering};

use openccm_core::SslStatus;
use openccm_service::MasterKey;
use openccm_store::{
    private_keys::{self, SealedKey},
    ssl_certificates::{self, IssuedCertificate, NewSslCertificate},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use time::OffsetDateTime;

use crate::world::{Account, DAY_MS, MASTER_KEY, START_MS, World};

static NEXT_ID: AtomicI64 = AtomicI64::new(0);

/// A certificate that was put into the store.
#[derive(Clone)]
pub(crate) struct Servable {
    pub(crate) id: String,
    /// The certificate, DER.
    pub(crate) der: Vec<u8>,
    /// The certificate and its issuer, PEM.
    pub(crate) chain: String,
    /// Its key, PKCS#8 DER.
    pub(crate) key: Vec<u8>,
}

/// A certificate for these domain names, valid for 90 days, under a root of its own.
fn issue(domains: &[&str]) -> Servable {
    let at = |ms: i64| OffsetDateTime::from_unix_timestamp(ms / 1000).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Test Root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names: Vec<String> = domains.iter().map(|domain| (*domain).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, domains[0]);
    params.not_before = at(START_MS - DAY_MS);
    params.not_after = at(START_MS + 90 * DAY_MS);
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &root).unwrap();
    let id = format!("scs{:013}", START_MS + NEXT_ID.fetch_add(1, Ordering::Relaxed));
    Servable { id, der: leaf.der().to_vec(), chain: leaf.pem() + &root.pem(), key: key.serialize_der() }
}

impl World {
    /// Puts a certificate for these domain names into the store of the world's account, as an import does.
    pub(crate) async fn servable(&self, domains: &[&str]) -> Servable {
        self.servable_of(&self.account, domains, true).await
    }

    /// As [`Self::servable`], for this account, with its key or without.
    pub(crate) async fn servable_of(&self, account: &Account, domains: &[&str], with_key: bool) -> Servable {
        let made = issue(domains);
        let new = NewSslCertificate {
            id: made.id.clone(),
            account_id: account.id.clone(),
            enterprise_project_id: "0".into(),
            name: format!("shop {}", domains[0]),
            status: SslStatus::Upload,
            order_id: None,
            brand: None,
            certificate_type: None,
            domain_type: "SINGLE_DOMAIN".into(),
            primary_domain_type: None,
            domain_count: 1,
            wildcard_count: 0,
            validity_months: 3,
            issuer: None,
            origin_id: None,
            created_at: self.clock_ms(),
        };
        let mut session = self.ccm.database().write().await.unwrap();
        ssl_certificates::insert(&mut session, &new).await.unwrap();
        if with_key {
            let owner_id = made.id.clone();
            let sealed =
                MasterKey::from_bytes(&MASTER_KEY).seal(&format!("private-key:{owner_id}"), &made.key).unwrap();
            private_keys::insert_all(&mut session, &[SealedKey { owner_id, sealed }]).await.unwrap();
        }
        session.commit().await.unwrap();
        self.set_content(&made.id, &made, domains).await;
        made
    }

    /// Issues a certificate anew under its own id, with a new key.
    pub(crate) async fn reissue(&self, id: &str, domains: &[&str]) -> Servable {
        let made = Servable { id: id.to_owned(), ..issue(domains) };
        let mut session = self.ccm.database().write().await.unwrap();
        private_keys::delete(&mut session, id).await.unwrap();
        let sealed = MasterKey::from_bytes(&MASTER_KEY).seal(&format!("private-key:{id}"), &made.key).unwrap();
        private_keys::insert_all(&mut session, &[SealedKey { owner_id: id.to_owned(), sealed }]).await.unwrap();
        session.commit().await.unwrap();
        self.set_content(id, &made, domains).await;
        made
    }

    async fn set_content(&self, id: &str, made: &Servable, domains: &[&str]) {
        let root = made.chain.split_inclusive("-----END CERTIFICATE-----\n").nth(1);
        let root = root.map(|pem| openccm_pki::Certificate::all_from_pem(pem).unwrap().remove(0).der().to_vec());
        let hash = |algorithm| hex::encode(aws_lc_rs::digest::digest(algorithm, &made.der));
        let issued = IssuedCertificate {
            domain: domains[0].into(),
            sans: domains[1..].join(";"),
            certificate: made.der.clone(),
            chain: root.unwrap_or_default(),
            fingerprint: hash(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY),
            digest: hash(&aws_lc_rs::digest::SHA256),
            signature_algorithm: "SHA256WITHECDSA".into(),
            key_algorithm: "EC_P256".into(),
            not_before: START_MS - DAY_MS,
            not_after: START_MS + 90 * DAY_MS,
        };
        let mut session = self.ccm.database().write().await.unwrap();
        ssl_certificates::set_issued(&mut session, id, &issued, self.clock_ms()).await.unwrap();
        session.commit().await.unwrap();
    }
}
