//! Revoking what an ACME service issued (RFC 8555 §7.6).

use instant_acme::{Account, Error as ClientError, RevocationReason as ClientReason, RevocationRequest};
use openccm_core::RevocationReason;
use openccm_store::{
    Session,
    acme_orders::{self as store, AcmeCertificate},
};

use super::{
    AcmeError,
    account::Service,
    error::{Verdict, verdict},
    order,
};
use crate::{Error, OpenCcm};

/// Keeps a certificate (DER) that came of the order of `certificate_id`, so that it can be revoked when others have taken
/// its place. To be called in the transaction that keeps it, before the order is forgotten. `not_after` is in ms since the
/// epoch.
///
/// # Errors
/// There is no such order; the database fails.
pub async fn keep(session: &mut Session, certificate_id: &str, der: &[u8], not_after: i64) -> Result<(), Error> {
    let order = store::find(session, certificate_id).await?.ok_or(Error::NotFound)?;
    let issued = AcmeCertificate { issuer: order.issuer, der: der.to_vec(), not_after };
    Ok(store::insert_certificate(session, certificate_id, &issued).await?)
}

/// Revokes all that ACME services issued for `certificate_id`: also a certificate whose place another took when names were
/// added, for it has the same key. What is revoked or past its end already is done.
///
/// # Errors
/// As [`revoke`], once the others are done.
pub async fn revoke_all(ccm: &OpenCcm, certificate_id: &str, reason: RevocationReason) -> Result<(), AcmeError> {
    let issued = store::list_certificates(&mut ccm.database().read().await?, certificate_id).await?;
    if issued.is_empty() {
        return Err(AcmeError::Refused("there is no certificate to revoke".into()));
    }
    let mut outcome = Ok(());
    for certificate in issued.iter().filter(|certificate| certificate.not_after > ccm.now_ms()) {
        match (revoke(ccm, &certificate.issuer, &certificate.der, reason).await, &outcome) {
            // What can be tried again is tried again, whatever else is in vain.
            (Ok(()), _) | (Err(AcmeError::Refused(_)), Err(AcmeError::Failed { .. })) => {}
            (Err(error), _) => outcome = Err(error),
        }
    }
    outcome
}

/// Revokes a certificate (DER) that the account of `issuer` ordered. One that is revoked already is fine.
///
/// # Errors
/// [`AcmeError::Refused`] where the service takes neither this reason nor none; [`AcmeError::Failed`] is to be tried again.
pub async fn revoke(
    ccm: &OpenCcm,
    issuer: &str,
    certificate_der: &[u8],
    reason: RevocationReason,
) -> Result<(), AcmeError> {
    let service = Service::open(ccm, issuer, order::options(ccm, issuer)?).await?;
    match send(&service.account, certificate_der, client_reason(reason)).await {
        Ok(()) => Ok(()),
        Err(error) if verdict(&error) == Verdict::AlreadyRevoked => Ok(()),
        Err(error) => Err(service.judge(ccm, "revoking a certificate", &error).await),
    }
}

/// Asks for it, without a reason where the service does not take this one.
async fn send(account: &Account, certificate_der: &[u8], reason: Option<ClientReason>) -> Result<(), ClientError> {
    let certificate = certificate_der.into();
    let has_reason = reason.is_some();
    match account.revoke(&RevocationRequest { certificate: &certificate, reason }).await {
        Err(error) if has_reason && verdict(&error) == Verdict::BadReason => {
            account.revoke(&RevocationRequest { certificate: &certificate, reason: None }).await
        }
        outcome => outcome,
    }
}

/// The reasons that services take from those who ordered a certificate; the others are an authority's to give. No reason at
/// all is told instead of `unspecified` (RFC 5280 §5.3.1).
fn client_reason(reason: RevocationReason) -> Option<ClientReason> {
    match reason {
        RevocationReason::KeyCompromise => Some(ClientReason::KeyCompromise),
        RevocationReason::AffiliationChanged => Some(ClientReason::AffiliationChanged),
        RevocationReason::Superseded => Some(ClientReason::Superseded),
        RevocationReason::CessationOfOperation => Some(ClientReason::CessationOfOperation),
        RevocationReason::Unspecified
        | RevocationReason::CaCompromise
        | RevocationReason::CertificateHold
        | RevocationReason::PrivilegeWithdrawn
        | RevocationReason::AttributeAuthorityCompromise => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::Pin,
        sync::{Arc, Mutex},
    };

    use base64ct::{Base64UrlUnpadded, Encoding};
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::BodyExt;
    use instant_acme::{BodyWrapper, BytesResponse, HttpClient, NewAccount};
    use serde_json::{Value, json};

    use super::*;

    /// A service that takes no reason but `takes`; it notes those that it was sent.
    #[derive(Clone)]
    struct Choosy {
        takes: Value,
        sent: Arc<Mutex<Vec<Value>>>,
    }

    impl Choosy {
        async fn answer(self, request: Request<BodyWrapper<Bytes>>) -> BytesResponse {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let url = |path: &str| format!("https://acme.example.com/{path}");
            let (status, answer) = match parts.uri.path() {
                "/directory" => {
                    let urls = json!({"newNonce": url("nonce"), "newAccount": url("account"), "newOrder": url("order"),
                        "revokeCert": url("revoke")});
                    (200, urls)
                }
                "/account" => (201, json!({"status": "valid"})),
                "/revoke" => {
                    let signed: Value = serde_json::from_slice(&body).unwrap();
                    let payload = Base64UrlUnpadded::decode_vec(signed["payload"].as_str().unwrap()).unwrap();
                    let payload: Value = serde_json::from_slice(&payload).unwrap();
                    let reason = payload["reason"].clone();
                    self.sent.lock().unwrap().push(reason.clone());
                    let problem = json!({"type": "urn:ietf:params:acme:error:badRevocationReason", "status": 400});
                    if reason == self.takes { (200, json!({})) } else { (400, problem) }
                }
                _ => (200, json!({})),
            };
            let answer = answer.to_string();
            let head = Response::builder().status(status).header("Replay-Nonce", "once");
            let head = head.header("Location", url("account/1")).header("Content-Type", "application/json");
            BytesResponse { parts: head.body(()).unwrap().into_parts().0, body: Box::new(Bytes::from(answer)) }
        }
    }

    impl HttpClient for Choosy {
        fn request(
            &self,
            request: Request<BodyWrapper<Bytes>>,
        ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, ClientError>> + Send>> {
            let service = self.clone();
            Box::pin(async move { Ok(service.answer(request).await) })
        }
    }

    #[tokio::test]
    async fn a_reason_that_the_service_does_not_take_is_left_out() {
        for (takes, reason, sent, taken) in [
            (json!(4), RevocationReason::Superseded, json!([4]), true),
            (Value::Null, RevocationReason::Superseded, json!([4, null]), true),
            (Value::Null, RevocationReason::CertificateHold, json!([null]), true),
            (json!(9), RevocationReason::Superseded, json!([4, null]), false),
            (json!(9), RevocationReason::PrivilegeWithdrawn, json!([null]), false),
        ] {
            let service = Choosy { takes, sent: Arc::default() };
            let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
            let builder = Account::builder_with_http(Box::new(service.clone()));
            let made = builder.create(&new, "https://acme.example.com/directory".into(), None).await;
            let outcome = send(&made.unwrap().0, b"certificate", client_reason(reason)).await;
            assert_eq!(json!(*service.sent.lock().unwrap()), sent);
            assert_eq!(outcome.is_ok(), taken);
        }
    }
}
