//! Certificates of API gateways: kept, shown, listed, replaced, deleted.

use std::sync::Arc;

use openccm_core::{Ids, SystemClock};
use openccm_service::gateway::domains::{self, Registration};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, PKCS_RSA_SHA256, SerialNumber, SignatureAlgorithm,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::world::{Account, DAY_MS, MINUTE_MS, START_MS, World, on_both, with};

const MISSING: &str = "a27be832f2e9441c8127fe48e3b5ac67";

/// The surface of an account's API gateways.
pub(crate) fn apigw(account: &Account) -> String {
    format!("/v2/{}/apigw", account.project_id)
}

pub(crate) fn certificates(world: &World) -> String {
    format!("{}/certificates", apigw(&world.account))
}

/// Makes `domain` known: in the group `group` of the gateway `instance` of an account; gives its id.
pub(crate) async fn register(world: &World, account: &Account, instance: &str, group: &str, domain: &str) -> String {
    let registration = Registration {
        account: account.name.clone(),
        instance_id: instance.into(),
        group_id: group.into(),
        group_name: Some("Shop".into()),
        domain: domain.into(),
    };
    let ids = Ids::new(Arc::new(SystemClock));
    domains::register(world.ccm.database(), &ids, registration, world.clock_ms()).await.unwrap()
}

/// A certificate for `names` that begins a day before the world and lasts a year.
pub(crate) fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(name) = names.first() {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    (params.not_before, params.not_after) = (at(START_MS - DAY_MS), at(START_MS + 365 * DAY_MS));
    params
}

fn at(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ms / 1000).unwrap()
}

pub(crate) fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params(&[]);
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "Outside Inc");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A form with a certificate for `names` that signed itself.
pub(crate) fn form(name: &str, names: &[&str]) -> Value {
    form_of(name, params(names), &PKCS_ECDSA_P256_SHA256)
}

fn form_of(name: &str, params: CertificateParams, algorithm: &'static SignatureAlgorithm) -> Value {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    json!({"name": name, "cert_content": certificate.pem(), "private_key": key.serialize_pem()})
}

/// Keeps the certificate of `form`; gives its id.
pub(crate) async fn create(world: &World, form: Value) -> String {
    world.call("POST", &certificates(world), form).await.ok()["id"].as_str().unwrap().to_owned()
}

async fn everything(world: &World) -> Value {
    world.get(&format!("{}?limit=500", certificates(world))).await
}

#[test]
fn the_life_of_a_certificate() {
    on_both(async |world| {
        let path = certificates(&world);
        let root = authority("Outside Root");
        let key = KeyPair::generate().unwrap();
        let mut params = params(&["shop.example.com", "*.san.example.com", "192.0.2.7"]);
        for (attribute, value) in [
            (DnType::OrganizationName, "示例 Inc"),
            (DnType::OrganizationalUnitName, "IT"),
            (DnType::LocalityName, "Chengdu"),
            (DnType::StateOrProvinceName, "Sichuan"),
            (DnType::CountryName, "CN"),
        ] {
            params.distinguished_name.push(attribute, value);
        }
        params.serial_number = Some(SerialNumber::from(vec![0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0, 0]));
        let certificate = params.signed_by(&key, &root).unwrap().pem();
        let body = json!({
            "name": "cert_demo", "cert_content": format!("{certificate}\n{}", root.pem()),
            "private_key": key.serialize_pem(), "unknown": [1],
        });
        let answer = world.call("POST", &path, body.clone()).await;
        assert!(!answer.text().contains("PRIVATE KEY"));
        let created = answer.ok();
        let id = created["id"].as_str().unwrap().to_owned();
        let base = json!({
            "id": id, "name": "cert_demo", "type": "global", "instance_id": "common",
            "project_id": world.account.project_id, "common_name": "shop.example.com",
            "san": ["shop.example.com", "*.san.example.com", "192.0.2.7"], "not_after": "2027-11-22T00:00:00Z",
            "signature_algorithm": "ECDSA-SHA256", "create_time": "2026-11-22T00:00:00Z",
            "update_time": "2026-11-22T00:00:00Z", "is_has_trusted_root_ca": false, "algorithm_type": "ECC",
        });
        let mut full = base.clone();
        for (member, value) in [
            ("version", json!(3)),
            ("organization", json!(["示例 Inc"])),
            ("organizational_unit", json!(["IT"])),
            ("locality", json!(["Chengdu"])),
            ("state", json!(["Sichuan"])),
            ("country", json!(["CN"])),
            ("not_before", json!("2026-11-21T00:00:00Z")),
            ("serial_number", json!("1000000000000000000")),
            ("issuer", json!(["Outside Inc"])),
        ] {
            full[member] = value;
        }
        assert_eq!(created, full);
        let one = format!("{path}/{id}");
        assert_eq!(world.get(&one).await, full);
        assert_eq!(world.get(&format!("{path}/{}", id.to_uppercase())).await, full, "an id may be in capitals");
        assert_eq!(everything(&world).await, json!({"size": 1, "total": 1, "certs": [base]}));

        // The whole form is put in the place of the other; the name may stay.
        world.clock.advance(MINUTE_MS);
        let other = form_of("cert_demo", self::params(&["other.example.com"]), &PKCS_RSA_SHA256);
        let updated = world.call("PUT", &one, other).await.ok();
        assert_eq!(updated, world.get(&one).await);
        for (member, value) in [
            ("id", json!(id)),
            ("san", json!(["other.example.com"])),
            ("organization", json!([])),
            ("algorithm_type", json!("RSA")),
            ("signature_algorithm", json!("SHA256-RSA")),
            ("create_time", json!("2026-11-22T00:00:00Z")),
            ("update_time", json!("2026-11-22T00:01:00Z")),
        ] {
            assert_eq!(updated[member], value, "{member}");
        }

        world.call("DELETE", &one, Value::Null).await.no_content();
        for (method, path) in [
            ("GET", one.clone()),
            ("PUT", one.clone()),
            ("DELETE", one.clone()),
            ("GET", format!("{one}/attached-domains")),
            ("POST", format!("{one}/domains/attach")),
            ("POST", format!("{one}/domains/detach")),
        ] {
            let body = json!({"domains": [{"domain": "a.example.com"}], "name": "cert_demo"});
            let body = if method == "PUT" { form("cert_demo", &["a.example.com"]) } else { body };
            world.call(method, &path, body).await.error(404, "APIG.3021");
        }
        assert_eq!(everything(&world).await["total"], 0);
        // Its name is free again.
        create(&world, body).await;
    });
}

#[test]
fn every_kind_of_key_is_taken_however_its_pem_came() {
    on_both(async |world| {
        for (name, algorithm, signature, kind) in [
            ("rsa_", &PKCS_RSA_SHA256, "SHA256-RSA", "RSA"),
            ("p256", &PKCS_ECDSA_P256_SHA256, "ECDSA-SHA256", "ECC"),
            ("p384", &PKCS_ECDSA_P384_SHA384, "ECDSA-SHA384", "ECC"),
            ("p521", &PKCS_ECDSA_P521_SHA512, "ECDSA-SHA512", "ECC"),
            ("ed25519", &PKCS_ED25519, "Ed25519", "ECC"),
        ] {
            let mut body = form_of(name, params(&["a.example.com"]), algorithm);
            body["algorithm_type"] = json!(kind.to_lowercase());
            for field in ["cert_content", "private_key"] {
                let text = body[field].as_str().unwrap().trim_end().replace("\r\n", "\n").replace('\n', "\\n");
                body[field] = json!(format!("'{text}\\n'"));
            }
            let shown = world.call("POST", &certificates(&world), body).await.ok();
            assert_eq!((&shown["signature_algorithm"], &shown["algorithm_type"]), (&json!(signature), &json!(kind)));
        }
        // One that is not valid yet, one without names, and one that has the CA bit because nobody said otherwise.
        let mut later = params(&["a.example.com"]);
        later.not_before = at(START_MS + DAY_MS);
        let mut nameless = params(&[]);
        nameless.subject_alt_names.clear();
        let mut careless = params(&["a.example.com"]);
        careless.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        for (name, params) in [("later", later), ("nameless", nameless), ("careless", careless)] {
            let shown = create(&world, form_of(name, params, &PKCS_ECDSA_P256_SHA256)).await;
            assert_eq!(shown.len(), 32);
        }
    });
}

#[test]
fn what_cannot_be_accepted_changes_nothing() {
    on_both(async |world| {
        register(&world, &world.account, "gw-1", "group-1", "www.example.com").await;
        let root = authority("Root");
        let good = form("good", &["www.example.com"]);
        let other = form("good", &["www.example.com"]);
        let taken = create(&world, form("taken", &["a.example.com"])).await;
        let id = create(&world, good.clone()).await;
        let before = everything(&world).await;
        let mut expired = params(&["www.example.com"]);
        (expired.not_before, expired.not_after) = (at(START_MS - 2 * DAY_MS), at(START_MS));
        let expired = form_of("good", expired, &PKCS_ECDSA_P256_SHA256);
        let sub_key = KeyPair::generate().unwrap();
        let mut sub = params(&[]);
        sub.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        sub.distinguished_name.push(DnType::CommonName, "Sub");
        let sub = sub.signed_by(&sub_key, &root).unwrap().pem();
        let mut control = params(&["www.example.com"]);
        control.distinguished_name.push(DnType::CommonName, "a\nb");
        let control = form_of("good", control, &PKCS_ECDSA_P256_SHA256);
        let leaf = good["cert_content"].as_str().unwrap();
        let secrets =
            [&good, &other].map(|form| form["private_key"].as_str().unwrap().lines().nth(1).unwrap().to_owned());
        let instance = json!({"type": "instance", "instance_id": "gw-1"});
        let merged = |changes: Value| {
            let mut body = good.clone();
            body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            body
        };
        for (body, status, code) in [
            (Value::Null, 400, "APIG.2001"),
            (json!({}), 400, "APIG.2001"),
            (json!([]), 400, "APIG.2012"),
            (with(good.clone(), "/name", Value::Null), 400, "APIG.2001"),
            (with(good.clone(), "/cert_content", Value::Null), 400, "APIG.2001"),
            (merged(json!({"private_key": ""})), 400, "APIG.2001"),
            (merged(json!({"private_key": 7})), 400, "APIG.2106"),
            (merged(json!({"cert_content": ["a"]})), 400, "APIG.2106"),
            (merged(json!({"name": "abc"})), 400, "APIG.2012"),
            (merged(json!({"name": "a".repeat(51)})), 400, "APIG.2012"),
            (merged(json!({"name": "1abc"})), 400, "APIG.2012"),
            (merged(json!({"name": "_abc"})), 400, "APIG.2012"),
            (merged(json!({"name": "ab-cd"})), 400, "APIG.2012"),
            (merged(json!({"name": "Ärger"})), 400, "APIG.2012"),
            (merged(json!({"name": {}})), 400, "APIG.2012"),
            (merged(json!({"cert_content": "nothing"})), 400, "APIG.2106"),
            (merged(json!({"cert_content": "  "})), 400, "APIG.2106"),
            (merged(json!({"cert_content": good["private_key"]})), 400, "APIG.2106"),
            (merged(json!({"cert_content": format!("{leaf}{}", " ".repeat(100_000))})), 400, "APIG.2106"),
            (merged(json!({"cert_content": sub, "private_key": sub_key.serialize_pem()})), 400, "APIG.2106"),
            (control, 400, "APIG.2106"),
            (merged(json!({"private_key": "nothing"})), 400, "APIG.2106"),
            (merged(json!({"private_key": leaf})), 400, "APIG.2106"),
            (merged(json!({"private_key": "-".repeat(20_001)})), 400, "APIG.2106"),
            (
                merged(
                    json!({"private_key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"}),
                ),
                400,
                "APIG.2105",
            ),
            (merged(json!({"private_key": other["private_key"]})), 400, "APIG.2101"),
            (merged(json!({"cert_content": format!("{leaf}{}", root.pem())})), 400, "APIG.2104"),
            (expired, 400, "APIG.2102"),
            (merged(json!({"type": "regional"})), 400, "APIG.2012"),
            (merged(json!({"type": "instance"})), 400, "APIG.2001"),
            (merged(json!({"type": "instance", "instance_id": "gw-2"})), 404, "APIG.3030"),
            (merged(json!({"type": "instance", "instance_id": "common"})), 404, "APIG.3030"),
            (merged(json!({"algorithm_type": "SM2"})), 400, "APIG.2012"),
            (merged(json!({"algorithm_type": "RSA"})), 400, "APIG.2012"),
            (merged(json!({"algorithm_type": "DSA"})), 400, "APIG.2012"),
            (merged(json!({"trusted_root_ca": root.pem()})), 400, "APIG.2012"),
            (with(merged(instance.clone()), "/trusted_root_ca", json!("nothing")), 400, "APIG.2106"),
            (with(merged(instance.clone()), "/trusted_root_ca", json!(leaf)), 400, "APIG.2106"),
            (with(merged(instance.clone()), "/trusted_root_ca", json!(root.pem().repeat(17))), 400, "APIG.2106"),
            (merged(json!({"name": "taken"})), 400, "APIG.3325"),
        ] {
            let put = world.call("PUT", &format!("{}/{id}", certificates(&world)), body.clone()).await;
            let message = put.error(status, code);
            assert!(secrets.iter().all(|secret| !message.contains(secret)), "{message}");
            // As a new one, it would need a name of its own.
            let body = if body["name"] == "good" { with(body, "/name", json!("fresh")) } else { body };
            world.call("POST", &certificates(&world), body).await.error(status, code);
        }
        // The name of one that is there is taken for a new one, in whatever account it is free.
        world.call("POST", &certificates(&world), good.clone()).await.error(400, "APIG.3325");
        let path = "/v2/%ff/apigw/certificates";
        world.call("POST", path, form("strange", &["a.example.com"])).await.error(403, "APIG.1005");
        for id in [MISSING, "missing", "a%00b", "%ff%ff", "..", &"a".repeat(500)] {
            let path = format!("{}/{id}", certificates(&world));
            world.call("GET", &path, Value::Null).await.error(404, "APIG.3021");
            world.call("PUT", &path, good.clone()).await.error(404, "APIG.3021");
            world.call("DELETE", &path, Value::Null).await.error(404, "APIG.3021");
        }
        assert_eq!(everything(&world).await, before);
        assert_ne!(taken, id);
    });
}

#[test]
fn lists_are_filtered_and_paged() {
    on_both(async |world| {
        register(&world, &world.account, "gw-1", "group-1", "www.example.com").await;
        let path = certificates(&world);
        let instance = |form: Value| with(with(form, "/type", json!("instance")), "/instance_id", json!("gw-1"));
        create(&world, form_of("Alpha_1", params(&["alpha.example.com"]), &PKCS_RSA_SHA256)).await;
        world.clock.advance(1);
        create(&world, instance(form("beta_100", &["beta.example.com"]))).await;
        world.clock.advance(1);
        create(&world, form("示例_证书", &["c.example.com"])).await;
        let names = async |query: &str| -> Vec<String> {
            let answer = world.get(&format!("{path}?{query}")).await;
            let certs = answer["certs"].as_array().unwrap();
            assert_eq!((&answer["size"], &answer["total"]), (&json!(certs.len()), &json!(certs.len())), "{query}");
            certs.iter().map(|cert| cert["name"].as_str().unwrap().to_owned()).collect()
        };
        let (alpha, beta, chinese) = ("Alpha_1", "beta_100", "示例_证书");
        for (query, expected) in [
            ("", vec![chinese, beta, alpha]),
            ("name=ALPHA", vec![alpha]),
            ("name=_1", vec![beta, alpha]),
            ("name=%25", vec![]),
            ("name=%E7%A4%BA%E4%BE%8B", vec![chinese]),
            ("common_name=Beta.", vec![beta]),
            ("signature_algorithm=sha256-rsa", vec![alpha]),
            ("signature_algorithm=SHA256", vec![]),
            ("type=global", vec![chinese, alpha]),
            ("type=instance", vec![beta]),
            ("instance_id=gw-1", vec![beta]),
            ("instance_id=gw-2", vec![]),
            ("instance_id=common", vec![chinese, alpha]),
            ("instance_id=gw-1&type=global", vec![chinese, alpha]),
            ("algorithm_type=ecc", vec![chinese, beta]),
            ("algorithm_type=SM2", vec![]),
            ("name=&limit=0&offset=-3", vec![chinese, beta, alpha]),
            ("limit=-1", vec![chinese, beta, alpha]),
            ("limit=9999999", vec![chinese, beta, alpha]),
        ] {
            assert_eq!(names(query).await, expected, "{query}");
        }
        let page = world.get(&format!("{path}?limit=2&offset=2")).await;
        assert_eq!((&page["size"], &page["total"]), (&json!(1), &json!(3)));
        assert_eq!(page["certs"][0]["name"], alpha);
        for query in ["limit=x", "offset=1.5", "type=regional", "name=%00"] {
            world.call("GET", &format!("{path}?{query}"), Value::Null).await.error(400, "APIG.2012");
        }
    });
}

#[test]
fn accounts_do_not_see_one_another() {
    on_both(async |world| {
        let id = create(&world, form("shared_name", &["a.example.com"])).await;
        let before = everything(&world).await;
        let bob = world.add_account("bob", true).await;
        let theirs = format!("{}/certificates", apigw(&bob));
        let made = world.call_as(&bob, "POST", &theirs, form("shared_name", &["b.example.com"])).await.ok();
        assert_eq!(world.call_as(&bob, "GET", &theirs, Value::Null).await.ok()["total"], 1);
        for method in ["GET", "PUT", "DELETE"] {
            let path = format!("{theirs}/{id}");
            world.call_as(&bob, method, &path, form("stolen", &["a.example.com"])).await.error(404, "APIG.3021");
            // Nor by way of the other's project.
            let path = format!("{}/{id}", certificates(&world));
            world.call_as(&bob, method, &path, form("stolen", &["a.example.com"])).await.error(403, "APIG.1005");
        }
        world.call_as(&bob, "GET", &certificates(&world), Value::Null).await.error(403, "APIG.1005");
        world
            .call("GET", &format!("{}/{}", certificates(&world), made["id"].as_str().unwrap()), Value::Null)
            .await
            .error(404, "APIG.3021");
        assert_eq!(everything(&world).await, before);
    });
}

#[test]
fn keys_are_sealed_and_go_with_their_certificates() {
    on_both(async |world| {
        let keys = async || {
            let mut session = world.ccm.database().read().await.unwrap();
            let mut found = Vec::new();
            for cert in everything(&world).await["certs"].as_array().unwrap() {
                let id = cert["id"].as_str().unwrap();
                found.push(openccm_store::private_keys::find(&mut session, id).await.unwrap().unwrap());
            }
            found
        };
        let first = form("first", &["a.example.com"]);
        let id = create(&world, first.clone()).await;
        let secret = |form: &Value| KeyPair::from_pem(form["private_key"].as_str().unwrap()).unwrap().serialize_der();
        let holds =
            |sealed: &[u8], der: &[u8]| sealed.windows(16).any(|part| der.windows(16).any(|piece| piece == part));
        let sealed = keys().await;
        assert!(sealed.len() == 1 && !holds(&sealed[0], &secret(&first)));
        let second = form("second", &["a.example.com"]);
        let path = format!("{}/{id}", certificates(&world));
        let _ = world.call("PUT", &path, second.clone()).await.ok();
        let replaced = keys().await;
        assert!(replaced.len() == 1 && replaced != sealed && !holds(&replaced[0], &secret(&second)));
        world.call("DELETE", &path, Value::Null).await.no_content();
        let mut session = world.ccm.database().read().await.unwrap();
        assert!(openccm_store::private_keys::find(&mut session, &id).await.unwrap().is_none());
    });
}
