//! What `crl/enable` and `crl/disable` take and refuse, and what creation and activation do of it.

use openccm_service::buckets;
use serde_json::{Value, json};

use crate::{
    relying_party::addresses,
    world::{CAS, CERTIFICATES, REVOCATION_URL, World, on_both, root_request, subordinate_request, with},
};

/// A configuration that is fine once there are an agency and a bucket.
pub(crate) fn configuration() -> Value {
    json!({"enabled": true, "obs_bucket_name": "crl", "valid_days": 7, "crl_name": "list"})
}

/// What is shown where nothing is published.
fn nothing() -> Value {
    json!({"enabled": false, "crl_name": null, "obs_bucket_name": null, "valid_days": null, "crl_dis_point": null})
}

async fn bucket_without_agency(world: &World, name: &str) {
    buckets::create(world.ccm.database(), world.ccm.buckets(), name, world.clock_ms()).await.unwrap();
}

#[test]
fn without_an_agency_nothing_is_published_nor_made() {
    on_both(async |world| {
        bucket_without_agency(&world, "crl").await;
        let root = world.root("Root").await;
        let pending = world.pending("Pending").await;
        let before = (world.everything().await, world.authority(&root).await, world.authority(&pending).await);
        let activation = json!({
            "issuer_id": root, "signature_algorithm": "SHA256", "validity": {"type": "DAY", "value": 9},
            "crl_configuration": configuration(),
        });
        for (path, body) in [
            (format!("{CAS}/{root}/crl/enable"), configuration()),
            (CAS.to_owned(), with(root_request("New"), "/crl_configuration", configuration())),
            (CAS.to_owned(), with(subordinate_request("New", &root), "/crl_configuration", configuration())),
            (format!("{CAS}/{pending}/activate"), activation.clone()),
        ] {
            world.call("POST", &path, body).await.error(403, "PCA.00000006");
        }
        world.call("GET", &format!("{CAS}/obs/buckets"), Value::Null).await.error(403, "PCA.00000006");
        let after = (world.everything().await, world.authority(&root).await, world.authority(&pending).await);
        assert_eq!(after, before);
        assert_eq!(world.publish().await, 0);

        // Another account's agency is not this one's.
        let bob = world.add_account("bob", true).await;
        world.call_as(&bob, "POST", &format!("{CAS}/obs/agencies"), Value::Null).await.ok();
        world.call("POST", &format!("{CAS}/{root}/crl/enable"), configuration()).await.error(403, "PCA.00000006");
        world.call("POST", &format!("{CAS}/agencies"), Value::Null).await.ok();
        world.call("POST", &format!("{CAS}/{pending}/activate"), activation).await.no_content();
    });
}

#[test]
fn what_cannot_be_published_is_refused_and_changes_nothing() {
    on_both(async |world| {
        world.bucket("crl").await;
        bucket_without_agency(&world, "crl.two").await;
        let root = world.root("Root").await;
        let pending = world.pending("Pending").await;
        let before = (world.everything().await, world.authority(&root).await, world.authority(&pending).await);
        let long = "a".repeat(65);
        let mut wrong: Vec<(&str, Value)> = vec![
            ("/obs_bucket_name", Value::Null),
            ("/obs_bucket_name", json!("")),
            ("/obs_bucket_name", json!("elsewhere")),
            ("/obs_bucket_name", json!("CRL")),
            ("/obs_bucket_name", json!("..")),
            ("/obs_bucket_name", json!("../crl")),
            ("/obs_bucket_name", json!("crl/../crl")),
            ("/obs_bucket_name", json!(long)),
            ("/obs_bucket_name", json!(7)),
            ("/obs_bucket_name", json!(["crl"])),
            ("/valid_days", Value::Null),
            ("/valid_days", json!("")),
            ("/valid_days", json!(6)),
            ("/valid_days", json!(31)),
            ("/valid_days", json!(-7)),
            ("/valid_days", json!(i64::MAX)),
            ("/valid_days", json!(1e300)),
            ("/valid_days", json!(7.5)),
            ("/valid_days", json!("seven")),
            ("/valid_days", json!(true)),
            ("/partitions", json!(0)),
            ("/partitions", json!(-1)),
            ("/partitions", json!(1025)),
            ("/partitions", json!("many")),
            ("/partitions", json!([2])),
            ("/crl_name", json!(7)),
            ("/crl_name", json!({"name": "list"})),
        ];
        let names = [
            ".", "..", ".hidden", "../list", "a/b", "/list", "list/", "a\\b", "a b", " list", "a%2fb", "a?b", "a#b",
            "é", "列表", "a\u{0}b", "a\nb", &long,
        ];
        wrong.extend(names.iter().map(|name| ("/crl_name", json!(name))));
        for (pointer, value) in wrong {
            let body = with(configuration(), pointer, value.clone());
            let context = format!("{pointer} {value}");
            let field = pointer.trim_start_matches('/');
            let enable = world.call("POST", &format!("{CAS}/{root}/crl/enable"), body.clone()).await;
            assert!(enable.error(400, "PCA.00020204").contains(field), "{context}");
            let creation = with(root_request("New"), "/crl_configuration", body.clone());
            let message = world.call("POST", CAS, creation).await.error(400, "PCA.00020204");
            assert!(message.contains("crl_configuration") && message.contains(field), "{context}: {message}");
            let activation = json!({
                "issuer_id": root, "signature_algorithm": "SHA256", "validity": {"type": "DAY", "value": 9},
                "crl_configuration": body,
            });
            let message = world.call("POST", &format!("{CAS}/{pending}/activate"), activation).await;
            assert!(message.error(400, "PCA.00020204").contains(field), "{context}");
        }
        for body in ["", "null", "{}", "  "] {
            let path = format!("{CAS}/{root}/crl/enable");
            world.call_raw(&world.account, "POST", &path, body.into()).await.error(400, "PCA.00020204");
        }
        for body in ["[]", "7", "{", "\"crl\"", "\u{1}"] {
            let path = format!("{CAS}/{root}/crl/enable");
            let answer = world.call_raw(&world.account, "POST", &path, body.into()).await;
            assert_eq!(answer.status, 400, "{body}");
        }
        let after = (world.everything().await, world.authority(&root).await, world.authority(&pending).await);
        assert_eq!(after, before);
        assert_eq!(world.publish().await, 0);
    });
}

#[test]
fn a_list_is_switched_on_once_and_off_for_good() {
    on_both(async |world| {
        world.bucket("crl").await;
        world.bucket("crl-two").await;
        let root = world.root("Root").await;
        let enable = format!("{CAS}/{root}/crl/enable");
        assert_eq!(world.authority(&root).await["crl_configuration"], nothing());
        world.act(&root, "crl/disable").await.no_content();

        // As Terraform sends it: what is not set is empty. Numbers may be texts.
        let terraform = json!({"crl_name": "", "obs_bucket_name": "crl", "valid_days": "7"});
        world.call("POST", &enable, terraform.clone()).await.no_content();
        let address = format!("{REVOCATION_URL}/crl/crl/{root}.crl");
        let shown = json!({
            "enabled": true, "crl_name": root, "obs_bucket_name": "crl", "valid_days": 7, "crl_dis_point": address,
        });
        assert_eq!(world.authority(&root).await["crl_configuration"], shown);
        let first = world.list(&root).await;
        assert_eq!(world.publish().await, 0, "the first is out when the call returns");

        // The same again is fine, however it is said; anything else has to be switched off first.
        for same in [
            terraform,
            json!({"obs_bucket_name": "crl", "valid_days": 7, "crl_name": root}),
            json!({"obs_bucket_name": "crl", "valid_days": 7, "crl_name": null, "partitions": 1}),
        ] {
            world.call("POST", &enable, same).await.no_content();
        }
        for other in [
            json!({"obs_bucket_name": "crl", "valid_days": 8}),
            json!({"obs_bucket_name": "crl-two", "valid_days": 7}),
            json!({"obs_bucket_name": "crl", "valid_days": 7, "crl_name": "other"}),
            json!({"obs_bucket_name": "crl", "valid_days": 7, "partitions": 2}),
        ] {
            world.call("POST", &enable, other).await.error(403, "PCA.00030201");
        }
        assert_eq!(world.authority(&root).await["crl_configuration"], shown);
        assert_eq!(world.list(&root).await.number, first.number);

        for _ in 0..2 {
            world.act(&root, "crl/disable").await.no_content();
            assert_eq!(world.authority(&root).await["crl_configuration"], nothing());
        }
        // Certificates issued from now on name no list.
        let leaf = world.certificate("leaf", &root).await;
        assert_eq!(addresses(&world.certificate_chain(&leaf).await.0).0, Vec::<String>::new());
        let other = json!({"obs_bucket_name": "crl-two", "valid_days": 30, "crl_name": "A_b-1.2"});
        world.call("POST", &enable, other).await.no_content();
        let address = format!("{REVOCATION_URL}/crl/crl-two/A_b-1.2.crl");
        assert_eq!(world.crl_address(&root).await, address);
        let leaf = world.certificate("leaf", &root).await;
        assert_eq!(addresses(&world.certificate_chain(&leaf).await.0).0, [address]);
    });
}

#[test]
fn another_accounts_authority_is_not_there() {
    on_both(async |world| {
        world.bucket("crl").await;
        let root = world.root("Root").await;
        let bob = world.add_account("bob", true).await;
        let carol = world.add_account("carol", false).await;
        world.call_as(&bob, "POST", &format!("{CAS}/agencies"), Value::Null).await.ok();
        for (action, body) in [
            ("crl/enable", configuration()),
            ("crl/disable", Value::Null),
            ("ocsp/switch", json!({"ocsp_switch": true})),
        ] {
            let call = world.call_as(&bob, "POST", &format!("{CAS}/{root}/{action}"), body.clone()).await;
            call.error(404, "PCA.00030102");
            // Nor for those who may do nothing.
            let call = world.call_as(&carol, "POST", &format!("{CAS}/{root}/{action}"), body.clone()).await;
            assert_eq!(call.status, 403, "{}", call.text());
            let nobody = format!("{CAS}/{}/{action}", root.replace(|c: char| c.is_ascii_digit(), "a"));
            world.call("POST", &nobody, body).await.error(404, "PCA.00030102");
        }
        assert_eq!(world.authority(&root).await["crl_configuration"], nothing());
    });
}

#[test]
fn a_pending_authority_publishes_from_its_activation_or_import_on() {
    on_both(async |world| {
        world.bucket("crl").await;
        let root = world.root("Root").await;
        let pending = |name: &str, crl_name: &str| {
            let body = with(subordinate_request(name, ""), "/validity", Value::Null);
            with(body, "/crl_configuration", with(configuration(), "/crl_name", json!(crl_name)))
        };
        let make = async |name: &str, crl_name: &str| {
            let made = world.call("POST", CAS, pending(name, crl_name)).await.ok();
            made["ca_id"].as_str().unwrap().to_owned()
        };
        let (kept, dropped, changed) =
            (make("Kept", "kept").await, make("Dropped", "dropped").await, make("Changed", "old").await);
        assert_eq!(world.publish().await, 0);
        assert_eq!(world.authority(&kept).await["crl_configuration"]["crl_name"], "kept");
        world.act(&kept, "crl/disable").await.error(403, "PCA.00030201");
        let activation = |crl_configuration: Value| {
            with(
                json!({"issuer_id": root, "signature_algorithm": "SHA256", "validity": {"type": "DAY", "value": 9}}),
                "/crl_configuration",
                crl_configuration,
            )
        };
        // What cannot sign lists is not activated with one.
        let unable = with(activation(Value::Null), "/key_usages", json!(["keyCertSign"]));
        world.call("POST", &format!("{CAS}/{kept}/activate"), unable).await.error(400, "PCA.00020204");
        for (id, configuration) in [
            (&kept, Value::Null),
            (&dropped, json!({"enabled": false})),
            (&changed, with(configuration(), "/crl_name", json!("new"))),
        ] {
            world.call("POST", &format!("{CAS}/{id}/activate"), activation(configuration)).await.no_content();
        }
        assert!(world.crl_address(&kept).await.ends_with("/crl/crl/kept.crl"));
        assert_eq!(world.list(&kept).await.entries.len(), 0);
        assert_eq!(world.authority(&dropped).await["crl_configuration"], nothing());
        assert!(world.crl_address(&changed).await.ends_with("/crl/crl/new.crl"));
        assert_eq!(world.list(&changed).await.entries.len(), 0);
        assert_eq!(world.publish().await, 0);
        for gone in ["dropped", "old"] {
            let answer = world.send("GET", &format!("/crl/crl/{gone}.crl"), &[], Vec::new()).await;
            assert_eq!(answer.status, 404, "{gone}");
        }
        // The names that were given up are free, as is that of a pending authority that was deleted.
        let doomed = make("Doomed", "old").await;
        let again = pending("Again", "old");
        world.call("POST", CAS, again.clone()).await.error(400, "PCA.00020204");
        world.call("DELETE", &format!("{CAS}/{doomed}"), Value::Null).await.no_content();
        world.call("POST", CAS, again).await.ok();

        // A root and a subordinate publish from their creation on.
        let body = with(root_request("New"), "/crl_configuration", with(configuration(), "/crl_name", Value::Null));
        let made = world.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned();
        assert_eq!(world.list(&made).await.entries.len(), 0);
        let body = with(subordinate_request("New", &root), "/crl_configuration", configuration());
        let made = world.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned();
        assert_eq!(world.list(&made).await.entries.len(), 0);
    });
}

#[test]
fn a_key_that_may_not_sign_lists_publishes_none() {
    on_both(async |world| {
        world.bucket("crl").await;
        let root = world.root("Root").await;
        let unable = with(subordinate_request("Unable", &root), "/key_usages", json!(["keyCertSign"]));
        let publishing = with(unable.clone(), "/crl_configuration", configuration());
        let before = world.everything().await;
        world.call("POST", CAS, publishing).await.error(400, "PCA.00020204");
        assert_eq!(world.everything().await, before);
        let id = world.call("POST", CAS, unable).await.ok()["ca_id"].as_str().unwrap().to_owned();
        world.call("POST", &format!("{CAS}/{id}/crl/enable"), configuration()).await.error(400, "PCA.00020204");
        assert_eq!(world.authority(&id).await["crl_configuration"], nothing());

        // One that may not sign certificates has nobody to delegate OCSP to.
        let unable = with(subordinate_request("Unable", &root), "/key_usages", json!(["cRLSign"]));
        let id = world.call("POST", CAS, unable).await.ok()["ca_id"].as_str().unwrap().to_owned();
        let switch = format!("{CAS}/{id}/ocsp/switch");
        world.call("POST", &switch, json!({"ocsp_switch": true})).await.error(403, "PCA.00030201");
        world.call("POST", &switch, json!({"ocsp_switch": false})).await.no_content();
        // But it may publish a list.
        world.call("POST", &format!("{CAS}/{id}/crl/enable"), configuration()).await.no_content();
        assert_eq!(world.list(&id).await.entries.len(), 0);

        // The key of an authority made from a signing request is elsewhere.
        let csr = rcgen::CertificateParams::default().serialize_request(&rcgen::KeyPair::generate().unwrap());
        let csr = csr.unwrap().pem().unwrap();
        let body = json!({
            "issuer_id": root, "csr": csr, "type": "INTERMEDIATE_CA", "validity": {"type": "DAY", "value": 9},
        });
        let made = world.call("POST", &format!("{CERTIFICATES}/csr"), body).await.ok();
        let id = made["certificate_id"].as_str().unwrap().to_owned();
        let free = with(configuration(), "/crl_name", Value::Null);
        world.call("POST", &format!("{CAS}/{id}/crl/enable"), free).await.error(403, "PCA.00030201");
        let switch = format!("{CAS}/{id}/ocsp/switch");
        world.call("POST", &switch, json!({"ocsp_switch": true})).await.error(403, "PCA.00030201");
        assert_eq!(world.publish().await, 0);
    });
}
