//! The names of lists in their buckets.

use serde_json::json;

use crate::{
    relying_party::addresses,
    revocation_rules::configuration,
    world::{CAS, DAY_MS, REVOCATION_URL, on_both, root_request, with},
};

#[test]
fn a_name_in_a_bucket_is_one_authoritys_as_long_as_its_list_counts() {
    on_both(async |world| {
        world.bucket("crl").await;
        world.bucket("crl-two").await;
        let (first, second) = (world.root("First").await, world.root("Second").await);
        world.enable_crl(&first, json!({"crl_name": "list"})).await;
        let published = world.list(&first).await;
        let take = async |id: &str, name: &str| world.try_enable_crl(id, json!({"crl_name": name})).await;
        assert!(take(&second, "list").await.error(400, "PCA.00020204").contains("crl_name"));
        let body = with(root_request("Third"), "/crl_configuration", configuration());
        world.call("POST", CAS, body.clone()).await.error(400, "PCA.00020204");
        // Nor is the name free that is another's id, once its list is out.
        world.disable_crl(&first).await;
        world.enable_crl(&first, json!({})).await;
        take(&second, &first).await.error(400, "PCA.00020204");

        // Given up, but still valid: whoever trusts it would be misled by another's in its place.
        take(&second, "list").await.error(400, "PCA.00020204");
        world.call("POST", CAS, body.clone()).await.error(400, "PCA.00020204");
        let address = format!("{REVOCATION_URL}/crl/crl/list.crl");
        let still = crate::relying_party::fetch(&world.caller(), &address).await;
        assert_eq!(still.der, published.der);
        // In another bucket it is free.
        world.enable_crl(&second, json!({"crl_name": "list", "obs_bucket_name": "crl-two"})).await;
        world.disable_crl(&second).await;

        world.clock.advance(7 * DAY_MS - 1000);
        take(&second, "list").await.error(400, "PCA.00020204");
        world.clock.advance(1000);
        take(&second, "list").await.no_content();
        assert_eq!(world.list(&second).await.entries.len(), 0);
        world.call("POST", CAS, body).await.error(400, "PCA.00020204");
    });
}

#[test]
fn a_name_is_not_taken_over_by_an_authority_of_the_same_name_and_another_key() {
    on_both(async |world| {
        let old = world.root("Root").await;
        world.enable_crl(&old, json!({"crl_name": "list"})).await;
        let serial = world.revoked(&old, "KEY_COMPROMISE").await;
        world.publish().await;
        world.disable_crl(&old).await;
        // The successor of an authority often keeps its name. Its list says nothing about what the other one issued.
        let new = world.root("Root").await;
        let answer = world.try_enable_crl(&new, json!({"crl_name": "list"})).await;
        assert!(answer.error(400, "PCA.00020204").contains("crl_name"));
        let list = crate::relying_party::fetch(&world.caller(), &format!("{REVOCATION_URL}/crl/crl/list.crl")).await;
        assert_eq!(list.serials(), [serial]);
        // The old one itself may go on with it.
        world.enable_crl(&old, json!({"crl_name": "list"})).await;
        assert!(world.list(&old).await.number > list.number);
    });
}

#[test]
fn no_name_gets_into_the_way_of_anothers_partitions() {
    on_both(async |world| {
        let (first, second) = (world.root("First").await, world.root("Second").await);
        world.enable_crl(&first, json!({"crl_name": "list"})).await;
        // Said with its ending, it is the same name; with two, its partitions would be kept in a folder that is called
        // like the other's list.
        for name in ["list.crl", "list.crl.crl", ".crl"] {
            let answer = world.try_enable_crl(&second, json!({"crl_name": name, "partitions": 2})).await;
            assert!(answer.error(400, "PCA.00020204").contains("crl_name"), "{name}");
        }
        world.enable_crl(&second, json!({"crl_name": "other.crl", "partitions": 2})).await;
        assert_eq!(world.crl_address(&second).await, format!("{REVOCATION_URL}/crl/crl/other.crl"));
        for id in [&first, &second] {
            assert_eq!(world.list(id).await.entries.len(), 0);
        }
        let leaf = world.certificate("leaf", &second).await;
        let address = addresses(&world.certificate_chain(&leaf).await.0).0.remove(0);
        assert_eq!(crate::relying_party::fetch(&world.caller(), &address).await.point, Some(address));
    });
}

#[test]
fn two_who_want_the_same_name_at_once_do_not_both_get_it() {
    on_both(async |world| {
        world.bucket("crl").await;
        let mut roots = Vec::new();
        for index in 0..6 {
            roots.push(world.root(&format!("Root {index}")).await);
        }
        let mut calls = tokio::task::JoinSet::new();
        for root in &roots {
            let (caller, path) = (world.caller(), format!("{CAS}/{root}/crl/enable"));
            calls.spawn(async move { caller.call("POST", &path, configuration()).await });
        }
        let answers = calls.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 204) {
            answer.error(400, "PCA.00020204");
        }
        // And of one authority, many calls at once switch it on and off in some order.
        let mut calls = tokio::task::JoinSet::new();
        for index in 0..12 {
            let (caller, root) = (world.caller(), roots[index % 2].clone());
            calls.spawn(async move {
                let action = if index % 3 == 2 { "disable" } else { "enable" };
                let body = json!({"obs_bucket_name": "crl", "valid_days": 8, "partitions": 1 + index % 3});
                caller.call("POST", &format!("{CAS}/{root}/crl/{action}"), body).await
            });
        }
        for answer in calls.join_all().await {
            if answer.status != 204 {
                answer.error(403, "PCA.00030201");
            }
        }
        world.publish().await;
    });
}
