//! The life of an authority over HTTP: the table of `openccm_core::outcome`, the clock, and callers at the same moment.

use openccm_core::{AuthorityOperation, AuthorityStatus, Outcome, outcome};
use openccm_service::jobs::Job;
use openccm_store::private_keys;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{
    Answer, CAS, CERTIFICATES, DAY_MS, World, certificate_request, on_both, root_request, subordinate_request, with,
};

/// How long the authorities last that are taken through the table.
const LIFE_DAYS: i64 = 2;

/// A subordinate authority under `root` in `status`. Moves the clock where it must expire.
async fn in_status(world: &World, root: &str, status: AuthorityStatus) -> String {
    if status == AuthorityStatus::Pending {
        return world.pending("Pending").await;
    }
    let validity = json!({"type": "DAY", "value": LIFE_DAYS});
    let body = with(subordinate_request("Sub", root), "/validity", validity);
    let id = world.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned();
    match status {
        AuthorityStatus::Pending | AuthorityStatus::Actived => {}
        AuthorityStatus::Expired => world.clock.advance(LIFE_DAYS * DAY_MS),
        AuthorityStatus::Disabled => world.act(&id, "disable").await.no_content(),
        AuthorityStatus::Deleted => world.schedule_deletion(&id).await,
        AuthorityStatus::Revoked => world.act(&id, "revoke").await.no_content(),
    }
    assert_eq!(world.ca_status(&id).await, status.as_str());
    id
}

/// Does `operation` to the authority `id`; `root` issues where an issuer is needed.
async fn operate(world: &World, root: &str, id: &str, operation: AuthorityOperation) -> Answer {
    let ca = format!("{CAS}/{id}");
    let validity = json!({"type": "DAY", "value": 1});
    match operation {
        AuthorityOperation::Activate => {
            let body = json!({"issuer_id": root, "signature_algorithm": "SHA256", "validity": validity});
            world.call("POST", &format!("{ca}/activate"), body).await
        }
        AuthorityOperation::ExportCsr => world.call("GET", &format!("{ca}/csr"), Value::Null).await,
        // Whether the status allows it is looked at before the certificate: importing itself has a test of its own.
        AuthorityOperation::Import => {
            world.call("POST", &format!("{ca}/import"), json!({"certificate": "nonsense"})).await
        }
        AuthorityOperation::Issue => {
            let body = with(certificate_request("leaf", id), "/validity", validity);
            world.call("POST", CERTIFICATES, body).await
        }
        AuthorityOperation::EnableCrl => {
            let body = json!({"obs_bucket_name": world.bucket("table").await, "valid_days": 7});
            world.call("POST", &format!("{ca}/crl/enable"), body).await
        }
        AuthorityOperation::DisableCrl => world.call("POST", &format!("{ca}/crl/disable"), Value::Null).await,
        AuthorityOperation::EnableOcsp | AuthorityOperation::DisableOcsp => {
            let body = json!({"ocsp_switch": operation == AuthorityOperation::EnableOcsp});
            world.call("POST", &format!("{ca}/ocsp/switch"), body).await
        }
        AuthorityOperation::Delete => world.call("DELETE", &format!("{ca}?pending_days=7"), Value::Null).await,
        other => world.act(id, other.as_str()).await,
    }
}

#[test]
fn every_operation_in_every_status_does_what_the_table_says() {
    on_both(async |world| {
        let root = world.root("Root").await;
        for status in AuthorityStatus::ALL {
            for operation in AuthorityOperation::ALL {
                let id = in_status(&world, &root, *status).await;
                let before = world.authority(&id).await;
                let answer = operate(&world, &root, &id, *operation).await;
                let context = format!("{operation} in {status}: {}", answer.text());
                let Some(outcome) = outcome(*status, *operation) else {
                    let message = answer.error(403, "PCA.00030201");
                    assert!(message.contains(status.as_str()) && message.contains(operation.as_str()), "{message}");
                    assert_eq!(world.authority(&id).await, before, "{context}");
                    continue;
                };
                let after = match (operation, outcome) {
                    (AuthorityOperation::Import, _) => {
                        answer.error(400, "PCA.00020402");
                        continue;
                    }
                    (_, Outcome::Gone) => {
                        answer.no_content();
                        world.call("GET", &format!("{CAS}/{id}"), Value::Null).await.error(404, "PCA.00030102");
                        continue;
                    }
                    (AuthorityOperation::EnableCrl, _) => {
                        answer.no_content();
                        assert_eq!(world.authority(&id).await["crl_configuration"]["enabled"], true, "{context}");
                        continue;
                    }
                    (_, Outcome::Stays) => {
                        assert!(answer.status.is_success(), "{context}");
                        assert_eq!(world.authority(&id).await, before, "{context}");
                        continue;
                    }
                    (_, Outcome::Becomes(next)) => next,
                    (_, Outcome::Returns) => AuthorityStatus::Disabled,
                };
                answer.no_content();
                assert_eq!(world.ca_status(&id).await, after.as_str(), "{context}");
            }
        }
    });
}

#[test]
fn every_status_outlives_the_server() {
    on_both(async |mut world| {
        let root = world.root("Root").await;
        let mut made = Vec::new();
        for status in AuthorityStatus::ALL {
            made.push((in_status(&world, &root, *status).await, status));
        }
        let before = world.everything().await;
        world.restart().await;
        assert_eq!(world.everything().await, before);
        for (id, status) in made.iter().filter(|(_, status)| **status != AuthorityStatus::Actived) {
            assert_eq!(world.ca_status(id).await, status.as_str());
        }
    });
}

#[test]
fn a_root_cannot_be_revoked() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.act(&root, "revoke").await.error(403, "PCA.00030201");
        world.act(&root, "disable").await.no_content();
        world.act(&root, "revoke").await.error(403, "PCA.00030201");
        assert_eq!(world.ca_status(&root).await, "DISABLED");
        let revoke = format!("{CAS}/{}/revoke", world.pending("Pending").await);
        world.call("POST", &revoke, json!({"reason": "SUPERSEDED"})).await.error(403, "PCA.00030201");
        world.call("POST", &revoke, json!({"reason": "nonsense"})).await.error(400, "PCA.00020001");
    });
}

#[test]
fn a_revoked_authority_stays_revoked() {
    on_both(async |world| {
        let root = world.root("Root").await;
        for reason in [json!({"reason": "KEY_COMPROMISE"}), json!({"reason": null}), json!({}), Value::Null] {
            let sub = world.subordinate("Sub", &root).await;
            world.call("POST", &format!("{CAS}/{sub}/revoke"), reason).await.no_content();
            assert_eq!(world.ca_status(&sub).await, "REVOKED");
            world.call("DELETE", &format!("{CAS}/{sub}?pending_days=30"), Value::Null).await.no_content();
            let shown = world.authority(&sub).await;
            assert_eq!(shown["status"], "DELETED");
            assert_eq!(shown["delete_time"].as_i64().unwrap() - shown["create_time"].as_i64().unwrap(), 30 * DAY_MS);
            world.act(&sub, "restore").await.no_content();
            let shown = world.authority(&sub).await;
            assert_eq!((&shown["status"], &shown["delete_time"]), (&json!("REVOKED"), &Value::Null));
            world.act(&sub, "enable").await.error(403, "PCA.00030201");
        }
        // Revoked while it was disabled, too.
        let sub = world.subordinate("Sub", &root).await;
        world.act(&sub, "disable").await.no_content();
        world.act(&sub, "revoke").await.no_content();
        world.call("DELETE", &format!("{CAS}/{sub}?pending_days=7"), Value::Null).await.no_content();
        world.act(&sub, "restore").await.no_content();
        assert_eq!(world.ca_status(&sub).await, "REVOKED");
    });
}

#[test]
fn a_scheduled_deletion_takes_effect_by_itself() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let sub = world.subordinate("Sub", &root).await;
        let leaf = world.certificate("leaf", &sub).await;
        for days in ["", "?pending_days=", "?pending_days=6", "?pending_days=31", "?pending_days=-7", "?pending_days=x"]
        {
            world.act(&sub, "disable").await.no_content();
            let refused = world.call("DELETE", &format!("{CAS}/{sub}{days}"), Value::Null).await;
            assert!(refused.error(400, "PCA.00020001").contains("pending_days"), "{days}");
            world.act(&sub, "enable").await.no_content();
        }
        let before = world.clock_ms();
        world.schedule_deletion(&sub).await;
        assert_eq!(world.authority(&sub).await["delete_time"], before + 7 * DAY_MS);
        assert_eq!(world.used(CAS).await, 2, "it counts until it is gone");
        assert_eq!(world.get(&format!("{CAS}?status=DELETED")).await["total"], 1);

        world.clock.advance(7 * DAY_MS - 1);
        assert_eq!(world.ca_status(&sub).await, "DELETED");
        world.clock.advance(1);
        let ca = format!("{CAS}/{sub}");
        for (method, path) in [
            ("GET", ca.clone()),
            ("GET", format!("{ca}/csr")),
            ("POST", format!("{ca}/export")),
            ("POST", format!("{ca}/restore")),
            ("POST", format!("{ca}/enable")),
            ("POST", format!("{ca}/disable")),
            ("POST", format!("{ca}/revoke")),
            ("DELETE", format!("{ca}?pending_days=7")),
        ] {
            world.call(method, &path, Value::Null).await.error(404, "PCA.00030102");
        }
        world.call("POST", CERTIFICATES, certificate_request("leaf", &sub)).await.error(404, "PCA.00030103");
        assert_eq!(world.used(CAS).await, 1);
        assert_eq!(world.get(CAS).await["total"], 1);
        // What it issued is still there, chain and all.
        assert_eq!(world.certificate_chain(&leaf).await.1.len(), 2);
        world.call("POST", &format!("{CERTIFICATES}/{leaf}/revoke"), Value::Null).await.no_content();
    });
}

#[test]
fn the_key_of_a_deleted_authority_is_destroyed_when_its_time_has_come() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let (deleted, restored) =
            (world.subordinate("Deleted", &root).await, world.subordinate("Restored", &root).await);
        let has_key = async |id: &str| {
            let mut session = world.ccm.database().read().await.unwrap();
            private_keys::find(&mut session, id).await.unwrap().is_some()
        };
        world.schedule_deletion(&deleted).await;
        world.schedule_deletion(&restored).await;
        world.act(&restored, "restore").await.no_content();
        world.clock.advance(7 * DAY_MS - 1);
        assert_eq!(Job::Purge.run(&world.ccm).await.unwrap(), 0);
        assert!(has_key(&deleted).await);

        world.clock.advance(1);
        assert_eq!(Job::Purge.run(&world.ccm).await.unwrap(), 1);
        assert!(!has_key(&deleted).await);
        assert_eq!(Job::Purge.run(&world.ccm).await.unwrap(), 0, "once is enough");
        assert!(has_key(&root).await);
        world.act(&restored, "enable").await.no_content();
        world.certificate("leaf", &restored).await;
    });
}

#[test]
fn a_pending_authority_is_deleted_at_once() {
    on_both(async |world| {
        for query in ["", "?pending_days=7", "?pending_days=0", "?pending_days="] {
            let id = world.pending("Pending").await;
            world.call("DELETE", &format!("{CAS}/{id}{query}"), Value::Null).await.no_content();
            world.call("GET", &format!("{CAS}/{id}"), Value::Null).await.error(404, "PCA.00030102");
            world.act(&id, "restore").await.error(404, "PCA.00030102");
        }
        assert_eq!(world.used(CAS).await, 0);
    });
}

#[test]
fn expiry_shows_to_the_millisecond() {
    on_both(async |world| {
        let day = json!({"type": "DAY", "value": 1});
        let body = with(root_request("Root"), "/validity", day.clone());
        let root = world.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned();
        let leaf = with(certificate_request("leaf", &root), "/validity", day);
        let leaf = world.call("POST", CERTIFICATES, leaf).await.ok()["certificate_id"].as_str().unwrap().to_owned();
        let disabled = world.root("Disabled").await;
        world.clock.advance(DAY_MS - 1);
        let leaf_path = format!("{CERTIFICATES}/{leaf}");
        assert_eq!(world.ca_status(&root).await, "ACTIVED");
        assert_eq!(world.get(&leaf_path).await["status"], "ISSUED");
        world.clock.advance(1);
        assert_eq!(world.ca_status(&root).await, "EXPIRED");
        assert_eq!(world.get(&leaf_path).await["status"], "EXPIRED");
        assert_eq!(world.get(&format!("{CAS}?status=EXPIRED")).await["total"], 1);
        assert_eq!(world.get(&format!("{CAS}?status=ACTIVED")).await["certificate_authorities"][0]["ca_id"], disabled);

        let refused = world.call("POST", CERTIFICATES, certificate_request("late", &root)).await;
        refused.error(403, "PCA.00030201");
        world.call("POST", &format!("{leaf_path}/revoke"), Value::Null).await.error(403, "PCA.00030201");
        assert!(world.authority_chain(&root).await.1.is_empty(), "an expired authority is still exported");

        // Switched off and on again, it has still expired.
        world.act(&root, "enable").await.error(403, "PCA.00030201");
        world.act(&root, "disable").await.no_content();
        assert_eq!(world.ca_status(&root).await, "DISABLED");
        world.act(&root, "enable").await.no_content();
        assert_eq!(world.ca_status(&root).await, "EXPIRED");
        world.schedule_deletion(&root).await;
        world.act(&root, "restore").await.no_content();
        assert_eq!(world.ca_status(&root).await, "DISABLED");
    });
}

/// What `count` callers hear who do the same at the same moment.
async fn at_once(world: &World, count: usize, method: &'static str, path: &str, body: &Value) -> Vec<Answer> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (caller, path, body) = (world.caller(), path.to_owned(), body.clone());
        calls.spawn(async move { caller.call(method, &path, body).await });
    }
    calls.join_all().await
}

#[test]
fn of_callers_at_once_exactly_one_wins() {
    const CALLERS: usize = 12;
    on_both(async |world| {
        let root = world.root("Root").await;
        let sub = world.subordinate("Sub", &root).await;
        let pending = world.pending("Pending").await;
        let activation =
            json!({"issuer_id": root, "signature_algorithm": "SHA256", "validity": {"type": "DAY", "value": 1}});
        let steps = [
            (&pending, "POST", "/activate", activation),
            (&sub, "POST", "/disable", Value::Null),
            (&sub, "POST", "/enable", Value::Null),
            (&sub, "POST", "/revoke", json!({"reason": "SUPERSEDED"})),
            (&sub, "DELETE", "?pending_days=7", Value::Null),
            (&sub, "POST", "/restore", Value::Null),
        ];
        for (id, method, action, body) in steps {
            let answers = at_once(&world, CALLERS, method, &format!("{CAS}/{id}{action}"), &body).await;
            let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 204);
            assert_eq!(won.len(), 1, "{action}");
            for answer in lost {
                answer.error(403, "PCA.00030201");
            }
        }
        assert_eq!(world.ca_status(&sub).await, "REVOKED");
        assert_eq!(world.ca_status(&pending).await, "ACTIVED");

        // A pending authority that is gone is not there for whoever comes later.
        let pending = world.pending("Pending").await;
        let answers = at_once(&world, CALLERS, "DELETE", &format!("{CAS}/{pending}"), &Value::Null).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
        assert!(answers.iter().all(|answer| [204, 403, 404].contains(&answer.status.as_u16())));

        // Certificates: one is revoked, one deleted, and the quota is given back once.
        let leaf = format!("{CERTIFICATES}/{}", world.certificate("leaf", &root).await);
        world.certificate("another", &root).await;
        let answers = at_once(&world, CALLERS, "POST", &format!("{leaf}/revoke"), &Value::Null).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 204) {
            answer.error(403, "PCA.00030201");
        }
        let answers = at_once(&world, CALLERS, "DELETE", &leaf, &Value::Null).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 204) {
            answer.error(404, "PCA.00030102");
        }
        assert_eq!(world.used(CERTIFICATES).await, 1);
    });
}

#[test]
fn who_issues_while_the_issuer_is_switched_off_is_told_so() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let mut calls = JoinSet::new();
        for index in 0..16 {
            let (caller, id) = (world.caller(), root.clone());
            calls.spawn(async move {
                if index == 8 {
                    caller.call("POST", &format!("{CAS}/{id}/disable"), Value::Null).await
                } else {
                    caller.call("POST", CERTIFICATES, certificate_request("leaf", &id)).await
                }
            });
        }
        let answers = calls.join_all().await;
        let issued = answers.iter().filter(|answer| answer.status == 200).count();
        for answer in answers.iter().filter(|answer| ![200, 204].contains(&answer.status.as_u16())) {
            answer.error(403, "PCA.00030201");
        }
        assert_eq!(world.used(CERTIFICATES).await, issued as i64);
        world.call("POST", CERTIFICATES, certificate_request("late", &root)).await.error(403, "PCA.00030201");
    });
}
