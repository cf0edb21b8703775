//! Lists: pages, order, filters, totals; and quotas, counted exactly.

use openccm_service::Quotas;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{
    CAS, CERTIFICATES, DAY_MS, World, certificate_request, on_both, root_request, subordinate_request, with,
    with_quotas,
};

/// The member of each collection that holds its rows, and the one that holds their ids.
fn members(collection: &str) -> (&'static str, &'static str) {
    if collection == CAS { ("certificate_authorities", "ca_id") } else { ("certificates", "certificate_id") }
}

/// The ids of a list, and its total.
async fn list(world: &World, collection: &str, query: &str) -> (Vec<String>, i64) {
    let (rows, id) = members(collection);
    let json = world.get(&format!("{collection}?{query}")).await;
    let ids = json[rows].as_array().unwrap().iter().map(|row| row[id].as_str().unwrap().to_owned()).collect();
    (ids, json["total"].as_i64().unwrap())
}

async fn ids(world: &World, collection: &str, query: &str) -> Vec<String> {
    list(world, collection, query).await.0
}

async fn create(world: &World, collection: &str, body: Value) -> String {
    world.call("POST", collection, body).await.ok()[members(collection).1].as_str().unwrap().to_owned()
}

#[test]
fn pages_fit_together() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let mut made = Vec::new();
        for index in 0..12 {
            made.push(world.certificate(&format!("leaf {index}"), &root).await);
        }
        // All in one millisecond: the order of their creation breaks the tie.
        made.reverse();
        assert_eq!(list(&world, CERTIFICATES, "").await, (made[..10].to_vec(), 12), "10 where no limit is given");
        assert_eq!(list(&world, CERTIFICATES, "limit=&offset=&name=&status=&sort_key=&sort_dir=").await.0, made[..10]);
        assert_eq!(ids(&world, CERTIFICATES, "limit=1000").await, made);
        let mut paged = Vec::new();
        for offset in (0..15).step_by(5) {
            let (page, total) = list(&world, CERTIFICATES, &format!("limit=5&offset={offset}")).await;
            assert_eq!(total, 12);
            paged.extend(page);
        }
        assert_eq!(paged, made);
        for offset in ["12", "1000", "9223372036854775807"] {
            assert_eq!(list(&world, CERTIFICATES, &format!("limit=5&offset={offset}")).await, (Vec::new(), 12));
        }
        assert_eq!(list(&world, CERTIFICATES, "limit=0").await, (Vec::new(), 12));
        assert_eq!(list(&world, CAS, "limit=0").await, (Vec::new(), 1));
        let ascending = ids(&world, CERTIFICATES, "limit=1000&sort_dir=asc").await;
        assert!(ascending.iter().eq(made.iter().rev()), "the exact reverse");

        for (query, field) in [
            ("limit=1001", "limit"),
            ("limit=-1", "limit"),
            ("limit=abc", "limit"),
            ("limit=1.5", "limit"),
            ("limit=99999999999999999999", "limit"),
            ("offset=-1", "offset"),
            ("offset=abc", "offset"),
            ("offset=9223372036854775808", "offset"),
            ("name=%00", "name"),
        ] {
            for collection in [CAS, CERTIFICATES] {
                let answer = world.call("GET", &format!("{collection}?{query}"), Value::Null).await;
                assert!(answer.error(400, "PCA.00020001").contains(field), "{query}");
            }
        }
        // What is unknown does no harm, nor does a body.
        let query = format!("{CERTIFICATES}?limit=1000&sort_key=nonsense&sort_dir=nonsense&unknown=1");
        let body = json!({"limit": "2", "offset": "0"});
        assert_eq!(world.call("GET", &query, body).await.ok()["certificates"].as_array().unwrap().len(), 12);
    });
}

#[test]
fn authorities_are_sorted_by_every_key() {
    on_both(async |world| {
        let years = async |name: &str, issuer: Option<&str>, years: i64| {
            let body = match issuer {
                None => root_request(name),
                Some(issuer) => subordinate_request(name, issuer),
            };
            create(&world, CAS, with(body, "/validity/value", json!(years))).await
        };
        let b = years("b", None, 9).await;
        world.clock.advance(1);
        let c = years("c", Some(&b), 3).await;
        let a = years("a", Some(&b), 8).await;
        world.clock.advance(1);
        let big = years("B", None, 4).await;
        let chinese = years("演示", None, 5).await;
        world.clock.advance(1);
        let pending = world.pending("p").await;
        let order = async |key: &str| ids(&world, CAS, &format!("sort_key={key}&sort_dir=ASC")).await;
        let expected = [
            ("create_time", [&b, &c, &a, &big, &chinese, &pending]),
            ("common_name", [&big, &a, &b, &c, &pending, &chinese]),
            ("not_after", [&pending, &c, &big, &chinese, &a, &b]),
            // Those of one type in the order of their creation.
            ("ca_type", [&b, &big, &chinese, &c, &a, &pending]),
            ("type", [&b, &big, &chinese, &c, &a, &pending]),
            ("nonsense", [&b, &c, &a, &big, &chinese, &pending]),
        ];
        for (key, expected) in expected {
            assert!(order(key).await.iter().eq(expected), "{key}");
            let descending = ids(&world, CAS, &format!("sort_key={key}")).await;
            assert!(descending.iter().eq(expected.into_iter().rev()), "{key}");
            let second = ids(&world, CAS, &format!("sort_key={key}&sort_dir=ASC&limit=1&offset=1")).await;
            assert!(second.iter().eq([expected[1]]), "{key}");
        }
    });
}

#[test]
fn certificates_are_sorted_by_every_key() {
    on_both(async |world| {
        let (z, y) = (world.root("z").await, world.root("y").await);
        let days = async |name: &str, issuer: &str, days: i64| {
            create(&world, CERTIFICATES, with(certificate_request(name, issuer), "/validity/value", json!(days))).await
        };
        let b = days("b", &z, 3).await;
        let c = days("c", &y, 1).await;
        world.clock.advance(1000);
        let a = days("a", &y, 9).await;
        let same = days("b", &z, 9).await;
        for (key, expected) in [
            ("create_time", [&b, &c, &a, &same]),
            ("common_name", [&a, &b, &same, &c]),
            ("issuer_name", [&c, &a, &b, &same]),
            ("not_after", [&c, &b, &a, &same]),
        ] {
            let ascending = ids(&world, CERTIFICATES, &format!("sort_key={key}&sort_dir=ASC")).await;
            assert!(ascending.iter().eq(expected), "{key}");
            let descending = ids(&world, CERTIFICATES, &format!("sort_key={key}&sort_dir=DESC")).await;
            assert!(descending.iter().eq(expected.into_iter().rev()), "{key}");
        }
    });
}

#[test]
fn names_are_found_by_any_part_of_them() {
    on_both(async |world| {
        let root = world.root("Root_A*").await;
        let other = world.root("rootba").await;
        let leaf = world.certificate("WWW.演示.example", &root).await;
        let csr = {
            let mut params = rcgen::CertificateParams::default();
            params.distinguished_name.push(rcgen::DnType::CommonName, r"50%_\_Ärger");
            params.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap().pem().unwrap()
        };
        let body = json!({"issuer_id": root, "csr": csr, "validity": {"type": "DAY", "value": 1}});
        let odd = world.call("POST", &format!("{CERTIFICATES}/csr"), body).await.ok();
        let odd = odd["certificate_id"].as_str().unwrap().to_owned();

        for (query, expected) in [("root", vec![&other, &root]), ("ROOT_a", vec![&root]), ("t_", vec![&root])] {
            assert!(ids(&world, CAS, &format!("name={query}")).await.iter().eq(expected), "{query}");
        }
        assert_eq!(ids(&world, CAS, "name=*").await, [root.as_str()]);
        for (query, expected) in [
            ("www", Some(&leaf)),
            ("%E6%BC%94%E7%A4%BA", Some(&leaf)),
            ("%E7%A4%BA.EX", Some(&leaf)),
            ("%25", Some(&odd)),
            ("0%25_", Some(&odd)),
            ("_", Some(&odd)),
            ("%5C", Some(&odd)),
            ("%5C_%C3%A4RG", Some(&odd)),
            ("%C3%84rger", Some(&odd)),
            ("%25%25", None),
            ("www_", None),
            ("w%25w", None),
            ("'", None),
            ("%27%20OR%201%3D1", None),
            ("%FF", None),
            ("%F0%9F%A6%80", None),
        ] {
            let (found, total) = list(&world, CERTIFICATES, &format!("name={query}")).await;
            assert!(found.iter().eq(expected), "{query}");
            assert_eq!(total, found.len() as i64, "the total is that of what matches");
        }
        let long = |length: usize| format!("{CERTIFICATES}?name={}", "a".repeat(length));
        world.call("GET", &long(64), Value::Null).await.ok();
        world.call("GET", &long(65), Value::Null).await.error(400, "PCA.00020001");
    });
}

#[test]
fn lists_are_filtered_by_type_and_by_status_at_the_time_of_asking() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let short =
            create(&world, CAS, with(root_request("Short"), "/validity", json!({"type": "DAY", "value": 1}))).await;
        let sub = world.subordinate("Sub", &root).await;
        let pending = world.pending("Pending").await;
        let deleted = world.root("Deleted").await;
        let revoked = world.subordinate("Revoked", &root).await;
        world.act(&revoked, "revoke").await.no_content();
        world.schedule_deletion(&deleted).await;
        let disabled = world.root("Disabled").await;
        world.act(&disabled, "disable").await.no_content();
        let issued = world.certificate("issued", &root).await;
        let lapsed =
            create(&world, CERTIFICATES, with(certificate_request("lapsed", &root), "/validity/value", json!(1))).await;
        let withdrawn = world.certificate("withdrawn", &root).await;
        world.call("POST", &format!("{CERTIFICATES}/{withdrawn}/revoke"), Value::Null).await.no_content();

        let expect = async |collection: &str, query: &str, expected: &[&String]| {
            let (found, total) = list(&world, collection, query).await;
            assert!(found.iter().eq(expected.iter().copied().rev()), "{query}");
            assert_eq!(total, expected.len() as i64, "{query}");
        };
        world.clock.advance(DAY_MS - 1);
        expect(CAS, "status=ACTIVED", &[&root, &short, &sub]).await;
        expect(CAS, "status=EXPIRED", &[]).await;
        expect(CERTIFICATES, "status=ISSUED", &[&issued, &lapsed]).await;
        world.clock.advance(1);
        expect(CAS, "status=actived", &[&root, &sub]).await;
        expect(CAS, "status=EXPIRED", &[&short]).await;
        expect(CAS, "status=PENDING", &[&pending]).await;
        expect(CAS, "status=DELETED", &[&deleted]).await;
        expect(CAS, "status=REVOKED", &[&revoked]).await;
        expect(CAS, "status=DISABLED", &[&disabled]).await;
        expect(CAS, "type=ROOT", &[&root, &short, &deleted, &disabled]).await;
        expect(CAS, "type=SUBORDINATE&status=ACTIVED&name=s", &[&sub]).await;
        expect(CERTIFICATES, "status=ISSUED", &[&issued]).await;
        expect(CERTIFICATES, "status=EXPIRED", &[&lapsed]).await;
        expect(CERTIFICATES, "status=REVOKED&name=DRAW", &[&withdrawn]).await;

        let error = async |path: &str, query: &str, code: &str, field: &str| {
            let message = world.call("GET", &format!("{path}?{query}"), Value::Null).await.error(400, code);
            assert!(message.contains(field), "{message}");
        };
        error(CAS, "status=ISSUED", "PCA.00020404", "status").await;
        error(CAS, "type=LEAF", "PCA.00020202", "type").await;
        error(CERTIFICATES, "status=ACTIVED", "PCA.00020001", "status").await;
    });
}

#[test]
fn lists_show_only_what_is_the_accounts() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.certificate("leaf", &root).await;
        let other = world.add_account("other", true).await;
        for collection in [CAS, CERTIFICATES] {
            let theirs = world.call_as(&other, "GET", collection, Value::Null).await.ok();
            assert_eq!(theirs["total"], 0);
            let quotas = world.call_as(&other, "GET", &format!("{collection}/quotas"), Value::Null).await.ok();
            assert_eq!(quotas["quotas"]["resources"][0]["used"], 0);
        }
    });
}

#[test]
fn quotas_show_what_is_used() {
    on_both(async |world| {
        let quota = |kind: &str, used: i64, quota: i64| json!({"quotas": {"resources": [{"type": kind, "used": used, "quota": quota}]}});
        let root = world.root("Root").await;
        world.pending("Pending").await;
        world.certificate("leaf", &root).await;
        let shown = world.get(&format!("{CAS}/quotas")).await;
        assert_eq!(shown, quota("CERTIFICATE_AUTHORITY", 2, 100));
        assert_eq!(world.get(&format!("{CERTIFICATES}/quotas")).await, quota("CERTIFICATE", 1, 100_000));
    });
}

#[test]
fn quotas_stay_exact_while_certificates_come_and_go() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let mut made = Vec::new();
        for _ in 0..8 {
            made.push(world.certificate("old", &root).await);
        }
        let mut calls = JoinSet::new();
        for id in made.into_iter().flat_map(|id| [id.clone(), id]) {
            let (deletes, creates) = (world.caller(), world.caller());
            let body = certificate_request("new", &root);
            calls.spawn(async move { deletes.call("DELETE", &format!("{CERTIFICATES}/{id}"), Value::Null).await });
            calls.spawn(async move { creates.call("POST", CERTIFICATES, body).await });
        }
        let answers = calls.join_all().await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(200), count(204), count(404)), (16, 8, 8));
        assert_eq!((world.used(CERTIFICATES).await, list(&world, CERTIFICATES, "name=old").await.1), (16, 0));
        assert_eq!(list(&world, CERTIFICATES, "limit=0").await.1, 16);
    });
}

/// Asks for `count` resources at once; gives how many were made. All others must hear of the quota.
async fn create_at_once(world: &World, collection: &'static str, count: usize, body: &Value) -> usize {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (caller, body) = (world.caller(), body.clone());
        calls.spawn(async move { caller.call("POST", collection, body).await });
    }
    let answers = calls.join_all().await;
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.error(403, "PCA.00030001");
    }
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[test]
fn quotas_are_exact_however_many_ask_at_once() {
    with_quotas(Quotas { authorities: 5, certificates: 7 }, async |world| {
        let root = world.root("Root").await;
        assert_eq!(create_at_once(&world, CERTIFICATES, 20, &certificate_request("leaf", &root)).await, 7);
        assert_eq!((world.used(CERTIFICATES).await, world.get(CERTIFICATES).await["total"].as_i64()), (7, Some(7)));
        assert_eq!(create_at_once(&world, CAS, 20, &subordinate_request("Sub", &root)).await, 4);
        assert_eq!((world.used(CAS).await, world.get(CAS).await["total"].as_i64()), (5, Some(5)));
        world.call("POST", CAS, root_request("Root")).await.error(403, "PCA.00030001");

        // Others have their own.
        let other = world.add_account("other", true).await;
        world.call_as(&other, "POST", CAS, root_request("Root")).await.ok();

        // What is deleted is given back: certificates at once, authorities when their deletion takes effect.
        let leaf = ids(&world, CERTIFICATES, "limit=1").await.remove(0);
        world.call("DELETE", &format!("{CERTIFICATES}/{leaf}"), Value::Null).await.no_content();
        assert_eq!(create_at_once(&world, CERTIFICATES, 4, &certificate_request("leaf", &root)).await, 1);
        let sub = ids(&world, CAS, "limit=1").await.remove(0);
        world.schedule_deletion(&sub).await;
        world.call("POST", CAS, root_request("Root")).await.error(403, "PCA.00030001");
        world.clock.advance(7 * DAY_MS);
        assert_eq!(create_at_once(&world, CAS, 4, &root_request("Root")).await, 1);
        // A revoked certificate still counts, and one that expired too.
        let leaf = ids(&world, CERTIFICATES, "limit=1").await.remove(0);
        world.call("POST", &format!("{CERTIFICATES}/{leaf}/revoke"), Value::Null).await.no_content();
        world.clock.advance(40 * DAY_MS);
        world.call("POST", CERTIFICATES, certificate_request("leaf", &root)).await.error(403, "PCA.00030001");
    });
}
