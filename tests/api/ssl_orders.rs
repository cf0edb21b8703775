//! Orders of SSL certificates, from the purchase to the certificate and its end.

use openccm_pki::{Certificate, verify_path};
use openccm_service::{
    jobs::Job,
    ssl::{
        SslOptions,
        issuers::AuthorityOptions,
        orders::{self, Verdict},
        validation::ValidationOptions,
    },
};
use serde_json::{Value, json};

use crate::{
    ocsp_client::Status,
    ssl_certificates::{SSL, show, v2},
    world::{CAS, CERTIFICATES, DAY_MS, World, on_both, with, with_ssl},
};

/// Names under example.com need no proof.
pub(crate) fn own_zone() -> SslOptions {
    let validation = ValidationOptions { own_zones: vec!["example.com".into()], ..ValidationOptions::default() };
    SslOptions { validation, ..SslOptions::default() }
}

pub(crate) fn purchase(certificate_type: &str, domain_type: &str, numbers: i64) -> Value {
    json!({
        "cert_brand": "GEOTRUST", "cert_type": certificate_type, "domain_type": domain_type, "effective_time": 1,
        "domain_numbers": numbers, "order_number": 1, "agree_privacy_protection": true,
    })
}

pub(crate) fn application(domain: &str) -> Value {
    json!({
        "domain": domain, "applicant_name": "Alice", "applicant_phone": "13087654321",
        "applicant_email": "alice@example.com", "agree_privacy_protection": true, "domain_method": "dns",
        "key_algorithm": "EC_P256",
    })
}

pub(crate) fn company(body: Value) -> Value {
    let mut body = body;
    for (field, value) in [
        ("company_name", "Example Ltd"),
        ("company_unit", "IT"),
        ("company_province", "Sichuan"),
        ("company_city", "Chengdu"),
        ("country", "cn"),
    ] {
        body[field] = json!(value);
    }
    body
}

pub(crate) async fn buy(world: &World, body: Value) -> String {
    let bought = world.call("POST", &format!("{SSL}/buy"), body).await.ok();
    bought["cert"][0]["cert_id"].as_str().unwrap().to_owned()
}

async fn apply(world: &World, id: &str, body: Value) {
    let answer = world.call("POST", &format!("{SSL}/{id}/apply"), body).await.ok();
    assert_eq!(answer, json!({"request_info": "success"}));
}

/// Does what is due for orders.
async fn progress(world: &World) {
    Job::ProgressOrders.run(&world.ccm).await.unwrap();
}

pub(crate) async fn status(world: &World, id: &str) -> String {
    show(world, id).await["status"].as_str().unwrap().to_owned()
}

async fn exported(world: &World, id: &str) -> (Certificate, Vec<Certificate>) {
    let exported = world.call("POST", &format!("{SSL}/{id}/export"), Value::Null).await.ok();
    let read = |field: &str| Certificate::all_from_pem(exported[field].as_str().unwrap()).unwrap();
    (read("certificate").remove(0), read("certificate_chain"))
}

/// Buys a DV certificate for `domain` and has it issued.
async fn issued(world: &World, domain: &str) -> String {
    let id = buy(world, purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
    apply(world, &id, application(domain)).await;
    progress(world).await;
    assert_eq!(status(world, &id).await, "ISSUED");
    id
}

/// What the account's own issuing authority answers about a certificate: `good` or `revoked`.
async fn ocsp_status(world: &World, certificate: &Certificate, issuer: &Certificate) -> &'static str {
    let authority = issuing_authority(world).await;
    match world.ocsp_status(&authority, issuer, certificate.serial_number()).await {
        Status::Good => "good",
        Status::Revoked { .. } => "revoked",
        _ => "unknown",
    }
}

/// The id of the authority that was made for the account's orders.
async fn issuing_authority(world: &World) -> String {
    let authorities = world.get(CAS).await;
    let mut authorities = authorities["certificate_authorities"].as_array().unwrap().iter();
    let found = authorities.find(|authority| authority["type"] == "SUBORDINATE").unwrap();
    found["ca_id"].as_str().unwrap().to_owned()
}

#[test]
fn from_the_purchase_to_the_certificate() {
    with_ssl(&own_zone(), async |world| {
        let body = with(purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1), "/effective_time", json!("2"));
        let bought = world.call("POST", &format!("{SSL}/buy"), body).await.ok();
        let order_id = bought["order_id"].as_str().unwrap();
        assert!(order_id.starts_with("CS2611220000") && order_id.len() == 17, "{order_id}");
        let id = bought["cert"][0]["cert_id"].as_str().unwrap();
        let paid = show(&world, id).await;
        for (field, value) in [
            ("status", json!("PAID")),
            ("order_id", json!(order_id)),
            ("brand", json!("GEOTRUST")),
            ("type", json!("DV_SSL_CERT")),
            ("validity_period", json!(24)),
            ("domain_count", json!(1)),
            ("wildcard_count", json!(0)),
            ("push_support", json!("OFF")),
            ("not_after", json!("")),
            ("domain", json!("")),
        ] {
            assert_eq!(paid[field], value, "{field}");
        }
        assert!(!paid["name"].as_str().unwrap().is_empty());
        world.call("POST", &format!("{SSL}/{id}/export"), Value::Null).await.error(400, "SCM.0010");

        apply(&world, id, application("Shop.Example.com")).await;
        assert_eq!(status(&world, id).await, "CHECKING");
        progress(&world).await;
        let shown = show(&world, id).await;
        assert_eq!(shown["status"], "ISSUED");
        assert_eq!(shown["domain"], "shop.example.com");
        assert_eq!(shown["not_after"], "2028-11-22 00:00:00.0");
        assert_eq!(shown["application_info"]["applicant_email"], "alice@example.com");

        let (certificate, chain) = exported(&world, id).await;
        assert_eq!(certificate.domain_names().unwrap(), ["shop.example.com"]);
        verify_path(&certificate, &chain, certificate.period()).unwrap();
        assert_eq!(chain.len(), 2, "the issuing authority and the root");
        // The authority is the account's, and can be trusted from there; its certificates for orders are not among the
        // account's private ones.
        let authorities = world.get(CAS).await;
        assert_eq!(authorities["total"], 2);
        assert_eq!(world.get(CERTIFICATES).await["total"], 0);
        assert_eq!(world.used(CERTIFICATES).await, 0);
    });
}

#[test]
fn a_request_of_the_applicants_own_keeps_the_key_with_him() {
    with_ssl(&own_zone(), async |world| {
        let key = rcgen::KeyPair::generate().unwrap();
        let request = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let params = rcgen::CertificateParams::new(names).unwrap();
            params.serialize_request(&key).unwrap().pem().unwrap()
        };
        let id = buy(&world, purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        let path = format!("{SSL}/{id}/apply");
        let with_request = |csr: String| with(application("a.example.com"), "/csr", json!(csr));
        let refused = async |csr: String, code: &str| {
            world.call("POST", &path, with_request(csr)).await.error(400, code);
            assert_eq!(status(&world, &id).await, "PAID");
        };
        refused("no request".into(), "SCM.0034").await;
        refused(request(&["b.example.com"]), "SCM.0035").await;
        refused(request(&["a.example.com", "b.example.com"]), "SCM.0035").await;
        refused(request(&[]), "SCM.0033").await;
        apply(&world, &id, with_request(request(&["a.example.com"]))).await;
        progress(&world).await;
        let exported = world.call("POST", &format!("{SSL}/{id}/export"), Value::Null).await.ok();
        assert_eq!(exported["private_key"], "");
        let certificate = Certificate::all_from_pem(exported["certificate"].as_str().unwrap()).unwrap().remove(0);
        assert!(certificate.public_key().to_der().unwrap().ends_with(key.public_key_raw()));
    });
}

#[test]
fn keys_of_every_algorithm_are_made() {
    with_ssl(&own_zone(), async |world| {
        for (algorithm, kind) in
            [("RSA_2048", "RSA2048"), ("RSA_3072", "RSA3072"), ("EC_P256", "EC256"), ("EC_P384", "EC384")]
        {
            let id = buy(&world, purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
            apply(&world, &id, with(application("a.example.com"), "/key_algorithm", json!(algorithm))).await;
            progress(&world).await;
            let (certificate, _) = exported(&world, &id).await;
            assert_eq!(certificate.public_key().kind().to_string(), kind);
        }
        let id = buy(&world, purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        let body = with(application("a.example.com"), "/key_algorithm", json!("SM2"));
        world.call("POST", &format!("{SSL}/{id}/apply"), body).await.error(400, "SCM.0005");
    });
}

#[test]
fn an_organization_waits_for_the_operator() {
    with_ssl(&own_zone(), async |world| {
        let id = buy(&world, purchase("OV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        let path = format!("{SSL}/{id}/apply");
        world.call("POST", &path, application("a.example.com")).await.error(400, "SCM.0005");
        apply(&world, &id, company(application("a.example.com"))).await;
        progress(&world).await;
        assert_eq!(status(&world, &id).await, "CHECKING_ORG");
        let waiting = orders::list_to_review(&world.ccm).await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].applicant.company_name.as_deref(), Some("Example Ltd"));

        let refusal = || Verdict::Reject(" the company is unknown ".into());
        assert!(orders::review(&world.ccm, &id, "root", Verdict::Reject(" ".into())).await.is_err());
        orders::review(&world.ccm, &id, "root", refusal()).await.unwrap();
        assert!(orders::review(&world.ccm, &id, "root", refusal()).await.is_err(), "it no longer waits");
        let shown = show(&world, &id).await;
        assert_eq!((&shown["status"], &shown["fail_reason"]), (&json!("UNPASSED"), &json!("the company is unknown")));

        apply(&world, &id, company(application("a.example.com"))).await;
        progress(&world).await;
        // What was looked at, and then sent anew, is not approved.
        let digest = async || orders::list_to_review(&world.ccm).await.unwrap().remove(0).digest;
        let seen = digest().await;
        let path = v2(&world, &format!("cert/{id}/info/TL/upload_authentication"));
        world.call_raw(&world.account, "POST", &path, b"%PDF-1.7 other".to_vec()).await.ok();
        assert!(orders::review(&world.ccm, &id, "root", Verdict::Approve(seen)).await.is_err());
        assert_eq!(status(&world, &id).await, "CHECKING_ORG");
        orders::review(&world.ccm, &id, "root", Verdict::Approve(digest().await)).await.unwrap();
        progress(&world).await;
        assert_eq!(status(&world, &id).await, "ISSUED");
        let (certificate, _) = exported(&world, &id).await;
        let name = certificate.distinguished_name();
        assert_eq!(name.organization.as_deref(), Some("Example Ltd"));
        assert_eq!((name.country.as_deref(), name.locality.as_deref()), (Some("CN"), Some("Chengdu")));

        let mut session = world.ccm.database().read().await.unwrap();
        let events = openccm_store::ssl_orders::list_events(&mut session, &id).await.unwrap();
        let seen: Vec<(&str, &str)> = events.iter().map(|event| (event.event.as_str(), event.actor.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("bought", "alice"),
                ("applied", "alice"),
                ("domains verified", ""),
                ("rejected", "root"),
                ("applied", "alice"),
                ("domains verified", ""),
                ("approved", "root"),
                ("issued", ""),
            ]
        );
    });
}

#[test]
fn an_application_is_taken_back_and_an_order_given_back() {
    on_both(async |world| {
        let id = buy(&world, purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        let cancel = format!("{SSL}/{id}/cancel-cert");
        world.call("POST", &cancel, Value::Null).await.error(400, "SCM.0010");
        // A method that cannot find anything here: the name stays unproven.
        apply(&world, &id, application("unproven.invalid")).await;
        for path in [format!("{SSL}/{id}/unsubscribe"), format!("{SSL}/{id}")] {
            world.call("DELETE", &path, Value::Null).await.error(400, "SCM.0010");
        }
        world.call("POST", &format!("{SSL}/{id}/apply"), application("a.example.com")).await.error(400, "SCM.0010");
        let answer = world.call("POST", &cancel, Value::Null).await.ok();
        assert_eq!(answer, json!({"cert_id": id, "message": "success"}));
        world.call("POST", &v2(&world, &format!("cert/{id}/cancel-cert")), Value::Null).await.error(400, "SCM.0010");
        progress(&world).await;
        let shown = show(&world, &id).await;
        assert_eq!((&shown["status"], &shown["authentification"]), (&json!("PAID"), &json!([])));
        let answer = world.call("DELETE", &format!("{SSL}/{id}/unsubscribe"), Value::Null).await.ok();
        assert_eq!(answer, json!({"unsubscribe_results": "SUCCESS"}));
        world.call("GET", &format!("{SSL}/{id}"), Value::Null).await.error(404, "SCM.0094");
        world.call("DELETE", &format!("{SSL}/{id}/unsubscribe"), Value::Null).await.error(404, "SCM.0094");
    });
}

#[test]
fn what_is_revoked_is_on_the_list_of_its_issuer() {
    with_ssl(&own_zone(), async |world| {
        let id = issued(&world, "a.example.com").await;
        let (certificate, chain) = exported(&world, &id).await;
        assert_eq!(ocsp_status(&world, &certificate, &chain[0]).await, "good");
        let path = v2(&world, &format!("cert/{id}/revoke"));
        world.call("POST", &path, Value::Null).await.error(400, "SCM.0027");
        world.call("POST", &path, json!({"reason": "x".repeat(64)})).await.error(400, "SCM.0027");
        assert_eq!(world.call("POST", &path, json!({"reason": "KEY_COMPROMISE"})).await.ok()["message"], "success");
        assert_eq!(status(&world, &id).await, "REVOKING");
        world.call("POST", &format!("{SSL}/{id}/export"), Value::Null).await.error(400, "SCM.0010");
        progress(&world).await;
        let shown = show(&world, &id).await;
        assert_eq!((&shown["status"], &shown["revoke_reason"]), (&json!("REVOKED"), &json!("KEY_COMPROMISE")));
        let issuer = &chain[0];
        assert_eq!(ocsp_status(&world, &certificate, issuer).await, "revoked");
        world.call("POST", &path, json!({"reason": "again"})).await.error(400, "SCM.0010");
        world.call("DELETE", &format!("{SSL}/{id}"), Value::Null).await.no_content();
        assert_eq!(ocsp_status(&world, &certificate, issuer).await, "revoked");
    });
}

#[test]
fn domain_names_are_added() {
    with_ssl(&own_zone(), async |world| {
        let body = with(purchase("DV_SSL_CERT", "MULTI_DOMAIN", 4), "/wildcard_domain_number", json!(1));
        let id = buy(&world, body).await;
        let body = with(application("a.example.com"), "/sans", json!("b.example.com"));
        apply(&world, &id, body).await;
        progress(&world).await;
        let (before, _) = exported(&world, &id).await;
        let path = v2(&world, &format!("cert/{id}/supplement"));
        let supplement = async |present: &str, added: &str| {
            world.call("POST", &path, json!({"ori_sans": present, "add_sans": added})).await
        };
        supplement("", "c.example.com").await.error(400, "SCM.0067");
        supplement("b.example.com", "").await.error(400, "SCM.0108");
        supplement("b.example.com", "bad name!").await.error(400, "SCM.0108");
        supplement("b.example.com", "a.example.com").await.error(400, "SCM.0063");
        supplement("b.example.com", "*.x.example.com;*.y.example.com").await.error(400, "SCM.0036");
        supplement("b.example.com", "c.example.com;d.example.com;e.example.com").await.error(400, "SCM.0036");
        assert_eq!(status(&world, &id).await, "ISSUED");

        // Taken back before it is verified.
        supplement("b.example.com", "unproven.invalid").await.ok();
        assert_eq!(status(&world, &id).await, "SUPPLEMENTCHECKING");
        world.call("POST", &format!("{SSL}/{id}/export"), Value::Null).await.ok();
        world.call("POST", &format!("{SSL}/{id}/cancel-cert"), Value::Null).await.ok();
        progress(&world).await;
        assert_eq!(status(&world, &id).await, "ISSUED");
        assert_eq!(exported(&world, &id).await.0.der(), before.der());

        world.clock.advance(30 * DAY_MS);
        Job::RenewResponders.run(&world.ccm).await.unwrap();
        supplement("b.example.com", "c.example.com;*.d.example.com").await.ok();
        progress(&world).await;
        let shown = show(&world, &id).await;
        assert_eq!(shown["status"], "ISSUED");
        assert_eq!(shown["sans"], "b.example.com;c.example.com;*.d.example.com");
        let (after, chain) = exported(&world, &id).await;
        assert_eq!(after.domain_names().unwrap().len(), 4);
        assert_eq!(after.period().not_after, before.period().not_after, "it ends when it was to end");
        assert_eq!(after.public_key(), before.public_key());
        // Both have the same key: both are revoked.
        world.call("POST", &v2(&world, &format!("cert/{id}/revoke")), json!({"reason": "gone"})).await.ok();
        progress(&world).await;
        for certificate in [&before, &after] {
            assert_eq!(ocsp_status(&world, certificate, &chain[0]).await, "revoked");
        }
        let single = issued(&world, "x.example.com").await;
        let path = v2(&world, &format!("cert/{single}/supplement"));
        let body = json!({"ori_sans": "", "add_sans": "y.example.com"});
        world.call("POST", &path, body).await.error(400, "SCM.0066");
    });
}

#[test]
fn a_restart_loses_nothing_of_an_order() {
    with_ssl(&own_zone(), async |mut world| {
        let id = buy(&world, purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        apply(&world, &id, application("a.example.com")).await;
        world.restart().await;
        progress(&world).await;
        assert_eq!(status(&world, &id).await, "ISSUED");
        let (certificate, _) = exported(&world, &id).await;
        world.call("POST", &v2(&world, &format!("cert/{id}/revoke")), json!({"reason": "x"})).await.ok();
        world.restart().await;
        progress(&world).await;
        assert_eq!(status(&world, &id).await, "REVOKED");
        assert!(!certificate.der().is_empty());
    });
}

#[test]
fn an_authority_that_may_not_issue_is_waited_for() {
    with_ssl(&own_zone(), async |world| {
        let first = issued(&world, "a.example.com").await;
        assert!(!first.is_empty());
        let issuing = issuing_authority(&world).await;
        world.act(&issuing, "disable").await.no_content();
        let id = buy(&world, purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        apply(&world, &id, application("b.example.com")).await;
        progress(&world).await;
        let shown = show(&world, &id).await;
        assert_eq!(shown["status"], "ISSUING");
        assert!(shown["fail_reason"].as_str().unwrap().contains("DISABLED"), "{shown}");
        // Whoever does not want to wait takes it back, and begins anew.
        let cancel = format!("{SSL}/{id}/cancel-cert");
        world.call("POST", &cancel, Value::Null).await.ok();
        progress(&world).await;
        assert_eq!(status(&world, &id).await, "PAID");
        apply(&world, &id, application("b.example.com")).await;
        progress(&world).await;
        world.act(&issuing, "enable").await.no_content();
        progress(&world).await;
        assert_eq!(status(&world, &id).await, "ISSUING", "its next turn has not come");
        world.clock.advance(10_000);
        progress(&world).await;
        assert_eq!(status(&world, &id).await, "ISSUED");
        assert_eq!(show(&world, &id).await["fail_reason"], "");
    });
}

#[test]
fn time_that_passes_while_the_first_authority_is_made_does_no_harm() {
    with_ssl(&own_zone(), async |world| {
        let body = with(purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1), "/order_number", json!(4));
        let bought = world.call("POST", &format!("{SSL}/buy"), body).await.ok();
        let ids: Vec<&str> =
            bought["cert"].as_array().unwrap().iter().map(|cert| cert["cert_id"].as_str().unwrap()).collect();
        for (number, id) in ids.iter().enumerate() {
            apply(&world, id, application(&format!("{number}.example.com"))).await;
        }
        let ticking = async {
            for _ in 0..600 {
                world.clock.advance(1000);
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = ticking => {}
            () = progress(&world) => {}
        }
        for id in &ids {
            let shown = show(&world, id).await;
            assert_eq!(shown["status"], "ISSUED", "{shown}");
        }
        assert_eq!(world.get(CAS).await["total"], 2, "one root and one issuing authority");
    });
}

#[test]
fn an_organization_stays_in_the_certificate_when_its_applicant_is_forgotten() {
    with_ssl(&own_zone(), async |world| {
        let id = buy(&world, purchase("OV_SSL_CERT", "MULTI_DOMAIN", 3)).await;
        apply(&world, &id, company(application("a.example.com"))).await;
        progress(&world).await;
        let digest = orders::list_to_review(&world.ccm).await.unwrap().remove(0).digest;
        orders::review(&world.ccm, &id, "root", Verdict::Approve(digest)).await.unwrap();
        progress(&world).await;
        let (before, _) = exported(&world, &id).await;
        world.call("DELETE", &v2(&world, &format!("privacy-protection/{id}")), Value::Null).await.ok();
        let body = json!({"ori_sans": "", "add_sans": "b.example.com"});
        world.call("POST", &v2(&world, &format!("cert/{id}/supplement")), body).await.ok();
        progress(&world).await;
        let (after, _) = exported(&world, &id).await;
        assert_eq!(after.domain_names().unwrap(), ["a.example.com", "b.example.com"]);
        assert_eq!(after.distinguished_name(), before.distinguished_name());
        assert_eq!(after.distinguished_name().organization.as_deref(), Some("Example Ltd"));
    });
}

#[test]
fn an_authority_of_another_account_issues_for_all_where_the_operator_says_so() {
    with_ssl(&own_zone(), async |world| {
        let first = issued(&world, "a.example.com").await;
        let (_, chain) = exported(&world, &first).await;
        let ca_id = openccm_core::CaId::parse(&issuing_authority(&world).await).unwrap();
        let shared = AuthorityOptions { ca_id: Some(ca_id) };
        let ssl = SslOptions { authorities: [("own".to_owned(), shared)].into(), ..own_zone() };
        let world = world.restarted_with(ssl).await;
        let other = world.add_account("other", true).await;
        let call = async |method: &str, path: &str, body: Value| world.call_as(&other, method, path, body).await;
        let bought = call("POST", &format!("{SSL}/buy"), purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await.ok();
        let id = bought["cert"][0]["cert_id"].as_str().unwrap();
        call("POST", &format!("{SSL}/{id}/apply"), application("b.example.com")).await.ok();
        progress(&world).await;
        let exported = call("POST", &format!("{SSL}/{id}/export"), Value::Null).await.ok();
        let above = Certificate::all_from_pem(exported["certificate_chain"].as_str().unwrap()).unwrap();
        assert_eq!(above[0].der(), chain[0].der());
        let path = format!("/v2/{}/scm/cert/{id}/revoke", other.project_id);
        call("POST", &path, json!({"reason": "x"})).await.ok();
        progress(&world).await;
        let leaf = Certificate::all_from_pem(exported["certificate"].as_str().unwrap()).unwrap().remove(0);
        assert_eq!(ocsp_status(&world, &leaf, &above[0]).await, "revoked");
        assert_eq!(call("GET", CAS, Value::Null).await.ok()["total"], 0);
    });
}
