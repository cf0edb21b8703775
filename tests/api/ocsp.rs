//! OCSP over HTTP: what is said of whom, and for how long.

use openccm_core::RevocationReason;
use openccm_pki::Certificate;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    ocsp_client::{CertId, Query, Reply, Status, refused, response_status},
    world::{CAS, CERTIFICATES, HOUR_MS, MINUTE_MS, START_MS, World, on_both},
};

const START: i64 = START_MS / 1000;

impl World {
    pub(crate) async fn switch_ocsp(&self, ca_id: &str, on: bool) {
        let body = json!({"ocsp_switch": on});
        self.call("POST", &format!("{CAS}/{ca_id}/ocsp/switch"), body).await.no_content();
    }

    /// A root whose OCSP is on, and its certificate.
    pub(crate) async fn responding_root(&self) -> (String, Certificate) {
        let root = self.root("Root").await;
        self.switch_ocsp(&root, true).await;
        let certificate = self.own_certificate(&root).await;
        (root, certificate)
    }

    /// What the responder of `ca_id` says of a serial number.
    pub(crate) async fn ocsp_status(&self, ca_id: &str, issuer: &Certificate, serial: &str) -> Status {
        Query::about(CertId::new(issuer, serial)).status(&self.caller(), ca_id, issuer).await
    }
}

#[test]
fn every_status_is_told_by_post_and_get_and_with_either_hash() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        let sub = world.subordinate("Sub", &root).await;
        let sub_serial = world.own_certificate(&sub).await.serial_number().to_owned();
        let good = world.certificate("good", &root).await;
        let mut expected = vec![
            (world.serial(&good).await, Status::Good),
            (sub_serial.clone(), Status::Good),
            (issuer.serial_number().to_owned(), Status::Good),
            ("00".to_owned(), Status::Unknown),
            ("01".to_owned(), Status::Unknown),
            ("7F".repeat(20), Status::Unknown),
            ("FF".repeat(20), Status::Unknown),
            ("AB".repeat(200), Status::Unknown),
        ];
        // What another authority issued has the right issuer here, but is not known to it.
        let foreign = world.certificate("foreign", &sub).await;
        expected.push((world.serial(&foreign).await, Status::Unknown));
        for reason in RevocationReason::ALL {
            world.clock.advance(1999);
            let serial = world.revoked(&root, reason.as_str()).await;
            let code = Some(reason.crl_reason()).filter(|code| *code != 0);
            expected.push((serial, Status::Revoked { at: world.clock_ms() / 1000, reason: code }));
        }
        // Deleted, a certificate is known all the same.
        let deleted = world.certificate("deleted", &root).await;
        let deleted_serial = world.serial(&deleted).await;
        world.call("DELETE", &format!("{CERTIFICATES}/{deleted}"), Value::Null).await.no_content();
        expected.push((deleted_serial, Status::Good));
        let caller = world.caller();
        for (serial, status) in &expected {
            for id in [CertId::new(&issuer, serial), CertId::sha256(&issuer, serial)] {
                let query = Query::about(id);
                let reply = query.ask(&caller, &root, &issuer).await;
                assert_eq!(reply.statuses, [*status], "{serial}");
                let now = world.clock_ms() / 1000;
                assert_eq!((reply.this_update, reply.next_update), (now, now + 3600));
                let encoded = utf8_percent_encode(&query.base64(), NON_ALPHANUMERIC).to_string();
                let answer = caller.send("GET", &format!("/ocsp/{root}/{encoded}"), &[], Vec::new()).await;
                assert_eq!(Reply::read(&answer, &issuer, &query.certificates).statuses, [*status]);
            }
        }
        // All in one.
        let certificates = expected.iter().map(|(serial, _)| CertId::new(&issuer, serial)).collect();
        let reply = Query { certificates, nonce: None }.ask(&caller, &root, &issuer).await;
        assert_eq!(reply.statuses, expected.iter().map(|(_, status)| *status).collect::<Vec<_>>());

        world.act(&sub, "revoke").await.no_content();
        let revoked = Status::Revoked { at: world.clock_ms() / 1000, reason: None };
        assert_eq!(world.ocsp_status(&root, &issuer, &sub_serial).await, revoked);
    });
}

#[test]
fn a_hold_that_becomes_final_is_told_at_once() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        let id = world.certificate("leaf", &root).await;
        let serial = world.serial(&id).await;
        assert_eq!(world.ocsp_status(&root, &issuer, &serial).await, Status::Good);
        world.revoke(&id, "CERTIFICATE_HOLD").await;
        let status = |reason| Status::Revoked { at: START, reason: Some(reason) };
        assert_eq!(world.ocsp_status(&root, &issuer, &serial).await, status(6));
        world.clock.advance(MINUTE_MS);
        world.revoke(&id, "KEY_COMPROMISE").await;
        assert_eq!(world.ocsp_status(&root, &issuer, &serial).await, status(1));
    });
}

#[test]
fn an_answer_is_given_again_until_half_of_its_time_or_a_revocation() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        let (leaf, other) = (world.certificate("leaf", &root).await, world.certificate("other", &root).await);
        let query = Query::about(CertId::new(&issuer, &world.serial(&leaf).await));
        let caller = world.caller();
        let check_headers = |answer: &crate::world::Answer, max_age: i64| {
            let expected = format!("max-age={max_age}, public, no-transform, must-revalidate");
            assert_eq!(answer.header("cache-control"), expected);
            let reply = Reply::read(answer, &issuer, &query.certificates);
            let time = |name: &str| {
                let description = time::macros::format_description!(
                    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
                );
                time::PrimitiveDateTime::parse(answer.header(name), description).unwrap().assume_utc().unix_timestamp()
            };
            assert_eq!((time("last-modified"), time("expires")), (reply.this_update, reply.next_update));
            let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &answer.body);
            assert_eq!(answer.header("etag").to_lowercase(), format!("\"{}\"", hex::encode(sha1)), "RFC 5019 §6.2");
        };
        let first = query.post(&caller, &root).await;
        check_headers(&first, 60);
        for advance in [0, 1000, 29 * MINUTE_MS, 59 * 1000 - 1] {
            world.clock.advance(advance);
            let again = query.post(&caller, &root).await;
            assert_eq!(again.body, first.body);
            check_headers(&again, 60);
            let path = format!("/ocsp/{root}/{}", query.base64());
            assert_eq!(caller.send("GET", &path, &[], Vec::new()).await.body, first.body);
        }
        world.clock.advance(1);
        let second = query.post(&caller, &root).await;
        assert_ne!(second.body, first.body);
        check_headers(&second, 60);
        assert_eq!(Reply::read(&second, &issuer, &query.certificates).this_update, START + 1800);

        // Any revocation below the authority, and at once its own.
        world.revoke(&other, "SUPERSEDED").await;
        let third = query.post(&caller, &root).await;
        assert_eq!(Reply::read(&third, &issuer, &query.certificates).statuses, [Status::Good]);
        world.revoke(&leaf, "SUPERSEDED").await;
        let revoked = Status::Revoked { at: START + 1800, reason: Some(4) };
        let fourth = query.post(&caller, &root).await;
        assert_eq!(Reply::read(&fourth, &issuer, &query.certificates).statuses, [revoked]);
        check_headers(&fourth, 60);
        assert_eq!(query.post(&caller, &root).await.body, fourth.body);
        // A clock that was put back does not make answers from the future.
        world.clock.advance(-HOUR_MS / 4);
        let reply = query.ask(&caller, &root, &issuer).await;
        assert_eq!(reply.this_update, START + 900);
    });
}

#[test]
fn a_nonce_is_repeated_and_its_answer_kept_by_nobody() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        let leaf = world.certificate("leaf", &root).await;
        let query = Query::about(CertId::new(&issuer, &world.serial(&leaf).await));
        let caller = world.caller();
        let plain = query.post(&caller, &root).await;
        for nonce in [&[0_u8][..], b"eight by", &[0xff; 32], &[7; 128]] {
            let query = query.clone().nonce(nonce);
            let answer = query.post(&caller, &root).await;
            let reply = Reply::read(&answer, &issuer, &query.certificates);
            assert_eq!((reply.nonce.as_deref(), reply.statuses[0]), (Some(nonce), Status::Good));
            assert_eq!(answer.header("cache-control"), "no-store");
            for name in ["etag", "expires", "last-modified"] {
                assert!(!answer.headers.contains_key(name), "{name}");
            }
        }
        for nonce in [&[][..], &[7; 129]] {
            refused(&query.clone().nonce(nonce).post(&caller, &root).await, "malformed");
        }
        assert_eq!(query.post(&caller, &root).await.body, plain.body, "others are not told of it");
        // Nor is kept what may change without a revocation: that a number is unknown.
        let unknown = Query::about(CertId::new(&issuer, "0123")).post(&caller, &root).await;
        assert_eq!(response_status(&unknown), 0);
        assert_eq!(unknown.header("cache-control"), "no-store");
    });
}

#[test]
fn questions_that_come_with_a_revocation_are_answered_one_way_or_the_other_and_then_right() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        for round in 0..5 {
            let leaf = world.certificate("leaf", &root).await;
            let serial = world.serial(&leaf).await;
            let query = Query::about(CertId::new(&issuer, &serial));
            let mut asking = tokio::task::JoinSet::new();
            for _ in 0..8 {
                let (caller, query, root, issuer) = (world.caller(), query.clone(), root.clone(), issuer.clone());
                asking.spawn(async move {
                    let mut statuses = Vec::new();
                    for _ in 0..20 {
                        statuses.push(query.status(&caller, &root, &issuer).await);
                    }
                    statuses
                });
            }
            world.revoke(&leaf, "KEY_COMPROMISE").await;
            let revoked = Status::Revoked { at: START, reason: Some(1) };
            for statuses in asking.join_all().await {
                assert!(statuses.iter().all(|status| [Status::Good, revoked].contains(status)), "{statuses:?}");
            }
            // What a server has read just before it may keep for 200 ms, and no longer.
            let mut tries = 0;
            while query.status(&world.caller(), &root, &issuer).await != revoked {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                tries += 1;
                assert!(tries < 50, "round {round}");
            }
        }
    });
}
