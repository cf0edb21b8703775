//! Notices about the end of SSL certificates, against a web server and a mail server in process.

use openccm_auth::Secret;
use openccm_core::SslStatus;
use openccm_service::{
    jobs::Job,
    ssl::{SslOptions, notifications::NotificationOptions},
};
use openccm_store::ssl_certificates::{self, IssuedCertificate, NewSslCertificate};
use openccm_tests::{
    smtp_server::{Reply, SmtpServer},
    web_server::{WebAnswer, WebServer},
};
use serde_json::{Value, json};

use crate::{
    ssl_domain_mails::mail_options,
    world::{Account, DAY_MS, HOUR_MS, MINUTE_MS, START_MS, World, with_ssl},
};

const ENABLE: &str = "/v3/scm/notification/enable";
const DISABLE: &str = "/v3/scm/notification/disable";
const ID: &str = "scs1795305600001";

struct Scene {
    web: WebServer,
    smtp: SmtpServer,
}

/// Runs a test on both databases, with a webhook and two mail recipients.
fn on_both(test: impl AsyncFn(World, &Scene)) {
    let scene = Scene { web: WebServer::start().unwrap(), smtp: SmtpServer::start().unwrap() };
    let notifications = NotificationOptions {
        webhook_url: Some(format!("http://{}/hook?key=1", scene.web.address)),
        webhook_secret: Some(Secret::new("shared".into())),
        email_to: vec!["ops@corp.test".into(), "duty@corp.test".into()],
    };
    let options = SslOptions { notifications, mail: Some(mail_options(&scene.smtp)), ..SslOptions::default() };
    with_ssl(&options, |world| {
        scene.web.clear();
        scene.web.set_answer(|_| WebAnswer::Body(200, Vec::new()));
        scene.smtp.clear();
        test(world, &scene)
    });
}

/// A certificate of the account that ends at `not_after`, in this status.
async fn certificate_of(
    world: &World,
    account: &Account,
    id: &str,
    status: SslStatus,
    not_after: i64,
    origin_id: Option<&str>,
) {
    let mut session = world.ccm.database().write().await.unwrap();
    let new = NewSslCertificate {
        id: id.to_owned(),
        account_id: account.id.clone(),
        enterprise_project_id: "0".into(),
        name: format!("name of {id}"),
        status,
        order_id: None,
        brand: None,
        certificate_type: None,
        domain_type: "MULTI_DOMAIN".into(),
        primary_domain_type: None,
        domain_count: 2,
        wildcard_count: 0,
        validity_months: 12,
        issuer: None,
        origin_id: origin_id.map(str::to_owned),
        created_at: world.clock_ms(),
    };
    ssl_certificates::insert(&mut session, &new).await.unwrap();
    let issued = IssuedCertificate {
        domain: "shop.example.com".into(),
        sans: "www.example.com;api.example.com".into(),
        certificate: vec![1],
        chain: vec![2],
        fingerprint: "00".into(),
        digest: id.to_owned(),
        signature_algorithm: "SHA256WITHRSA".into(),
        key_algorithm: "RSA_2048".into(),
        not_before: START_MS,
        not_after,
    };
    ssl_certificates::set_issued(&mut session, id, &issued, world.clock_ms()).await.unwrap();
    session.commit().await.unwrap();
}

async fn certificate(world: &World, id: &str, not_after: i64) {
    certificate_of(world, &world.account, id, SslStatus::Upload, not_after, None).await;
}

async fn enable(world: &World, id: &str, types: &[&str]) {
    world.call("POST", ENABLE, json!([{"resource_id": id, "notice_type": types}])).await.no_content();
}

/// Does the job; gives what it posted: notice types and thresholds, in order.
async fn posted(world: &World, web: &WebServer) -> Vec<(String, i64)> {
    Job::Notify.run(&world.ccm).await.unwrap();
    let mut posted: Vec<(String, i64)> = bodies(web)
        .iter()
        .map(|body| (body["notice_type"].as_str().unwrap().to_owned(), body["threshold_days"].as_i64().unwrap()))
        .collect();
    posted.sort();
    posted
}

fn bodies(web: &WebServer) -> Vec<Value> {
    web.take().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

fn expiring(days: i64) -> Vec<(String, i64)> {
    vec![("CERT_EXPIRING".to_owned(), days)]
}

fn expired() -> Vec<(String, i64)> {
    vec![("CERT_EXPIRED".to_owned(), 0)]
}

#[test]
fn each_notice_is_sent_once_when_its_time_has_come() {
    on_both(async |mut world, Scene { web, smtp }| {
        let end = START_MS + 90 * DAY_MS;
        certificate(&world, ID, end).await;
        enable(&world, ID, &["CERT_EXPIRING", "cert_expired"]).await;
        assert_eq!(posted(&world, web).await, []);
        let mut told = Vec::new();
        for (days, expected) in
            [(60, expiring(60)), (30, expiring(30)), (7, expiring(7)), (1, expiring(1)), (0, expired())]
        {
            world.clock.advance(end - days * DAY_MS - 1 - world.clock_ms());
            assert_eq!(posted(&world, web).await, [], "just before {days}");
            world.clock.advance(1);
            assert_eq!(posted(&world, web).await, expected);
            let mails = smtp.take();
            assert_eq!(mails.len(), 2, "{days}");
            told.push(mails[0].content.lines().find(|line| line.starts_with("Subject: ")).unwrap().to_owned());
            // Once, also after a restart, and if wanted once more.
            assert_eq!(posted(&world, web).await, []);
            world.restart().await;
            enable(&world, ID, &["CERT_EXPIRING"]).await;
            world.clock.advance(HOUR_MS);
            assert_eq!(posted(&world, web).await, []);
            assert!(smtp.take().is_empty());
        }
        let subject = |text: &str| format!("Subject: The certificate for shop.example.com {text}");
        assert_eq!(
            told,
            [
                subject("expires in 60 days"),
                subject("expires in 30 days"),
                subject("expires in 7 days"),
                subject("expires in 1 day"),
                subject("has expired"),
            ]
        );
        world.clock.advance(100 * DAY_MS);
        assert_eq!(posted(&world, web).await, []);
    });
}

#[test]
fn a_notice_says_what_it_is_about_and_is_signed() {
    on_both(async |world, Scene { web, smtp }| {
        let end = START_MS + 5 * DAY_MS;
        certificate(&world, ID, end).await;
        enable(&world, ID, &["CERT_EXPIRING"]).await;
        Job::Notify.run(&world.ccm).await.unwrap();
        let request = web.take().remove(0);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook?key=1"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let expected = json!({
            "id": format!("{ID}-CERT_EXPIRING-7-{end}"), "notice_type": "CERT_EXPIRING", "certificate_id": ID,
            "certificate_name": format!("name of {ID}"), "domain_id": world.account.id, "domain": "shop.example.com",
            "sans": "www.example.com;api.example.com", "not_after": end, "threshold_days": 7, "days_left": 5,
            "sent_at": START_MS,
        });
        assert_eq!(body, expected);
        let timestamp = (START_MS / 1000).to_string();
        assert_eq!(request.header("x-openccm-timestamp"), Some(timestamp.as_str()));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"shared");
        let message = [timestamp.as_bytes(), b".", &request.body].concat();
        let signature = format!("v1={}", hex::encode(aws_lc_rs::hmac::sign(&key, &message)));
        assert_eq!(request.header("x-openccm-signature"), Some(signature.as_str()));

        let mut mails = smtp.take();
        mails.sort_by(|a, b| a.to.cmp(&b.to));
        assert_eq!((mails[0].to.as_str(), mails[1].to.as_str()), ("duty@corp.test", "ops@corp.test"));
        for part in
            [ID, "acme", "shop.example.com", "www.example.com, api.example.com", "Fri, 27 Nov 2026 00:00:00 GMT"]
        {
            assert!(mails[0].content.contains(part), "{part}: {}", mails[0].content);
        }
    });
}

#[test]
fn only_the_most_urgent_notice_is_sent() {
    on_both(async |world, Scene { web, .. }| {
        // Imported 5 days before its end; wanted when it is past; after a standstill.
        certificate(&world, ID, START_MS + 5 * DAY_MS).await;
        enable(&world, ID, &["CERT_EXPIRING", "CERT_EXPIRED"]).await;
        assert_eq!(posted(&world, web).await, expiring(7));
        world.clock.advance(6 * DAY_MS);
        assert_eq!(posted(&world, web).await, expired());
        certificate(&world, "scs2", world.clock_ms() + 45 * DAY_MS).await;
        enable(&world, "scs2", &["CERT_EXPIRING"]).await;
        assert_eq!(posted(&world, web).await, expiring(60));
        world.clock.advance(45 * DAY_MS - HOUR_MS);
        assert_eq!(posted(&world, web).await, expiring(1));
        // Of the past it tells nobody who did not ask.
        world.clock.advance(DAY_MS);
        assert_eq!(posted(&world, web).await, []);
        enable(&world, "scs2", &["CERT_EXPIRED"]).await;
        assert_eq!(posted(&world, web).await, expired());
    });
}

#[test]
fn what_was_not_taken_is_tried_again_and_nothing_else() {
    on_both(async |mut world, Scene { web, smtp }| {
        let end = START_MS + 40 * DAY_MS;
        certificate(&world, ID, end).await;
        enable(&world, ID, &["CERT_EXPIRING"]).await;
        web.set_answer(|_| WebAnswer::Body(503, Vec::new()));
        smtp.set_reply("duty", Reply::NotNow);
        assert_eq!(posted(&world, web).await, expiring(60));
        let to = |mails: Vec<openccm_tests::smtp_server::Mail>| -> Vec<String> {
            mails.into_iter().map(|mail| mail.to).collect()
        };
        assert_eq!(to(smtp.take()), ["ops@corp.test"]);
        // Not before its time, and not to those who have it.
        assert_eq!(posted(&world, web).await, []);
        world.restart().await;
        world.clock.advance(MINUTE_MS);
        assert_eq!(posted(&world, web).await, expiring(60));
        assert!(smtp.take().is_empty());
        smtp.clear();
        web.set_answer(|_| WebAnswer::Redirect(302, "http://127.0.0.1:1/".into()));
        world.clock.advance(2 * MINUTE_MS);
        assert_eq!(posted(&world, web).await, expiring(60));
        assert_eq!(to(smtp.take()), ["duty@corp.test"]);
        // By the time the webhook works, another notice has taken the place of the first.
        world.clock.advance(end - 30 * DAY_MS - world.clock_ms());
        web.set_answer(|_| WebAnswer::Body(204, Vec::new()));
        assert_eq!(posted(&world, web).await, expiring(30));
        assert_eq!(smtp.take().len(), 2);
        world.clock.advance(HOUR_MS);
        assert_eq!(posted(&world, web).await, []);
        // Nor is anybody told that it will end who did not hear of it before the end.
        web.set_answer(|_| WebAnswer::Body(500, Vec::new()));
        world.clock.advance(end - DAY_MS - world.clock_ms());
        assert_eq!(posted(&world, web).await, expiring(1));
        world.clock.advance(2 * DAY_MS);
        assert_eq!(posted(&world, web).await, []);
    });
}

#[test]
fn who_does_not_want_notices_any_more_gets_none() {
    on_both(async |world, Scene { web, smtp }| {
        certificate(&world, ID, START_MS + 40 * DAY_MS).await;
        enable(&world, ID, &["CERT_EXPIRING", "CERT_EXPIRED"]).await;
        web.set_answer(|_| WebAnswer::Body(503, Vec::new()));
        assert_eq!(posted(&world, web).await, expiring(60));
        web.set_answer(|_| WebAnswer::Body(200, Vec::new()));
        let body = json!([{"resource_id": ID, "notice_type": ["CERT_EXPIRING"]}]);
        world.call("POST", DISABLE, body.clone()).await.no_content();
        world.call("POST", DISABLE, body).await.no_content();
        smtp.take();
        world.clock.advance(39 * DAY_MS + HOUR_MS);
        assert_eq!(posted(&world, web).await, []);
        assert!(smtp.take().is_empty());
        world.clock.advance(DAY_MS);
        assert_eq!(posted(&world, web).await, expired());
    });
}

#[test]
fn certificates_that_are_out_of_use_need_no_notice() {
    on_both(async |world, Scene { web, .. }| {
        let end = START_MS + 20 * DAY_MS;
        let ids = ["scs1", "scs2", "scs3", "scs4", "scs5", "scs6"];
        let statuses = [
            SslStatus::Issued,
            SslStatus::Revoked,
            SslStatus::Upload,
            SslStatus::Issued,
            SslStatus::SupplementChecking,
            SslStatus::Issued,
        ];
        for (id, status) in ids.iter().zip(statuses) {
            certificate_of(&world, &world.account, id, status, end, None).await;
            enable(&world, id, &["CERT_EXPIRING"]).await;
        }
        // The third is deleted; the fourth is renewed; the sixth has a renewal that is only ordered.
        let mut session = world.ccm.database().write().await.unwrap();
        ssl_certificates::delete(&mut session, "scs3", world.clock_ms()).await.unwrap();
        session.commit().await.unwrap();
        certificate_of(&world, &world.account, "new4", SslStatus::Issued, end + 365 * DAY_MS, Some("scs4")).await;
        certificate_of(&world, &world.account, "new6", SslStatus::Checking, end + 365 * DAY_MS, Some("scs6")).await;
        Job::Notify.run(&world.ccm).await.unwrap();
        let mut told: Vec<String> =
            bodies(web).iter().map(|body| body["certificate_id"].as_str().unwrap().to_owned()).collect();
        told.sort();
        assert_eq!(told, ["scs1", "scs5", "scs6"]);
        // Issued anew in its place: another end, other notices.
        let mut session = world.ccm.database().write().await.unwrap();
        let issued = IssuedCertificate {
            domain: "shop.example.com".into(),
            sans: String::new(),
            certificate: vec![1],
            chain: vec![2],
            fingerprint: "00".into(),
            digest: "1".into(),
            signature_algorithm: "SHA256WITHRSA".into(),
            key_algorithm: "RSA_2048".into(),
            not_before: START_MS,
            not_after: end + 5 * DAY_MS,
        };
        ssl_certificates::set_issued(&mut session, "scs1", &issued, world.clock_ms()).await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(posted(&world, web).await, expiring(30));
    });
}

#[test]
fn many_notices_are_all_sent() {
    on_both(async |world, Scene { web, smtp }| {
        for number in 0..150 {
            certificate(&world, &format!("scs{number}"), START_MS + 20 * DAY_MS).await;
        }
        let all: Vec<Value> = (0..150)
            .map(|number| json!({"resource_id": format!("scs{number}"), "notice_type": ["CERT_EXPIRING"]}))
            .collect();
        world.call("POST", ENABLE, Value::Array(all)).await.no_content();
        while Job::Notify.run(&world.ccm).await.unwrap() > 0 {}
        assert_eq!((web.take().len(), smtp.take().len()), (150, 300));
    });
}

#[test]
fn bad_requests_change_nothing() {
    on_both(async |world, Scene { web, .. }| {
        certificate(&world, ID, START_MS + 5 * DAY_MS).await;
        let bob = world.add_account("bob", true).await;
        certificate_of(&world, &bob, "scsbob", SslStatus::Upload, START_MS + 5 * DAY_MS, None).await;
        let good = json!({"resource_id": ID, "notice_type": ["CERT_EXPIRING"]});
        for path in [ENABLE, DISABLE] {
            for id in ["scs0", "scsbob", "0"] {
                let body = json!([good, {"resource_id": id, "notice_type": ["CERT_EXPIRED"]}]);
                world.call("POST", path, body).await.error(404, "SCM.0094");
            }
            for bad in [
                json!({"notifications": [good]}),
                good.clone(),
                json!([good, null]),
                json!([good, []]),
                json!([good, [ID, ["CERT_EXPIRING"]]]),
                json!([good, "x"]),
                json!([good, {}]),
                json!([good, {"resource_id": ID}]),
                json!([good, {"resource_id": ID, "notice_type": []}]),
                json!([good, {"resource_id": ID, "notice_type": "CERT_EXPIRING"}]),
                json!([good, {"resource_id": ID, "notice_type": ["CERT_RENEWED"]}]),
                json!([good, {"resource_id": ID, "notice_type": [null]}]),
                json!([good, {"resource_id": ID, "notice_type": vec!["CERT_EXPIRING"; 3]}]),
                json!([good, {"resource_id": 7, "notice_type": ["CERT_EXPIRED"]}]),
                json!([good, {"resource_id": "a\u{0}b", "notice_type": ["CERT_EXPIRED"]}]),
                json!([good, {"resource_id": "", "notice_type": ["CERT_EXPIRED"]}]),
                json!("x"),
                json!(7),
            ] {
                world.call("POST", path, bad).await.error(400, "SCM.0005");
            }
            for (raw, code) in [("", "SCM.0005"), ("null", "SCM.0005"), ("[", "SCM.0005"), ("[]", "SCM.0505")] {
                let answer = world.call_raw(&world.account, "POST", path, raw.as_bytes().to_vec()).await;
                answer.error(400, code);
            }
            let message = world.call("POST", path, json!([good, {"resource_id": ID}])).await.error(400, "SCM.0005");
            assert!(message.contains("[1].notice_type"), "{message}");
            world.call("POST", path, json!(vec![good.clone(); 1001])).await.error(400, "SCM.0505");
            let carol = world.add_account(&format!("carol{}", path.len()), false).await;
            world.call_as(&carol, "POST", path, json!([good])).await.error(403, "SCM.4002");
            world.send("POST", path, &[], b"[]".to_vec()).await.error(401, "SCM.1000");
        }
        assert_eq!(posted(&world, web).await, []);
        // The same twice is fine.
        world.call("POST", ENABLE, json!([good, good])).await.no_content();
        assert_eq!(posted(&world, web).await, expiring(7));
    });
}

#[test]
fn without_recipients_nothing_is_lost() {
    let smtp = SmtpServer::start().unwrap();
    with_ssl(&SslOptions::default(), async |mut world| {
        certificate(&world, ID, START_MS + 5 * DAY_MS).await;
        enable(&world, ID, &["CERT_EXPIRING"]).await;
        assert_eq!(Job::Notify.run(&world.ccm).await.unwrap(), 0);
        let notifications = |to: &str| NotificationOptions { email_to: vec![to.into()], ..Default::default() };
        let mail = || Some(mail_options(&smtp));
        world
            .restart_with(SslOptions { notifications: notifications("a@b.test"), mail: mail(), ..Default::default() })
            .await;
        smtp.set_reply("", Reply::NotNow);
        assert_eq!(Job::Notify.run(&world.ccm).await.unwrap(), 0);
        smtp.clear();
        // Who is no recipient any more does not get what was meant for them.
        world
            .restart_with(SslOptions { notifications: notifications("c@d.test"), mail: mail(), ..Default::default() })
            .await;
        world.clock.advance(HOUR_MS);
        assert_eq!(Job::Notify.run(&world.ccm).await.unwrap(), 0);
        assert!(smtp.take().is_empty());
        world.clock.advance(4 * DAY_MS);
        assert_eq!(Job::Notify.run(&world.ccm).await.unwrap(), 1);
        assert_eq!(smtp.take().remove(0).to, "c@d.test");
    });
}
