//! Signing requests that OpenSSL made, and the certificates that come of them.

use openccm_core::{HashAlgorithm, KeyAlgorithm, KeyUsage, KeyUsages};
use openccm_pki::{Certificate, Constraints, KeyKind, PkiError, SignatureScheme, SigningRequest, Template, pem};
use x509_parser::prelude::{FromDer, X509Certificate, X509CertificationRequest};

use crate::{
    authorities::{Authority, DAY, Holder, LEAF_USAGES, NOW, SHA256, days, key, leaf},
    openssl::{Folder, filter, x509},
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;

/// Makes a request with `openssl req`: `key` is a file, `arguments` choose hash and more; the subject and the requested
/// extensions are sections of OpenSSL's configuration file.
pub(crate) fn request(folder: &Folder, key: &str, arguments: &[&str], subject: &str, extensions: &str) -> String {
    let requested = if extensions.is_empty() { "" } else { "req_extensions = extensions" };
    folder.write(
        "request.cnf",
        format!(
            "[req]\nprompt = no\nutf8 = yes\nstring_mask = utf8only\ndistinguished_name = subject\n{requested}\n\
             [subject]\n{subject}\n[extensions]\n{extensions}\n"
        ),
    );
    let common = ["req", "-new", "-config", "request.cnf", "-key", key, "-out", "request.pem"];
    folder.openssl(&[&common, arguments].concat());
    folder.read("request.pem")
}

/// A folder with a P-256 key in `key.pem`.
pub(crate) fn folder() -> Folder {
    let folder = Folder::new();
    folder.write_key("key.pem", key(Holder::Leaf, EC));
    folder
}

fn template(request: &SigningRequest) -> Result<Template, PkiError> {
    Template::from_request(request, days(365), Constraints::EndEntity, LEAF_USAGES)
}

/// Has a certificate issued for a request in PEM.
async fn certify(request: &str) -> Certificate {
    let root = Authority::root(EC, SHA256).await;
    root.certify(&template(&SigningRequest::from_pem(request).unwrap()).unwrap()).await
}

fn extension(certificate: &Certificate, name: &str) -> Vec<String> {
    x509(certificate.der(), &["-ext", name]).lines().map(|line| line.trim().to_owned()).collect()
}

#[tokio::test]
async fn every_key_with_every_hash() {
    let folder = Folder::new();
    for algorithm in KeyAlgorithm::ALL.iter().copied() {
        folder.write_key(&format!("{algorithm}.pem"), key(Holder::Leaf, algorithm));
    }
    folder.openssl(&["genrsa", "-out", "RSA3072.pem", "3072"]);
    folder.openssl(&["ecparam", "-genkey", "-noout", "-name", "secp521r1", "-out", "EC521.pem"]);
    folder.openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ED25519.pem"]);

    let rsa = |bits| KeyKind::Rsa { bits };
    let kinds = [rsa(2048), rsa(3072), rsa(4096), KeyKind::P256, KeyKind::P384, KeyKind::P521];
    let hashed = kinds.into_iter().flat_map(|kind| {
        HashAlgorithm::ALL.iter().map(move |hash| match kind {
            KeyKind::Rsa { .. } => (kind, SignatureScheme::RsaPkcs1(*hash)),
            _ => (kind, SignatureScheme::Ecdsa(*hash)),
        })
    });
    let root = Authority::root(EC, SHA256).await;
    let mut seen = 0;
    for (kind, scheme) in hashed.chain([(KeyKind::Ed25519, SignatureScheme::Ed25519)]) {
        let hash: Vec<String> = scheme.hash().iter().map(|hash| format!("-{}", hash.as_str().to_lowercase())).collect();
        let hash: Vec<&str> = hash.iter().map(String::as_str).collect();
        let extensions = "subjectAltName = DNS:www.example.com\nextendedKeyUsage = serverAuth";
        let pem = request(&folder, &format!("{kind}.pem"), &hash, "CN = www.example.com", extensions);
        let read = SigningRequest::from_pem(&pem).unwrap();
        assert_eq!((read.public_key().kind(), read.signature_scheme()), (kind, scheme));

        let certificate = root.certify(&template(&read).unwrap()).await;
        let complaint = folder.verify(&root.certificate, &[], &certificate, NOW + DAY);
        assert_eq!(complaint, None, "{kind} {scheme:?}");
        let keys = [filter(pem.as_bytes(), &["req", "-noout", "-pubkey"]), x509(certificate.der(), &["-pubkey"])];
        assert_eq!(keys[0], keys[1]);
        assert_eq!(read.public_key().to_pem().unwrap().replace("\r\n", "\n"), keys[0]);
        seen += 1;
    }
    assert_eq!(seen, 19);
}

#[tokio::test]
async fn requested_extensions_are_granted_except_the_authoritys_own() {
    let extensions = "subjectAltName = critical,DNS:*.example.com,IP:10.0.0.1,IP:2001:db8::1,email:a@example.com,\
         URI:https://example.com/,dirName:subject,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:upn@example.com\n\
         keyUsage = critical,nonRepudiation,keyAgreement,decipherOnly\n\
         extendedKeyUsage = critical,clientAuth,1.2.3.4.5\n\
         basicConstraints = critical,CA:TRUE,pathlen:3\n\
         subjectKeyIdentifier = DER:04:01:00\n\
         1.3.6.1.4.1.99999.7 = critical,ASN1:UTF8String:unknown\n\
         nameConstraints = critical,permitted;DNS:.example.com";
    let pem = request(&folder(), "key.pem", &[], "CN = a", extensions);
    let usages = KeyUsages::of(&[KeyUsage::NonRepudiation, KeyUsage::KeyAgreement, KeyUsage::DecipherOnly]);
    assert_eq!(SigningRequest::from_pem(&pem).unwrap().key_usages(), Some(usages));

    let certificate = certify(&pem).await;
    assert_eq!(extension(&certificate, "basicConstraints"), ["X509v3 Basic Constraints: critical", "CA:FALSE"]);
    assert_eq!(certificate.key_usages(), Some(usages));
    let purposes = ["X509v3 Extended Key Usage:", "TLS Web Client Authentication, 1.2.3.4.5"];
    assert_eq!(extension(&certificate, "extendedKeyUsage"), purposes);
    let names = "DNS:*.example.com, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, email:a@example.com, \
         URI:https://example.com/, DirName:/CN=a, othername: UPN::upn@example.com";
    assert_eq!(extension(&certificate, "subjectAltName"), ["X509v3 Subject Alternative Name:", names]);
    let text = x509(certificate.der(), &["-text"]);
    assert!(!text.contains("99999") && !text.contains("Name Constraints"), "{text}");
    assert_eq!(certificate.key_identifier().len(), 20);
}

#[tokio::test]
async fn key_usages_fall_back_to_the_default() {
    let folder = folder();
    for extensions in ["", "subjectAltName = DNS:a.example", "keyUsage = DER:03:02:07:00", "keyUsage = DER:03:01:00"] {
        let pem = request(&folder, "key.pem", &[], "CN = a", extensions);
        assert_eq!(SigningRequest::from_pem(&pem).unwrap().key_usages(), None, "{extensions}");
        assert_eq!(certify(&pem).await.key_usages(), Some(LEAF_USAGES));
    }
}

#[tokio::test]
async fn subjects_are_kept_byte_for_byte() {
    let folder = folder();
    let subjects = [
        "C = CN\nST = 四川\nL = 成都\nO = 示例科技有限公司\nOU = IT\nCN = 服务",
        "CN = first\nC = DE\n0.OU = one\n1.OU = two\n2.OU = three\n0.DC = example\n1.DC = com\nserialNumber = 7",
        "O = Example\nCN = multi\n+OU = valued\n+UID = user",
        "emailAddress = a@example.com\nstreet = Street 1\n1.2.3.4 = unknown\nCN = a",
    ];
    for subject in subjects {
        for mask in ["utf8only", "pkix", "default", "nombstr", "MASK:0x800"] {
            let multi_byte = subject.contains('四');
            if multi_byte && mask == "nombstr" {
                continue; // OpenSSL has no encoding left for Chinese.
            }
            let configuration = format!("{subject}\n");
            let pem = request_with_mask(&folder, mask, &configuration);
            let der = pem::decode_one(&pem, pem::CERTIFICATE_REQUEST).unwrap().1;
            let (_, requested) = X509CertificationRequest::from_der(&der).unwrap();
            let certificate = certify(&pem).await;
            let (_, issued) = X509Certificate::from_der(certificate.der()).unwrap();
            let wanted = requested.certification_request_info.subject.as_raw();
            assert_eq!(issued.subject().as_raw(), wanted, "{mask}: {subject}");
            let options = ["-subject", "-nameopt", "RFC2253,show_type"];
            let printed = filter(pem.as_bytes(), &[&["req", "-noout"], &options[..]].concat());
            assert_eq!(x509(certificate.der(), &options), printed);
        }
    }
}

#[tokio::test]
async fn an_authority_with_such_a_subject_links_to_what_it_issues() {
    let folder = folder();
    let subject = "C = CN\n0.OU = 一\n1.OU = Two\nUID = u\nCN = 名\n+O = 组织";
    let root = Authority::root(EC, SHA256).await;
    for mask in ["utf8only", "default"] {
        let read = SigningRequest::from_pem(&request_with_mask(&folder, mask, subject)).unwrap();
        let constraints = Constraints::Authority { path_length: Some(0) };
        let template = Template::from_request(&read, days(1000), constraints, KeyUsages::AUTHORITY).unwrap();
        let authority = Authority { certificate: root.certify(&template).await, key: key(Holder::Leaf, EC) };
        let leaf = authority.certify(&leaf(KeyAlgorithm::Ec384)).await;
        let complaint = folder.verify(&root.certificate, &[&authority.certificate], &leaf, NOW + DAY);
        assert_eq!(complaint, None, "{mask}");
        let raw = |certificate: &Certificate, issuer: bool| {
            let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
            let name = if issuer { parsed.issuer() } else { parsed.subject() };
            name.as_raw().to_vec()
        };
        assert_eq!(raw(&leaf, true), raw(&authority.certificate, false));
    }
}

#[tokio::test]
async fn points_are_whole_or_compressed_but_not_hybrid() {
    let folder = folder();
    for (form, accepted) in [("uncompressed", true), ("compressed", true), ("hybrid", false)] {
        let convert = ["ec", "-in", "key.pem", "-conv_form", form, "-out", "form.pem"];
        folder.openssl(&convert);
        let pem = request(&folder, "form.pem", &[], "CN = a", "");
        let read = SigningRequest::from_pem(&pem);
        assert_eq!(read.is_ok(), accepted, "{form}: {read:?}");
        if accepted {
            let printed =
                [filter(pem.as_bytes(), &["req", "-noout", "-pubkey"]), x509(certify(&pem).await.der(), &["-pubkey"])];
            assert_eq!(printed[0], printed[1]);
        }
    }
}

/// As [`request`], with OpenSSL's choice of string types: BMPString, T61String and so on.
fn request_with_mask(folder: &Folder, mask: &str, subject: &str) -> String {
    folder.write(
        "mask.cnf",
        format!(
            "[req]\nprompt = no\nutf8 = yes\nstring_mask = {mask}\ndistinguished_name = subject\n[subject]\n{subject}\n"
        ),
    );
    folder.openssl(&["req", "-new", "-config", "mask.cnf", "-key", "key.pem", "-out", "mask.pem"]);
    folder.read("mask.pem")
}

#[test]
fn the_api_shows_the_most_specific_attribute() {
    let folder = folder();
    for mask in ["utf8only", "pkix", "default"] {
        let pem = request_with_mask(&folder, mask, "C = CN\n0.OU = 一\n1.OU = 二\nST = S\nUID = u\nCN = 名\n+O = 组织");
        let shown = SigningRequest::from_pem(&pem).unwrap().distinguished_name();
        assert_eq!(shown.country.as_deref(), Some("CN"));
        assert_eq!(shown.state.as_deref(), Some("S"));
        assert_eq!(shown.locality, None);
        assert_eq!(shown.organization.as_deref(), Some("组织"), "{mask}");
        assert_eq!(shown.organizational_unit.as_deref(), Some("二"), "{mask}");
        assert_eq!(shown.common_name.as_deref(), Some("名"), "{mask}");
    }
    // Latin-1 in a T61String, as OpenSSL and others write it.
    let pem = request_with_mask(&folder, "MASK:0x4", "CN = Müller");
    let shown = SigningRequest::from_pem(&pem).unwrap().distinguished_name();
    assert_eq!(shown.common_name.as_deref(), Some("Müller"));
}

#[tokio::test]
async fn an_empty_subject_needs_an_alternative_name() {
    let folder = folder();
    let pem = request(&folder, "key.pem", &["-subj", "/"], "CN = a", "subjectAltName = DNS:www.example.com");
    let read = SigningRequest::from_pem(&pem).unwrap();
    assert!(read.has_empty_subject());
    let certificate = certify(&pem).await;
    let names = ["X509v3 Subject Alternative Name: critical", "DNS:www.example.com"];
    assert_eq!(extension(&certificate, "subjectAltName"), names);
    let root = Authority::root(EC, SHA256).await.certificate;
    assert_eq!(folder.verify(&root, &[], &certificate, NOW + DAY), None);

    let authority = Constraints::Authority { path_length: Some(0) };
    let refused = Template::from_request(&read, days(1), authority, KeyUsages::AUTHORITY);
    assert!(matches!(refused, Err(PkiError::Unfit(_))), "{refused:?}");

    for extensions in ["", "subjectAltName = DER:30:00", "keyUsage = digitalSignature"] {
        let pem = request(&folder, "key.pem", &["-subj", "/"], "CN = a", extensions);
        let refused = SigningRequest::from_pem(&pem);
        assert!(matches!(refused, Err(PkiError::Unfit(_))), "{extensions}: {refused:?}");
    }
}

#[tokio::test]
async fn only_an_authority_may_ask_to_sign_certificates() {
    let pem = request(&folder(), "key.pem", &[], "CN = a", "keyUsage = critical,keyCertSign,cRLSign");
    let read = SigningRequest::from_pem(&pem).unwrap();
    assert!(matches!(template(&read), Err(PkiError::Unfit(_))));
    let constraints = Constraints::Authority { path_length: Some(2) };
    let template = Template::from_request(&read, days(1), constraints, KeyUsages::AUTHORITY).unwrap();
    let certificate = Authority::root(EC, SHA256).await.certify(&template).await;
    assert_eq!(certificate.path_length(), Some(2));
    assert_eq!(certificate.key_usages(), Some(KeyUsages::of(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign])));
    assert!(certificate.can_issue());
}

#[test]
fn pem_is_read_however_it_is_broken() {
    let pem = request(&folder(), "key.pem", &["-newhdr"], "CN = a", "");
    assert!(pem.starts_with("-----BEGIN NEW CERTIFICATE REQUEST-----\n"));
    let usual = pem.replace("NEW CERTIFICATE", "CERTIFICATE");
    let variants = [
        pem.clone(),
        usual.clone(),
        usual.replace('\n', "\r\n"),
        usual.replace('\n', "\\n"),
        usual.replace('\n', "\\r\\n"),
        usual.replace('\n', "\n\n"),
        usual.replace('\n', " \r\n\t\r\n"),
        format!("\n\n{usual}\n\n"),
        format!("Certificate Request:\n    Data:\n{usual}"),
    ];
    for variant in variants {
        assert!(SigningRequest::from_pem(&variant).is_ok(), "{variant}");
    }
    let certificate = usual.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    for wrong in [certificate, format!("{usual}{usual}"), String::new(), "-----BEGIN CERTIFICATE REQUEST-----".into()] {
        assert!(matches!(SigningRequest::from_pem(&wrong), Err(PkiError::Malformed(_))), "{wrong}");
    }
}

#[test]
fn weak_and_unknown_algorithms_are_refused() {
    let folder = Folder::new();
    folder.write_key("RSA2048.pem", key(Holder::Leaf, KeyAlgorithm::Rsa2048));
    folder.write_key("EC256.pem", key(Holder::Leaf, EC));
    folder.openssl(&["genrsa", "-out", "RSA1024.pem", "1024"]);
    folder.openssl(&["genrsa", "-out", "RSA2047.pem", "2047"]);
    let parameters = ["-pkeyopt", "dsa_paramgen_bits:1024", "-pkeyopt", "dsa_paramgen_q_bits:160"];
    let dsa = ["genpkey", "-genparam", "-algorithm", "DSA", "-out", "DSA.param"];
    folder.openssl(&[&dsa[..], &parameters].concat());
    folder.openssl(&["genpkey", "-paramfile", "DSA.param", "-out", "DSA.pem"]);
    folder.openssl(&["genpkey", "-algorithm", "ed448", "-out", "ED448.pem"]);
    for curve in ["secp224r1", "secp256k1", "brainpoolP256r1"] {
        folder.openssl(&["ecparam", "-genkey", "-noout", "-name", curve, "-out", &format!("{curve}.pem")]);
    }
    let explicit =
        ["ecparam", "-genkey", "-noout", "-name", "prime256v1", "-param_enc", "explicit", "-out", "explicit.pem"];
    folder.openssl(&explicit);

    let refused = |key: &str, arguments: &[&str]| {
        let pem = request(&folder, &format!("{key}.pem"), arguments, "CN = a", "");
        SigningRequest::from_pem(&pem).expect_err(key)
    };
    for key in ["RSA1024", "RSA2047", "DSA", "ED448", "secp224r1", "secp256k1", "brainpoolP256r1", "explicit"] {
        let error = refused(key, &[]);
        assert!(matches!(error, PkiError::UnsupportedKey), "{key}: {error:?}");
    }
    for arguments in [&["-sha1"][..], &["-md5"], &["-sha224"], &["-sha3-256"], &["-sigopt", "rsa_padding_mode:pss"]] {
        let error = refused("RSA2048", arguments);
        assert!(matches!(error, PkiError::UnsupportedSignature), "{arguments:?}: {error:?}");
    }
    for hash in ["-sha1", "-sha224", "-sha3-256"] {
        let error = refused("EC256", &[hash]);
        assert!(matches!(error, PkiError::UnsupportedSignature), "{hash}: {error:?}");
    }
}

#[test]
fn alternative_names_that_are_none_are_refused() {
    let folder = folder();
    // Context-specific tags of GeneralName (RFC 5280 §4.2.1.6).
    let (email, dns, uri, address) = (0x81, 0x82, 0x86, 0x87);
    let names: [(u8, &[u8]); 16] = [
        (dns, b""),
        (dns, b" "),
        (dns, b" www.example.com"),
        (dns, b"www.example.com "),
        (dns, b"www.example.com\n"),
        (dns, b"www.example.com\0.evil.example"),
        (dns, b"a b"),
        (dns, b"-a.example"),
        (dns, b"w*w.example.com"),
        (dns, b"\xe4.example"),
        (email, b"no address"),
        (email, b"a@example.com "),
        (uri, b"relative/path"),
        (uri, b" https://example.com/"),
        (address, &[127, 0, 0]),
        (address, &[127, 0, 0, 1, 255, 255, 255, 0]),
    ];
    for (tag, value) in names {
        let name = [&[tag, value.len() as u8], value].concat();
        let extension =
            format!("subjectAltName = DER:{}", hex::encode([&[0x30, name.len() as u8], &name[..]].concat()));
        let pem = request(&folder, "key.pem", &[], "CN = a", &extension);
        assert!(SigningRequest::from_pem(&pem).is_err(), "{tag:#x} {:?}", String::from_utf8_lossy(value));
    }
}

#[test]
fn who_answers_for_the_authority_is_not_up_to_requesters() {
    for purposes in ["OCSPSigning", "serverAuth,OCSPSigning"] {
        let pem = request(&folder(), "key.pem", &[], "CN = a", &format!("extendedKeyUsage = {purposes}"));
        let read = SigningRequest::from_pem(&pem).unwrap();
        for constraints in [Constraints::EndEntity, Constraints::Authority { path_length: None }] {
            let refused = Template::from_request(&read, days(365), constraints, LEAF_USAGES);
            let expected = "OCSPSigning is for the authority's own responders only";
            assert!(matches!(refused, Err(PkiError::Unfit(reason)) if reason == expected));
        }
    }
}
