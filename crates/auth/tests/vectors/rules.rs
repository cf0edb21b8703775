//! Each rule of signing and verifying, on requests signed here.

use openccm_auth::{Authorization, SignatureError, SigningAlgorithm, sign};

use crate::request::{Request, SIGNING_ALGORITHMS, captures, request};

#[test]
fn each_algorithm_signs_what_it_verifies() {
    let captures = captures();
    let headers = [("Host", "127.0.0.1:8080"), ("X-Twice", "b"), ("x-twice", " a "), ("X-Unsigned", "1")];
    for algorithm in SIGNING_ALGORITHMS {
        let mut request = request("POST", "/v1/a b/%2F//../~", "b=%20+&a", &headers, "{}");
        request.sign(&captures, algorithm, &["HOST", "x-twice"]);
        let authorization = request.authorization();
        assert_eq!(authorization.algorithm(), algorithm.algorithm());
        assert_eq!(authorization.signed_headers(), ["host", "x-sdk-date", "x-twice"]);
        let verify = |request: &Request| request.verify_with(&authorization, &captures.secret_key, request.date_ms());
        assert_eq!(verify(&request), Ok(()), "{algorithm:?}");

        let mut harmless = request.clone();
        harmless.query = b"a=&b=%20%20".to_vec();
        harmless.path = b"/v1/a%20b////../%7e/".to_vec();
        harmless.headers.reverse();
        harmless.set("x-unsigned", "2");
        assert_eq!(verify(&harmless), Ok(()), "{algorithm:?}");

        let mut changed = request.clone();
        changed.path = b"/v1/~".to_vec();
        assert_eq!(verify(&changed), Err(SignatureError::Mismatch), "{algorithm:?}");
    }
}

/// The Go and Java SDKs escape the path a second time: the server sees `/a%2Fb`, they signed `/a%252Fb`.
#[test]
fn a_path_signed_double_encoded_is_accepted() {
    let captures = captures();
    let mut request = request("GET", "/v1/a%252Fb%2520c", "", &[], "");
    request.sign(&captures, SigningAlgorithm::HmacSha256, &[]);
    let authorization = request.authorization();
    request.path = b"/v1/a%2Fb%20c".to_vec();
    assert_eq!(request.verify_with(&authorization, &captures.secret_key, request.date_ms()), Ok(()));
    request.path = b"/v1/a/b%20c".to_vec();
    let result = request.verify_with(&authorization, &captures.secret_key, request.date_ms());
    assert_eq!(result, Err(SignatureError::Mismatch));
}

#[test]
fn an_unsigned_payload_may_change_and_a_stated_digest_may_not_lie() {
    let captures = captures();
    for algorithm in SIGNING_ALGORITHMS {
        let sm3 = matches!(algorithm, SigningAlgorithm::HmacSm3 | SigningAlgorithm::Sm2Sm3);
        // SHA-256 (FIPS 180-4) and SM3 (GB/T 32905) of "abc", and of the empty string.
        let (name, abc, empty) = if sm3 {
            (
                "X-Sdk-Content-Sm3",
                "66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0",
                "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
            )
        } else {
            (
                "X-Sdk-Content-Sha256",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            )
        };
        let verify = |request: &Request, authorization: &Authorization| {
            request.verify_with(authorization, &captures.secret_key, request.date_ms())
        };

        let mut unsigned = request("POST", "/", "", &[(name, "UNSIGNED-PAYLOAD")], "abc");
        unsigned.sign(&captures, algorithm, &[]);
        let authorization = unsigned.authorization();
        assert_eq!(verify(&unsigned, &authorization), Ok(()));
        unsigned.body = b"abd".to_vec();
        assert_eq!(verify(&unsigned, &authorization), Ok(()), "the body is declared to be unsigned");
        unsigned.set(name, empty);
        assert_eq!(verify(&unsigned, &authorization), Err(SignatureError::PayloadHashMismatch));
        unsigned.headers.remove(0);
        assert_eq!(verify(&unsigned, &authorization), Err(SignatureError::Mismatch));

        let mut stated = request("POST", "/", "", &[(name, abc)], "abc");
        stated.sign(&captures, algorithm, &[]);
        let authorization = stated.authorization();
        assert_eq!(verify(&stated, &authorization), Ok(()));
        stated.body = b"abd".to_vec();
        assert_eq!(verify(&stated, &authorization), Err(SignatureError::PayloadHashMismatch));
        stated.set(name, "UNSIGNED-PAYLOAD");
        assert_eq!(verify(&stated, &authorization), Err(SignatureError::Mismatch));
        stated.headers.push((name.to_owned(), abc.into()));
        assert!(matches!(verify(&stated, &authorization), Err(SignatureError::DuplicateHeader(_))));

        // Python signs the digest of an empty body even beside UNSIGNED-PAYLOAD; others sign the word.
        let mut python = request("POST", "/", "", &[("X-Other", "1")], "");
        python.sign(&captures, algorithm, &[]);
        let authorization = python.authorization();
        python.headers.push((name.to_owned(), b"UNSIGNED-PAYLOAD".to_vec()));
        assert_eq!(verify(&python, &authorization), Ok(()));
        python.body = b"a".to_vec();
        assert_eq!(verify(&python, &authorization), Err(SignatureError::Mismatch));
        let mut others = request("POST", "/", "", &[(name, "UNSIGNED-PAYLOAD")], "");
        others.sign(&captures, algorithm, &[]);
        assert_eq!(verify(&others, &others.authorization()), Ok(()));
    }
}

#[test]
fn the_date_header_must_be_one_and_well_formed() {
    let captures = captures();
    let mut original = request("GET", "/", "", &[], "");
    original.sign(&captures, SigningAlgorithm::HmacSha256, &[]);
    let (authorization, now_ms) = (original.authorization(), original.date_ms());
    let verify = |request: &Request| request.verify_with(&authorization, &captures.secret_key, now_ms);

    let mut changed = original.clone();
    changed.headers.push(("x-sdk-date".into(), b"20261122T034331Z".to_vec()));
    assert_eq!(verify(&changed), Err(SignatureError::DuplicateHeader("x-sdk-date")));
    let mut changed = original.clone();
    changed.headers.retain(|(name, _)| name != "X-Sdk-Date");
    assert_eq!(verify(&changed), Err(SignatureError::MissingDate));
    let mut changed = original.clone();
    changed.set("x-sdk-date", "2026-11-22T03:43:31Z");
    assert_eq!(verify(&changed), Err(SignatureError::MalformedDate));
}

#[test]
fn a_signed_header_must_be_there() {
    let captures = captures();
    let mut request = request("GET", "/", "", &[("X-Domain-Id", "d1")], "");
    request.sign(&captures, SigningAlgorithm::HmacSha256, &["x-domain-id"]);
    let authorization = request.authorization();
    request.headers.remove(0);
    let result = request.verify_with(&authorization, &captures.secret_key, request.date_ms());
    assert_eq!(result, Err(SignatureError::MissingSignedHeader("x-domain-id".into())));
}

#[test]
fn a_v11_scope_is_of_the_day() {
    let captures = captures();
    let mut request = request("GET", "/", "", &[], "");
    request.sign(&captures, SigningAlgorithm::V11HmacSha256 { region: "cn-north-4", service: "scm" }, &[]);
    let value = request.header("authorization").to_owned();
    let scope = request.authorization().scope().unwrap().to_string();
    assert_eq!(scope, "20261122/cn-north-4/scm");

    for (other, expected) in [
        ("20261121/cn-north-4/scm", SignatureError::ScopeDateMismatch),
        ("20261122/cn-north-1/scm", SignatureError::Mismatch),
        ("20261122/cn-north-4/ccm", SignatureError::Mismatch),
    ] {
        request.set("authorization", &value.replace(&scope, other));
        let result = request.verify_with(&request.authorization(), &captures.secret_key, request.date_ms());
        assert_eq!(result, Err(expected));
    }
}

#[test]
fn the_signer_refuses_what_it_could_not_verify() {
    let original = request("GET", "/", "", &[], "");
    let sign_as = |access_key: &str, algorithm, date: &str, headers: &[&str]| {
        original.with_parts(|request| sign(request, access_key, "SK", algorithm, date, headers))
    };
    let (hmac, date) = (SigningAlgorithm::HmacSha256, "20261122T034331Z");
    assert!(sign_as("AK", hmac, date, &[]).is_ok());
    assert!(sign_as("AK, Signature=00", hmac, date, &[]).is_err());
    assert!(sign_as("", hmac, date, &[]).is_err());
    assert!(sign_as("AK", hmac, date, &["a;b"]).is_err());
    assert!(sign_as("AK", hmac, date, &["host"]).is_err());
    assert!(sign_as("AK", hmac, "20261122T034332Z", &[]).is_err());
    assert!(sign_as("AK", hmac, "yesterday", &[]).is_err());
    let scope = SigningAlgorithm::V11HmacSha256 { region: "a/b", service: "ccm" };
    assert!(sign_as("AK", scope, date, &[]).is_err());
}
