//! What stands in a list, as OpenSSL and x509-parser read it.

use openccm_core::{KeyAlgorithm, RevocationReason};
use openccm_pki::{Crl, CrlTemplate, RevokedCertificate};
use proptest::prelude::*;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use crate::{
    authorities::{Authority, DAY, NOW, SHA256},
    lists::{entries, entry, list, partition, template, try_list},
    openssl::{Folder, asn1parse, filter},
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;
/// The last second that UTCTime can say in certificates: the end of 2049.
const END_OF_UTC_TIME: i64 = 2_524_607_999;
/// The last second of 9999.
const END_OF_TIME: i64 = 253_402_300_799;

fn text(der: &[u8]) -> String {
    filter(der, &["crl", "-inform", "DER", "-noout", "-text"])
}

#[tokio::test]
async fn openssl_prints_what_was_asked_for() {
    let root = Authority::root(EC, SHA256).await;
    let subordinate = root.subordinate(EC, SHA256, None).await.unwrap();
    let mut with_date = entry("4F00FF", RevocationReason::KeyCompromise);
    with_date.invalid_since = Some(NOW - 2 * DAY);
    let template = CrlTemplate { number: i64::MAX, ..partition("http://crl.example.com/a.crl") };
    let der = try_list(&subordinate, &template, &[with_date, entry("01", RevocationReason::Unspecified)], SHA256).await;
    let text = text(&der.unwrap());
    let own_key = subordinate.certificate.key_identifier();
    assert_ne!(own_key, root.certificate.key_identifier());
    let own_key = own_key.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    for expected in [
        "Version 2 (0x1)",
        "Signature Algorithm: ecdsa-with-SHA256",
        "CN = Subordinate CA",
        "Last Update: Sep 21 14:13:20 2026 GMT",
        "Next Update: Sep 28 14:13:20 2026 GMT",
        &own_key,
        "X509v3 CRL Number: \n                9223372036854775807",
        "X509v3 Issuing Distribution Point: critical\n                Full Name:\n                  URI:http://crl.example.com/a.crl",
        "Serial Number: 4F00FF\n        Revocation Date: Sep 21 13:13:20 2026 GMT\n        CRL entry extensions:\n            \
         X509v3 CRL Reason Code: \n                Key Compromise\n            \
         Invalidity Date: \n                Sep 19 14:13:20 2026 GMT\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    // RFC 5280 §5.3.1: an unspecified reason is no reason.
    assert_eq!(text.matches("CRL entry extensions").count(), 1, "{text}");
}

#[tokio::test]
async fn every_reason_has_its_code() {
    let root = Authority::root(EC, SHA256).await;
    for (reason, printed) in [
        (RevocationReason::KeyCompromise, "Key Compromise"),
        (RevocationReason::CaCompromise, "CA Compromise"),
        (RevocationReason::AffiliationChanged, "Affiliation Changed"),
        (RevocationReason::Superseded, "Superseded"),
        (RevocationReason::CessationOfOperation, "Cessation Of Operation"),
        (RevocationReason::CertificateHold, "Certificate Hold"),
        (RevocationReason::PrivilegeWithdrawn, "Privilege Withdrawn"),
        (RevocationReason::AttributeAuthorityCompromise, "AA Compromise"),
    ] {
        let der = list(&root, &[entry("1000", reason)]).await;
        assert!(text(&der).contains(printed), "{printed}\n{}", text(&der));
        assert_eq!(entries(&der), [entry("1000", reason)]);
    }
}

#[tokio::test]
async fn an_empty_list_has_no_list_of_entries() {
    let root = Authority::root(EC, SHA256).await;
    let der = list(&root, &[]).await;
    assert!(text(&der).contains("No Revoked Certificates."));
    assert_eq!(entries(&der), []);
    // Of the signed part: version, algorithm, issuer, two times, extensions; and the object of the outer algorithm.
    let shallow = asn1parse(&der).lines().filter(|line| line.contains("d=2 ")).count();
    assert_eq!(shallow, 7, "{}", asn1parse(&der));
}

#[tokio::test]
async fn times_after_2049_are_generalized() {
    let root = Authority::root(EC, SHA256).await;
    let mut late = entry("02", RevocationReason::Unspecified);
    late.revoked_at = END_OF_UTC_TIME + 1;
    let early = RevokedCertificate { revoked_at: END_OF_UTC_TIME, serial_number: "03".into(), ..late.clone() };
    let template = CrlTemplate { this_update: END_OF_UTC_TIME, next_update: END_OF_UTC_TIME + 1, ..template() };
    let der = try_list(&root, &template, &[late.clone(), early.clone()], SHA256).await.unwrap();
    let printed = asn1parse(&der);
    assert_eq!(printed.matches("UTCTIME           :491231235959Z").count(), 2, "{printed}");
    assert_eq!(printed.matches("GENERALIZEDTIME   :20500101000000Z").count(), 2, "{printed}");
    assert_eq!(entries(&der), [late, early]);
    let read = Crl::from_der(&der).unwrap();
    assert_eq!((read.this_update(), read.next_update()), (END_OF_UTC_TIME, END_OF_UTC_TIME + 1));
}

#[tokio::test]
async fn what_is_read_is_what_was_written() {
    let root = Authority::root(EC, SHA256).await;
    let subordinate = root.subordinate(EC, SHA256, None).await.unwrap();
    for distribution_point in [None, Some("http://crl.example.com/pca/0a.crl".to_owned())] {
        for number in [1, 127, 128, 1 << 40, i64::MAX] {
            let template = CrlTemplate { number, distribution_point: distribution_point.clone(), ..template() };
            let der = try_list(&subordinate, &template, &[], SHA256).await.unwrap();
            let read = Crl::from_der(&der).unwrap();
            assert_eq!(read.number(), number);
            assert_eq!((read.this_update(), read.next_update()), (NOW, NOW + 7 * DAY));
            assert_eq!(read.distribution_point(), distribution_point.as_deref());
            assert!(read.is_issued_under_name_of(&subordinate.certificate));
            read.verify_issued_by(&subordinate.certificate).unwrap();
        }
    }
}

#[test]
fn lists_that_openssl_made_are_read() {
    let folder = Folder::new();
    let make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-noenc", "-keyout", "ca.key"];
    folder.openssl(&[&make[..], &["-out", "ca.pem", "-subj", "/O=Foreign/CN=CA", "-days", "3650"]].concat());
    folder.write("index.txt.attr", "");
    folder.write("number", "0102");
    folder.write(
        "index.txt",
        "R\t301231235959Z\t250102030405Z,keyCompromise\t01\tunknown\t/CN=a\n\
         R\t301231235959Z\t250102030406Z,holdInstruction,holdInstructionReject\t8FFF\tunknown\t/CN=b\n\
         R\t301231235959Z\t250102030407Z,keyTime,20240101000000Z\t0A0B0C\tunknown\t/CN=c\n\
         R\t301231235959Z\t250102030408Z\t7F\tunknown\t/CN=d\n\
         V\t301231235959Z\t\t05\tunknown\t/CN=e\n",
    );
    folder.write(
        "ca.cnf",
        "[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ncertificate=ca.pem\nprivate_key=ca.key\ncrlnumber=number\n\
         default_md=sha256\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n\
         issuingDistributionPoint=critical,fullname:URI:http://a.example/b.crl\n",
    );
    folder.openssl(&["ca", "-config", "ca.cnf", "-gencrl", "-crldays", "7", "-out", "list.pem"]);
    folder.openssl(&["crl", "-in", "list.pem", "-outform", "DER", "-out", "list.der"]);
    let der = std::fs::read(folder.path().join("list.der")).unwrap();
    let issuer = openccm_pki::Certificate::all_from_pem(&folder.read("ca.pem")).unwrap().remove(0);
    let read = Crl::from_der(&der).unwrap();
    read.verify_issued_by(&issuer).unwrap();
    assert_eq!(read.number(), 0x102);
    assert_eq!(read.next_update() - read.this_update(), 7 * DAY);
    assert_eq!(read.distribution_point(), Some("http://a.example/b.crl"));
    let revoked = |serial: &str, revoked_at, reason, invalid_since| RevokedCertificate {
        serial_number: serial.into(),
        revoked_at,
        reason,
        invalid_since,
    };
    assert_eq!(
        entries(&der),
        [
            revoked("01", 1_735_787_045, RevocationReason::KeyCompromise, None),
            revoked("7F", 1_735_787_048, RevocationReason::Unspecified, None),
            revoked("8FFF", 1_735_787_046, RevocationReason::CertificateHold, None),
            revoked("0A0B0C", 1_735_787_047, RevocationReason::KeyCompromise, Some(1_704_067_200)),
        ]
    );
}

fn any_entry() -> impl Strategy<Value = RevokedCertificate> {
    let serial = (1..0x80_u8, prop::collection::vec(any::<u8>(), 0..20));
    let reason = prop::sample::select(RevocationReason::ALL);
    let time = || 0..=END_OF_TIME;
    (serial, time(), reason, prop::option::of(time())).prop_map(|((first, rest), revoked_at, reason, invalid_since)| {
        let serial_number = hex::encode_upper([&[first], &rest[..]].concat());
        RevokedCertificate { serial_number, revoked_at, reason, invalid_since }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_entries_survive_in_their_order(wanted in prop::collection::vec(any_entry(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let der = runtime.block_on(async { list(&Authority::root(EC, SHA256).await, &wanted).await });
        prop_assert_eq!(&entries(&der), &wanted);
        let (rest, other) = CertificateRevocationList::from_der(&der).unwrap();
        prop_assert!(rest.is_empty());
        let revoked: Vec<_> = other.iter_revoked_certificates().collect();
        prop_assert_eq!(revoked.len(), wanted.len());
        for (read, wanted) in revoked.into_iter().zip(&wanted) {
            prop_assert_eq!(&hex::encode_upper(read.raw_serial()), &wanted.serial_number);
            prop_assert_eq!(read.revocation_date.timestamp(), wanted.revoked_at);
            let (reason, since) = (read.reason_code(), read.invalidity_date());
            prop_assert_eq!(reason.map_or(0, |(_, code)| code.0), wanted.reason.crl_reason());
            prop_assert_eq!(reason.is_some(), wanted.reason != RevocationReason::Unspecified);
            prop_assert_eq!(since.map(|(_, date)| date.timestamp()), wanted.invalid_since);
        }
    }
}
