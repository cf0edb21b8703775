//! Proofs of domain names by files on web servers.

use std::time::{Duration, Instant};

use openccm_core::ValidationMethod;
use openccm_store::domain_proofs;
use openccm_tests::web_server::{WebAnswer, WebServer};

use crate::{
    ssl_domain_proofs::{HOME, ID, Scene, apply, apply_as, check, check_later, on_both, proofs, shown},
    world::HOUR_MS,
};

#[test]
fn a_file_proves_a_name_or_an_address() {
    on_both(async |world, Scene { dns, web }| {
        apply(&world, &["a.net"], ValidationMethod::File).await.unwrap();
        let row = proofs(&world).await.remove(0);
        let (path, value) = (row.record_name.clone(), row.record_value.clone());
        assert!(path.starts_with("/.well-known/pki-validation/") && path.ends_with(".txt"), "{path}");
        assert_eq!(shown(&world).await["record_type"], "FILE");
        let reason = check_later(&world).await.1;
        assert!(reason.contains("there is no A or AAAA record a.net"), "{reason}");
        dns.set_address("a.net", HOME);
        assert!(check_later(&world).await.1.contains("answers 404"));
        let requests = web.take();
        assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("GET", path.as_str()));
        assert_eq!(requests[0].header("host").unwrap(), format!("a.net:{}", web.address.port()));

        web.set_answer(|_| WebAnswer::Body(200, b"<html>password 1234</html>".to_vec()));
        let reason = check_later(&world).await.1;
        assert!(reason.contains("has another content") && !reason.contains("1234"), "{reason}");
        for (status, body) in [(200, value[..63].to_owned()), (404, value.clone()), (500, value.clone())] {
            web.set_answer(move |_| WebAnswer::Body(status, body.clone().into_bytes()));
            assert_eq!(check_later(&world).await.0, "PENDING", "{status}");
        }
        // Only at its path.
        let (right, text) = (path.clone(), format!("\r\n {value}\n\n"));
        web.set_answer(move |request| match request.path == right {
            true => WebAnswer::Body(200, text.clone().into_bytes()),
            false => WebAnswer::Body(404, Vec::new()),
        });
        assert_eq!(check_later(&world).await, ("VERIFIED".to_owned(), String::new()));

        apply(&world, &["127.0.0.1"], ValidationMethod::File).await.unwrap();
        let row = proofs(&world).await.remove(0);
        assert_eq!(check_later(&world).await.0, "PENDING");
        web.set_answer(move |_| WebAnswer::Body(200, row.record_value.clone().into_bytes()));
        assert_eq!(check_later(&world).await, ("VERIFIED".to_owned(), String::new()));
        assert_eq!(web.take().last().unwrap().header("host").unwrap(), web.address.to_string());
    });
}

#[test]
fn redirects_are_followed_within_bounds() {
    on_both(async |world, Scene { dns, web }| {
        let port = web.address.port();
        for name in ["a.net", "b.net"] {
            dns.set_address(name, HOME);
        }
        let start = async |id: &str| {
            apply_as(&world, &world.account, id, &["a.net"], ValidationMethod::File).await.unwrap();
            let mut session = world.ccm.database().read().await.unwrap();
            domain_proofs::list(&mut session, id).await.unwrap()[0].record_value.clone()
        };
        let outcome = async |id: &str| {
            assert_eq!(check(&world).await, 1);
            let mut session = world.ccm.database().write().await.unwrap();
            let row = domain_proofs::list(&mut session, id).await.unwrap().remove(0);
            domain_proofs::delete(&mut session, id, "a.net").await.unwrap();
            session.commit().await.unwrap();
            (row.status, row.last_error.unwrap_or_default())
        };
        for status in [301, 302, 307, 308] {
            let value = start(ID).await;
            // To another name, then five steps in all.
            web.set_answer(move |request| match request.path.strip_prefix("/step") {
                None => WebAnswer::Redirect(status, format!("http://b.net:{port}/step2")),
                Some("5") => WebAnswer::Body(200, value.clone().into_bytes()),
                Some(step) => {
                    WebAnswer::Redirect(status, format!("/step{}", step.parse::<u8>().unwrap_or_default() + 1))
                }
            });
            assert_eq!(outcome(ID).await, ("VERIFIED".to_owned(), String::new()), "{status}");
            assert_eq!(web.take().len(), 5);
        }
        // Whatever its certificate: that may be what is applied for.
        let value = start(ID).await;
        web.set_answer(move |request| match request.path.as_str() {
            "/tls" => WebAnswer::Body(200, value.clone().into_bytes()),
            _ => WebAnswer::Redirect(301, format!("https://b.net:{port}/tls")),
        });
        assert_eq!(outcome(ID).await, ("VERIFIED".to_owned(), String::new()));
        web.take();
        let elsewhere = WebServer::start().unwrap();
        let target = elsewhere.address.port();
        for (status, to, message) in [
            (302, format!("http://a.net:{target}/"), "usual port"),
            (302, "ftp://a.net/".to_owned(), ""),
            (302, "file:///etc/hostname".to_owned(), ""),
            (303, format!("http://a.net:{port}/other"), "303"),
            (302, format!("http://nowhere.test:{port}/"), "nowhere.test"),
            (302, format!("http://a.net:{port}/again"), "too many redirects"),
        ] {
            let value = start(ID).await;
            elsewhere.set_answer({
                let value = value.clone();
                move |_| WebAnswer::Body(200, value.clone().into_bytes())
            });
            let location = to.clone();
            web.set_answer(move |request| match request.path.as_str() {
                "/other" => WebAnswer::Body(200, value.clone().into_bytes()),
                _ => WebAnswer::Redirect(status, location.clone()),
            });
            let (standing, reason) = outcome(ID).await;
            assert_eq!(standing, "PENDING", "{status} {to}");
            assert!(reason.contains(message), "{status} {to}: {reason}");
        }
        assert!(elsewhere.take().is_empty());
    });
}

#[test]
fn large_files_and_slow_servers_do_not_hold_anything_up() {
    on_both(async |world, Scene { dns, web }| {
        dns.set_address("a.net", HOME);
        apply(&world, &["a.net"], ValidationMethod::File).await.unwrap();
        let value = proofs(&world).await[0].record_value.clone();
        web.set_answer(|_| WebAnswer::Endless);
        let reason = check_later(&world).await.1;
        assert!(reason.contains("longer than 4096 bytes"), "{reason}");
        // The value does not help what is too long.
        let long = format!("{value}{}", " ".repeat(5000));
        web.set_answer(move |_| WebAnswer::Body(200, long.clone().into_bytes()));
        assert!(check_later(&world).await.1.contains("longer than 4096 bytes"));

        // Ten at a time take as long as one.
        web.set_answer(|_| WebAnswer::Nothing);
        for number in 0..9 {
            let id = format!("scs{number}");
            apply_as(&world, &world.account, &id, &["a.net"], ValidationMethod::File).await.unwrap();
        }
        world.clock.advance(HOUR_MS);
        let started = Instant::now();
        assert_eq!(check(&world).await, 10);
        let elapsed = started.elapsed();
        assert!(elapsed > Duration::from_secs(2) && elapsed < Duration::from_secs(15), "{elapsed:?}");
        let row = proofs(&world).await.remove(0);
        assert_eq!(row.status, "PENDING");
        assert!(!row.last_error.unwrap().is_empty());
    });
}
