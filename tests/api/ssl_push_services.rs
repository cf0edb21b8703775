//! Pushing to the vendor's own services and to webhooks, which a server in process stands for.

use openccm_auth::Secret;
use openccm_core::PushService;
use openccm_service::ssl::push::{TargetKind, TargetOptions, VendorOptions, WebhookOptions};
use serde_json::{Value, json};

use crate::{
    peer::{Asked, Peer},
    servable::Servable,
    ssl_pushes::{copy_id, options, path, target},
    world::{HOUR_MS, MINUTE_MS, World, with_ssl},
};

const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const SK: &str = "a secret key of the vendor's";
const REGION: &str = "cn-north-4";
const ELB: &str = "/v3/0123456789abcdef0123456789abcdef/elb";
const WAF: &str = "/v1/0123456789abcdef0123456789abcdef/waf/certificate";

fn vendor(peer: &Peer) -> TargetKind {
    TargetKind::Vendor(VendorOptions {
        endpoint: peer.url.clone(),
        project_id: Some(PROJECT.into()),
        ak: "VENDORKEY00000000001".into(),
        sk: Secret::new(SK.into()),
        roots: None,
    })
}

fn webhook(url: String) -> TargetKind {
    TargetKind::Webhook(WebhookOptions { url, secret: Secret::new("shared".into()), roots: None })
}

/// The one request that was made since the last one was looked at: it was signed.
#[track_caller]
fn only(peer: &Peer, world: &World) -> Asked {
    let mut asked = peer.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].is_signed(SK, world.clock_ms()));
    assert_eq!(asked[0].header("x-project-id"), PROJECT);
    assert!(!asked[0].is_signed("another key", world.clock_ms()));
    asked.remove(0)
}

#[track_caller]
fn is(asked: &Asked, method: &str, path: &str) {
    assert_eq!((asked.method.as_str(), asked.path.as_str()), (method, path));
}

fn lf(text: &Value) -> String {
    text.as_str().unwrap().replace("\r\n", "\n")
}

#[test]
fn elb_gets_a_certificate_once_and_then_its_updates() {
    let peer = Peer::start();
    with_ssl(&options(vec![target(PushService::Elb, vendor(&peer))]), async |world| {
        peer.answer(|asked| match asked.method.as_str() {
            "POST" => (201, json!({"certificate": {"id": "elb-1"}})),
            _ => (200, json!({})),
        });
        let cert = world.servable(&["shop.example.com", "www.example.com"]).await;
        assert_eq!(copy_id(&world.batch_push(&cert.id, "ELB", &[REGION]).await), "elb-1");
        let asked = only(&peer, &world);
        is(&asked, "POST", &format!("{ELB}/certificates"));
        let sent = asked.json()["certificate"].clone();
        assert_eq!((&sent["type"], &sent["domain"]), (&json!("server"), &json!("shop.example.com,www.example.com")));
        assert_eq!(lf(&sent["certificate"]), lf(&json!(cert.chain)));
        let key = sent["private_key"].as_str().unwrap();
        assert!(key.starts_with("-----BEGIN EC PRIVATE KEY-----\n"), "{key}");

        world.push(&cert.id, "ELB", REGION).await.no_content();
        is(&only(&peer, &world), "PUT", &format!("{ELB}/certificates/elb-1"));

        // A listener takes what is there already.
        assert_eq!(world.deploy(&cert.id, "ELB", json!([{"id": "listener/1"}])).await, json!([]));
        let asked = only(&peer, &world);
        is(&asked, "PUT", &format!("{ELB}/listeners/listener%2F1"));
        assert_eq!(asked.json(), json!({"listener": {"default_tls_container_ref": "elb-1"}}));

        // The renewed one takes its place under its id; so the listener has it, and is told again.
        let new = world.servable(&["*.example.com"]).await;
        assert_eq!(world.renew(&cert.id, &new.id).await, 2);
        assert_eq!(world.retry_pushes().await, 2);
        let asked = peer.asked();
        assert_eq!(asked.len(), 2);
        is(&asked[0], "PUT", &format!("{ELB}/certificates/elb-1"));
        assert_eq!(lf(&asked[0].json()["certificate"]["certificate"]), lf(&json!(new.chain)));
        is(&asked[1], "PUT", &format!("{ELB}/listeners/listener%2F1"));

        // Somebody deleted it there: it is made anew.
        peer.answer(|asked| match asked.method.as_str() {
            "POST" => (201, json!({"certificate": {"id": "elb-2"}})),
            _ => (404, json!({"error_code": "ELB.8904", "error_msg": "gone"})),
        });
        assert_eq!(copy_id(&world.batch_push(&new.id, "ELB", &[REGION]).await), "elb-2");
        assert_eq!(peer.asked().len(), 2);
        let failed = world.deploy(&new.id, "ELB", json!([{"id": "l"}])).await;
        assert_eq!(failed[0]["failure_info"], "Failed to push to ELB. there is no such listener");
        peer.asked();
    });
}

#[test]
fn waf_and_cdn_are_called_as_they_document() {
    let peer = Peer::start();
    let targets = [PushService::Waf, PushService::Cdn].map(|service| target(service, vendor(&peer)));
    with_ssl(&options(targets.to_vec()), async |world| {
        peer.answer(|asked| if asked.path == WAF { (200, json!({"id": "waf-1"})) } else { (200, json!({})) });
        let cert = world.servable(&["shop.example.com", "*.example.org"]).await;
        let resources = json!([{"id": "h1"}, {"id": "h2", "type": "Premium", "enterprise_project_id": "e p"}]);
        assert_eq!(world.deploy(&cert.id, "WAF", resources).await, json!([]));
        let asked = peer.asked();
        assert!(asked.iter().all(|asked| asked.is_signed(SK, world.clock_ms())));
        is(&asked[0], "POST", WAF);
        assert_eq!(asked[0].json()["name"], "shop_shop.example.com");
        assert_eq!(lf(&asked[0].json()["content"]), lf(&json!(cert.chain)));
        is(&asked[1], "POST", &format!("{WAF}/waf-1/apply-to-hosts"));
        assert_eq!(asked[1].json(), json!({"cloud_host_ids": ["h1"], "premium_host_ids": []}));
        assert_eq!(asked[2].json(), json!({"cloud_host_ids": [], "premium_host_ids": ["h2"]}));
        assert_eq!((asked.len(), asked[2].query.as_str()), (3, "enterprise_project_id=e+p"));

        // What renews it goes to the same project, also when that is renewed in turn.
        let mut cert = cert;
        for _ in 0..2 {
            let new = world.servable(&["shop.example.com", "*.example.org"]).await;
            assert_eq!(world.renew(&cert.id, &new.id).await, 3);
            world.clock.advance(1);
            assert_eq!(world.retry_pushes().await, 3);
            let asked = peer.asked();
            let hosts = |kind: &str| {
                asked
                    .iter()
                    .find(|asked| {
                        asked.path != WAF && !asked.path.ends_with("waf-1") && asked.json()[kind] != json!([])
                    })
                    .unwrap()
            };
            assert_eq!(hosts("premium_host_ids").query, "enterprise_project_id=e+p");
            assert_eq!(hosts("cloud_host_ids").query, "");
            cert = new;
        }

        world.push(&cert.id, "CDN", "").await.no_content();
        let asked = only(&peer, &world);
        is(&asked, "PUT", "/v1.0/cdn/domains/config-https-info");
        let https = asked.json()["https"].clone();
        assert_eq!(
            (&https["domain_name"], &https["https_switch"]),
            (&json!("shop.example.com,*.example.org"), &json!(1))
        );
        assert_eq!(https["cert_name"], json!(cert.id));
        // A domain name by itself.
        assert_eq!(world.deploy(&cert.id, "CDN", json!([{"domain_name": "a.example.org"}])).await, json!([]));
        assert_eq!(only(&peer, &world).json()["https"]["domain_name"], "a.example.org");
    });
}

#[test]
fn what_a_service_answers_becomes_the_documented_code() {
    let peer = Peer::start();
    let targets = PushService::ALL.iter().map(|service| target(*service, vendor(&peer)));
    let mut targets: Vec<TargetOptions> = targets.collect();
    for target in &mut targets {
        target.region = Some("far-1".to_owned()).filter(|_| target.service != PushService::Cdn);
    }
    with_ssl(&options(targets), async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com"]).await;
        // 400, 401 and 403, 404, 429 and 5xx, a redirect, what is no answer of the service.
        for (status, kinds) in [
            (400, ["SCM.0201", "SCM.0211", "SCM.0221"]),
            (401, ["SCM.0202", "SCM.0212", "SCM.0222"]),
            (403, ["SCM.0202", "SCM.0212", "SCM.0222"]),
            (404, ["SCM.0204", "SCM.0211", "SCM.0224"]),
            (409, ["SCM.0201", "SCM.0211", "SCM.0221"]),
            (301, ["SCM.0201", "SCM.0211", "SCM.0221"]),
            (429, ["SCM.0203", "SCM.0213", "SCM.0223"]),
            (500, ["SCM.0203", "SCM.0213", "SCM.0223"]),
            (503, ["SCM.0203", "SCM.0213", "SCM.0223"]),
        ] {
            peer.answer(move |_| (status, json!({"error_code": "X.1", "error_msg": "a reason"})));
            for (service, code) in ["ELB", "CDN", "WAF"].into_iter().zip(kinds) {
                let http = if status == 429 || status >= 500 { 500 } else { 400 };
                let message = world.push(&id, service, "far-1").await.error(http, code);
                assert!(message.contains(&status.to_string()) && message.contains("X.1 a reason"), "{message}");
                let result = world.batch_push(&id, service, &["far-1"]).await;
                assert_eq!((&result[0]["cert_id"], &result[0]["message"]), (&json!(""), &json!(message)));
            }
        }
        peer.answer(|_| (400, json!({"error": {"error_code": "WAF.00013001", "error_msg": "x"}})));
        world.push(&id, "WAF", "far-1").await.error(400, "SCM.0225");
        peer.answer(|_| (409, json!({"error_code": "ELB.8905", "error_msg": "Quota exceeded"})));
        world.push(&id, "ELB", "far-1").await.error(400, "SCM.0201");
        // An answer that repeats the key is not repeated here.
        peer.answer(|asked| (400, json!({"error_code": "X", "error_msg": asked.json().to_string()})));
        let message = world.push(&id, "WAF", "far-1").await.error(400, "SCM.0221");
        assert!(!message.contains("MHc") && message.contains("private key"), "{message}");
        // A success without an id is none; neither is an answer without an end.
        for body in [json!({}), json!({"id": ""}), json!({"id": 7}), json!({"id": "x".repeat(300_000)})] {
            peer.answer(move |_| (200, body.clone()));
            world.push(&id, "WAF", "far-1").await.error(500, "SCM.0223");
        }
        // A region of the account that no target is configured for.
        world.push(&id, "ELB", REGION).await.error(400, "SCM.0204");
        world.push(&id, "WAF", REGION).await.error(400, "SCM.0224");
        world.push(&id, "WAF", "mars-1").await.error(400, "SCM.0075");
        assert_eq!(world.pushes(&id).await, Vec::<Value>::new());
        peer.asked();
    });
}

#[test]
fn what_may_go_better_later_is_tried_again_ever_more_slowly_for_a_day() {
    let peer = Peer::start();
    with_ssl(&options(vec![target(PushService::Waf, vendor(&peer))]), async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com"]).await;
        peer.answer(|_| (503, json!({})));
        world.push(&id, "WAF", REGION).await.error(500, "SCM.0223");
        peer.asked();
        for minutes in [1, 2, 4, 8] {
            world.clock.advance(minutes * MINUTE_MS - 1);
            assert_eq!((world.retry_pushes().await, peer.asked().len()), (0, 0), "{minutes}");
            world.clock.advance(1);
            assert_eq!((world.retry_pushes().await, peer.asked().len()), (1, 1), "{minutes}");
        }
        // A later push takes the place of what is still to be tried.
        world.push(&id, "WAF", REGION).await.error(500, "SCM.0223");
        peer.answer(|_| (200, json!({"id": "waf-1"})));
        world.clock.advance(HOUR_MS);
        peer.asked();
        assert_eq!((world.retry_pushes().await, peer.asked().len()), (1, 1));
        assert_eq!(world.pushes(&id).await.len(), 1);
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 0);

        // A refusal is no reason to try again; neither is a failure that lasts a day.
        peer.answer(|_| (400, json!({})));
        world.push(&id, "WAF", REGION).await.error(400, "SCM.0221");
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 0);
        peer.answer(|_| (503, json!({})));
        world.push(&id, "WAF", REGION).await.error(500, "SCM.0223");
        let mut tried = 0;
        for _ in 0..48 {
            world.clock.advance(HOUR_MS);
            tried += world.retry_pushes().await;
        }
        assert!((20..=24).contains(&tried), "{tried}");
        peer.asked();

        // What was deleted meanwhile is not pushed.
        world.push(&id, "WAF", REGION).await.error(500, "SCM.0223");
        let mut session = world.ccm.database().write().await.unwrap();
        assert!(openccm_store::ssl_certificates::delete(&mut session, &id, world.clock_ms()).await.unwrap());
        session.commit().await.unwrap();
        peer.asked();
        world.clock.advance(HOUR_MS);
        assert_eq!((world.retry_pushes().await, peer.asked().len()), (1, 0));
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 0);
    });
}

#[test]
fn a_renewal_before_the_origin_arrived_takes_its_place_all_the_same() {
    let peer = Peer::start();
    with_ssl(&options(vec![target(PushService::Waf, vendor(&peer))]), async |world| {
        peer.answer(|_| (200, json!({"id": "waf-1"})));
        let first = world.servable(&["shop.example.com"]).await.id;
        world.push(&first, "WAF", REGION).await.no_content();
        peer.answer(|_| (503, json!({})));
        let second = world.servable(&["shop.example.com"]).await.id;
        assert_eq!(world.renew(&first, &second).await, 1);
        assert_eq!(world.retry_pushes().await, 1);
        let third = world.servable(&["shop.example.com"]).await;
        assert_eq!(world.renew(&second, &third.id).await, 1);
        peer.asked();
        peer.answer(|_| (200, json!({})));
        world.clock.advance(HOUR_MS);
        // Only the last one is pushed, and under the id of the first.
        assert_eq!(world.retry_pushes().await, 1);
        let asked = only(&peer, &world);
        is(&asked, "PUT", &format!("{WAF}/waf-1"));
        assert_eq!(lf(&asked.json()["content"]), lf(&json!(third.chain)));
        assert_eq!((world.pushes(&second).await.len(), world.pushes(&third.id).await.len()), (0, 1));
    });
}

#[test]
fn a_webhook_is_signed_and_may_give_an_id() {
    let peer = Peer::start();
    let target = target(PushService::Elb, webhook(format!("{}/hook?x=1", peer.url)));
    with_ssl(&options(vec![target]), async |world| {
        let cert = world.servable(&["shop.example.com"]).await;
        peer.answer(|_| (200, json!({"id": "theirs"})));
        assert_eq!(copy_id(&world.batch_push(&cert.id, "ELB", &[REGION]).await), "theirs");
        let asked = peer.asked().remove(0);
        assert_eq!((asked.method.as_str(), asked.path.as_str(), asked.query.as_str()), ("POST", "/hook", "x=1"));
        let timestamp = asked.header("x-openccm-timestamp");
        assert_eq!(timestamp, (world.clock_ms() / 1000).to_string());
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"shared");
        let signed = [timestamp.as_bytes(), b".", &asked.body].concat();
        let signature = hex::encode(aws_lc_rs::hmac::sign(&key, &signed));
        assert_eq!(asked.header("x-openccm-signature"), format!("v1={signature}"));
        let sent = asked.json();
        assert_eq!((&sent["event"], &sent["certificate_id"]), (&json!("certificate.push"), &json!(cert.id)));
        assert_eq!(lf(&sent["certificate"]) + &lf(&sent["certificate_chain"]), lf(&json!(cert.chain)));
        assert!(sent["private_key"].as_str().unwrap().contains("PRIVATE KEY"));

        assert_eq!(world.deploy(&cert.id, "ELB", json!([{"id": "l"}])).await, json!([]));
        let sent = peer.asked().remove(0).json();
        assert_eq!((&sent["event"], &sent["id"]), (&json!("certificate.deploy"), &json!("theirs")));
        assert_eq!(sent["resource"]["id"], "l");
        for (status, http, code) in [(500, 500, "SCM.0203"), (401, 400, "SCM.0202"), (404, 400, "SCM.0201")] {
            peer.answer(move |_| (status, json!({"message": "why"})));
            assert!(world.push(&cert.id, "ELB", REGION).await.error(http, code).contains("why"));
        }
        peer.asked();
    });
}

#[test]
fn a_server_that_cannot_be_reached_is_tried_again() {
    // Nobody listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = target(PushService::Elb, webhook(format!("http://{gone}/secret-path?token=t0ken")));
    with_ssl(&options(vec![target]), async |world| {
        let Servable { id, .. } = world.servable(&["shop.example.com"]).await;
        let message = world.push(&id, "ELB", REGION).await.error(500, "SCM.0203");
        assert!(message.contains("cannot be reached") && !message.contains("t0ken"), "{message}");
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 1);
        let body = json!({"target_service": "ELB", "target_project": REGION});
        let bob = world.add_account("bob", true).await;
        world.call_as(&bob, "POST", &path(&id, "push"), body).await.error(404, "SCM.0094");
    });
}

#[test]
fn a_place_that_fails_does_not_keep_others_waiting() {
    let peer = Peer::start();
    let elb = target(PushService::Elb, TargetKind::Registry);
    with_ssl(&options(vec![target(PushService::Waf, vendor(&peer)), elb]), async |world| {
        peer.answer(|_| (503, json!({})));
        for _ in 0..12 {
            let id = world.servable(&["shop.example.com"]).await.id;
            world.push(&id, "WAF", REGION).await.error(500, "SCM.0223");
        }
        peer.asked();
        world.clock.advance(HOUR_MS);
        assert_eq!((world.retry_pushes().await, peer.asked().len()), (10, 10));
        assert_eq!((world.retry_pushes().await, peer.asked().len()), (2, 2));
        assert_eq!(world.retry_pushes().await, 0);
    });
}
