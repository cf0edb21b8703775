//! What the tests ask for.

use openccm_pki::Certificate;
use serde_json::{Value, json};

/// The certificate and the chain above it in the answer of an export.
pub(crate) fn exported_chain(exported: &Value) -> (Certificate, Vec<Certificate>) {
    let read = |field: &str| Certificate::all_from_pem(exported[field].as_str().unwrap()).unwrap();
    (read("certificate").remove(0), read("certificate_chain"))
}

pub(crate) fn name(common_name: &str) -> Value {
    json!({
        "common_name": common_name, "country": "CN", "state": "Sichuan", "locality": "Chengdu",
        "organization": "Example", "organizational_unit": "IT",
    })
}

pub(crate) fn root_request(common_name: &str) -> Value {
    json!({
        "type": "ROOT", "distinguished_name": name(common_name), "key_algorithm": "EC256",
        "signature_algorithm": "SHA256", "validity": {"type": "YEAR", "value": 10},
    })
}

pub(crate) fn subordinate_request(common_name: &str, issuer_id: &str) -> Value {
    json!({
        "type": "SUBORDINATE", "distinguished_name": name(common_name), "key_algorithm": "EC256",
        "signature_algorithm": "SHA256", "validity": {"type": "YEAR", "value": 5}, "issuer_id": issuer_id,
    })
}

pub(crate) fn certificate_request(common_name: &str, issuer_id: &str) -> Value {
    json!({
        "issuer_id": issuer_id, "key_algorithm": "EC256", "signature_algorithm": "SHA256",
        "distinguished_name": {"common_name": common_name}, "validity": {"type": "DAY", "value": 30},
    })
}

/// `value` with the member at `pointer` (such as `/validity/value`) set to `member`, or removed where that is null.
pub(crate) fn with(mut value: Value, pointer: &str, member: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent =
        value.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} has no parent")).as_object_mut().unwrap();
    if member.is_null() {
        parent.remove(key)
    } else {
        parent.insert(key.to_owned(), member)
    };
    value
}
