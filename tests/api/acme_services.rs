//! How ACME services differ: what they refuse, want, forget.

use axum::Router;
use openccm_auth::Secret;
use openccm_core::{RevocationReason, ServerName, Subject};
use openccm_pki::SigningRequest;
use openccm_service::ssl::issuers::{
    self,
    acme::{self, AcmeError, AcmeOptions, AcmeProgress, AcmeRequest, ChallengeOptions, ExternalAccount},
};
use openccm_store::acme_accounts;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use crate::{
    acme::{ISSUER, Served, check_chain, drive, kept, nowhere, options, request, ssl, whole},
    pebble::Pebble,
    world::with_ssl,
};

#[test]
fn addresses_are_ordered_as_such() {
    let pebble = Pebble::start();
    with_ssl(&ssl(options(&pebble)), async |world| {
        let _served = Served::start(&pebble.http, whole(&world.ccm));
        let request = request(&world, "1", &["example.com", "127.0.0.1"]).await;
        check_chain(&drive(&world, &request).await.unwrap(), &["127.0.0.1", "example.com"]);
    });
}

#[test]
fn what_a_service_could_never_issue_is_found_before_it_is_asked() {
    let by_dns = nowhere("exit 1");
    let mut ssl = ssl(AcmeOptions { challenge: ChallengeOptions::Http01, ..by_dns.clone() });
    ssl.acme.insert("by-dns".into(), by_dns);
    with_ssl(&ssl, async |world| {
        let check = |issuer: &str, names: &str, csr: Option<&[&str]>| {
            let names = ServerName::parse_list(names, "domain").unwrap();
            let csr = csr.map(|names| {
                let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
                let made = CertificateParams::new(names).unwrap().serialize_request(&KeyPair::generate().unwrap());
                SigningRequest::from_pem(&made.unwrap().pem().unwrap()).unwrap()
            });
            issuers::check_application(&world.ccm, issuer, &names, csr.as_ref()).map_err(|invalid| invalid.subject)
        };
        let both: &[&str] = &["b.example.com", "a.example.com"];
        for (issuer, names, csr, expected) in [
            (ISSUER, "a.example.com;b.example.com", None, Ok(())),
            (ISSUER, "a.example.com;b.example.com", Some(both), Ok(())),
            (ISSUER, "a.example.com", Some(both), Err(Subject::CsrDomain)),
            (ISSUER, "a.example.com;b.example.com;c.example.com", Some(both), Err(Subject::CsrDomain)),
            (ISSUER, "a.example.com;*.example.com", None, Err(Subject::UnfitDomains)),
            ("by-dns", "a.example.com;*.example.com", None, Ok(())),
            (ISSUER, "192.0.2.1", None, Ok(())),
            (ISSUER, "192.0.2.1", Some(&["192.0.2.1"]), Ok(())),
            ("by-dns", "192.0.2.1", None, Err(Subject::UnfitDomains)),
            ("unknown", "a.example.com", None, Err(Subject::Product)),
            ("own", "*.example.com;192.0.2.1", Some(both), Ok(())),
        ] {
            assert_eq!(check(issuer, names, csr), expected, "{issuer}: {names}");
        }
    });
}

#[test]
fn what_the_service_refuses_is_over() {
    let pebble = Pebble::start_with(&json!({"domainBlocklist": ["blocked-domain.example"]}));
    with_ssl(&ssl(options(&pebble)), async |world| {
        // Nobody answers there: a server of another kind does.
        let nobody = Served::start(&pebble.http, Router::new());
        for (id, domains, expected) in [
            ("1", &["example.com", "nobody.example.com"][..], "example.com: "),
            ("2", &["blocked-domain.example"], "rejectedIdentifier"),
            ("3", &["*.example.com"], "wildcards"),
        ] {
            let request = request(&world, id, domains).await;
            let reason = drive(&world, &request).await.unwrap_err();
            assert!(reason.contains(expected), "{reason}");
            assert_eq!(kept(&world, &request).await, (None, 0));
        }
        drop(nobody);
        let _served = Served::start(&pebble.http, whole(&world.ccm));
        // A signing request that does not fit the names, and one that is none.
        let good = request(&world, "4", &["example.com"]).await;
        let other = request(&world, "5", &["other.example.com"]).await;
        for csr_der in [other.csr_der, b"no request".to_vec()] {
            let request = AcmeRequest { csr_der, ..good.clone() };
            let reason = drive(&world, &request).await.unwrap_err();
            assert!(!reason.is_empty());
            assert_eq!(kept(&world, &request).await, (None, 0));
        }
        // What was refused can be asked for again.
        check_chain(&drive(&world, &good).await.unwrap(), &["example.com"]);
    });
}

#[test]
fn a_service_may_want_an_external_account() {
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let other_key = "b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH";
    let settings = json!({"externalAccountBindingRequired": true, "externalAccountMACKeys": {"kid-1": key}});
    let pebble = Pebble::start_with(&settings);
    let with = |key_id: &str, key: &str| {
        let external = ExternalAccount { key_id: key_id.to_owned(), hmac_key: Secret::new(key.to_owned()) };
        AcmeOptions { external_account: Some(external), ..options(&pebble) }
    };
    let mut ssl = ssl(with("kid-1", key));
    ssl.acme.insert("without".into(), options(&pebble));
    ssl.acme.insert("wrong-key".into(), with("kid-1", other_key));
    ssl.acme.insert("wrong-id".into(), with("kid-2", key));
    assert!(!format!("{ssl:?}").contains(key));
    with_ssl(&ssl, async |world| {
        let _served = Served::start(&pebble.http, whole(&world.ccm));
        let request = request(&world, "1", &["example.com"]).await;
        for issuer in ["without", "wrong-key", "wrong-id", "unknown"] {
            let wrong = AcmeRequest { issuer: issuer.to_owned(), ..request.clone() };
            let error = acme::step(&world.ccm, &wrong).await.unwrap_err();
            // It is not the order's fault.
            assert!(matches!(error, AcmeError::Failed { .. }), "{error}");
            assert!(!error.to_string().contains(key) && !error.to_string().contains(other_key));
            let mut session = world.ccm.database().read().await.unwrap();
            assert!(acme_accounts::find(&mut session, issuer, &pebble.directory_url).await.unwrap().is_none());
        }
        check_chain(&drive(&world, &request).await.unwrap(), &["example.com"]);
    });
}

#[test]
fn a_revocation_reaches_the_service() {
    let pebble = Pebble::start();
    with_ssl(&ssl(options(&pebble)), async |world| {
        let _served = Served::start(&pebble.http, whole(&world.ccm));
        let revoke_as = async |id: &str, reason: RevocationReason| {
            let chain = drive(&world, &request(&world, id, &["example.com"]).await).await.unwrap();
            let serial_number = chain[0].serial_number().to_owned();
            assert_eq!(pebble.certificate_status(&serial_number)["Status"], "Valid");
            // Once more is fine.
            for _ in 0..2 {
                while let Err(error) = acme::revoke(&world.ccm, ISSUER, chain[0].der(), reason).await {
                    assert!(error.to_string().contains("badNonce"), "{error}");
                }
            }
            pebble.certificate_status(&serial_number)
        };
        let status = revoke_as("1", RevocationReason::Superseded).await;
        assert_eq!((&status["Status"], &status["Reason"]), (&json!("Revoked"), &json!(4)));
        let status = revoke_as("2", RevocationReason::Unspecified).await;
        assert_eq!(status["Status"], "Revoked");
        // Reasons that are an authority's to give are not passed on.
        for (id, reason) in [("3", RevocationReason::CertificateHold), ("4", RevocationReason::CaCompromise)] {
            let status = revoke_as(id, reason).await;
            assert_eq!((&status["Status"], status["Reason"].as_i64().unwrap_or_default()), (&json!("Revoked"), 0));
        }
        // A certificate of somebody else's.
        let foreign = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let error = acme::revoke(&world.ccm, ISSUER, foreign.der(), RevocationReason::Superseded).await.unwrap_err();
        assert!(matches!(error, AcmeError::Failed { .. }), "{error}");
    });
}

#[test]
fn a_service_that_is_away_is_tried_again_and_one_that_forgot_us_is_joined_again() {
    let mut pebble = Pebble::start();
    let ssl = ssl(options(&pebble));
    let pebble = std::cell::RefCell::new(&mut pebble);
    with_ssl(&ssl, async |world| {
        let _served = Served::start(&pebble.borrow().http, whole(&world.ccm));
        let first = request(&world, "1", &["example.com"]).await;
        check_chain(&drive(&world, &first).await.unwrap(), &["example.com"]);
        let account = async || {
            let mut session = world.ccm.database().read().await.unwrap();
            let url = pebble.borrow().directory_url.clone();
            acme_accounts::find(&mut session, ISSUER, &url).await.unwrap().map(|account| account.account_url)
        };
        let before = account().await;
        pebble.borrow_mut().stop();
        let second = request(&world, "2", &["example.com"]).await;
        let error = acme::step(&world.ccm, &second).await.unwrap_err();
        assert!(matches!(error, AcmeError::Failed { .. }), "{error}");
        assert!(error.to_string().contains("directory"), "{error}");
        assert_eq!(account().await, before);
        // It comes back without its memory, as Pebble does.
        pebble.borrow_mut().restart();
        let mut forgotten = 0;
        let chain = loop {
            match acme::step(&world.ccm, &second).await {
                Ok(AcmeProgress::Issued { chain }) => break chain,
                Ok(AcmeProgress::Waiting { until_ms }) => {
                    world.clock.advance((until_ms - world.clock_ms()).max(0));
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("accountDoesNotExist") || text.contains("badNonce"), "{text}");
                    forgotten += usize::from(text.contains("accountDoesNotExist"));
                }
            }
        };
        assert_eq!(forgotten, 1);
        assert_eq!(chain.len(), 2);
        // An order of the account that is no more is not continued.
        check_chain(&drive(&world, &first).await.unwrap(), &["example.com"]);
    });
}
