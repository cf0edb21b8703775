//! Signing what is sent to other people's web servers, so that they can tell that it is from here.
//!
//! The receiver takes the header `X-OpenCCM-Timestamp` (seconds since the epoch, in digits), a full stop and the body as it
//! came, computes their HMAC-SHA256 (RFC 2104) under the shared secret, and compares `v1=` and its lower-case hexadecimal
//! digits with the header `X-OpenCCM-Signature`. A timestamp that is more than a few minutes off is to be refused: it is what
//! keeps an old message from being sent again.

use aws_lc_rs::hmac;
use openccm_auth::Secret;
use reqwest::{Client, IntoUrl, Response, header::CONTENT_TYPE};

/// The header with the time of sending, in seconds since the epoch.
pub const TIMESTAMP_HEADER: &str = "X-OpenCCM-Timestamp";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "X-OpenCCM-Signature";

/// The values of [`TIMESTAMP_HEADER`] and [`SIGNATURE_HEADER`] for a body that is sent at `now_ms`.
pub fn sign(secret: &Secret, now_ms: i64, body: &[u8]) -> (String, String) {
    let timestamp = (now_ms / 1000).to_string();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()));
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    let signature = format!("v1={}", hex::encode(context.sign()));
    (timestamp, signature)
}

/// Posts a JSON body at `now_ms`, with a signature where there is a secret.
///
/// # Errors
/// The request fails. The error may name the URL, which may hold a secret.
pub(crate) async fn post(
    client: &Client,
    url: impl IntoUrl,
    secret: Option<&Secret>,
    now_ms: i64,
    body: Vec<u8>,
) -> Result<Response, reqwest::Error> {
    let mut request = client.post(url).header(CONTENT_TYPE, "application/json");
    if let Some(secret) = secret {
        let (timestamp, signature) = sign(secret, now_ms, &body);
        request = request.header(TIMESTAMP_HEADER, timestamp).header(SIGNATURE_HEADER, signature);
    }
    request.body(body).send().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_openssl_computes() {
        // printf '1795305600.{"event":"test"}' | openssl dgst -sha256 -hmac 'a shared secret'
        let (timestamp, signature) =
            sign(&Secret::new("a shared secret".into()), 1_795_305_600_999, br#"{"event":"test"}"#);
        assert_eq!(timestamp, "1795305600");
        assert_eq!(signature, "v1=c598c82890c2f34e5b2c3031fd33d62754f8d858a677e62392ad9f411dbeaf5f");
    }
}
