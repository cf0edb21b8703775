//! Signing a request, as a client does.

use crate::canonical::{self, CanonicalRequest};
use crate::scheme::{self, Algorithm};
use crate::sdk_date::parse_sdk_date;
use crate::signature::{Authorization, SDK_DATE, SignatureError, SignedRequest, V11Scope, string_to_sign};

/// An algorithm to sign with, and what it needs beside the key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningAlgorithm<'a> {
    /// `SDK-HMAC-SHA256`.
    HmacSha256,
    /// `SDK-HMAC-SM3`.
    HmacSm3,
    /// `SDK-ECDSA-P256-SHA256`.
    EcdsaP256Sha256,
    /// `SDK-SM2-SM3`.
    Sm2Sm3,
    /// `V11-HMAC-SHA256`.
    V11HmacSha256 {
        /// The region id, or `globe` for global services.
        region: &'a str,
        /// The service's short name, such as `ccm`.
        service: &'a str,
    },
}

impl SigningAlgorithm<'_> {
    /// The algorithm alone.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::HmacSha256 => Algorithm::HmacSha256,
            Self::HmacSm3 => Algorithm::HmacSm3,
            Self::EcdsaP256Sha256 => Algorithm::EcdsaP256Sha256,
            Self::Sm2Sm3 => Algorithm::Sm2Sm3,
            Self::V11HmacSha256 { .. } => Algorithm::V11HmacSha256,
        }
    }
}

/// Signs `request` and gives the value of its `Authorization` header.
///
/// `sdk_date` (`yyyyMMddTHHmmssZ`, see [`format_sdk_date`](crate::format_sdk_date)) is to be sent as `X-Sdk-Date`;
/// `request` may carry that header already, with the same value. `signed_headers` names the headers to sign, in any
/// case and order; each must be in `request`, and `x-sdk-date` is always added.
///
/// If `request` carries `X-Sdk-Content-Sha256` (`X-Sdk-Content-Sm3` for the SM3 algorithms), its value stands for the
/// body; it must be the body's digest in hex or `UNSIGNED-PAYLOAD`.
///
/// Fails if a date, name or key is malformed or a header is missing.
pub fn sign(
    request: &SignedRequest<'_>,
    access_key: &str,
    secret_key: &str,
    algorithm: SigningAlgorithm<'_>,
    sdk_date: &str,
    signed_headers: &[&str],
) -> Result<String, SignatureError> {
    parse_sdk_date(sdk_date).ok_or(SignatureError::MalformedDate)?;
    let mut headers = request.headers.to_vec();
    match canonical::single_header(request.headers, SDK_DATE)? {
        None => headers.push((SDK_DATE, sdk_date.as_bytes())),
        Some(present) if present == sdk_date.as_bytes() => {}
        Some(_) => return Err(SignatureError::DuplicateHeader(SDK_DATE)),
    }
    let request = SignedRequest { headers: &headers, ..*request };

    let mut names: Vec<_> = signed_headers.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.push(SDK_DATE.to_owned());
    names.sort();
    names.dedup();

    let scope = match algorithm {
        SigningAlgorithm::V11HmacSha256 { region, service } => Some(V11Scope {
            date: sdk_date.chars().take_while(char::is_ascii_digit).collect(),
            region: region.to_owned(),
            service: service.to_owned(),
        }),
        _ => None,
    };
    let scope = scope.as_ref().map(V11Scope::to_string);
    let algorithm = algorithm.algorithm();

    // Both have at least one element; the first is what official clients sign.
    let uri = canonical::canonical_uris(request.path).swap_remove(0);
    let payload_hash = canonical::payload_hashes(&request, algorithm)?.swap_remove(0);
    let canonical_request = CanonicalRequest::new(&request, &names)?.render(&uri, &payload_hash);
    let message = string_to_sign(algorithm, sdk_date, scope.as_deref(), &canonical_request);
    let signature = scheme::sign_message(
        algorithm,
        access_key,
        secret_key,
        scope.as_deref().unwrap_or_default(),
        message.as_bytes(),
    )?;

    let credential = match scope {
        Some(scope) => format!("Credential={access_key}/{scope}"),
        None => format!("Access={access_key}"),
    };
    let value =
        format!("{algorithm} {credential}, SignedHeaders={}, Signature={}", names.join(";"), hex::encode(signature));
    // A key, region or header name that breaks the header's syntax shows here rather than at the other end.
    let parsed = Authorization::parse(&value)?;
    if parsed.access_key() == access_key && parsed.signed_headers() == names {
        Ok(value)
    } else {
        Err(SignatureError::MalformedAuthorization("the access key or a header name breaks the syntax"))
    }
}
