//! Agencies, buckets, and what consoles are told.

use openccm_service::buckets;
use serde_json::{Value, json};

use crate::world::{CAS, World, on_both};

async fn bucket_without_agency(world: &World, name: &str) {
    buckets::create(world.ccm.database(), world.ccm.buckets(), name, world.clock_ms()).await.unwrap();
}

#[test]
fn agencies_are_granted_once_and_shown_as_each_client_reads_it() {
    on_both(async |world| {
        let agency = format!("{CAS}/agency");
        let obs = format!("{CAS}/obs/agencies");
        let shown = async |agent: &str| {
            world.caller().call_by_agent("GET", &agency, agent).await.ok()["agency_granted"].clone()
        };
        assert_eq!(world.get(&obs).await["agency_granted"], "false");
        for (granted, text) in [(json!(false), json!("false")), (json!(true), json!("true"))] {
            for agent in ["HashiCorp Terraform/1.9", "huaweicloud-usdk-python/3.0", "", "my huaweicloud-usdk-go/3.0"] {
                assert_eq!(shown(agent).await, granted, "{agent}");
            }
            for agent in ["huaweicloud-usdk-go/3.0", "huaweicloud-usdk-java/3.0; something"] {
                assert_eq!(shown(agent).await, text, "{agent}");
            }
            let id = world.call("POST", &obs, Value::Null).await.ok()["agency_id"].clone();
            assert_eq!(id.as_str().unwrap().len(), 32);
            assert_eq!(world.call("POST", &format!("{CAS}/agencies"), json!({})).await.ok()["agency_id"], id);
            assert_eq!(world.get(&obs).await["agency_granted"], "true");
        }
        let bob = world.add_account("bob", true).await;
        let answer = world.call_as(&bob, "GET", &obs, Value::Null).await.ok();
        assert_eq!(answer["agency_granted"], "false");
        let empty = json!({"total": 0, "obs_buckets": []});
        assert_eq!(world.get(&format!("{CAS}/obs/buckets")).await, empty);
        world.clock.advance(1);
        for name in ["b-bucket", "a-bucket", "b-bucket"] {
            bucket_without_agency(&world, name).await;
            world.clock.advance(1);
        }
        let start = crate::world::START_MS;
        let buckets = json!({"total": 2, "obs_buckets": [
            {"bucket_name": "a-bucket", "create_time": start + 2}, {"bucket_name": "b-bucket", "create_time": start + 1},
        ]});
        assert_eq!(world.get(&format!("{CAS}/obs/buckets")).await, buckets);
        // At the same moment, all are told the same agency.
        let carol = world.add_account("carol", true).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (caller, path) = (world.caller_as(&carol), obs.clone());
            calls.spawn(async move { caller.call("POST", &path, Value::Null).await.ok()["agency_id"].to_string() });
        }
        let ids: std::collections::BTreeSet<String> = calls.join_all().await.into_iter().collect();
        assert_eq!(ids.len(), 1);
    });
}

#[test]
fn consoles_are_told_what_there_is() {
    on_both(async |world| {
        let config = world.get("/v1/pca/config/console").await;
        for (field, value) in config.as_object().unwrap() {
            let expected = match field.as_str() {
                "is_support_ocsp" => json!(true),
                "dhsm_regions" => json!([]),
                _ => json!(false),
            };
            assert_eq!(*value, expected, "{field}");
        }
        world.send("GET", "/v1/pca/config/console", &[], Vec::new()).await.error(401, "PCA.00010001");
    });
}
