//! Requests: of OpenSSL, and put together by hand.

use openccm_core::KeyAlgorithm;
use openccm_pki::{CertIdDigest, OcspRequest, OcspStatus, PkiError, ocsp_response};
use proptest::prelude::*;

use crate::{
    authorities::{Authority, DAY, NOW, SHA256},
    lists::{reason, tagged},
    responders::{EC, Scene},
};

const SHA1: &[u8] = &[6, 5, 0x2b, 0x0e, 3, 2, 0x1a];
const NONCE: &[u8] = &[6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];
const RESPONSE: &[u8] = &[6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 4];
const UNKNOWN: &[u8] = &[6, 3, 0x2a, 3, 4];
const CRITICAL: &[u8] = &[1, 1, 0xff];

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

/// A CertID with an algorithm (of which this is the content) and the content of a serial number.
fn cert_id(algorithm: &[u8], serial_number: &[u8]) -> Vec<u8> {
    let hash = tagged(4, &[1; 20]);
    sequence(&[&sequence(&[algorithm]), &hash, &hash, &tagged(2, serial_number)])
}

fn extension(oid: &[u8], critical: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[oid, critical, &tagged(4, value)])
}

fn nonce(octets: &[u8]) -> Vec<u8> {
    extension(NONCE, &[], &tagged(4, octets))
}

/// A request about `ids` with `extensions`, after `first`, which is what may stand before the list.
fn request(first: &[u8], ids: &[Vec<u8>], extensions: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = ids.iter().flat_map(|id| sequence(&[id])).collect();
    let extensions = if extensions.is_empty() { vec![] } else { tagged(0xa2, &sequence(&[&extensions.concat()])) };
    sequence(&[&sequence(&[first, &tagged(0x30, &list), &extensions])])
}

fn simple() -> Vec<u8> {
    cert_id(SHA1, &[1])
}

#[tokio::test]
async fn issuers_are_known_by_every_accepted_hash() {
    let scene = Scene::new(EC).await;
    let namesake = Authority::root(KeyAlgorithm::Ec384, SHA256).await;
    let subordinate = scene.issuer.subordinate(EC, SHA256, None).await.unwrap();
    for (argument, digest) in [
        ("-sha1", Some(CertIdDigest::Sha1)),
        ("-sha256", Some(CertIdDigest::Sha256)),
        ("-sha384", Some(CertIdDigest::Sha384)),
        ("-sha512", Some(CertIdDigest::Sha512)),
        ("-sha224", None),
        ("-md5", None),
    ] {
        let read = OcspRequest::from_der(&scene.request(&[argument, "-cert", "leaf.pem"])).unwrap();
        let id = &read.certificates[0];
        assert_eq!(id.digest(), digest, "{argument}");
        assert_eq!(id.is_issued_by(&scene.issuer.certificate), digest.is_some(), "{argument}");
        // The same name with another key, and another name.
        assert!(!id.is_issued_by(&namesake.certificate), "{argument}");
        assert!(!id.is_issued_by(&subordinate.certificate), "{argument}");
    }
}

#[test]
fn serial_numbers_are_printed_as_openssl_does() {
    for (octets, printed) in [
        (&[1][..], "01"),
        (&[0], "00"),
        (&[0x7f, 0xff], "7FFF"),
        (&[0, 0x80], "80"),
        (&[0x80], "-80"),
        (&[0xff], "-01"),
        (&[0xff, 0x00], "-0100"),
        (&[0xfe, 0xff], "-0101"),
        (&[0x5a; 40], &"5A".repeat(40)),
    ] {
        let der = request(&[], &[cert_id(SHA1, octets)], &[]);
        assert_eq!(OcspRequest::from_der(&der).unwrap().certificates[0].serial_number(), printed);
        let openssl = crate::openssl::filter(&der, &["ocsp", "-reqin", "/dev/stdin", "-req_text"]);
        // Long numbers are broken into lines.
        let openssl = openssl.replace("\\\n", "");
        assert!(openssl.contains(&format!("Serial Number: {printed}\n")), "{printed}\n{openssl}");
    }
    for not_der in [&[][..], &[0, 0x7f], &[0xff, 0x80]] {
        assert!(OcspRequest::from_der(&request(&[], &[cert_id(SHA1, not_der)], &[])).is_err());
    }
}

#[tokio::test]
async fn ids_are_repeated_as_they_came() {
    let scene = Scene::new(EC).await;
    let with_null = [SHA1, &[5, 0]].concat();
    let with_parameter = [SHA1, &[2, 1, 1]].concat();
    for (id, digest) in [
        (cert_id(SHA1, &[1]), Some(CertIdDigest::Sha1)),
        (cert_id(&with_null, &[0, 0x80]), Some(CertIdDigest::Sha1)),
        (cert_id(&with_parameter, &[0x80]), None),
        (cert_id(UNKNOWN, &[0x77; 30]), None),
    ] {
        let read = OcspRequest::from_der(&request(&[], std::slice::from_ref(&id), &[])).unwrap();
        assert_eq!(read.certificates[0].to_der().unwrap(), id);
        assert_eq!(read.certificates[0].digest(), digest);
        let answers = [(read.certificates[0].clone(), OcspStatus::Unknown)];
        let response = ocsp_response(&scene.responder, &answers, NOW, NOW + DAY, None).await.unwrap();
        assert!(response.windows(id.len()).any(|window| window == id));
    }
}

#[test]
fn nonces_have_1_to_128_octets() {
    for length in [1, 2, 32, 33, 127, 128] {
        let octets = vec![0xab; length];
        let read = OcspRequest::from_der(&request(&[], &[simple()], &[nonce(&octets)])).unwrap();
        assert_eq!(read.nonce, Some(octets));
    }
    for length in [0, 129, 200] {
        let refused = OcspRequest::from_der(&request(&[], &[simple()], &[nonce(&vec![0xab; length])]));
        assert_eq!(reason(refused), "a nonce has 1 to 128 octets");
    }
    // Not an OCTET STRING, more than one, and two nonces.
    for extensions in [
        vec![extension(NONCE, &[], &[1, 2, 3, 4])],
        vec![extension(NONCE, &[], &[tagged(4, &[1]), vec![0]].concat())],
        vec![nonce(&[1]), nonce(&[1])],
    ] {
        assert!(OcspRequest::from_der(&request(&[], &[simple()], &extensions)).is_err(), "{extensions:02x?}");
    }
    let critical = extension(NONCE, CRITICAL, &tagged(4, &[9]));
    assert_eq!(OcspRequest::from_der(&request(&[], &[simple()], &[critical])).unwrap().nonce, Some(vec![9]));
}

#[test]
fn a_request_asks_about_1_to_100_certificates() {
    for (count, fits) in [(0, false), (1, true), (100, true), (101, false)] {
        let read = OcspRequest::from_der(&request(&[], &vec![simple(); count], &[]));
        match fits {
            true => assert_eq!(read.unwrap().certificates.len(), count),
            false => assert_eq!(reason(read), "a request asks about 1 to 100 certificates"),
        }
    }
}

#[test]
fn critical_extensions_must_be_known() {
    for (extensions, fits) in [
        (extension(UNKNOWN, &[], &[5, 0]), true),
        (extension(UNKNOWN, CRITICAL, &[5, 0]), false),
        (extension(RESPONSE, CRITICAL, &[0x30, 0]), true),
    ] {
        assert_eq!(OcspRequest::from_der(&request(&[], &[simple()], &[extensions])).is_ok(), fits);
    }
    for (critical, fits) in [(&[][..], true), (CRITICAL, false)] {
        let extensions = tagged(0xa0, &sequence(&[&extension(UNKNOWN, critical, &[5, 0])]));
        let second = [simple(), extensions].concat();
        assert_eq!(OcspRequest::from_der(&request(&[], &[simple(), second], &[])).is_ok(), fits);
    }
}

#[test]
fn version_1_from_anybody() {
    // The version when it is written although it is the default, another, and a requestor's name.
    let requestor = tagged(0xa1, &tagged(0x82, b"a.example"));
    for (first, fits) in [
        (vec![], true),
        (tagged(0xa0, &[2, 1, 0]), true),
        (tagged(0xa0, &[2, 1, 1]), false),
        (requestor.clone(), true),
        ([tagged(0xa0, &[2, 1, 0]), requestor.clone()].concat(), true),
        ([requestor, tagged(0xa0, &[2, 1, 0])].concat(), false),
    ] {
        assert_eq!(OcspRequest::from_der(&request(&first, &[simple()], &[])).is_ok(), fits, "{first:02x?}");
    }
}

#[tokio::test]
async fn the_signature_of_a_requestor_does_not_matter() {
    let scene = Scene::new(EC).await;
    scene.folder.write_key("leaf.key", crate::authorities::key(crate::authorities::Holder::Leaf, EC));
    let signed = scene.request(&["-cert", "leaf.pem", "-signer", "leaf.pem", "-signkey", "leaf.key"]);
    let read = OcspRequest::from_der(&signed).unwrap();
    assert_eq!(read.certificates[0].serial_number(), scene.leaf.serial_number());
}

#[tokio::test]
async fn any_part_of_a_request() {
    let scene = Scene::new(EC).await;
    let good = scene.request(&["-cert", "leaf.pem", "-sha256", "-serial", "0x1234"]);
    for length in 0..good.len() {
        let read = OcspRequest::from_der(&good[..length]);
        assert!(matches!(read, Err(PkiError::Malformed(_))), "{length}");
    }
    assert!(OcspRequest::from_der(&[&good[..], &[0]].concat()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// What is still read is repeated as it came.
    #[test]
    fn changed_requests_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let ids = [simple(), cert_id(&[SHA1, &[5, 0]].concat(), &[0, 0x80, 3])];
        let mut der = request(&[], &ids, &[nonce(&[7; 32]), extension(UNKNOWN, &[], &[5, 0])]);
        for (at, byte) in changes {
            let at = at.index(der.len());
            der[at] = byte;
        }
        if let Ok(read) = OcspRequest::from_der(&der) {
            for id in &read.certificates {
                let repeated = id.to_der().unwrap();
                prop_assert!(der.windows(repeated.len()).any(|window| window == repeated));
                let _ = (id.serial_number(), id.digest());
            }
        }
    }

    #[test]
    fn noise_is_no_request(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(OcspRequest::from_der(&bytes).is_err());
    }
}
