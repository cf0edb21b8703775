//! What the official clients sent verifies, and nothing close to it does.

use openccm_auth::{Algorithm, Authorization, SignatureError, SigningAlgorithm, format_sdk_date};

use crate::request::{Request, SIGNING_ALGORITHMS, WINDOW_MS, captures, other};

#[test]
fn every_captured_request_verifies() {
    let captures = captures();
    for vector in &captures.vectors {
        let request = Request::from(vector);
        let authorization = request.authorization();
        assert_eq!(authorization.access_key(), captures.access_key);
        assert_eq!(authorization.algorithm(), Algorithm::from_name(&vector.algorithm).unwrap());
        let result = request.verify_with(&authorization, &captures.secret_key, request.date_ms());
        assert_eq!(result, Ok(()), "{}: {}", vector.note, vector.request_line);
    }
}

#[test]
fn another_secret_or_access_key_does_not_verify() {
    let captures = captures();
    for vector in &captures.vectors {
        let mut request = Request::from(vector);
        let result = request.verify_with(&request.authorization(), "another", request.date_ms());
        assert_eq!(result, Err(SignatureError::Mismatch), "{}", vector.note);

        // The access key goes into derived keys; an HMAC is bound to it by the caller's look-up of the secret.
        if !vector.algorithm.starts_with("SDK-HMAC") {
            let value = request.header("authorization").replace(&captures.access_key, "AKTESTEXAMPLE0000002");
            request.set("authorization", &value);
            let result = request.verify_with(&request.authorization(), &captures.secret_key, request.date_ms());
            assert_eq!(result, Err(SignatureError::Mismatch), "{}", vector.note);
        }
    }
}

#[test]
fn any_changed_byte_is_refused() {
    let captures = captures();
    let mut changes = 0;
    for vector in &captures.vectors {
        let original = Request::from(vector);
        let authorization = original.authorization();
        let now_ms = original.date_ms();
        let mut refused = |part: &str, index: usize, change: &dyn Fn(&mut Request)| {
            let mut changed = original.clone();
            change(&mut changed);
            let result = changed.verify_with(&authorization, &captures.secret_key, now_ms);
            assert!(result.is_err(), "{}: {} with {part} changed at {index}", vector.note, vector.request_line);
            changes += 1;
        };

        for index in 0..original.method.len() {
            refused("method", index, &|request| request.method[index] = other(request.method[index]));
        }
        for index in 0..original.path.len() {
            refused("path", index, &|request| request.path[index] = other(request.path[index]));
        }
        for index in 0..original.query.len() {
            refused("query", index, &|request| request.query[index] = other(request.query[index]));
        }
        for name in authorization.signed_headers() {
            let position = original.position(name);
            for index in 0..original.headers[position].1.len() {
                refused(name, index, &|request| {
                    let value = &mut request.headers[position].1;
                    value[index] = other(value[index]);
                });
            }
            refused(name, 0, &|request| drop(request.headers.remove(position)));
            refused(name, 0, &|request| request.headers.push((name.to_uppercase(), b"more".to_vec())));
        }
        // No captured body is unsigned: that exception has a test of its own.
        assert!(vector.headers.iter().all(|(name, _)| !name.to_lowercase().starts_with("x-sdk-content-")));
        for index in 0..original.body.len() {
            refused("body", index, &|request| request.body[index] = other(request.body[index]));
        }
        refused("body", original.body.len(), &|request| request.body.push(b'\n'));
        refused("query", original.query.len(), &|request| request.query.extend_from_slice(b"&x"));
    }
    assert!(changes > 20_000, "{changes}");
}

#[test]
fn any_changed_digit_of_a_signature_is_refused() {
    let captures = captures();
    for vector in &captures.vectors {
        let mut request = Request::from(vector);
        let original = request.header("authorization").to_owned();
        let start = original.find("Signature=").unwrap() + "Signature=".len();
        for index in start..original.len() {
            let digit = if original.as_bytes()[index] == b'0' { "1" } else { "0" };
            let changed = [&original[..index], digit, &original[index + 1..]].concat();
            request.set("authorization", &changed);
            let result = request.verify_with(&request.authorization(), &captures.secret_key, request.date_ms());
            assert_eq!(result, Err(SignatureError::Mismatch), "{}: {changed}", vector.note);
        }
        for end in start..original.len() {
            let verified = Authorization::parse(&original[..end])
                .is_ok_and(|cut| request.verify_with(&cut, &captures.secret_key, request.date_ms()).is_ok());
            assert!(!verified, "{}: signature cut at {end}", vector.note);
        }
    }
}

#[test]
fn a_valid_date_other_than_the_signed_one_is_refused() {
    let captures = captures();
    for vector in &captures.vectors {
        let mut request = Request::from(vector);
        let (authorization, now_ms) = (request.authorization(), request.date_ms());
        request.set("x-sdk-date", &format_sdk_date(now_ms + 1000).unwrap());
        let result = request.verify_with(&authorization, &captures.secret_key, now_ms);
        assert_eq!(result, Err(SignatureError::Mismatch), "{}", vector.note);
    }
}

#[test]
fn the_window_is_fifteen_minutes_both_ways() {
    let captures = captures();
    for vector in &captures.vectors {
        let request = Request::from(vector);
        let (authorization, date_ms) = (request.authorization(), request.date_ms());
        let at = |now_ms| request.verify_with(&authorization, &captures.secret_key, now_ms);
        assert_eq!(at(date_ms - WINDOW_MS), Ok(()));
        assert_eq!(at(date_ms + WINDOW_MS), Ok(()));
        let skew_ms = WINDOW_MS + 1;
        assert_eq!(at(date_ms - skew_ms), Err(SignatureError::OutsideWindow { skew_ms }));
        assert_eq!(at(date_ms + skew_ms), Err(SignatureError::OutsideWindow { skew_ms: -skew_ms }));
        assert!(at(i64::MIN).is_err() && at(i64::MAX).is_err());
    }
}

#[test]
fn the_signer_repeats_the_captured_macs() {
    let captures = captures();
    let mut repeated = 0;
    for vector in &captures.vectors {
        let mut request = Request::from(vector);
        let authorization = request.authorization();
        let signing =
            SIGNING_ALGORITHMS.iter().find(|signing| signing.algorithm() == authorization.algorithm()).unwrap();
        if matches!(signing, SigningAlgorithm::EcdsaP256Sha256 | SigningAlgorithm::Sm2Sm3) {
            continue; // Their signatures are random.
        }
        let captured = request.header("authorization").to_owned();
        let names: Vec<_> = authorization.signed_headers().iter().map(String::as_str).collect();
        request.sign(&captures, *signing, &names);
        assert_eq!(request.header("authorization"), captured, "{}", vector.note);
        repeated += 1;
    }
    assert_eq!(repeated, 97);
}
