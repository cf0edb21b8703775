//! The signing requests of servers.

use openccm_core::{AlternativeName, AlternativeNameType, DistinguishedName, HashAlgorithm, KeyAlgorithm};
use openccm_pki::{PkiError, PrivateKey, Signer, SigningRequest, make_server_request};

use crate::{authorities::Holder, workshop::Workshop};

/// DER: a tag, the length of `content`, and `content`.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let header = match content.len() {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => [&[tag, 0x82], &length.to_be_bytes()[..]].concat(),
    };
    [header, content.to_vec()].concat()
}

fn names(names: &[&str]) -> Vec<AlternativeName> {
    let parse = |name: &&str| {
        let kind =
            if name.parse::<std::net::IpAddr>().is_ok() { AlternativeNameType::Ip } else { AlternativeNameType::Dns };
        AlternativeName::parse(kind, name, "name").unwrap()
    };
    names.iter().map(parse).collect()
}

fn key(algorithm: KeyAlgorithm) -> &'static PrivateKey {
    crate::authorities::key(Holder::Leaf, algorithm)
}

#[tokio::test]
async fn openssl_verifies_and_shows_them() {
    let workshop = Workshop::new();
    let subject = DistinguishedName {
        common_name: Some("a.example.com".into()),
        country: Some("CN".into()),
        organization: Some("组织".into()),
        ..DistinguishedName::default()
    };
    for algorithm in KeyAlgorithm::ALL.iter().copied() {
        let domains = names(&["a.example.com", "*.example.com", "192.0.2.1", "2001:db8::1"]);
        let request = make_server_request(&subject, &domains, key(algorithm), HashAlgorithm::Sha256).await.unwrap();
        workshop.write("made.csr", &request);
        let shown = workshop.openssl("req -in made.csr -noout -text -verify -nameopt utf8,sep_comma_plus");
        assert!(
            shown.contains("DNS:a.example.com, DNS:*.example.com, IP Address:192.0.2.1, IP Address:2001:DB8"),
            "{shown}"
        );
        assert!(shown.contains("TLS Web Server Authentication"), "{shown}");
        let usage = if algorithm.is_rsa() { "Digital Signature, Key Encipherment\n" } else { "Digital Signature\n" };
        assert!(shown.contains(usage), "{shown}");
        assert!(shown.contains("CN = a.example.com") || shown.contains("CN=a.example.com"), "{shown}");

        let read = SigningRequest::from_pem(&request).unwrap();
        assert_eq!(read.domain_names().unwrap(), ["a.example.com", "*.example.com", "192.0.2.1", "2001:db8::1"]);
        assert_eq!(read.distinguished_name(), subject);
        assert!(read.public_key() == key(algorithm).public_key());
        assert_eq!(read.pem(), request);
    }
}

#[tokio::test]
async fn without_a_subject_or_without_alternative_names() {
    let key = key(KeyAlgorithm::Ec256);
    let nobody = DistinguishedName::default();
    let request = make_server_request(&nobody, &names(&["a.example.com"]), key, HashAlgorithm::Sha256).await.unwrap();
    assert_eq!(SigningRequest::from_pem(&request).unwrap().domain_names().unwrap(), ["a.example.com"]);
    let somebody = DistinguishedName { common_name: Some("b.example.com".into()), ..DistinguishedName::default() };
    let request = make_server_request(&somebody, &[], key, HashAlgorithm::Sha256).await.unwrap();
    assert_eq!(SigningRequest::from_pem(&request).unwrap().domain_names().unwrap(), ["b.example.com"]);
    let nothing = make_server_request(&nobody, &[], key, HashAlgorithm::Sha256).await;
    assert!(matches!(nothing, Err(PkiError::Unfit(_))), "{nothing:?}");
}

#[test]
fn of_openssl_with_their_domain_names() {
    let workshop = Workshop::new();
    workshop.ec_key("key");
    for (subject, names, expected) in [
        ("/CN=a.example.com", "", &["a.example.com"][..]),
        ("/CN=Somebody", "", &[]),
        ("/CN=Somebody", " -addext subjectAltName=DNS:A.example.com,IP:192.0.2.1", &["a.example.com", "192.0.2.1"]),
        (
            "/CN=b.example.com",
            " -addext subjectAltName=DNS:a.example.com,DNS:b.example.com",
            &["b.example.com", "a.example.com"],
        ),
    ] {
        let pem = workshop.openssl(&format!("req -new -key key.key -subj {subject}{names}"));
        let request = SigningRequest::from_pem(&pem.replace('\n', "\\n")).unwrap();
        assert_eq!(request.domain_names().unwrap(), expected);
        assert_eq!(request.pem().replace("\r\n", "\n") + "\n", pem);
    }
    let pem = workshop.openssl("req -new -key key.key -subj /CN=a_b.example.com");
    assert!(SigningRequest::from_pem(&pem).unwrap().domain_names().is_err());
}
