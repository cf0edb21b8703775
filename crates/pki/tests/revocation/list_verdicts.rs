//! What OpenSSL and rustls-webpki make of certificates by our lists.

use std::time::Duration;

use openccm_core::{HashAlgorithm, KeyAlgorithm, RevocationReason};
use openccm_pki::{Certificate, Crl, pem};
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error, KeyUsage,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

use crate::{
    authorities::{Authority, DAY, NOW, SHA256, leaf},
    lists::{CRL_LABEL, entry, list, partition, revoked, template, try_list},
    openssl::Folder,
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;
const PARTITION: &str = "http://crl.example.com/pca/3.crl";

/// A path of a root, an authority below it and a leaf, and the lists that a client has.
struct Client<'a> {
    root: &'a Certificate,
    between: &'a Certificate,
    leaf: &'a Certificate,
    lists: Vec<&'a [u8]>,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Revoked,
    NoList,
}

impl Client<'_> {
    /// What both judges say about the leaf at [`NOW`] and a day, with lists demanded for the leaf or, `all`, the path.
    fn verdict(&self, all: bool) -> Verdict {
        let openssl = self.openssl(all);
        assert_eq!(self.webpki(all), openssl);
        openssl
    }

    fn openssl(&self, all: bool) -> Verdict {
        let folder = Folder::new();
        folder.write_certificates("root.pem", &[self.root]);
        folder.write_certificates("between.pem", &[self.between]);
        folder.write_certificates("leaf.pem", &[self.leaf]);
        folder.write("lists.pem", pem::encode_all(CRL_LABEL, &self.lists));
        let at = (NOW + DAY).to_string();
        let check = if all { "-crl_check_all" } else { "-crl_check" };
        let mut arguments = vec!["verify", "-x509_strict", check, "-attime", &at, "-CAfile", "root.pem"];
        arguments.extend(["-untrusted", "between.pem", "-CRLfile", "lists.pem", "leaf.pem"]);
        match folder.try_openssl(&arguments) {
            Ok(_) => Verdict::Accepted,
            Err(printed) if printed.contains("error 23 at") => Verdict::Revoked,
            // Unable to get the list; a list of another scope.
            Err(printed) if printed.contains("error 3 at") || printed.contains("error 44 at") => Verdict::NoList,
            Err(printed) => panic!("{printed}"),
        }
    }

    fn webpki(&self, all: bool) -> Verdict {
        let lists: Vec<CertRevocationList<'_>> =
            self.lists.iter().map(|der| BorrowedCertRevocationList::from_der(der).unwrap().into()).collect();
        let lists: Vec<&CertRevocationList<'_>> = lists.iter().collect();
        let depth = if all { RevocationCheckDepth::Chain } else { RevocationCheckDepth::EndEntity };
        let revocation = RevocationOptionsBuilder::new(&lists)
            .unwrap()
            .with_depth(depth)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .build();
        let [root, between, leaf] =
            [self.root, self.between, self.leaf].map(|certificate| CertificateDer::from(certificate.der()));
        let anchors = [anchor_from_trusted_cert(&root).unwrap()];
        let now = UnixTime::since_unix_epoch(Duration::from_secs((NOW + DAY).unsigned_abs()));
        let (between, usage) = ([between], KeyUsage::server_auth());
        let leaf = EndEntityCert::try_from(&leaf).unwrap();
        match leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &between, now, usage, Some(revocation), None) {
            Ok(_) => Verdict::Accepted,
            Err(Error::CertRevoked) => Verdict::Revoked,
            Err(Error::UnknownRevocationStatus) => Verdict::NoList,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// A root, an authority below it, and a leaf of that.
async fn path(algorithm: KeyAlgorithm, hash: HashAlgorithm) -> (Authority, Authority, Certificate) {
    let root = Authority::root(algorithm, hash).await;
    let between = root.subordinate(algorithm, hash, Some(0)).await.unwrap();
    let leaf = between.certify(&leaf(EC)).await;
    (root, between, leaf)
}

#[tokio::test]
async fn lists_of_every_key_and_hash_are_believed() {
    let folder = Folder::new();
    for algorithm in KeyAlgorithm::ALL.iter().copied() {
        for hash in HashAlgorithm::ALL.iter().copied() {
            let what = format!("{algorithm} with {hash}");
            let (root, between, leaf) = path(algorithm, hash).await;
            let empty = try_list(&between, &template(), &[], hash).await.unwrap();
            let with_leaf = [revoked(&leaf, RevocationReason::KeyCompromise)];
            let with_leaf = try_list(&between, &template(), &with_leaf, hash).await.unwrap();
            folder.write_certificates("issuer.pem", &[&between.certificate]);
            for (der, expected) in [(&empty, Verdict::Accepted), (&with_leaf, Verdict::Revoked)] {
                folder.write("list.der", der);
                let arguments = ["crl", "-inform", "DER", "-in", "list.der", "-noout", "-CAfile", "issuer.pem"];
                assert!(folder.openssl(&[&arguments[..], &["-verify"]].concat()).contains("verify OK"), "{what}");
                let (root, between) = (&root.certificate, &between.certificate);
                let client = Client { root, between, leaf: &leaf, lists: vec![der] };
                assert_eq!(client.verdict(false), expected, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn every_reason_revokes_and_other_certificates_stay_good() {
    let (root, between, leaf) = path(EC, SHA256).await;
    let other = between.certify(&crate::authorities::leaf(EC)).await;
    for reason in RevocationReason::ALL.iter().copied() {
        let der = list(&between, &[entry("01", reason), revoked(&leaf, reason)]).await;
        let (root, between) = (&root.certificate, &between.certificate);
        let verdict = |leaf| Client { root, between, leaf, lists: vec![&der] }.verdict(false);
        assert_eq!(verdict(&leaf), Verdict::Revoked, "{reason}");
        assert_eq!(verdict(&other), Verdict::Accepted, "{reason}");
    }
}

#[tokio::test]
async fn revoked_authorities_are_in_the_list_of_the_one_above() {
    let (root, between, leaf) = path(EC, SHA256).await;
    let below = list(&between, &[]).await;
    let good = list(&root, &[]).await;
    let bad = list(&root, &[revoked(&between.certificate, RevocationReason::CaCompromise)]).await;
    for (above, expected) in [(&good, Verdict::Accepted), (&bad, Verdict::Revoked)] {
        let (root, between) = (&root.certificate, &between.certificate);
        let client = Client { root, between, leaf: &leaf, lists: vec![&below, above] };
        assert_eq!(client.verdict(true), expected);
        let one_missing = Client { lists: vec![above], ..client };
        assert_eq!(one_missing.verdict(false), Verdict::NoList);
    }
}

#[tokio::test]
async fn a_partition_is_believed_by_certificates_that_name_it_alone() {
    let (root, between, _) = path(EC, SHA256).await;
    let of = |address: &str| leaf(EC).revocation_addresses(Some(address.into()), None);
    let inside = between.certify(&of(PARTITION)).await;
    let outside = between.certify(&of("http://crl.example.com/pca/4.crl")).await;
    let empty = try_list(&between, &partition(PARTITION), &[], SHA256).await.unwrap();
    let entries = [&inside, &outside].map(|leaf| revoked(leaf, RevocationReason::Superseded));
    let full = try_list(&between, &partition(PARTITION), &entries, SHA256).await.unwrap();
    for (der, leaf, expected) in [
        (&empty, &inside, Verdict::Accepted),
        (&full, &inside, Verdict::Revoked),
        (&empty, &outside, Verdict::NoList),
        (&full, &outside, Verdict::NoList),
    ] {
        let client = Client { root: &root.certificate, between: &between.certificate, leaf, lists: vec![der] };
        assert_eq!(client.verdict(false), expected);
    }
    // A complete list is about every certificate, whatever its distribution point.
    let complete = list(&between, &entries[..1]).await;
    for (leaf, expected) in [(&inside, Verdict::Revoked), (&outside, Verdict::Accepted)] {
        let client = Client { root: &root.certificate, between: &between.certificate, leaf, lists: vec![&complete] };
        assert_eq!(client.verdict(false), expected);
    }
}

#[tokio::test]
async fn a_list_of_another_authority_says_nothing() {
    let (root, between, leaf) = path(EC, SHA256).await;
    let der = list(&root, &[revoked(&leaf, RevocationReason::KeyCompromise)]).await;
    let client = Client { root: &root.certificate, between: &between.certificate, leaf: &leaf, lists: vec![&der] };
    assert_eq!(client.verdict(false), Verdict::NoList);
    let read = Crl::from_der(&der).unwrap();
    assert!(read.is_issued_under_name_of(&root.certificate) && read.verify_issued_by(&root.certificate).is_ok());
    assert!(!read.is_issued_under_name_of(&between.certificate));
    assert!(read.verify_issued_by(&between.certificate).is_err());
}
