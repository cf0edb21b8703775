//! What stands in responses, and responses that must not be made.

use openccm_core::RevocationReason;
use openccm_pki::{CertId, OcspFailure, OcspRequest, OcspStatus, PkiError, ocsp_response};

use crate::{
    authorities::{DAY, NOW},
    lists::reason,
    openssl::filter,
    responders::{EC, Scene, assert_verdict},
};

fn text(response: &[u8]) -> String {
    filter(response, &["ocsp", "-respin", "/dev/stdin", "-resp_text", "-noverify"])
}

#[tokio::test]
async fn several_certificates_have_an_answer_each() {
    let scene = Scene::new(EC).await;
    scene.folder.write_certificates("other.pem", &[&scene.issuer.certify(&crate::authorities::leaf(EC)).await]);
    let arguments = ["-cert", "leaf.pem", "-sha256", "-cert", "other.pem", "-serial", "0x80"];
    let statuses = [
        OcspStatus::Good,
        OcspStatus::Revoked { at: NOW, reason: RevocationReason::CertificateHold },
        OcspStatus::Unknown,
    ];
    let respond = async |request: Vec<u8>| {
        let request = OcspRequest::from_der(&request).unwrap();
        assert_eq!(request.certificates.len(), 3);
        assert_eq!(request.certificates[2].serial_number(), "80");
        let answers: Vec<_> = request.certificates.into_iter().zip(statuses).collect();
        ocsp_response(&scene.responder, &answers, NOW, NOW + DAY, request.nonce.as_deref()).await.unwrap()
    };
    let verdict = scene.ask(&arguments, respond).await;
    for expected in ["leaf.pem: good\n", "other.pem: revoked\n", "Reason: certificateHold\n", "0x80: unknown\n"] {
        assert_verdict(&verdict, expected);
    }
}

#[tokio::test]
async fn a_response_names_its_responder_by_key_and_carries_its_certificate() {
    let scene = Scene::new(EC).await;
    let request = scene.request(&["-cert", "leaf.pem"]);
    let response = scene.respond(&request, OcspStatus::Good).await;
    let text = text(&response);
    let key = hex::encode_upper(scene.responder.certificate().public_key().key_identifier());
    let nonce = hex::encode_upper(OcspRequest::from_der(&request).unwrap().nonce.unwrap());
    for expected in [
        "OCSP Response Status: successful (0x0)",
        "Response Type: Basic OCSP Response",
        "Version: 1 (0x0)",
        &format!("Responder Id: {key}"),
        "Produced At: Sep 21 14:13:20 2026 GMT",
        "This Update: Sep 21 14:13:20 2026 GMT",
        "Next Update: Sep 22 14:13:20 2026 GMT",
        "Signature Algorithm: ecdsa-with-SHA256",
        &nonce,
        "X509v3 Extended Key Usage: \n                OCSP Signing\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[tokio::test]
async fn failures_say_why() {
    for (failure, printed) in [
        (OcspFailure::MalformedRequest, "malformedrequest (1)"),
        (OcspFailure::InternalError, "internalerror (2)"),
        (OcspFailure::TryLater, "trylater (3)"),
        (OcspFailure::Unauthorized, "unauthorized (6)"),
    ] {
        let der = failure.to_der().unwrap();
        let folder = crate::openssl::Folder::new();
        folder.write("response.der", &der);
        let (Ok(text) | Err(text)) = folder.try_openssl(&["ocsp", "-respin", "response.der", "-resp_text"]);
        assert!(text.contains(&format!("Responder Error: {printed}")), "{text}");
        assert_eq!(der.len(), 5);
    }
}

/// One answer for the leaf of `scene`.
fn good(scene: &Scene) -> Vec<(CertId, OcspStatus)> {
    let request = OcspRequest::from_der(&scene.request(&["-cert", "leaf.pem"])).unwrap();
    request.certificates.into_iter().map(|id| (id, OcspStatus::Good)).collect()
}

#[tokio::test]
async fn responses_that_cannot_be() {
    let scene = Scene::new(EC).await;
    let answers = good(&scene);
    let respond = |answers, this_update, next_update, nonce| {
        let responder = &scene.responder;
        async move { ocsp_response(responder, answers, this_update, next_update, nonce).await }
    };
    assert_eq!(reason(respond(&[], NOW, NOW + 1, None).await), "a response without answers");
    for next_update in [NOW, NOW - 1] {
        let refused = respond(&answers, NOW, next_update, None).await;
        assert_eq!(reason(refused), "the next update is not after this one");
    }
    let period = scene.responder.certificate().period();
    for (this_update, fits) in [
        (period.not_before - 1, false),
        (period.not_before, true),
        (period.not_after, true),
        (period.not_after + 1, false),
    ] {
        let result = respond(&answers, this_update, this_update + 1, None).await;
        let expected = (!fits).then(|| "the responder's certificate is not valid at that time".to_owned());
        assert_eq!(result.err().map(|error| error.to_string()), expected);
    }
    for (length, fits) in [(0, false), (1, true), (128, true), (129, false)] {
        let nonce = &[7; 129][..length];
        let result = respond(&answers, NOW, NOW + 1, Some(nonce)).await;
        let expected = (!fits).then(|| "a nonce has 1 to 128 octets".to_owned());
        assert_eq!(result.err().map(|error| error.to_string()), expected);
    }
    let before_1970 = OcspStatus::Revoked { at: -1, reason: RevocationReason::Unspecified };
    let refused = respond(&[(answers[0].0.clone(), before_1970)], NOW, NOW + 1, None).await;
    assert!(matches!(refused, Err(PkiError::Unfit(_))));
}

#[tokio::test]
async fn a_damaged_response_is_not_believed() {
    let scene = Scene::new(EC).await;
    let arguments = ["-no_nonce", "-cert", "leaf.pem"];
    let good = scene.ask(&arguments, async |request| scene.respond(&request, OcspStatus::Good).await).await;
    assert_verdict(&good, "leaf.pem: good\n");
    let damaged = async |request: Vec<u8>| {
        let mut response = scene.respond(&request, OcspStatus::Unknown).await;
        // Good where it was unknown: NULL with the context tag 0 or 2, before a GeneralizedTime.
        let status = response.windows(4).position(|window| window == [0x82, 0, 0x18, 15]).unwrap();
        response[status] = 0x80;
        response
    };
    let printed = scene.ask(&arguments, damaged).await;
    assert!(printed.as_ref().is_err_and(|printed| printed.contains("Response Verify Failure")), "{printed:?}");
}
