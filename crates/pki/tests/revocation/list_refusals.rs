//! Lists that must not be made.

use openccm_core::{HashAlgorithm, KeyAlgorithm, KeyUsage, KeyUsages, RevocationReason};
use openccm_pki::{
    Constraints, CrlEntries, CrlTemplate, PkiError, PrivateKey, PublicKey, Signer, Signing, Template, issue_crl,
};

use crate::{
    authorities::{Authority, Holder, NOW, SHA256, days, key, name},
    lists::{entries, entry, list, partition, reason, template, try_list},
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;

#[tokio::test]
async fn an_issuer_without_the_right_to_sign_lists() {
    let without = KeyUsages::of(&[KeyUsage::DigitalSignature, KeyUsage::KeyCertSign]);
    let issuer = Authority::root_with(EC, SHA256, None, without).await;
    assert!(!issuer.certificate.can_sign_revocation_lists());
    let refused = try_list(&issuer, &template(), &[], SHA256).await;
    assert_eq!(reason(refused), "the issuer may not sign revocation lists");

    // Without the extension nothing is forbidden (RFC 5280 §6.3.3 (f)).
    let unrestricted = Authority::root_with(EC, SHA256, None, KeyUsages::default()).await;
    assert!(unrestricted.certificate.can_sign_revocation_lists());
    list(&unrestricted, &[]).await;

    // The key usage without the CA bit.
    let usages = KeyUsages::of(&[KeyUsage::CrlSign]);
    let public_key = key(Holder::Leaf, EC).public_key().clone();
    let template = Template::new(&name("a"), public_key, days(9), Constraints::EndEntity, usages).unwrap();
    let issuer = Authority { certificate: unrestricted.certify(&template).await, key: key(Holder::Leaf, EC) };
    let refused = try_list(&issuer, &crate::lists::template(), &[], SHA256).await;
    assert_eq!(reason(refused), "the issuer may not sign revocation lists");
}

#[tokio::test]
async fn a_key_that_is_not_the_issuers() {
    let root = Authority::root(EC, SHA256).await;
    let mixed = Authority { key: key(Holder::Subordinate, EC), ..root };
    let refused = try_list(&mixed, &template(), &[], SHA256).await;
    assert_eq!(reason(refused), "the signing key is not that of the issuer");
}

#[tokio::test]
async fn numbers_times_and_addresses_that_cannot_be() {
    let root = Authority::root(EC, SHA256).await;
    let updates = |this_update, next_update| CrlTemplate { this_update, next_update, ..template() };
    for (template, expected) in [
        (CrlTemplate { number: 0, ..template() }, "the number of a list is positive"),
        (CrlTemplate { number: -1, ..template() }, "the number of a list is positive"),
        (updates(NOW, NOW), "the next update is not after this one"),
        (updates(NOW, NOW - 1), "the next update is not after this one"),
        (updates(-1, NOW), "a time before 1970"),
        (updates(NOW, i64::MAX), "malformed: "),
        (partition("http://例.example/a.crl"), "malformed: "),
    ] {
        let refused = reason(try_list(&root, &template, &[], SHA256).await);
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[tokio::test]
async fn entries_that_cannot_be_leave_no_trace() {
    let good = entry("0A", RevocationReason::Superseded);
    let with = |serial: &str| crate::lists::entry(serial, RevocationReason::Unspecified);
    let mut before_1970 = good.clone();
    before_1970.revoked_at = -1;
    let mut invalid_after_9999 = good.clone();
    invalid_after_9999.invalid_since = Some(i64::MAX);
    let mut refused = vec![before_1970, invalid_after_9999];
    // Too long: 21 octets, and 20 that need another for the sign.
    let too_long = ["01".repeat(21), "FF".repeat(20)];
    let serials = ["", "0", "A", "0a", "000A", "00", "-0A", "0A ", "0x0A", "0A0", "GG", "0A:0B"];
    refused.extend(serials.into_iter().chain(too_long.iter().map(String::as_str)).map(with));

    let mut encoded = CrlEntries::new();
    assert!(encoded.is_empty());
    encoded.push(&good).unwrap();
    for entry in &refused {
        assert!(encoded.push(entry).is_err(), "{entry:?}");
    }
    encoded.push(&with("FF")).unwrap();
    assert_eq!(encoded.len(), 2);
    let root = Authority::root(EC, SHA256).await;
    let der = issue_crl(&template(), encoded, &root.certificate, root.key, SHA256).await.unwrap();
    assert_eq!(entries(&der), [good, with("FF")]);
}

/// A signer that does something else than it is asked to.
struct Broken(&'static PrivateKey, Result<HashAlgorithm, ()>);

impl Signer for Broken {
    fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, _: HashAlgorithm, message: Vec<u8>) -> Signing<'_> {
        match self.1 {
            Ok(hash) => self.0.sign(hash, message),
            Err(()) => Box::pin(async { Err(PkiError::Crypto) }),
        }
    }
}

#[tokio::test]
async fn a_signature_that_does_not_verify() {
    let root = Authority::root(EC, SHA256).await;
    let other_hash = Broken(root.key, Ok(HashAlgorithm::Sha512));
    let result = issue_crl(&template(), CrlEntries::new(), &root.certificate, &other_hash, SHA256).await;
    assert!(matches!(result, Err(PkiError::BadSignature)), "{result:?}");
    let failing = Broken(root.key, Err(()));
    let result = issue_crl(&template(), CrlEntries::new(), &root.certificate, &failing, SHA256).await;
    assert!(matches!(result, Err(PkiError::Crypto)), "{result:?}");
}
