//! The captured requests, in a form that a test can change, sign and verify.

use openccm_auth::{Authorization, SignatureError, SignedRequest, SigningAlgorithm, parse_sdk_date, sign};
use serde::Deserialize;

pub(crate) const WINDOW_MS: i64 = 15 * 60 * 1000;

#[derive(Deserialize)]
pub(crate) struct Captures {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) vectors: Vec<Vector>,
}

#[derive(Deserialize)]
pub(crate) struct Vector {
    pub(crate) note: String,
    pub(crate) request_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) algorithm: String,
}

pub(crate) fn captures() -> Captures {
    let captures: Captures = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    assert_eq!(captures.vectors.len(), 115);
    captures
}

/// A captured request that can be changed before it is verified.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) query: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl From<&Vector> for Request {
    fn from(vector: &Vector) -> Self {
        let mut words = vector.request_line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: vector.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect(),
            body: vector.body.clone().into_bytes(),
        }
    }
}

impl Request {
    pub(crate) fn position(&self, name: &str) -> usize {
        self.headers.iter().position(|(header, _)| header.eq_ignore_ascii_case(name)).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        std::str::from_utf8(&self.headers[self.position(name)].1).unwrap()
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let position = self.position(name);
        self.headers[position].1 = value.into();
    }

    pub(crate) fn authorization(&self) -> Authorization {
        Authorization::parse(self.header("authorization")).unwrap()
    }

    pub(crate) fn date_ms(&self) -> i64 {
        parse_sdk_date(self.header("x-sdk-date")).unwrap()
    }

    pub(crate) fn with_parts<T>(&self, action: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        action(&SignedRequest {
            method: std::str::from_utf8(&self.method).unwrap(),
            path: std::str::from_utf8(&self.path).unwrap(),
            query: std::str::from_utf8(&self.query).unwrap(),
            headers: &headers,
            body: &self.body,
        })
    }

    pub(crate) fn verify_with(
        &self,
        authorization: &Authorization,
        secret_key: &str,
        now_ms: i64,
    ) -> Result<(), SignatureError> {
        self.with_parts(|request| authorization.verify(request, secret_key, now_ms, WINDOW_MS))
    }

    /// Signs the request anew for its own date and puts the `Authorization` header in.
    pub(crate) fn sign(&mut self, captures: &Captures, algorithm: SigningAlgorithm<'_>, signed_headers: &[&str]) {
        let date = self.header("x-sdk-date").to_owned();
        let value = self.with_parts(|request| {
            sign(request, &captures.access_key, &captures.secret_key, algorithm, &date, signed_headers).unwrap()
        });
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        self.headers.push(("Authorization".into(), value.into()));
    }
}

/// A simple request of our own.
pub(crate) fn request(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &str) -> Request {
    Request {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers: headers
            .iter()
            .chain(&[("X-Sdk-Date", "20261122T034331Z")])
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect(),
        body: body.into(),
    }
}

/// Another byte in the place of this one, which neither decoding, trimming nor sorting can undo.
pub(crate) fn other(byte: u8) -> u8 {
    if byte == b'x' { b'y' } else { b'x' }
}

pub(crate) const SIGNING_ALGORITHMS: [SigningAlgorithm<'static>; 5] = [
    SigningAlgorithm::HmacSha256,
    SigningAlgorithm::HmacSm3,
    SigningAlgorithm::EcdsaP256Sha256,
    SigningAlgorithm::Sm2Sm3,
    SigningAlgorithm::V11HmacSha256 { region: "globe", service: "ccm" },
];
