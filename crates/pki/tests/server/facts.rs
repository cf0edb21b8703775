//! What is told about a certificate, as OpenSSL tells it.

use openccm_pki::Certificate;

use crate::{keys::KINDS, workshop::Workshop};

fn one(pem: &str) -> Certificate {
    Certificate::all_from_pem(pem).unwrap().remove(0)
}

#[test]
fn digests_and_numbers() {
    let workshop = Workshop::new();
    workshop.ec_key("key");
    for (serial, decimal) in [
        ("1", "1"),
        ("255", "255"),
        ("0xDE0B6B3A7640000", "1000000000000000000"),
        ("0xffffffffffffffffffffffffffffffff", "340282366920938463463374607431768211455"),
    ] {
        let pem = workshop.issue("key", "key", "/CN=a.example.com", "", &format!("-set_serial {serial}"));
        let certificate = one(&pem);
        assert_eq!(certificate.serial_number_decimal(), decimal);
        let openssl = |digest: &str| {
            let printed = workshop.openssl(&format!("x509 -in key.pem -noout -fingerprint -{digest}"));
            printed.trim().split_once('=').unwrap().1.replace(':', "").to_ascii_lowercase()
        };
        assert_eq!(certificate.fingerprint(), openssl("sha1"));
        assert_eq!(certificate.digest(), openssl("sha256"));
    }
}

#[test]
fn versions() {
    let workshop = Workshop::new();
    workshop.ec_key("key");
    workshop.request("key", "/CN=a.example.com");
    workshop.openssl("x509 -req -in key.csr -signkey key.key -out first.pem");
    assert_eq!(one(&workshop.read("first.pem")).version(), 1);
    assert_eq!(one(&workshop.issue("key", "key", "/CN=a", "subjectAltName=DNS:a\n", "")).version(), 3);
}

#[test]
fn signature_names() {
    let workshop = Workshop::new();
    for (kind, options) in KINDS.iter().filter(|(kind, _)| matches!(*kind, "RSA2048" | "EC256" | "EC521")) {
        workshop.key("key", options);
        for bits in ["256", "384", "512"] {
            let certificate = one(&workshop.issue("key", "key", "/CN=a.example.com", "", &format!("-sha{bits}")));
            let (scm, go) = if kind.starts_with("RSA") {
                (format!("SHA{bits}WITHRSA"), format!("SHA{bits}-RSA"))
            } else {
                (format!("SHA{bits}WITHECDSA"), format!("ECDSA-SHA{bits}"))
            };
            assert_eq!((certificate.signature_name(), certificate.go_signature_name()), (scm, go));
        }
    }
    workshop.key("key", "ED25519");
    let certificate = one(&workshop.issue("key", "key", "/CN=a.example.com", "", ""));
    assert_eq!((certificate.signature_name(), certificate.go_signature_name()), ("ED25519".into(), "Ed25519".into()));
    workshop.key("key", KINDS[0].1);
    let certificate = one(&workshop.issue("key", "key", "/CN=a.example.com", "", "-sha1"));
    assert_eq!(certificate.signature_name(), "1.2.840.113549.1.1.5");
}

#[test]
fn names() {
    let workshop = Workshop::new();
    workshop.ec_key("root");
    workshop.issue("root", "root", "/O=First/O=Second/CN=Root", crate::workshop::AUTHORITY, "");
    workshop.ec_key("key");
    let subject = "/C=CN/C=DE/ST=Guangdong/L=Shenzhen/L=Longgang/O=One/O=Two/OU=Three/CN=a.example.com";
    let names = "subjectAltName=DNS:a.example.com,IP:192.0.2.1,IP:::1,email:a@example.com,URI:urn:a:b\n";
    let certificate = one(&workshop.issue("root", "key", subject, names, ""));
    assert_eq!(certificate.countries(), ["CN", "DE"]);
    assert_eq!(certificate.states(), ["Guangdong"]);
    assert_eq!(certificate.localities(), ["Shenzhen", "Longgang"]);
    assert_eq!(certificate.organizations(), ["One", "Two"]);
    assert_eq!(certificate.organizational_units(), ["Three"]);
    assert_eq!(certificate.issuer_organizations(), ["First", "Second"]);
    assert_eq!(certificate.alternative_names(), ["a.example.com", "192.0.2.1", "::1", "a@example.com", "urn:a:b"]);
    assert!(!certificate.is_self_signed());
    assert!(one(&workshop.read("root.pem")).is_self_signed());
}
