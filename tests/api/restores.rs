//! A database that is restored from a backup: what was revoked since is known from the published lists.

use std::{collections::BTreeMap, fs};

use openccm_service::revocation::compare_published;
use serde_json::{Value, json};

use crate::{
    ocsp_client::{CertId, Query, Status},
    relying_party::{Entry, List},
    world::{CAS, CERTIFICATES, DAY_MS, HOUR_MS, START_MS, World, certificate_request, on_both, on_both_stores},
};

const START: i64 = START_MS / 1000;

/// An authority whose list and OCSP are on, and what became of its certificates before and after a backup.
struct Story {
    root: String,
    /// Held before the backup, revoked for good after it.
    held: String,
    /// Revoked after the backup.
    revoked: String,
    /// Put on hold after the backup.
    put_on_hold: String,
    /// Deleted before the backup, revoked before that.
    deleted: String,
    /// Never revoked.
    good: String,
    /// An authority that was revoked after the backup.
    sub: String,
    serials: BTreeMap<&'static str, String>,
}

impl Story {
    async fn begin(world: &World, configuration: Value) -> Self {
        let root = world.root("Root").await;
        world.enable_crl(&root, configuration).await;
        world.call("POST", &format!("{CAS}/{root}/ocsp/switch"), json!({"ocsp_switch": true})).await.no_content();
        let make = async |name: &str| world.certificate(name, &root).await;
        let (held, revoked, put_on_hold) = (make("held").await, make("revoked").await, make("on hold").await);
        let (deleted, good) = (make("deleted").await, make("good").await);
        let sub = world.subordinate("Sub", &root).await;
        let mut serials = BTreeMap::new();
        for (name, id) in
            [("held", &held), ("revoked", &revoked), ("on hold", &put_on_hold), ("deleted", &deleted), ("good", &good)]
        {
            serials.insert(name, world.serial(id).await);
        }
        serials.insert("sub", world.own_certificate(&sub).await.serial_number().to_owned());
        world.revoke(&held, "CERTIFICATE_HOLD").await;
        world.revoke(&deleted, "SUPERSEDED").await;
        world.call("DELETE", &format!("{CERTIFICATES}/{deleted}"), Value::Null).await.no_content();
        world.publish().await;
        Self { root, held, revoked, put_on_hold, deleted, good, sub, serials }
    }

    /// What happens after the backup, an hour later.
    async fn go_on(&mut self, world: &World) {
        world.clock.advance(HOUR_MS + 123);
        let revoke = async |path: String, body: Value| world.call("POST", &path, body).await.no_content();
        let suspect = json!({"reason": "KEY_COMPROMISE", "invalidity_date": START_MS - 5 * DAY_MS});
        revoke(format!("{CERTIFICATES}/{}/revoke", self.revoked), suspect.clone()).await;
        revoke(format!("{CERTIFICATES}/{}/revoke", self.held), suspect).await;
        world.revoke(&self.put_on_hold, "CERTIFICATE_HOLD").await;
        revoke(format!("{CAS}/{}/revoke", self.sub), json!({"reason": "CESSATION_OF_OPERATION"})).await;
        world.clock.advance(HOUR_MS);
        self.serials.insert("unknown", world.revoked(&self.root, "PRIVILEGE_WITHDRAWN").await);
        let unspecified = world.certificate("unspecified", &self.root).await;
        world.revoke(&unspecified, "UNSPECIFIED").await;
        self.serials.insert("unspecified", world.serial(&unspecified).await);
        world.publish().await;
        self.check_list(&world.list(&self.root).await);
    }

    /// Checks that a list says all of it.
    #[track_caller]
    fn check_list(&self, list: &List) {
        let (first, second) = (START + 3600, START + 7200);
        let suspect = Some(START - 5 * 24 * 3600);
        let expected: BTreeMap<String, Entry> = [
            ("held", START, Some(1), suspect),
            ("revoked", first, Some(1), suspect),
            ("on hold", first, Some(6), None),
            ("deleted", START, Some(4), None),
            ("sub", first, Some(5), None),
            ("unknown", second, Some(9), None),
            ("unspecified", second, None, None),
        ]
        .into_iter()
        .map(|(name, revoked_at, reason, invalid_since)| {
            (self.serials[name].clone(), Entry { revoked_at, reason, invalid_since })
        })
        .collect();
        assert_eq!(list.entries, expected);
    }

    /// Checks that the server knows all of it.
    async fn check_server(&self, world: &World) {
        for id in [&self.held, &self.revoked, &self.put_on_hold] {
            assert_eq!(world.certificate_status(id).await, "REVOKED");
        }
        let revoke_again = json!({"reason": "SUPERSEDED"});
        for id in [&self.held, &self.revoked] {
            let path = format!("{CERTIFICATES}/{id}/revoke");
            world.call("POST", &path, revoke_again.clone()).await.error(403, "PCA.00030201");
        }
        let deleted = format!("{CERTIFICATES}/{}", self.deleted);
        world.call("GET", &deleted, Value::Null).await.error(404, "PCA.00030102");
        assert_eq!(world.certificate_status(&self.good).await, "ISSUED");
        assert_eq!(world.ca_status(&self.sub).await, "REVOKED");
        let late = certificate_request("late", &self.sub);
        world.call("POST", CERTIFICATES, late).await.error(403, "PCA.00030201");
        let issuer = world.own_certificate(&self.root).await;
        let (first, second) = (START + 3600, START + 7200);
        for (name, at, reason) in [
            ("held", START, Some(1)),
            ("revoked", first, Some(1)),
            ("on hold", first, Some(6)),
            ("deleted", START, Some(4)),
            ("sub", first, Some(5)),
            ("unknown", second, Some(9)),
            ("unspecified", second, None),
        ] {
            let query = Query::about(CertId::new(&issuer, &self.serials[name]));
            let status = query.status(&world.caller(), &self.root, &issuer).await;
            assert_eq!(status, Status::Revoked { at, reason }, "{name}");
        }
        let query = Query::about(CertId::new(&issuer, &self.serials["good"]));
        assert_eq!(query.status(&world.caller(), &self.root, &issuer).await, Status::Good);
    }
}

#[test]
fn what_was_revoked_since_the_backup_is_taken_back_in() {
    on_both_stores(async |mut world| {
        let mut story = Story::begin(&world, json!({})).await;
        let backup = world.back_up().await;
        story.go_on(&world).await;
        let published = world.list(&story.root).await;
        world.clock.advance(HOUR_MS);
        world.restore(backup).await;
        assert_eq!(world.certificate_status(&story.revoked).await, "ISSUED", "the backup does not know it");

        // What was on hold before counts as known.
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 5);
        story.check_server(&world).await;
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 0);
        assert_eq!(world.list(&story.root).await.der, published.der, "nothing is published yet");
        world.publish().await;
        let list = world.list(&story.root).await;
        story.check_list(&list);
        assert!(list.number > published.number);
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 0);
        assert_eq!(world.publish().await, 0);
        // A hold that was only known from the list ends as any other.
        world.revoke(&story.put_on_hold, "KEY_COMPROMISE").await;
        world.publish().await;
        let entry = world.list(&story.root).await.entries[&story.serials["on hold"]];
        assert_eq!((entry.revoked_at, entry.reason), (START + 3600, Some(1)));
        // Nobody knows when the unknown ones end: they stay.
        world.clock.advance(400 * DAY_MS);
        world.publish().await;
        world.clock.advance(4 * DAY_MS);
        world.publish().await;
        let left = world.list(&story.root).await.serials();
        let mut expected =
            [&story.serials["unknown"], &story.serials["unspecified"], &story.serials["sub"]].map(String::clone);
        expected.sort();
        assert_eq!(left, expected);
    });
}

#[test]
fn a_restored_server_that_publishes_before_it_compares_forgets_nothing_either() {
    on_both_stores(async |mut world| {
        let mut story = Story::begin(&world, json!({})).await;
        let backup = world.back_up().await;
        story.go_on(&world).await;
        let published = world.list(&story.root).await;
        world.restore(backup).await;
        // Asked to revoke, before it has looked at anything.
        world.revoke(&story.good, "SUPERSEDED").await;
        world.publish().await;
        let mut list = world.list(&story.root).await;
        assert!(list.number > published.number);
        assert!(list.entries.remove(&story.serials["good"]).is_some());
        story.check_list(&list);
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 0);
        assert_eq!(world.publish().await, 0);
    });
}

#[test]
fn partitions_are_taken_back_in_with_what_they_name() {
    on_both(async |mut world| {
        let mut story = Story::begin(&world, json!({"crl_name": "list", "partitions": 3})).await;
        let backup = world.back_up().await;
        story.go_on(&world).await;
        let paths = ["/crl/crl/list.crl", "/crl/crl/list/1.crl", "/crl/crl/list/2.crl", "/crl/crl/list/3.crl"];
        let mut published = Vec::new();
        for path in paths {
            published.push(world.list_at(path).await);
        }
        assert!(published[1..].iter().all(|list| !list.entries.is_empty()));
        world.clock.advance(HOUR_MS);
        world.restore(backup).await;
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 5);
        story.check_server(&world).await;
        assert_eq!(world.publish().await, 4);
        for (path, before) in paths.into_iter().zip(&published) {
            let list = world.list_at(path).await;
            assert_eq!(list.entries, before.entries, "{path}");
            assert!(list.number > before.number, "{path}");
            assert_eq!(list.point, before.point);
        }
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 0);
        assert_eq!(world.publish().await, 0);
    });
}

#[test]
fn with_the_bucket_lost_as_well_numbers_rise_all_the_same() {
    on_both_stores(async |mut world| {
        let mut story = Story::begin(&world, json!({"crl_name": "list"})).await;
        let backup = world.back_up().await;
        story.go_on(&world).await;
        let published = world.list(&story.root).await;
        world.clock.advance(1000);
        world.restore(backup).await;
        fs::remove_file(world.object_file("crl", "list.crl")).unwrap();
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 0);
        assert_eq!(world.publish().await, 1);
        let list = world.list(&story.root).await;
        assert!(list.number > published.number, "{} after {}", list.number, published.number);
        let mut known = [&story.serials["held"], &story.serials["deleted"]].map(String::clone);
        known.sort();
        assert_eq!(list.serials(), known, "what nobody knows any more");
    });
}

#[test]
fn a_backup_from_before_the_first_list_is_survived_once_the_list_is_switched_on_again() {
    on_both(async |mut world| {
        let root = world.root("Root").await;
        let leaf = world.certificate("leaf", &root).await;
        let backup = world.back_up().await;
        world.clock.advance(HOUR_MS);
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        world.revoke(&leaf, "KEY_COMPROMISE").await;
        let unknown = world.revoked(&root, "SUPERSEDED").await;
        world.publish().await;
        let published = world.list(&root).await;
        world.restore(backup).await;
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 0);
        assert_eq!(world.certificate_status(&leaf).await, "ISSUED");
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        assert_eq!(world.certificate_status(&leaf).await, "REVOKED");
        let list = world.list(&root).await;
        assert!(list.number > published.number);
        assert_eq!(list.entries, published.entries);
        assert!(list.entries.contains_key(&unknown));
    });
}

#[test]
fn long_lists_are_taken_back_in_completely() {
    const COUNT: usize = 1003;
    on_both(async |mut world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..COUNT {
            let (caller, body) = (world.caller(), certificate_request("leaf", &root));
            calls.spawn(async move {
                let made = caller.call("POST", CERTIFICATES, body).await.ok();
                made["certificate_id"].as_str().unwrap().to_owned()
            });
        }
        let ids = calls.join_all().await;
        let backup = world.back_up().await;
        world.clock.advance(HOUR_MS);
        let mut calls = tokio::task::JoinSet::new();
        for id in ids.clone() {
            let caller = world.caller();
            calls.spawn(async move {
                let path = format!("{CERTIFICATES}/{id}/revoke");
                caller.call("POST", &path, json!({"reason": "SUPERSEDED"})).await.no_content();
            });
        }
        calls.join_all().await;
        world.publish().await;
        let published = world.list(&root).await;
        assert_eq!(published.entries.len(), COUNT);
        world.restore(backup).await;
        assert_eq!(compare_published(&world.ccm).await.unwrap(), COUNT as u64);
        world.publish().await;
        assert_eq!(world.list(&root).await.entries, published.entries);
        for id in ids.iter().step_by(100) {
            assert_eq!(world.certificate_status(id).await, "REVOKED");
        }
    });
}

#[test]
fn revoking_goes_on_while_a_list_is_taken_back_in() {
    const COUNT: usize = 120;
    on_both(async |mut world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"partitions": 2})).await;
        let mut ids = Vec::new();
        for _ in 0..COUNT {
            ids.push(world.certificate("leaf", &root).await);
        }
        let backup = world.back_up().await;
        for id in &ids {
            world.revoke(id, "SUPERSEDED").await;
        }
        world.publish().await;
        let published = world.list(&root).await;
        world.restore(backup).await;
        // Clients try again what the backup does not know; the server learns of the same from the lists.
        let mut calls = tokio::task::JoinSet::new();
        for id in ids.clone() {
            let caller = world.caller();
            calls.spawn(async move {
                let path = format!("{CERTIFICATES}/{id}/revoke");
                let answer = caller.call("POST", &path, json!({"reason": "SUPERSEDED"})).await;
                if answer.status != 204 {
                    answer.error(403, "PCA.00030201");
                }
            });
        }
        compare_published(&world.ccm).await.unwrap();
        calls.join_all().await;
        compare_published(&world.ccm).await.unwrap();
        world.publish().await;
        assert_eq!(world.list(&root).await.serials(), published.serials());
        assert_eq!(compare_published(&world.ccm).await.unwrap(), 0);
        for id in &ids {
            assert_eq!(world.certificate_status(id).await, "REVOKED");
        }
    });
}
