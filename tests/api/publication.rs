//! Publishing to buckets that fail or hold something else.

use std::{fs, slice::from_ref, time::Duration};

use openccm_auth::Secret;
use openccm_service::{
    bucket_store::{BucketSettings, S3Settings},
    jobs::Job,
    revocation::{self, Publications},
};
use serde_json::{Value, json};

use crate::{
    relying_party::{List, addresses},
    world::{CAS, DAY_MS, HOUR_MS, World, on_both, on_both_stores},
};

impl World {
    /// Puts `bytes` in the place of an object, or of nothing.
    async fn replace(&self, object: &str, bytes: Vec<u8>) {
        let store = self.ccm.buckets();
        let version = store.version("crl", object).await.unwrap();
        store.put("crl", object, bytes, "application/pkix-crl", "", version.as_ref()).await.unwrap();
    }

    async fn object(&self, object: &str) -> Vec<u8> {
        self.ccm.buckets().get("crl", object).await.unwrap().unwrap().bytes.to_vec()
    }

    async fn publish_due(&self) -> Publications {
        revocation::publish_due(&self.ccm).await.unwrap()
    }
}

#[test]
fn while_a_bucket_is_away_everything_else_goes_on() {
    on_both_stores(async |world| {
        let (root, late) = (world.root("Root").await, world.root("Late").await);
        world.enable_crl(&root, json!({})).await;
        let before = world.list(&root).await;
        let (bucket, away) = (world.object_file("crl", ""), world.object_file("away", ""));
        fs::rename(&bucket, &away).unwrap();

        let mut serials = Vec::new();
        for round in 1..=3 {
            serials.push(world.revoked(&root, "KEY_COMPROMISE").await);
            assert_eq!(world.publish_due().await, Publications { published: 0, failed: 1 }, "round {round}");
        }
        assert!(Job::PublishLists.run(&world.ccm).await.is_err());
        assert_eq!(revocation::compare_published(&world.ccm).await.unwrap(), 0);
        let answer = world.send("GET", &format!("/crl/crl/{root}.crl"), &[], Vec::new()).await;
        assert!([404, 503].contains(&answer.status.as_u16()));
        // Switched on now, a list is out as soon as it can be; certificates name it already.
        let body = json!({"obs_bucket_name": "crl", "valid_days": 7});
        world.call("POST", &format!("{CAS}/{late}/crl/enable"), body).await.no_content();
        let leaf = world.certificate("leaf", &late).await;
        assert_eq!(addresses(&world.certificate_chain(&leaf).await.0).0, [world.crl_address(&late).await]);
        assert_eq!(world.publish_due().await, Publications { published: 0, failed: 2 });

        fs::rename(&away, &bucket).unwrap();
        assert_eq!(world.publish_due().await, Publications { published: 2, failed: 0 });
        let list = world.list(&root).await;
        serials.sort();
        assert_eq!(list.serials(), serials);
        assert!(list.number > before.number);
        assert!(world.list(&late).await.entries.is_empty());
    });
}

#[test]
fn a_bucket_that_is_no_folder_is_an_error_and_nothing_worse() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        let (bucket, away) = (world.object_file("crl", ""), world.object_file("away", ""));
        let bucket = bucket.parent().unwrap().join("crl");
        fs::rename(&bucket, &away).unwrap();
        fs::write(&bucket, "a file").unwrap();
        let serial = world.revoked(&root, "KEY_COMPROMISE").await;
        assert_eq!(world.publish_due().await, Publications { published: 0, failed: 1 });
        assert_eq!(fs::read(&bucket).unwrap(), b"a file");
        fs::remove_file(&bucket).unwrap();
        std::os::unix::fs::symlink(&away, &bucket).unwrap();
        assert_eq!(world.publish_due().await, Publications { published: 0, failed: 1 }, "links are not followed");
        fs::remove_file(&bucket).unwrap();
        fs::rename(&away, &bucket).unwrap();
        // The object itself, too.
        let (list, aside) = (world.object_file("crl", "list.crl"), world.object_file("crl", "aside"));
        fs::rename(&list, &aside).unwrap();
        fs::create_dir(&list).unwrap();
        assert_eq!(world.publish_due().await, Publications { published: 0, failed: 1 });
        fs::remove_dir(&list).unwrap();
        assert_eq!(world.publish_due().await, Publications { published: 1, failed: 0 });
        assert_eq!(world.list(&root).await.serials(), [serial]);
    });
}

#[test]
fn while_the_object_service_is_down_everything_else_goes_on() {
    on_both_stores(async |mut world| {
        let (root, late) = (world.root("Root").await, world.root("Late").await);
        world.enable_crl(&root, json!({})).await;
        let there = world.buckets.clone();
        // A port that nobody listens at.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let down = S3Settings {
            endpoint,
            region: "cn-north-4".into(),
            access_key: "test-access-key".into(),
            secret_key: Secret::new("test-secret-key".into()),
            path_style: true,
        };
        world.restart_with_buckets(BucketSettings::S3(down)).await;
        let started = tokio::time::Instant::now();
        let mut serials = vec![world.revoked(&root, "KEY_COMPROMISE").await];
        assert!(started.elapsed() < Duration::from_secs(2), "nobody waits for the bucket");
        assert_eq!(world.publish_due().await, Publications { published: 0, failed: 1 });
        let answer = world.send("GET", &format!("/crl/crl/{root}.crl"), &[], Vec::new()).await;
        answer.error(503, "PCA.00000006");
        let body = json!({"obs_bucket_name": "crl", "valid_days": 7});
        let started = tokio::time::Instant::now();
        world.call("POST", &format!("{CAS}/{late}/crl/enable"), body).await.no_content();
        assert!(started.elapsed() < Duration::from_secs(20));
        serials.push(world.revoked(&root, "KEY_COMPROMISE").await);
        serials.sort();

        world.restart_with_buckets(there).await;
        assert_eq!(revocation::compare_published(&world.ccm).await.unwrap(), 0);
        assert_eq!(world.publish_due().await, Publications { published: 2, failed: 0 });
        assert_eq!(world.list(&root).await.serials(), serials);
        assert!(world.list(&late).await.entries.is_empty());
    });
}

#[test]
fn what_is_no_list_of_ours_is_replaced() {
    on_both_stores(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        let serial = world.revoked(&root, "KEY_COMPROMISE").await;
        world.publish().await;
        let good = world.list(&root).await;
        let mut forged = good.der.clone();
        *forged.last_mut().unwrap() ^= 1;
        let mut older = good.number;
        for garbage in [
            b"garbage".to_vec(),
            Vec::new(),
            vec![0; 100_000],
            good.der[..good.der.len() - 1].to_vec(),
            [good.der.as_slice(), b"x"].concat(),
            forged,
        ] {
            let what = format!("{} bytes", garbage.len());
            world.replace("list.crl", garbage).await;
            assert_eq!(revocation::compare_published(&world.ccm).await.unwrap(), 0, "{what}");
            assert_eq!(world.publish().await, 1, "{what}");
            let list = world.list(&root).await;
            assert!(list.number > older, "{what}");
            assert_eq!(list.serials(), from_ref(&serial));
            older = list.number;
        }
        // Without a comparison, it is seen when the next one is due.
        world.replace("list.crl", b"garbage".to_vec()).await;
        assert_eq!(world.publish().await, 0);
        world.clock.advance(4 * DAY_MS);
        assert_eq!(world.publish().await, 1);
        assert_eq!(world.list(&root).await.serials(), [serial]);
    });
}

#[test]
fn a_list_of_another_authority_is_not_overwritten_as_long_as_it_counts() {
    on_both_stores(async |world| {
        let (root, other, successor) = (world.root("Root").await, world.root("Other").await, world.root("Root").await);
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        world.enable_crl(&other, json!({"crl_name": "other"})).await;
        // An authority of the same name with another key is another one.
        world.enable_crl(&successor, json!({"crl_name": "successor"})).await;
        let serial = world.revoked(&root, "KEY_COMPROMISE").await;
        for object in ["successor.crl", "other.crl"] {
            let foreign = world.object(object).await;
            world.replace("list.crl", foreign.clone()).await;
            for _ in 0..2 {
                assert_eq!(world.publish_due().await, Publications { published: 0, failed: 1 }, "{object}");
                assert_eq!(revocation::compare_published(&world.ccm).await.unwrap(), 0);
                assert_eq!(world.object("list.crl").await, foreign);
            }
        }
        world.disable_crl(&successor).await;
        world.clock.advance(7 * DAY_MS - 1000);
        assert_eq!(world.publish_due().await, Publications { published: 1, failed: 1 });
        world.clock.advance(1000);
        assert_eq!(world.publish_due().await, Publications { published: 1, failed: 0 });
        assert_eq!(world.list(&root).await.serials(), [serial]);
    });
}

#[test]
fn a_bucket_that_was_rolled_back_gets_a_newer_list() {
    on_both_stores(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        let mut serials = vec![world.revoked(&root, "KEY_COMPROMISE").await];
        world.publish().await;
        let old = world.object("list.crl").await;
        world.clock.advance(HOUR_MS);
        serials.push(world.revoked(&root, "KEY_COMPROMISE").await);
        world.publish().await;
        let new = world.list(&root).await;
        serials.sort();
        for remove in [false, true] {
            match remove {
                false => world.replace("list.crl", old.clone()).await,
                true => fs::remove_file(world.object_file("crl", "list.crl")).unwrap(),
            }
            let before = if remove { new.number } else { List::read(&old).number };
            assert_eq!(world.publish().await, 0, "nobody has looked");
            assert_eq!(revocation::compare_published(&world.ccm).await.unwrap(), 0);
            assert_eq!(world.publish().await, 1);
            let list = world.list(&root).await;
            assert!(list.number > new.number && list.number > before);
            assert_eq!(list.serials(), serials);
            assert_eq!(revocation::compare_published(&world.ccm).await.unwrap(), 0);
            assert_eq!(world.publish().await, 0, "the comparison finds nothing more to do");
        }
    });
}

#[test]
fn revoking_where_nothing_is_published_costs_nothing() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let serial = world.revoked(&root, "KEY_COMPROMISE").await;
        assert_eq!(world.publish_due().await, Publications::default());
        assert_eq!(revocation::compare_published(&world.ccm).await.unwrap(), 0);
        // Switched on later, the list says what happened before.
        world.enable_crl(&root, json!({})).await;
        assert_eq!(world.list(&root).await.serials(), [serial]);
        world.call("POST", &format!("{CAS}/{root}/crl/disable"), Value::Null).await.no_content();
    });
}
