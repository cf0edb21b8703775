//! What must not be issued.

use openccm_core::{AlternativeName, DistinguishedName, HashAlgorithm, KeyAlgorithm, KeyUsage, KeyUsages, Period};
use openccm_pki::{Constraints, PkiError, PrivateKey, PublicKey, Signer, Signing, Template, issue};

use crate::authorities::{Authority, Holder, LEAF_USAGES, SHA256, bare_leaf, days, key, leaf, name};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;

/// The reason of a refusal.
fn reason<T>(result: Result<T, PkiError>) -> String {
    match result {
        Err(PkiError::Unfit(reason)) => reason,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("was not refused"),
    }
}

fn leaf_key() -> PublicKey {
    key(Holder::Leaf, EC).public_key().clone()
}

#[tokio::test]
async fn a_period_outside_the_issuers() {
    let root = Authority::root(EC, SHA256).await;
    let outer = root.certificate.period();
    let with = |not_before, not_after| {
        let period = Period { not_before, not_after };
        Template::new(&name("a"), leaf_key(), period, Constraints::EndEntity, LEAF_USAGES).unwrap()
    };
    root.issue(&with(outer.not_before, outer.not_after), SHA256).await.unwrap();
    for template in
        [with(outer.not_before - 1, outer.not_after), with(outer.not_before, outer.not_after + 1), with(0, i64::MAX)]
    {
        assert_eq!(reason(root.issue(&template, SHA256).await), "the period is not inside the issuer's");
    }
}

#[tokio::test]
async fn a_period_that_ends_before_it_starts() {
    let root = Authority::root(EC, SHA256).await;
    let Period { not_before, not_after } = days(1);
    let backwards = Period { not_before: not_after, not_after: not_before };
    let template = Template::new(&name("a"), leaf_key(), backwards, Constraints::EndEntity, LEAF_USAGES);
    assert_eq!(reason(template), "the period ends before it starts");
    let moment = Period { not_before, not_after: not_before };
    let template = Template::new(&name("a"), leaf_key(), moment, Constraints::EndEntity, LEAF_USAGES).unwrap();
    root.issue(&template, SHA256).await.unwrap();
}

#[tokio::test]
async fn a_path_length_that_is_not_below_the_issuers() {
    let unlimited = Authority::root(EC, SHA256).await;
    for length in [None, Some(0), Some(255)] {
        assert!(unlimited.subordinate(EC, SHA256, length).await.is_ok(), "{length:?}");
    }
    let one = Authority::root_with(EC, SHA256, Some(1), KeyUsages::AUTHORITY).await;
    assert!(one.subordinate(EC, SHA256, Some(0)).await.is_ok());
    let zero = Authority::root_with(EC, SHA256, Some(0), KeyUsages::AUTHORITY).await;
    let refused = [(&one, None), (&one, Some(1)), (&one, Some(2)), (&zero, None), (&zero, Some(0))];
    for (authority, length) in refused {
        let result = authority.subordinate(EC, SHA256, length).await;
        assert_eq!(reason(result), "the path length is not below the issuer's", "{length:?}");
    }
    zero.issue(&leaf(EC), SHA256).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_may_not_sign_certificates() {
    let crl_only = Authority::root_with(EC, SHA256, None, KeyUsages::of(&[KeyUsage::CrlSign])).await;
    assert_eq!(reason(crl_only.issue(&leaf(EC), SHA256).await), "the issuer may not sign certificates");
    let root = Authority::root(EC, SHA256).await;
    let leaf_certificate = root.certify(&leaf(EC)).await;
    let result = issue(&bare_leaf(EC), Some(&leaf_certificate), key(Holder::Leaf, EC), SHA256).await;
    assert_eq!(reason(result), "the issuer may not sign certificates");
}

#[tokio::test]
async fn another_key_than_the_issuers() {
    let root = Authority::root(EC, SHA256).await;
    for algorithm in [EC, KeyAlgorithm::Ec384] {
        let other = key(Holder::Subordinate, algorithm);
        let result = issue(&leaf(EC), Some(&root.certificate), other, SHA256).await;
        assert_eq!(reason(result), "the signing key is not that of the issuer");
    }
    let constraints = Constraints::Authority { path_length: None };
    let template = Template::new(&name("a"), leaf_key(), days(1), constraints, KeyUsages::AUTHORITY).unwrap();
    let result = issue(&template, None, key(Holder::Root, EC), SHA256).await;
    assert_eq!(reason(result), "the signing key is not that of the certificate");
}

/// A signer, as a broken token would be, that signs something else, or nothing.
struct Broken<'a>(&'a PrivateKey, Result<HashAlgorithm, PkiError>);

impl Signer for Broken<'_> {
    fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, _: HashAlgorithm, message: Vec<u8>) -> Signing<'_> {
        match &self.1 {
            Ok(hash) => self.0.sign(*hash, message),
            Err(_) => Box::pin(async { Err(PkiError::Crypto) }),
        }
    }
}

#[tokio::test]
async fn a_signature_that_does_not_verify() {
    let root = Authority::root(EC, SHA256).await;
    let other_hash = Broken(root.key, Ok(HashAlgorithm::Sha512));
    let result = issue(&leaf(EC), Some(&root.certificate), &other_hash, SHA256).await;
    assert!(matches!(result, Err(PkiError::BadSignature)), "{result:?}");
    let failing = Broken(root.key, Err(PkiError::Crypto));
    let result = issue(&leaf(EC), Some(&root.certificate), &failing, SHA256).await;
    assert!(matches!(result, Err(PkiError::Crypto)), "{result:?}");
}

#[tokio::test]
async fn subjects_without_a_name() {
    let nameless = DistinguishedName::default();
    let constraints = Constraints::Authority { path_length: None };
    let template = Template::new(&nameless, leaf_key(), days(1), constraints, KeyUsages::AUTHORITY);
    assert_eq!(reason(template), "an authority needs a subject");

    let root = Authority::root(EC, SHA256).await;
    let template = Template::new(&nameless, leaf_key(), days(1), Constraints::EndEntity, LEAF_USAGES).unwrap();
    let result = root.issue(&template, SHA256).await;
    assert_eq!(reason(result), "neither a subject nor an alternative name is there");
    let template = template.alternative_names(&[AlternativeName::Dns("a.example".into())]).unwrap();
    root.issue(&template, SHA256).await.unwrap();
}

#[test]
fn leaves_that_would_sign_certificates() {
    let usages = KeyUsages::of(&[KeyUsage::DigitalSignature, KeyUsage::KeyCertSign]);
    let template = Template::new(&name("a"), leaf_key(), days(1), Constraints::EndEntity, usages);
    assert_eq!(reason(template), "keyCertSign is for authorities only");
}

#[test]
fn customized_extensions_of_standard_arcs() {
    for oid in
        ["2.5.29.17", "2.5.29.19", "2.5.29.99", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.24", "1.3.6.1.5.5.7.48.1.5"]
    {
        assert_eq!(reason(bare_leaf(EC).customized_extension(oid, "a")), "names a standard extension", "{oid}");
    }
    for oid in ["2.5.4.3", "2.5.290.17", "1.3.6.1.5.5.7.10", "1.2.3.4", "1.3.6.1.4.1.4294967295", "0.0.0", "2.39.1"] {
        assert!(bare_leaf(EC).customized_extension(oid, "").is_ok(), "{oid}");
    }
}

#[test]
fn customized_extensions_without_an_identifier() {
    let too_long = format!("1.2{}", ".1".repeat(1000));
    // A parser that calls itself for each character must not see this.
    let zeros = format!("1.2.{}1", "0".repeat(1_000_000));
    let malformed = [
        "",
        ".",
        "1",
        "1.",
        ".1.2",
        "1..2",
        "a",
        "1.2.a",
        "1.2.-3",
        "1.2.3 ",
        " 1.2.3",
        "1.2.4294967296",
        "3.1.2",
        "1.40.1",
        "1,2,3",
        "１.2.3",
        "02.5.29.17",
        "2.05.29.17",
        "2.5.029.17",
        "2.5.29.017",
        "1.2.3\0",
        &too_long,
        &zeros,
    ];
    for oid in malformed {
        let shown: String = oid.chars().take(20).collect();
        assert_eq!(reason(bare_leaf(EC).customized_extension(oid, "a")), "is no object identifier", "{shown:?}");
    }
}
