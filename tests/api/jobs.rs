//! The clock's jobs: each does what is due once, however long it has been due.

use std::fs;

use openccm_service::jobs::Job;
use openccm_store::private_keys;
use serde_json::{Value, json};

use crate::{
    ocsp_client::{CertId, Query, Status},
    relying_party::BACKDATED,
    world::{
        CAS, CERTIFICATES, DAY_MS, HOUR_MS, World, certificate_request, on_both, on_both_stores, root_request, with,
    },
};

impl World {
    async fn run(&self, job: Job) -> u64 {
        job.run(&self.ccm).await.unwrap()
    }

    async fn has_key(&self, id: &str) -> bool {
        let mut session = self.ccm.database().read().await.unwrap();
        private_keys::find(&mut session, id).await.unwrap().is_some()
    }
}

#[test]
fn after_a_year_of_standstill_the_jobs_catch_up() {
    on_both(async |world| {
        for job in Job::ALL {
            assert_eq!(world.run(job).await, 0, "{job:?} on an empty database");
        }
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"partitions": 2})).await;
        let switch = format!("{CAS}/{root}/ocsp/switch");
        world.call("POST", &switch, json!({"ocsp_switch": true})).await.no_content();
        let revoked = world.certificate("revoked", &root).await;
        world.revoke(&revoked, "KEY_COMPROMISE").await;
        let (sub, doomed) = (world.subordinate("Sub", &root).await, world.subordinate("Doomed", &root).await);
        world.schedule_deletion(&doomed).await;
        for _ in 0..3 {
            world.certificate("leaf", &sub).await;
        }
        let year = with(certificate_request("leaf", &sub), "/validity/value", json!(400));
        let lasting = world.call("POST", CERTIFICATES, year).await.ok()["certificate_id"].as_str().unwrap().to_owned();

        world.clock.advance(365 * DAY_MS);
        let done = [3, 1, 4, 1, 0];
        for (job, count) in Job::ALL.into_iter().zip(done) {
            assert_eq!(world.run(job).await, count, "{job:?}");
        }
        for job in Job::ALL {
            assert_eq!(world.run(job).await, 0, "{job:?}");
        }
        let list = world.list(&root).await;
        assert_eq!(list.this_update, world.clock_ms() / 1000 - BACKDATED);
        assert_eq!(list.serials(), [world.serial(&revoked).await]);
        let issuer = world.own_certificate(&root).await;
        let query = Query::about(CertId::new(&issuer, issuer.serial_number()));
        assert_eq!(query.status(&world.caller(), &root, &issuer).await, Status::Good);
        assert!(!world.has_key(&doomed).await && world.has_key(&sub).await);
        assert_eq!(world.certificate_status(&lasting).await, "ISSUED");
    });
}

#[test]
fn each_end_is_counted_once() {
    on_both(async |mut world| {
        let day = json!({"type": "DAY", "value": 2});
        let make = async |world: &World, name: &str| {
            let body = with(root_request(name), "/validity", day.clone());
            world.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned()
        };
        let (root, disabled, deleted) =
            (make(&world, "Root").await, make(&world, "Disabled").await, make(&world, "Deleted").await);
        world.act(&disabled, "disable").await.no_content();
        world.schedule_deletion(&deleted).await;
        let leaf = with(certificate_request("leaf", &root), "/validity/value", json!(1));
        for _ in 0..2 {
            world.call("POST", CERTIFICATES, leaf.clone()).await.ok();
        }
        assert_eq!(world.run(Job::Expire).await, 0, "from here on it counts");
        world.clock.advance(DAY_MS - 1);
        assert_eq!(world.run(Job::Expire).await, 0);
        world.clock.advance(1);
        assert_eq!(world.run(Job::Expire).await, 2);
        assert_eq!(world.run(Job::Expire).await, 0);
        world.restart().await;
        assert_eq!(world.run(Job::Expire).await, 0);
        world.clock.advance(DAY_MS);
        assert_eq!(world.run(Job::Expire).await, 2, "the root and the disabled one");
    });
}

#[test]
fn a_bucket_that_is_away_delays_the_end_of_a_key_for_a_day_only() {
    on_both_stores(async |world| {
        let root = world.root("Root").await;
        let (first, second) = (world.subordinate("First", &root).await, world.subordinate("Second", &root).await);
        let plain = world.subordinate("Plain", &root).await;
        for (sub, name) in [(&first, "first"), (&second, "second")] {
            world.enable_crl(sub, json!({"crl_name": name})).await;
            world.schedule_deletion(sub).await;
        }
        world.schedule_deletion(&plain).await;
        let (bucket, away) = (world.object_file("crl", ""), world.object_file("away", ""));
        fs::rename(&bucket, &away).unwrap();
        world.clock.advance(7 * DAY_MS);
        assert!(Job::Purge.run(&world.ccm).await.is_err());
        assert!(world.has_key(&first).await && world.has_key(&second).await);
        assert!(!world.has_key(&plain).await, "the others do not wait");

        world.clock.advance(HOUR_MS);
        assert!(Job::Purge.run(&world.ccm).await.is_err());
        fs::rename(&away, &bucket).unwrap();
        // Another list in the place of the second's: it cannot be published either.
        let foreign = fs::read(world.object_file("crl", "first.crl")).unwrap();
        let version = world.ccm.buckets().version("crl", "second.crl").await.unwrap();
        world.ccm.buckets().put("crl", "second.crl", foreign.clone(), "", "", version.as_ref()).await.unwrap();
        assert_eq!(world.run_until_purged(&first).await, 1);
        let end = world.own_certificate(&first).await.period().not_after;
        assert_eq!(world.list_at("/crl/crl/first.crl").await.next_update, end);
        world.clock.advance(DAY_MS);
        Job::Purge.run(&world.ccm).await.unwrap();
        assert!(!world.has_key(&second).await, "but not for ever");
        assert_eq!(world.run(Job::Purge).await, 0);
    });
}

impl World {
    /// Runs the purge once, whatever comes of others; says how many keys of `[id]` are gone by it.
    async fn run_until_purged(&self, id: &str) -> u64 {
        let before = self.has_key(id).await;
        let _ = Job::Purge.run(&self.ccm).await;
        u64::from(before && !self.has_key(id).await)
    }
}

#[test]
fn an_authority_whose_deletion_was_taken_back_keeps_its_lists_and_its_responder() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let sub = world.subordinate("Sub", &root).await;
        world.enable_crl(&sub, json!({})).await;
        world.call("POST", &format!("{CAS}/{sub}/ocsp/switch"), json!({"ocsp_switch": true})).await.no_content();
        world.schedule_deletion(&sub).await;
        world.clock.advance(7 * DAY_MS - 1);
        world.call("POST", &format!("{CAS}/{sub}/restore"), Value::Null).await.no_content();
        world.clock.advance(DAY_MS);
        assert_eq!(world.run(Job::Purge).await, 0);
        assert_eq!(world.run(Job::PublishLists).await, 1);
        assert_eq!(world.run(Job::RenewResponders).await, 1);
        let issuer = world.own_certificate(&sub).await;
        let query = Query::about(CertId::new(&issuer, "01"));
        assert_eq!(query.status(&world.caller(), &sub, &issuer).await, Status::Unknown);
        assert!(world.authority(&sub).await["crl_configuration"]["enabled"].as_bool().unwrap());
    });
}
