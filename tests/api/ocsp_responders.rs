//! Who answers by OCSP, and for how long.

use openccm_service::jobs::Job;
use serde_json::{Value, json};
use x509_parser::{certificate::X509Certificate, extensions::ParsedExtension, prelude::FromDer};

use crate::{
    ocsp_client::{CertId, Query, Reply, Status, refused},
    relying_party::addresses,
    world::{
        CAS, CERTIFICATES, DAY_MS, HOUR_MS, MINUTE_MS, REVOCATION_URL, START_MS, certificate_request, on_both,
        root_request, subordinate_request, with,
    },
};

const START: i64 = START_MS / 1000;

#[test]
fn a_responders_certificate_is_for_nothing_else_and_does_not_last_long() {
    on_both(async |world| {
        let day = json!({"type": "DAY", "value": 3});
        let root = world.root("Root").await;
        let short = with(subordinate_request("Short", &root), "/validity", day);
        let short = world.call("POST", CAS, short).await.ok()["ca_id"].as_str().unwrap().to_owned();
        let rsa = with(root_request("Rsa"), "/key_algorithm", json!("RSA2048"));
        let rsa = world.call("POST", CAS, rsa).await.ok()["ca_id"].as_str().unwrap().to_owned();
        world.clock.advance(500);
        for (ca_id, days) in [(&root, 14), (&short, 3), (&rsa, 14)] {
            world.switch_ocsp(ca_id, true).await;
            let issuer = world.own_certificate(ca_id).await;
            let query = Query::about(CertId::new(&issuer, "01"));
            let responder = query.ask(&world.caller(), ca_id, &issuer).await.responder;
            assert_eq!(responder.period().not_before, START);
            assert_eq!(responder.period().not_after, START + days * 24 * 3600);
            assert_eq!(responder.public_key().kind().family(), issuer.public_key().kind().family());
            let (_, read) = X509Certificate::from_der(responder.der()).unwrap();
            let mut seen = Vec::new();
            for extension in read.extensions() {
                seen.push(match extension.parsed_extension() {
                    ParsedExtension::BasicConstraints(constraints) => {
                        assert!(!constraints.ca);
                        "constraints"
                    }
                    ParsedExtension::KeyUsage(usage) => {
                        assert!(usage.digital_signature() && usage.flags.count_ones() == 1 && extension.critical);
                        "usage"
                    }
                    ParsedExtension::ExtendedKeyUsage(usage) => {
                        assert!(usage.ocsp_signing && !usage.any && !usage.server_auth && usage.other.is_empty());
                        "purpose"
                    }
                    ParsedExtension::SubjectKeyIdentifier(_) => "SKI",
                    ParsedExtension::AuthorityKeyIdentifier(_) => "AKI",
                    _ if extension.oid.to_id_string() == "1.3.6.1.5.5.7.48.1.5" => {
                        assert_eq!((extension.critical, extension.value), (false, &[5, 0][..]));
                        "no check"
                    }
                    other => panic!("{other:?}"),
                });
            }
            seen.sort_unstable();
            assert_eq!(seen, ["AKI", "SKI", "constraints", "no check", "purpose", "usage"]);
            // It is good itself, and shown nowhere.
            assert_eq!(world.ocsp_status(ca_id, &issuer, responder.serial_number()).await, Status::Good);
        }
        assert_eq!(world.used(CERTIFICATES).await, 0);
        assert_eq!(world.get(CERTIFICATES).await["total"], 0);
    });
}

#[test]
fn a_responder_is_renewed_before_its_time_and_nobody_notices() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        let leaf = world.certificate("leaf", &root).await;
        let query = Query::about(CertId::new(&issuer, &world.serial(&leaf).await));
        let caller = world.caller();
        let responder = async || query.ask(&caller, &root, &issuer).await.responder;
        let first = responder().await;
        assert_eq!(Job::RenewResponders.run(&world.ccm).await.unwrap(), 0);
        world.clock.advance(7 * DAY_MS - 1);
        assert_eq!(Job::RenewResponders.run(&world.ccm).await.unwrap(), 0);
        let kept = query.ask(&caller, &root, &issuer).await;
        assert_eq!(kept.responder.der(), first.der());
        world.clock.advance(1);
        assert_eq!(Job::RenewResponders.run(&world.ccm).await.unwrap(), 1);
        assert_eq!(Job::RenewResponders.run(&world.ccm).await.unwrap(), 0);
        // The answer that was given before is as good as ever; the next is signed by the new one.
        assert_eq!(query.ask(&caller, &root, &issuer).await.der, kept.der);
        world.clock.advance(HOUR_MS / 2);
        let second = responder().await;
        assert_ne!(second.serial_number(), first.serial_number());
        assert_ne!(second.key_identifier(), first.key_identifier());

        // Without the job, answers end with the responder; a cached one is not given beyond.
        world.clock.advance(14 * DAY_MS - HOUR_MS / 2 - 10 * MINUTE_MS);
        let last = query.post(&caller, &root).await;
        let reply = Reply::read(&last, &issuer, &query.certificates);
        assert_eq!(reply.next_update, second.period().not_after);
        world.clock.advance(10 * MINUTE_MS - 1000);
        let again = query.post(&caller, &root).await;
        assert_eq!(again.body, last.body);
        assert_eq!(again.header("cache-control"), "max-age=1, public, no-transform, must-revalidate");
        world.clock.advance(1000);
        refused(&query.post(&caller, &root).await, "try later");
        world.clock.advance(DAY_MS);
        refused(&query.clone().nonce(b"n").post(&caller, &root).await, "try later");
        assert_eq!(Job::RenewResponders.run(&world.ccm).await.unwrap(), 1);
        assert_eq!(world.ocsp_status(&root, &issuer, &world.serial(&leaf).await).await, Status::Good);
    });
}

#[test]
fn an_authority_answers_whatever_became_of_it_until_it_is_gone() {
    on_both(async |world| {
        let (root, root_certificate) = world.responding_root().await;
        let mut subs = Vec::new();
        for action in ["disable", "revoke", "delete"] {
            let sub = world.subordinate("Sub", &root).await;
            world.switch_ocsp(&sub, true).await;
            let leaf = world.certificate("leaf", &sub).await;
            assert_eq!(addresses(&world.certificate_chain(&leaf).await.0).1, [format!("{REVOCATION_URL}/ocsp/{sub}")]);
            let serial = world.serial(&leaf).await;
            let issuer = world.own_certificate(&sub).await;
            match action {
                "delete" => world.schedule_deletion(&sub).await,
                action => world.act(&sub, action).await.no_content(),
            }
            assert_eq!(world.ocsp_status(&sub, &issuer, &serial).await, Status::Good, "{action}");
            world.revoke(&leaf, "KEY_COMPROMISE").await;
            let revoked = Status::Revoked { at: START, reason: Some(1) };
            assert_eq!(world.ocsp_status(&sub, &issuer, &serial).await, revoked, "{action}");
            subs.push((sub, issuer, serial));
        }
        let revoked = &subs[1].1;
        let status = world.ocsp_status(&root, &root_certificate, revoked.serial_number()).await;
        assert_eq!(status, Status::Revoked { at: START, reason: None });

        world.clock.advance(7 * DAY_MS - 1);
        Job::RenewResponders.run(&world.ccm).await.unwrap();
        let (deleted, issuer, serial) = &subs[2];
        let query = Query::about(CertId::new(issuer, serial));
        query.ask(&world.caller(), deleted, issuer).await;
        // Its time has come: at once, also before its key is destroyed.
        world.clock.advance(1);
        refused(&query.post(&world.caller(), deleted).await, "unauthorized");
        assert_eq!(Job::Purge.run(&world.ccm).await.unwrap(), 1);
        refused(&query.post(&world.caller(), deleted).await, "unauthorized");
        world.clock.advance(15 * DAY_MS);
        assert_eq!(Job::RenewResponders.run(&world.ccm).await.unwrap(), 3);
        refused(&query.post(&world.caller(), deleted).await, "unauthorized");
        for (sub, issuer, serial) in &subs[..2] {
            let status = world.ocsp_status(sub, issuer, serial).await;
            assert_eq!(status, Status::Revoked { at: START, reason: Some(1) });
        }
    });
}

#[test]
fn ocsp_is_switched_by_those_who_say_how() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let switch = format!("{CAS}/{root}/ocsp/switch");
        for body in [json!({}), json!({"ocsp_switch": ""}), json!({"ocsp_switch": null}), Value::Null] {
            let answer = world.call("POST", &switch, body).await;
            assert_eq!(answer.status, 400);
            assert!(answer.text().contains("ocsp_switch"));
        }
        for body in [json!({"ocsp_switch": "on"}), json!({"ocsp_switch": 1}), json!({"ocsp_switch": [true]}), json!([])]
        {
            assert_eq!(world.call("POST", &switch, body).await.status, 400);
        }
        let names_responder = async || {
            let leaf = world.certificate("leaf", &root).await;
            addresses(&world.certificate_chain(&leaf).await.0).1
        };
        assert_eq!(names_responder().await, Vec::<String>::new());
        for (on, expected) in [
            (json!(true), vec![format!("{REVOCATION_URL}/ocsp/{root}")]),
            (json!("true"), vec![format!("{REVOCATION_URL}/ocsp/{root}")]),
            (json!("FALSE"), vec![]),
            (json!(false), vec![]),
            (json!("True"), vec![format!("{REVOCATION_URL}/ocsp/{root}")]),
        ] {
            world.call("POST", &switch, json!({"ocsp_switch": on})).await.no_content();
            assert_eq!(names_responder().await, expected);
        }
        // Authorities below it name it as well.
        let sub = world.subordinate("Sub", &root).await;
        assert_eq!(addresses(&world.authority_chain(&sub).await.0).1, [format!("{REVOCATION_URL}/ocsp/{root}")]);
        let body = certificate_request("leaf", &sub);
        let leaf = world.call("POST", CERTIFICATES, body).await.ok()["certificate_id"].as_str().unwrap().to_owned();
        assert_eq!(addresses(&world.certificate_chain(&leaf).await.0), (vec![], vec![]));
    });
}
