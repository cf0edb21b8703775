//! Subjects, serial numbers and validity periods, as OpenSSL reads them.

use std::collections::HashSet;

use openccm_core::{DistinguishedName, HashAlgorithm, KeyAlgorithm, KeyUsages, Period};
use openccm_pki::{Constraints, Signer, Template, from_x501, issue, to_x501};

use crate::{
    authorities::{Authority, Holder, LEAF_USAGES, NOW, SHA256, days, key, leaf, name, read},
    openssl::{asn1parse, x509},
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;

/// Attribute types, string types and values, in the order of the certificate, nothing escaped.
const NAME_OPTIONS: &str = "sep_comma_plus,sname,show_type,utf8";

#[tokio::test]
async fn names_go_from_country_to_common_name() {
    let root = Authority::root(EC, SHA256).await.certificate;
    let attributes = |common_name: &str| {
        format!(
            "C=PRINTABLESTRING:CN,ST=UTF8STRING:四川,L=UTF8STRING:成都,O=UTF8STRING:示例科技有限公司,\
             OU=UTF8STRING:IT,CN=UTF8STRING:{common_name}\n"
        )
    };
    let printed = x509(root.der(), &["-subject", "-issuer", "-nameopt", NAME_OPTIONS]);
    assert_eq!(printed, format!("subject={}issuer={}", attributes("根 CA"), attributes("根 CA")));
    assert_eq!(root.distinguished_name(), name("根 CA"));
    assert!(root.is_self_issued());
}

#[tokio::test]
async fn attributes_that_are_not_there_leave_no_trace() {
    let root = Authority::root(EC, SHA256).await;
    let partial = DistinguishedName {
        common_name: Some("Latin".into()),
        organization: Some("O, with + signs".into()),
        ..Default::default()
    };
    let public_key = key(Holder::Leaf, EC).public_key().clone();
    let template = Template::new(&partial, public_key, days(1), Constraints::EndEntity, LEAF_USAGES).unwrap();
    let certificate = root.certify(&template).await;
    let printed = x509(certificate.der(), &["-subject", "-nameopt", NAME_OPTIONS]);
    assert_eq!(printed, "subject=O=UTF8STRING:O, with + signs,CN=UTF8STRING:Latin\n");
    assert_eq!(certificate.distinguished_name(), partial);
    assert!(!certificate.is_self_issued());
}

#[test]
fn names_survive_the_round_trip() {
    let partial = DistinguishedName { locality: Some("성남".into()), ..Default::default() };
    for name in [name("a"), name(&"长".repeat(64)), partial, DistinguishedName::default()] {
        assert_eq!(from_x501(&to_x501(&name).unwrap()), name);
    }
    let country = DistinguishedName { country: Some("中国".into()), ..Default::default() };
    assert!(to_x501(&country).is_err(), "a country is a PrintableString");
}

#[tokio::test]
async fn openssl_prints_the_serial_number_that_is_given() {
    for algorithm in KeyAlgorithm::ALL {
        let root = Authority::root(*algorithm, SHA256).await;
        let issued = root.issue(&leaf(EC), SHA256).await.unwrap();
        assert_eq!(x509(&issued.der, &["-serial"]), format!("serial={}\n", issued.serial_number));
        assert_eq!(read(&issued).serial_number(), issued.serial_number);
    }
}

#[tokio::test]
async fn serial_numbers_have_20_octets_are_positive_and_differ() {
    let root = Authority::root(EC, SHA256).await;
    let template = leaf(EC);
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        let serial = root.issue(&template, SHA256).await.unwrap().serial_number;
        assert_eq!(serial.len(), 40, "{serial}");
        assert!(serial.chars().all(|digit| matches!(digit, '0'..='9' | 'A'..='F')), "{serial}");
        assert!(serial.as_bytes()[0] < b'8', "{serial} is negative");
        assert!(seen.insert(serial));
    }
}

#[tokio::test]
async fn years_up_to_2049_are_utc_time_and_later_ones_generalized_time() {
    const LAST_OF_2049: i64 = 2_524_607_999;
    const LAST_OF_9999: i64 = 253_402_300_799;
    let key = key(Holder::Root, EC);
    let times = [
        (0, "UTCTIME           :700101000000Z"),
        (NOW, "UTCTIME           :260921141320Z"),
        (LAST_OF_2049, "UTCTIME           :491231235959Z"),
        (LAST_OF_2049 + 1, "GENERALIZEDTIME   :20500101000000Z"),
        (LAST_OF_9999, "GENERALIZEDTIME   :99991231235959Z"),
    ];
    for (start, end) in (0..times.len()).flat_map(|start| (start..times.len()).map(move |end| (start, end))) {
        let period = Period { not_before: times[start].0, not_after: times[end].0 };
        let constraints = Constraints::Authority { path_length: None };
        let public_key = key.public_key().clone();
        let template = Template::new(&name("a"), public_key, period, constraints, KeyUsages::AUTHORITY).unwrap();
        let issued = issue(&template, None, key, SHA256).await.unwrap();
        let parsed = asn1parse(&issued.der);
        let printed: Vec<&str> = parsed
            .lines()
            .filter(|line| line.contains("TIME "))
            .filter_map(|line| line.split("prim: ").nth(1))
            .collect();
        assert_eq!(printed, [times[start].1, times[end].1]);
        assert_eq!(read(&issued).period(), period);
    }
}

#[tokio::test]
async fn times_that_a_certificate_cannot_say_are_refused() {
    let key = key(Holder::Root, EC);
    for (not_before, not_after) in [(-1, NOW), (i64::MIN, NOW), (NOW, 253_402_300_800), (NOW, i64::MAX)] {
        let period = Period { not_before, not_after };
        let constraints = Constraints::Authority { path_length: None };
        let public_key = key.public_key().clone();
        let template = Template::new(&name("a"), public_key, period, constraints, KeyUsages::AUTHORITY).unwrap();
        assert!(issue(&template, None, key, HashAlgorithm::Sha512).await.is_err(), "{period:?}");
    }
}
