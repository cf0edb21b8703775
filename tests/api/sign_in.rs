//! Signed requests: who is let in, and who is not.

use http::StatusCode;
use openccm_api::{Access, Service};
use openccm_auth::{SignedRequest, SigningAlgorithm, format_sdk_date, sign};
use serde_json::{Value, json};

use crate::world::{Account, Answer, CAS, CERTIFICATES, MINUTE_MS, START_MS, World, on_both, root_request};

const ALGORITHMS: [SigningAlgorithm<'static>; 5] = [
    SigningAlgorithm::HmacSha256,
    SigningAlgorithm::HmacSm3,
    SigningAlgorithm::EcdsaP256Sha256,
    SigningAlgorithm::Sm2Sm3,
    SigningAlgorithm::V11HmacSha256 { region: "cn-north-4", service: "ccm" },
];

type Headers = Vec<(&'static str, String)>;

/// A request that can be signed, changed and sent.
#[derive(Clone)]
struct Signed {
    method: &'static str,
    path: String,
    headers: Headers,
    body: Vec<u8>,
}

impl Signed {
    /// Signs a request at `date_ms` with all of `headers`.
    fn new(
        account: &Account,
        algorithm: SigningAlgorithm<'_>,
        date_ms: i64,
        (method, path, body): (&'static str, &str, &str),
        headers: &[(&'static str, String)],
    ) -> Self {
        let date = format_sdk_date(date_ms).unwrap();
        let mut headers = headers.to_vec();
        headers.push(("host", "127.0.0.1:8080".to_owned()));
        headers.push(("x-sdk-date", date.clone()));
        let borrowed: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let (raw_path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = SignedRequest { method, path: raw_path, query, headers: &borrowed, body: body.as_bytes() };
        let authorization = sign(&request, &account.ak, &account.sk, algorithm, &date, &names).unwrap();
        headers.push(("authorization", authorization));
        Self { method, path: path.to_owned(), headers, body: body.as_bytes().to_vec() }
    }

    fn header(mut self, name: &'static str, change: impl FnOnce(&str) -> String) -> Self {
        let value = &mut self.headers.iter_mut().find(|(present, _)| *present == name).unwrap().1;
        *value = change(value);
        self
    }

    fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    async fn send(self, world: &World) -> Answer {
        world.send(self.method, &self.path, &self.headers, self.body).await
    }
}

/// A list, signed by the world's account.
fn list(world: &World) -> Signed {
    Signed::new(&world.account, SigningAlgorithm::HmacSha256, world.clock_ms(), ("GET", CAS, ""), &[])
}

#[test]
fn every_algorithm_signs_in() {
    on_both(async |world| {
        for (index, algorithm) in ALGORITHMS.into_iter().enumerate() {
            let signed = |request| Signed::new(&world.account, algorithm, START_MS, request, &[]);
            let root = root_request("Root").to_string();
            let made = signed(("POST", CAS, &root)).send(&world).await.ok();
            let path = format!("{CAS}/{}", made["ca_id"].as_str().unwrap());
            let disable = format!("{path}/disable");
            signed(("POST", &disable, "")).send(&world).await.no_content();
            let delete = format!("{path}?pending_days=7");
            signed(("DELETE", &delete, "")).send(&world).await.no_content();
            let query = format!("{CAS}?name=root&status=DELETED&sort_dir=ASC&limit=1000&offset=");
            assert_eq!(signed(("GET", &query, "")).send(&world).await.ok()["total"], index as i64 + 1);
        }
    });
}

#[test]
fn whatever_was_changed_on_the_way_is_refused() {
    on_both(async |world| {
        let other = world.add_account("other", true).await;
        for (index, algorithm) in ALGORITHMS.into_iter().enumerate() {
            let headers = [("x-project-id", world.account.project_id.clone())];
            let root = root_request("Root").to_string();
            let request = ("POST", format!("{CAS}?a=1&b=2"), root);
            let good = Signed::new(&world.account, algorithm, START_MS, (request.0, &request.1, &request.2), &headers);
            let last_digit = |value: &str| {
                let (start, last) = value.split_at(value.len() - 1);
                format!("{start}{}", if last == "0" { "1" } else { "0" })
            };
            let ak = world.account.ak.clone();
            let changed = [
                ("method", Signed { method: "GET", ..good.clone() }),
                ("path", Signed { path: format!("{CERTIFICATES}?a=1&b=2"), ..good.clone() }),
                ("query", Signed { path: format!("{CAS}?a=1&b=3"), ..good.clone() }),
                ("no query", Signed { path: CAS.to_owned(), ..good.clone() }),
                ("body", Signed { body: root_request("Toor").to_string().into_bytes(), ..good.clone() }),
                ("no body", Signed { body: Vec::new(), ..good.clone() }),
                ("a signed header", good.clone().header("x-project-id", |_| other.project_id.clone())),
                ("host", good.clone().header("host", |_| "127.0.0.1:8081".to_owned())),
                ("date", good.clone().header("x-sdk-date", |_| format_sdk_date(START_MS + 1000).unwrap())),
                ("signature", good.clone().header("authorization", last_digit)),
                ("access key", good.clone().header("authorization", |value| value.replace(&ak, &other.ak))),
                ("unknown key", good.clone().header("authorization", |value| value.replace(&ak, "UNKNOWN"))),
                ("headers", good.clone().header("authorization", |value| value.replace("host;", ""))),
            ];
            for (what, request) in changed {
                let answer = request.send(&world).await;
                assert_eq!(answer.status, 401, "{what} {algorithm:?}");
                answer.error(401, "PCA.00010001");
            }
            assert_eq!(list(&world).send(&world).await.ok()["total"], index as i64, "only what follows here");
            let harmless = Signed { path: format!("{CAS}?b=2&a=1"), ..good };
            harmless.with_header("x-unsigned", "anything").send(&world).await.ok();
        }
    });
}

#[test]
fn what_is_no_signature_is_refused() {
    on_both(async |world| {
        let signed = list(&world);
        let good = signed.headers.iter().find(|(name, _)| *name == "authorization").unwrap().1.clone();
        for bad in [
            "",
            " ",
            "Basic YTpi",
            "Bearer x",
            "SDK-HMAC-SHA256",
            "SDK-HMAC-SHA256 ",
            &good.replace("SDK-HMAC-SHA256", "SDK-HMAC-MD5"),
            &good.replace("Access=", "Credential="),
            &good.replace("SignedHeaders=host;x-sdk-date", "SignedHeaders=host"),
            &good.replace("host;", "host;x-absent;"),
            &good.replace(", Signature=", ", Signature=zz"),
            &format!("{good}, {good}"),
            &format!("{good}, Access=x"),
        ] {
            let answer = signed.clone().header("authorization", |_| bad.to_owned()).send(&world).await;
            assert_eq!(answer.status, 401, "{bad}");
            answer.error(401, "PCA.00010001");
        }
        for date in ["", "now", "20261122T000000", "2026-11-22T00:00:00Z", "99991122T000000Z"] {
            let answer = signed.clone().header("x-sdk-date", |_| date.to_owned()).send(&world).await;
            answer.error(401, "PCA.00010001");
        }
        let headers: Headers = signed.headers.into_iter().filter(|(name, _)| *name != "x-sdk-date").collect();
        world.send("GET", CAS, &headers, Vec::new()).await.error(401, "PCA.00010001");
    });
}

#[test]
fn a_signature_lasts_fifteen_minutes_either_way() {
    on_both(async |world| {
        let at =
            |date_ms: i64| Signed::new(&world.account, SigningAlgorithm::HmacSha256, date_ms, ("GET", CAS, ""), &[]);
        let (early, late) = (at(START_MS - 15 * MINUTE_MS), at(START_MS + 15 * MINUTE_MS));
        early.clone().send(&world).await.ok();
        late.clone().send(&world).await.ok();
        world.clock.advance(1);
        early.clone().send(&world).await.error(401, "PCA.00010001");
        late.clone().send(&world).await.ok();
        world.clock.advance(-2);
        early.send(&world).await.ok();
        late.clone().send(&world).await.error(401, "PCA.00010001");
        world.clock.advance(30 * MINUTE_MS + 1);
        late.clone().send(&world).await.ok();
        world.clock.advance(1);
        late.send(&world).await.error(401, "PCA.00010001");
    });
}

#[test]
fn the_account_and_project_that_are_named_must_be_the_callers() {
    on_both(async |world| {
        let other = world.add_account("other", true).await;
        let own = &world.account;
        for (domain, project) in [
            (Some(&own.id), None),
            (None, Some(&own.project_id)),
            (Some(&own.id), Some(&own.project_id)),
            (Some(&String::new()), Some(&String::new())),
        ] {
            let mut signed = list(&world);
            if let Some(domain) = domain {
                signed = signed.with_header("x-domain-id", domain);
            }
            if let Some(project) = project {
                signed = signed.with_header("x-project-id", project);
            }
            signed.send(&world).await.ok();
        }
        for (header, value) in [
            ("x-domain-id", other.id.as_str()),
            ("x-domain-id", own.project_id.as_str()),
            ("x-domain-id", "nonsense"),
            ("x-project-id", other.project_id.as_str()),
            ("x-project-id", own.id.as_str()),
        ] {
            list(&world).with_header(header, value).send(&world).await.error(403, "PCA.00010004");
            for (path, code) in [("/v3/auth/domains", "IAM.0002"), ("/v3/scm/certificates", "SCM.4002")] {
                let signed = Signed::new(own, SigningAlgorithm::HmacSha256, START_MS, ("GET", path, ""), &[]);
                signed.with_header(header, value).send(&world).await.error(403, code);
            }
        }
    });
}

/// The codes of a service for one who did not sign in and for one who may not.
fn refusals(service: Service) -> (&'static str, &'static str) {
    match service {
        Service::Pca => ("PCA.00010001", "PCA.00010004"),
        Service::Scm => ("SCM.1000", "SCM.4002"),
        Service::Apig => ("APIG.1002", "APIG.1005"),
        Service::Elb | Service::Waf => ("APIG.0301", "APIG.0302"),
        Service::Iam | Service::Server => ("IAM.0001", "IAM.0002"),
    }
}

#[test]
fn whoever_does_not_sign_in_gets_the_code_of_the_service() {
    on_both(async |world| {
        for operation in openccm_api::operations().into_iter().filter(|operation| operation.access != Access::Public) {
            let path = operation.path.replace(['{', '}'], "");
            let code = refusals(operation.service).0;
            for headers in [
                vec![],
                vec![("x-auth-token", "x".repeat(100))],
                vec![("authorization", "nonsense".to_owned())],
                vec![("x-auth-token", String::new()), ("authorization", String::new())],
            ] {
                let answer = world.send(operation.method, &path, &headers, Vec::new()).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{operation:?}");
                if operation.method != "HEAD" {
                    answer.error(401, code);
                }
            }
        }
        let answer = world.send("GET", "/v3/auth/domains", &[], Vec::new()).await.json();
        assert_eq!(answer["error"]["code"], 401);
        assert_eq!(answer["error"]["title"], "Unauthorized");
        assert_eq!(answer["error"]["message"], answer["error_msg"]);
    });
}

#[test]
fn whoever_is_no_administrator_may_do_nothing_but_look_at_itself() {
    on_both(async |world| {
        let user = world.add_account("user", false).await;
        for operation in openccm_api::operations().into_iter().filter(|operation| operation.access != Access::Public) {
            let path = operation.path.replace(['{', '}'], "");
            let answer = world.call_as(&user, operation.method, &path, Value::Null).await;
            match operation.access {
                Access::Action(action) => {
                    let message = answer.error(403, refusals(operation.service).1);
                    assert!(message.contains(action), "{message}");
                }
                _ => assert_ne!(answer.status, StatusCode::FORBIDDEN, "{operation:?}"),
            }
        }
        let domains = world.call_as(&user, "GET", "/v3/auth/domains", Value::Null).await.ok();
        assert_eq!(domains["domains"][0]["id"], user.id);
    });
}

#[test]
fn whoever_signs_and_shows_a_token_is_whom_the_signature_says() {
    on_both(async |world| {
        let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {
            "name": world.account.user_name, "password": world.account.password, "domain": {"id": world.account.id},
        }}}}});
        let answer = world.call("POST", "/v3/auth/tokens", body).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        let token = answer.header("x-subject-token").to_owned();
        let other = world.add_account("other", true).await;
        let domain = async |signed: Signed| signed.send(&world).await;
        let by_other =
            Signed::new(&other, SigningAlgorithm::HmacSha256, START_MS, ("GET", "/v3/auth/domains", ""), &[]);
        let both = domain(by_other.clone().with_header("x-auth-token", &token)).await.ok();
        assert_eq!(both["domains"][0]["id"], other.id);
        domain(by_other.clone().with_header("x-auth-token", "nonsense")).await.ok();
        let broken = by_other.with_header("x-auth-token", &token).header("authorization", |value| format!("{value}00"));
        domain(broken).await.error(401, "IAM.0001");
    });
}
