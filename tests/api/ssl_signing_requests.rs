//! Signing requests of servers, made here or uploaded, judged by OpenSSL.

use openccm_pki::{ServerKey, SigningRequest};
use openccm_service::{
    jobs::Job,
    ssl::{SslOptions, validation::ValidationOptions},
};
use serde_json::{Value, json};

use crate::{
    workshop::{self, Workshop},
    world::{World, on_both, with, with_ssl},
};

const CSRS: &str = "/v3/scm/csr";
const MISSING: &str = "0123456789abcdef0123456789abcdef";

fn personal() -> Value {
    json!({"name": "web", "domain_name": "a.example.com", "private_key_algo": "EC_P256", "usage": "PERSONAL"})
}

fn enterprise() -> Value {
    json!({
        "name": "公司 (web)", "domain_name": "*.example.com", "sans": "example.com;192.0.2.1", "private_key_algo": "EC_P384",
        "usage": "ENTERPRISE", "company_country": "cn", "company_province": "北京市", "company_city": "北京市",
        "company_name": "例子 & Co. (Beijing)",
    })
}

async fn create(world: &World, body: Value) -> Value {
    world.call("POST", CSRS, body).await.ok()
}

async fn list(world: &World, query: &str) -> (Vec<String>, i64) {
    let answer = world.get(&format!("{CSRS}{query}")).await;
    let names = answer["csr_list"].as_array().unwrap().iter().map(|csr| csr["name"].as_str().unwrap().to_owned());
    (names.collect(), answer["total"].as_i64().unwrap())
}

fn id(csr: &Value) -> &str {
    csr["id"].as_str().unwrap()
}

#[test]
fn are_made_with_keys_of_every_kind() {
    on_both(async |world| {
        let workshop = Workshop::new();
        for (algorithm, label, size) in [
            ("RSA_2048", "RSA ", "2048 bit"),
            ("RSA_3072", "RSA ", "3072 bit"),
            ("RSA_4096", "RSA ", "4096 bit"),
            ("EC_P256", "EC ", "256 bit"),
            ("ec_p384", "EC ", "384 bit"),
        ] {
            let made = create(&world, with(personal(), "/private_key_algo", algorithm.into())).await;
            assert_eq!(made["private_key_algo"], algorithm.to_uppercase());
            workshop.write("made.csr", made["csr"].as_str().unwrap());
            let shown = workshop.openssl("req -in made.csr -noout -text -verify");
            assert!(shown.contains(size) && shown.contains("DNS:a.example.com\n"), "{shown}");

            let answer = world.call("GET", &format!("{CSRS}/{}/private-key", id(&made)), Value::Null).await;
            assert_eq!(answer.header("cache-control"), "no-store");
            let key = answer.ok()["private_key"].as_str().unwrap().to_owned();
            assert!(key.starts_with(&format!("-----BEGIN {label}PRIVATE KEY-----")), "{algorithm}");
            workshop.write("made.key", &key);
            let public = |command: &str| workshop.openssl(command);
            assert_eq!(public("req -in made.csr -noout -pubkey"), public("pkey -in made.key -pubout"), "{algorithm}");
        }
    });
}

#[test]
fn say_what_was_asked_for() {
    on_both(async |world| {
        let now = world.clock_ms();
        let made = create(&world, enterprise()).await;
        let expected = json!({
            "id": made["id"], "csr": made["csr"], "name": "公司 (web)", "domain_name": "*.example.com",
            "sans": "example.com;192.0.2.1", "private_key_algo": "EC_P384", "usage": "ENTERPRISE", "company_country": "cn",
            "company_province": "北京市", "company_city": "北京市", "company_name": "例子 & Co. (Beijing)",
            "create_time": now, "update_time": now,
        });
        assert_eq!(made, expected);
        assert_eq!(world.get(&format!("{CSRS}/{}", id(&made))).await, made);
        let request = SigningRequest::from_pem(made["csr"].as_str().unwrap()).unwrap();
        assert_eq!(request.domain_names().unwrap(), ["*.example.com", "example.com", "192.0.2.1"]);
        let subject = request.distinguished_name();
        let text = |value: Option<String>| value.unwrap_or_default();
        assert_eq!(text(subject.common_name), "*.example.com");
        assert_eq!(text(subject.country), "CN");
        assert_eq!([text(subject.state), text(subject.locality)], ["北京市", "北京市"]);
        assert_eq!(text(subject.organization), "例子 & Co. (Beijing)");
        assert_eq!(text(subject.organizational_unit), "");

        // However the names are parted, in whatever case, once or twice.
        let sans = "B.example.com, c.example.com;;例子.cn\nb.example.com a.example.com";
        let made = create(&world, with(personal(), "/sans", sans.into())).await;
        assert_eq!(made["sans"], "b.example.com;c.example.com;xn--fsqu00a.cn;a.example.com");
        let request = SigningRequest::from_pem(made["csr"].as_str().unwrap()).unwrap();
        let names = ["a.example.com", "b.example.com", "c.example.com", "xn--fsqu00a.cn"];
        assert_eq!(request.domain_names().unwrap(), names);
        assert_eq!(made["company_name"], "");

        // A common name has 64 characters at most.
        let long = format!("{}.example.com", "a".repeat(60));
        let made = create(&world, with(personal(), "/domain_name", long.clone().into())).await;
        let request = SigningRequest::from_pem(made["csr"].as_str().unwrap()).unwrap();
        assert!(request.has_empty_subject());
        assert_eq!(request.domain_names().unwrap(), [long]);
        let address = create(&world, with(personal(), "/domain_name", "2001:DB8::1".into())).await;
        assert_eq!(address["domain_name"], "2001:db8::1");
    });
}

#[test]
fn are_refused_with_the_code_of_what_is_wrong() {
    on_both(async |world| {
        let change = |field: &str, value: Value| with(enterprise(), &format!("/{field}"), value);
        let many = (0..251).map(|index| format!("a{index}.example.com")).collect::<Vec<_>>().join(";");
        for (body, code) in [
            (Value::Null, "SCM.0032"),
            (json!([]), "SCM.0005"),
            (json!("x"), "SCM.0005"),
            (change("name", Value::Null), "SCM.0032"),
            (change("name", "".into()), "SCM.0032"),
            (change("name", "  ".into()), "SCM.0032"),
            (change("name", "a\nb".into()), "SCM.0032"),
            (change("name", "a\u{0}b".into()), "SCM.0032"),
            (change("name", 7.into()), "SCM.0032"),
            (change("name", "a".repeat(256).into()), "SCM.0032"),
            (change("domain_name", Value::Null), "SCM.0108"),
            (change("domain_name", "a_b.example.com".into()), "SCM.0108"),
            (change("domain_name", "a.example.com;b.example.com".into()), "SCM.0108"),
            (change("domain_name", "a.*.example.com".into()), "SCM.0108"),
            (change("domain_name", "https://example.com".into()), "SCM.0108"),
            (change("domain_name", ["a.example.com"][..].into()), "SCM.0108"),
            (change("sans", "a.example.com;b_c.example.com".into()), "SCM.0108"),
            (change("sans", ["a.example.com"][..].into()), "SCM.0108"),
            (change("sans", many.into()), "SCM.0108"),
            (change("private_key_algo", Value::Null), "SCM.0005"),
            (change("private_key_algo", "SM2".into()), "SCM.0005"),
            (change("private_key_algo", "RSA_1024".into()), "SCM.0005"),
            (change("private_key_algo", "RSA2048".into()), "SCM.0005"),
            (change("usage", Value::Null), "SCM.0005"),
            (change("usage", "OTHER".into()), "SCM.0005"),
            (change("company_country", Value::Null), "SCM.0005"),
            (change("company_country", "CHN".into()), "SCM.0005"),
            (change("company_country", "中国".into()), "SCM.0005"),
            (change("company_province", Value::Null), "SCM.0005"),
            (change("company_city", "a".repeat(129).into()), "SCM.0005"),
            (change("company_name", "".into()), "SCM.0005"),
            (change("company_name", "a".repeat(65).into()), "SCM.0005"),
            (change("company_name", "a\u{7}".into()), "SCM.0005"),
            (with(personal(), "/company_country", "C1".into()), "SCM.0005"),
        ] {
            world.call("POST", CSRS, body).await.error(400, code);
        }
        let refusal = world.call("POST", CSRS, change("private_key_algo", "SM2".into())).await;
        assert!(refusal.text().contains("SM2 is not supported"), "{}", refusal.text());
        assert_eq!(list(&world, "").await, (vec![], 0));
    });
}

#[test]
fn are_listed_by_name_and_algorithm() {
    on_both(async |world| {
        for (name, algorithm) in
            [("Web-1", "EC_P256"), ("web-2", "EC_P384"), ("mail_1", "EC_P256"), ("100%", "EC_P256")]
        {
            let body = with(with(personal(), "/name", name.into()), "/private_key_algo", algorithm.into());
            create(&world, body).await;
            world.clock.advance(1);
        }
        let all = ["100%", "mail_1", "web-2", "Web-1"];
        for (query, names, total) in [
            ("", &all[..], 4),
            ("?limit=50&offset=0", &all, 4),
            ("?limit=2", &all[..2], 4),
            ("?limit=2&offset=1", &all[1..3], 4),
            ("?offset=4", &[], 4),
            ("?offset=99", &[], 4),
            ("?limit=0", &all[..1], 4),
            ("?limit=1000", &all, 4),
            ("?name=WEB", &["web-2", "Web-1"], 2),
            ("?name=_", &["mail_1"], 1),
            ("?name=%25", &["100%"], 1),
            ("?name=nothing", &[], 0),
            ("?private_key_algo=EC_P256", &["100%", "mail_1", "Web-1"], 3),
            ("?private_key_algo=ec_p384", &["web-2"], 1),
            ("?private_key_algo=SM2", &[], 0),
            ("?private_key_algo=EC_P256&name=web", &["Web-1"], 1),
            ("?private_key_algo=&name=", &all, 4),
        ] {
            assert_eq!(list(&world, query).await, (names.iter().map(ToString::to_string).collect(), total), "{query}");
        }
        for query in ["?limit=x", "?offset=-1", "?offset=1.5", "?private_key_algo=RSA", "?name=%00"] {
            world.call("GET", &format!("{CSRS}{query}"), Value::Null).await.error(400, "SCM.0005");
        }
        let long = format!("{CSRS}?name={}", "a".repeat(256));
        world.call("GET", &long, Value::Null).await.error(400, "SCM.0005");
    });
}

#[test]
fn are_renamed_and_deleted_with_their_keys() {
    on_both(async |world| {
        let made = create(&world, personal()).await;
        let other = create(&world, with(personal(), "/name", "other".into())).await;
        let path = format!("{CSRS}/{}", id(&made));
        world.clock.advance(7);
        let renamed = world.call("PUT", &path, json!({"name": "邮件 Server"})).await.ok();
        let expected = with(with(made.clone(), "/name", "邮件 Server".into()), "/update_time", world.clock_ms().into());
        assert_eq!(renamed, expected);
        assert_eq!(world.get(&path).await, renamed);
        assert_eq!(list(&world, "?name=SERVER").await, (vec!["邮件 Server".to_owned()], 1));
        assert_eq!(list(&world, "?name=web").await, (vec![], 0));
        for body in [Value::Null, json!({}), json!({"name": ""}), json!({"name": "a".repeat(256)}), json!({"name": []})]
        {
            world.call("PUT", &path, body).await.error(400, "SCM.0032");
        }
        assert_eq!(world.get(&path).await, renamed);

        world.call("DELETE", &path, Value::Null).await.no_content();
        for (method, path) in
            [("GET", path.clone()), ("DELETE", path.clone()), ("GET", format!("{path}/private-key")), ("PUT", path)]
        {
            world.call(method, &path, json!({"name": "x"})).await.error(404, "SCM.0707");
        }
        assert!(!has_key(&world, &made).await && has_key(&world, &other).await);
        assert_eq!(list(&world, "").await, (vec!["other".to_owned()], 1));
        world.call("DELETE", &format!("{CSRS}/{}", id(&other)), Value::Null).await.no_content();
        assert!(!has_key(&world, &other).await);
    });
}

/// Whether the database holds the key of this signing request.
async fn has_key(world: &World, csr: &Value) -> bool {
    let mut session = world.ccm.database().read().await.unwrap();
    openccm_store::private_keys::find(&mut session, id(csr)).await.unwrap().is_some()
}

#[test]
fn of_other_accounts_are_not_found() {
    on_both(async |world| {
        let made = create(&world, personal()).await;
        let bob = world.add_account("bob", true).await;
        let mine = format!("{CSRS}/{}", id(&made));
        for path in [mine.clone(), format!("{CSRS}/{MISSING}"), format!("{CSRS}/x"), format!("{CSRS}/%27")] {
            for (method, path) in
                [("GET", path.clone()), ("GET", format!("{path}/private-key")), ("PUT", path.clone()), ("DELETE", path)]
            {
                world.call_as(&bob, method, &path, json!({"name": "bobs"})).await.error(404, "SCM.0707");
            }
        }
        assert_eq!(world.call_as(&bob, "GET", CSRS, Value::Null).await.ok(), json!({"csr_list": [], "total": 0}));
        assert_eq!(world.get(&mine).await, made);
        let carol = world.add_account("carol", false).await;
        for (method, path) in
            [("GET", CSRS.to_owned()), ("POST", CSRS.to_owned()), ("GET", format!("{mine}/private-key"))]
        {
            world.call_as(&carol, method, &path, personal()).await.error(403, "SCM.4002");
        }
        world.send("GET", CSRS, &[], Vec::new()).await.error(401, "SCM.1000");
    });
}

#[test]
fn are_uploaded_with_or_without_their_keys() {
    on_both(async |world| {
        let workshop = Workshop::new();
        for (algorithm, options, sealed) in [
            ("RSA_2048", "RSA -pkeyopt rsa_keygen_bits:2048", "RSA "),
            ("EC_P256", "EC -pkeyopt ec_paramgen_curve:P-256", "EC "),
            ("EC_P521", "EC -pkeyopt ec_paramgen_curve:P-521", "EC "),
            ("ED25519", "ED25519", ""),
        ] {
            let key = workshop.key("key", options);
            let csr = workshop.openssl(
                "req -new -key key.key -subj /C=CN/ST=Sichuan/L=Chengdu/O=Example/CN=A.example.com \
                 -addext subjectAltName=DNS:b.example.com,IP:192.0.2.1",
            );
            let now = world.clock_ms();
            let body = json!({"name": "uploaded", "csr": csr.replace('\n', "\\n"), "private_key": key});
            let uploaded = world.call("POST", &format!("{CSRS}/upload"), body).await.ok();
            assert_eq!(uploaded, json!({"id": uploaded["id"], "name": "uploaded", "create_time": now}));
            let path = format!("{CSRS}/{}", id(&uploaded));
            let shown = world.get(&path).await;
            let expected = json!({
                "id": uploaded["id"], "name": "uploaded", "csr": csr.trim_end().replace('\n', "\r\n"),
                "domain_name": "a.example.com", "sans": "b.example.com;192.0.2.1", "private_key_algo": algorithm,
                "usage": "ENTERPRISE", "company_country": "CN", "company_province": "Sichuan", "company_city": "Chengdu",
                "company_name": "Example", "create_time": now, "update_time": now,
            });
            assert_eq!(shown, expected);
            let exported = world.get(&format!("{path}/private-key")).await["private_key"].as_str().unwrap().to_owned();
            assert!(exported.starts_with(&format!("-----BEGIN {sealed}PRIVATE KEY-----")));
            let pkcs8 = |text: &str| ServerKey::from_pem(text).unwrap().pkcs8().to_vec();
            assert_eq!(pkcs8(&exported), pkcs8(&key));
            assert_eq!(list(&world, &format!("?private_key_algo={algorithm}")).await.1, 1);

            for nothing in [Value::Null, "".into()] {
                let body = json!({"name": "without its key", "csr": csr, "private_key": nothing});
                let uploaded = world.call("POST", &format!("{CSRS}/upload"), body).await.ok();
                let path = format!("{CSRS}/{}/private-key", id(&uploaded));
                world.call("GET", &path, Value::Null).await.error(400, "SCM.0059");
                world.call("DELETE", &format!("{CSRS}/{}", id(&uploaded)), Value::Null).await.no_content();
            }
        }
        workshop.ec_key("key");
        let csr = workshop.request("key", "/CN=*.example.com").replace("BEGIN CERT", "BEGIN NEW CERT");
        let csr = csr.replace("END CERT", "END NEW CERT");
        let body = json!({"name": "personal", "csr": csr});
        let uploaded = world.call("POST", &format!("{CSRS}/upload"), body).await.ok();
        let shown = world.get(&format!("{CSRS}/{}", id(&uploaded))).await;
        assert_eq!([&shown["usage"], &shown["sans"], &shown["company_name"]], ["PERSONAL", "", ""]);
        assert_eq!(shown["domain_name"], "*.example.com");
    });
}

/// What `openssl` prints about the public key of a PEM file that `command` reads.
fn public_key(workshop: &Workshop, command: &str, pem: &Value) -> String {
    workshop.write("text.pem", pem.as_str().unwrap());
    workshop.openssl(&format!("{command} -in text.pem"))
}

#[test]
fn give_their_key_to_the_certificate_that_is_issued_for_them() {
    let validation = ValidationOptions { own_zones: vec!["example.com".into()], ..ValidationOptions::default() };
    with_ssl(&SslOptions { validation, ..SslOptions::default() }, async |world| {
        let workshop = Workshop::new();
        let made = create(&world, personal()).await;
        // Uploaded once more, without its key: that one must not hide the key.
        world.clock.advance(1);
        let body = json!({"name": "again", "csr": made["csr"]});
        let again = world.call("POST", &format!("{CSRS}/upload"), body).await.ok();
        let order = json!({
            "cert_brand": "GEOTRUST", "cert_type": "DV_SSL_CERT", "domain_type": "SINGLE_DOMAIN", "effective_time": 1,
            "domain_numbers": 1, "order_number": 1, "agree_privacy_protection": true,
        });
        let bought = world.call("POST", "/v3/scm/certificates/buy", order).await.ok();
        let certificate = format!("/v3/scm/certificates/{}", bought["cert"][0]["cert_id"].as_str().unwrap());
        let application = json!({
            "domain": "a.example.com", "applicant_name": "Alice", "applicant_phone": "13087654321",
            "applicant_email": "alice@example.com", "agree_privacy_protection": true, "domain_method": "DNS",
            "csr": made["csr"],
        });
        world.call("POST", &format!("{certificate}/apply"), application).await.ok();
        Job::ProgressOrders.run(&world.ccm).await.unwrap();

        let export = format!("{certificate}/export");
        let exported = world.call("POST", &export, Value::Null).await.ok();
        let issued = public_key(&workshop, "x509 -noout -pubkey", &exported["certificate"]);
        assert_eq!(issued, public_key(&workshop, "pkey -pubout", &exported["private_key"]));
        let kept = world.get(&format!("{CSRS}/{}/private-key", id(&made))).await;
        assert_eq!(exported["private_key"], kept["private_key"]);

        // Another account that knows the request gets no key by it.
        let bob = world.add_account("bob", true).await;
        let body = json!({"name": "bobs", "csr": made["csr"]});
        let bobs = world.call_as(&bob, "POST", &format!("{CSRS}/upload"), body).await.ok();
        let path = format!("{CSRS}/{}/private-key", id(&bobs));
        world.call_as(&bob, "GET", &path, Value::Null).await.error(400, "SCM.0059");

        for csr in [&again, &made] {
            world.call("DELETE", &format!("{CSRS}/{}", id(csr)), Value::Null).await.no_content();
        }
        assert_eq!(world.call("POST", &export, Value::Null).await.ok()["private_key"], "");
    });
}

/// The key is there, but not as anyone who reads the database could use it.
#[test]
fn have_their_keys_sealed() {
    on_both(async |world| {
        let made = create(&world, personal()).await;
        let shown = world.get(&format!("{CSRS}/{}/private-key", id(&made))).await;
        let key = ServerKey::from_pem(shown["private_key"].as_str().unwrap()).unwrap();
        let mut session = world.ccm.database().read().await.unwrap();
        let sealed = openccm_store::private_keys::find(&mut session, id(&made)).await.unwrap().unwrap();
        // The secret number of a P-256 key, 32 bytes from its 37th byte on.
        let secret = &key.pkcs8()[36..68];
        assert!(key.pkcs8().windows(32).any(|window| window == secret));
        assert!(!sealed.windows(32).any(|window| window == secret));
    });
}

#[test]
fn are_not_uploaded_with_anything_wrong_about_them() {
    on_both(async |world| {
        let workshop = Workshop::new();
        let key = workshop.ec_key("key");
        let csr = workshop.request("key", "/CN=a.example.com");
        let another = workshop.ec_key("other");
        let made = |line: &str| workshop.openssl(line);
        let mut signature = workshop::der(&csr);
        *signature.last_mut().unwrap() ^= 1;
        let cases = [
            (json!({"csr": csr}), "SCM.0032"),
            (json!({"name": "a".repeat(256), "csr": csr}), "SCM.0032"),
            (json!({"name": "x"}), "SCM.0034"),
            (json!({"name": "x", "csr": 7}), "SCM.0034"),
            (json!({"name": "x", "csr": "words"}), "SCM.0034"),
            (json!({"name": "x", "csr": &csr[..csr.len() / 2]}), "SCM.0034"),
            (json!({"name": "x", "csr": format!("{csr}{csr}")}), "SCM.0034"),
            (json!({"name": "x", "csr": key}), "SCM.0034"),
            (json!({"name": "x", "csr": workshop::pem("CERTIFICATE REQUEST", &signature)}), "SCM.0034"),
            (json!({"name": "x", "csr": workshop::pem("CERTIFICATE REQUEST", &vec![0x30; 2_000_000])}), "SCM.0034"),
            (json!({"name": "x", "csr": made("req -new -sha1 -key key.key -subj /CN=a.example.com")}), "SCM.0034"),
            (
                json!({"name": "x", "csr": made("req -new -newkey rsa:1024 -noenc -keyout x.key -subj /CN=a.example.com")}),
                "SCM.0034",
            ),
            (
                json!({"name": "x", "csr": made("req -new -key key.key -subj /CN=x -addext subjectAltName=DNS:a_b.example.com")}),
                "SCM.0034",
            ),
            (json!({"name": "x", "csr": made("req -new -key key.key -subj /CN=Somebody")}), "SCM.0033"),
            (json!({"name": "x", "csr": made("req -new -key key.key -subj /CN=a_b.example.com")}), "SCM.0033"),
            (
                json!({"name": "x", "csr": made("req -new -key key.key -subj /O=Company -addext subjectAltName=email:a@example.com")}),
                "SCM.0033",
            ),
            (json!({"name": "x", "csr": csr, "private_key": another}), "SCM.0014"),
            (json!({"name": "x", "csr": csr, "private_key": made("genpkey -algorithm ED25519")}), "SCM.0014"),
            (json!({"name": "x", "csr": csr, "private_key": "words"}), "SCM.0012"),
            (json!({"name": "x", "csr": csr, "private_key": 7}), "SCM.0012"),
            (json!({"name": "x", "csr": csr, "private_key": csr}), "SCM.0012"),
            (
                json!({"name": "x", "csr": csr, "private_key": made("pkcs8 -topk8 -in key.key -passout pass:secret")}),
                "SCM.0012",
            ),
        ];
        for (body, code) in cases {
            let answer = world.call("POST", &format!("{CSRS}/upload"), body).await;
            assert!(!answer.text().contains("MII"), "{}", answer.text());
            answer.error(400, code);
        }
        assert_eq!(list(&world, "").await, (vec![], 0));
    });
}
