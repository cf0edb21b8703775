//! When lists are renewed, when certificates leave them, and what an authority leaves behind.

use openccm_service::jobs::Job;
use serde_json::{Value, json};

use crate::{
    relying_party::BACKDATED,
    world::{
        CAS, CERTIFICATES, DAY_MS, HOUR_MS, MINUTE_MS, START_MS, World, certificate_request, on_both,
        subordinate_request, with,
    },
};

const START: i64 = START_MS / 1000;
const DAY: i64 = DAY_MS / 1000;

/// Issues a certificate for so many days; gives its id.
async fn lasting(world: &World, issuer_id: &str, days: i64) -> String {
    let body = with(certificate_request("leaf", issuer_id), "/validity/value", json!(days));
    world.call("POST", CERTIFICATES, body).await.ok()["certificate_id"].as_str().unwrap().to_owned()
}

#[test]
fn an_expired_certificate_leaves_after_a_list_past_its_end_named_it() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let short = lasting(&world, &root, 5).await;
        let long = lasting(&world, &root, 300).await;
        let (short_serial, long_serial) = (world.serial(&short).await, world.serial(&long).await);
        let mut both = vec![short_serial.clone(), long_serial.clone()];
        both.sort();
        world.revoke(&short, "KEY_COMPROMISE").await;
        world.revoke(&long, "KEY_COMPROMISE").await;
        world.publish().await;

        // One made in the very second of its end still counts as before it.
        world.clock.advance(5 * DAY_MS);
        assert_eq!(world.publish().await, 1);
        assert_eq!(world.list(&root).await.serials(), both);
        world.clock.advance(HOUR_MS);
        let another = world.revoked(&root, "SUPERSEDED").await;
        both.push(another);
        both.sort();
        world.publish().await;
        assert_eq!(world.list(&root).await.serials(), both, "the first list past its end");
        world.clock.advance(MINUTE_MS);
        world.revoked(&root, "SUPERSEDED").await;
        world.publish().await;
        let listed = world.list(&root).await.serials();
        assert!(!listed.contains(&short_serial) && listed.contains(&long_serial));

        // However long the server stood still, there is a list past the end of each that names it.
        world.clock.advance(400 * DAY_MS);
        world.publish().await;
        assert_eq!(world.list(&root).await.serials(), listed);
        world.clock.advance(4 * DAY_MS);
        world.publish().await;
        assert!(world.list(&root).await.entries.is_empty());
        assert_eq!(world.certificate_status(&short).await, "REVOKED");
    });
}

#[test]
fn a_list_is_renewed_at_half_of_its_time_as_long_as_its_authority_lasts() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let year = json!({"type": "DAY", "value": 100});
        let mut subs = Vec::new();
        for action in ["", "disable", "revoke", "delete"] {
            let body = with(subordinate_request("Sub", &root), "/validity", year.clone());
            let sub = world.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned();
            world.enable_crl(&sub, json!({"valid_days": 10})).await;
            let leaf = world.certificate("leaf", &sub).await;
            match action {
                "" => {}
                "delete" => {
                    world.act(&sub, "disable").await.no_content();
                    let path = format!("{CAS}/{sub}?pending_days=30");
                    world.call("DELETE", &path, Value::Null).await.no_content();
                }
                action => world.act(&sub, action).await.no_content(),
            }
            subs.push((sub, leaf));
        }
        let mut number = 0;
        for round in 1..=5 {
            world.clock.advance(5 * DAY_MS - 1);
            assert_eq!(world.publish().await, 0);
            world.clock.advance(1);
            assert_eq!(world.publish().await, 4, "round {round}");
            for (sub, _) in &subs {
                let list = world.list(sub).await;
                let now = START + round * 5 * DAY;
                assert_eq!((list.this_update, list.next_update), (now - BACKDATED, now + 10 * DAY));
                assert!(list.number > number);
            }
            number = world.list(&subs[0].0).await.number;
            // What they issued can still be revoked, whatever became of them.
            if round == 1 {
                for (sub, leaf) in &subs {
                    world.revoke(leaf, "KEY_COMPROMISE").await;
                    assert_eq!(world.publish().await, 1);
                    assert_eq!(world.list(sub).await.serials(), [world.serial(leaf).await]);
                    number = number.max(world.list(sub).await.number);
                }
            }
        }
        // Past the end of their certificates nobody asks any more.
        world.clock.advance(75 * DAY_MS - 1);
        assert_eq!(world.publish().await, 3, "the deleted one is gone");
        world.clock.advance(1);
        assert_eq!(world.ca_status(&subs[0].0).await, "EXPIRED");
        world.clock.advance(20 * DAY_MS);
        assert_eq!(world.publish().await, 0);
        // Expired, it may still be switched off.
        world.disable_crl(&subs[0].0).await;
    });
}

#[test]
fn the_last_list_of_a_deleted_authority_is_valid_as_long_as_its_certificate() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let sub = world.subordinate("Sub", &root).await;
        world.enable_crl(&sub, json!({"crl_name": "sub", "partitions": 2})).await;
        let (revoked, kept) = (world.certificate("a", &sub).await, world.certificate("b", &sub).await);
        let serial = world.serial(&revoked).await;
        let certificate = world.own_certificate(&sub).await;
        world.schedule_deletion(&sub).await;
        world.clock.advance(6 * DAY_MS);
        // Nobody published this before the time had come.
        world.revoke(&revoked, "KEY_COMPROMISE").await;
        world.clock.advance(DAY_MS);
        assert_eq!(Job::Purge.run(&world.ccm).await.unwrap(), 1);
        let end = certificate.period().not_after;
        for (object, listed) in [("sub.crl", true), ("sub/1.crl", true), ("sub/2.crl", false)] {
            let list = world.list_at(&format!("/crl/crl/{object}")).await;
            list.check_issuer(&certificate);
            assert_eq!((list.this_update, list.next_update), (world.clock_ms() / 1000 - BACKDATED, end), "{object}");
            assert_eq!(list.entries.contains_key(&serial), listed, "{object}");
        }
        let last = world.list_at("/crl/crl/sub.crl").await;
        // The key is gone: nothing more can be said, but nothing breaks over it.
        world.revoke(&kept, "KEY_COMPROMISE").await;
        world.clock.advance(400 * DAY_MS);
        for job in Job::ALL {
            job.run(&world.ccm).await.unwrap();
        }
        assert_eq!(world.list_at("/crl/crl/sub.crl").await.der, last.der);
        // Nobody may take its place as long as it counts.
        world.disable_crl(&root).await;
        world.try_enable_crl(&root, json!({"crl_name": "sub"})).await.error(400, "PCA.00020204");
    });
}
