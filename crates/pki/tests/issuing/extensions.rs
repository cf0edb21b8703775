//! The extensions, as OpenSSL reads them.

use openccm_core::{AlternativeName, AlternativeNameType, ExtendedKeyUsage, KeyAlgorithm, KeyUsage, KeyUsages};
use openccm_pki::{Certificate, Constraints, Signer, Template, issue};

use crate::{
    authorities::{Authority, Holder, SHA256, bare_leaf, days, key, leaf, name, read},
    openssl::{asn1parse, x509},
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;

/// The lines of one extension, without indentation: its name with its criticality, then its value.
fn extension(certificate: &Certificate, name: &str) -> Vec<String> {
    x509(certificate.der(), &["-ext", name]).lines().map(|line| line.trim().to_owned()).collect()
}

/// The names of all extensions, in the order of the certificate, with their criticality.
fn listed(certificate: &Certificate) -> Vec<String> {
    let text = x509(certificate.der(), &["-text", "-certopt", "ext_dump"]);
    let after = text.split_once("X509v3 extensions:\n").unwrap().1;
    let names = after.lines().filter(|line| line.starts_with("            ") && !line.starts_with("             "));
    names.map(|line| line.trim().to_owned()).collect()
}

async fn authority(path_length: Option<u8>, usages: KeyUsages) -> Certificate {
    Authority::root_with(EC, SHA256, path_length, usages).await.certificate
}

#[tokio::test]
async fn basic_constraints_are_critical_and_say_the_path_length() {
    for length in [0, 1, 6] {
        let certificate = authority(Some(length), KeyUsages::AUTHORITY).await;
        let expected = ["X509v3 Basic Constraints: critical".to_owned(), format!("CA:TRUE, pathlen:{length}")];
        assert_eq!(extension(&certificate, "basicConstraints"), expected);
        assert_eq!(certificate.path_length(), Some(length));
        assert!(certificate.can_issue());
    }
    let unlimited = authority(None, KeyUsages::AUTHORITY).await;
    assert_eq!(extension(&unlimited, "basicConstraints"), ["X509v3 Basic Constraints: critical", "CA:TRUE"]);
    assert_eq!(unlimited.path_length(), None);
    let leaf = Authority::root(EC, SHA256).await.certify(&leaf(EC)).await;
    assert_eq!(extension(&leaf, "basicConstraints"), ["X509v3 Basic Constraints: critical", "CA:FALSE"]);
    assert!(!leaf.can_issue());
}

#[tokio::test]
async fn an_authority_that_cannot_sign_certificates_has_no_path_length() {
    let certificate = authority(Some(3), KeyUsages::of(&[KeyUsage::CrlSign])).await;
    assert_eq!(extension(&certificate, "basicConstraints"), ["X509v3 Basic Constraints: critical", "CA:TRUE"]);
    assert_eq!(certificate.path_length(), None);
    assert!(!certificate.can_issue());
}

#[tokio::test]
async fn each_key_usage_is_its_own_bit() {
    let printed = [
        (KeyUsage::DigitalSignature, "Digital Signature"),
        (KeyUsage::NonRepudiation, "Non Repudiation"),
        (KeyUsage::KeyEncipherment, "Key Encipherment"),
        (KeyUsage::DataEncipherment, "Data Encipherment"),
        (KeyUsage::KeyAgreement, "Key Agreement"),
        (KeyUsage::KeyCertSign, "Certificate Sign"),
        (KeyUsage::CrlSign, "CRL Sign"),
        (KeyUsage::EncipherOnly, "Encipher Only"),
        (KeyUsage::DecipherOnly, "Decipher Only"),
    ];
    for (usage, words) in printed {
        let certificate = authority(None, KeyUsages::of(&[usage])).await;
        assert_eq!(extension(&certificate, "keyUsage"), ["X509v3 Key Usage: critical", words]);
        assert_eq!(certificate.key_usages(), Some(KeyUsages::of(&[usage])));
    }
    let all: KeyUsages = KeyUsage::ALL.iter().copied().collect();
    let certificate = authority(None, all).await;
    let words = printed.map(|(_, words)| words).join(", ");
    assert_eq!(extension(&certificate, "keyUsage"), ["X509v3 Key Usage: critical".to_owned(), words]);
    assert_eq!(certificate.key_usages(), Some(all));
}

#[tokio::test]
async fn key_identifiers_link_the_chain() {
    let root = Authority::root(EC, SHA256).await;
    let subordinate = root.subordinate(KeyAlgorithm::Ec384, SHA256, Some(0)).await.unwrap();
    let leaf = subordinate.certify(&leaf(KeyAlgorithm::Rsa2048)).await;
    let identifier =
        |certificate: &Certificate, which| extension(certificate, which)[1].replace(':', "").to_lowercase();
    let chain = [&root.certificate, &root.certificate, &subordinate.certificate, &leaf];
    for pair in chain.windows(2) {
        assert_eq!(identifier(pair[1], "authorityKeyIdentifier"), identifier(pair[0], "subjectKeyIdentifier"));
    }
    for certificate in chain {
        let own = identifier(certificate, "subjectKeyIdentifier");
        assert_eq!(own.len(), 40, "SHA-1, RFC 5280 §4.2.1.2 method 1");
        assert!(own.bytes().zip(hex::encode(certificate.key_identifier()).bytes()).all(|(a, b)| a == b));
    }
    let not_critical = ["X509v3 Subject Key Identifier:", "X509v3 Authority Key Identifier:"];
    assert_eq!(extension(&leaf, "subjectKeyIdentifier")[0], not_critical[0]);
    assert_eq!(extension(&leaf, "authorityKeyIdentifier")[0], not_critical[1]);
}

#[tokio::test]
async fn extended_key_usages() {
    let root = Authority::root(EC, SHA256).await;
    let printed = [
        (ExtendedKeyUsage::ServerAuth, "TLS Web Server Authentication"),
        (ExtendedKeyUsage::ClientAuth, "TLS Web Client Authentication"),
        (ExtendedKeyUsage::CodeSigning, "Code Signing"),
        (ExtendedKeyUsage::EmailProtection, "E-mail Protection"),
        (ExtendedKeyUsage::TimeStamping, "Time Stamping"),
        (ExtendedKeyUsage::SmartCardLogon, "Microsoft Smartcard Login"),
    ];
    assert_eq!(printed.map(|(usage, _)| usage), ExtendedKeyUsage::ALL);
    for (usage, words) in printed {
        let certificate = root.certify(&bare_leaf(EC).extended_key_usages(&[usage]).unwrap()).await;
        // RFC 3161 §2.3: critical where time stamping is the only purpose.
        let critical = if usage == ExtendedKeyUsage::TimeStamping { " critical" } else { "" };
        let expected = [format!("X509v3 Extended Key Usage:{critical}"), words.to_owned()];
        assert_eq!(extension(&certificate, "extendedKeyUsage"), expected);
    }
    let certificate = root.certify(&bare_leaf(EC).extended_key_usages(ExtendedKeyUsage::ALL).unwrap()).await;
    let words = printed.map(|(_, words)| words).join(", ");
    assert_eq!(extension(&certificate, "extendedKeyUsage"), ["X509v3 Extended Key Usage:".to_owned(), words]);
}

#[tokio::test]
async fn alternative_names_of_each_kind() {
    use AlternativeNameType::{Dns, Email, Ip, Uri};
    let names = [
        (Dns, "www.example.com", "DNS:www.example.com"),
        (Dns, "*.example.com", "DNS:*.example.com"),
        (Dns, "例子.cn", "DNS:xn--fsqu00a.cn"),
        (Ip, "192.168.0.1", "IP Address:192.168.0.1"),
        (Ip, "2001:db8::1", "IP Address:2001:DB8:0:0:0:0:0:1"),
        (Email, "someone@example.com", "email:someone@example.com"),
        (Uri, "spiffe://example.com/service", "URI:spiffe://example.com/service"),
    ];
    let parsed = names.map(|(kind, value, _)| AlternativeName::parse(kind, value, "value").unwrap());
    let root = Authority::root(EC, SHA256).await;
    let certificate = root.certify(&bare_leaf(EC).alternative_names(&parsed).unwrap()).await;
    let printed = names.map(|(_, _, printed)| printed).join(", ");
    assert_eq!(extension(&certificate, "subjectAltName"), ["X509v3 Subject Alternative Name:".to_owned(), printed]);
}

#[tokio::test]
async fn a_customized_extension_is_a_text_and_not_critical() {
    let root = Authority::root(EC, SHA256).await;
    let template = bare_leaf(EC).customized_extension("1.3.6.1.4.1.99999.1", "版本 1").unwrap();
    let certificate = root.certify(&template).await;
    assert_eq!(listed(&certificate).last().unwrap(), "1.3.6.1.4.1.99999.1:", "without `critical`");
    let parsed = asn1parse(certificate.der());
    let value = parsed.split_once(":1.3.6.1.4.1.99999.1\n").unwrap().1.lines().next().unwrap();
    // 0C 08: a UTF8String of eight bytes.
    let expected = format!("[HEX DUMP]:0C08{}", hex::encode_upper("版本 1"));
    assert!(value.contains("OCTET STRING") && value.ends_with(&expected), "{value}");
}

#[tokio::test]
async fn revocation_addresses_stand_there_when_set() {
    let root = Authority::root(EC, SHA256).await;
    let (crl, ocsp) = ("http://ccm.example.com/crl/1.crl", "http://ccm.example.com/ocsp");
    let with = |crl: Option<&str>, ocsp: Option<&str>| {
        bare_leaf(EC).revocation_addresses(crl.map(str::to_owned), ocsp.map(str::to_owned))
    };
    let both = root.certify(&with(Some(crl), Some(ocsp))).await;
    let points = extension(&both, "crlDistributionPoints");
    assert_eq!(points, ["X509v3 CRL Distribution Points:", "Full Name:", &format!("URI:{crl}")]);
    assert_eq!(
        extension(&both, "authorityInfoAccess"),
        ["Authority Information Access:", &format!("OCSP - URI:{ocsp}")]
    );
    assert_eq!(x509(both.der(), &["-ocsp_uri"]), format!("{ocsp}\n"));

    let has = |certificate: &Certificate, name: &str| listed(certificate).iter().any(|line| line.contains(name));
    for (crl, ocsp) in [(Some(crl), None), (None, Some(ocsp)), (None, None)] {
        let certificate = root.certify(&with(crl, ocsp)).await;
        assert_eq!(has(&certificate, "CRL Distribution Points"), crl.is_some());
        assert_eq!(has(&certificate, "Authority Information Access"), ocsp.is_some());
    }
}

#[tokio::test]
async fn nothing_is_added_that_was_not_asked_for() {
    let root = Authority::root(EC, SHA256).await;
    let certificate = root.certify(&bare_leaf(EC)).await;
    let standard = [
        "X509v3 Basic Constraints: critical",
        "X509v3 Key Usage: critical",
        "X509v3 Subject Key Identifier:",
        "X509v3 Authority Key Identifier:",
    ];
    assert_eq!(listed(&certificate), standard);

    let leaf_key = key(Holder::Leaf, EC);
    let usages = KeyUsages::default();
    let template =
        Template::new(&name("a"), leaf_key.public_key().clone(), days(1), Constraints::EndEntity, usages).unwrap();
    let without_usages = root.certify(&template).await;
    assert_eq!(
        listed(&without_usages),
        [standard[0], standard[2], standard[3]],
        "a key usage with no bits is forbidden"
    );
    assert_eq!(without_usages.key_usages(), None);

    let self_signed = read(&issue(&template, None, leaf_key, SHA256).await.unwrap());
    assert_eq!(listed(&self_signed), [standard[0], standard[2], standard[3]]);
}
