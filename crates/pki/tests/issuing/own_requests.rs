//! The requests with which our authorities ask others for a certificate, and the certificates that come back.

use openccm_core::{DistinguishedName, HashAlgorithm, KeyAlgorithm, KeyUsage, KeyUsages};
use openccm_pki::{
    Certificate, PrivateKey, Signer, SigningRequest, complete_chain, make_signing_request, pem, verify_path,
};

use crate::{
    authorities::{Authority, Holder, SHA256, key, leaf_during, name},
    openssl::{Folder, filter},
};

/// A subordinate's extensions, as a foreign authority would set them.
pub(crate) const SUBORDINATE: &str = "basicConstraints=critical,CA:TRUE,pathlen:0\n\
     keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n";

/// Makes a foreign authority with OpenSSL, its key and root in `root.key` and `root.pem`.
pub(crate) fn foreign_authority(folder: &Folder, path_length: u8) {
    let constraints = format!("basicConstraints=critical,CA:TRUE,pathlen:{path_length}");
    folder.openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-noenc",
        "-keyout",
        "root.key",
        "-out",
        "root.pem",
        "-days",
        "3650",
        "-subj",
        "/O=Foreign/OU=One/OU=Two/CN=Root",
        "-addext",
        &constraints,
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    ]);
}

/// Has OpenSSL sign `request` with `extensions` under `issuer` (the files `issuer.pem` and `issuer.key`), and gives the
/// certificate, which is in `signed.pem`, too.
pub(crate) fn sign(folder: &Folder, request: &str, issuer: &str, extensions: &str) -> Certificate {
    folder.write("request.pem", request);
    folder.write("extensions", extensions);
    let (certificate, key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
    folder.openssl(&[
        "x509",
        "-req",
        "-in",
        "request.pem",
        "-CA",
        &certificate,
        "-CAkey",
        &key,
        "-CAcreateserial",
        "-days",
        "365",
        "-extfile",
        "extensions",
        "-sha384",
        "-out",
        "signed.pem",
    ]);
    Certificate::all_from_pem(&folder.read("signed.pem")).unwrap().remove(0)
}

pub(crate) async fn request(key: &PrivateKey, hash: HashAlgorithm) -> String {
    make_signing_request(&name("下级 CA"), KeyUsages::AUTHORITY, key, hash).await.unwrap()
}

#[tokio::test]
async fn openssl_verifies_and_shows_them() {
    for algorithm in KeyAlgorithm::ALL.iter().copied() {
        for hash in HashAlgorithm::ALL.iter().copied() {
            let key = key(Holder::Subordinate, algorithm);
            let request = request(key, hash).await;
            assert_eq!(request.matches('\n').count(), request.matches("\r\n").count());
            assert!(request.ends_with("\r\n-----END CERTIFICATE REQUEST-----"));
            let options = ["-noout", "-verify", "-subject", "-text", "-nameopt", "sep_comma_plus,sname,show_type,utf8"];
            let shown = filter(request.as_bytes(), &[&["req"], &options[..]].concat());
            let hash_name = hash.as_str().to_lowercase();
            let signed_with =
                if algorithm.is_rsa() { format!("{hash_name}WithRSAEncryption") } else { format!("ecdsa-with-{hash}") };
            for part in [
                "Certificate request self-signature verify OK\n",
                "subject=C=PRINTABLESTRING:CN,ST=UTF8STRING:四川,L=UTF8STRING:成都,O=UTF8STRING:示例科技有限公司,\
                 OU=UTF8STRING:IT,CN=UTF8STRING:下级 CA\n",
                "Version: 1 (0x0)",
                "X509v3 Basic Constraints: critical\n                    CA:TRUE\n",
                "X509v3 Key Usage: critical\n                    Digital Signature, Certificate Sign, CRL Sign\n",
                &format!("Signature Algorithm: {signed_with}\n"),
            ] {
                assert!(shown.contains(part), "{algorithm} {hash}: {part}\n{shown}");
            }
            assert_eq!(filter(request.as_bytes(), &["req", "-noout", "-pubkey"]), public_key(key));

            let read = SigningRequest::from_pem(&request).unwrap();
            assert_eq!(read.key_usages(), Some(KeyUsages::AUTHORITY));
            assert_eq!(read.distinguished_name(), name("下级 CA"));
            assert_eq!(read.public_key(), key.public_key());
            assert_eq!(read.signature_scheme().hash(), Some(hash));
        }
    }
}

fn public_key(key: &PrivateKey) -> String {
    key.public_key().to_pem().unwrap().replace("\r\n", "\n")
}

#[tokio::test]
async fn without_key_usages_none_are_requested() {
    let key = key(Holder::Subordinate, KeyAlgorithm::Ec256);
    let request = make_signing_request(&name("a"), KeyUsages::default(), key, SHA256).await.unwrap();
    let shown = filter(request.as_bytes(), &["req", "-noout", "-text"]);
    assert!(shown.contains("X509v3 Basic Constraints: critical") && !shown.contains("Key Usage"), "{shown}");
    let one = KeyUsages::of(&[KeyUsage::KeyCertSign]);
    let request = make_signing_request(&name("a"), one, key, SHA256).await.unwrap();
    let shown = filter(request.as_bytes(), &["req", "-noout", "-text"]);
    assert!(shown.contains("X509v3 Key Usage: critical\n                    Certificate Sign\n"), "{shown}");
}

#[tokio::test]
async fn an_authority_without_a_name_cannot_ask() {
    let key = key(Holder::Subordinate, KeyAlgorithm::Ec256);
    let nameless = DistinguishedName::default();
    assert!(make_signing_request(&nameless, KeyUsages::AUTHORITY, key, SHA256).await.is_err());
}

#[tokio::test]
async fn a_foreign_authority_signs_and_we_issue_below_it() {
    for algorithm in KeyAlgorithm::ALL.iter().copied() {
        let folder = Folder::new();
        foreign_authority(&folder, 1);
        let key = key(Holder::Subordinate, algorithm);
        let subordinate = sign(&folder, &request(key, SHA256).await, "root", SUBORDINATE);
        assert_eq!(subordinate.distinguished_name(), name("下级 CA"));
        assert_eq!(subordinate.public_key(), key.public_key());
        assert!(subordinate.can_issue());
        assert_eq!(subordinate.path_length(), Some(0));

        let pool = Certificate::all_from_pem(&format!("{}\n{}", folder.read("root.pem"), folder.read("signed.pem")));
        let chain = complete_chain(&subordinate, pool.unwrap()).unwrap();
        assert_eq!(chain.len(), 1);
        assert!(chain[0].is_root());
        verify_path(&subordinate, &chain, subordinate.period()).unwrap();
        assert_eq!(pem::decode_all(&folder.read("root.pem"), pem::CERTIFICATE).unwrap(), [chain[0].der()]);

        // The foreign authority lives in the real time of the openssl command.
        let authority = Authority { certificate: subordinate, key };
        let template = leaf_during(KeyAlgorithm::Ec256, authority.certificate.period());
        let leaf = authority.certify(&template).await;
        let noon = leaf.period().not_before + 3600;
        assert_eq!(folder.verify(&chain[0], &[&authority.certificate], &leaf, noon), None, "{algorithm}");
        let path = [authority.certificate, chain[0].clone()];
        verify_path(&leaf, &path, leaf.period()).unwrap();
    }
}
