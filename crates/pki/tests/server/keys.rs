//! The keys that are accepted: of every kind and in every form, and what is exported of them again.

use openccm_pki::{KeyReadError, PrivateKey, ServerKey, Signer, export, pem::PemError};

use crate::workshop::{Workshop, der, pem};

/// Each accepted kind, as options of `openssl genpkey`.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("RSA2048", "RSA -pkeyopt rsa_keygen_bits:2048"),
    ("RSA2056", "RSA -pkeyopt rsa_keygen_bits:2056"),
    ("RSA3072", "RSA -pkeyopt rsa_keygen_bits:3072"),
    ("RSA4096", "RSA -pkeyopt rsa_keygen_bits:4096"),
    ("EC256", "EC -pkeyopt ec_paramgen_curve:P-256"),
    ("EC384", "EC -pkeyopt ec_paramgen_curve:P-384"),
    ("EC521", "EC -pkeyopt ec_paramgen_curve:P-521"),
    ("ED25519", "ED25519"),
];

/// Every form in which OpenSSL writes `<name>.key`.
fn forms(workshop: &Workshop, name: &str) -> Vec<String> {
    let mut forms = vec![workshop.read(&format!("{name}.key"))];
    let mut add = |line: String| forms.push(workshop.openssl(&line));
    if name.starts_with("RSA") {
        add(format!("rsa -in {name}.key -traditional"));
    }
    if name.starts_with("EC") {
        add(format!("ec -in {name}.key"));
        add(format!("ec -in {name}.key -no_public"));
        add(format!("ec -in {name}.key -conv_form compressed"));
        add(format!("pkey -in {name}.key -ec_conv_form compressed"));
        let sec1 = workshop.openssl(&format!("ec -in {name}.key"));
        let parameters = workshop.openssl(&format!("ec -in {name}.key -no_public"));
        assert!(parameters.starts_with("-----BEGIN EC PRIVATE KEY"));
        let curve = match name {
            "EC256" => "prime256v1",
            "EC384" => "secp384r1",
            _ => "secp521r1",
        };
        forms.push(workshop.openssl(&format!("ecparam -name {curve}")) + &sec1);
    }
    forms
}

#[test]
fn of_every_kind_and_form() {
    let workshop = Workshop::new();
    for (kind, options) in KINDS {
        workshop.key(kind, options);
        let public = workshop.openssl(&format!("pkey -in {kind}.key -pubout"));
        let canonical = der(&workshop.openssl(&format!("pkcs8 -topk8 -nocrypt -in {kind}.key")));
        for form in forms(&workshop, kind) {
            let key = ServerKey::from_pem(&form).unwrap_or_else(|error| panic!("{kind}: {error}\n{form}"));
            assert_eq!(key.public_key().kind().to_string(), *kind);
            assert_eq!(key.public_key().to_pem().unwrap().replace("\r\n", "\n"), public, "{kind}");
            assert_eq!(**key.pkcs8(), canonical, "{kind}\n{form}");
            assert!(ServerKey::from_pkcs8(key.pkcs8()).is_ok());
            assert_eq!(format!("{key:?}"), format!("ServerKey({kind}, ..)"));
        }
    }
}

#[test]
fn as_clients_deform_them() {
    let workshop = Workshop::new();
    for options in ["RSA -pkeyopt rsa_keygen_bits:2048", "EC -pkeyopt ec_paramgen_curve:P-256", "ED25519"] {
        workshop.key("key", options);
        let traditional = if options == "ED25519" { "" } else { " -traditional" };
        let text = workshop.openssl(&format!("pkey -in key.key{traditional}"));
        let expected = ServerKey::from_pem(&text).unwrap();
        for deformed in [
            text.replace('\n', "\r\n"),
            text.replace('\n', "\\n"),
            text.replace('\n', "\\r\\n"),
            text.replace('\n', " "),
            text.replace('\n', "\n\n  "),
            format!("\"{}\"", text.trim()),
            text.trim().to_owned(),
            format!("Bag Attributes: none\n{text}"),
            text.replace("END RSA PRIVATE KEY", "END RSA PRIVATEKEY"),
            format!("{text}{}", pem("CERTIFICATE", b"beside it")),
        ] {
            let read = ServerKey::from_pem(&deformed).unwrap_or_else(|error| panic!("{error}\n{deformed}"));
            assert_eq!(read.pkcs8(), expected.pkcs8(), "{deformed}");
        }
    }
}

#[test]
fn openssl_accepts_what_is_exported_again() {
    let workshop = Workshop::new();
    for (kind, options) in KINDS {
        let text = workshop.key(kind, options);
        let key = ServerKey::from_pem(&text).unwrap();
        let exported = export::private_key_pem(key.pkcs8(), None).unwrap();
        workshop.write("exported.key", exported.as_bytes());
        assert!(workshop.openssl("pkey -in exported.key -check -noout").contains("Key is valid"), "{kind}");
        let form = |file: &str| workshop.openssl(&format!("pkey -in {file}"));
        assert_eq!(form("exported.key"), form(&format!("{kind}.key")), "{kind}");
        assert_eq!(ServerKey::from_pem(&exported).unwrap().pkcs8(), key.pkcs8());
        if let Some(algorithm) = key.public_key().kind().algorithm() {
            let signer = PrivateKey::from_pkcs8(algorithm, key.pkcs8()).unwrap();
            assert!(signer.public_key() == key.public_key());
        }
    }
}

/// PKCS#8 version 2 has the public key beside the private one (RFC 5958 §2); OpenSSL does not write it.
#[test]
fn pkcs8_of_version_2() {
    let workshop = Workshop::new();
    for (_, options) in KINDS.iter().filter(|(kind, _)| !kind.starts_with("RSA")) {
        let text = workshop.key("key", options);
        let key = ServerKey::from_pem(&text).unwrap();
        let version_2 = |public: &[u8]| {
            let content = &key.pkcs8()[if key.pkcs8()[1] < 0x80 { 2 } else { 3 }..];
            assert_eq!(&content[..3], [2, 1, 0]);
            let bits = [&[0][..], public].concat();
            let content = [&[2, 1, 1], &content[3..], &crate::requests::tagged(0x81, &bits)].concat();
            pem("PRIVATE KEY", &crate::requests::tagged(0x30, &content))
        };
        let info = der(&key.public_key().to_pem().unwrap());
        let point_length = match options {
            &"ED25519" => 32,
            options if options.ends_with("256") => 65,
            options if options.ends_with("384") => 97,
            _ => 133,
        };
        let point = &info[info.len() - point_length..];
        assert_eq!(ServerKey::from_pem(&version_2(point)).unwrap().pkcs8(), key.pkcs8(), "{options}");
        let mut other = point.to_vec();
        *other.last_mut().unwrap() ^= 1;
        assert_eq!(ServerKey::from_pem(&version_2(&other)).unwrap_err(), KeyReadError::Inconsistent, "{options}");
    }
}

#[test]
fn say_why_they_are_refused() {
    let workshop = Workshop::new();
    let ec = workshop.ec_key("key");
    let made = |line: &str| workshop.openssl(line);
    for (text, error) in [
        (String::new(), KeyReadError::Missing),
        ("words".to_owned(), KeyReadError::Missing),
        (made("pkey -in key.key -pubout"), KeyReadError::Missing),
        (made("pkcs8 -topk8 -in key.key -passout pass:secret"), KeyReadError::Encrypted),
        (made("ec -in key.key -aes128 -passout pass:secret"), KeyReadError::Encrypted),
        (ec.repeat(2), KeyReadError::Pem(PemError::MoreThanOne)),
        (ec.replace("-----END", "----END"), KeyReadError::Pem(PemError::Boundary)),
        (ec.replace("\nM", "\n%"), KeyReadError::Pem(PemError::Base64)),
        (ec.replace("\nM", "\nVersion: 1\n\nM"), KeyReadError::Pem(PemError::Headers)),
        (ec.replace("PRIVATE", "RSA PRIVATE"), KeyReadError::Malformed("PKCS#1")),
        (ec.replace("PRIVATE", "EC PRIVATE"), KeyReadError::Malformed("SEC1")),
        (pem("PRIVATE KEY", b"x"), KeyReadError::Malformed("PKCS#8")),
        (pem("OPENSSH PRIVATE KEY", b"x"), KeyReadError::Unsupported),
        (made("genpkey -algorithm ED448"), KeyReadError::Unsupported),
        (made("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024"), KeyReadError::Unsupported),
        (made("ec -in key.key -param_enc explicit"), KeyReadError::Unsupported),
        (made("pkey -in key.key -ec_param_enc explicit"), KeyReadError::Unsupported),
    ] {
        assert_eq!(ServerKey::from_pem(&text).unwrap_err(), error, "{text}");
    }
}
