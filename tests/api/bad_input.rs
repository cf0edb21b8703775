//! What clients get wrong: each field of each request, and JSON itself. It is named, and nothing changes.

use serde_json::{Value, json};

use crate::{
    ids::UNKNOWN,
    world::{CAS, CERTIFICATES, World, certificate_request, on_both, root_request, subordinate_request, with},
};

/// What is expected at a place of a request.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Within limits that 10,000 characters exceed.
    Text,
    Choice,
    Integer,
    Boolean,
    Object,
    List,
}
use Kind::{Boolean, Choice, Integer, List, Object, Text};

impl Kind {
    /// Values that are wrong at such a place.
    fn wrong(self) -> Vec<Value> {
        let long = "9".repeat(10_000);
        match self {
            Text => vec![json!(1), json!(true), json!([]), json!({}), json!("a\u{0}b"), json!("\u{0}"), json!(long)],
            Choice => [Text.wrong(), vec![json!("NONSENSE"), json!(" "), json!("演示"), json!("🦀")]].concat(),
            Integer => {
                let numbers = [json!(7.5), json!(1e300), json!(u64::MAX), json!(i64::MIN), json!(-1)];
                let others = [json!("seven"), json!("7.0"), json!(true), json!([7]), json!({}), json!(long)];
                [numbers.to_vec(), others.to_vec()].concat()
            }
            Boolean => vec![json!(1), json!("yes"), json!("1"), json!([true]), json!({}), json!(long)],
            Object => vec![json!(1), json!("x"), json!(true), json!([]), json!([[]]), json!(["x", "y"])],
            List => vec![json!(1), json!("x"), json!({}), json!([1]), json!(["NONSENSE"]), json!([[]]), json!([null])],
        }
    }
}

/// A place in a request, what is expected there, whether it must be there, and the code of what is wrong.
type Field = (&'static str, Kind, bool, &'static str);

fn put(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} has no parent"));
    match key.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[key] = value,
    }
    body
}

/// Sends `good` with each of its `fields` wrong in every way.
async fn check_fields(world: &World, path: &str, good: &Value, fields: &[Field]) {
    let before = world.everything().await;
    for (pointer, kind, mandatory, code) in fields {
        let mut bad: Vec<(Value, Value)> =
            kind.wrong().into_iter().map(|value| (put(good.clone(), pointer, value.clone()), value)).collect();
        if *mandatory {
            bad.push((with(good.clone(), pointer, Value::Null), json!("nothing")));
            bad.push((put(good.clone(), pointer, Value::Null), Value::Null));
            if !matches!(kind, Object | List) {
                bad.push((put(good.clone(), pointer, json!("")), json!("")));
            }
        }
        let name = pointer.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap();
        for (body, value) in bad {
            let answer = world.call("POST", path, body).await;
            let value: String = value.to_string().chars().take(40).collect();
            assert_eq!(answer.status, 400, "{pointer} = {value}: {}", answer.text());
            let message = answer.error(400, code);
            assert!(message.contains(name), "{pointer} = {value}: {message}");
            assert!(message.chars().count() <= 1024);
        }
    }
    assert_eq!(world.everything().await, before, "an error changes nothing");
}

const DISTINGUISHED_NAME: &str = "PCA.00020101";
const KEY_ALGORITHM: &str = "PCA.00020102";
const HASH_ALGORITHM: &str = "PCA.00020103";
const VALIDITY: &str = "PCA.00020109";
const CA_ID: &str = "PCA.00020201";
const CA_TYPE: &str = "PCA.00020202";
const PATH_LENGTH: &str = "PCA.00020203";
const CRL: &str = "PCA.00020204";
const CSR: &str = "PCA.00020401";
const PARAMETER: &str = "PCA.00020001";

const VALIDITY_FIELDS: [Field; 4] = [
    ("/validity", Object, false, VALIDITY),
    ("/validity/type", Choice, true, VALIDITY),
    ("/validity/value", Integer, true, VALIDITY),
    ("/validity/start_from", Integer, false, VALIDITY),
];

/// An authority's name: all of it must be there.
const NAME_FIELDS: [Field; 6] = [
    ("/distinguished_name/common_name", Text, true, DISTINGUISHED_NAME),
    ("/distinguished_name/country", Text, true, DISTINGUISHED_NAME),
    ("/distinguished_name/state", Text, true, DISTINGUISHED_NAME),
    ("/distinguished_name/locality", Text, true, DISTINGUISHED_NAME),
    ("/distinguished_name/organization", Text, true, DISTINGUISHED_NAME),
    ("/distinguished_name/organizational_unit", Text, true, DISTINGUISHED_NAME),
];

#[test]
fn creating_an_authority() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let plain = subordinate_request("Sub", &root);
        let fields = [
            ("/type", Choice, true, CA_TYPE),
            ("/distinguished_name", Object, true, DISTINGUISHED_NAME),
            ("/key_algorithm", Choice, true, KEY_ALGORITHM),
            ("/signature_algorithm", Choice, false, HASH_ALGORITHM),
            ("/issuer_id", Choice, false, CA_ID),
            ("/path_length", Integer, false, PATH_LENGTH),
            ("/key_usages", List, false, PARAMETER),
            ("/crl_configuration", Object, false, CRL),
            ("/enterprise_project_id", Choice, false, PARAMETER),
        ];
        let fields: Vec<Field> = fields.into_iter().chain(NAME_FIELDS).chain(VALIDITY_FIELDS).collect();
        check_fields(&world, CAS, &plain, &fields).await;
        let publishing = json!({"enabled": true, "valid_days": 7, "obs_bucket_name": "bucket"});
        let fields = [
            ("/crl_configuration/enabled", Boolean, true, CRL),
            ("/crl_configuration/obs_bucket_name", Text, true, CRL),
            ("/crl_configuration/valid_days", Integer, true, CRL),
        ];
        check_fields(&world, CAS, &put(plain.clone(), "/crl_configuration", publishing), &fields).await;

        for (pointer, value, code) in [
            ("/distinguished_name/common_name", json!("a".repeat(65)), DISTINGUISHED_NAME),
            ("/distinguished_name/common_name", json!("a/b"), DISTINGUISHED_NAME),
            ("/distinguished_name/common_name", json!("   "), DISTINGUISHED_NAME),
            ("/distinguished_name/country", json!("CHN"), DISTINGUISHED_NAME),
            ("/distinguished_name/country", json!("C"), DISTINGUISHED_NAME),
            ("/distinguished_name/country", json!("中国"), DISTINGUISHED_NAME),
            ("/distinguished_name/state", json!("a".repeat(129)), DISTINGUISHED_NAME),
            ("/distinguished_name/locality", json!("a\nb"), DISTINGUISHED_NAME),
            ("/distinguished_name/organization", json!("a".repeat(65)), DISTINGUISHED_NAME),
            ("/distinguished_name/organizational_unit", json!("a*"), DISTINGUISHED_NAME),
            ("/path_length", json!(7), PATH_LENGTH),
            ("/path_length", json!("-1"), PATH_LENGTH),
            ("/validity/value", json!(0), VALIDITY),
            ("/validity/value", json!(i64::MAX), VALIDITY),
            ("/validity/start_from", json!(i64::MAX), VALIDITY),
            ("/issuer_id", json!(root.replace('-', "")), CA_ID),
            ("/enterprise_project_id", json!(root.to_uppercase()), PARAMETER),
            ("/hsm_cluster_info", json!({"hsm_cluster_id": "x"}), PARAMETER),
        ] {
            let message = world.call("POST", CAS, put(plain.clone(), pointer, value)).await.error(400, code);
            assert!(message.contains(pointer.split('/').next_back().unwrap()), "{message}");
        }
        // A CA that was bought beforehand: none was.
        for ca_id in [json!(root), json!("x")] {
            world.call("POST", CAS, put(plain.clone(), "/ca_id", ca_id)).await.error(404, "PCA.00030102");
        }
        world.call("POST", CAS, put(plain, "/issuer_id", json!(UNKNOWN))).await.error(404, "PCA.00030103");
    });
}

#[test]
fn activating_and_importing() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let pending = world.pending("Pending").await;
        let good = json!({
            "issuer_id": root, "signature_algorithm": "SHA256", "validity": {"type": "DAY", "value": 1},
            "crl_configuration": {"enabled": false},
        });
        let fields = [
            ("/issuer_id", Choice, true, CA_ID),
            ("/signature_algorithm", Choice, true, HASH_ALGORITHM),
            ("/path_length", Integer, false, PATH_LENGTH),
            ("/validity", Object, true, VALIDITY),
            ("/key_usages", List, false, PARAMETER),
            ("/crl_configuration", Object, false, CRL),
            ("/crl_configuration/enabled", Boolean, true, CRL),
            ("/type", Choice, false, CA_TYPE),
            ("/distinguished_name", Object, false, DISTINGUISHED_NAME),
            ("/key_algorithm", Choice, false, KEY_ALGORITHM),
            ("/enterprise_project_id", Choice, false, PARAMETER),
        ];
        let fields: Vec<Field> = fields.into_iter().chain(VALIDITY_FIELDS).collect();
        check_fields(&world, &format!("{CAS}/{pending}/activate"), &good, &fields).await;

        let good = json!({"certificate": "nonsense", "certificate_chain": "nonsense"});
        let fields = [("/certificate", Text, true, "PCA.00020402")];
        check_fields(&world, &format!("{CAS}/{pending}/import"), &good, &fields).await;
        for chain in [json!(1), json!({}), json!("\u{0}")] {
            let body = put(good.clone(), "/certificate_chain", chain);
            let answer = world.call("POST", &format!("{CAS}/{pending}/import"), body).await;
            assert!(answer.error(400, "PCA.00020403").contains("certificate_chain"));
        }
    });
}

#[test]
fn issuing_certificates() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let mut good = certificate_request("leaf", &root);
        good["extended_key_usage"] = json!({});
        good["customized_extension"] = json!({"object_identifier": "1.2.3.4", "value": "v"});
        good["subject_alternative_names"] = json!([{"type": "DNS", "value": "a.example"}]);
        let fields = [
            ("/issuer_id", Choice, true, CA_ID),
            ("/key_algorithm", Choice, false, KEY_ALGORITHM),
            ("/signature_algorithm", Choice, false, HASH_ALGORITHM),
            ("/distinguished_name", Object, true, DISTINGUISHED_NAME),
            ("/distinguished_name/common_name", Text, true, DISTINGUISHED_NAME),
            ("/distinguished_name/country", Choice, false, DISTINGUISHED_NAME),
            ("/distinguished_name/state", Text, false, DISTINGUISHED_NAME),
            ("/distinguished_name/locality", Text, false, DISTINGUISHED_NAME),
            ("/distinguished_name/organization", Text, false, DISTINGUISHED_NAME),
            ("/distinguished_name/organizational_unit", Text, false, DISTINGUISHED_NAME),
            ("/key_usages", List, false, PARAMETER),
            ("/extended_key_usage", Object, false, PARAMETER),
            ("/extended_key_usage/server_auth", Boolean, false, PARAMETER),
            ("/extended_key_usage/smart_card_logon", Boolean, false, PARAMETER),
            ("/customized_extension", Object, false, PARAMETER),
            ("/customized_extension/object_identifier", Choice, true, PARAMETER),
            ("/customized_extension/value", Text, true, PARAMETER),
            ("/subject_alternative_names", List, false, "PCA.00020112"),
            ("/subject_alternative_names/0/type", Choice, true, "PCA.00020112"),
            ("/enterprise_project_id", Choice, false, PARAMETER),
        ];
        let fields: Vec<Field> = fields.into_iter().chain(VALIDITY_FIELDS).collect();
        check_fields(&world, CERTIFICATES, &good, &fields).await;

        let before = world.everything().await;
        let long_label = format!("{}.example", "a".repeat(64));
        for (kind, value, code) in [
            ("DNS", "", "PCA.00020110"),
            ("DNS", "a b", "PCA.00020110"),
            ("DNS", "a\u{0}b", "PCA.00020112"),
            ("DNS", "1.2.3.4", "PCA.00020110"),
            ("DNS", long_label.as_str(), "PCA.00020110"),
            ("IP", "", "PCA.00020111"),
            ("IP", "256.0.0.1", "PCA.00020111"),
            ("IP", "a.example", "PCA.00020111"),
            ("EMAIL", "a", PARAMETER),
            ("URI", "a", PARAMETER),
        ] {
            let body = put(good.clone(), "/subject_alternative_names/0", json!({"type": kind, "value": value}));
            let message = world.call("POST", CERTIFICATES, body).await.error(400, code);
            assert!(message.contains("subject_alternative_names[0].value"), "{message}");
        }
        let many = json!(vec![json!({"type": "DNS", "value": "a.example"}); 21]);
        let body = put(good.clone(), "/subject_alternative_names", many);
        assert!(world.call("POST", CERTIFICATES, body).await.error(400, PARAMETER).contains("at most 20"));
        for identifier in ["1", "1.2.", "2.5.29.17", "2.05.29.17", "1.3.6.1.5.5.7.1.1", "a.b", "9.9.9", "1.2.-3"] {
            let body = put(good.clone(), "/customized_extension/object_identifier", json!(identifier));
            let message = world.call("POST", CERTIFICATES, body).await.error(400, PARAMETER);
            assert!(message.contains("object_identifier"), "{message}");
        }
        let body = put(good, "/key_usages", json!(["keyCertSign"]));
        assert!(world.call("POST", CERTIFICATES, body).await.error(400, PARAMETER).contains("key_usages"));
        assert_eq!(world.everything().await, before);

        let good = json!({"issuer_id": root, "csr": "nonsense", "validity": {"type": "DAY", "value": 1}});
        let fields = [
            ("/csr", Text, true, CSR),
            ("/type", Choice, false, PARAMETER),
            ("/enterprise_project_id", Choice, false, PARAMETER),
            ("/issuer_id", Choice, true, CA_ID),
            ("/validity/type", Choice, true, VALIDITY),
        ];
        let path = format!("{CERTIFICATES}/csr");
        check_fields(&world, &path, &good, &fields[..3]).await;
        // With a request that can be read, so that it is not what is complained of.
        let csr = world.get(&format!("{CAS}/{}/csr", world.pending("Pending").await)).await["csr"].clone();
        let good = put(put(good, "/csr", csr), "/type", json!("INTERMEDIATE_CA"));
        check_fields(&world, &path, &good, &fields[3..]).await;
        check_fields(&world, &path, &good, &[("/path_length", Integer, false, PATH_LENGTH)]).await;
        check_fields(&world, &format!("{path}/parse"), &json!({}), &[("/csr", Text, true, CSR)]).await;
    });
}

#[test]
fn bodies_that_are_no_json_object() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let leaf = world.certificate("leaf", &root).await;
        let before = world.everything().await;
        let good = root_request("Another").to_string();
        let deep = |open: &str, close: &str| format!("{{\"x\":{}1{}}}", open.repeat(10_000), close.repeat(10_000));
        let mut bodies: Vec<Vec<u8>> = [
            "[]",
            "[{}]",
            "1",
            "-1",
            "1.5",
            "true",
            "false",
            "\"text\"",
            "nul",
            "{",
            "}",
            "{}{}",
            "{},",
            "{} x",
            "{'a':1}",
            "{\"type\":}",
            "{\"type\" \"ROOT\"}",
            "{\"type\":\"ROOT\",}",
            "{\"type\":\"\\x\"}",
            "\u{feff}{}",
            "null null",
            "<html>",
            "type=ROOT",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec();
        bodies.push(b"\x00".to_vec());
        bodies.push("[".repeat(10_000).into_bytes());
        bodies.push("{\"a\":".repeat(10_000).into_bytes());
        bodies.push(good.as_bytes()[..good.len() - 1].to_vec());
        bodies.push(format!("{good}x").into_bytes());
        let paths = [
            CAS.to_owned(),
            format!("{CAS}/{root}/activate"),
            format!("{CAS}/{root}/import"),
            format!("{CAS}/{root}/revoke"),
            CERTIFICATES.to_owned(),
            format!("{CERTIFICATES}/csr"),
            format!("{CERTIFICATES}/csr/parse"),
            format!("{CERTIFICATES}/{leaf}/export"),
            format!("{CERTIFICATES}/{leaf}/revoke"),
        ];
        for path in &paths {
            for body in &bodies {
                let answer = world.call_raw(&world.account, "POST", path, body.clone()).await;
                let shown: String = String::from_utf8_lossy(body).chars().take(60).collect();
                // Where a field is known, its own code tells more.
                assert_eq!(answer.status, 400, "{path} {shown}: {}", answer.text());
                assert!(answer.json()["error_code"].as_str().unwrap().starts_with("PCA.0002"), "{path} {shown}");
            }
        }
        // Where a field is looked at, its text must be one, and must stand there once.
        let again = |field: &str| good.replacen(field, &format!("{field},{field}"), 1).into_bytes();
        for body in [
            again("\"type\":\"ROOT\""),
            again("\"country\":\"CN\""),
            again("\"value\":10"),
            b"{\"type\":\"\xff\"}".to_vec(),
            b"{\"type\":\"\\ud800\"}".to_vec(),
            b"{\"type\":\"a\nb\"}".to_vec(),
            b"{\"path_length\":1e999}".to_vec(),
        ] {
            let answer = world.call_raw(&world.account, "POST", CAS, body).await;
            assert_eq!(answer.status, 400, "{}", answer.text());
        }
        assert_eq!(world.everything().await, before);

        // Known ones that are deeper than anything has use for are refused.
        for field in ["type", "validity", "key_usages", "hsm_cluster_info", "distinguished_name"] {
            let body = deep("[", "]").replacen("\"x\"", &format!("\"{field}\""), 1).into_bytes();
            let answer = world.call_raw(&world.account, "POST", CAS, body).await;
            assert_eq!(answer.status, 400, "{field}: {}", answer.text());
        }
        // Unknown members are not looked at, however deep they are.
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let body = deep(open, close).into_bytes();
            world.call_raw(&world.account, "POST", CAS, body).await.error(400, CA_TYPE);
        }
    });
}

#[test]
fn bodies_have_a_limit() {
    const LIMIT: usize = 12 * 1024 * 1024;
    on_both(async |world| {
        let mut body = root_request("Root").to_string().into_bytes();
        body.resize(LIMIT, b' ');
        world.call_raw(&world.account, "POST", CAS, body.clone()).await.ok();
        let before = world.everything().await;
        body.push(b' ');
        for path in [CAS, CERTIFICATES, "/v3/auth/tokens"] {
            world.call_raw(&world.account, "POST", path, body.clone()).await.error(413, "APIG.0201");
            // One that says beforehand how long it will be is not read at all.
            let length = [("content-length", (LIMIT + 1).to_string())];
            world.send("POST", path, &length, Vec::new()).await.error(413, "APIG.0201");
        }
        assert_eq!(world.everything().await, before);
    });
}
