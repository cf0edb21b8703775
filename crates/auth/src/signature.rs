//! Verifying the signature of a request.

use std::borrow::Cow;
use std::fmt;

use crate::canonical::{self, CanonicalRequest};
use crate::scheme::{Algorithm, VerifyingKey};
use crate::sdk_date::parse_sdk_date;

pub(crate) const SDK_DATE: &str = "x-sdk-date";

/// A request as it came over the wire. All parts are raw: neither decoded nor normalised.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method, upper-case.
    pub method: &'a str,
    /// The path of the request target, still percent-encoded.
    pub path: &'a str,
    /// The query of the request target without the `?`, still percent-encoded; empty if there is none.
    pub query: &'a str,
    /// Names (in any case) and values, a repeated header once for each value. Over HTTP/2 the caller adds `host` from
    /// `:authority`. Values must be free of line breaks, as every HTTP parser makes sure.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The exact bytes of the body.
    pub body: &'a [u8],
}

/// Why a request's signature was not accepted. For the log; clients are told no more than that they are not
/// authenticated. Carries nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The `Authorization` header does not have the form `ALGORITHM Access=…, SignedHeaders=…, Signature=…`.
    #[error("malformed Authorization header: {0}")]
    MalformedAuthorization(&'static str),
    /// The first word of the `Authorization` header is not one of [`Algorithm`].
    #[error("unknown signature algorithm")]
    UnknownAlgorithm,
    /// `SignedHeaders` does not name `x-sdk-date`.
    #[error("x-sdk-date is not among the signed headers")]
    DateNotSigned,
    /// `SignedHeaders` names a header that the request does not carry.
    #[error("the signed header {0} is missing")]
    MissingSignedHeader(String),
    /// A header that may occur once occurs more often.
    #[error("the header {0} is repeated")]
    DuplicateHeader(&'static str),
    /// `X-Sdk-Date` is missing.
    #[error("X-Sdk-Date is missing")]
    MissingDate,
    /// `X-Sdk-Date` is not of the form `yyyyMMddTHHmmssZ`.
    #[error("X-Sdk-Date is malformed")]
    MalformedDate,
    /// `X-Sdk-Date` is too far from the server's time.
    #[error("X-Sdk-Date is {skew_ms:+} ms from the server's time")]
    OutsideWindow {
        /// The client's time minus the server's, in milliseconds.
        skew_ms: i64,
    },
    /// The date in a V11 credential is not the date of `X-Sdk-Date`.
    #[error("the date of the V11 credential is not that of X-Sdk-Date")]
    ScopeDateMismatch,
    /// The digest stated in `X-Sdk-Content-Sha256` or `X-Sdk-Content-Sm3` is not the body's.
    #[error("the stated content digest is not that of the body")]
    PayloadHashMismatch,
    /// The signature is not that of this request and secret key.
    #[error("the signature does not match")]
    Mismatch,
    /// The cryptographic library refused to work.
    #[error("the cryptographic library failed")]
    Cryptography,
}

/// What a `V11-HMAC-SHA256` key is valid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V11Scope {
    /// `YYYYMMDD`, the date part of `X-Sdk-Date`.
    pub date: String,
    /// The region id, or `globe` for global services. Not verified against anything.
    pub region: String,
    /// The service's short name, such as `ccm`. Not verified against anything.
    pub service: String,
}

impl fmt::Display for V11Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.date, self.region, self.service)
    }
}

/// A parsed `Authorization` header of a signed request.
#[derive(Clone)]
pub struct Authorization {
    algorithm: Algorithm,
    access_key: String,
    scope: Option<V11Scope>,
    signed_headers: Vec<String>,
    signature: Vec<u8>,
}

impl fmt::Debug for Authorization {
    /// Leaves out the signature, which lets a request be repeated within the time window.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("algorithm", &self.algorithm)
            .field("access_key", &self.access_key)
            .field("scope", &self.scope)
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

impl Authorization {
    /// Parses `ALGORITHM Access=AK, SignedHeaders=a;b;c, Signature=hex`, or for V11
    /// `V11-HMAC-SHA256 Credential=AK/YYYYMMDD/region/service, …`. Blanks after the commas, the order of the parts and
    /// the case of the hex digits and header names are free.
    ///
    /// Refuses a header that does not sign `x-sdk-date`.
    pub fn parse(header_value: &str) -> Result<Self, SignatureError> {
        use SignatureError::MalformedAuthorization as Malformed;

        let (name, parameters) = header_value.trim_ascii().split_once([' ', '\t']).ok_or(Malformed("no parameters"))?;
        let algorithm = Algorithm::from_name(name).ok_or(SignatureError::UnknownAlgorithm)?;
        let is_v11 = algorithm == Algorithm::V11HmacSha256;

        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for parameter in parameters.split(',') {
            let (key, value) = parameter.split_once('=').ok_or(Malformed("a parameter without value"))?;
            let slot = match key.trim_ascii() {
                "Access" if !is_v11 => &mut credential,
                "Credential" if is_v11 => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(Malformed("an unknown parameter")),
            };
            if slot.replace(value.trim_ascii()).is_some() {
                return Err(Malformed("a repeated parameter"));
            }
        }

        let credential = credential.ok_or(Malformed("no access key"))?;
        let (access_key, scope) = if is_v11 {
            let (access_key, scope) = credential.split_once('/').ok_or(Malformed("no credential scope"))?;
            (access_key, Some(parse_scope(scope)?))
        } else {
            (credential, None)
        };
        if access_key.is_empty() || !access_key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
            return Err(Malformed("the access key is not a word"));
        }
        let signature = signature.filter(|hex| !hex.is_empty()).ok_or(Malformed("no signature"))?;
        Ok(Self {
            algorithm,
            access_key: access_key.to_owned(),
            scope,
            signed_headers: parse_signed_headers(signed_headers.ok_or(Malformed("no signed headers"))?)?,
            signature: hex::decode(signature).map_err(|_| Malformed("the signature is not in hex"))?,
        })
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The access key whose secret key must be given to [`verify`](Self::verify). Until then it is a mere claim.
    /// Visible ASCII without blanks.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The scope of a V11 credential; nothing for other algorithms.
    pub fn scope(&self) -> Option<&V11Scope> {
        self.scope.as_ref()
    }

    /// The names of the signed headers, in lower case. Only these headers are as the client sent them.
    pub fn signed_headers(&self) -> &[String] {
        &self.signed_headers
    }

    /// Verifies that the owner of `secret_key` signed `request`, not longer than `window_ms` before or after `now_ms`
    /// (both in milliseconds, `now_ms` since the Unix epoch; the window includes its ends).
    ///
    /// What a good signature does not say: that the request is no repetition within the window (the protocol has
    /// nothing to tell it by); that a header outside [`signed_headers`](Self::signed_headers) is the client's; or which
    /// of the paths `/a%2Fb` and `/a/b`, or `/a` and `/a/`, was meant, since they sign alike. Whoever routes by the raw
    /// path must refuse an escaped slash.
    pub fn verify(
        &self,
        request: &SignedRequest<'_>,
        secret_key: &str,
        now_ms: i64,
        window_ms: i64,
    ) -> Result<(), SignatureError> {
        let sdk_date = self.check_date(request, now_ms, window_ms)?;
        let canonical = CanonicalRequest::new(request, &self.signed_headers)?;
        let payload_hashes = canonical::payload_hashes(request, self.algorithm)?;
        let scope = self.scope.as_ref().map(V11Scope::to_string);
        let scope = scope.as_deref();
        let key = VerifyingKey::derive(self.algorithm, &self.access_key, secret_key, scope.unwrap_or_default())?;

        for uri in canonical::canonical_uris(request.path) {
            for payload_hash in &payload_hashes {
                let canonical_request = canonical.render(&uri, payload_hash);
                let message = string_to_sign(self.algorithm, sdk_date, scope, &canonical_request);
                if key.accepts(message.as_bytes(), &self.signature) {
                    return Ok(());
                }
            }
        }
        Err(SignatureError::Mismatch)
    }

    /// Checks `X-Sdk-Date` against the window and the V11 scope; gives its text.
    fn check_date<'a>(
        &self,
        request: &SignedRequest<'a>,
        now_ms: i64,
        window_ms: i64,
    ) -> Result<&'a str, SignatureError> {
        let sdk_date = canonical::single_header(request.headers, SDK_DATE)?.ok_or(SignatureError::MissingDate)?;
        let sdk_date = std::str::from_utf8(sdk_date).map_err(|_| SignatureError::MalformedDate)?;
        let sdk_date_ms = parse_sdk_date(sdk_date).ok_or(SignatureError::MalformedDate)?;
        if sdk_date_ms.abs_diff(now_ms) > u64::try_from(window_ms).unwrap_or(0) {
            return Err(SignatureError::OutsideWindow { skew_ms: sdk_date_ms.saturating_sub(now_ms) });
        }
        match &self.scope {
            Some(scope) if !sdk_date.starts_with(&scope.date) => Err(SignatureError::ScopeDateMismatch),
            _ => Ok(sdk_date),
        }
    }
}

/// What is signed: the algorithm, the time, for V11 the scope, and the hash of the canonical request.
pub(crate) fn string_to_sign(
    algorithm: Algorithm,
    sdk_date: &str,
    v11_scope: Option<&str>,
    canonical_request: &[u8],
) -> String {
    let hash = algorithm.digest_hex(canonical_request);
    let scope = v11_scope.map_or(Cow::Borrowed(""), |scope| Cow::Owned(format!("{scope}\n")));
    format!("{algorithm}\n{sdk_date}\n{scope}{hash}")
}

fn parse_scope(scope: &str) -> Result<V11Scope, SignatureError> {
    let mut parts = scope.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(date), Some(region), Some(service), None)
            if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Ok(V11Scope { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() })
        }
        _ => Err(SignatureError::MalformedAuthorization("the credential scope is not YYYYMMDD/region/service")),
    }
}

fn parse_signed_headers(names: &str) -> Result<Vec<String>, SignatureError> {
    let names: Vec<_> = names.split(';').map(|name| name.trim_ascii().to_ascii_lowercase()).collect();
    let is_name = |name: &String| !name.is_empty() && name.bytes().all(is_token_character);
    if !names.iter().all(is_name) {
        return Err(SignatureError::MalformedAuthorization("a signed header is not a header name"));
    }
    if !names.iter().any(|name| name == SDK_DATE) {
        return Err(SignatureError::DateNotSigned);
    }
    Ok(names)
}

/// The characters of a header name (RFC 9110 section 5.6.2).
fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
