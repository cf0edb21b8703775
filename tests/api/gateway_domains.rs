//! Domain names of API gateways, and the certificates that are bound to them.

use std::sync::Arc;

use openccm_core::{Ids, SystemClock};
use openccm_service::gateway::domains::{self, Registration};
use serde_json::{Value, json};

use crate::{
    gateway_certificates::{apigw, authority, certificates, create, form, register},
    world::{World, on_both, with},
};

const MISSING: &str = "a27be832f2e9441c8127fe48e3b5ac67";

fn group(world: &World, instance: &str, group: &str) -> String {
    format!("{}/instances/{instance}/api-groups/{group}", apigw(&world.account))
}

fn domain(world: &World, instance: &str, id: &str) -> String {
    format!("{}/domains/{id}", group(world, instance, "group-1"))
}

fn for_instance(form: Value, instance: &str) -> Value {
    with(with(form, "/type", json!("instance")), "/instance_id", json!(instance))
}

async fn attach(world: &World, certificate: &str, domains: Value) {
    let path = format!("{}/{certificate}/domains/attach", certificates(world));
    world.call("POST", &path, json!({"domains": domains})).await.no_content();
}

/// The domain names that a certificate is bound to, each with its gateway and whether clients are verified.
async fn bound(world: &World, certificate: &str) -> Vec<(String, String, bool)> {
    let answer = world.get(&format!("{}/{certificate}/attached-domains?limit=500", certificates(world))).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let domains = answer["bound_domains"].as_array().unwrap();
    let row = |domain: &Value| {
        let verified = domain["verified_client_certificate_enabled"].as_bool().unwrap();
        (text(&domain["url_domain"]), text(&domain["instance_id"]), verified)
    };
    domains.iter().map(row).collect()
}

fn row(name: &str, instance: &str, verified: bool) -> (String, String, bool) {
    (name.to_owned(), instance.to_owned(), verified)
}

#[test]
fn a_certificate_is_bound_to_domain_names() {
    on_both(async |world| {
        let own = world.account.clone();
        let www = register(&world, &own, "gw-1", "group-1", "WWW.Example.com").await;
        register(&world, &own, "gw-2", "group-1", "www.example.com").await;
        register(&world, &own, "gw-1", "group-1", "*.api.example.com").await;
        let id = create(&world, form("cert", &["www.example.com", "*.api.example.com"])).await;
        let path = format!("{}/{id}", certificates(&world));
        assert_eq!(bound(&world, &id).await, []);

        attach(&world, &id, json!([{"domain": "www.EXAMPLE.com", "instance_ids": ["gw-1"]}])).await;
        assert_eq!(bound(&world, &id).await, [row("www.example.com", "gw-1", false)]);
        // Again, and on every gateway, and another one.
        attach(
            &world,
            &id,
            json!([{"domain": "www.example.com"}, {"domain": "*.api.example.com", "instance_ids": []}]),
        )
        .await;
        let all = [
            row("*.api.example.com", "gw-1", false),
            row("www.example.com", "gw-1", false),
            row("www.example.com", "gw-2", false),
        ];
        assert_eq!(bound(&world, &id).await, all);

        let page = world.get(&format!("{path}/attached-domains?limit=1&offset=1&url_domain=WWW")).await;
        assert_eq!((&page["size"], &page["total"]), (&json!(1), &json!(2)));
        assert_eq!(page["bound_domains"][0]["instance_id"], "gw-2");
        let first = world.get(&format!("{path}/attached-domains?limit=1&url_domain=www.")).await;
        let expected = json!({
            "url_domain": "www.example.com", "id": www, "status": 3, "min_ssl_version": "TLSv1.2",
            "is_http_redirect_to_https": false, "verified_client_certificate_enabled": false, "ingress_http_port": -1,
            "ingress_https_port": -1, "ssl_id": id, "ssl_name": "cert", "api_group_id": "group-1",
            "api_group_name": "Shop", "instance_id": "gw-1",
        });
        assert_eq!(first["bound_domains"][0], expected);
        let nothing = world.get(&format!("{path}/attached-domains?url_domain=nothing")).await;
        assert_eq!(nothing, json!({"size": 0, "total": 0, "bound_domains": []}));

        // While it is bound, it stays.
        world.call("DELETE", &path, Value::Null).await.error(400, "APIG.3400");
        let detach = format!("{path}/domains/detach");
        world
            .call("POST", &detach, json!({"domains": [{"domain": "www.example.com", "instance_ids": ["gw-2"]}]}))
            .await
            .no_content();
        assert_eq!(bound(&world, &id).await, all[..2]);
        // What is not bound any more is passed over, unless nothing is left.
        let both = json!({"domains": [{"domain": "www.example.com"}, {"domain": "*.api.example.com"}, {"domain": "no.example.com"}]});
        world.call("POST", &detach, both.clone()).await.no_content();
        let message = world.call("POST", &detach, both).await.error(400, "APIG.2000");
        assert!(message.starts_with("no valid domain name"), "{message}");
        world.call("DELETE", &path, Value::Null).await.no_content();
    });
}

#[test]
fn a_domain_name_gets_a_certificate() {
    on_both(async |world| {
        let own = world.account.clone();
        let www = register(&world, &own, "gw-1", "group-1", "www.example.com").await;
        let one = domain(&world, "gw-1", &www);
        let first = create(&world, form("first", &["www.example.com"])).await;
        let second = create(&world, for_instance(form("second", &["*.example.com"]), "gw-1")).await;
        let ids = |id: &str| json!({"certificate_ids": [id]});
        let shown = |answer: Value| {
            let domain = &answer["url_domains"][0];
            (domain["ssl_id"].clone(), domain["ssl_infos"].as_array().unwrap().clone())
        };
        let group_path = group(&world, "gw-1", "group-1");
        assert_eq!(shown(world.get(&group_path).await), (Value::Null, vec![]));

        world.call("POST", &format!("{one}/certificates/attach"), ids(&first)).await.no_content();
        assert_eq!(bound(&world, &first).await, [row("www.example.com", "gw-1", false)]);
        // Another one takes its place.
        world.call("POST", &format!("{one}/certificates/attach"), ids(&second.to_uppercase())).await.no_content();
        assert_eq!((bound(&world, &first).await, bound(&world, &second).await.len()), (vec![], 1));
        let info = json!({
            "ssl_id": second, "ssl_name": "second", "algorithm_type": "ECC", "type": 1, "is_has_trusted_root_ca": false,
        });
        assert_eq!(shown(world.get(&group_path).await), (json!(second), vec![info]));
        let certificate = world.get(&format!("{one}/certificate/{second}")).await;
        assert_eq!(certificate, world.get(&format!("{}/{second}", certificates(&world))).await);
        for method in ["GET", "DELETE"] {
            for id in [first.as_str(), MISSING, "missing"] {
                world.call(method, &format!("{one}/certificate/{id}"), Value::Null).await.error(404, "APIG.3021");
            }
        }
        world.call("POST", &format!("{one}/certificates/detach"), ids(&first)).await.error(400, "APIG.2000");
        world.call("POST", &format!("{one}/certificates/detach"), ids(&second)).await.no_content();
        world.call("POST", &format!("{one}/certificates/detach"), ids(&second)).await.error(400, "APIG.2000");

        // A new one, for this gateway alone.
        let body = form("third", &["www.example.com"]);
        let answer = world.call("POST", &format!("{one}/certificate"), body.clone()).await;
        assert_eq!(answer.status, 201);
        let made = answer.json();
        let third = made["ssl_id"].as_str().unwrap();
        assert_eq!(
            (&made["url_domain"], &made["ssl_name"], &made["id"]),
            (&json!("www.example.com"), &json!("third"), &json!(www))
        );
        let third_shown = world.get(&format!("{one}/certificate/{third}")).await;
        assert_eq!((&third_shown["type"], &third_shown["instance_id"]), (&json!("instance"), &json!("gw-1")));
        world.call("POST", &format!("{one}/certificate"), body).await.error(400, "APIG.3325");
        world.call("DELETE", &format!("{one}/certificate/{third}"), Value::Null).await.no_content();
        world.call("DELETE", &format!("{one}/certificate/{third}"), Value::Null).await.error(404, "APIG.3021");
        // It stays, unbound.
        world.call("DELETE", &format!("{}/{third}", certificates(&world)), Value::Null).await.no_content();
    });
}

#[test]
fn clients_are_verified_where_there_are_authorities_for_that() {
    on_both(async |world| {
        let own = world.account.clone();
        let www = register(&world, &own, "gw-1", "group-1", "www.example.com").await;
        let one = domain(&world, "gw-1", &www);
        let root = authority("Clients Root").pem();
        let body = with(for_instance(form("verifying", &["www.example.com"]), "gw-1"), "/trusted_root_ca", json!(root));
        let id = create(&world, body.clone()).await;
        let path = format!("{}/{id}", certificates(&world));
        assert_eq!(world.get(&path).await["is_has_trusted_root_ca"], true);
        let plain = create(&world, form("plain", &["www.example.com"])).await;
        for (certificate, wanted, verified) in [
            (&id, Value::Null, true),
            (&id, json!(false), false),
            (&id, json!("True"), true),
            (&plain, Value::Null, false),
            (&plain, json!(false), false),
        ] {
            let body = json!({"certificate_ids": [certificate], "verified_client_certificate_enabled": wanted});
            world.call("POST", &format!("{one}/certificates/attach"), body).await.no_content();
            assert_eq!(bound(&world, certificate).await, [row("www.example.com", "gw-1", verified)]);
            let domains = json!([{"domain": "www.example.com", "verified_client_certificate_enabled": wanted}]);
            attach(&world, certificate, domains).await;
            assert_eq!(bound(&world, certificate).await, [row("www.example.com", "gw-1", verified)]);
        }
        // Nobody could be verified.
        let body_true = json!({"certificate_ids": [plain], "verified_client_certificate_enabled": true});
        world.call("POST", &format!("{one}/certificates/attach"), body_true).await.error(400, "APIG.2012");
        // Without its authorities, a certificate lets everybody in.
        attach(&world, &id, json!([{"domain": "www.example.com"}])).await;
        assert!(bound(&world, &id).await[0].2);
        let _ = world.call("PUT", &path, with(body, "/trusted_root_ca", Value::Null)).await.ok();
        assert_eq!(bound(&world, &id).await, [row("www.example.com", "gw-1", false)]);
    });
}

#[test]
fn a_certificate_must_be_for_what_it_is_bound_to() {
    on_both(async |world| {
        let own = world.account.clone();
        let www = register(&world, &own, "gw-1", "group-1", "www.example.com").await;
        let deep = register(&world, &own, "gw-2", "group-1", "a.b.example.com").await;
        let id = create(&world, form("cert", &["*.example.com"])).await;
        let path = format!("{}/{id}", certificates(&world));
        let ids = json!({"certificate_ids": [id]});
        world
            .call("POST", &format!("{}/certificates/attach", domain(&world, "gw-2", &deep)), ids.clone())
            .await
            .error(400, "APIG.2103");
        // All of them or none.
        let both = json!({"domains": [{"domain": "www.example.com"}, {"domain": "a.b.example.com"}]});
        world.call("POST", &format!("{path}/domains/attach"), both).await.error(400, "APIG.2103");
        assert_eq!(bound(&world, &id).await, []);
        let unfit = form("unfit", &["www.example.org"]);
        let create_path = format!("{}/certificate", domain(&world, "gw-1", &www));
        world.call("POST", &create_path, unfit).await.error(400, "APIG.2103");
        assert_eq!(world.get(&certificates(&world)).await["total"], 1, "what could not be bound was not kept");

        attach(&world, &id, json!([{"domain": "www.example.com"}])).await;
        let before = world.get(&path).await;
        world.call("PUT", &path, form("cert", &["www.example.org"])).await.error(400, "APIG.2103");
        let elsewhere = for_instance(form("cert", &["www.example.com"]), "gw-2");
        world.call("PUT", &path, elsewhere).await.error(400, "APIG.3400");
        assert_eq!(world.get(&path).await, before);
        let _ = world.call("PUT", &path, for_instance(form("cert", &["www.example.com"]), "gw-1")).await.ok();
        assert_eq!(bound(&world, &id).await.len(), 1);
        // For one gateway alone.
        register(&world, &own, "gw-2", "group-1", "www.example.com").await;
        attach(&world, &id, json!([{"domain": "www.example.com"}])).await;
        assert_eq!(bound(&world, &id).await, [row("www.example.com", "gw-1", false)]);
        let other = json!({"domains": [{"domain": "www.example.com", "instance_ids": ["gw-2"]}]});
        world.call("POST", &format!("{path}/domains/attach"), other).await.error(400, "APIG.2012");
    });
}

#[test]
fn what_is_not_known_is_not_found() {
    on_both(async |world| {
        let own = world.account.clone();
        let bob = world.add_account("bob", true).await;
        let www = register(&world, &own, "gw-1", "group-1", "www.example.com").await;
        let api = register(&world, &own, "gw-1", "group-2", "api.example.com").await;
        let theirs = register(&world, &bob, "gw-b", "group-1", "www.example.com").await;
        let id = create(&world, form("cert", &["*.example.com"])).await;
        let attach_path = format!("{}/{id}/domains/attach", certificates(&world));
        for selection in [
            json!({"domain": "no.example.com"}),
            json!({"domain": "www.example.com", "instance_ids": ["gw-2"]}),
            json!({"domain": "www.example.com", "instance_ids": ["gw-1", "gw-b"]}),
            json!({"domain": "www.example.com", "instance_ids": ["common"]}),
        ] {
            let body = json!({"domains": [{"domain": "www.example.com"}, selection]});
            world.call("POST", &attach_path, body).await.error(404, "APIG.3030");
        }
        for (body, code) in [
            (Value::Null, "APIG.2001"),
            (json!({"domains": []}), "APIG.2001"),
            (json!({"domains": [{}]}), "APIG.2001"),
            (json!({"domains": {"domain": "www.example.com"}}), "APIG.2012"),
            (json!({"domains": ["www.example.com"]}), "APIG.2012"),
            (json!({"domains": [{"domain": 7}]}), "APIG.2012"),
            (json!({"domains": [{"domain": "not a name"}]}), "APIG.2024"),
            (json!({"domains": [{"domain": "192.0.2.1"}]}), "APIG.2024"),
            (json!({"domains": [{"domain": "www.example.com", "instance_ids": "gw-1"}]}), "APIG.2012"),
            (json!({"domains": [{"domain": "www.example.com", "instance_ids": ["\u{0}"]}]}), "APIG.2012"),
            (
                json!({"domains": [{"domain": "www.example.com", "verified_client_certificate_enabled": 1}]}),
                "APIG.2012",
            ),
            (json!({"domains": vec![json!({"domain": "www.example.com"}); 101]}), "APIG.2012"),
            (json!({"domains": [{"domain": "www.example.com", "instance_ids": vec!["gw-1"; 101]}]}), "APIG.2012"),
        ] {
            world.call("POST", &attach_path, body.clone()).await.error(400, code);
            world.call("POST", &attach_path.replace("attach", "detach"), body).await.error(400, code);
        }
        let ids = json!({"certificate_ids": [id]});
        let place = |instance: &str, group: &str, domain: &str| {
            format!("{}/domains/{domain}", self::group(&world, instance, group))
        };
        for place in [
            place("gw-2", "group-1", &www),
            place("gw-1", "group-3", &www),
            place("gw-1", "group-1", MISSING),
            place("gw-1", "group-1", "missing"),
            place("gw-1", "group-1", &api),
            place("gw-b", "group-1", &theirs),
            place("gw-1", "group-1", &theirs),
            place("%00", "group-1", &www),
            place("gw-1", "%ff", &www),
            place("gw-1", &"g".repeat(500), &www),
        ] {
            for (method, end) in [
                ("POST", "certificates/attach".to_owned()),
                ("POST", "certificates/detach".to_owned()),
                ("GET", format!("certificate/{id}")),
                ("DELETE", format!("certificate/{id}")),
            ] {
                let message = world.call(method, &format!("{place}/{end}"), ids.clone()).await.error(404, "APIG.3030");
                assert!(message.starts_with("The instance does not exist;"), "{message}");
            }
            let body = form("another", &["www.example.com"]);
            world.call("POST", &format!("{place}/certificate"), body).await.error(404, "APIG.3030");
        }
        for path in [
            self::group(&world, "gw-2", "group-1"),
            self::group(&world, "gw-1", "group-3"),
            self::group(&world, "gw-b", "group-1"),
        ] {
            world.call("GET", &path, Value::Null).await.error(404, "APIG.3030");
        }
        let one = domain(&world, "gw-1", &www);
        for (body, status, code) in [
            (Value::Null, 400, "APIG.2001"),
            (json!({"certificate_ids": []}), 400, "APIG.2001"),
            (json!({"certificate_ids": [id, id]}), 400, "APIG.2012"),
            (json!({"certificate_ids": id}), 400, "APIG.2012"),
            (json!({"certificate_ids": [7]}), 400, "APIG.2012"),
            (json!({"certificate_ids": [MISSING]}), 404, "APIG.3021"),
            (json!({"certificate_ids": ["\u{0}"]}), 404, "APIG.3021"),
        ] {
            for end in ["attach", "detach"] {
                world.call("POST", &format!("{one}/certificates/{end}"), body.clone()).await.error(status, code);
            }
        }
        // The other account binds its own.
        let path = format!("{}/instances/gw-1/api-groups/group-1", apigw(&bob));
        world.call_as(&bob, "GET", &path, Value::Null).await.error(404, "APIG.3030");
        assert_eq!(bound(&world, &id).await, []);
        assert_eq!(world.get(&certificates(&world)).await["total"], 1);
    });
}

#[test]
fn the_operator_makes_domain_names_known_and_forgets_them() {
    on_both(async |world| {
        let own = world.account.clone();
        let bob = world.add_account("bob", true).await;
        let database = world.ccm.database();
        let www = register(&world, &own, "gw-1", "group-1", "www.example.com").await;
        assert_eq!(register(&world, &own, "gw-1", "group-1", "Www.Example.Com").await, www);
        let registration =
            |account: &str, instance: &str, group: &str, name: Option<&str>, domain: &str| Registration {
                account: account.into(),
                instance_id: instance.into(),
                group_id: group.into(),
                group_name: name.map(str::to_owned),
                domain: domain.into(),
            };
        let ids = Ids::new(Arc::new(SystemClock));
        for (refused, reason) in [
            (registration(&own.name, "gw-1", "group-2", None, "www.example.com"), "in the group group-1"),
            (registration(&bob.name, "gw-1", "group-1", None, "b.example.com"), "another account's"),
            (registration("nobody", "gw-1", "group-1", None, "b.example.com"), "no account nobody"),
            (registration(&own.name, "", "group-1", None, "b.example.com"), "instance"),
            (registration(&own.name, "common", "group-1", None, "b.example.com"), "every gateway"),
            (registration(&own.name, "a b", "group-1", None, "b.example.com"), "instance"),
            (registration(&own.name, "gw-1", "a/b", None, "b.example.com"), "group"),
            (registration(&own.name, "gw-1", "group-1", Some(""), "b.example.com"), "group name"),
            (registration(&own.name, "gw-1", "group-1", Some("a\nb"), "b.example.com"), "group name"),
            (registration(&own.name, "gw-1", "group-1", None, "b example"), "domain"),
        ] {
            let error = domains::register(database, &ids, refused, 0).await.unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        // The group keeps its name, or gets another.
        let group_name = async || world.get(&group(&world, "gw-1", "group-1")).await["name"].clone();
        domains::register(database, &ids, registration(&own.name, "gw-1", "group-1", None, "b.example.com"), 0)
            .await
            .unwrap();
        assert_eq!(group_name().await, "Shop");
        let renamed = registration(&own.name, "gw-1", "group-1", Some("Store"), "b.example.com");
        domains::register(database, &ids, renamed, 0).await.unwrap();
        assert_eq!(group_name().await, "Store");
        let named: Vec<String> =
            domains::list(database, &own.name).await.unwrap().into_iter().map(|row| row.name).collect();
        assert_eq!(named, ["b.example.com", "www.example.com"]);
        assert!(domains::list(database, &bob.name).await.unwrap().is_empty());

        let id = create(&world, form("cert", &["www.example.com"])).await;
        attach(&world, &id, json!([{"domain": "www.example.com"}])).await;
        assert!(domains::forget(database, &bob.name, "gw-1", "www.example.com").await.is_err());
        assert!(domains::forget(database, &own.name, "gw-2", "www.example.com").await.is_err());
        domains::forget(database, &own.name, "gw-1", "WWW.example.com").await.unwrap();
        assert!(domains::forget(database, &own.name, "gw-1", "www.example.com").await.is_err());
        assert_eq!(bound(&world, &id).await, []);
        world.call("DELETE", &format!("{}/{id}", certificates(&world)), Value::Null).await.no_content();
    });
}

#[test]
fn at_the_same_moment_one_thing_or_the_other_happens() {
    on_both(async |world| {
        let own = world.account.clone();
        register(&world, &own, "gw-1", "group-1", "www.example.com").await;
        let body = form("cert", &["www.example.com"]);
        for _ in 0..8 {
            let id = create(&world, body.clone()).await;
            let path = format!("{}/{id}", certificates(&world));
            let (binder, deleter) = (world.caller(), world.caller());
            let attach_path = format!("{path}/domains/attach");
            let selection = json!({"domains": [{"domain": "www.example.com"}]});
            let (attached, deleted) =
                tokio::join!(async move { binder.call("POST", &attach_path, selection).await }, async {
                    deleter.call("DELETE", &path, Value::Null).await
                },);
            match attached.status.as_u16() {
                204 => {
                    deleted.error(400, "APIG.3400");
                    let detach = json!({"domains": [{"domain": "www.example.com"}]});
                    world.call("POST", &format!("{path}/domains/detach"), detach).await.no_content();
                    world.call("DELETE", &path, Value::Null).await.no_content();
                }
                _ => {
                    attached.error(404, "APIG.3021");
                    deleted.no_content();
                }
            }
        }
        // Of several of one name, one is kept.
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (caller, path, body) = (world.caller(), certificates(&world), body.clone());
            calls.spawn(async move { caller.call("POST", &path, body).await.status.as_u16() });
        }
        let mut answers = calls.join_all().await;
        answers.sort_unstable();
        assert_eq!(answers, [200, 400, 400, 400, 400, 400]);
    });
}
