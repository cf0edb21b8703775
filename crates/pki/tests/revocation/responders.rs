//! OCSP responders, and what `openssl ocsp` says of their answers.

use openccm_core::{KeyAlgorithm, RevocationReason};
use openccm_pki::{CertId, Certificate, OcspRequest, OcspResponder, OcspStatus, Signer, Template, ocsp_response};

use crate::{
    authorities::{Authority, DAY, Holder, NOW, days, key, leaf, name},
    openssl::Folder,
};

pub(crate) const EC: KeyAlgorithm = KeyAlgorithm::Ec256;

/// A responder of `issuer` with a key of `algorithm`.
pub(crate) async fn responder(issuer: &Authority, algorithm: KeyAlgorithm) -> OcspResponder {
    // Not that of a leaf or an authority.
    let key = key(Holder::Leaf, algorithm);
    let template = Template::ocsp_responder(&name("OCSP 响应"), key.public_key().clone(), days(30)).unwrap();
    OcspResponder::new(issuer.certify(&template).await, key.clone()).unwrap()
}

/// An authority, its responder and a leaf, in files of a folder.
pub(crate) struct Scene {
    pub(crate) folder: Folder,
    pub(crate) issuer: Authority,
    pub(crate) responder: OcspResponder,
    pub(crate) leaf: Certificate,
}

impl Scene {
    /// Files: `root.pem`, `leaf.pem`.
    pub(crate) async fn new(algorithm: KeyAlgorithm) -> Self {
        let issuer = Authority::root(EC, crate::authorities::SHA256).await;
        let responder = responder(&issuer, algorithm).await;
        let leaf = issuer.certify(&leaf(EC)).await;
        let folder = Folder::new();
        folder.write_certificates("root.pem", &[&issuer.certificate]);
        folder.write_certificates("leaf.pem", &[&leaf]);
        Self { folder, issuer, responder, leaf }
    }

    /// The request of `openssl ocsp` with `arguments`, after which the certificates are named.
    pub(crate) fn request(&self, arguments: &[&str]) -> Vec<u8> {
        let start = ["ocsp", "-issuer", "root.pem"];
        self.folder.openssl(&[&start[..], arguments, &["-reqout", "request.der"]].concat());
        std::fs::read(self.folder.path().join("request.der")).unwrap()
    }

    /// A response of the responder with `status` for everything that `request` asks about, and its nonce.
    pub(crate) async fn respond(&self, request: &[u8], status: OcspStatus) -> Vec<u8> {
        let request = OcspRequest::from_der(request).unwrap();
        let answers: Vec<(CertId, OcspStatus)> = request.certificates.into_iter().map(|id| (id, status)).collect();
        ocsp_response(&self.responder, &answers, NOW, NOW + DAY, request.nonce.as_deref()).await.unwrap()
    }
}

/// Checks that OpenSSL believes a response, and what it says.
pub(crate) fn assert_verdict(printed: &Result<String, String>, expected: &str) {
    let printed = printed.as_ref().unwrap();
    assert!(printed.contains("Response verify OK"), "{printed}");
    assert!(printed.contains(expected), "{expected}\n{printed}");
}

#[tokio::test]
async fn a_responders_certificate_is_for_signing_responses_and_nothing_else() {
    let scene = Scene::new(EC).await;
    let text = crate::openssl::x509(scene.responder.certificate().der(), &["-text"]);
    for expected in [
        "X509v3 Basic Constraints: critical\n                CA:FALSE",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                OCSP Signing\n",
        "OCSP No Check: \n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("CRL Distribution") && !text.contains("Authority Information"), "{text}");
    scene.folder.write_certificates("responder.pem", &[scene.responder.certificate()]);
    let at = NOW.to_string();
    let arguments = ["verify", "-x509_strict", "-attime", &at, "-CAfile", "root.pem", "-purpose"];
    for (purpose, fits) in [("ocsphelper", true), ("sslserver", false), ("smimesign", false)] {
        let result = scene.folder.try_openssl(&[&arguments[..], &[purpose, "responder.pem"]].concat());
        assert_eq!(result.is_ok(), fits, "{purpose}: {result:?}");
    }
}

#[tokio::test]
async fn a_responder_has_its_own_key_and_purpose() {
    let scene = Scene::new(EC).await;
    let other = OcspResponder::new(scene.responder.certificate().clone(), key(Holder::Root, EC).clone());
    assert_eq!(other.unwrap_err().to_string(), "the key is not that of the responder's certificate");
    let leaf = OcspResponder::new(scene.leaf.clone(), key(Holder::Leaf, EC).clone());
    assert_eq!(leaf.unwrap_err().to_string(), "the certificate is not for signing OCSP responses");
}

#[tokio::test]
async fn openssl_agrees_with_every_answer_of_every_kind_of_key() {
    for algorithm in KeyAlgorithm::ALL.iter().copied() {
        let scene = Scene::new(algorithm).await;
        for hash in ["-sha1", "-sha256"] {
            for nonce in ["-nonce", "-no_nonce"] {
                let arguments = [nonce, hash, "-cert", "leaf.pem"];
                let revoked = OcspStatus::Revoked { at: NOW - DAY, reason: RevocationReason::Superseded };
                for (status, expected) in [
                    (OcspStatus::Good, "leaf.pem: good\n"),
                    (OcspStatus::Unknown, "leaf.pem: unknown\n"),
                    (revoked, "leaf.pem: revoked\n"),
                ] {
                    let respond = async |request: Vec<u8>| {
                        let read = OcspRequest::from_der(&request).unwrap();
                        assert_eq!(read.certificates[0].serial_number(), scene.leaf.serial_number());
                        assert!(read.certificates[0].is_issued_by(&scene.issuer.certificate));
                        assert_eq!(read.nonce.is_some(), nonce == "-nonce");
                        scene.respond(&request, status).await
                    };
                    let printed = scene.ask(&arguments, respond).await;
                    assert_verdict(&printed, expected);
                    assert!(!printed.unwrap().contains("WARNING"), "{nonce} {hash}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_reason_of_a_revocation_is_told() {
    let scene = Scene::new(EC).await;
    for (reason, printed) in [
        (RevocationReason::Unspecified, None),
        (RevocationReason::KeyCompromise, Some("keyCompromise")),
        (RevocationReason::CaCompromise, Some("cACompromise")),
        (RevocationReason::AffiliationChanged, Some("affiliationChanged")),
        (RevocationReason::Superseded, Some("superseded")),
        (RevocationReason::CessationOfOperation, Some("cessationOfOperation")),
        (RevocationReason::CertificateHold, Some("certificateHold")),
        // OpenSSL 3.0 has no words for these.
        (RevocationReason::PrivilegeWithdrawn, Some("")),
        (RevocationReason::AttributeAuthorityCompromise, Some("")),
    ] {
        let respond = async |request: Vec<u8>| {
            let response = scene.respond(&request, OcspStatus::Revoked { at: NOW - DAY, reason }).await;
            let code = [0xa0, 3, 10, 1, reason.crl_reason()];
            assert_eq!(response.windows(code.len()).any(|window| window == code), printed.is_some(), "{reason}");
            response
        };
        let verdict = scene.ask(&["-cert", "leaf.pem"], respond).await;
        assert_verdict(&verdict, "Revocation Time: Sep 20 14:13:20 2026 GMT");
        match printed {
            Some(printed) => assert_verdict(&verdict, &format!("Reason: {printed}")),
            None => assert!(!verdict.unwrap().contains("Reason:")),
        }
    }
}

#[tokio::test]
async fn an_answer_to_another_request_is_not_believed() {
    let scene = Scene::new(EC).await;
    let other = scene.request(&["-nonce", "-cert", "leaf.pem"]);
    let replay = async |_: Vec<u8>| scene.respond(&other, OcspStatus::Good).await;
    let printed = scene.ask(&["-nonce", "-cert", "leaf.pem"], replay).await;
    assert!(printed.as_ref().is_err_and(|printed| printed.contains("Nonce Verify error")), "{printed:?}");
}

#[tokio::test]
async fn a_responder_of_another_authority_is_not_believed() {
    let stranger = Authority::root(KeyAlgorithm::Ec384, crate::authorities::SHA256).await;
    let scene = Scene { responder: responder(&stranger, EC).await, ..Scene::new(EC).await };
    let respond = async |request: Vec<u8>| scene.respond(&request, OcspStatus::Good).await;
    let printed = scene.ask(&["-cert", "leaf.pem"], respond).await;
    assert!(printed.as_ref().is_err_and(|printed| printed.contains("Response Verify Failure")), "{printed:?}");
}
