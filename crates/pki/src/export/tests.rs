//! Exports, opened again with OpenSSL and keytool.

mod fixtures;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};

use tempfile::TempDir;

use self::fixtures::{fixtures, keytool, openssl, run};
use super::*;
use crate::pem;

const PASSWORD: &str = "Pa55,.+-_#";

fn unzip(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let name = file.name().unwrap().into_owned();
            let date = file.last_modified().unwrap();
            assert_eq!((date.year(), date.month(), date.day()), (1980, 1, 1));
            let secret = matches!(name.as_str(), "server.key" | "server.pfx" | "server.jks" | "keystorePass.txt");
            assert_eq!(file.unix_mode().unwrap() & 0o777, if secret { 0o600 } else { 0o644 });
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (name, content)
        })
        .collect()
}

/// The archive unpacked into a folder.
struct Unpacked(TempDir, BTreeMap<String, Vec<u8>>);

impl Unpacked {
    fn new(material: &Material<'_>, server_type: ServerType, password: Option<&str>) -> Self {
        let files = unzip(&bundle(material, server_type, password).unwrap());
        let dir = TempDir::new().unwrap();
        for (name, content) in &files {
            fs::write(dir.path().join(name), content).unwrap();
        }
        Self(dir, files)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn names(&self) -> Vec<&str> {
        self.1.keys().map(String::as_str).collect()
    }

    fn text(&self, name: &str) -> &str {
        str::from_utf8(&self.1[name]).unwrap()
    }

    fn certificates(&self, name: &str) -> Vec<Vec<u8>> {
        let text = self.text(name);
        assert!(text.ends_with("-----END CERTIFICATE-----\r\n"), "{text}");
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        pem::decode_all(text, pem::CERTIFICATE).unwrap()
    }
}

/// In the order of the alphabet.
type Names = &'static [&'static str];

/// Type; files with a key and no password, with a key and a password, without a key.
const LAYOUTS: [(ServerType, Names, Names, Names); 5] = [
    (
        ServerType::Apache,
        &["chain.crt", "server.crt", "server.key"],
        &["chain.crt", "server.crt", "server.key"],
        &["chain.crt", "server.crt"],
    ),
    (ServerType::Nginx, &["server.crt", "server.key"], &["server.crt", "server.key"], &["server.crt"]),
    (ServerType::Iis, &["keystorePass.txt", "server.pfx"], &["server.pfx"], &["chain.crt", "server.crt"]),
    (ServerType::Tomcat, &["keystorePass.txt", "server.jks"], &["server.jks"], &["chain.crt", "server.crt"]),
    (
        ServerType::Other,
        &["chain.pem", "server.key", "server.pem"],
        &["chain.pem", "server.key", "server.pem"],
        &["cert.pem", "chain.pem"],
    ),
];

#[test]
fn every_layout_has_exactly_its_files() {
    let fixture = &fixtures()[1];
    let without_key = Material { private_key: None, ..fixture.material() };
    for (server_type, plain, protected, requested) in LAYOUTS {
        assert_eq!(Unpacked::new(&fixture.material(), server_type, None).names(), plain, "{server_type}");
        assert_eq!(Unpacked::new(&fixture.material(), server_type, Some(PASSWORD)).names(), protected, "{server_type}");
        assert_eq!(Unpacked::new(&without_key, server_type, None).names(), requested, "{server_type}");
        assert_eq!(Unpacked::new(&without_key, server_type, Some("x")).names(), requested, "{server_type}");
    }
}

#[test]
fn pem_layouts_hold_the_right_certificates_which_openssl_verifies() {
    for fixture in fixtures() {
        let all: Vec<_> = fixture.material().full_chain().map(<[u8]>::to_vec).collect();
        for (server_type, certificate, chain) in
            [(ServerType::Apache, "server.crt", "chain.crt"), (ServerType::Other, "server.pem", "chain.pem")]
        {
            let files = Unpacked::new(&fixture.material(), server_type, None);
            assert_eq!(files.certificates(certificate), all[..1]);
            assert_eq!(files.certificates(chain), all[1..]);
            // The root, the last of the chain, is the trust anchor: OpenSSL trusts whatever is self-signed in -CAfile.
            openssl(&["verify", "-x509_strict", "-CAfile", &files.path(chain), &files.path(certificate)]);
        }
        let files = Unpacked::new(&fixture.material(), ServerType::Nginx, None);
        assert_eq!(files.certificates("server.crt"), all);
    }
}

#[test]
fn a_self_signed_certificate_has_an_empty_chain() {
    let fixture = &fixtures()[1];
    let material = Material { chain: &[], ..fixture.material() };
    let files = Unpacked::new(&material, ServerType::Apache, None);
    assert_eq!(files.text("chain.crt"), "");
    assert_eq!(files.certificates("server.crt").len(), 1);
    assert_eq!(Unpacked::new(&material, ServerType::Nginx, None).certificates("server.crt").len(), 1);
}

#[test]
fn plain_keys_are_in_their_native_form_and_match_the_certificate() {
    for fixture in fixtures() {
        let files = Unpacked::new(&fixture.material(), ServerType::Apache, None);
        let key = files.text("server.key");
        assert!(key.starts_with(&format!("-----BEGIN {}-----\r\n", fixture.label)), "{}", fixture.kind);
        assert!(key.ends_with(&format!("-----END {}-----\r\n", fixture.label)), "{}", fixture.kind);
        assert_eq!(openssl(&["pkey", "-in", &files.path("server.key")]), fixture.key_pem(), "{}", fixture.kind);
        assert_eq!(
            openssl(&["pkey", "-in", &files.path("server.key"), "-pubout"]),
            openssl(&["x509", "-in", &files.path("server.crt"), "-noout", "-pubkey"]),
            "{}",
            fixture.kind
        );
    }
}

#[test]
fn encrypted_keys_open_with_the_password_alone() {
    for fixture in fixtures() {
        let files = Unpacked::new(&fixture.material(), ServerType::Other, Some(PASSWORD));
        assert!(files.text("server.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\r\n"));
        let path = files.path("server.key");
        let opened = openssl(&["pkey", "-in", &path, "-passin", &format!("pass:{PASSWORD}")]);
        assert_eq!(opened, fixture.key_pem(), "{}", fixture.kind);
        assert!(!run("openssl", &["pkey", "-in", &path, "-passin", "pass:wrong"]).status.success());
        let structure = openssl(&["asn1parse", "-in", &path]);
        for part in ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", ":061A80"] {
            assert!(structure.contains(part), "{part} is missing: {structure}");
        }
    }
}

/// What the archive says the password is, or the client's own.
fn keystore_password(files: &Unpacked, given: Option<&str>) -> String {
    let password = given.map_or_else(|| files.text("keystorePass.txt").to_owned(), str::to_owned);
    assert!(given.is_some() || password.len() >= 16 && password.bytes().all(|byte| byte.is_ascii_graphic()));
    password
}

#[test]
fn openssl_opens_pkcs12() {
    for (fixture, given) in fixtures().iter().zip([None, Some(PASSWORD), None, Some("x"), None]) {
        let files = Unpacked::new(&fixture.material(), ServerType::Iis, given);
        let (path, passin) = (files.path("server.pfx"), format!("pass:{}", keystore_password(&files, given)));

        let key = openssl(&["pkcs12", "-in", &path, "-passin", &passin, "-nocerts", "-noenc"]);
        assert_eq!(pem::decode_one(&key, &["PRIVATE KEY"]).unwrap().1, fixture.key, "{}", fixture.kind);
        let certificates = openssl(&["pkcs12", "-in", &path, "-passin", &passin, "-nokeys"]);
        let all: Vec<_> = fixture.material().full_chain().map(<[u8]>::to_vec).collect();
        assert_eq!(pem::decode_all(&certificates, pem::CERTIFICATE), Ok(all));
        let leaf = openssl(&["pkcs12", "-in", &path, "-passin", &passin, "-nokeys", "-clcerts"]);
        assert_eq!(pem::decode_all(&leaf, pem::CERTIFICATE), Ok(vec![fixture.certificate.clone()]));

        // OpenSSL tells about the protection on standard error.
        let info = run("openssl", &["pkcs12", "-in", &path, "-passin", &passin, "-info", "-noout"]);
        let info = String::from_utf8_lossy(&info.stderr).into_owned();
        for part in
            ["MAC: sha256, Iteration 100000", "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256"]
        {
            assert!(info.contains(part), "{part} is missing: {info}");
        }
        assert!(
            !run("openssl", &["pkcs12", "-in", &path, "-passin", "pass:wrong", "-info", "-noout"]).status.success()
        );
    }
}

#[test]
fn keytool_opens_pkcs12_under_a_chinese_alias() {
    let fixture = &fixtures()[0];
    let files = Unpacked::new(&fixture.material(), ServerType::Iis, Some(PASSWORD));
    let path = files.path("server.pfx");
    let list = keytool(&["-list", "-v", "-storetype", "PKCS12", "-keystore", &path, "-storepass", PASSWORD]);
    assert!(list.contains("Alias name: 服务器 server"), "{list}");
    assert!(list.contains("Entry type: PrivateKeyEntry") && list.contains("Certificate chain length: 3"), "{list}");
}

#[test]
fn keytool_opens_jks_and_finds_the_same_key() {
    for (fixture, given) in fixtures().iter().zip([Some(PASSWORD), None, None, Some("123456"), None]) {
        let files = Unpacked::new(&fixture.material(), ServerType::Tomcat, given);
        let (path, password) = (files.path("server.jks"), keystore_password(&files, given));
        let jks = ["-storetype", "JKS", "-keystore", &path, "-storepass", &password];

        let list = keytool(&[&["-list", "-v"][..], &jks].concat());
        assert!(list.contains("Keystore type: JKS"), "{list}");
        assert!(list.contains("Alias name: 服务器 server"), "{list}");
        assert!(list.contains("Creation date: Nov 14, 2023"), "{list}");
        assert!(list.contains("Entry type: PrivateKeyEntry") && list.contains("Certificate chain length: 3"), "{list}");
        let rfc = keytool(&[&["-list", "-rfc"][..], &jks].concat());
        let all: Vec<_> = fixture.material().full_chain().map(<[u8]>::to_vec).collect();
        assert_eq!(pem::decode_all(&rfc, pem::CERTIFICATE), Ok(all));

        let converted = files.path("converted.p12");
        let source = ["-srcstoretype", "JKS", "-srckeystore", &path, "-srcstorepass", &password];
        let target = ["-deststoretype", "PKCS12", "-destkeystore", &converted, "-deststorepass", "changeit"];
        keytool(&[&["-importkeystore", "-noprompt"][..], &source, &target].concat());
        let key = openssl(&["pkcs12", "-in", &converted, "-passin", "pass:changeit", "-nocerts", "-noenc"]);
        fs::write(files.path("key.pem"), key).unwrap();
        assert_eq!(openssl(&["pkey", "-in", &files.path("key.pem")]), fixture.key_pem(), "{}", fixture.kind);

        let wrong = ["-list", "-storetype", "JKS", "-keystore", &path, "-storepass", "wrong-password"];
        assert!(!run("keytool", &wrong).status.success());
    }
}

#[test]
fn names_beyond_the_basic_plane_work() {
    let material = Material { name: "证书😀", ..fixtures()[1].material() };
    let pfx = Unpacked::new(&material, ServerType::Iis, Some(PASSWORD));
    let passin = format!("pass:{PASSWORD}");
    openssl(&["pkcs12", "-in", &pfx.path("server.pfx"), "-passin", &passin, "-noout"]);
    let jks = Unpacked::new(&material, ServerType::Tomcat, Some(PASSWORD));
    let list = keytool(&["-list", "-keystore", &jks.path("server.jks"), "-storepass", PASSWORD]);
    assert!(list.contains("证书😀"), "{list}");
}

#[test]
fn keystores_of_one_certificate_have_different_passwords() {
    let material = fixtures()[1].material();
    let password = || unzip(&bundle(&material, ServerType::Tomcat, None).unwrap())["keystorePass.txt"].clone();
    assert_ne!(password(), password());
}

#[test]
fn passwords_are_checked_first() {
    let material = fixtures()[1].material();
    for (server_type, password, expected) in [
        (ServerType::Apache, "", PasswordError::Empty),
        (ServerType::Iis, "密码密码", PasswordError::Character),
        (ServerType::Other, "123456789012345678901234567890123", PasswordError::TooLong),
        (ServerType::Tomcat, "12345", PasswordError::TooShortForJks),
    ] {
        match bundle(&material, server_type, Some(password)) {
            Err(ExportError::Password(error)) => assert_eq!(error, expected),
            other => panic!("{server_type}: {:?}", other.map(|archive| archive.len())),
        }
    }
}

#[test]
fn damaged_material_is_an_error() {
    let good = fixtures()[0].material();
    let cut = &good.private_key.unwrap()[..100];
    for key in [&[][..], &[0x30, 0x80], cut, b"not DER"] {
        for password in [None, Some(PASSWORD)] {
            assert!(matches!(private_key_pem(key, password), Err(ExportError::PrivateKey)));
        }
        let material = Material { private_key: Some(key), ..good };
        assert!(matches!(bundle(&material, ServerType::Iis, None), Err(ExportError::Pkcs12(_))));
    }
    let no_certificate = Material { certificate: &[], ..good };
    assert!(matches!(bundle(&no_certificate, ServerType::Iis, None), Err(ExportError::Pkcs12(_))));
    let no_key = Material { private_key: None, ..good };
    assert!(matches!(pkcs12(&no_key, PASSWORD), Err(ExportError::NoPrivateKey)));
    assert!(matches!(jks(&no_key, PASSWORD), Err(ExportError::NoPrivateKey)));
}

#[test]
fn debug_and_errors_keep_secrets() {
    let material = fixtures()[1].material();
    let debug = format!("{material:?}");
    assert!(debug.contains("has_private_key: true") && debug.len() < 200, "{debug}");
    let error = bundle(&material, ServerType::Tomcat, Some("hush!")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hush"));
}

#[test]
fn server_types_are_read_in_any_case() {
    for server_type in ServerType::ALL {
        assert_eq!(server_type.as_str().parse(), Ok(server_type));
        assert_eq!(server_type.as_str().to_lowercase().parse(), Ok(server_type));
    }
    for bad in ["", "apache2", " IIS", "ＩＩＳ"] {
        assert_eq!(bad.parse::<ServerType>(), Err(UnknownServerType));
    }
    assert_eq!(archive_name("test", ServerType::Apache), "test_apache.zip");
}
