//! The certificates that are accepted: of every kind, with their chains in any order.

use openccm_pki::{Certificate, ServerCertificate, pem};

use crate::{
    corpus::Good,
    keys::KINDS,
    refusals::NOW_MS,
    workshop::{AUTHORITY, Workshop},
};

fn read(certificate: &str, chain: Option<&str>, key: &str) -> ServerCertificate {
    ServerCertificate::read(certificate, chain, key, NOW_MS).unwrap_or_else(|error| panic!("{error}"))
}

fn text(chain: &[Certificate]) -> String {
    chain.iter().map(|link| link.pem().replace("\r\n", "\n") + "\n").collect()
}

#[test]
fn of_every_kind_of_key() {
    let workshop = Workshop::new();
    for (kind, options) in KINDS {
        let key = workshop.key(kind, options);
        let names = "subjectAltName=DNS:a.example.com,IP:192.0.2.1,IP:2001:db8::1\n";
        let certificate = workshop.issue(kind, kind, "/CN=a.example.com", names, "");
        let read = read(&certificate, None, &key);
        assert_eq!(read.domain_names, ["a.example.com", "192.0.2.1", "2001:db8::1"], "{kind}");
        assert_eq!(read.certificate.pem().replace("\r\n", "\n") + "\n", certificate);
        assert!(read.chain.is_empty());
    }
}

#[test]
fn with_a_chain_in_any_order_with_or_without_its_root() {
    let good = Good::new();
    let [middle, root] = &good.chain;
    let (whole, short) = (format!("{middle}{root}"), middle.clone());
    for (chain, expected) in [
        (whole.clone(), &whole),
        (format!("{root}{middle}"), &whole),
        (format!("{root}{middle}{root}{middle}"), &whole),
        (format!("{}{middle}{root}", good.certificate), &whole),
        (format!("{root}{}{middle}", good.certificate), &whole),
        (short.clone(), &short),
        (format!("{}{middle}", good.certificate), &short),
    ] {
        assert_eq!(&text(&read(&good.certificate, Some(&chain), &good.key).chain), expected);
        let behind = format!("{}{chain}", good.certificate);
        for nothing in [None, Some(""), Some(" \r\n")] {
            assert_eq!(&text(&read(&behind, nothing, &good.key).chain), expected);
        }
        let escaped = behind.replace('\n', "\\n");
        assert_eq!(&text(&read(&escaped, None, &good.key).chain), expected);
    }
    // What is behind the certificate is not looked at where there is a chain.
    let behind = format!("{}{}", good.certificate, pem::encode(pem::CERTIFICATE, b"garbage"));
    assert_eq!(text(&read(&behind, Some(&short), &good.key).chain), short);
}

#[test]
fn under_an_authority_with_two_certificates() {
    let workshop = Workshop::new();
    workshop.ec_key("old");
    workshop.issue("old", "old", "/CN=Old", AUTHORITY, "");
    workshop.ec_key("new");
    let crossed = workshop.issue("old", "new", "/CN=New", AUTHORITY, "");
    let old = workshop.read("old.pem");
    let own = workshop.issue("new", "new", "/CN=New", AUTHORITY, "");
    let key = workshop.ec_key("leaf");
    let certificate = workshop.issue("new", "leaf", "/CN=a.example.com", "", "");
    for chain in [format!("{crossed}{old}"), format!("{old}{crossed}"), own.clone(), crossed.clone()] {
        assert_eq!(read(&certificate, Some(&chain), &key).chain.len(), chain.matches("BEGIN").count());
    }
}

#[test]
fn that_signed_themselves_with_and_without_the_ca_bit() {
    let workshop = Workshop::new();
    for bit in ["basicConstraints=critical,CA:TRUE\n", "basicConstraints=CA:FALSE\n", ""] {
        let key = workshop.ec_key("key");
        let certificate = workshop.issue("key", "key", "/CN=a.example.com", bit, "");
        for chain in [None, Some(certificate.as_str())] {
            assert!(read(&certificate, chain, &key).chain.is_empty());
        }
    }
    let line = "req -x509 -newkey rsa:2048 -noenc -keyout plain.key -out plain.pem -subj /CN=localhost";
    workshop.openssl(line);
    assert_eq!(read(&workshop.read("plain.pem"), None, &workshop.read("plain.key")).domain_names, ["localhost"]);
}

#[test]
fn with_a_compressed_point() {
    let workshop = Workshop::new();
    for curve in ["P-256", "P-384", "P-521"] {
        // Both signs of y come up in so many.
        for _ in 0..6 {
            let key = workshop.key("key", &format!("EC -pkeyopt ec_paramgen_curve:{curve}"));
            let compressed = workshop.openssl("pkey -in key.key -ec_conv_form compressed");
            workshop.write("key.key", compressed);
            let certificate = workshop.issue("key", "key", "/CN=a.example.com", "", "");
            let read = read(&certificate, None, &key);
            assert!(read.certificate.public_key() != read.key.public_key(), "the point is compressed");
        }
    }
}

#[test]
fn that_are_not_yet_valid() {
    let good = Good::new();
    let chain = good.chain.concat();
    assert!(ServerCertificate::read(&good.certificate, Some(&chain), &good.key, 0).is_ok());
    let certificate = &read(&good.certificate, Some(&chain), &good.key).certificate;
    let end = certificate.period().not_after_ms();
    assert!(ServerCertificate::read(&good.certificate, Some(&chain), &good.key, end - 1).is_ok());
    assert!(ServerCertificate::read(&good.certificate, Some(&chain), &good.key, end).is_err());
}

#[test]
fn with_their_domain_names_in_order() {
    let workshop = Workshop::new();
    let key = workshop.ec_key("key");
    for (subject, names, expected) in [
        ("/CN=a.example.com", "", &["a.example.com"][..]),
        ("/CN=*.example.com", "", &["*.example.com"]),
        ("/CN=192.0.2.7", "", &["192.0.2.7"]),
        ("/CN=2001:db8::7", "", &["2001:db8::7"]),
        ("/CN=b.example.com", "DNS:a.example.com,DNS:b.example.com", &["b.example.com", "a.example.com"]),
        (
            "/CN=c.example.com",
            "DNS:a.example.com,DNS:b.example.com",
            &["c.example.com", "a.example.com", "b.example.com"],
        ),
        ("/CN=A.Example.COM", "DNS:a.example.com,DNS:*.EXAMPLE.com", &["a.example.com", "*.example.com"]),
        ("/CN=Somebody", "DNS:a.example.com,DNS:a.example.com", &["a.example.com"]),
        ("/CN=intranet", "DNS:other,DNS:intranet", &["intranet", "other"]),
        ("/CN=bad_name.example.com", "DNS:a.example.com", &["a.example.com"]),
        ("/O=Company", "DNS:xn--fsqu00a.cn,IP:192.0.2.1", &["xn--fsqu00a.cn", "192.0.2.1"]),
        ("/CN=Somebody", "email:a@example.com,DNS:a.example.com,URI:urn:a:b", &["a.example.com"]),
    ] {
        let extensions = if names.is_empty() { String::new() } else { format!("subjectAltName={names}\n") };
        let certificate = workshop.issue("key", "key", subject, &extensions, "");
        assert_eq!(read(&certificate, None, &key).domain_names, expected, "{subject} {names}");
    }
}
