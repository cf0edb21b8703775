//! Proofs of domain names by mail, against a mail server in process.

use openccm_core::ValidationMethod;
use openccm_service::{
    mail::{MailOptions, MailTls},
    ssl::SslOptions,
};
use openccm_tests::smtp_server::{Mail, Reply, SmtpServer};
use serde_json::json;

use crate::{
    ssl_domain_proofs::{apply, check, failure, is_proven, next_step, proofs, shown},
    world::{Answer, DAY_MS, HOUR_MS, MINUTE_MS, World, with_ssl},
};

const ADDRESSES: [&str; 5] = ["admin", "administrator", "hostmaster", "postmaster", "webmaster"];

pub(crate) fn mail_options(server: &SmtpServer) -> MailOptions {
    MailOptions {
        server: server.address.ip().to_string(),
        port: server.address.port(),
        tls: MailTls::None,
        credentials: None,
        from: "OpenCCM <ccm@pki.test>".into(),
    }
}

/// Runs a test on both databases, each time with a mail server that has no mails.
fn on_both(test: impl AsyncFn(World, &SmtpServer)) {
    let server = SmtpServer::start().unwrap();
    let mut options = SslOptions { mail: Some(mail_options(&server)), ..SslOptions::default() };
    options.validation.own_zones = vec!["example.com".into()];
    with_ssl(&options, |world| {
        server.clear();
        test(world, &server)
    });
}

/// The path of the link in a mail.
fn link(mail: &Mail) -> String {
    let link = mail.content.split_whitespace().find_map(|word| word.strip_prefix("http://127.0.0.1:8080/"));
    format!("/{}", link.unwrap_or_else(|| panic!("{}", mail.content)))
}

async fn open(world: &World, method: &str, path: &str) -> Answer {
    world.send(method, path, &[], Vec::new()).await
}

#[test]
fn an_administrator_consents_once_by_pressing_a_button() {
    on_both(async |world, server| {
        apply(&world, &["*.a.net"], ValidationMethod::Email).await.unwrap();
        // Nothing is sent before the application is there for good.
        assert!(server.take().is_empty());
        assert_eq!(check(&world).await, 1);
        let mails = server.take();
        let mut recipients: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
        recipients.sort_unstable();
        assert_eq!(recipients, ADDRESSES.map(|name| format!("{name}@a.net")));
        for header in ["From: OpenCCM <ccm@pki.test>", "Subject: A certificate for a.net", "Sun, 22 Nov 2026 00:00:00"]
        {
            assert!(mails[0].content.contains(header), "{}", mails[0].content);
        }
        let paths: Vec<String> = mails.iter().map(link).collect();
        assert!(paths.iter().all(|path| path.starts_with("/scm/domain-validation/")));
        assert_eq!(paths.iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "each has its own");

        let answer = shown(&world).await;
        assert_eq!(answer["domain_name"], "*.a.net");
        assert_eq!(answer["domain_email"], ADDRESSES.map(|name| format!("{name}@a.net")).join(";"));
        assert_eq!((&answer["record_name"], &answer["record_value"]), (&json!(""), &json!("")));
        assert!(!answer.to_string().contains(paths[0].rsplit('/').next().unwrap()));

        // Whoever opens the links, and mail scanners do, changes nothing.
        for path in &paths {
            for method in ["GET", "HEAD"] {
                let page = open(&world, method, path).await;
                assert_eq!(page.status, 200);
                assert_eq!(page.header("cache-control"), "no-store");
                assert_eq!(page.header("referrer-policy"), "no-referrer");
                assert!(page.header("content-security-policy").contains("default-src 'none'"));
                assert!(page.header("content-type").starts_with("text/html"));
            }
            let page = open(&world, "GET", path).await.text();
            assert!(page.contains("<li>*.a.net</li>") && page.contains("acme"), "{page}");
            assert!(page.contains("<form method=\"post\">"));
        }
        assert!(!is_proven(&world).await);
        assert_eq!(check(&world).await, 0);

        let page = open(&world, "POST", &paths[2]).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("is verified"));
        assert_eq!((is_proven(&world).await, next_step(&world).await), (true, Some(world.clock_ms())));
        assert_eq!(shown(&world).await["auth"][0]["status"], "verified");
        // None of the links works any more.
        for path in &paths {
            for method in ["GET", "POST"] {
                let page = open(&world, method, path).await;
                assert_eq!(page.status, 404);
                assert!(page.text().contains("Nothing to consent to"));
            }
        }
        world.clock.advance(40 * DAY_MS);
        assert_eq!(check(&world).await, 0);
        assert!(server.take().is_empty());
    });
}

#[test]
fn what_is_no_link_is_answered_with_a_page() {
    on_both(async |world, _| {
        for token in ["x", "%00", "%ff", "%3Cscript%3E", &"a".repeat(64), &"a".repeat(5000)] {
            for method in ["GET", "POST"] {
                let page = open(&world, method, &format!("/scm/domain-validation/{token}")).await;
                assert_eq!(page.status, 404, "{token}");
                assert!(page.text().starts_with("<!doctype html>") && !page.text().contains("<script>"));
            }
        }
        open(&world, "GET", "/scm/domain-validation/").await.error(404, "APIG.0101");
        open(&world, "DELETE", "/scm/domain-validation/x").await.error(405, "APIG.0101");
    });
}

#[test]
fn mails_that_are_not_taken_are_sent_again() {
    on_both(async |world, server| {
        server.set_reply("", Reply::NotNow);
        apply(&world, &["a.net"], ValidationMethod::Email).await.unwrap();
        assert_eq!(check(&world).await, 1);
        let reason = proofs(&world).await[0].last_error.clone().unwrap();
        assert!(reason.contains("451") || reason.contains("try again later"), "{reason}");
        assert!(server.take().is_empty());

        // Some are taken now: these are not sent again.
        server.set_reply("admin", Reply::Takes);
        world.clock.advance(15_000);
        assert_eq!(check(&world).await, 1);
        let first = server.take();
        assert_eq!(first.len(), 2, "admin and administrator");
        server.set_reply("", Reply::Refuses);
        server.set_reply("hostmaster", Reply::Takes);
        world.clock.advance(30_000);
        assert_eq!(check(&world).await, 1);
        assert_eq!(server.take().len(), 1);
        // Two addresses do not exist: nothing is left to send.
        assert_eq!(proofs(&world).await[0].last_error, None);
        server.set_reply("", Reply::Takes);
        world.clock.advance(HOUR_MS);
        assert_eq!(check(&world).await, 0);
        assert_eq!(open(&world, "POST", &link(&first[1])).await.status, 200);
        assert!(is_proven(&world).await);
    });
}

#[test]
fn while_no_address_works_all_are_tried_again() {
    on_both(async |world, server| {
        server.set_reply("", Reply::Refuses);
        apply(&world, &["a.net"], ValidationMethod::Email).await.unwrap();
        assert_eq!(check(&world).await, 1);
        let reason = proofs(&world).await[0].last_error.clone().unwrap();
        assert!(reason.contains("no such user"), "{reason}");
        server.clear();
        world.clock.advance(MINUTE_MS);
        assert_eq!(check(&world).await, 1);
        assert_eq!(server.take().len(), 5);
    });
}

#[test]
fn links_end_with_their_application() {
    on_both(async |world, server| {
        apply(&world, &["a.net", "example.com"], ValidationMethod::Email).await.unwrap();
        assert_eq!(check(&world).await, 1);
        let mails = server.take();
        assert!(mails.iter().all(|mail| mail.to.ends_with("@a.net")), "own zones are not asked");
        // Applied for anew, by the same method: new links.
        world.clock.advance(1000);
        apply(&world, &["a.net"], ValidationMethod::Email).await.unwrap();
        assert_eq!(open(&world, "POST", &link(&mails[0])).await.status, 404);
        assert_eq!(check(&world).await, 1);
        let mails = server.take();
        world.clock.advance(30 * DAY_MS - 1);
        assert_eq!(open(&world, "GET", &link(&mails[0])).await.status, 200);
        world.clock.advance(1);
        assert_eq!(open(&world, "POST", &link(&mails[0])).await.status, 404);
        assert_eq!(check(&world).await, 1);
        assert!(failure(&world).await.unwrap().contains("nobody consented"));
        assert!(server.take().is_empty());
        assert_eq!((is_proven(&world).await, next_step(&world).await), (false, Some(world.clock_ms())));
    });
}

#[test]
fn a_mail_server_that_is_down_is_tried_again() {
    let server = SmtpServer::start().unwrap();
    let options = SslOptions { mail: Some(mail_options(&server)), ..SslOptions::default() };
    drop(server);
    with_ssl(&options, async |mut world| {
        apply(&world, &["a.net"], ValidationMethod::Email).await.unwrap();
        assert_eq!(check(&world).await, 1);
        let reason = proofs(&world).await[0].last_error.clone().unwrap();
        assert!(reason.starts_with("mails cannot be sent: "), "{reason}");
        let server = SmtpServer::start().unwrap();
        world.restart_with(SslOptions { mail: Some(mail_options(&server)), ..SslOptions::default() }).await;
        world.clock.advance(15_000);
        assert_eq!(check(&world).await, 1);
        assert_eq!(server.take().len(), 5);
        // A restart sends nothing twice.
        world.restart().await;
        world.clock.advance(HOUR_MS);
        assert_eq!(check(&world).await, 0);
        assert!(server.take().is_empty());
    });
}

#[test]
fn two_who_consent_at_the_same_time_leave_one_proof_each() {
    on_both(async |world, server| {
        apply(&world, &["a.net", "b.net"], ValidationMethod::Email).await.unwrap();
        assert_eq!(check(&world).await, 2);
        let paths: Vec<String> = server.take().iter().map(link).collect();
        let mut calls = tokio::task::JoinSet::new();
        for path in paths {
            let caller = world.caller();
            calls.spawn(async move { caller.send("POST", &path, &[], Vec::new()).await.status.as_u16() });
        }
        let mut statuses = calls.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 404, 404, 404, 404, 404, 404, 404, 404]);
        assert_eq!((is_proven(&world).await, next_step(&world).await), (true, Some(world.clock_ms())));
    });
}

#[test]
fn two_who_look_at_the_same_time_send_each_mail_once() {
    on_both(async |world, server| {
        apply(&world, &["a.net"], ValidationMethod::Email).await.unwrap();
        let (one, other) = tokio::join!(check(&world), check(&world));
        let mails = server.take();
        let recipients: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!((one + other, mails.len()), (1, ADDRESSES.len()), "{recipients:?}");
        for mail in &mails {
            assert_eq!(open(&world, "GET", &link(mail)).await.status, 200, "{}", mail.to);
        }
    });
}
