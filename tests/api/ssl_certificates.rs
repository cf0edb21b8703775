//! SSL certificates as they are kept: imported, listed, shown, exported, changed, deleted; the same by either version.

use openccm_tests::server_certificates::Pair;
use serde_json::{Value, json};

use crate::world::{DAY_MS, World, on_both, with};

pub(crate) const SSL: &str = "/v3/scm/certificates";

/// The address of an operation of the historical API.
pub(crate) fn v2(world: &World, path: &str) -> String {
    format!("/v2/{}/scm/{path}", world.account.project_id)
}

pub(crate) fn import_request(name: &str, pair: &Pair) -> Value {
    json!({
        "name": name, "certificate": pair.certificate, "certificate_chain": pair.chain, "private_key": pair.private_key,
    })
}

/// Imports a certificate for `names` that ends in `days` days; gives its id.
pub(crate) async fn import(world: &World, name: &str, names: &[&str], days: i64) -> String {
    let pair = Pair::new(names, world.clock_ms(), days);
    let answer = world.call("POST", &format!("{SSL}/import"), import_request(name, &pair)).await.ok();
    answer["certificate_id"].as_str().unwrap().to_owned()
}

pub(crate) async fn show(world: &World, id: &str) -> Value {
    world.get(&format!("{SSL}/{id}")).await
}

#[test]
fn an_imported_certificate_is_the_same_by_either_version() {
    on_both(async |world| {
        let pair = Pair::new(&["www.example.com", "*.example.com", "192.0.2.7"], world.clock_ms(), 90);
        let body = with(import_request("web.front_1", &pair), "/enterprise_project_id", json!(""));
        let id = world.call("POST", &format!("{SSL}/import"), body).await.ok()["certificate_id"].clone();
        let id = id.as_str().unwrap();
        assert!(id.len() == 16 && id.starts_with("scs"), "{id}");

        let shown = show(&world, id).await;
        assert_eq!(shown["status"], "UPLOAD");
        assert_eq!(shown["domain"], "www.example.com");
        assert_eq!(shown["sans"], "*.example.com;192.0.2.7");
        assert_eq!((shown["domain_count"].as_i64(), shown["wildcard_count"].as_i64()), (Some(3), Some(1)));
        assert_eq!(shown["signature_algorithm"], "SHA256WITHECDSA");
        assert_eq!(shown["push_support"], "ON");
        assert_eq!(shown["not_after"], "2027-02-20 00:00:00.0");
        assert_eq!(shown["enterprise_project_id"], "0");
        assert_eq!(shown["fingerprint"].as_str().unwrap().len(), 40);

        let old = world.get(&v2(&world, &format!("cert/{id}"))).await;
        assert_eq!(old["cert_name"], "web.front_1");
        assert_eq!(old["domain_name"], "www.example.com;*.example.com;192.0.2.7");
        assert_eq!((old["status"].as_str(), old["push_support"].as_str()), (Some("UPLOAD"), Some("on")));

        let listed = world.get(SSL).await;
        assert_eq!(listed["total_count"], 1);
        assert_eq!(listed["certificates"][0]["id"], id);
        assert_eq!(listed["certificates"][0]["expire_time"], "2027-02-20 00:00:00.0");
        let listed = world.get(&v2(&world, "certlist?order_status=&content=&sort_key=&sort_dir=&limit=&offset=")).await;
        assert_eq!(listed["order_list"][0]["cert_id"], id);
        assert_eq!(listed["order_list"][0]["expired_time"], (world.clock_ms() + 90 * DAY_MS).to_string());
    });
}

#[test]
fn what_is_exported_is_what_was_imported() {
    on_both(async |world| {
        let pair = Pair::new(&["a.example.com"], world.clock_ms(), 30);
        let answer = world.call("POST", &format!("{SSL}/import"), import_request("a", &pair)).await.ok();
        let id = answer["certificate_id"].as_str().unwrap();
        for body in [Value::Null, json!({})] {
            let answer = world.call("POST", &format!("{SSL}/{id}/export"), body).await;
            assert_eq!(answer.header("cache-control"), "no-store");
            let exported = answer.ok();
            assert_eq!(pair.ders(exported["certificate"].as_str().unwrap()), pair.ders(&pair.certificate));
            assert_eq!(pair.ders(exported["certificate_chain"].as_str().unwrap()), pair.ders(&pair.chain));
            let entire = pair.ders(exported["entire_certificate"].as_str().unwrap());
            assert_eq!(entire, [pair.ders(&pair.certificate), pair.ders(&pair.chain)].concat());
            assert!(pair.is_key(exported["private_key"].as_str().unwrap()));
        }
        let file = world.call("GET", &v2(&world, &format!("cert/{id}/cert_file")), Value::Null).await;
        assert_eq!(file.status, 200);
        assert!(file.header("content-disposition").contains("a.zip"));
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&file.body)).unwrap();
        let names: Vec<String> =
            (0..zip.len()).map(|index| zip.by_index(index).unwrap().name().unwrap().into_owned()).collect();
        for name in ["Nginx/server.crt", "Nginx/server.key", "Apache/chain.crt", "IIS/server.pfx", "Tomcat/server.jks"]
        {
            assert!(names.contains(&name.to_owned()), "{name} is not among {names:?}");
        }
    });
}

#[test]
fn lists_are_filtered_sorted_and_cut() {
    on_both(async |world| {
        let mut ids = Vec::new();
        for (name, domain, days) in
            [("alpha", "a.example.com", 10), ("beta", "b.example.org", 400), ("gamma", "c.example.com", 100)]
        {
            ids.push(import(&world, name, &[domain], days).await);
            world.clock.advance(1000);
        }
        let listed = async |query: &str| {
            let listed = world.get(&format!("{SSL}?{query}")).await;
            let found = listed["certificates"].as_array().unwrap().iter();
            let found: Vec<usize> = found.map(|row| ids.iter().position(|id| *id == row["id"]).unwrap()).collect();
            (found, listed["total_count"].as_i64().unwrap())
        };
        assert_eq!(listed("").await, (vec![2, 1, 0], 3));
        assert_eq!(listed("sort_dir=asc").await, (vec![0, 1, 2], 3));
        assert_eq!(listed("sort_key=certExpiredTime&sort_dir=ASC").await, (vec![0, 2, 1], 3));
        assert_eq!(listed("content=EXAMPLE.COM").await, (vec![2, 0], 2));
        assert_eq!(listed("content=bet").await, (vec![1], 1));
        assert_eq!(listed("limit=1&offset=1").await, (vec![1], 3));
        assert_eq!(listed("limit=2&offset=2").await, (vec![0], 3));
        assert_eq!(listed("offset=3").await, (vec![], 3));
        assert_eq!(listed("limit=1000").await, (vec![2, 1, 0], 3));
        assert_eq!(listed("status=UPLOAD&deploy_support=true").await, (vec![2, 1, 0], 3));
        assert_eq!(listed("status=ISSUED").await, (vec![], 0));
        assert_eq!(listed("status=CANCLEREVOKING").await, (vec![], 0));
        assert_eq!(listed("enterprise_project_id=all").await.1, 3);
        assert_eq!(listed("enterprise_project_id=01234567-89ab-cdef-0123-456789abcdef").await.1, 0);
        world.clock.advance(20 * DAY_MS);
        assert_eq!(listed("status=EXPIRED").await, (vec![0], 1));
        assert_eq!(listed("deploy_support=false").await, (vec![0], 1));
        assert_eq!(listed("expired_days_since=5").await, (vec![2, 1], 2));
        assert_eq!(listed("expired_days_since=20").await, (vec![2, 1, 0], 3));
        for bad in ["status=GONE", "sort_key=name", "limit=ten", "offset=-1", "deploy_support=perhaps"] {
            let answer = world.call("GET", &format!("{SSL}?{bad}"), Value::Null).await;
            assert_eq!(answer.status, 400, "{bad}: {}", answer.text());
        }
    });
}

#[test]
fn an_expired_certificate_is_exported_and_deleted_but_not_pushed() {
    on_both(async |world| {
        let id = import(&world, "short", &["short.example.com"], 1).await;
        world.clock.advance(2 * DAY_MS);
        let shown = show(&world, &id).await;
        assert_eq!((shown["status"].as_str(), shown["push_support"].as_str()), (Some("EXPIRED"), Some("OFF")));
        world.call("POST", &format!("{SSL}/{id}/export"), Value::Null).await.ok();
        world.call("DELETE", &format!("{SSL}/{id}"), Value::Null).await.no_content();
        world.call("DELETE", &format!("{SSL}/{id}"), Value::Null).await.error(404, "SCM.0094");
        world.call("GET", &format!("{SSL}/{id}"), Value::Null).await.error(404, "SCM.0094");
        assert_eq!(world.get(SSL).await["total_count"], 0);
    });
}

#[test]
fn names_and_descriptions_change() {
    on_both(async |world| {
        let id = import(&world, "old", &["a.example.com"], 30).await;
        let modify = async |key: Value, value: Value| {
            let body = json!({"modify_key": key, "modify_value": value});
            world.call("PUT", &v2(&world, &format!("cert/{id}")), body).await
        };
        assert_eq!(modify(json!(" cert_name "), json!("new-name_1.x")).await.ok()["response_info"], "success");
        modify(json!("DESCRIPTION"), json!("for the shop")).await.ok();
        let shown = show(&world, &id).await;
        assert_eq!(
            (shown["name"].as_str(), shown["description"].as_str()),
            (Some("new-name_1.x"), Some("for the shop"))
        );
        assert_eq!(world.get(&format!("{SSL}?content=new-name")).await["total_count"], 1);
        assert_eq!(world.get(&format!("{SSL}?content=old")).await["total_count"], 0);
        modify(json!("DESCRIPTION"), Value::Null).await.ok();
        assert_eq!(show(&world, &id).await["description"], "");
        modify(json!("CERT_NAME"), Value::Null).await.error(400, "SCM.0024");
        modify(json!("CERT_NAME"), json!("bad name")).await.error(400, "SCM.0032");
        modify(json!("CERT_NAME"), json!("x".repeat(64))).await.error(400, "SCM.0032");
        modify(json!("DESCRIPTION"), json!("x".repeat(256))).await.error(400, "SCM.0024");
        modify(json!("DOMAIN"), json!("x")).await.error(400, "SCM.0023");
        modify(Value::Null, json!("x")).await.error(400, "SCM.0023");
        assert_eq!(show(&world, &id).await["name"], "new-name_1.x");
    });
}

#[test]
fn duplicates_are_refused_where_that_is_asked() {
    on_both(async |world| {
        let pair = Pair::new(&["a.example.com"], world.clock_ms(), 30);
        let body = import_request("a", &pair);
        let path = format!("{SSL}/import");
        let first = world.call("POST", &path, body.clone()).await.ok()["certificate_id"].clone();
        let second = world.call("POST", &path, body.clone()).await.ok()["certificate_id"].clone();
        assert_ne!(first, second);
        let message =
            world.call("POST", &path, with(body.clone(), "/duplicate_check", json!(true))).await.error(400, "SCM.0005");
        assert!(message.contains(first.as_str().unwrap()), "{message}");
        for id in [first, second] {
            let path = format!("{SSL}/{}", id.as_str().unwrap());
            world.call("DELETE", &path, Value::Null).await.no_content();
        }
        world.call("POST", &path, with(body, "/duplicate_check", json!("true"))).await.ok();
    });
}

#[test]
fn others_see_nothing() {
    on_both(async |world| {
        let id = import(&world, "mine", &["a.example.com"], 30).await;
        let stranger = world.add_account("mallory", true).await;
        let own_v2 = |path: &str| format!("/v2/{}/scm/{path}", stranger.project_id);
        for (method, path) in [
            ("GET", format!("{SSL}/{id}")),
            ("DELETE", format!("{SSL}/{id}")),
            ("POST", format!("{SSL}/{id}/export")),
            ("GET", own_v2(&format!("cert/{id}"))),
            ("DELETE", own_v2(&format!("cert/{id}"))),
            ("GET", own_v2(&format!("cert/{id}/cert_file"))),
            ("POST", own_v2(&format!("cert/{id}/read"))),
        ] {
            world.call_as(&stranger, method, &path, Value::Null).await.error(404, "SCM.0094");
        }
        assert_eq!(world.call_as(&stranger, "GET", SSL, Value::Null).await.ok()["total_count"], 0);
        // Somebody else's project, even of a certificate of one's own.
        let path = format!("/v2/{}/scm/cert/{id}", stranger.project_id);
        world.call("GET", &path, Value::Null).await.error(403, "SCM.0002");
        let user = world.add_account("bob", false).await;
        world.call_as(&user, "GET", SSL, Value::Null).await.error(403, "SCM.4002");
        assert_eq!(show(&world, &id).await["name"], "mine");
    });
}
