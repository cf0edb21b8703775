//! The syntax of the `Authorization` header, and input of any kind.

use openccm_auth::{Algorithm, Authorization, SignatureError, SigningAlgorithm};
use proptest::prelude::*;

use crate::request::{Captures, Request, SIGNING_ALGORITHMS, captures, request};

#[test]
fn the_authorization_header_is_read_leniently_but_completely() {
    let captures = captures();
    let mut request = request("GET", "/", "", &[], "");
    request.sign(&captures, SigningAlgorithm::HmacSha256, &[]);
    let signature = request.header("authorization").split_once("Signature=").unwrap().1.to_owned();
    let upper = signature.to_uppercase();
    let alg = "SDK-HMAC-SHA256";
    for value in [
        format!("{alg} Access=AK1,SignedHeaders=x-sdk-date,Signature={signature}"),
        format!(" {alg}   Signature={upper} ,  Access=AK1 ,\tSignedHeaders=X-Sdk-Date "),
    ] {
        let authorization = Authorization::parse(&value).unwrap();
        assert_eq!(authorization.access_key(), "AK1");
        assert_eq!(request.verify_with(&authorization, &captures.secret_key, request.date_ms()), Ok(()));
        assert!(!format!("{authorization:?}").contains(&signature));
    }

    let parse = |value: &str| Authorization::parse(value).unwrap_err();
    assert_eq!(parse("Bearer abc"), SignatureError::UnknownAlgorithm);
    assert_eq!(
        parse(&format!("{alg}X Access=a, SignedHeaders=x-sdk-date, Signature=00")),
        SignatureError::UnknownAlgorithm
    );
    assert_eq!(parse(&format!("{alg} Access=a, SignedHeaders=host, Signature=00")), SignatureError::DateNotSigned);
    for malformed in [
        "",
        " ",
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 ",
        "SDK-HMAC-SHA256 Access=a",
        "SDK-HMAC-SHA256 Access, SignedHeaders=x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=, SignedHeaders=x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=a b, SignedHeaders=x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=a/b, SignedHeaders=x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=a, Access=b, SignedHeaders=x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=, Signature=00",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date;, Signature=00",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date;a:b, Signature=00",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=0",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=0g",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=00, More=1",
        "SDK-HMAC-SHA256 Credential=a/20261122/r/s, SignedHeaders=x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Credential=a, SignedHeaders=x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Credential=a/2026112/r/s, SignedHeaders=x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Credential=a/20261122/r, SignedHeaders=x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Credential=a/20261122/r/s/t, SignedHeaders=x-sdk-date, Signature=00",
    ] {
        assert!(matches!(parse(malformed), SignatureError::MalformedAuthorization(_)), "{malformed}");
    }
}

/// Header values around the syntax: parts of real ones in any order and number, and noise.
fn authorization_like() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "SDK-HMAC-SHA256",
            "SDK-HMAC-SM3",
            "SDK-ECDSA-P256-SHA256",
            "SDK-SM2-SM3",
            "V11-HMAC-SHA256",
            "Access=",
            "Credential=",
            "SignedHeaders=",
            "Signature=",
            "x-sdk-date",
            "a/20261122/r/s",
            "3045",
            "00ff",
            " ",
            ",",
            ";",
            "/",
            "=",
            "\t",
            "\u{e9}",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn odd_input_never_panics(
        header in authorization_like(),
        algorithm in prop::sample::select(Algorithm::ALL.to_vec()),
        signature in prop::collection::vec(any::<u8>(), 1..80),
        path in "\\PC{0,20}",
        query in "[%&=+a-f0-9\\PC]{0,30}",
        secret_key in "\\PC{0,8}",
    ) {
        let request = request("GET", &path, &query, &[("Host", "h")], "");
        if let Ok(authorization) = Authorization::parse(&header) {
            prop_assert!(request.verify_with(&authorization, &secret_key, request.date_ms()).is_err());
        }
        let credential = if algorithm == Algorithm::V11HmacSha256 { "Credential=a/20261122//" } else { "Access=a" };
        let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        let header = format!("{algorithm} {credential}, SignedHeaders=x-sdk-date, Signature={signature}");
        let authorization = Authorization::parse(&header).unwrap();
        let result = request.verify_with(&authorization, &secret_key, request.date_ms());
        prop_assert_eq!(result, Err(SignatureError::Mismatch));
    }

    #[test]
    fn what_is_signed_verifies(
        path in "/\\PC{0,20}",
        query in "[%&=+a-f0-9\\PC]{0,30}",
        value in "\\PC{0,20}",
        body in "\\PC{0,20}",
        secret_key in "\\PC{0,8}",
        algorithm in prop::sample::select(SIGNING_ALGORITHMS.to_vec()),
    ) {
        let captures = Captures { access_key: "AK1".into(), secret_key, vectors: Vec::new() };
        let mut request = request("PUT", &path, &query, &[("X-Value", &value)], &body);
        request.sign(&captures, algorithm, &["x-value"]);
        let result = request.verify_with(&request.authorization(), &captures.secret_key, request.date_ms());
        prop_assert_eq!(result, Ok(()));
    }
}

#[test]
fn truncated_headers_never_panic_or_verify() {
    let captures = captures();
    for vector in captures.vectors.iter().step_by(10) {
        let request = Request::from(vector);
        let value = request.header("authorization");
        for end in 0..value.len() {
            let verified = Authorization::parse(&value[..end])
                .is_ok_and(|cut| request.verify_with(&cut, &captures.secret_key, request.date_ms()).is_ok());
            assert!(!verified, "{}", &value[..end]);
        }
    }
}
