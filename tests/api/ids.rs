//! Ids in paths: bad ones, unknown ones, and those of other accounts.

use serde_json::{Value, json};

use crate::world::{CAS, CERTIFICATES, certificate_request, on_both, root_request, subordinate_request};

/// An id that nothing has.
pub(crate) const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// Every operation on an authority, or a certificate, with a body that it would take.
fn operations(issuer: &str) -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let activation =
        json!({"issuer_id": issuer, "signature_algorithm": "SHA256", "validity": {"type": "DAY", "value": 1}});
    vec![
        ("GET", CAS, "", Value::Null),
        ("DELETE", CAS, "?pending_days=7", Value::Null),
        ("GET", CAS, "/csr", Value::Null),
        ("POST", CAS, "/export", Value::Null),
        ("POST", CAS, "/disable", Value::Null),
        ("POST", CAS, "/enable", Value::Null),
        ("POST", CAS, "/restore", Value::Null),
        ("POST", CAS, "/revoke", json!({"reason": "SUPERSEDED"})),
        ("POST", CAS, "/activate", activation),
        ("POST", CAS, "/import", json!({"certificate": "nonsense"})),
        ("GET", CERTIFICATES, "", Value::Null),
        ("DELETE", CERTIFICATES, "", Value::Null),
        ("POST", CERTIFICATES, "/export", json!({"type": "OTHER", "is_compressed": true})),
        ("POST", CERTIFICATES, "/revoke", json!({})),
    ]
}

#[test]
fn ids_in_paths() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let before = world.everything().await;
        let long = "a".repeat(10_000);
        let bad = [
            "nonsense",
            "1",
            "%00",
            "%FF",
            "%C3%28",
            "%2e%2e",
            "%2F",
            "%",
            "%zz",
            "..",
            "'",
            "%27%20OR%201=1--",
            "null",
            "{66504812-fedc-414a-9b7c-4c1836398524}",
            "66504812fedc414a9b7c4c1836398524",
            "66504812-fedc-414a-9b7c-4c183639852g",
            "%E6%BC%94%E7%A4%BA",
            &long,
        ];
        for (method, collection, rest, body) in operations(&root) {
            let code = if collection == CAS { "PCA.00020201" } else { "PCA.00020301" };
            for id in bad.iter().map(|id| id.replace('{', "%7B").replace('}', "%7D")) {
                let path = format!("{collection}/{id}{rest}");
                let answer = world.call(method, &path, body.clone()).await;
                assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text());
                answer.error(400, code);
            }
            world.call(method, &format!("{collection}/{UNKNOWN}{rest}"), body).await.error(404, "PCA.00030102");
        }
        assert_eq!(world.authority(&root.to_uppercase()).await["ca_id"], root, "an id is read in any case");
        assert_eq!(world.everything().await, before);
    });
}

#[test]
fn what_belongs_to_another_account_is_not_there() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let sub = world.subordinate("Sub", &root).await;
        let pending = world.pending("Pending").await;
        let deleted = world.root("Deleted").await;
        world.schedule_deletion(&deleted).await;
        let leaf = world.certificate("leaf", &sub).await;
        let other = world.add_account("other", true).await;
        let own = world.call_as(&other, "POST", CAS, root_request("Own")).await.ok()["ca_id"].clone();
        let before = world.everything().await;
        for id in [&root, &sub, &pending, &deleted, &leaf] {
            for (method, collection, rest, body) in operations(own.as_str().unwrap()) {
                let answer = world.call_as(&other, method, &format!("{collection}/{id}{rest}"), body).await;
                answer.error(404, "PCA.00030102");
            }
        }
        let csr = world.get(&format!("{CAS}/{pending}/csr")).await["csr"].clone();
        let validity = json!({"type": "DAY", "value": 1});
        for id in [&root, &sub] {
            let request = json!({"issuer_id": id, "csr": csr, "validity": validity});
            for (path, body) in [
                (CAS.to_owned(), subordinate_request("Sub", id)),
                (CERTIFICATES.to_owned(), certificate_request("leaf", id)),
                (format!("{CERTIFICATES}/csr"), request),
            ] {
                world.call_as(&other, "POST", &path, body).await.error(404, "PCA.00030103");
            }
        }
        assert_eq!(world.everything().await, before);
    });
}
