//! Requests that were tampered with, cut short, or signed over nonsense.

use der::{Decode, Encode};
use openccm_core::KeyAlgorithm;
use openccm_pki::{Constraints, PkiError, PrivateKey, Signer, SigningRequest, Template, pem};
use x509_cert::request::CertReq;
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use crate::{
    authorities::{Authority, Holder, LEAF_USAGES, SHA256, days, key},
    openssl::Folder,
    requests::{folder, request},
};

const EC: KeyAlgorithm = KeyAlgorithm::Ec256;
const ECDSA_WITH_SHA256: [u8; 12] = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

fn from_der(der: &[u8]) -> Result<SigningRequest, PkiError> {
    SigningRequest::from_pem(&pem::encode("CERTIFICATE REQUEST", der))
}

/// The DER of a good request with every kind of content that is read.
fn good() -> Vec<u8> {
    let extensions = "subjectAltName = DNS:a.example,IP:::1,email:a@a.example,URI:urn:a:b,dirName:subject\n\
         keyUsage = digitalSignature\nextendedKeyUsage = serverAuth,clientAuth";
    let pem = request(&folder(), "key.pem", &["-sha256"], "C = CN\nO = 组织\n+OU = x\nCN = a", extensions);
    let der = pem::decode_one(&pem, pem::CERTIFICATE_REQUEST).unwrap().1;
    assert!(from_der(&der).is_ok());
    der
}

/// DER: a tag, the length of `content`, and `content`.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let header = match content.len() {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => [&[tag, 0x82], &length.to_be_bytes()[..]].concat(),
    };
    [header, content.to_vec()].concat()
}

/// A request over `info`, whatever that is, with a good signature by the P-256 key or, where given, another.
async fn signed(info: &[u8], algorithm: &[u8], key: &PrivateKey) -> Vec<u8> {
    let signature = key.sign(SHA256, info.to_vec()).await.unwrap();
    tagged(0x30, &[info, algorithm, &tagged(3, &[&[0], &signature[..]].concat())].concat())
}

async fn signed_with_ecdsa(info: &[u8]) -> Vec<u8> {
    signed(info, &ECDSA_WITH_SHA256, key(Holder::Leaf, EC)).await
}

/// What is signed in a request.
fn info(der: &[u8]) -> Vec<u8> {
    X509CertificationRequest::from_der(der).unwrap().1.certification_request_info.raw.to_vec()
}

/// Where `part` is in `whole`.
pub(crate) fn position(whole: &[u8], part: &[u8]) -> usize {
    whole.windows(part.len()).position(|window| window == part).unwrap()
}

#[test]
fn a_byte_of_the_subject_the_key_or_the_signature() {
    for algorithm in KeyAlgorithm::ALL.iter().copied() {
        let folder = Folder::new();
        folder.write_key("key.pem", key(Holder::Leaf, algorithm));
        let pem = request(&folder, "key.pem", &["-sha384"], "CN = common name", "");
        let der = pem::decode_one(&pem, pem::CERTIFICATE_REQUEST).unwrap().1;
        assert!(from_der(&der).is_ok());
        let tampered = |at: usize| {
            let mut der = der.clone();
            der[at] ^= 1;
            from_der(&der).unwrap_err()
        };
        assert!(matches!(tampered(position(&der, b"common name")), PkiError::BadSignature));
        let key_bytes = key(Holder::Leaf, algorithm).public_key().to_der().unwrap();
        // For EC a point off the curve; for RSA a modulus of no use, or an odd one of which nobody knows the factors.
        let error = tampered(position(&der, &key_bytes) + key_bytes.len() - 20);
        assert!(matches!(error, PkiError::UnsupportedKey | PkiError::BadSignature), "{error:?}");
        assert!(matches!(tampered(der.len() - 1), PkiError::BadSignature));
    }
}

#[test]
fn any_bit_at_all() {
    let good = good();
    for bit in 0..good.len() * 8 {
        let mut der = good.clone();
        der[bit / 8] ^= 1 << (bit % 8);
        assert!(from_der(&der).is_err(), "bit {} of byte {}: {}", bit % 8, bit / 8, hex::encode(&der));
    }
}

#[test]
fn cut_short_or_lengthened() {
    let good = good();
    for length in 0..good.len() {
        assert!(from_der(&good[..length]).is_err(), "{length} bytes");
        let _ = from_der(&good[length..]);
    }
    assert!(from_der(&[&good[..], &[0]].concat()).is_err());
    assert!(from_der(&[&good[..], &good].concat()).is_err());

    let text = pem::encode("CERTIFICATE REQUEST", &good);
    for length in 0..text.len() {
        assert!(SigningRequest::from_pem(&text[..length]).is_err(), "{length} characters");
    }
}

#[test]
fn garbage() {
    for filler in 0..=255 {
        for length in [0, 1, 2, 3, 100, 5000] {
            assert!(from_der(&vec![filler; length]).is_err());
        }
    }
    let mut nested = vec![0x30, 0x00];
    for _ in 0..10_000 {
        nested = tagged(0x30, &nested);
    }
    assert!(from_der(&nested).is_err());
}

/// A good signature lets every mistake in the content through to the readers behind the check, and on to issuing.
#[tokio::test]
async fn nonsense_that_is_well_signed() {
    let root = Authority::root(EC, SHA256).await;
    let good = info(&good());
    let (mut accepted, mut refused) = (0, 0);
    for at in 0..good.len() {
        for value in [good[at] ^ 1, good[at] ^ 0x80, good[at].wrapping_add(1), 0x00, 0x30, 0xff] {
            let mut info = good.clone();
            info[at] = value;
            let Ok(read) = from_der(&signed_with_ecdsa(&info).await) else {
                refused += 1;
                continue;
            };
            accepted += 1;
            let Ok(template) = Template::from_request(&read, days(1), Constraints::EndEntity, LEAF_USAGES) else {
                continue;
            };
            // What can be read can be issued: issuing compares names and keys with the request's.
            root.issue(&template, SHA256)
                .await
                .unwrap_or_else(|e| panic!("{at} {value:#x}: {e} {}", hex::encode(&info)));
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
    for length in 0..good.len() {
        assert!(from_der(&signed_with_ecdsa(&good[..length]).await).is_err(), "{length} bytes");
    }
}

#[tokio::test]
async fn an_extension_requested_twice() {
    let mut request = CertReq::from_der(&good()).unwrap();
    let attribute = request.info.attributes.iter().next().unwrap().clone();
    assert!(from_der(&signed_with_ecdsa(&request.info.to_der().unwrap()).await).is_ok());
    let list = attribute.values.iter().next().unwrap().value();
    let twice = der::Any::new(der::Tag::Sequence, [list, list].concat()).unwrap();
    request.info.attributes =
        vec![x509_cert::attr::Attribute { values: vec![twice].try_into().unwrap(), ..attribute }].try_into().unwrap();
    let error = from_der(&signed_with_ecdsa(&request.info.to_der().unwrap()).await).unwrap_err();
    assert_eq!(error.to_string(), "an extension is requested twice");
}

/// DER sorts the values of a relative name. A name that is not sorted would not come out byte for byte.
#[tokio::test]
async fn a_multi_valued_name_out_of_order() {
    let mut info = info(&good());
    // OU of 10 bytes, then O of 15.
    let set = position(&info, &[0x31, 25, 0x30, 8]);
    info[set + 2..set + 27].rotate_left(10);
    match from_der(&signed_with_ecdsa(&info).await) {
        Err(PkiError::Malformed(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn keys_whose_algorithm_is_not_said_as_it_must_be() {
    let rsa_with_sha256 = tagged(0x30, &hex::decode("06092a864886f70d01010b0500").unwrap());
    let folder = Folder::new();
    let key = key(Holder::Leaf, KeyAlgorithm::Rsa2048);
    folder.write_key("key.pem", key);
    let pem = request(&folder, "key.pem", &["-sha256"], "CN = a", "");
    let mut request = CertReq::from_der(&pem::decode_one(&pem, pem::CERTIFICATE_REQUEST).unwrap().1).unwrap();
    assert!(from_der(&signed(&request.info.to_der().unwrap(), &rsa_with_sha256, key).await).is_ok());
    // RFC 3279 §2.3.1: the parameters of RSA are NULL. OpenSSL does not mind, others do.
    for parameters in [None, Some(der::Any::new(der::Tag::OctetString, [0]).unwrap())] {
        request.info.public_key.algorithm.parameters = parameters;
        let refused = from_der(&signed(&request.info.to_der().unwrap(), &rsa_with_sha256, key).await);
        assert!(matches!(refused, Err(PkiError::UnsupportedKey)), "{refused:?}");
    }
}
