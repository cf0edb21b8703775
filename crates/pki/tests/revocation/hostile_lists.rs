//! Lists that were tampered with, and lists that say what we do not understand.

use const_oid::{ObjectIdentifier, db::rfc5280};
use der::{
    Any, Encode,
    asn1::{BitString, OctetString},
};
use openccm_core::{HashAlgorithm, KeyAlgorithm, RevocationReason};
use openccm_pki::{Crl, PkiError, Signer, signature_algorithm};
use x509_cert::{
    Version,
    crl::{CertificateList, RevokedCert, TbsCertList},
    ext::{
        Extension,
        pkix::{
            IssuingDistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
    serial_number::SerialNumber,
    time::Time,
};

use crate::{
    authorities::{Authority, DAY, Holder, NOW, SHA256, key},
    lists::{entry, list, partition, reason, tagged, try_list},
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;
const UNKNOWN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.3.4.5");

#[tokio::test]
async fn any_bit_of_a_list() {
    let root = Authority::root(EC, SHA256).await;
    let mut dated = entry("0102", RevocationReason::KeyCompromise);
    dated.invalid_since = Some(NOW - DAY);
    let entries = [dated, entry("0A", RevocationReason::CertificateHold)];
    let good = try_list(&root, &partition("http://a.example/1.crl"), &entries, SHA256).await.unwrap();
    Crl::from_der(&good).unwrap().verify_issued_by(&root.certificate).unwrap();
    let verify = |der: &[u8]| Crl::from_der(der).and_then(|read| read.verify_issued_by(&root.certificate));
    for bit in 0..good.len() * 8 {
        let mut der = good.clone();
        der[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&der).is_err(), "bit {} of byte {}", bit % 8, bit / 8);
        // Whoever reads the entries all the same gets some, or an error.
        if let Ok(read) = Crl::from_der(&der) {
            assert!(read.entries().count() <= 2);
        }
    }
    for length in 0..good.len() {
        assert!(Crl::from_der(&good[..length]).is_err());
    }
    assert!(Crl::from_der(&[&good[..], &[0]].concat()).is_err());
}

fn extension(oid: ObjectIdentifier, critical: bool, value: &[u8]) -> Extension {
    Extension { extn_id: oid, critical, extn_value: OctetString::new(value).unwrap() }
}

fn number(value: &[u8]) -> Extension {
    extension(rfc5280::ID_CE_CRL_NUMBER, false, &tagged(2, value))
}

/// What x509-cert makes of a list, without extensions but a number.
fn tbs(issuer: &Authority) -> TbsCertList {
    let time = |seconds: i64| Time::try_from(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds as u64));
    TbsCertList {
        version: Version::V2,
        signature: signature_algorithm(EC, SHA256),
        issuer: issuer.certificate.subject().clone(),
        this_update: time(NOW).unwrap(),
        next_update: Some(time(NOW + DAY).unwrap()),
        revoked_certificates: None,
        crl_extensions: Some(vec![number(&[1])]),
    }
}

/// `list`, signed by `issuer` although it may say anything.
async fn signed(issuer: &Authority, list: TbsCertList) -> Vec<u8> {
    let signature = issuer.key.sign(SHA256, list.to_der().unwrap()).await.unwrap();
    let signature_algorithm = signature_algorithm(EC, SHA256);
    let signature = BitString::from_bytes(&signature).unwrap();
    CertificateList { tbs_cert_list: list, signature_algorithm, signature }.to_der().unwrap()
}

/// A list of the root with `extensions`.
async fn with_extensions(extensions: Vec<Extension>) -> Vec<u8> {
    let root = Authority::root(EC, SHA256).await;
    signed(&root, TbsCertList { crl_extensions: Some(extensions), ..tbs(&root) }).await
}

/// A list of the root with an entry, number 10, that has `extensions`, and another before and after it.
async fn with_entry_extensions(extensions: Vec<Extension>) -> Vec<u8> {
    let root = Authority::root(EC, SHA256).await;
    let list = tbs(&root);
    let entry = |serial: u8, crl_entry_extensions| RevokedCert {
        serial_number: SerialNumber::new(&[serial]).unwrap(),
        revocation_date: list.this_update,
        crl_entry_extensions,
    };
    let entries = vec![entry(9, None), entry(10, Some(extensions)), entry(11, None)];
    signed(&root, TbsCertList { revoked_certificates: Some(entries), ..list }).await
}

#[tokio::test]
async fn entries_that_are_not_understood_are_errors_and_not_lost() {
    let code = |value: u8| extension(rfc5280::ID_CE_CRL_REASONS, false, &[10, 1, value]);
    let issuer = extension(rfc5280::ID_CE_CERTIFICATE_ISSUER, true, &[0x30, 0]);
    let date = extension(rfc5280::ID_CE_INVALIDITY_DATE, false, b"\x18\x0f20260101000000Z");
    let utc_date = extension(rfc5280::ID_CE_INVALIDITY_DATE, false, b"\x17\x0d260101000000Z");
    for extensions in [
        vec![extension(UNKNOWN, true, &[5, 0])],
        vec![issuer],
        vec![code(7)],
        vec![code(8)],
        vec![code(11)],
        vec![code(1), code(1)],
        vec![date.clone(), date.clone()],
        vec![utc_date],
        vec![extension(rfc5280::ID_CE_CRL_REASONS, false, &[2, 1, 1])],
        vec![extension(rfc5280::ID_CE_CRL_REASONS, false, &[10, 1, 1, 0])],
    ] {
        let der = with_entry_extensions(extensions.clone()).await;
        let read = Crl::from_der(&der).unwrap();
        let entries: Vec<_> = read.entries().collect();
        assert_eq!(entries.len(), 2, "{extensions:?}");
        assert!(entries[0].is_ok() && entries[1].is_err(), "{extensions:?}");
    }
    for (extensions, reason) in [
        (vec![extension(UNKNOWN, false, &[5, 0])], RevocationReason::Unspecified),
        (vec![code(0)], RevocationReason::Unspecified),
        (vec![date, code(6)], RevocationReason::CertificateHold),
    ] {
        let der = with_entry_extensions(extensions).await;
        let entries: Vec<_> = Crl::from_der(&der).unwrap().entries().map(Result::unwrap).collect();
        assert_eq!(entries.len(), 3);
        assert_eq!((&entries[1].serial_number[..], entries[1].reason), ("0A", reason));
    }
}

#[tokio::test]
async fn lists_that_are_not_about_all_certificates_of_their_address() {
    let uri = |address: &str| GeneralName::UniformResourceIdentifier(der::asn1::Ia5String::new(address).unwrap());
    let point = |names: Vec<GeneralName>| IssuingDistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(names)),
        only_contains_user_certs: false,
        only_contains_ca_certs: false,
        only_some_reasons: None,
        indirect_crl: false,
        only_contains_attribute_certs: false,
    };
    let one = || point(vec![uri("http://a.example/1.crl")]);
    let idp = |point: IssuingDistributionPoint| {
        extension(rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT, true, &point.to_der().unwrap())
    };
    Crl::from_der(&with_extensions(vec![number(&[1]), idp(one())]).await).unwrap();
    for refused in [
        point(vec![]),
        point(vec![uri("http://a.example/1.crl"), uri("http://a.example/2.crl")]),
        point(vec![GeneralName::DnsName(der::asn1::Ia5String::new("a.example").unwrap())]),
        IssuingDistributionPoint { distribution_point: None, ..one() },
        IssuingDistributionPoint { only_contains_user_certs: true, ..one() },
        IssuingDistributionPoint { only_contains_ca_certs: true, ..one() },
        IssuingDistributionPoint { only_some_reasons: Some(Default::default()), ..one() },
        IssuingDistributionPoint { indirect_crl: true, ..one() },
        IssuingDistributionPoint { only_contains_attribute_certs: true, ..one() },
    ] {
        let der = with_extensions(vec![number(&[1]), idp(refused.clone())]).await;
        assert!(Crl::from_der(&der).is_err(), "{refused:?}");
    }
    let twice = with_extensions(vec![number(&[1]), idp(one()), idp(one())]).await;
    assert_eq!(reason(Crl::from_der(&twice)), "a list with the extension 2.5.29.28 twice");
}

#[tokio::test]
async fn numbers_and_extensions_of_lists() {
    let delta = extension(rfc5280::ID_CE_DELTA_CRL_INDICATOR, true, &[2, 1, 1]);
    for extensions in [
        vec![],
        vec![extension(UNKNOWN, false, &[5, 0])],
        vec![number(&[0x80])],
        vec![number(&[0, 0x80, 0, 0, 0, 0, 0, 0, 0])],
        vec![number(&[0, 1])],
        vec![number(&[])],
        vec![number(&[1]), number(&[1])],
        vec![number(&[1]), delta],
        vec![number(&[1]), extension(UNKNOWN, true, &[5, 0])],
    ] {
        let der = with_extensions(extensions.clone()).await;
        assert!(Crl::from_der(&der).is_err(), "{extensions:?}");
    }
    let der = with_extensions(vec![number(&[0x7f; 8]), extension(UNKNOWN, false, &[5, 0])]).await;
    assert_eq!(Crl::from_der(&der).unwrap().number(), 0x7f7f_7f7f_7f7f_7f7f);
}

#[tokio::test]
async fn old_and_endless_lists() {
    let root = Authority::root(EC, SHA256).await;
    Crl::from_der(&signed(&root, tbs(&root)).await).unwrap();
    let no_extensions = TbsCertList { crl_extensions: None, ..tbs(&root) };
    let endless = TbsCertList { next_update: None, ..tbs(&root) };
    let third = TbsCertList { version: Version::V3, ..tbs(&root) };
    for list in [no_extensions, endless, third] {
        assert!(matches!(Crl::from_der(&signed(&root, list).await), Err(PkiError::Malformed(_))));
    }
}

#[tokio::test]
async fn whose_a_list_is() {
    let root = Authority::root(EC, SHA256).await;
    let identifier =
        |key: &[u8]| extension(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &tagged(0x30, &tagged(0x80, key)));
    let verify =
        |der: &[u8], issuer: &Authority| Crl::from_der(der).and_then(|read| read.verify_issued_by(&issuer.certificate));
    let own = with_extensions(vec![number(&[1]), identifier(root.certificate.key_identifier())]).await;
    verify(&own, &root).unwrap();
    let others = with_extensions(vec![number(&[1]), identifier(&[1; 20])]).await;
    assert_eq!(reason(verify(&others, &root)), "the list was signed with another key of its issuer");
    // Without the identifier the signature decides: here of another root of the same name.
    let without = with_extensions(vec![number(&[1])]).await;
    verify(&without, &root).unwrap();
    let namesake = Authority::root(KeyAlgorithm::Ec384, SHA256).await;
    assert!(Crl::from_der(&without).unwrap().is_issued_under_name_of(&namesake.certificate));
    assert!(matches!(verify(&without, &namesake), Err(PkiError::BadSignature)));
    let other = root.subordinate(EC, SHA256, None).await.unwrap();
    assert_eq!(reason(verify(&without, &other)), "the list's issuer is not the subject of the certificate");
}

#[tokio::test]
async fn a_list_that_names_two_signature_algorithms() {
    let root = Authority::root(EC, SHA256).await;
    let sha384 = signature_algorithm(EC, HashAlgorithm::Sha384);
    let der = signed(&root, TbsCertList { signature: sha384, ..tbs(&root) }).await;
    let result = Crl::from_der(&der).unwrap().verify_issued_by(&root.certificate);
    assert_eq!(reason(result), "it names two signature algorithms");
    let mut with_null = signature_algorithm(EC, SHA256);
    with_null.parameters = Some(Any::null());
    let der = signed(&root, TbsCertList { signature: with_null, ..tbs(&root) }).await;
    let result = Crl::from_der(&der).unwrap().verify_issued_by(&root.certificate);
    assert_eq!(reason(result), "it names two signature algorithms");
}

#[tokio::test]
async fn a_list_that_its_issuer_may_not_sign() {
    let root = Authority::root(EC, SHA256).await;
    let der = list(&root, &[]).await;
    // The same name and key, and a certificate for nothing but certificates.
    let usages = openccm_core::KeyUsages::of(&[openccm_core::KeyUsage::KeyCertSign]);
    let without = Authority::root_with(EC, SHA256, None, usages).await;
    assert_eq!(without.certificate.public_key(), key(Holder::Root, EC).public_key());
    let result = Crl::from_der(&der).unwrap().verify_issued_by(&without.certificate);
    assert_eq!(reason(result), "its issuer may not sign revocation lists");
}
