//! Tags of SSL certificates, and certificates by their tags.

use openccm_core::SslStatus;
use openccm_store::ssl_certificates::{self, NewSslCertificate};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{Account, World, on_both};

const SEARCH: &str = "/v3/scm/resource_instances/action";

fn tags_of(id: &str) -> String {
    format!("/v3/scm/{id}/tags")
}

fn tag(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

/// Adds a certificate to an account; gives its id. The clock goes on, so that the next one is newer.
async fn certificate(world: &World, account: &Account, name: &str) -> String {
    let id = format!("scs{}{name}", world.clock_ms());
    let new = NewSslCertificate {
        id: id.clone(),
        account_id: account.id.clone(),
        enterprise_project_id: "0".into(),
        name: name.into(),
        status: SslStatus::Paid,
        order_id: Some("CS2611220000A0001".into()),
        brand: Some("GEOTRUST".into()),
        certificate_type: Some("DV_SSL_CERT".into()),
        domain_type: "SINGLE_DOMAIN".into(),
        primary_domain_type: None,
        domain_count: 1,
        wildcard_count: 0,
        validity_months: 24,
        issuer: None,
        origin_id: None,
        created_at: world.clock_ms(),
    };
    let mut session = world.ccm.database().write().await.unwrap();
    ssl_certificates::insert(&mut session, &new).await.unwrap();
    session.commit().await.unwrap();
    world.clock.advance(1);
    id
}

async fn act(world: &World, id: &str, action: &str, tags: Value) {
    let body = json!({"action": action, "tags": tags});
    let answer = world.call("POST", &format!("{}/action", tags_of(id)), body).await.ok();
    assert_eq!(answer, json!({"desc": "success"}));
}

async fn shown(world: &World, id: &str) -> Value {
    world.get(&tags_of(id)).await["tags"].clone()
}

/// The names of the certificates that a search finds, the newest first.
async fn found(world: &World, body: Value) -> Vec<String> {
    let answer = world.call("POST", SEARCH, body).await.ok();
    let resources = answer["resources"].as_array().unwrap();
    resources.iter().map(|resource| resource["resource_name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn tags_are_given_replaced_and_taken() {
    on_both(async |world| {
        let id = certificate(&world, &world.account, "first").await;
        let other = certificate(&world, &world.account, "second").await;
        assert_eq!(shown(&world, &id).await, json!([]));
        let create = async |key: &str, value: &str| {
            world.call("POST", &tags_of(&id), json!({"tag": tag(key, value)})).await.ok()
        };
        assert_eq!(create("cost", "100").await, json!({"desc": "success"}));
        create("部门", "研发").await;
        create("Cost", "").await;
        // The order is that of code points, and case counts.
        assert_eq!(shown(&world, &id).await, json!([tag("Cost", ""), tag("cost", "100"), tag("部门", "研发")]));
        create("cost", "200").await;
        act(&world, &id, "create", json!([tag("Cost", "1"), {"key": "new"}])).await;
        let all = json!([tag("Cost", "1"), tag("cost", "200"), tag("new", ""), tag("部门", "研发")]);
        assert_eq!(shown(&world, &id).await, all);
        assert_eq!(shown(&world, &other).await, json!([]));
        // A value that is not the tag's, and a key that is not there: nothing happens, and that is fine.
        act(&world, &id, "delete", json!([tag("cost", "100"), tag("nowhere", "x")])).await;
        assert_eq!(shown(&world, &id).await, all);
        act(&world, &id, "DELETE", json!([tag("cost", "200"), {"key": "Cost"}])).await;
        assert_eq!(shown(&world, &id).await, json!([tag("new", ""), tag("部门", "研发")]));
        // As Terraform changes them: all old ones go, all new ones come.
        act(&world, &id, "delete", json!([tag("new", ""), tag("部门", "研发")])).await;
        act(&world, &id, "create", json!([tag("部门", "财务")])).await;
        assert_eq!(shown(&world, &id).await, json!([tag("部门", "财务")]));
    });
}

#[test]
fn what_is_against_the_rules_changes_nothing() {
    on_both(async |world| {
        let id = certificate(&world, &world.account, "first").await;
        act(&world, &id, "create", json!([tag("kept", "1")])).await;
        let (one, many) = (tags_of(&id), format!("{}/action", tags_of(&id)));
        let long = |length: usize| "é".repeat(length);
        let twenty_one: Vec<Value> = (0..21).map(|index| tag(&format!("key{index}"), "")).collect();
        for (tag, code) in [
            (Value::Null, "SCM.0313"),
            (json!([]), "SCM.0313"),
            (json!({}), "SCM.0306"),
            (json!({"key": "", "value": "a"}), "SCM.0306"),
            (json!({"key": 7, "value": "a"}), "SCM.0306"),
            (tag("a*", ""), "SCM.0306"),
            (tag(" a", ""), "SCM.0306"),
            (tag("_sys_a", ""), "SCM.0306"),
            (tag("a\u{0}b", ""), "SCM.0306"),
            (tag(&long(129), ""), "SCM.0310"),
            (json!({"key": "a", "value": ["b"]}), "SCM.0305"),
            (tag("a", "b\n"), "SCM.0305"),
            (tag("a", "b "), "SCM.0305"),
            (tag("a", &long(256)), "SCM.0309"),
        ] {
            world.call("POST", &one, json!({"tag": tag})).await.error(400, code);
            if tag.is_object() {
                let tags = json!([self::tag("fine", "1"), tag]);
                world.call("POST", &many, json!({"action": "create", "tags": tags})).await.error(400, code);
            }
        }
        for (body, code) in [
            (Value::Null, "SCM.0304"),
            (json!({}), "SCM.0304"),
            (json!({"tags": [tag("a", "")]}), "SCM.0304"),
            (json!({"action": "update", "tags": [tag("a", "")]}), "SCM.0304"),
            (json!({"action": 1, "tags": [tag("a", "")]}), "SCM.0304"),
            (json!({"action": "create"}), "SCM.0313"),
            (json!({"action": "create", "tags": []}), "SCM.0313"),
            (json!({"action": "delete", "tags": []}), "SCM.0313"),
            (json!({"action": "create", "tags": {}}), "SCM.0313"),
            (json!({"action": "create", "tags": ["a"]}), "SCM.0313"),
            (json!({"action": "create", "tags": twenty_one}), "SCM.0313"),
            (json!({"action": "delete", "tags": twenty_one}), "SCM.0313"),
            (json!({"action": "delete", "tags": [{"value": "a"}]}), "SCM.0306"),
            (json!({"action": "create", "tags": [tag("a", "1"), tag("a", "2")]}), "SCM.0311"),
        ] {
            world.call("POST", &many, body).await.error(400, code);
        }
        world.call("POST", &one, Value::Null).await.error(400, "SCM.0313");
        world.call_raw(&world.account, "POST", &one, b"[]".to_vec()).await.error(400, "SCM.0005");
        assert_eq!(shown(&world, &id).await, json!([tag("kept", "1")]));
    });
}

#[test]
fn a_certificate_has_twenty_tags_at_most() {
    on_both(async |world| {
        let id = certificate(&world, &world.account, "first").await;
        let tags: Vec<Value> = (0..19).map(|index| tag(&format!("key{index}"), "")).collect();
        act(&world, &id, "create", json!(tags)).await;
        let create = async |body: Value| world.call("POST", &format!("{}/action", tags_of(&id)), body).await;
        let two = json!({"action": "create", "tags": [tag("a", ""), tag("b", "")]});
        assert!(create(two).await.error(400, "SCM.0302").contains("20"));
        assert_eq!(shown(&world, &id).await.as_array().unwrap().len(), 19);
        // At the same time, one of them fits.
        let mut calls = JoinSet::new();
        for key in ["a", "b", "c", "d"] {
            let (caller, path) = (world.caller(), tags_of(&id));
            calls.spawn(async move { caller.call("POST", &path, json!({"tag": tag(key, "")})).await.status.as_u16() });
        }
        let mut statuses = calls.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400, 400, 400]);
        assert_eq!(shown(&world, &id).await.as_array().unwrap().len(), 20);
        // One that is there can be changed.
        act(&world, &id, "create", json!([tag("key3", "new")])).await;
        assert_eq!(shown(&world, &id).await.as_array().unwrap().len(), 20);
    });
}

#[test]
fn tags_are_the_accounts_own() {
    on_both(async |world| {
        let bob = world.add_account("bob", true).await;
        let mine = certificate(&world, &world.account, "mine").await;
        let his = certificate(&world, &bob, "his").await;
        act(&world, &mine, "create", json!([tag("a", "1")])).await;
        let body = json!({"tag": tag("b", "2")});
        world.call_as(&bob, "POST", &tags_of(&his), body.clone()).await.ok();
        for id in [his.as_str(), "scs0", "%00", "%ff", "a%20b"] {
            let path = tags_of(id);
            world.call("POST", &path, body.clone()).await.error(404, "SCM.0094");
            world.call("GET", &path, Value::Null).await.error(404, "SCM.0094");
            for action in ["create", "delete"] {
                let body = json!({"action": action, "tags": [tag("b", "2")]});
                world.call("POST", &format!("{path}/action"), body).await.error(404, "SCM.0094");
            }
        }
        assert_eq!(world.get("/v3/scm/tags").await, json!({"tags": [{"key": "a", "values": ["1"]}]}));
        assert_eq!(found(&world, json!({"tags_any": [{"key": "a"}, {"key": "b"}]})).await, ["mine"]);
        let answer = world.call_as(&bob, "GET", &tags_of(&his), Value::Null).await.ok();
        assert_eq!(answer, json!({"tags": [tag("b", "2")]}));
        // Who may not do anything may not do this.
        let carol = world.add_account("carol", false).await;
        for (method, path) in [("GET", "/v3/scm/tags"), ("POST", SEARCH), ("GET", "/v3/scm/x/tags")] {
            world.call_as(&carol, method, path, Value::Null).await.error(403, "SCM.4002");
            world.send(method, path, &[], Vec::new()).await.error(401, "SCM.1000");
        }
        // What is deleted is not found any more.
        let mut session = world.ccm.database().write().await.unwrap();
        ssl_certificates::delete(&mut session, &mine, world.clock_ms()).await.unwrap();
        session.commit().await.unwrap();
        world.call("GET", &tags_of(&mine), Value::Null).await.error(404, "SCM.0094");
        assert_eq!(world.get("/v3/scm/tags").await, json!({"tags": []}));
        assert_eq!(found(&world, json!({})).await, Vec::<String>::new());
    });
}

/// Certificates a to f; f has no tags, and g is another account's.
async fn tagged(world: &World) {
    for (name, tags) in [
        ("a-web", vec![("env", "prod"), ("team", "red")]),
        ("b-web", vec![("env", "prod"), ("team", "blue")]),
        ("c-mail", vec![("env", "test"), ("team", "red")]),
        ("d-mail", vec![("env", "test")]),
        ("e-50%_x", vec![("team", ""), ("部门", "研发")]),
        ("f-none", vec![]),
    ] {
        let id = certificate(world, &world.account, name).await;
        let tags: Vec<Value> = tags.iter().map(|(key, value)| tag(key, value)).collect();
        if !tags.is_empty() {
            act(world, &id, "create", json!(tags)).await;
        }
    }
    let bob = world.add_account("bob", true).await;
    let his = certificate(world, &bob, "g-web").await;
    world.call_as(&bob, "POST", &tags_of(&his), json!({"tag": tag("env", "prod")})).await.ok();
}

#[test]
fn certificates_are_found_by_their_tags() {
    on_both(async |world| {
        tagged(&world).await;
        let all = world.get("/v3/scm/tags").await;
        let expected = json!({"tags": [
            {"key": "env", "values": ["prod", "test"]}, {"key": "team", "values": ["", "blue", "red"]},
            {"key": "部门", "values": ["研发"]},
        ]});
        assert_eq!(all, expected);
        let condition = |key: &str, values: &[&str]| json!({"key": key, "values": values});
        let prod = condition("env", &["prod"]);
        let red = condition("team", &["red"]);
        for (body, expected) in [
            (json!({}), "fedcba"),
            (Value::Null, "fedcba"),
            (json!({"without_any_tag": false, "tags": [], "tags_any": null, "matches": []}), "fedcba"),
            (json!({"tags": [prod, red]}), "a"),
            (json!({"tags": [condition("env", &["prod", "test"]), red]}), "ca"),
            (json!({"tags": [{"key": "team"}]}), "ecba"),
            (json!({"tags": [condition("team", &[])]}), "ecba"),
            (json!({"tags": [condition("team", &[""])]}), "e"),
            (json!({"tags": [condition("TEAM", &[])]}), ""),
            (json!({"tags_any": [prod, red]}), "cba"),
            (json!({"tags_any": [condition("部门", &["研发"]), condition("nowhere", &[])]}), "e"),
            (json!({"not_tags": [prod, red]}), "fedcb"),
            (json!({"not_tags_any": [prod, red]}), "fed"),
            (
                json!({"tags": [{"key": "env"}], "tags_any": [condition("team", &["blue", "red"])],
                    "not_tags": [prod, red], "not_tags_any": [condition("nowhere", &[])]}),
                "cb",
            ),
            (json!({"without_any_tag": true}), "f"),
            (json!({"without_any_tag": "true", "tags": [prod], "not_tags_any": [red]}), "f"),
            (json!({"matches": [{"key": "resource_name", "value": "WEB"}]}), "ba"),
            (json!({"matches": [{"key": "resource_name", "value": "50%_"}]}), "e"),
            (json!({"matches": [{"key": "resource_name", "value": "0__x"}]}), ""),
            (json!({"matches": [{"key": "resource_name", "value": ""}]}), "fedcba"),
            (json!({"tags": [red], "matches": [{"key": "resource_name", "value": "mail"}]}), "c"),
            (json!({"without_any_tag": true, "matches": [{"key": "resource_name", "value": "mail"}]}), ""),
        ] {
            let names: String = found(&world, body.clone()).await.iter().map(|name| &name[..1]).collect();
            assert_eq!(names, expected, "{body}");
            let mut body = if body.is_null() { json!({}) } else { body };
            body["action"] = json!("count");
            let counted = world.call("POST", SEARCH, body.clone()).await.ok();
            assert_eq!(counted, json!({"total_count": expected.len()}), "{body}");
        }
    });
}

#[test]
fn a_search_gives_what_consoles_show_page_by_page() {
    on_both(async |world| {
        tagged(&world).await;
        let mut seen = Vec::new();
        // As Terraform pages: until a page is empty.
        loop {
            let body = json!({"action": "filter", "without_any_tag": false, "limit": 4, "offset": seen.len()});
            let answer = world.call("POST", SEARCH, body).await.ok();
            assert_eq!(answer["total_count"], 6);
            let page = answer["resources"].as_array().unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 4);
            seen.extend(page.iter().map(|resource| resource["resource_name"].as_str().unwrap()[..1].to_owned()));
        }
        assert_eq!(seen.concat(), "fedcba");
        let body = json!({"matches": [{"key": "resource_name", "value": "a-web"}], "limit": "50", "offset": "0"});
        let answer = world.call("POST", SEARCH, body).await.ok();
        let resource = &answer["resources"][0];
        let id = resource["resource_id"].as_str().unwrap();
        assert_eq!(resource["tags"], json!([tag("env", "prod"), tag("team", "red")]));
        assert_eq!(shown(&world, id).await, resource["tags"]);
        let detail = json!({
            "cert_id": id, "cert_name": "a-web", "domain": "", "cert_type": "DV_SSL_CERT", "cert_brand": "GEOTRUST",
            "domain_type": "SINGLE_DOMAIN", "purchase_period": 2, "expired_time": "", "order_status": "PAID",
            "domain_num": 1, "wildcard_number": 0, "sans": "", "cert_des": "", "signature_algorithm": "",
            "fail_reason": "", "partner_order_id": "CS2611220000A0001", "push_support": false, "cert_issued_time": "",
            "resource_id": id, "unsubscribe_support": true, "enterprise_project_id": "0", "origin_cert_id": "",
            "renewal_cert_id": "", "auto_renew_status": 0, "remain_cert_number": 0, "auto_deploy_support": false,
        });
        assert_eq!(resource["resource_detail"], detail);
        // Ten where no number is named.
        for index in 0..6 {
            certificate(&world, &world.account, &format!("z{index}")).await;
        }
        assert_eq!(found(&world, json!({})).await.len(), 10);
        assert_eq!(found(&world, json!({"limit": 50})).await.len(), 12);
    });
}

#[test]
fn a_search_against_the_rules_is_refused() {
    on_both(async |world| {
        let conditions = |count: usize| -> Vec<Value> {
            (0..count).map(|index| json!({"key": format!("key{index}"), "values": []})).collect()
        };
        let values = |count: usize| -> Vec<String> { (0..count).map(|index| index.to_string()).collect() };
        let key = |key: &str| json!([{"key": key, "values": ["a"]}]);
        for list in ["tags", "tags_any", "not_tags", "not_tags_any"] {
            for (conditions, code) in [
                (json!(conditions(21)), "SCM.0311"),
                (json!([conditions(1), conditions(1)].concat()), "SCM.0311"),
                (json!([{"key": "a", "values": values(21)}]), "SCM.0312"),
                (json!([{"key": "a", "values": ["b", "b"]}]), "SCM.0312"),
                (json!([{"values": ["b"]}]), "SCM.0306"),
                (key(""), "SCM.0306"),
                (key(&"é".repeat(129)), "SCM.0310"),
                (json!([{"key": "a", "values": ["é".repeat(256)]}]), "SCM.0309"),
                (json!([{"key": "a", "values": ["b\u{0}"]}]), "SCM.0305"),
                (json!([{"key": "a", "values": [7]}]), "SCM.0305"),
                (json!([{"key": "a", "values": "b"}]), "SCM.0305"),
                (json!({}), "SCM.0313"),
                (json!(["a"]), "SCM.0313"),
            ] {
                world.call("POST", SEARCH, json!({list: conditions})).await.error(400, code);
            }
            assert_eq!(found(&world, json!({list: conditions(20)})).await.len(), 0);
        }
        // The largest search that there is.
        let conditions: Vec<Value> =
            (0..20).map(|index| json!({"key": format!("key{index}"), "values": values(20)})).collect();
        let largest =
            json!({"tags": conditions, "tags_any": conditions, "not_tags": conditions, "not_tags_any": conditions});
        assert_eq!(found(&world, largest).await.len(), 0);
        let name = |key: &str| json!({"key": key, "value": "a"});
        for (body, code) in [
            (json!({"action": "delete"}), "SCM.0304"),
            (json!({"limit": 0}), "SCM.0318"),
            (json!({"limit": 51}), "SCM.0318"),
            (json!({"limit": "ten"}), "SCM.0318"),
            (json!({"offset": -1}), "SCM.0319"),
            (json!({"offset": "one"}), "SCM.0319"),
            (json!({"matches": [name("name")]}), "SCM.0303"),
            (json!({"matches": [name("resource_name"), name("resource_name")]}), "SCM.0303"),
            (json!({"matches": [{"value": "a"}]}), "SCM.0303"),
            (json!({"matches": ["resource_name"]}), "SCM.0303"),
            (json!({"without_any_tag": "perhaps"}), "SCM.0005"),
        ] {
            world.call("POST", SEARCH, body).await.error(400, code);
        }
        // Where resources are only counted, no page is asked for.
        let counted = world.call("POST", SEARCH, json!({"action": "count", "limit": 0, "offset": -1})).await.ok();
        assert_eq!(counted, json!({"total_count": 0}));
    });
}
