//! What stands in published lists: of whom, when, why and since when.

use openccm_core::RevocationReason;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use crate::{
    relying_party::{BACKDATED, Entry, addresses},
    world::{
        CAS, CERTIFICATES, DAY_MS, HOUR_MS, MINUTE_MS, START_MS, certificate_request, on_both, subordinate_request,
        with,
    },
};

const START: i64 = START_MS / 1000;
const DAY: i64 = DAY_MS / 1000;

fn entry(revoked_at: i64, reason: Option<u8>) -> Entry {
    Entry { revoked_at, reason, invalid_since: None }
}

#[test]
fn each_publication_has_a_higher_number_and_times_of_its_own() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"valid_days": 30})).await;
        let mut last = world.list(&root).await;
        assert_eq!((last.this_update, last.next_update), (START, START + 30 * DAY), "not before the authority itself");
        assert!(last.number >= START_MS && last.entries.is_empty() && last.point.is_none());
        for round in 0..6 {
            // At the same moment, within a second, after it; and where the clock was put back.
            let step = [0, 0, 400, 700, DAY_MS, -DAY_MS][round];
            world.clock.advance(step);
            let serial = world.revoked(&root, "SUPERSEDED").await;
            assert_eq!(world.publish().await, 1);
            let list = world.list(&root).await;
            let now = world.clock_ms().div_euclid(1000);
            let dated = (now - BACKDATED).max(START);
            assert!(list.number > last.number, "{} after {}", list.number, last.number);
            assert_eq!((list.this_update, list.next_update), (dated, now + 30 * DAY));
            assert_eq!(list.entries.len(), round + 1);
            assert_eq!(list.entries[&serial], entry(now, Some(4)));
            assert_eq!(world.publish().await, 0, "once is enough");
            last = list;
        }
        // Off and on again: the numbers go on, also in the same moment, and nothing is forgotten.
        world.disable_crl(&root).await;
        let unheard = world.revoked(&root, "SUPERSEDED").await;
        assert_eq!(world.publish().await, 0);
        assert_eq!(world.list_at(&format!("/crl/crl/{root}.crl")).await.der, last.der);
        world.enable_crl(&root, json!({"valid_days": 7})).await;
        let list = world.list(&root).await;
        assert!(list.number > last.number);
        assert_eq!(list.next_update, world.clock_ms().div_euclid(1000) + 7 * DAY);
        assert_eq!(list.entries.len(), 7);
        assert!(list.entries.contains_key(&unheard));
    });
}

#[test]
fn a_list_says_when_why_and_since_when() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let mut expected = std::collections::BTreeMap::new();
        for reason in RevocationReason::ALL {
            world.clock.advance(MINUTE_MS + 999);
            let serial = world.revoked(&root, reason.as_str()).await;
            let code = Some(reason.crl_reason()).filter(|code| *code != 0);
            expected.insert(serial, entry(world.clock_ms() / 1000, code));
        }
        for body in [Value::Null, json!({}), json!({"reason": null}), json!({"reason": ""})] {
            let id = world.certificate("leaf", &root).await;
            world.call("POST", &format!("{CERTIFICATES}/{id}/revoke"), body).await.no_content();
            expected.insert(world.serial(&id).await, entry(world.clock_ms() / 1000, None));
        }
        let id = world.certificate("leaf", &root).await;
        let revoke = format!("{CERTIFICATES}/{id}/revoke");
        for wrong in [json!(world.clock_ms() + 1), json!(-1), json!(i64::MAX), json!("yesterday"), json!(true)] {
            let body = json!({"reason": "KEY_COMPROMISE", "invalidity_date": wrong});
            assert!(world.call("POST", &revoke, body).await.error(400, "PCA.00020001").contains("invalidity_date"));
        }
        let since = START_MS - 40 * DAY_MS + 999;
        let body = json!({"reason": "KEY_COMPROMISE", "invalidity_date": since.to_string()});
        world.call("POST", &revoke, body).await.no_content();
        let at = world.clock_ms() / 1000;
        let suspect = Entry { revoked_at: at, reason: Some(1), invalid_since: Some(START - 40 * DAY) };
        expected.insert(world.serial(&id).await, suspect);
        world.publish().await;
        assert_eq!(world.list(&root).await.entries, expected);
    });
}

#[test]
fn a_certificate_on_hold_can_be_revoked_for_good() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let id = world.certificate("leaf", &root).await;
        let serial = world.serial(&id).await;
        let revoke = async |body: Value| world.call("POST", &format!("{CERTIFICATES}/{id}/revoke"), body).await;
        world.revoke(&id, "CERTIFICATE_HOLD").await;
        world.publish().await;
        assert_eq!(world.list(&root).await.entries[&serial], entry(START, Some(6)));
        assert_eq!(world.certificate_status(&id).await, "REVOKED");

        world.clock.advance(HOUR_MS);
        revoke(json!({"reason": "CERTIFICATE_HOLD"})).await.error(403, "PCA.00030201");
        revoke(json!({"reason": "nonsense"})).await.error(400, "PCA.00020001");
        assert_eq!(world.publish().await, 0, "what is refused changes nothing");
        // Of several at once, one wins.
        let mut calls = tokio::task::JoinSet::new();
        for reason in ["KEY_COMPROMISE", "SUPERSEDED", "CESSATION_OF_OPERATION", "PRIVILEGE_WITHDRAWN"] {
            let (caller, path) = (world.caller(), format!("{CERTIFICATES}/{id}/revoke"));
            calls.spawn(async move { (reason, caller.call("POST", &path, json!({"reason": reason})).await) });
        }
        let answers = calls.join_all().await;
        let won: Vec<&str> = answers.iter().filter(|(_, a)| a.status == 204).map(|(reason, _)| *reason).collect();
        assert_eq!(won.len(), 1);
        for (_, answer) in answers.iter().filter(|(_, answer)| answer.status != 204) {
            answer.error(403, "PCA.00030201");
        }
        world.publish().await;
        // It was invalid since it was put on hold.
        let code = RevocationReason::parse(won[0]).unwrap().crl_reason();
        assert_eq!(world.list(&root).await.entries[&serial], entry(START, Some(code)));
        revoke(json!({"reason": "SUPERSEDED"})).await.error(403, "PCA.00030201");
        revoke(json!({"reason": "CERTIFICATE_HOLD"})).await.error(403, "PCA.00030201");
    });
}

#[test]
fn what_is_said_when_a_hold_becomes_final_is_listed() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let (unknown, known) = (world.certificate("a", &root).await, world.certificate("b", &root).await);
        let revoke = async |id: &str, body: Value| {
            world.call("POST", &format!("{CERTIFICATES}/{id}/revoke"), body).await.no_content();
        };
        let (early, late) = (START_MS - 2 * DAY_MS, START_MS - DAY_MS);
        revoke(&unknown, json!({"reason": "CERTIFICATE_HOLD"})).await;
        revoke(&known, json!({"reason": "CERTIFICATE_HOLD", "invalidity_date": late})).await;
        world.clock.advance(HOUR_MS);
        revoke(&unknown, json!({"reason": "KEY_COMPROMISE", "invalidity_date": early})).await;
        revoke(&known, json!({"reason": "KEY_COMPROMISE"})).await;
        world.publish().await;
        let list = world.list(&root).await;
        let since = |ms: i64| Entry { revoked_at: START, reason: Some(1), invalid_since: Some(ms / 1000) };
        assert_eq!(list.entries[&world.serial(&unknown).await], since(early));
        assert_eq!(list.entries[&world.serial(&known).await], since(late), "what was known stays known");
    });
}

#[test]
fn a_revoked_authority_is_listed_by_its_parent_and_issues_no_more() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let middle = with(subordinate_request("Middle", &root), "/path_length", json!(1));
        let middle = world.call("POST", CAS, middle).await.ok()["ca_id"].as_str().unwrap().to_owned();
        let sub = world.subordinate("Sub", &middle).await;
        world.enable_crl(&middle, json!({})).await;
        world.enable_crl(&sub, json!({})).await;
        let (leaf, doomed) = (world.certificate("leaf", &sub).await, world.certificate("doomed", &sub).await);
        let middle_certificate = world.own_certificate(&middle).await;
        assert_eq!(addresses(&middle_certificate).0, [world.crl_address(&root).await]);
        assert_eq!(addresses(&world.own_certificate(&root).await).0, Vec::<String>::new(), "a root names no list");

        let since = START_MS - DAY_MS;
        let body = json!({"reason": "CERTIFICATE_AUTHORITY_COMPROMISE", "invalidity_date": since});
        world.call("POST", &format!("{CAS}/{middle}/revoke"), body).await.no_content();
        assert_eq!(world.publish().await, 1, "its parent's list alone changes");
        let listed = Entry { revoked_at: START, reason: Some(2), invalid_since: Some(START - DAY) };
        let entries = world.list(&root).await.entries;
        assert_eq!(entries.into_iter().collect::<Vec<_>>(), [(middle_certificate.serial_number().to_owned(), listed)]);
        assert!(world.list(&middle).await.entries.is_empty());

        // Neither it nor what is below it issues; what they have issued keeps its own status.
        for issuer in [&middle, &sub] {
            world.call("POST", CERTIFICATES, certificate_request("late", issuer)).await.error(403, "PCA.00030201");
        }
        assert_eq!(world.ca_status(&middle).await, "REVOKED");
        assert_eq!(world.ca_status(&sub).await, "ACTIVED");
        assert_eq!(world.certificate_status(&leaf).await, "ISSUED");
        // It can still be said that a certificate is bad.
        world.revoke(&doomed, "KEY_COMPROMISE").await;
        world.call("POST", &format!("{CAS}/{sub}/revoke"), json!({"reason": "UNSPECIFIED"})).await.no_content();
        assert_eq!(world.publish().await, 2);
        assert_eq!(world.list(&sub).await.serials(), [world.serial(&doomed).await]);
        let sub_serial = world.own_certificate(&sub).await.serial_number().to_owned();
        assert_eq!(world.list(&middle).await.entries[&sub_serial], entry(START, None));
    });
}

#[test]
fn an_authority_with_its_key_elsewhere_is_listed_when_it_is_revoked() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Elsewhere");
        let csr = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
        let body = json!({
            "issuer_id": root, "csr": csr, "validity": {"type": "YEAR", "value": 1}, "type": "INTERMEDIATE_CA",
        });
        let made = world.call("POST", &format!("{CERTIFICATES}/csr"), body).await.ok();
        let id = made["certificate_id"].as_str().unwrap().to_owned();
        let certificate = world.own_certificate(&id).await;
        assert_eq!(addresses(&certificate).0, [world.crl_address(&root).await]);
        world.call("POST", &format!("{CAS}/{id}/revoke"), json!({"reason": "KEY_COMPROMISE"})).await.no_content();
        world.publish().await;
        assert_eq!(world.list(&root).await.entries[certificate.serial_number()], entry(START, Some(1)));
    });
}

#[test]
fn what_was_revoked_stays_listed_when_it_is_deleted() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let (published, unpublished) = (world.certificate("a", &root).await, world.certificate("b", &root).await);
        let deleted = world.certificate("c", &root).await;
        let mut serials = vec![world.serial(&published).await, world.serial(&unpublished).await];
        serials.sort();
        world.revoke(&published, "SUPERSEDED").await;
        world.publish().await;
        world.revoke(&unpublished, "SUPERSEDED").await;
        for id in [&published, &unpublished, &deleted] {
            world.call("DELETE", &format!("{CERTIFICATES}/{id}"), Value::Null).await.no_content();
            let again = json!({"reason": "SUPERSEDED"});
            world.call("POST", &format!("{CERTIFICATES}/{id}/revoke"), again).await.error(404, "PCA.00030102");
        }
        for _ in 0..2 {
            world.publish().await;
            assert_eq!(world.list(&root).await.serials(), serials);
            world.clock.advance(4 * DAY_MS);
        }
    });
}

#[test]
fn certificates_name_the_list_that_is_shown() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "root"})).await;
        let address = world.crl_address(&root).await;
        let sub = world.subordinate("Sub", &root).await;
        assert_eq!(addresses(&world.authority_chain(&sub).await.0), (vec![address.clone()], vec![]));
        let leaf = world.certificate("leaf", &root).await;
        assert_eq!(addresses(&world.certificate_chain(&leaf).await.0), (vec![address.clone()], vec![]));
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "requested");
        let csr = params.serialize_request(&key).unwrap().pem().unwrap();
        let body = json!({"issuer_id": root, "csr": csr, "validity": {"type": "DAY", "value": 9}});
        let made = world.call("POST", &format!("{CERTIFICATES}/csr"), body).await.ok();
        let requested = made["certificate_id"].as_str().unwrap();
        assert_eq!(addresses(&world.certificate_chain(requested).await.0), (vec![address], vec![]));
        // And a list is found where it says.
        world.revoke(&leaf, "SUPERSEDED").await;
        world.publish().await;
        assert_eq!(world.list(&root).await.serials(), [world.serial(&leaf).await]);
    });
}
