//! Orders whose product names an ACME service as its issuer, from the purchase to the revocation.

use std::collections::BTreeSet;

use openccm_core::{CertificateBrand, CertificateType, DomainType};
use openccm_pki::Certificate;
use openccm_service::{
    jobs::Job,
    ssl::{
        SslOptions,
        issuers::acme::AcmeOptions,
        products::{Catalogue, Product},
        validation::ValidationOptions,
    },
};
use openccm_store::acme_orders;
use serde_json::{Value, json};

use crate::{
    acme::{ISSUER, Served, by_dns, options, ssl, whole},
    pebble::Pebble,
    ssl_certificates::{SSL, show, v2},
    world::{World, with_ssl},
};

/// A catalogue whose certificates come from the ACME service. Names under example.com need no proof to this server.
fn sold(acme: AcmeOptions) -> SslOptions {
    let product = |domain_type| Product {
        brand: CertificateBrand::GeoTrust,
        certificate_type: CertificateType::Dv,
        domain_type,
        years: 1,
        issuer: ISSUER.to_owned(),
    };
    let products = DomainType::ALL.iter().map(|domain_type| product(*domain_type)).collect();
    let validation = ValidationOptions { own_zones: vec!["example.com".into()], ..ValidationOptions::default() };
    SslOptions { products: Catalogue::new(products).unwrap(), validation, ..ssl(acme) }
}

async fn apply(world: &World, domain_type: &str, numbers: i64, domain: &str, sans: &str, csr: Value) -> String {
    let body = json!({
        "cert_brand": "GEOTRUST", "cert_type": "DV_SSL_CERT", "domain_type": domain_type, "effective_time": 1,
        "domain_numbers": numbers, "order_number": 1, "agree_privacy_protection": true,
    });
    let bought = world.call("POST", &format!("{SSL}/buy"), body).await.ok();
    let id = bought["cert"][0]["cert_id"].as_str().unwrap().to_owned();
    let body = json!({
        "domain": domain, "sans": sans, "csr": csr, "applicant_name": "Alice", "applicant_phone": "13087654321",
        "applicant_email": "alice@example.com", "agree_privacy_protection": true, "key_algorithm": "EC_P256",
    });
    world.call("POST", &format!("{SSL}/{id}/apply"), body).await.ok();
    id
}

/// Lets the clock's job work until the certificate has this status.
async fn until(world: &World, id: &str, status: &str) -> Value {
    for _ in 0..200 {
        Job::ProgressOrders.run(&world.ccm).await.unwrap();
        let shown = show(world, id).await;
        if shown["status"] == status {
            return shown;
        }
        world.clock.advance(1000);
    }
    panic!("{} instead of {status}", show(world, id).await);
}

async fn exported(world: &World, id: &str) -> (Certificate, Vec<Certificate>, Value) {
    let exported = world.call("POST", &format!("{SSL}/{id}/export"), Value::Null).await.ok();
    let read = |field: &str| Certificate::all_from_pem(exported[field].as_str().unwrap()).unwrap();
    (read("certificate").remove(0), read("certificate_chain"), exported.clone())
}

#[test]
fn an_order_becomes_a_certificate_of_the_service_and_is_revoked_there() {
    let pebble = Pebble::start();
    with_ssl(&sold(options(&pebble)), async |world| {
        let _served = Served::start(&pebble.http, whole(&world.ccm));
        let id = apply(&world, "MULTI_DOMAIN", 3, "shop.example.com", "www.shop.example.com", Value::Null).await;
        let shown = until(&world, &id, "ISSUED").await;
        assert_eq!(shown["sans"], "www.shop.example.com");
        let (leaf, chain, export) = exported(&world, &id).await;
        leaf.verify_issued_by(&chain[0]).unwrap();
        assert_ne!(leaf.issuer_distinguished_name().common_name.as_deref(), Some("OpenCCM SSL Issuing CA"));
        assert!(export["private_key"].as_str().unwrap().contains("EC PRIVATE KEY"));
        assert_eq!(world.get(crate::world::CAS).await["total"], 0, "no authority of this server was needed");

        // Names that are added: another order, the same key.
        let body = json!({"ori_sans": "www.shop.example.com", "add_sans": "m.shop.example.com"});
        world.call("POST", &v2(&world, &format!("cert/{id}/supplement")), body).await.ok();
        assert_eq!(until(&world, &id, "ISSUED").await["sans"], "www.shop.example.com;m.shop.example.com");
        let (again, ..) = exported(&world, &id).await;
        assert_eq!(again.public_key(), leaf.public_key());

        world.call("POST", &v2(&world, &format!("cert/{id}/revoke")), json!({"reason": "SUPERSEDED"})).await.ok();
        until(&world, &id, "REVOKED").await;
        // The one before had the same key.
        for certificate in [&again, &leaf] {
            let status = pebble.certificate_status(certificate.serial_number());
            assert_eq!((&status["Status"], &status["Reason"]), (&json!("Revoked"), &json!(4)));
        }
    });
}

#[test]
fn an_order_for_a_key_made_here_is_continued_while_its_record_spreads() {
    let pebble = Pebble::start();
    with_ssl(&sold(by_dns(&pebble)), async |world| {
        let before = pebble.hook_calls().len();
        let id = apply(&world, "WILDCARD", 1, "*.example.com", "", Value::Null).await;
        let mut orders = BTreeSet::new();
        for _ in 0..200 {
            Job::ProgressOrders.run(&world.ccm).await.unwrap();
            let mut session = world.ccm.database().read().await.unwrap();
            orders.extend(acme_orders::find(&mut session, &id).await.unwrap().map(|order| order.order_url));
            drop(session);
            if show(&world, &id).await["status"] == "ISSUED" {
                break;
            }
            world.clock.advance(1000);
        }
        let (leaf, _, export) = exported(&world, &id).await;
        assert_eq!(leaf.public_key().kind().to_string(), "EC256");
        assert!(export["private_key"].as_str().unwrap().contains("EC PRIVATE KEY"));
        assert_eq!(orders.len(), 1, "{orders:?}");
        let calls = pebble.hook_calls()[before..].to_vec();
        let actions: Vec<&str> = calls.iter().map(|[action, ..]| action.as_str()).collect();
        assert_eq!(actions, ["present", "cleanup"]);
    });
}

#[test]
fn a_wildcard_is_proven_by_dns_with_a_request_of_the_applicants_own() {
    let pebble = Pebble::start();
    with_ssl(&sold(by_dns(&pebble)), async |world| {
        let key = rcgen::KeyPair::generate().unwrap();
        let request = rcgen::CertificateParams::new(vec!["*.example.com".to_owned()]).unwrap();
        let request = request.serialize_request(&key).unwrap().pem().unwrap();
        let id = apply(&world, "WILDCARD", 1, "*.example.com", "", json!(request)).await;
        until(&world, &id, "ISSUED").await;
        let (leaf, _, export) = exported(&world, &id).await;
        assert!(leaf.public_key().to_der().unwrap().ends_with(key.public_key_raw()));
        assert_eq!(export["private_key"], "");
    });
}

#[test]
fn what_the_service_refuses_is_told_and_can_be_applied_for_again() {
    let pebble = Pebble::start();
    with_ssl(&sold(options(&pebble)), async |world| {
        let key = rcgen::KeyPair::generate().unwrap();
        let request = rcgen::CertificateParams::new(vec!["shop.example.com".to_owned()]).unwrap();
        let request = request.serialize_request(&key).unwrap().pem().unwrap();
        for (again, has_key) in [(json!({"key_algorithm": "EC_P384"}), true), (json!({"csr": request}), false)] {
            // Nobody answers the service: it refuses.
            let nobody = Served::start(&pebble.http, axum::Router::new());
            let id = apply(&world, "SINGLE_DOMAIN", 1, "shop.example.com", "", Value::Null).await;
            let shown = until(&world, &id, "UNPASSED").await;
            assert!(shown["fail_reason"].as_str().unwrap().contains("shop.example.com"), "{shown}");
            drop(nobody);
            let _served = Served::start(&pebble.http, whole(&world.ccm));
            let mut body = json!({
                "domain": "shop.example.com", "applicant_name": "Alice", "applicant_phone": "1",
                "applicant_email": "alice@example.com", "agree_privacy_protection": true,
            });
            body.as_object_mut().unwrap().extend(again.as_object().unwrap().clone());
            world.call("POST", &format!("{SSL}/{id}/apply"), body).await.ok();
            until(&world, &id, "ISSUED").await;
            // What was asked for last counts.
            let (leaf, _, export) = exported(&world, &id).await;
            let private_key = export["private_key"].as_str().unwrap();
            if has_key {
                assert_eq!(leaf.public_key().kind().to_string(), "EC384");
                assert!(private_key.contains("EC PRIVATE KEY"));
            } else {
                assert!(leaf.public_key().to_der().unwrap().ends_with(key.public_key_raw()));
                assert_eq!(private_key, "");
            }
        }
    });
}
