//! Proofs of domain names by DNS and by files on web servers, against servers in process.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use openccm_core::{SslStatus, Subject, ValidationMethod};
use openccm_pki::seal::MasterKey;
use openccm_service::{
    Error,
    ssl::{
        SslOptions,
        validation::{self, ValidationOptions},
    },
};
use openccm_store::{
    domain_proofs::{self, DomainProof},
    ssl_certificates::{self, Application, NewSslCertificate},
};
use openccm_tests::{
    dns_server::{DnsServer, Manner},
    web_server::WebServer,
};
use serde_json::{Value, json};

use crate::world::{Account, DAY_MS, HOUR_MS, MINUTE_MS, World, with_ssl};

pub(crate) const ID: &str = "scs1795305600000";
pub(crate) const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What the world is made of.
pub(crate) struct Scene {
    pub(crate) dns: DnsServer,
    pub(crate) web: WebServer,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { dns: DnsServer::start().unwrap(), web: WebServer::start().unwrap() }
    }

    pub(crate) fn options(&self) -> SslOptions {
        let validation = ValidationOptions {
            resolvers: vec![self.dns.address],
            file_port: self.web.address.port(),
            own_zones: vec!["example.com".into(), "corp.example.org".into()],
            timeout: Duration::from_secs(3),
        };
        SslOptions { validation, ..SslOptions::default() }
    }
}

/// Runs a test on both databases, each time in a world of servers that know nothing.
pub(crate) fn on_both(test: impl AsyncFn(World, &Scene)) {
    let scene = Scene::new();
    with_ssl(&scene.options(), |world| {
        scene.dns.clear();
        scene.web.clear();
        test(world, &scene)
    });
}

/// Applies for a certificate of an account, in a transaction that counts only where all goes well.
pub(crate) async fn apply_as(
    world: &World,
    account: &Account,
    id: &str,
    domains: &[&str],
    method: ValidationMethod,
) -> Result<(), Error> {
    let mut session = world.ccm.database().write().await.unwrap();
    if ssl_certificates::find_any(&mut session, id).await.unwrap().is_none() {
        let new = NewSslCertificate {
            id: id.to_owned(),
            account_id: account.id.clone(),
            enterprise_project_id: "0".into(),
            name: id.to_owned(),
            status: SslStatus::Checking,
            order_id: None,
            brand: None,
            certificate_type: None,
            domain_type: "MULTI_DOMAIN".into(),
            primary_domain_type: None,
            domain_count: 10,
            wildcard_count: 5,
            validity_months: 12,
            issuer: None,
            origin_id: None,
            created_at: world.clock_ms(),
        };
        ssl_certificates::insert(&mut session, &new).await.unwrap();
    }
    let applicant = json!({"applicant_email": "li@example.net", "auto_dns_auth": true, "applicant_phone": "1"});
    let sealed = MasterKey::from_bytes(&[7; 32])
        .seal(&format!("ssl-application:{id}"), applicant.to_string().as_bytes())
        .unwrap();
    let application = Application {
        domain: domains.first().copied().unwrap_or_default().to_owned(),
        sans: domains.get(1..).unwrap_or_default().join(";"),
        validation_method: method.to_string(),
        key_algorithm: Some("RSA_2048".into()),
        csr: None,
        sealed_application: sealed,
    };
    ssl_certificates::set_application(&mut session, id, &application, world.clock_ms()).await.unwrap();
    let certificate = ssl_certificates::find_any(&mut session, id).await.unwrap().unwrap();
    let domains: Vec<String> = domains.iter().map(|domain| domain.to_string()).collect();
    validation::open(&world.ccm, &mut session, &certificate, &domains, method).await?;
    session.commit().await.unwrap();
    Ok(())
}

pub(crate) async fn apply(world: &World, domains: &[&str], method: ValidationMethod) -> Result<(), Error> {
    apply_as(world, &world.account, ID, domains, method).await
}

pub(crate) async fn proofs(world: &World) -> Vec<DomainProof> {
    domain_proofs::list(&mut world.ccm.database().read().await.unwrap(), ID).await.unwrap()
}

/// Looks at what is due; gives how many proofs that were.
pub(crate) async fn check(world: &World) -> u64 {
    // As the clock's jobs do, on whatever thread.
    let ccm = world.ccm.clone();
    tokio::spawn(async move { validation::check_due(&ccm).await }).await.unwrap().unwrap()
}

/// Looks after so long that everything is due, and gives how the first proof stands and what went wrong.
pub(crate) async fn check_later(world: &World) -> (String, String) {
    world.clock.advance(HOUR_MS);
    assert_eq!(check(world).await, 1);
    let first = proofs(world).await.remove(0);
    (first.status, first.last_error.unwrap_or_default())
}

pub(crate) async fn is_proven(world: &World) -> bool {
    validation::is_proven(&mut world.ccm.database().read().await.unwrap(), ID).await.unwrap()
}

pub(crate) async fn failure(world: &World) -> Option<String> {
    validation::has_failed(&mut world.ccm.database().read().await.unwrap(), ID).await.unwrap()
}

/// When the order is to be looked at again.
pub(crate) async fn next_step(world: &World) -> Option<i64> {
    let mut session = world.ccm.database().read().await.unwrap();
    ssl_certificates::find_any(&mut session, ID).await.unwrap().unwrap().next_step_at
}

pub(crate) async fn shown(world: &World) -> Value {
    world.get(&format!("/v2/{}/scm/cert/{ID}/domain-verify", world.account.project_id)).await
}

#[test]
fn a_record_is_looked_for_on_a_schedule_until_it_is_there() {
    on_both(async |world, Scene { dns, .. }| {
        apply(&world, &["www.example.net"], ValidationMethod::Dns).await.unwrap();
        let answer = shown(&world).await;
        let value = answer["record_value"].as_str().unwrap().to_owned();
        assert_eq!(value.len(), 64);
        for (member, expected) in [
            ("domain_name", json!("www.example.net")),
            ("domain_email", json!(null)),
            ("record_name", json!("_dnsauth.www.example.net")),
            ("record_type", json!("TXT")),
            ("domain_method", json!("DNS")),
            ("applicant_email", json!("li@example.net")),
            ("auto_dns_auth", json!(true)),
        ] {
            assert_eq!(answer[member], expected, "{member}");
        }
        assert_eq!(answer["auth"][0]["status"], "checking");
        assert_eq!(answer["auth"][0]["checked_at"], json!(null));

        // In vain at once, and after each of these; in between, nobody is asked.
        assert_eq!(check(&world).await, 1);
        for seconds in [15, 30, 60, 120, 300, 600, 1800, 3600, 3600] {
            world.clock.advance(seconds * 1000 - 1);
            assert_eq!(check(&world).await, 0, "before {seconds} s");
            world.clock.advance(1);
            assert_eq!(check(&world).await, 1, "after {seconds} s");
        }
        let answer = shown(&world).await;
        let reason = answer["auth"][0]["reason"].as_str().unwrap();
        assert_eq!(reason, "there is no TXT record _dnsauth.www.example.net: the name does not exist");
        assert_eq!(answer["auth"][0]["checked_at"], world.clock_ms());
        assert!(dns.questions().contains(&"udp TXT _dnsauth.www.example.net.".to_owned()), "{:?}", dns.questions());

        dns.set_texts("_dnsauth.www.example.net", &["v=spf1 -all"]);
        assert_eq!(check_later(&world).await.1, "the TXT record _dnsauth.www.example.net has another value");
        dns.set_texts("_dnsauth.www.example.net", &["v=spf1 -all", &value[..63]]);
        let reason = check_later(&world).await.1;
        assert_eq!(reason, "none of the 2 TXT records _dnsauth.www.example.net has the value");
        dns.set_texts("_dnsauth.www.example.net", &[&value.to_uppercase()]);
        assert_eq!(check_later(&world).await.0, "PENDING");
        assert_eq!((is_proven(&world).await, next_step(&world).await), (false, None));

        dns.set_texts("_dnsauth.www.example.net", &["v=spf1 -all", &value]);
        assert_eq!(check_later(&world).await, ("VERIFIED".to_owned(), String::new()));
        assert_eq!((is_proven(&world).await, next_step(&world).await), (true, Some(world.clock_ms())));
        let answer = shown(&world).await;
        assert_eq!(answer["auth"][0]["status"], "verified");
        assert_eq!(answer["auth"][0]["reason"], json!(null));

        // What is proven is not looked for any more.
        dns.clear();
        world.clock.advance(DAY_MS);
        assert_eq!(check(&world).await, 0);
        assert!(dns.questions().is_empty());
        assert_eq!(failure(&world).await, None);
    });
}

#[test]
fn cnames_are_followed_but_not_in_circles() {
    on_both(async |world, Scene { dns, .. }| {
        for manner in [Manner::Resolving, Manner::OneCname] {
            dns.clear();
            dns.set_manner(manner);
            apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
            let value = proofs(&world).await[0].record_value.clone();
            dns.set_cname("_dnsauth.a.net", "a.net.proofs.test");
            dns.set_cname("a.net.proofs.test", "b.test");
            let (status, reason) = check_later(&world).await;
            assert_eq!(status, "PENDING", "{manner:?}: {reason}");
            assert!(reason.contains("_dnsauth.a.net"), "{reason}");
            // A record that is not at the end of the chain proves nothing.
            dns.set_texts("c.test", &[&value]);
            assert_eq!(check_later(&world).await.0, "PENDING");
            dns.set_texts("b.test", &[&value]);
            assert_eq!(check_later(&world).await, ("VERIFIED".to_owned(), String::new()), "{manner:?}");
            let mut session = world.ccm.database().write().await.unwrap();
            domain_proofs::delete(&mut session, ID, "a.net").await.unwrap();
            session.commit().await.unwrap();

            apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
            dns.set_cname("b.test", "_dnsauth.a.net");
            let started = Instant::now();
            let (status, reason) = check_later(&world).await;
            assert_eq!(status, "PENDING", "{manner:?}: {reason}");
            assert!(!reason.is_empty() && started.elapsed() < Duration::from_secs(3), "{reason}");
            dns.set_cname("_dnsauth.a.net", "_dnsauth.a.net");
            assert_eq!(check_later(&world).await.0, "PENDING");
        }
    });
}

#[test]
fn servers_that_fail_are_asked_again_and_long_answers_are_read() {
    on_both(async |world, Scene { dns, .. }| {
        apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
        let value = proofs(&world).await[0].record_value.clone();
        dns.set_texts("_dnsauth.a.net", &[&value]);
        dns.set_manner(Manner::Failing);
        let (status, reason) = check_later(&world).await;
        assert_eq!(status, "PENDING");
        assert!(reason.contains("cannot be looked up"), "{reason}");
        dns.set_manner(Manner::Silent);
        let (status, reason) = check_later(&world).await;
        assert_eq!(status, "PENDING");
        assert!(reason.contains("in time") || reason.contains("no answer"), "{reason}");
        dns.set_manner(Manner::Truncating);
        assert_eq!(check_later(&world).await, ("VERIFIED".to_owned(), String::new()));
        let asked = dns.questions();
        assert_eq!(asked.last().map(String::as_str), Some("tcp TXT _dnsauth.a.net."), "{asked:?}");

        // More than a datagram holds, and a text of several parts.
        let texts: Vec<String> = (0..40).map(|number| format!("{number:0>300}")).collect();
        let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        apply(&world, &["b.net"], ValidationMethod::Dns).await.unwrap();
        let value = proofs(&world).await[0].record_value.clone();
        texts.push(&value);
        dns.set_texts("_dnsauth.b.net", &texts);
        assert_eq!(check_later(&world).await, ("VERIFIED".to_owned(), String::new()));
    });
}

#[test]
fn a_resolver_that_is_down_fails_the_look_and_not_the_job() {
    let scene = Scene::new();
    let mut options = scene.options();
    // A port at which nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    options.validation.resolvers = vec![closed];
    with_ssl(&options, async |world| {
        apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
        let (status, reason) = check_later(&world).await;
        assert_eq!(status, "PENDING");
        assert!(!reason.is_empty());
        assert_eq!(proofs(&world).await[0].attempts, 1);
    });
    // The next one is asked.
    options.validation.resolvers.push(scene.dns.address);
    with_ssl(&options, async |world| {
        apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
        let value = proofs(&world).await[0].record_value.clone();
        scene.dns.set_texts("_dnsauth.a.net", &[&value]);
        assert_eq!(check_later(&world).await, ("VERIFIED".to_owned(), String::new()));
    });
}

#[test]
fn each_name_is_proven_and_wildcards_with_their_base() {
    on_both(async |world, Scene { dns, .. }| {
        let names = ["*.a.net", "a.net", "www.a.net", "b.net"];
        apply(&world, &names, ValidationMethod::Dns).await.unwrap();
        let rows = proofs(&world).await;
        let domains: Vec<&str> = rows.iter().map(|row| row.domain.as_str()).collect();
        assert_eq!(domains, ["a.net", "www.a.net", "b.net"]);
        assert_eq!(shown(&world).await["domain_name"], "*.a.net");
        assert_eq!(shown(&world).await["auth"].as_array().unwrap().len(), 3);
        // Another name's value proves nothing.
        for row in &rows {
            dns.set_texts(&row.record_name, &[&rows[2].record_value]);
        }
        assert_eq!(check(&world).await, 3);
        let statuses: Vec<String> = proofs(&world).await.into_iter().map(|row| row.status).collect();
        assert_eq!(statuses, ["PENDING", "PENDING", "VERIFIED"]);
        assert_eq!(next_step(&world).await, None);
        dns.set_texts(&rows[0].record_name, &[&rows[0].record_value]);
        world.clock.advance(MINUTE_MS);
        assert_eq!((check(&world).await, is_proven(&world).await), (2, false));
        dns.set_texts(&rows[1].record_name, &[&rows[1].record_value]);
        world.clock.advance(MINUTE_MS);
        assert_eq!((check(&world).await, is_proven(&world).await), (1, true));
        assert_eq!(next_step(&world).await, Some(world.clock_ms()));

        // A name more: the others count on, but neither for another method nor for ever.
        apply(&world, &["b.net", "*.a.net", "c.net"], ValidationMethod::Dns).await.unwrap();
        let rows = proofs(&world).await;
        let standing: Vec<_> = rows.iter().map(|row| (row.domain.as_str(), row.status.as_str())).collect();
        assert_eq!(standing, [("b.net", "VERIFIED"), ("a.net", "VERIFIED"), ("c.net", "PENDING")]);
        assert!(!is_proven(&world).await);
        world.clock.advance(100 * DAY_MS);
        apply(&world, &["b.net"], ValidationMethod::Dns).await.unwrap();
        assert_eq!(proofs(&world).await[0].status, "PENDING");
        dns.set_texts("_dnsauth.b.net", &[&proofs(&world).await[0].record_value]);
        assert_eq!((check(&world).await, is_proven(&world).await), (1, true));
        apply(&world, &["b.net"], ValidationMethod::File).await.unwrap();
        assert_eq!(proofs(&world).await[0].status, "PENDING");
    });
}

#[test]
fn names_that_a_method_cannot_prove_are_refused_and_change_nothing() {
    on_both(async |world, _| {
        apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
        let before = format!("{:?}", proofs(&world).await);
        for (names, method, subject) in [
            (&["a.net", "*.a.net"][..], ValidationMethod::File, Subject::UnfitDomains),
            (&["a.net", "192.0.2.1"], ValidationMethod::Dns, Subject::UnfitDomains),
            (&["2001:db8::1"], ValidationMethod::Dns, Subject::UnfitDomains),
            (&[], ValidationMethod::Dns, Subject::UnfitDomains),
            (&["b.net"], ValidationMethod::Email, Subject::Parameter),
            (&["b_.net"], ValidationMethod::Dns, Subject::DomainName),
        ] {
            match apply(&world, names, method).await {
                Err(Error::Invalid(invalid)) => assert_eq!(invalid.subject, subject, "{names:?} {invalid}"),
                other => panic!("{names:?}: {other:?}"),
            }
        }
        assert_eq!(format!("{:?}", proofs(&world).await), before);
    });
}

#[test]
fn the_operators_own_zones_need_no_proof() {
    on_both(async |world, Scene { dns, .. }| {
        let own = ["example.com", "*.a.example.com", "Deep.In.corp.example.org"];
        apply(&world, &own, ValidationMethod::Dns).await.unwrap();
        assert_eq!((is_proven(&world).await, next_step(&world).await), (true, Some(world.clock_ms())));
        assert_eq!(check(&world).await, 0);
        assert!(dns.questions().is_empty());
        assert_eq!(shown(&world).await["auth"][0]["status"], "verified");

        let foreign = ["badexample.com", "example.org", "example.com.evil.net", "a.example.com"];
        apply(&world, &foreign, ValidationMethod::Dns).await.unwrap();
        let pending: Vec<String> =
            proofs(&world).await.into_iter().filter(|row| row.status == "PENDING").map(|row| row.domain).collect();
        assert_eq!(pending, foreign[..3]);
        assert!(!is_proven(&world).await);
    });
}

#[test]
fn an_own_zone_that_is_given_up_counts_no_more() {
    let scene = Scene::new();
    with_ssl(&scene.options(), async |mut world| {
        apply(&world, &["a.example.com"], ValidationMethod::Dns).await.unwrap();
        assert!(is_proven(&world).await);
        let mut options = scene.options();
        options.validation.own_zones.clear();
        world.restart_with(options).await;
        apply(&world, &["a.example.com"], ValidationMethod::Dns).await.unwrap();
        assert!(!is_proven(&world).await);
    });
}

#[test]
fn a_proof_that_does_not_come_within_30_days_fails() {
    on_both(async |world, Scene { dns, .. }| {
        apply(&world, &["a.net", "b.net"], ValidationMethod::Dns).await.unwrap();
        let rows = proofs(&world).await;
        dns.set_texts("_dnsauth.a.net", &[&rows[0].record_value]);
        assert_eq!(check(&world).await, 2);
        world.clock.advance(30 * DAY_MS - 1);
        assert_eq!(check(&world).await, 1);
        assert_eq!((failure(&world).await, next_step(&world).await), (None, None));
        world.clock.advance(1);
        assert_eq!(check(&world).await, 1);
        let reason = failure(&world).await.unwrap();
        assert!(reason.contains("b.net was not verified within 30 days: there is no TXT record"), "{reason}");
        assert_eq!((is_proven(&world).await, next_step(&world).await), (false, Some(world.clock_ms())));
        assert_eq!(shown(&world).await["auth"][1]["status"], "expired");
        // Too late.
        dns.set_texts("_dnsauth.b.net", &[&rows[1].record_value]);
        world.clock.advance(DAY_MS);
        assert_eq!(check(&world).await, 0);

        // What was taken back is not looked for; what was proven counts on.
        let mut session = world.ccm.database().write().await.unwrap();
        validation::close(&mut session, ID).await.unwrap();
        session.commit().await.unwrap();
        let left: Vec<String> = proofs(&world).await.into_iter().map(|row| row.domain).collect();
        assert_eq!((left, failure(&world).await), (vec!["a.net".to_owned()], None));
        apply(&world, &["a.net", "b.net"], ValidationMethod::Dns).await.unwrap();
        assert_eq!(check(&world).await, 1);
        // A new application has a new value.
        assert!(!is_proven(&world).await);
        assert_ne!(proofs(&world).await[1].record_value, rows[1].record_value);
    });
}

#[test]
fn a_deleted_certificate_is_not_looked_for() {
    on_both(async |world, Scene { dns, .. }| {
        apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
        let mut session = world.ccm.database().write().await.unwrap();
        assert!(ssl_certificates::delete(&mut session, ID, world.clock_ms()).await.unwrap());
        session.commit().await.unwrap();
        assert_eq!(check(&world).await, 0);
        assert!(dns.questions().is_empty());
    });
}

#[test]
fn results_are_shown_to_the_account_alone() {
    on_both(async |world, _| {
        let project = &world.account.project_id;
        let path = |project: &str, id: &str| format!("/v2/{project}/scm/cert/{id}/domain-verify");
        for id in ["scs0", "%00", "%ff", "scs0;", "..%2f"] {
            world.call("GET", &path(project, id), Value::Null).await.error(404, "SCM.0094");
        }
        apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
        let bob = world.add_account("bob", true).await;
        world.call_as(&bob, "GET", &path(&bob.project_id, ID), Value::Null).await.error(404, "SCM.0094");
        world.call_as(&bob, "GET", &path(project, ID), Value::Null).await.error(403, "SCM.0002");
        world.call("GET", &path(&bob.project_id, ID), Value::Null).await.error(403, "SCM.0002");
        let carol = world.add_account("carol", false).await;
        world.call_as(&carol, "GET", &path(&carol.project_id, ID), Value::Null).await.error(403, "SCM.4002");
        world.send("GET", &path(project, ID), &[], Vec::new()).await.error(401, "SCM.1000");
        // Without an application there is nothing to show.
        let mut session = world.ccm.database().write().await.unwrap();
        validation::close(&mut session, ID).await.unwrap();
        session.commit().await.unwrap();
        world.call("GET", &path(project, ID), Value::Null).await.error(400, "SCM.0010");
    });
}

#[test]
fn an_account_with_many_names_does_not_keep_others_waiting() {
    on_both(async |world, _| {
        let names: Vec<String> = (0..40).map(|number| format!("n{number}.a.net")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        apply(&world, &names, ValidationMethod::Dns).await.unwrap();
        world.clock.advance(1);
        let bob = world.add_account("bob", false).await;
        apply_as(&world, &bob, "scs1795305600001", &["b.net"], ValidationMethod::Dns).await.unwrap();
        // 32 of the one's, and the other's.
        assert_eq!(check(&world).await, 33);
        assert_eq!(check(&world).await, 8);
        assert_eq!(check(&world).await, 0);
    });
}

#[test]
fn looks_and_changes_of_the_order_do_not_wait_for_each_other() {
    on_both(async |world, Scene { dns, .. }| {
        apply(&world, &["a.net"], ValidationMethod::Dns).await.unwrap();
        let row = proofs(&world).await.remove(0);
        dns.set_texts(&row.record_name, &[&row.record_value]);
        // As a cancellation does: the certificate first, then its proofs.
        let mut session = world.ccm.database().write().await.unwrap();
        ssl_certificates::set_next_step(&mut session, ID, None, 0).await.unwrap();
        let ccm = world.ccm.clone();
        let look = tokio::spawn(async move { validation::check_due(&ccm).await });
        // Meanwhile the look finds the record, and comes to where it must wait.
        for _ in 0..200 {
            assert_eq!(proofs(&world).await.len(), 1);
        }
        validation::close(&mut session, ID).await.unwrap();
        session.commit().await.unwrap();
        look.await.unwrap().unwrap();
        assert!(proofs(&world).await.is_empty());
    });
}
