//! Certificates from an ACME service: Pebble, run by `scripts/pebble`.

use std::{collections::BTreeSet, fs, net::TcpListener, sync::Arc, time::Duration};

use axum::Router;
use openccm_core::SslStatus;
use openccm_pki::Certificate;
use openccm_service::{
    OpenCcm,
    ssl::{
        SslOptions,
        issuers::acme::{self, AcmeError, AcmeOptions, AcmeProgress, AcmeRequest, ChallengeOptions},
    },
};
use openccm_store::{
    acme_accounts, acme_challenges, acme_orders,
    ssl_certificates::{self, NewSslCertificate},
};
use rcgen::{CertificateParams, KeyPair};
use tokio::task::JoinHandle;

use crate::{
    pebble::Pebble,
    world::{World, with_ssl},
};

pub(crate) const ISSUER: &str = "pebble";

pub(crate) fn options(pebble: &Pebble) -> AcmeOptions {
    AcmeOptions {
        directory_url: pebble.directory_url.clone(),
        contact: vec!["mailto:pki@example.com".into()],
        external_account: None,
        challenge: ChallengeOptions::Http01,
        trusted_roots_file: Some(pebble.roots()),
    }
}

pub(crate) fn by_dns(pebble: &Pebble) -> AcmeOptions {
    let challenge = ChallengeOptions::Dns01 { hook: pebble.hook(), wait: Duration::from_secs(30) };
    AcmeOptions { challenge, ..options(pebble) }
}

pub(crate) fn ssl(options: AcmeOptions) -> SslOptions {
    options.check().unwrap();
    let mut ssl = SslOptions::default();
    ssl.acme.insert(ISSUER.to_owned(), options);
    ssl
}

/// A signing request for these names, and an order of it for a new certificate.
pub(crate) async fn request(world: &World, id: &str, domains: &[&str]) -> AcmeRequest {
    let domains: Vec<String> = domains.iter().map(|&domain| domain.to_owned()).collect();
    let csr = CertificateParams::new(domains.clone()).unwrap().serialize_request(&KeyPair::generate().unwrap());
    let certificate_id = format!("{id:0>36}");
    let new = NewSslCertificate {
        id: certificate_id.clone(),
        account_id: world.account.id.clone(),
        enterprise_project_id: "0".into(),
        name: "scm-test".into(),
        status: SslStatus::Issuing,
        order_id: None,
        brand: None,
        certificate_type: None,
        domain_type: "MULTI_DOMAIN".into(),
        primary_domain_type: None,
        domain_count: 1,
        wildcard_count: 0,
        validity_months: 3,
        issuer: Some(ISSUER.into()),
        origin_id: None,
        created_at: world.clock_ms(),
    };
    let mut session = world.ccm.database().write().await.unwrap();
    ssl_certificates::insert(&mut session, &new).await.unwrap();
    session.commit().await.unwrap();
    AcmeRequest { certificate_id, issuer: ISSUER.into(), domains, csr_der: csr.unwrap().der().to_vec() }
}

/// Serves HTTP-01 at the port at which Pebble looks.
pub(crate) struct Served(JoinHandle<()>);

impl Served {
    pub(crate) fn start(listener: &TcpListener, router: Router) -> Self {
        let listener = listener.try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        Self(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The whole surface of a server.
pub(crate) fn whole(ccm: &OpenCcm) -> Router {
    openccm_api::router(ccm.clone(), Arc::new(String::new))
}

/// Steps until the order is issued or refused, as the clock's job does.
pub(crate) async fn drive(world: &World, request: &AcmeRequest) -> Result<Vec<Certificate>, String> {
    for _ in 0..100 {
        match acme::step(&world.ccm, request).await {
            Ok(AcmeProgress::Issued { chain }) => {
                return Ok(chain.iter().map(|der| Certificate::from_der(der).unwrap()).collect());
            }
            Ok(AcmeProgress::Waiting { until_ms }) => world.clock.advance((until_ms - world.clock_ms()).max(0)),
            Err(AcmeError::Refused(reason)) => return Err(reason),
            // Pebble has rejected too many nonces.
            Err(AcmeError::Failed { reason, .. }) => assert!(reason.contains("badNonce"), "{reason}"),
        }
    }
    panic!("the order does not end");
}

/// The order URL and the number of challenges that are kept for an order.
pub(crate) async fn kept(world: &World, request: &AcmeRequest) -> (Option<String>, usize) {
    let mut session = world.ccm.database().read().await.unwrap();
    let order = acme_orders::find(&mut session, &request.certificate_id).await.unwrap();
    let challenges = acme_challenges::list(&mut session, &request.certificate_id).await.unwrap();
    (order.map(|order| order.order_url), challenges.len())
}

pub(crate) async fn forget(world: &World, request: &AcmeRequest) {
    let mut session = world.ccm.database().write().await.unwrap();
    acme::forget(&mut session, &request.certificate_id).await.unwrap();
    session.commit().await.unwrap();
}

#[track_caller]
pub(crate) fn check_chain(chain: &[Certificate], domains: &[&str]) {
    let [leaf, issuer] = chain else { panic!("{} certificates", chain.len()) };
    leaf.verify_issued_by(issuer).unwrap();
    let names: BTreeSet<String> = leaf.domain_names().unwrap().into_iter().collect();
    assert_eq!(names, domains.iter().map(|&domain| domain.to_owned()).collect());
}

/// A service at which nobody listens, and a hook.
pub(crate) fn nowhere(script: &str) -> AcmeOptions {
    let hook = ["/bin/sh", "-c", script, "hook"].map(str::to_owned).to_vec();
    AcmeOptions {
        directory_url: "https://127.0.0.1:1/directory".into(),
        contact: Vec::new(),
        external_account: None,
        challenge: ChallengeOptions::Dns01 { hook, wait: Duration::ZERO },
        trusted_roots_file: None,
    }
}

#[test]
fn http_01_is_answered_by_this_server() {
    let pebble = Pebble::start();
    with_ssl(&ssl(options(&pebble)), async |world| {
        // As relying parties reach it, and as everybody else does.
        for (id, router) in [("1", openccm_api::relying_party_router(world.ccm.clone())), ("2", whole(&world.ccm))] {
            let served = Served::start(&pebble.http, router);
            let request = request(&world, id, &["www.example.com", "example.com"]).await;
            let chain = drive(&world, &request).await.unwrap();
            check_chain(&chain, &["example.com", "www.example.com"]);
            // The same again, and no other order, until it is forgotten.
            let (order, challenges) = kept(&world, &request).await;
            assert_eq!((order.is_some(), challenges), (true, 0));
            let again = drive(&world, &request).await.unwrap();
            assert_eq!(again[0].der(), chain[0].der());
            assert_eq!(kept(&world, &request).await.0, order);
            forget(&world, &request).await;
            assert_eq!(kept(&world, &request).await, (None, 0));
            drop(served);
        }
    });
}

#[test]
fn records_are_removed_in_short_turns_also_of_orders_that_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    // The first of several takes a step's patience.
    let script = format!("echo $1 $2 $3 >>{}; case $2 in *.slow.*) sleep 5.1;; esac", calls.display());
    with_ssl(&ssl(nowhere(&script)), async |world| {
        let request = request(&world, "1", &["example.com"]).await;
        let begin = async |names: &[&str]| {
            let _ = fs::remove_file(&calls);
            let mut session = world.ccm.database().write().await.unwrap();
            let order = acme_orders::AcmeOrder {
                certificate_id: request.certificate_id.clone(),
                issuer: ISSUER.into(),
                account_url: "https://127.0.0.1:1/account/1".into(),
                order_url: "https://127.0.0.1:1/order/1".into(),
                domains: "example.com".into(),
                csr: request.csr_der.clone(),
                answered_at: None,
            };
            acme_orders::insert(&mut session, &order, world.clock_ms()).await.unwrap();
            for name in names {
                let challenge = acme_challenges::AcmeChallenge {
                    certificate_id: request.certificate_id.clone(),
                    authorization_url: format!("https://127.0.0.1:1/{name}"),
                    issuer: ISSUER.into(),
                    token: (*name).to_owned(),
                    key_authorization: "k".into(),
                    record_name: Some(format!("_acme-challenge.{name}.example.com")),
                    record_value: Some("v".into()),
                    presented_at: None,
                };
                acme_challenges::put(&mut session, &challenge).await.unwrap();
            }
            session.commit().await.unwrap();
        };
        let cleaned = || fs::read_to_string(&calls).unwrap_or_default().lines().count();

        begin(&["a.slow", "b"]).await;
        assert!(!acme::abandon(&world.ccm, &request.certificate_id).await.unwrap(), "not yet");
        let (order, challenges) = kept(&world, &request).await;
        assert_eq!((order.is_some(), challenges, cleaned()), (true, 1, 1));
        assert!(acme::abandon(&world.ccm, &request.certificate_id).await.unwrap());
        assert_eq!((kept(&world, &request).await, cleaned()), ((None, 0), 2));
        assert!(acme::abandon(&world.ccm, &request.certificate_id).await.unwrap(), "nothing is there any more");

        begin(&["a", "b"]).await;
        assert!(acme::clear_left_behind(&world.ccm).await.unwrap());
        assert_eq!(cleaned(), 0, "they belong to an order");
        forget(&world, &request).await;
        assert_eq!((kept(&world, &request).await, cleaned()), ((None, 2), 0));
        // Somebody is at it.
        let lock = world.ccm.database().lock(&format!("ssl-order:{}", request.certificate_id)).await.unwrap();
        assert!(!acme::clear_left_behind(&world.ccm).await.unwrap());
        lock.release().await;
        assert!(acme::clear_left_behind(&world.ccm).await.unwrap());
        assert_eq!(kept(&world, &request).await, (None, 0));
        let text = fs::read_to_string(&calls).unwrap();
        assert_eq!(text, "cleanup _acme-challenge.a.example.com v\ncleanup _acme-challenge.b.example.com v\n");
    });
}

#[test]
fn answers_to_http_01_are_given_to_all_who_know_the_token() {
    let pebble = Pebble::start();
    with_ssl(&ssl(options(&pebble)), async |world| {
        let request = request(&world, "1", &["example.com"]).await;
        let challenge = |token: &str, record_name: Option<&str>| acme_challenges::AcmeChallenge {
            certificate_id: request.certificate_id.clone(),
            authorization_url: format!("https://acme.example.com/{token}"),
            issuer: ISSUER.into(),
            token: token.to_owned(),
            key_authorization: format!("{token}.thumbprint"),
            record_name: record_name.map(str::to_owned),
            record_value: record_name.map(str::to_owned),
            presented_at: None,
        };
        let mut session = world.ccm.database().write().await.unwrap();
        acme_challenges::put(&mut session, &challenge("a-token_1", None)).await.unwrap();
        acme_challenges::put(&mut session, &challenge("by-dns", Some("_acme-challenge.example.com"))).await.unwrap();
        session.commit().await.unwrap();
        let get =
            async |path: &str| world.send("GET", &format!("/.well-known/acme-challenge/{path}"), &[], vec![]).await;
        let answer = get("a-token_1").await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "a-token_1.thumbprint"));
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        let long = "a".repeat(300);
        for token in ["a-token_2", "a-token", "A-TOKEN_1", "by-dns", "%25", "%00", "%ff", "a%2Fb", &long] {
            get(token).await.error(404, "APIG.0101");
        }
        get("").await.error(404, "APIG.0101");
        get("a-token_1/more").await.error(404, "APIG.0101");
    });
}

#[test]
fn an_order_survives_the_end_of_the_server_at_any_time() {
    let pebble = Pebble::start();
    with_ssl(&ssl(options(&pebble)), async |mut world| {
        let request = request(&world, "1", &["a.example.com", "b.example.com", "c.example.com"]).await;
        // Another server answers the challenges.
        let peer = world.peer().await;
        let _served = Served::start(&pebble.http, whole(&peer.ccm));
        let mut order: Option<String> = None;
        let mut patience = Duration::from_millis(5);
        let mut ends = 0;
        let chain = loop {
            let step = tokio::time::timeout(patience, acme::step(&world.ccm, &request)).await;
            let (found, _) = kept(&world, &request).await;
            if order.is_some() {
                assert_eq!(found, order, "an order is continued");
            }
            order = found;
            match step {
                Ok(Ok(AcmeProgress::Issued { chain })) => break chain,
                Ok(Ok(AcmeProgress::Waiting { until_ms })) => {
                    world.clock.advance((until_ms - world.clock_ms()).max(0));
                }
                Ok(Err(error)) => assert!(error.to_string().contains("badNonce"), "{error}"),
                Err(_) => {
                    // It ended in the middle; the next one gets a little further.
                    ends += 1;
                    patience += Duration::from_millis(5);
                }
            }
            assert!(ends < 2000, "the order does not end");
            world.restart().await;
        };
        assert!(ends > 3, "the server ended but {ends} times");
        let chain: Vec<Certificate> = chain.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
        check_chain(&chain, &["a.example.com", "b.example.com", "c.example.com"]);
        assert_eq!(kept(&world, &request).await.1, 0);
    });
}

#[test]
fn dns_01_is_answered_by_a_hook_and_waits_until_all_can_see_it() {
    let pebble = Pebble::start();
    with_ssl(&ssl(by_dns(&pebble)), async |world| {
        let before = pebble.hook_calls().len();
        let request = request(&world, "1", &["*.example.com", "example.com"]).await;
        let wait = loop {
            match acme::step(&world.ccm, &request).await {
                Ok(AcmeProgress::Waiting { until_ms }) => break until_ms - world.clock_ms(),
                Ok(progress) => panic!("{progress:?}"),
                Err(error) => assert!(error.to_string().contains("badNonce"), "{error}"),
            }
        };
        assert_eq!(wait, 30_000);
        let presented = pebble.hook_calls()[before..].to_vec();
        assert_eq!(presented.len(), 2);
        for [action, name, value] in &presented {
            assert_eq!((action.as_str(), name.as_str()), ("present", "_acme-challenge.example.com"));
            assert_eq!(value.len(), 43, "SHA-256 in base64url");
        }
        assert_ne!(presented[0][2], presented[1][2]);
        // Too early: nothing is asked of the service, and the hook is not run again.
        world.clock.advance(29_999);
        let early = acme::step(&world.ccm, &request).await;
        assert!(
            matches!(&early, Ok(AcmeProgress::Waiting { until_ms }) if *until_ms == world.clock_ms() + 1)
                || early.as_ref().is_err_and(|error| error.to_string().contains("badNonce")),
            "{early:?}"
        );
        assert_eq!(pebble.hook_calls().len(), before + 2);
        world.clock.advance(1);
        let chain = drive(&world, &request).await.unwrap();
        check_chain(&chain, &["*.example.com", "example.com"]);
        let cleaned: Vec<_> = pebble.hook_calls()[before + 2..].to_vec();
        let expected: BTreeSet<_> = presented.iter().map(|[_, name, value]| (name.clone(), value.clone())).collect();
        assert!(cleaned.iter().all(|[action, ..]| action == "cleanup"), "{cleaned:?}");
        assert_eq!(cleaned.len(), 2);
        assert_eq!(cleaned.into_iter().map(|[_, name, value]| (name, value)).collect::<BTreeSet<_>>(), expected);
    });
}

#[test]
fn an_order_that_is_given_up_leaves_nothing_behind() {
    let pebble = Pebble::start();
    with_ssl(&ssl(by_dns(&pebble)), async |world| {
        let before = pebble.hook_calls().len();
        let request = request(&world, "1", &["example.com"]).await;
        while pebble.hook_calls().len() == before {
            if let Err(error) = acme::step(&world.ccm, &request).await {
                assert!(error.to_string().contains("badNonce"), "{error}");
            }
        }
        let (order, challenges) = kept(&world, &request).await;
        assert_eq!((order.is_some(), challenges), (true, 1));
        assert!(acme::abandon(&world.ccm, &request.certificate_id).await.unwrap());
        assert_eq!(kept(&world, &request).await, (None, 0));
        let calls = pebble.hook_calls()[before..].to_vec();
        let actions: Vec<&str> = calls.iter().map(|[action, ..]| action.as_str()).collect();
        assert_eq!(actions, ["present", "cleanup"]);
        assert_eq!(calls[0][1..], calls[1][1..]);
        // Nothing is there any more, and that is fine. It can be ordered again, for other names, too.
        assert!(acme::abandon(&world.ccm, &request.certificate_id).await.unwrap());
        check_chain(&drive(&world, &request).await.unwrap(), &["example.com"]);
    });
}

#[test]
fn what_is_asked_for_anew_is_ordered_anew() {
    let pebble = Pebble::start();
    with_ssl(&ssl(options(&pebble)), async |world| {
        let _served = Served::start(&pebble.http, whole(&world.ccm));
        let first = request(&world, "1", &["example.com"]).await;
        let issued = drive(&world, &first).await.unwrap();
        let order = kept(&world, &first).await.0;
        let other = request(&world, "2", &["example.com", "added.example.com"]).await;
        let second = AcmeRequest { certificate_id: first.certificate_id.clone(), ..other };
        let chain = drive(&world, &second).await.unwrap();
        check_chain(&chain, &["added.example.com", "example.com"]);
        assert_ne!(chain[0].public_key(), issued[0].public_key());
        assert_ne!(kept(&world, &first).await.0, order);
    });
}

#[test]
fn servers_share_one_account_and_its_key_is_sealed() {
    let pebble = Pebble::start();
    with_ssl(&ssl(options(&pebble)), async |world| {
        let peer = world.peer().await;
        let requests = [
            request(&world, "1", &["a.example.com"]).await,
            request(&world, "2", &["b.example.com"]).await,
            request(&world, "3", &["c.example.com"]).await,
            request(&world, "4", &["d.example.com"]).await,
        ];
        let mut steps = tokio::task::JoinSet::new();
        for (request, ccm) in requests.clone().into_iter().zip([&world.ccm, &peer.ccm].into_iter().cycle()) {
            let ccm = ccm.clone();
            steps.spawn(async move { acme::step(&ccm, &request).await });
        }
        // Nobody answers the challenges; the orders are made.
        let _ = steps.join_all().await;
        let mut session = world.ccm.database().read().await.unwrap();
        let account = acme_accounts::find(&mut session, ISSUER, &pebble.directory_url).await.unwrap().unwrap();
        let sealed = String::from_utf8_lossy(&account.sealed_credentials).into_owned();
        assert!(!sealed.contains("key_pkcs8") && !sealed.contains(&account.account_url));
        for request in &requests {
            if let Some(order) = acme_orders::find(&mut session, &request.certificate_id).await.unwrap() {
                assert_eq!(order.account_url, account.account_url);
            }
        }
    });
}
