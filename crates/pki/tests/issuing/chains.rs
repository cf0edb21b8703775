//! Chains: put in order, and verified.

use openccm_core::{HashAlgorithm, KeyAlgorithm, KeyUsages, Period};
use openccm_pki::{
    Certificate, Constraints, PkiError, PrivateKey, Signer, Template, complete_chain, issue, pem, verify_path,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{
    authorities::{Authority, DAY, Holder, NOW, SHA256, days, key, leaf, name, read},
    hostile_requests::{position, tagged},
    openssl::Folder,
    own_requests::{SUBORDINATE, foreign_authority, request, sign},
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;

/// An authority of this name with a key of its own, signed by `issuer` or by itself.
async fn authority(common_name: &str, issuer: Option<(&Certificate, &PrivateKey)>) -> (Certificate, PrivateKey) {
    let key = PrivateKey::generate(EC).unwrap();
    let constraints = Constraints::Authority { path_length: None };
    let usages = KeyUsages::AUTHORITY;
    let template =
        Template::new(&name(common_name), key.public_key().clone(), days(3650), constraints, usages).unwrap();
    let issued =
        issue(&template, issuer.map(|(certificate, _)| certificate), issuer.map_or(&key, |(_, key)| key), SHA256);
    (read(&issued.await.unwrap()), key)
}

/// A leaf, and its chain: two subordinates and a root.
async fn path() -> (Certificate, Vec<Certificate>) {
    let (root, root_key) = authority("root", None).await;
    let (upper, upper_key) = authority("upper", Some((&root, &root_key))).await;
    let (lower, lower_key) = authority("lower", Some((&upper, &upper_key))).await;
    let leaf = read(&issue(&leaf(EC), Some(&lower), &lower_key, SHA256).await.unwrap());
    (leaf, vec![lower, upper, root])
}

fn ders(chain: &[Certificate]) -> Vec<&[u8]> {
    chain.iter().map(Certificate::der).collect()
}

/// The reason of a refusal.
fn reason<T: std::fmt::Debug>(result: Result<T, PkiError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_pool_in_any_order_becomes_the_chain() {
    let (leaf, chain) = path().await;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let pool: Vec<Certificate> = order.iter().map(|index: &usize| chain[*index].clone()).collect();
        assert_eq!(ders(&complete_chain(&leaf, pool.clone()).unwrap()), ders(&chain));
        for at in 0..=3 {
            let mut with_itself = pool.clone();
            with_itself.insert(at, leaf.clone());
            let text = pem::encode_all(pem::CERTIFICATE, ders(&with_itself));
            let from_text = Certificate::all_from_pem(&text).unwrap();
            assert_eq!(ders(&complete_chain(&leaf, from_text).unwrap()), ders(&chain));
        }
    }
    assert_eq!(ders(&complete_chain(&chain[0], chain[1..].to_vec()).unwrap()), ders(&chain[1..]));
}

#[tokio::test]
async fn a_pool_with_one_too_few_or_too_many_is_refused() {
    let (leaf, chain) = path().await;
    for missing in 0..3 {
        let mut pool = chain.clone();
        pool.remove(missing);
        assert_eq!(reason(complete_chain(&leaf, pool)), "the chain is incomplete: a certificate without its issuer");
    }
    assert!(complete_chain(&leaf, vec![]).is_err());
    assert!(complete_chain(&leaf, vec![leaf.clone()]).is_err());
    assert!(complete_chain(&chain[2], vec![chain[2].clone()]).is_err(), "a root has no chain");

    let (foreign_leaf, foreign_chain) = path().await;
    for foreign in foreign_chain.iter().chain([&foreign_leaf]) {
        for at in 0..=3 {
            let mut pool = chain.clone();
            pool.insert(at, foreign.clone());
            // The foreign ones have the same names, but other keys.
            let reason = reason(complete_chain(&leaf, pool));
            assert_eq!(reason, "the chain holds certificates that do not belong to it");
        }
    }
    assert!(complete_chain(&leaf, foreign_chain).is_err());
}

#[tokio::test]
async fn a_self_issued_certificate_is_not_yet_a_root() {
    let (old, old_key) = authority("CA", None).await;
    let (new, new_key) = authority("CA", Some((&old, &old_key))).await;
    assert!(new.is_self_issued() && !new.is_root());
    assert!(old.is_self_issued() && old.is_root());
    let leaf = read(&issue(&leaf(EC), Some(&new), &new_key, SHA256).await.unwrap());
    let chain = [new.clone(), old.clone()];
    for pool in [vec![new.clone(), old.clone()], vec![old, new.clone()]] {
        assert_eq!(ders(&complete_chain(&leaf, pool).unwrap()), ders(&chain));
    }
    assert!(complete_chain(&leaf, vec![new.clone()]).is_err());
    verify_path(&leaf, &chain, days(1)).unwrap();
    assert_eq!(reason(verify_path(&leaf, &[new], days(1))), "the chain does not end in a root");
}

#[tokio::test]
async fn a_chain_has_an_end() {
    let (mut last, mut last_key) = authority("0", None).await;
    let mut pool = vec![last.clone()];
    for index in 1..18 {
        (last, last_key) = authority(&index.to_string(), Some((&last, &last_key))).await;
        pool.push(last.clone());
    }
    let sixteen = complete_chain(&pool[16], pool[..16].to_vec()).unwrap();
    assert_eq!(sixteen.len(), 16);
    let refused = complete_chain(&pool[17], pool[..17].to_vec());
    assert_eq!(reason(refused), "the chain has more than 16 certificates");

    // Two authorities that signed each other, and no root.
    let (one, one_key) = authority("one", None).await;
    let (two, two_key) = authority("two", Some((&one, &one_key))).await;
    let template = Template::new(
        &name("one"),
        one_key.public_key().clone(),
        days(3650),
        Constraints::Authority { path_length: None },
        KeyUsages::AUTHORITY,
    );
    let cross = read(&issue(&template.unwrap(), Some(&two), &two_key, SHA256).await.unwrap());
    let leaf = read(&issue(&leaf(EC), Some(&two), &two_key, SHA256).await.unwrap());
    assert!(complete_chain(&leaf, vec![two, cross]).is_err());
}

#[tokio::test]
async fn roots_signed_with_sha1_are_still_roots_but_nothing_else_may_be() {
    let folder = Folder::new();
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-keyout", "root.key", "-out", "root.pem"];
    folder.openssl(&[&make[..], &["-subj", "/CN=Old", "-sha1"]].concat());
    let root = Certificate::all_from_pem(&folder.read("root.pem")).unwrap().remove(0);
    assert_eq!(root.signature_scheme(), None);
    let key = key(Holder::Subordinate, EC);
    let subordinate = sign(&folder, &request(key, SHA256).await, "root", SUBORDINATE);
    let chain = complete_chain(&subordinate, vec![root.clone()]).unwrap();
    verify_path(&subordinate, &chain, moment(&subordinate)).unwrap();

    let weak =
        ["x509", "-req", "-in", "request.pem", "-CA", "root.pem", "-CAkey", "root.key", "-sha1", "-out", "weak.pem"];
    folder.openssl(&[&weak[..], &["-CAcreateserial"]].concat());
    let weak = Certificate::all_from_pem(&folder.read("weak.pem")).unwrap().remove(0);
    assert!(matches!(weak.verify_issued_by(&root), Err(PkiError::UnsupportedSignature)));
    assert!(complete_chain(&weak, vec![root]).is_err());
}

#[tokio::test]
async fn a_path_is_in_order_and_ends_in_a_root() {
    let (leaf, chain) = path().await;
    verify_path(&leaf, &chain, leaf.period()).unwrap();
    verify_path(&chain[2], &[], days(1)).unwrap();
    let [lower, upper, root] = [0, 1, 2].map(|index| chain[index].clone());
    let not_next = "its issuer is not the subject of the next certificate";
    for (chain, expected) in [
        (vec![], "the chain does not end in a root"),
        (vec![lower.clone()], "the chain does not end in a root"),
        (vec![lower.clone(), upper.clone()], "the chain does not end in a root"),
        (vec![upper.clone(), lower.clone(), root.clone()], not_next),
        (vec![lower.clone(), root.clone()], not_next),
        (vec![root.clone()], not_next),
        (vec![lower, upper, path().await.1[2].clone()], "the signature does not verify"),
    ] {
        assert_eq!(reason(verify_path(&leaf, &chain, days(1))), expected);
    }
}

#[tokio::test]
async fn a_path_is_valid_throughout() {
    let (leaf, chain) = path().await;
    let (start, end) = (NOW, NOW + 365 * DAY);
    let verify = |not_before, not_after| verify_path(&leaf, &chain, Period { not_before, not_after });
    verify(start, end).unwrap();
    verify(start, start).unwrap();
    verify(end, end).unwrap();
    for (not_before, not_after) in [(start - 1, start), (end, end + 1), (end + 1, end + 1), (0, i64::MAX)] {
        assert_eq!(reason(verify(not_before, not_after)), "a certificate of the path is not valid at that time");
    }
    // The leaf's issuer is valid longer than the leaf; a root that is not gives the same answer.
    let folder = Folder::new();
    foreign_authority(&folder, 0);
    let root = Certificate::all_from_pem(&folder.read("root.pem")).unwrap();
    let long = sign_for_days(&folder, "5000").await;
    let after_root = Period { not_before: root[0].period().not_after + 1, not_after: root[0].period().not_after + 1 };
    assert!(after_root.is_inside(long.period()));
    assert_eq!(reason(verify_path(&long, &root, after_root)), "a certificate of the path is not valid at that time");
    verify_path(&long, &root, Period { not_after: root[0].period().not_after, ..long.period() }).unwrap();
}

/// A leaf of the foreign authority that is valid for so many days.
async fn sign_for_days(folder: &Folder, days: &str) -> Certificate {
    folder.write("request.pem", request(key(Holder::Leaf, EC), SHA256).await);
    folder.openssl(&[
        "x509",
        "-req",
        "-in",
        "request.pem",
        "-CA",
        "root.pem",
        "-CAkey",
        "root.key",
        "-CAcreateserial",
        "-days",
        days,
        "-out",
        "long.pem",
    ]);
    Certificate::all_from_pem(&folder.read("long.pem")).unwrap().remove(0)
}

#[tokio::test]
async fn a_path_length_that_is_exceeded() {
    let leaf_extensions = "basicConstraints=critical,CA:FALSE\n";
    for (path_length, fits) in [(0, false), (1, true)] {
        let folder = Folder::new();
        foreign_authority(&folder, path_length);
        let root = Certificate::all_from_pem(&folder.read("root.pem")).unwrap().remove(0);
        let subordinate = sign(&folder, &request(key(Holder::Subordinate, EC), SHA256).await, "root", SUBORDINATE);
        folder.write("sub.pem", subordinate.pem());
        folder.write_key("sub.key", key(Holder::Subordinate, EC));
        let leaf = sign(&folder, &request(key(Holder::Leaf, EC), SHA256).await, "sub", leaf_extensions);
        let direct = sign(&folder, &request(key(Holder::Leaf, EC), SHA256).await, "root", leaf_extensions);
        let chain = [subordinate.clone(), root.clone()];
        let expected = (!fits).then(|| "the chain is longer than a path length constraint allows".to_owned());
        for result in [verify_path(&leaf, &chain, moment(&leaf)), verify_path(&subordinate, &chain[1..], moment(&leaf))]
        {
            assert_eq!(result.err().map(|error| error.to_string()), expected, "{path_length}");
        }
        assert_eq!(folder.verify(&root, &[&subordinate], &leaf, moment(&leaf).not_before).is_none(), fits);
        verify_path(&direct, &[root], moment(&direct)).unwrap();
    }
}

fn moment(certificate: &Certificate) -> Period {
    let start = certificate.period().not_before;
    Period { not_before: start, not_after: start }
}

#[tokio::test]
async fn an_issuer_without_the_ca_bit_or_the_key_usage() {
    for extensions in [
        "basicConstraints=critical,CA:FALSE\n",
        "subjectKeyIdentifier=hash\n",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign,digitalSignature\n",
    ] {
        let folder = Folder::new();
        foreign_authority(&folder, 5);
        let root = Certificate::all_from_pem(&folder.read("root.pem")).unwrap().remove(0);
        let middle = sign(&folder, &request(key(Holder::Subordinate, EC), SHA256).await, "root", extensions);
        assert!(!middle.can_issue());
        folder.write("middle.pem", middle.pem());
        folder.write_key("middle.key", key(Holder::Subordinate, EC));
        let leaf =
            sign(&folder, &request(key(Holder::Leaf, EC), SHA256).await, "middle", "basicConstraints=CA:FALSE\n");
        let result = verify_path(&leaf, &[middle.clone(), root.clone()], moment(&leaf));
        assert_eq!(reason(result), "its issuer may not sign certificates", "{extensions}");
        assert!(complete_chain(&leaf, vec![middle, root]).is_err());
    }
}

#[tokio::test]
async fn a_certificate_that_names_two_signature_algorithms() {
    let root = Authority::root(KeyAlgorithm::Rsa2048, SHA256).await;
    let leaf = root.issue(&leaf(EC), HashAlgorithm::Sha384).await.unwrap();
    let to_be_signed = X509Certificate::from_der(&leaf.der).unwrap().1.tbs_certificate.as_ref().to_vec();
    // Signed with SHA-256 and saying so outside, where the signed part says SHA-384.
    let signature = root.key.sign(SHA256, to_be_signed.clone()).await.unwrap();
    let algorithm = tagged(0x30, &hex::decode("06092a864886f70d01010b0500").unwrap());
    let content = [to_be_signed, algorithm, tagged(3, &[&[0], &signature[..]].concat())].concat();
    let mixed = Certificate::from_der(&tagged(0x30, &content)).unwrap();
    assert_eq!(reason(mixed.verify_issued_by(&root.certificate)), "it names two signature algorithms");
    read(&leaf).verify_issued_by(&root.certificate).unwrap();
}

#[tokio::test]
async fn any_bit_of_a_certificate() {
    let root = Authority::root(EC, SHA256).await;
    let good = root.certify(&leaf(EC)).await.der().to_vec();
    for bit in 0..good.len() * 8 {
        let mut der = good.clone();
        der[bit / 8] ^= 1 << (bit % 8);
        let verified = Certificate::from_der(&der).and_then(|changed| changed.verify_issued_by(&root.certificate));
        assert!(verified.is_err(), "bit {} of byte {}", bit % 8, bit / 8);
    }
    for length in 0..good.len() {
        assert!(Certificate::from_der(&good[..length]).is_err());
    }
    assert!(Certificate::from_der(&[&good[..], &[0]].concat()).is_err());
}

#[test]
fn names_out_of_order_are_refused() {
    let folder = Folder::new();
    let make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", "key.pem"];
    folder.openssl(&[&make[..], &["-outform", "DER", "-out", "root.der", "-subj", "/O=ab+CN=x"]].concat());
    let mut der = std::fs::read(folder.path().join("root.der")).unwrap();
    Certificate::from_der(&der).unwrap();
    // CN of 10 bytes, then O of 11; first in the issuer, then in the subject.
    for _ in 0..2 {
        let set = position(&der, &[0x31, 21, 0x30, 8]);
        der[set + 2..set + 23].rotate_left(10);
        assert!(matches!(Certificate::from_der(&der), Err(PkiError::Malformed(_))));
    }
}
