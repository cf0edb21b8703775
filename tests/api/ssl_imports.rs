//! Importing SSL certificates: every good kind comes out as it went in, and nothing bad gets in.

use openccm_pki::{Certificate, ServerKey};
use serde_json::{Value, json};

use crate::{
    corpus::{Case, Good, corpus},
    workshop::Workshop,
    world::{World, on_both},
};

const CERTIFICATES: &str = "/v3/scm/certificates";
const IMPORT: &str = "/v3/scm/certificates/import";

/// Each accepted kind of key, as options of `openssl genpkey`, and how its exported key begins.
const KINDS: [(&str, &str); 7] = [
    ("RSA -pkeyopt rsa_keygen_bits:2048", "-----BEGIN RSA PRIVATE KEY-----"),
    ("RSA -pkeyopt rsa_keygen_bits:3072", "-----BEGIN RSA PRIVATE KEY-----"),
    ("RSA -pkeyopt rsa_keygen_bits:4096", "-----BEGIN RSA PRIVATE KEY-----"),
    ("EC -pkeyopt ec_paramgen_curve:P-256", "-----BEGIN EC PRIVATE KEY-----"),
    ("EC -pkeyopt ec_paramgen_curve:P-384", "-----BEGIN EC PRIVATE KEY-----"),
    ("EC -pkeyopt ec_paramgen_curve:P-521", "-----BEGIN EC PRIVATE KEY-----"),
    ("ED25519", "-----BEGIN PRIVATE KEY-----"),
];

fn request(certificate: &str, chain: Option<&str>, key: &str) -> Value {
    json!({"name": "imported", "certificate": certificate, "certificate_chain": chain, "private_key": key})
}

async fn import(world: &World, body: Value) -> String {
    world.call("POST", IMPORT, body).await.ok()["certificate_id"].as_str().unwrap().to_owned()
}

async fn export(world: &World, id: &str) -> Value {
    world.call("POST", &format!("{CERTIFICATES}/{id}/export"), Value::Null).await.ok()
}

fn ders(pem: &str) -> Vec<Vec<u8>> {
    Certificate::all_from_pem(pem).unwrap().iter().map(|certificate| certificate.der().to_vec()).collect()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("{field}: {value}"))
}

/// Checks that an export is of this certificate, this chain and this key.
fn check(exported: &Value, certificate: &str, chain: &str, key: &str) {
    assert_eq!(ders(text(exported, "certificate")), ders(certificate)[..1]);
    assert_eq!(ders(text(exported, "certificate_chain")), ders(chain));
    let entire = [&ders(certificate)[..1], &ders(chain)].concat();
    assert_eq!(ders(text(exported, "entire_certificate")), entire);
    let pkcs8 = |text: &str| ServerKey::from_pem(text).unwrap().pkcs8().to_vec();
    assert_eq!(pkcs8(text(exported, "private_key")), pkcs8(key));
}

/// The texts of a good certificate, and the corpus made from it: once for both databases.
fn bad_imports() -> (Value, Vec<Case>) {
    let good = Good::new();
    let cases = corpus(&good);
    (request(&good.certificate, Some(&good.chain.concat()), &good.key), cases)
}

#[test]
fn what_is_wrong_is_refused_with_its_code_and_changes_nothing() {
    let (good, cases) = bad_imports();
    assert!(cases.len() >= 200, "{}", cases.len());
    on_both(async |world| {
        let mut wrong = Vec::new();
        for case in &cases {
            let body = request(&case.certificate, case.chain.as_deref(), &case.key);
            let answer = world.call("POST", IMPORT, body).await;
            // The vendor answers so for a chain, and for nothing else.
            let status = if case.code == "SCM.0013" { 500 } else { 400 };
            let code = answer.json()["error_code"].clone();
            if answer.status != status || code != case.code {
                wrong.push(format!("{}: {} {code} instead of {}", case.name, answer.status, case.code));
            }
            assert!(!answer.text().contains("MII"), "{}: {}", case.name, answer.text());
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
        assert_eq!(world.get(CERTIFICATES).await, json!({"total_count": 0, "certificates": []}));
        // What they were made from is good.
        import(&world, good.clone()).await;
        assert_eq!(world.get(CERTIFICATES).await["total_count"], 1);
    });
}

#[test]
fn what_is_missing_or_of_an_odd_type_is_refused() {
    let good = Good::new();
    let body = request(&good.certificate, Some(&good.chain.concat()), &good.key);
    on_both(async |world| {
        for (field, code) in [("name", "SCM.0032"), ("certificate", "SCM.0006"), ("private_key", "SCM.0012")] {
            for odd in [Value::Null, "".into(), 7.into(), json!([]), json!({"a": 1}), true.into()] {
                let mut body = body.clone();
                body[field] = odd;
                world.call("POST", IMPORT, body).await.error(400, code);
            }
        }
        for odd in [7.into(), json!([]), true.into()] {
            let mut body = body.clone();
            body["certificate_chain"] = odd;
            world.call("POST", IMPORT, body).await.error(500, "SCM.0013");
        }
        for odd in [Value::Null, json!({})] {
            world.call("POST", IMPORT, odd).await.error(400, "SCM.0032");
        }
        for odd in [json!([]), json!("x"), json!(7)] {
            world.call("POST", IMPORT, odd).await.error(400, "SCM.0005");
        }
        assert_eq!(world.get(CERTIFICATES).await["total_count"], 0);
    });
}

#[test]
fn every_kind_comes_out_as_it_went_in() {
    let good = Good::new();
    let workshop = &good.workshop;
    let chain = good.chain.concat();
    let names = "subjectAltName=DNS:a.example.com,DNS:*.b.example.com,IP:192.0.2.1\n";
    let made: Vec<(String, String, String)> = KINDS
        .iter()
        .map(|(options, label)| {
            let key = workshop.key("server", options);
            (workshop.issue("middle", "server", "/CN=a.example.com", names, ""), key, (*label).to_owned())
        })
        .collect();
    on_both(async |world| {
        for (certificate, key, label) in &made {
            let id = import(&world, request(certificate, Some(&chain), key)).await;
            let exported = export(&world, &id).await;
            check(&exported, certificate, &chain, key);
            assert!(text(&exported, "private_key").starts_with(label.as_str()), "{label}");
            let shown = world.get(&format!("{CERTIFICATES}/{id}")).await;
            assert_eq!(shown["status"], "UPLOAD");
            assert_eq!(shown["domain"], "a.example.com");
            assert_eq!(shown["sans"], "*.b.example.com;192.0.2.1");
            assert_eq!(shown["domain_count"], 3);
            assert_eq!(shown["wildcard_count"], 1);
            let fingerprint = Certificate::all_from_pem(certificate).unwrap()[0].fingerprint();
            assert_eq!(shown["fingerprint"], fingerprint);
            // What was exported can be imported again.
            let again = request(text(&exported, "entire_certificate"), None, text(&exported, "private_key"));
            check(&export(&world, &import(&world, again).await).await, certificate, &chain, key);
        }
        let expected = 2 * made.len();
        assert_eq!(world.get(CERTIFICATES).await["total_count"], expected);
    });
}

#[test]
fn every_form_of_key_and_chain_is_read() {
    let good = Good::new();
    let [middle, root] = good.chain.clone();
    let sec1 = good.workshop.openssl("ec -in leaf.key");
    let with_parameters = good.workshop.openssl("ecparam -name prime256v1") + &sec1;
    let rsa_key = good.workshop.key("rsa", "RSA -pkeyopt rsa_keygen_bits:2048");
    let traditional = good.workshop.openssl("rsa -in rsa.key -traditional");
    let rsa = good.workshop.issue("rsa", "rsa", "/CN=a.example.com", "", "");
    let own = Workshop::new();
    own.openssl("req -x509 -newkey rsa:2048 -noenc -keyout own.key -out own.pem -subj /CN=localhost");
    let (own, own_key) = (own.read("own.pem"), own.read("own.key"));
    let whole = format!("{middle}{root}");
    let all = format!("{}{whole}", good.certificate);
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let escaped = |text: &str| text.replace('\n', "\\n");
    let misspelt = traditional.replace("END RSA PRIVATE KEY", "END RSA PRIVATEKEY");
    let leaf = good.certificate.as_str();
    let cases: Vec<(String, Option<String>, String, &str)> = vec![
        (leaf.into(), Some(whole.clone()), sec1.clone(), &whole),
        (leaf.into(), Some(whole.clone()), with_parameters, &whole),
        (leaf.into(), Some(format!("{root}{middle}")), sec1.clone(), &whole),
        (leaf.into(), Some(format!("{root}{leaf}{middle}{middle}")), sec1.clone(), &whole),
        (leaf.into(), Some(middle.clone()), good.key.clone(), &middle),
        (all.clone(), None, good.key.clone(), &whole),
        (all.clone(), Some(" ".into()), good.key.clone(), &whole),
        (all.clone(), Some(middle.clone()), good.key.clone(), &middle),
        (crlf(&all), None, crlf(&good.key), &whole),
        (escaped(&all), None, escaped(&good.key), &whole),
        (all.trim_end().into(), None, good.key.trim_end().into(), &whole),
        (rsa.clone(), None, rsa_key, ""),
        (rsa.clone(), None, traditional, ""),
        (rsa.clone(), Some(rsa.clone()), misspelt, ""),
        (own.clone(), None, own_key, ""),
    ];
    on_both(async |world| {
        for (certificate, chain, key, expected) in &cases {
            let id = import(&world, request(certificate, chain.as_deref(), key)).await;
            check(&export(&world, &id).await, certificate, expected, key);
        }
    });
}
