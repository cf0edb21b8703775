//! Tokens: given for a password or another token, shown, ended; and what a signed-in user sees of its account.

use http::StatusCode;
use openccm_service::jobs::Job;
use serde_json::{Value, json};

use crate::world::{Account, Answer, CAS, HOUR_MS, START_MS, World, on_both, with};

const TOKENS: &str = "/v3/auth/tokens";

/// A request for a token for `account`'s password.
fn by_password(account: &Account) -> Value {
    json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "name": account.user_name, "password": account.password, "domain": {"name": account.name},
    }}}}})
}

fn by_token(token: &str) -> Value {
    json!({"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}})
}

fn scoped(request: Value, scope: Value) -> Value {
    with(request, "/auth/scope", scope)
}

/// Asks for a token, without any other credentials.
async fn ask(world: &World, request: &Value) -> Answer {
    world.send("POST", TOKENS, &[], request.to_string().into_bytes()).await
}

/// A token, and what is told of it.
async fn sign_in(world: &World, request: &Value) -> (String, Value) {
    let answer = ask(world, request).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{request}: {}", answer.text());
    assert!(answer.header("content-type").starts_with("application/json"));
    let token = answer.header("x-subject-token").to_owned();
    assert!(token.len() >= 32);
    (token, answer.json()["token"].clone())
}

async fn get(world: &World, path: &str, token: &str) -> Answer {
    world.send("GET", path, &[("x-auth-token", token.to_owned())], Vec::new()).await
}

/// Something done to the token `subject` by whoever has `token`.
async fn about(world: &World, method: &str, token: &str, subject: &str) -> Answer {
    let headers = [("x-auth-token", token.to_owned()), ("x-subject-token", subject.to_owned())];
    world.send(method, TOKENS, &headers, Vec::new()).await
}

#[test]
fn a_password_gives_a_token() {
    on_both(async |world| {
        let own = &world.account;
        let user_id = world.get("/v3/users").await["users"][0]["id"].clone();
        let account = json!({"id": own.id, "name": own.name});
        let expected = json!({
            "expires_at": "2026-11-23T00:00:00.000000Z", "issued_at": "2026-11-22T00:00:00.000000Z",
            "methods": ["password"], "catalog": [], "roles": [{"id": "0", "name": "te_admin"}], "domain": account,
            "user": {"id": user_id, "name": own.user_name, "domain": account, "password_expires_at": ""},
        });
        let password = "/auth/identity/password/user";
        let users = [
            by_password(own),
            with(by_password(own), &format!("{password}/domain"), json!({"id": own.id})),
            with(by_password(own), password, json!({"id": user_id, "password": own.password})),
            with(by_password(own), password, json!({"id": user_id, "name": "other", "password": own.password})),
        ];
        for request in &users {
            let (token, told) = sign_in(&world, request).await;
            assert_eq!(told, expected);
            get(&world, CAS, &token).await.ok();
            assert_eq!(get(&world, "/v3/auth/domains", &token).await.ok()["domains"][0]["id"], own.id.as_str());
        }
        // `nocatalog` may be asked for; the catalogue is empty anyway.
        let body = by_password(own).to_string().into_bytes();
        assert_eq!(world.send("POST", "/v3/auth/tokens?nocatalog=1", &[], body).await.status, StatusCode::CREATED);
    });
}

#[test]
fn a_token_has_a_scope() {
    on_both(async |world| {
        let own = &world.account;
        let account = json!({"id": own.id, "name": own.name});
        let project = json!({"id": own.project_id, "name": "cn-north-4", "domain": account});
        let request = by_password(own);
        let mut beside = request.clone();
        beside["scope"] = json!({"project": {"name": "cn-north-4"}});
        for request in [
            scoped(request.clone(), json!({"project": {"id": own.project_id}})),
            scoped(request.clone(), json!({"project": {"name": "cn-north-4"}})),
            scoped(request.clone(), json!({"project": {"name": "cn-north-4", "domain": {"name": own.name}}})),
            scoped(request.clone(), json!({"project": {"name": "cn-north-4"}, "domain": null})),
            beside,
        ] {
            let (token, told) = sign_in(&world, &request).await;
            assert_eq!((&told["project"], told.get("domain")), (&project, None), "{request}");
            get(&world, CAS, &token).await.ok();
        }
        for scope in
            [json!({"domain": {"id": own.id}}), json!({"domain": {"name": own.name}}), json!({"domain": {}}), json!({})]
        {
            let (_, told) = sign_in(&world, &scoped(request.clone(), scope)).await;
            assert_eq!((&told["domain"], told.get("project")), (&account, None));
        }
        let other = world.add_account("other", true).await;
        for scope in [
            json!({"project": {"id": other.project_id}}),
            json!({"project": {"name": "nowhere"}}),
            json!({"domain": {"id": other.id}}),
            json!({"domain": {"name": "other"}}),
        ] {
            ask(&world, &scoped(request.clone(), scope)).await.error(404, "IAM.0004");
        }
        let nameless = scoped(request, json!({"project": {}}));
        assert!(ask(&world, &nameless).await.error(400, "IAM.0011").contains("project"));
    });
}

#[test]
fn who_is_not_known_gets_no_token() {
    on_both(async |world| {
        let request = by_password(&world.account);
        let other = world.add_account("other", true).await;
        let user = "/auth/identity/password/user";
        let wrong = [
            with(request.clone(), &format!("{user}/password"), json!("wrong")),
            with(request.clone(), &format!("{user}/password"), json!("Correct-Horse-7 ")),
            with(request.clone(), &format!("{user}/name"), json!("nobody")),
            with(request.clone(), &format!("{user}/domain/name"), json!("nowhere")),
            with(request.clone(), &format!("{user}/domain/name"), json!(other.name)),
            with(request.clone(), user, json!({"id": "nobody", "password": world.account.password})),
            by_token("nonsense"),
        ];
        let mut messages: Vec<String> = Vec::new();
        for request in wrong {
            messages.push(ask(&world, &request).await.error(401, "IAM.0001"));
        }
        messages.dedup();
        assert_eq!(messages.len(), 1, "the answer does not tell what was wrong");
    });
}

#[test]
fn what_is_missing_or_odd_is_named() {
    on_both(async |world| {
        let request = by_password(&world.account);
        let user = "/auth/identity/password/user";
        let name = format!("{user}/name");
        let password = format!("{user}/password");
        let domain = format!("{user}/domain");
        let methods = "/auth/identity/methods";
        let cases = [
            ("/auth", Value::Null, "auth"),
            ("/auth/identity", Value::Null, "identity"),
            (methods, Value::Null, "methods"),
            (methods, json!([]), "methods"),
            (methods, json!(["hw_magic"]), "methods"),
            (methods, json!(["password", "totp"]), "methods"),
            (methods, json!("password"), "methods"),
            (methods, json!([1]), "methods"),
            (methods, json!(["token"]), "token"),
            ("/auth/identity/password", Value::Null, "password"),
            ("/auth/identity/password", json!([]), "password"),
            (user, Value::Null, "user"),
            (user, json!("alice"), "user"),
            (&name, Value::Null, "name"),
            (&name, json!(""), "name"),
            (&name, json!(1), "name"),
            (&name, json!("a\u{0}b"), "name"),
            (&password, Value::Null, "password"),
            (&password, json!(""), "password"),
            (&password, json!(["x"]), "password"),
            (&domain, Value::Null, "domain"),
            (&domain, json!({}), "domain"),
            (&domain, json!("acme"), "domain"),
            ("/auth/scope", json!([]), "scope"),
            ("/auth/scope", json!({"project": "x"}), "project"),
        ];
        for (pointer, value, field) in cases {
            let answer = ask(&world, &with(request.clone(), pointer, value)).await;
            let message = answer.error(400, "IAM.0011");
            assert!(message.contains(field), "{pointer}: {message}");
            assert!(!message.contains(&world.account.password));
            assert_eq!(answer.json()["error"]["code"], 400);
        }
        for body in ["", "null", "[]", "{", "1", "{}{}"] {
            world.send("POST", TOKENS, &[], body.as_bytes().to_vec()).await.error(400, "IAM.0011");
        }
        let long = with(request, &password, json!("x".repeat(10_000)));
        ask(&world, &long).await.error(401, "IAM.0001");
    });
}

#[test]
fn a_token_ends_after_a_day_however_often_it_is_exchanged() {
    on_both(async |world| {
        let (first, told) = sign_in(&world, &by_password(&world.account)).await;
        let expires_at = told["expires_at"].clone();
        world.clock.advance(23 * HOUR_MS);
        let request = scoped(by_token(&first), json!({"project": {"name": "cn-north-4"}}));
        let (second, told) = sign_in(&world, &request).await;
        assert_eq!((&told["expires_at"], &told["methods"]), (&expires_at, &json!(["token"])));
        assert_eq!(told["issued_at"], "2026-11-22T23:00:00.000000Z");
        assert_eq!(told["project"]["name"], "cn-north-4");
        let (third, told) = sign_in(&world, &by_token(&second)).await;
        assert_eq!(
            (&told["expires_at"], told["domain"]["id"].as_str()),
            (&expires_at, Some(world.account.id.as_str()))
        );
        // The token may stand in the header, too.
        let headers = [("x-auth-token", first.clone())];
        let body = json!({"auth": {"identity": {"methods": ["token"]}}}).to_string().into_bytes();
        assert_eq!(world.send("POST", TOKENS, &headers, body).await.status, StatusCode::CREATED);

        world.clock.advance(HOUR_MS - 1);
        assert_eq!(world.clock_ms(), START_MS + 24 * HOUR_MS - 1);
        for token in [&first, &second, &third] {
            get(&world, CAS, token).await.ok();
        }
        world.clock.advance(1);
        for token in [&first, &second, &third] {
            get(&world, CAS, token).await.error(401, "PCA.00010001");
            ask(&world, &by_token(token)).await.error(401, "IAM.0001");
        }
        let (fresh, _) = sign_in(&world, &by_password(&world.account)).await;
        about(&world, "GET", &fresh, &first).await.error(404, "IAM.0004");

        assert_eq!(Job::ForgetTokens.run(&world.ccm).await.unwrap(), 4);
        assert_eq!(Job::ForgetTokens.run(&world.ccm).await.unwrap(), 0);
        get(&world, CAS, &fresh).await.ok();
    });
}

#[test]
fn a_token_is_shown_checked_and_ended() {
    on_both(async |world| {
        let (mine, told) = sign_in(&world, &by_password(&world.account)).await;
        let (subject, _) = sign_in(&world, &by_password(&world.account)).await;
        for (token, subject) in [(&mine, &mine), (&mine, &subject)] {
            let shown = about(&world, "GET", token, subject).await;
            assert_eq!(shown.header("x-subject-token"), subject);
            assert_eq!(shown.ok()["token"], told);
            let checked = about(&world, "HEAD", token, subject).await;
            assert_eq!((checked.status, checked.body.len()), (StatusCode::OK, 0));
            assert_eq!(checked.header("x-subject-token"), subject);
        }
        for method in ["GET", "HEAD", "DELETE"] {
            let headers = [("x-auth-token", mine.clone())];
            assert_eq!(world.send(method, TOKENS, &headers, Vec::new()).await.status, 400);
            assert_eq!(about(&world, method, &mine, "nonsense").await.status, 404);
            assert_eq!(about(&world, method, "nonsense", &mine).await.status, 401);
        }
        about(&world, "DELETE", &mine, &subject).await.no_content();
        about(&world, "DELETE", &mine, &subject).await.error(404, "IAM.0004");
        about(&world, "GET", &mine, &subject).await.error(404, "IAM.0004");
        get(&world, CAS, &subject).await.error(401, "PCA.00010001");
        get(&world, CAS, &mine).await.ok();

        // Another account's tokens are not there.
        let other = world.add_account("other", true).await;
        let (theirs, _) = sign_in(&world, &by_password(&other)).await;
        for method in ["GET", "HEAD", "DELETE"] {
            assert_eq!(about(&world, method, &mine, &theirs).await.status, 404);
        }
        get(&world, CAS, &theirs).await.ok();
        about(&world, "DELETE", &mine, &mine).await.no_content();
        about(&world, "GET", &mine, &mine).await.error(401, "IAM.0001");
    });
}

#[test]
fn a_token_outlives_the_server() {
    on_both(async |mut world| {
        let (token, told) = sign_in(&world, &by_password(&world.account)).await;
        world.restart().await;
        assert_eq!(about(&world, "GET", &token, &token).await.ok()["token"], told);
        get(&world, CAS, &token).await.ok();
    });
}

#[test]
fn a_token_is_for_its_own_account_only() {
    on_both(async |world| {
        let other = world.add_account("other", true).await;
        let (token, _) = sign_in(&world, &by_password(&world.account)).await;
        for (header, value, status) in [
            ("x-domain-id", &world.account.id, 200),
            ("x-project-id", &world.account.project_id, 200),
            ("x-domain-id", &other.id, 403),
            ("x-project-id", &other.project_id, 403),
        ] {
            let headers = [("x-auth-token", token.clone()), (header, value.clone())];
            assert_eq!(world.send("GET", CAS, &headers, Vec::new()).await.status, status, "{header}");
        }
        let reader = world.add_account("reader", false).await;
        let (token, _) = sign_in(&world, &by_password(&reader)).await;
        get(&world, CAS, &token).await.error(403, "PCA.00010004");
        get(&world, "/v3/projects", &token).await.ok();
    });
}

#[test]
fn a_user_sees_its_own_account() {
    on_both(async |world| {
        let own = world.account.clone();
        world.add_account("other", true).await;
        let link = |path: &str| json!({"next": null, "previous": null, "self": format!("http://127.0.0.1:8080{path}")});
        let domain = json!({"id": own.id, "name": own.name, "enabled": true, "description": ""});
        let domains = json!({"domains": [domain], "links": link("/v3/auth/domains")});
        assert_eq!(world.get("/v3/auth/domains").await, domains);
        let project = json!({
            "domain_id": own.id, "is_domain": false, "parent_id": own.id, "name": "cn-north-4", "description": "",
            "links": link(&format!("/v3/projects/{}", own.project_id)), "id": own.project_id, "enabled": true,
        });
        let projects = |path: &str, projects: &[&Value]| json!({"projects": projects, "links": link(path)});
        assert_eq!(world.get("/v3/auth/projects").await, projects("/v3/auth/projects", &[&project]));
        for (query, found) in [
            ("", true),
            ("?name=cn-north-4", true),
            ("?name=", true),
            (&format!("?domain_id={}&name=cn-north-4", own.id), true),
            ("?name=cn-north", false),
            ("?name=CN-NORTH-4", false),
            ("?domain_id=x", false),
            ("?unknown=1", true),
        ] {
            let expected: &[&Value] = if found { &[&project] } else { &[] };
            assert_eq!(world.get(&format!("/v3/projects{query}")).await, projects("/v3/projects", expected), "{query}");
        }
        for (query, found) in [("", 1), ("?name=alice", 1), ("?name=other", 0), ("?domain_id=x", 0)] {
            let json = world.get(&format!("/v3/users{query}")).await;
            let users = json["users"].as_array().unwrap();
            assert_eq!(users.len(), found, "{query}");
            assert!(users.iter().all(|user| user["name"] == "alice" && user["domain_id"] == own.id.as_str()));
        }
        world.call("GET", "/v3/projects?name=%00", Value::Null).await.error(400, "IAM.0011");
    });
}

#[test]
fn versions_are_there_for_whoever_asks() {
    on_both(async |world| {
        let version = json!({
            "id": "v3.6", "status": "stable", "links": [{"rel": "self", "href": "http://127.0.0.1:8080/v3/"}],
        });
        let all = world.send("GET", "/", &[], Vec::new()).await.ok();
        assert_eq!(all["versions"]["values"][0], version);
        assert_eq!(world.send("GET", "/v3", &[], Vec::new()).await.ok()["version"], version);
    });
}
