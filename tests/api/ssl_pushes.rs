//! Pushing SSL certificates: the embedded registry, histories, deployments, and what is refused.

use openccm_core::{PushService, SslStatus};
use openccm_service::{
    jobs::Job,
    ssl::{
        SslOptions,
        push::{self, FolderOptions, PushOptions, TargetKind, TargetOptions},
    },
};
use openccm_store::ssl_certificates;
use serde_json::{Value, json};

use crate::{
    servable::Servable,
    world::{Answer, DAY_MS, HOUR_MS, World, on_both, with_ssl},
};

const REGION: &str = "cn-north-4";

/// The path of an operation on a certificate.
pub(crate) fn path(id: &str, operation: &str) -> String {
    format!("/v3/scm/certificates/{id}/{operation}")
}

impl World {
    pub(crate) async fn push(&self, id: &str, service: &str, region: &str) -> Answer {
        let body = json!({"target_service": service, "target_project": region});
        self.call("POST", &path(id, "push"), body).await
    }

    pub(crate) async fn batch_push(&self, id: &str, service: &str, regions: &[&str]) -> Vec<Value> {
        let body = json!({"target_service": service, "target_projects": regions});
        let answer = self.call("POST", &path(id, "batch-push"), body).await.ok();
        answer["results"].as_array().unwrap().clone()
    }

    /// The entries of the history.
    pub(crate) async fn pushes(&self, id: &str) -> Vec<Value> {
        let answer = self.get(&self.v2(id, "push-history")).await;
        answer["push_history_list"].as_array().unwrap().clone()
    }

    fn v2(&self, id: &str, operation: &str) -> String {
        format!("/v2/{}/scm/cert/{id}/{operation}", self.account.project_id)
    }

    pub(crate) async fn deploy(&self, id: &str, service: &str, resources: Value) -> Value {
        let body = json!({"service_name": service, "project_name": REGION, "resources": resources});
        self.call("POST", &path(id, "deploy"), body).await.ok()["failure_list"].clone()
    }

    async fn deployed(&self, ids: &[&str], services: &[&str]) -> Answer {
        let body = json!({"certificate_ids": ids, "service_names": services});
        self.call("POST", "/v3/scm/deployed-resources", body).await
    }

    pub(crate) async fn retry_pushes(&self) -> u64 {
        Job::RetryPushes.run(&self.ccm).await.unwrap()
    }

    /// Renews `origin` by `new`, as an import or order does. Gives how many pushes that makes.
    pub(crate) async fn renew(&self, origin: &str, new: &str) -> u64 {
        let mut session = self.ccm.database().write().await.unwrap();
        let count = push::renewed(&self.ccm, &mut session, origin, new).await.unwrap();
        session.commit().await.unwrap();
        count
    }

    fn elb(&self, id: &str) -> String {
        format!("/v3/{}/elb/certificates/{id}", self.account.project_id)
    }

    fn waf(&self, id: &str) -> String {
        format!("/v1/{}/waf/certificate/{id}", self.account.project_id)
    }
}

/// What takes the certificates of a service, in every region.
pub(crate) fn target(service: PushService, kind: TargetKind) -> TargetOptions {
    TargetOptions { service, region: None, accounts: Vec::new(), kind, probe: None, auto_deploy: true }
}

pub(crate) fn options(targets: Vec<TargetOptions>) -> SslOptions {
    SslOptions { push: PushOptions { targets }, ..SslOptions::default() }
}

/// The one result of a push in a batch, which succeeded: the certificate's id in the service.
#[track_caller]
pub(crate) fn copy_id(results: &[Value]) -> String {
    assert_eq!((results.len(), &results[0]["message"]), (1, &json!("success")), "{results:?}");
    results[0]["cert_id"].as_str().unwrap().to_owned()
}

#[test]
fn the_registry_stands_for_elb_and_waf_until_something_else_is_configured() {
    on_both(async |world| {
        let Servable { id, chain, .. } = world.servable(&["shop.example.com", "www.example.com"]).await;
        world.push(&id, "ELB", REGION).await.no_content();
        let elb_id = copy_id(&world.batch_push(&id, " elb", &[REGION]).await);
        let answer = world.call("GET", &world.elb(&elb_id), Value::Null).await;
        let shown = answer.ok()["certificate"].clone();
        assert_eq!(shown["name"], "shop shop.example.com");
        assert_eq!(shown["domain"], "shop.example.com,www.example.com");
        assert_eq!(shown["certificate"].as_str().unwrap().replace("\r\n", "\n"), chain.replace("\r\n", "\n"));
        assert_eq!(shown["expire_time"], "2027-02-20T00:00:00Z");
        let waf_id = copy_id(&world.batch_push(&id, "waf", &[REGION]).await);
        let waf = world.get(&world.waf(&waf_id)).await;
        assert_eq!((&waf["id"], &waf["exp_status"]), (&json!(waf_id), &json!(0)));
        assert_eq!(waf["content"], shown["certificate"]);
        for secret in [world.get(&world.waf(&waf_id)).await.to_string(), answer.text()] {
            assert!(!secret.contains("PRIVATE"), "{secret}");
        }

        // Terraform destroys; what is destroyed is made anew by the next push.
        world.call("DELETE", &world.elb(&elb_id), Value::Null).await.no_content();
        assert_eq!(world.call("DELETE", &world.waf(&waf_id), Value::Null).await.ok()["id"], json!(waf_id));
        world.call("GET", &world.elb(&elb_id), Value::Null).await.error(404, "ELB.8904");
        world.call("DELETE", &world.waf(&waf_id), Value::Null).await.error(404, "WAF.00014020");
        let again = copy_id(&world.batch_push(&id, "ELB", &[REGION]).await);
        assert_ne!(again, elb_id);

        // Nobody else sees it, by whatever project.
        let bob = world.add_account("bob", true).await;
        world.call_as(&bob, "GET", &world.elb(&again), Value::Null).await.error(403, "APIG.0302");
        let bobs = format!("/v3/{}/elb/certificates/{again}", bob.project_id);
        world.call_as(&bob, "GET", &bobs, Value::Null).await.error(404, "ELB.8904");
        world.call_as(&bob, "DELETE", &bobs, Value::Null).await.error(404, "ELB.8904");
        world.call("GET", &world.waf(&again), Value::Null).await.error(404, "WAF.00014020");
        world.call("GET", &world.elb("%00"), Value::Null).await.error(404, "ELB.8904");
        world.send("GET", &world.elb(&again), &[], Vec::new()).await.error(401, "APIG.0301");
        assert_eq!(world.get(&world.elb(&again)).await["certificate"]["id"], json!(again));
    });
}

#[test]
fn what_cannot_be_pushed_is_refused_with_its_code_and_leaves_nothing() {
    on_both(async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com"]).await;
        let push = async |body: Value| world.call("POST", &path(&id, "push"), body).await;
        for (body, code) in [
            (json!({}), "SCM.0030"),
            (Value::Null, "SCM.0030"),
            (json!({"target_service": "OBS", "target_project": REGION}), "SCM.0030"),
            (json!({"target_service": 7, "target_project": REGION}), "SCM.0030"),
            (json!({"target_service": "ELB"}), "SCM.0061"),
            (json!({"target_service": "ELB", "target_project": ""}), "SCM.0061"),
            (json!({"target_service": "ELB", "target_project": "x".repeat(256)}), "SCM.0061"),
            (json!({"target_service": "ELB", "target_project": []}), "SCM.0061"),
            (json!({"target_service": "ELB", "target_project": "a\u{0}b"}), "SCM.0061"),
            (json!({"target_service": "ELB", "target_project": "mars-1"}), "SCM.0075"),
        ] {
            push(body).await.error(400, code);
        }
        assert_eq!(world.call_raw(&world.account, "POST", &path(&id, "push"), b"[]".to_vec()).await.status, 400);
        let batch = async |body: Value| world.call("POST", &path(&id, "batch-push"), body).await;
        for regions in [json!([]), Value::Null, json!(vec!["r"; 11]), json!(["x".repeat(33)]), json!([7]), json!("r")] {
            batch(json!({"target_service": "ELB", "target_projects": regions})).await.error(400, "SCM.0061");
        }
        batch(json!({"target_projects": [REGION]})).await.error(400, "SCM.0030");

        let body = json!({"target_service": "ELB", "target_project": REGION});
        let bob = world.add_account("bob", true).await;
        let keyless = world.servable_of(&world.account, &["a.example.com"], false).await.id;
        let unpaid = world.servable(&["b.example.com"]).await.id;
        let mut session = world.ccm.database().write().await.unwrap();
        let (from, to) = (SslStatus::Upload, SslStatus::Revoked);
        assert!(ssl_certificates::update_status(&mut session, &unpaid, from, to, world.clock_ms()).await.unwrap());
        session.commit().await.unwrap();
        for operation in ["push", "batch-push", "deploy"] {
            let body = json!({
                "target_service": "ELB", "target_project": REGION, "target_projects": [REGION],
                "service_name": "ELB", "project_name": REGION, "resources": [{"id": "l"}],
            });
            for unknown in ["scs0000000000000", "x", "%00", "%ff", &"9".repeat(300)] {
                world.call("POST", &path(unknown, operation), body.clone()).await.error(404, "SCM.0094");
            }
            world.call_as(&bob, "POST", &path(&id, operation), body.clone()).await.error(404, "SCM.0094");
            world.call("POST", &path(&keyless, operation), body.clone()).await.error(400, "SCM.0059");
            world.call("POST", &path(&unpaid, operation), body.clone()).await.error(400, "SCM.0010");
        }
        let eve = world.add_account("eve", false).await;
        world.call_as(&eve, "POST", &path(&id, "push"), body.clone()).await.error(403, "SCM.4002");
        let foreign = format!("/v2/{}/scm/cert/{id}/push", bob.project_id);
        world.call("POST", &foreign, json!({})).await.error(403, "SCM.0002");
        world
            .call_as(&bob, "GET", &format!("/v2/{}/scm/cert/{id}/push-history", bob.project_id), Value::Null)
            .await
            .error(404, "SCM.0094");

        for id in [&id, &keyless, &unpaid] {
            assert_eq!(world.pushes(id).await, Vec::<Value>::new());
        }
        world.clock.advance(91 * DAY_MS);
        world.call("POST", &path(&id, "push"), body).await.error(400, "SCM.0010");
        assert_eq!(world.retry_pushes().await, 0);
    });
}

#[test]
fn each_region_of_a_batch_has_a_result_of_its_own() {
    on_both(async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com"]).await;
        let results = world.batch_push(&id, "WAF", &["mars-1", REGION, "", REGION]).await;
        let names: Vec<&str> = results.iter().map(|result| result["project_name"].as_str().unwrap()).collect();
        assert_eq!(names, ["mars-1", REGION, "", REGION]);
        let refused = |message: &str, region: &str| json!({"project_name": region, "cert_id": "", "message": message});
        assert_eq!(results[0], refused("Invalid region id.", "mars-1"));
        assert_eq!(results[2], refused("Region parameter error.", ""));
        assert_eq!((&results[1]["message"], &results[3]["message"]), (&json!("success"), &json!("success")));
        // The same place twice is one copy.
        assert_eq!(results[1]["cert_id"], results[3]["cert_id"]);
        assert_eq!(world.pushes(&id).await.len(), 2);
        let cdn = world.batch_push(&id, "CDN", &["", "anywhere"]).await;
        assert_eq!(cdn[0]["cert_id"], cdn[1]["cert_id"]);
        copy_id(&cdn[..1]);
    });
}

#[test]
fn a_certificate_pushed_many_times_at_once_has_one_copy() {
    on_both(async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com"]).await;
        let body = json!({"target_service": "ELB", "target_projects": [REGION]});
        let calls = (0..8).map(|_| {
            let (caller, path, body) = (world.caller(), path(&id, "batch-push"), body.clone());
            tokio::spawn(async move { caller.call("POST", &path, body).await.ok() })
        });
        let mut ids = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            ids.push(copy_id(call.await.unwrap()["results"].as_array().unwrap()));
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
    });
}

#[test]
fn the_history_shows_the_last_ten_pushes_newest_first() {
    on_both(async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com"]).await;
        assert_eq!(world.pushes(&id).await, Vec::<Value>::new());
        for _ in 0..6 {
            let body = json!({"service_type": "WAF", "remote_project": REGION});
            assert_eq!(world.call("POST", &world.v2(&id, "push"), body).await.ok(), json!({"message": "success"}));
            world.clock.advance(1000);
            world.push(&id, "cdn", "").await.no_content();
            world.clock.advance(1000);
        }
        let pushes = world.pushes(&id).await;
        assert_eq!(pushes.len(), 10);
        let last = world.clock_ms() - 1000;
        for (index, push) in pushes.iter().enumerate() {
            let time = last - 1000 * i64::try_from(index).unwrap();
            let (service, region) = if index % 2 == 0 { ("CDN", Value::Null) } else { ("WAF", json!(REGION)) };
            let expected = json!({
                "push_time": time.to_string(), "push_remote_project": region, "push_service": service,
                "push_status": "ACCEPTED",
            });
            assert_eq!(*push, expected);
        }
        world.call("POST", &world.v2(&id, "push"), json!({"service_type": "x"})).await.error(400, "SCM.0030");
        world.call("GET", &world.v2("scs1", "push-history"), Value::Null).await.error(404, "SCM.0094");
    });
}

#[test]
fn deployments_are_listed_by_certificate_service_and_region() {
    on_both(async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com", "*.cdn.example.com"]).await;
        let other = world.servable(&["other.example.com"]).await.id;
        assert_eq!(world.deploy(&id, "ELB", json!([{"id": "listener-2"}, {"id": "listener-1"}])).await, json!([]));
        assert_eq!(world.deploy(&id, "waf", json!([{"id": "host-1", "type": "premium"}])).await, json!([]));
        let domains = json!([{"domain_name": "a.cdn.example.com"}, {"domain_name": "b.a.cdn.example.com"}]);
        let failed = world.deploy(&id, "CDN", domains).await;
        let info = "The resource domain is not equals the cert.";
        assert_eq!(failed, json!([{"resource": "b.a.cdn.example.com", "failure_info": info}]));

        let named = |id: &str| json!({"resource_id": id, "resource_name": id});
        let answer = world.deployed(&[&id, &other], &["ALL"]).await.ok();
        let results = answer["results"].as_array().unwrap();
        assert_eq!((&results[0]["certificate_id"], &results[0]["total_num"]), (&json!(id), &json!(4)));
        let cdn = json!({
            "service": "CDN", "resource_num": 1, "resource_location": "global",
            "region_resources": [{"region_id": "global", "is_error": false, "resources": [named("a.cdn.example.com")]}],
        });
        let of = |index: usize| &results[0]["deployed_resources"][index];
        assert_eq!(*of(0), cdn);
        assert_eq!((&of(1)["service"], &of(1)["resource_num"]), (&json!("WAF"), &json!(1)));
        let regions = json!([{"region_id": REGION, "is_error": false,
            "resources": [named("listener-1"), named("listener-2")]}]);
        assert_eq!(of(2)["region_resources"], regions);
        assert_eq!(
            (&results[1]["total_num"], results[1]["deployed_resources"].as_array().unwrap().len()),
            (&json!(0), 3)
        );

        // A resource serves one certificate.
        assert_eq!(world.deploy(&other, "ELB", json!([{"id": "listener-1"}])).await, json!([]));
        let answer = world.deployed(&[&id, &other], &["elb"]).await.ok();
        assert_eq!(answer["results"][0]["total_num"], 1);
        assert_eq!(
            answer["results"][1]["deployed_resources"][0]["region_resources"][0]["resources"],
            json!([named("listener-1")])
        );

        for (resources, service) in [
            (json!([]), "ELB"),
            (Value::Null, "ELB"),
            (json!([{}]), "ELB"),
            (json!([{"id": "x".repeat(256)}]), "ELB"),
            (json!([{"domain_name": "shop.example.com"}]), "WAF"),
            (json!([{"id": "h", "type": "gold"}]), "WAF"),
            (json!([{"id": "h"}]), "CDN"),
            (json!(["h"]), "ELB"),
            (json!(vec![json!({"id": "h"}); 51]), "ELB"),
        ] {
            let body = json!({"service_name": service, "project_name": REGION, "resources": resources});
            world.call("POST", &path(&id, "deploy"), body).await.error(400, "SCM.0005");
        }
        let body = json!({"service_name": "ELB", "project_name": "mars-1", "resources": [{"id": "l"}]});
        world.call("POST", &path(&id, "deploy"), body).await.error(400, "SCM.0075");
        assert_eq!(world.deployed(&[&id], &["ALL"]).await.ok()["results"][0]["total_num"], 3);
    });
}

#[test]
fn deployments_of_what_is_not_there_are_refused() {
    on_both(async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com"]).await;
        let bob = world.add_account("bob", true).await;
        let bobs = world.servable_of(&bob, &["bob.example.com"], true).await.id;
        for services in [&[][..], &["OBS"], &["ELB", ""]] {
            let message = world.deployed(&[&id], services).await.error(400, "SCM.0501");
            assert!(message.ends_with("CDN, WAF, ELB, ALL"), "{message}");
        }
        world.deployed(&[], &["ELB"]).await.error(400, "SCM.0502");
        world.deployed(&[id.as_str(); 51], &["ELB"]).await.error(400, "SCM.0505");
        world.deployed(&[&id, &id], &["ELB"]).await.error(400, "SCM.0507");
        world.deployed(&[&id], &["ELB", "elb"]).await.error(400, "SCM.0507");
        let message = world.deployed(&[&id, &bobs, "a\u{0}"], &["ELB"]).await.error(400, "SCM.0506");
        assert!(message.contains(&bobs) && !message.contains("{0}"), "{message}");
        for body in [
            json!({"certificate_ids": "x", "service_names": ["ELB"]}),
            json!({"certificate_ids": [7], "service_names": ["ELB"]}),
        ] {
            world.call("POST", "/v3/scm/deployed-resources", body).await.error(400, "SCM.0505");
        }
        world.call("POST", "/v3/scm/deployed-resources", json!({})).await.error(400, "SCM.0501");
    });
}

#[test]
fn a_renewed_certificate_takes_the_place_of_its_origin_where_asked() {
    let elb = target(PushService::Elb, TargetKind::Registry);
    let waf = TargetOptions { auto_deploy: false, ..target(PushService::Waf, TargetKind::Registry) };
    with_ssl(&options(vec![elb, waf]), async |world| {
        let origin = world.servable(&["shop.example.com"]).await;
        let elb_id = copy_id(&world.batch_push(&origin.id, "ELB", &[REGION]).await);
        copy_id(&world.batch_push(&origin.id, "WAF", &[REGION]).await);
        assert_eq!(world.deploy(&origin.id, "ELB", json!([{"id": "listener-1"}])).await, json!([]));
        world.push(&origin.id, "CDN", "").await.error(400, "SCM.0030");

        let new = world.servable(&["shop.example.com"]).await;
        // The copy and the listener; WAF is not asked for.
        assert_eq!(world.renew(&origin.id, &new.id).await, 2);
        assert_eq!(world.retry_pushes().await, 2);
        assert_eq!(world.retry_pushes().await, 0);
        let shown = world.get(&world.elb(&elb_id)).await["certificate"]["certificate"].as_str().unwrap().to_owned();
        assert_eq!(shown.replace("\r\n", "\n"), new.chain.replace("\r\n", "\n"));
        assert_eq!(world.pushes(&new.id).await.len(), 2);
        let answer = world.deployed(&[&origin.id, &new.id], &["ELB"]).await.ok();
        assert_eq!((&answer["results"][0]["total_num"], &answer["results"][1]["total_num"]), (&json!(0), &json!(1)));

        // Issued anew under its own id: the same.
        let again = world.reissue(&new.id, &["shop.example.com"]).await;
        let mut session = world.ccm.database().write().await.unwrap();
        assert_eq!(push::reissued(&world.ccm, &mut session, &new.id).await.unwrap(), 2);
        session.commit().await.unwrap();
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 2);
        let shown = world.get(&world.elb(&elb_id)).await["certificate"]["certificate"].as_str().unwrap().to_owned();
        assert_eq!(shown.replace("\r\n", "\n"), again.chain.replace("\r\n", "\n"));
        // What was renewed has no copy any more: pushed again, it gets one of its own.
        assert_ne!(copy_id(&world.batch_push(&origin.id, "ELB", &[REGION]).await), elb_id);
    });
}

#[test]
fn what_is_not_for_all_names_of_its_origin_does_not_take_its_place() {
    with_ssl(&options(vec![target(PushService::Elb, TargetKind::Registry)]), async |world| {
        let origin = world.servable(&["shop.example.com", "*.example.org"]).await;
        let elb_id = copy_id(&world.batch_push(&origin.id, "ELB", &[REGION]).await);
        for names in [&["shop.example.com"][..], &["other.example.net"], &["*.example.com", "a.example.org"]] {
            let new = world.servable(names).await;
            assert_eq!(world.renew(&origin.id, &new.id).await, 0, "{names:?}");
        }
        assert_eq!(world.retry_pushes().await, 0);
        let shown = world.get(&world.elb(&elb_id)).await["certificate"]["certificate"].as_str().unwrap().to_owned();
        assert_eq!(shown.replace("\r\n", "\n"), origin.chain.replace("\r\n", "\n"));
        // A wildcard stands for the name, and more names do no harm.
        let new = world.servable(&["*.example.com", "*.EXAMPLE.org", "example.net"]).await;
        assert_eq!(world.renew(&origin.id, &new.id).await, 1);
    });
}

#[test]
fn targets_may_be_for_some_accounts_alone() {
    let temp = tempfile::tempdir().unwrap();
    let own = |accounts: &[&str]| TargetOptions {
        accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
        region: Some(REGION.to_owned()),
        ..target(PushService::Elb, TargetKind::Folder(FolderOptions::new(temp.path().join("tls"))))
    };
    with_ssl(&options(vec![own(&["bob"])]), async |world| {
        let bob = world.add_account("bob", true).await;
        let (ours, theirs) = (world.servable(&["a.net"]).await, world.servable_of(&bob, &["b.net"], true).await);
        let body = json!({"target_service": "ELB", "target_project": REGION});
        let message = world.call("POST", &path(&ours.id, "push"), body.clone()).await.error(400, "SCM.0204");
        assert!(message.contains("not for this account"), "{message}");
        world.call_as(&bob, "POST", &path(&theirs.id, "push"), body).await.no_content();
    });
}
