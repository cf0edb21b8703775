//! Every key and hash of an issuer with every key of a leaf.

use openccm_core::{HashAlgorithm, KeyAlgorithm};
use openccm_pki::Certificate;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use crate::{
    authorities::{Authority, DAY, LEAF_NAME, NOW, leaf, read},
    openssl::Folder,
};

/// Issuer keys and hashes whose signatures webpki cannot verify. None since its version 0.103 with aws-lc-rs; a
/// combination that webpki drops or lacks has to be named here.
const UNKNOWN_TO_WEBPKI: &[(KeyAlgorithm, HashAlgorithm)] = &[];

#[tokio::test]
async fn openssl_and_webpki_accept_every_combination() {
    let folder = Folder::new();
    let mut unknown = Vec::new();
    let mut accepted = 0;
    for issuer_key in KeyAlgorithm::ALL.iter().copied() {
        for hash in HashAlgorithm::ALL.iter().copied() {
            let root = Authority::root(issuer_key, hash).await;
            let subordinate = root.subordinate(issuer_key, hash, Some(0)).await.unwrap();
            for leaf_key in KeyAlgorithm::ALL.iter().copied() {
                let what = format!("{issuer_key} with {hash} for {leaf_key}");
                let leaf = read(&subordinate.issue(&leaf(leaf_key), hash).await.unwrap());
                let path = [&root.certificate, &subordinate.certificate];
                let complaint = folder.verify(path[0], &path[1..], &leaf, NOW + DAY);
                assert_eq!(complaint, None, "{what}");
                match webpki_verify(path[0], path[1], &leaf) {
                    Ok(()) => accepted += 1,
                    Err(Error::UnsupportedSignatureAlgorithmContext(_)) => unknown.push((issuer_key, hash)),
                    Err(error) => panic!("{what}: {error:?}"),
                }
            }
        }
    }
    unknown.dedup();
    assert_eq!(unknown, UNKNOWN_TO_WEBPKI);
    assert_eq!(accepted, (15 - UNKNOWN_TO_WEBPKI.len()) * 5);
}

#[tokio::test]
async fn the_judges_do_refuse() {
    let root = Authority::root(KeyAlgorithm::Ec256, HashAlgorithm::Sha256).await;
    let subordinate = root.subordinate(KeyAlgorithm::Ec256, HashAlgorithm::Sha256, Some(0)).await.unwrap();
    let leaf = subordinate.certify(&leaf(KeyAlgorithm::Ec256)).await;
    let mut damaged = leaf.der().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let damaged = Certificate::from_der(&damaged).unwrap();
    let folder = Folder::new();
    let between = [&subordinate.certificate];
    assert!(folder.verify(&root.certificate, &between, &damaged, NOW + DAY).is_some());
    assert!(folder.verify(&root.certificate, &between, &leaf, NOW + 366 * DAY).is_some());
    assert!(webpki_verify(&root.certificate, &subordinate.certificate, &damaged).is_err());
    assert!(damaged.verify_issued_by(&subordinate.certificate).is_err());
}

fn webpki_verify(root: &Certificate, subordinate: &Certificate, leaf: &Certificate) -> Result<(), Error> {
    let [root, subordinate, leaf] =
        [root, subordinate, leaf].map(|certificate| CertificateDer::from(certificate.der()));
    let anchors = [anchor_from_trusted_cert(&root)?];
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs((NOW + DAY).unsigned_abs()));
    let leaf = EndEntityCert::try_from(&leaf)?;
    let between = [subordinate];
    leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &between, now, KeyUsage::server_auth(), None, None)?;
    leaf.verify_is_valid_for_subject_name(&ServerName::try_from(LEAF_NAME).unwrap())
}
