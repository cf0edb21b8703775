//! Certificates: issued with a key made here or from a request made elsewhere, revoked, deleted.

use std::process::Command;

use openccm_core::RevocationReason;
use openccm_pki::{Certificate, verify_path};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use crate::{
    ids::UNKNOWN,
    world::{
        CAS, CERTIFICATES, DAY_MS, START_MS, World, certificate_request, name, on_both, root_request,
        subordinate_request, with,
    },
};

async fn create(world: &World, body: Value) -> String {
    world.call("POST", CERTIFICATES, body).await.ok()["certificate_id"].as_str().unwrap().to_owned()
}

async fn create_from_request(world: &World, body: Value) -> String {
    let answer = world.call("POST", &format!("{CERTIFICATES}/csr"), body).await;
    answer.ok()["certificate_id"].as_str().unwrap().to_owned()
}

/// What stands in a certificate, as another parser reads it, one line each.
fn content(certificate: &Certificate) -> Vec<String> {
    let (rest, read) = X509Certificate::from_der(certificate.der()).unwrap();
    assert!(rest.is_empty());
    let mut lines = Vec::new();
    for extension in read.extensions() {
        let critical = if extension.critical { " (critical)" } else { "" };
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => lines.push(format!("usage{critical} {usage}")),
            ParsedExtension::BasicConstraints(constraints) => lines.push(format!("CA{critical} {}", constraints.ca)),
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let flags = [
                    (usage.server_auth, "server"),
                    (usage.client_auth, "client"),
                    (usage.code_signing, "code"),
                    (usage.email_protection, "email"),
                    (usage.time_stamping, "time"),
                ];
                lines.extend(flags.iter().filter(|(set, _)| *set).map(|(_, name)| format!("for{critical} {name}")));
                lines.extend(usage.other.iter().map(|oid| format!("for{critical} {oid}")));
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                lines.extend(names.general_names.iter().map(|name| match name {
                    GeneralName::DNSName(name) => format!("DNS{critical} {name}"),
                    GeneralName::IPAddress(bytes) => format!("IP{critical} {}", hex::encode(bytes)),
                    GeneralName::RFC822Name(name) => format!("EMAIL{critical} {name}"),
                    GeneralName::URI(name) => format!("URI{critical} {name}"),
                    other => panic!("{other:?}"),
                }));
            }
            ParsedExtension::SubjectKeyIdentifier(_) | ParsedExtension::AuthorityKeyIdentifier(_) => {}
            _ => lines.push(format!("{}{critical} {}", extension.oid, hex::encode(extension.value))),
        }
    }
    lines.sort();
    lines
}

#[test]
fn a_certificate_with_everything() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let sub = world.subordinate("Sub", &root).await;
        let project = "01234567-89ab-cdef-0123-456789abcdef";
        let body = json!({
            "issuer_id": sub.to_uppercase(), "key_algorithm": "EC384", "signature_algorithm": "SHA512",
            "distinguished_name": {"common_name": "*.例子.example", "country": "DE", "organization": "别的"},
            "validity": {"type": "MONTH", "value": "2", "start_from": (START_MS + 1000).to_string()},
            "key_usages": ["digitalSignature", "nonRepudiation", "dataEncipherment", "DIGITALSIGNATURE"],
            "extended_key_usage": {
                "server_auth": true, "client_auth": "True", "code_signing": true, "email_protection": "true",
                "time_stamping": true, "smart_card_logon": true,
            },
            "subject_alternative_names": [
                {"type": "DNS", "value": "*.例子.cn"}, {"type": "dns", "value": "a.example.com"},
                {"type": "IP", "value": "192.168.0.1"}, {"type": "IP", "value": "2001:db8::1"},
                {"type": "EMAIL", "value": "ops@example.com"}, {"type": "URI", "value": "spiffe://example.org/a"},
            ],
            "customized_extension": {"object_identifier": "1.2.3.4.5", "value": "值"},
            "enterprise_project_id": project,
        });
        let id = create(&world, body).await;
        let (certificate, chain) = world.certificate_chain(&id).await;
        let expected = json!({
            "certificate_id": id, "status": "ISSUED", "issuer_id": sub, "issuer_name": "Sub", "key_algorithm": "EC384",
            "signature_algorithm": "SHA512", "freeze_flag": 0, "gen_mode": "GENERATE",
            "serial_number": certificate.serial_number(), "create_time": START_MS, "delete_time": null,
            "not_before": START_MS + 1000, "not_after": START_MS + 1000 + 62 * DAY_MS,
            "distinguished_name": {
                "common_name": "*.例子.example", "country": "DE", "state": "Sichuan", "locality": "Chengdu",
                "organization": "别的", "organizational_unit": "IT",
            },
            "enc_cert_info": null, "enterprise_project_id": project,
        });
        assert_eq!(world.get(&format!("{CERTIFICATES}/{id}")).await, expected);
        assert_eq!(world.get(CERTIFICATES).await, json!({"total": 1, "certificates": [expected]}));
        verify_path(&certificate, &chain, certificate.period()).unwrap();
        assert_eq!(certificate.public_key().kind().to_string(), "EC384");
        assert_eq!(
            content(&certificate),
            [
                "1.2.3.4.5 0c03e580bc",
                "CA (critical) false",
                "DNS *.xn--fsqu00a.cn",
                "DNS a.example.com",
                "EMAIL ops@example.com",
                "IP 20010db8000000000000000000000001",
                "IP c0a80001",
                "URI spiffe://example.org/a",
                "for 1.3.6.1.4.1.311.20.2.2",
                "for client",
                "for code",
                "for email",
                "for server",
                "for time",
                "usage (critical) Digital Signature, Non Repudiation, Data Encipherment",
            ]
        );
    });
}

#[test]
fn what_a_certificate_leaves_open() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let body = json!({
            "issuer_id": root, "distinguished_name": {"common_name": "x"}, "validity": {"type": "HOUR", "value": 1},
        });
        let id = create(&world, body.clone()).await;
        let shown = world.get(&format!("{CERTIFICATES}/{id}")).await;
        assert_eq!((&shown["key_algorithm"], &shown["signature_algorithm"]), (&json!("RSA2048"), &json!("SHA256")));
        assert_eq!(shown["distinguished_name"], name("x"), "inherited from the authority");
        assert_eq!(shown["not_after"], START_MS + DAY_MS / 24);
        let (certificate, chain) = world.certificate_chain(&id).await;
        assert_eq!(chain.len(), 1, "the root alone");
        assert_eq!(
            content(&certificate),
            ["CA (critical) false", "usage (critical) Digital Signature, Key Encipherment"]
        );
        let id = create(&world, with(body, "/key_algorithm", json!("EC256"))).await;
        let (certificate, _) = world.certificate_chain(&id).await;
        assert_eq!(content(&certificate), ["CA (critical) false", "usage (critical) Digital Signature, Key Agreement"]);
    });
}

#[test]
fn the_request_that_terraform_sends() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let body = format!(
            r#"{{"customized_extension":{{"object_identifier":"","value":""}},"distinguished_name":{{"common_name":"x","country":"","locality":"","organization":"","organizational_unit":"","state":""}},"extended_key_usage":{{"client_auth":false,"code_signing":false,"email_protection":false,"server_auth":false,"time_stamping":false}},"issuer_id":"{root}","key_algorithm":"RSA2048","key_usages":["nonRepudiation","keyEncipherment"],"signature_algorithm":"SHA256","subject_alternative_names":[],"validity":{{"type":"DAY","value":1}}}}
"#
        );
        let answer = world.call_raw(&world.account, "POST", CERTIFICATES, body.into_bytes()).await;
        let id = answer.ok()["certificate_id"].as_str().unwrap().to_owned();
        let shown = world.get(&format!("{CERTIFICATES}/{id}")).await;
        assert_eq!(shown["distinguished_name"], name("x"));
        for (field, value) in [
            ("issuer_id", json!(root)),
            ("issuer_name", json!("Root")),
            ("key_algorithm", json!("RSA2048")),
            ("signature_algorithm", json!("SHA256")),
            ("enterprise_project_id", json!("0")),
            ("status", json!("ISSUED")),
            ("gen_mode", json!("GENERATE")),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
        let (certificate, _) = world.certificate_chain(&id).await;
        let usages = "usage (critical) Non Repudiation, Key Encipherment";
        assert_eq!(content(&certificate), ["CA (critical) false", usages]);
    });
}

/// A signing request that OpenSSL makes, with a key of its own.
fn openssl_request(key: &[&str], extra: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["req", "-new", "-nodes", "-keyout", "/dev/null", "-utf8"]).args(key).args(extra);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"];
const RSA: &[&str] = &["-newkey", "rsa:2048"];

#[test]
fn a_certificate_from_a_request() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let csr =
            openssl_request(P384, &["-subj", "/C=DE/O=请求者/CN=requested", "-addext", "subjectAltName=DNS:a.example"]);
        let body = json!({
            "issuer_id": root, "csr": csr, "validity": {"type": "DAY", "value": 9}, "enterprise_project_id": "all",
            "subject_alternative_names": [{"type": "nonsense", "value": 1}],
        });
        let id = create_from_request(&world, body).await;
        let shown = world.get(&format!("{CERTIFICATES}/{id}")).await;
        for (field, value) in [
            ("gen_mode", json!("CSR")),
            ("key_algorithm", json!("EC384")),
            ("signature_algorithm", json!("SHA384")),
            ("issuer_name", json!("Root")),
            ("not_after", json!(START_MS + 9 * DAY_MS)),
            ("enterprise_project_id", json!("0")),
            (
                "distinguished_name",
                json!({
                    "common_name": "requested", "country": "DE", "state": null, "locality": null,
                    "organization": "请求者", "organizational_unit": null,
                }),
            ),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
        let (certificate, chain) = world.certificate_chain(&id).await;
        verify_path(&certificate, &chain, certificate.period()).unwrap();
        let usages = "usage (critical) Digital Signature, Key Agreement";
        assert_eq!(content(&certificate), ["CA (critical) false", "DNS a.example", usages]);
        assert_eq!(world.used(CERTIFICATES).await, 1);

        // What the request asks for wins; what is the authority's to set does not.
        let asked = ["-addext", "keyUsage=keyEncipherment", "-addext", "extendedKeyUsage=serverAuth"];
        let authority = ["-addext", "basicConstraints=critical,CA:TRUE", "-subj", "/CN=asked"];
        let csr = openssl_request(RSA, &[&asked[..], &authority[..]].concat());
        let body =
            json!({"issuer_id": root, "csr": csr, "validity": {"type": "DAY", "value": 9}, "type": "entity_cert"});
        let (certificate, _) = world.certificate_chain(&create_from_request(&world, body).await).await;
        assert_eq!(content(&certificate), ["CA (critical) false", "for server", "usage (critical) Key Encipherment"]);
    });
}

#[test]
fn requests_may_be_written_in_many_ways() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let csr = openssl_request(P256, &["-subj", "/CN=requested"]);
        let mut blank = csr.replace('\n', "\n\n");
        blank.insert_str(0, "\r\n ");
        for text in [
            csr.replace('\n', "\r\n"),
            csr.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
            csr.trim_end().to_owned(),
            blank,
        ] {
            let parsed = world.call("POST", &format!("{CERTIFICATES}/csr/parse"), json!({"csr": text})).await.ok();
            assert_eq!(parsed["distinguished_name"]["common_name"], "requested");
            create_from_request(
                &world,
                json!({"issuer_id": root, "csr": text, "validity": {"type": "DAY", "value": 1}}),
            )
            .await;
        }
    });
}

#[test]
fn what_a_request_says() {
    on_both(async |world| {
        let parse =
            async |csr: &str| world.call("POST", &format!("{CERTIFICATES}/csr/parse"), json!({"csr": csr})).await;
        let ed25519: &[&str] = &["-newkey", "ed25519"];
        for (key, family, bits, algorithm) in [
            (RSA, "RSA", 2048, "SHA256withRSA"),
            (P256, "EC", 256, "SHA256withECDSA"),
            (P384, "EC", 384, "SHA384withECDSA"),
            (ed25519, "Ed25519", 256, "Ed25519"),
        ] {
            let csr = openssl_request(key, &["-subj", "/C=CN/ST=四川/L=成都/O=O/OU=OU/CN=n"]);
            let parsed = parse(&csr).await.ok();
            assert_eq!(parsed["key_algorithm"], family);
            assert_eq!(parsed["key_algorithm_length"], bits);
            assert_eq!(parsed["signature_algorithm"], algorithm);
            let key = parsed["public_key"].as_str().unwrap();
            assert!(key.starts_with("-----BEGIN PUBLIC KEY-----\r\n") && key.ends_with("-----END PUBLIC KEY-----\r\n"));
            let name = json!({
                "common_name": "n", "country": "CN", "state": "四川", "locality": "成都", "organization": "O",
                "organizational_unit": "OU",
            });
            assert_eq!(parsed["distinguished_name"], name);
        }

        let good = openssl_request(P256, &["-subj", "/CN=n"]);
        // The last characters before the footer are the signature's.
        let place = good.find("\n-----END").unwrap() - 8;
        let changed = if &good[place..=place] == "A" { "B" } else { "A" };
        let mut forged = good.clone();
        forged.replace_range(place..=place, changed);
        let weak = openssl_request(&["-newkey", "rsa:1024"], &["-subj", "/CN=n"]);
        let root = world.root("Root").await;
        for bad in [
            "nonsense".to_owned(),
            good.replace("CERTIFICATE REQUEST", "CERTIFICATE"),
            good.replace("-----END", "----END"),
            good.clone() + &good,
            forged,
            weak,
            "x".repeat(5121),
            String::new(),
        ] {
            let message = parse(&bad).await.error(400, "PCA.00020401");
            assert!(message.contains("csr"), "{message}");
            let body = json!({"issuer_id": root, "csr": bad, "validity": {"type": "DAY", "value": 1}});
            world.call("POST", &format!("{CERTIFICATES}/csr"), body).await.error(400, "PCA.00020401");
        }
        assert_eq!(world.used(CERTIFICATES).await, 0);
    });
}

#[test]
fn a_request_may_not_ask_for_everything() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let request = |csr: String, kind: &str| json!({"issuer_id": root, "csr": csr, "validity": {"type": "DAY", "value": 1}, "type": kind});
        let path = format!("{CERTIFICATES}/csr");
        let usage = ["-subj", "/CN=n", "-addext", "keyUsage=keyCertSign"];
        let signs = openssl_request(P256, &usage);
        world.call("POST", &path, request(signs.clone(), "ENTITY_CERT")).await.error(400, "PCA.00020401");
        create_from_request(&world, request(signs.clone(), "INTERMEDIATE_CA")).await;
        world.call("POST", &path, request(signs, "ROOT_CA")).await.error(400, "PCA.00020001");
        let nameless = openssl_request(P256, &["-subj", "/", "-addext", "subjectAltName=DNS:a.example"]);
        world.call("POST", &path, request(nameless.clone(), "INTERMEDIATE_CA")).await.error(400, "PCA.00020401");
        // RFC 5280 §4.2.1.6: a certificate may be known by its alternative names alone.
        let id = create_from_request(&world, request(nameless, "ENTITY_CERT")).await;
        let (certificate, _) = world.certificate_chain(&id).await;
        assert!(content(&certificate).contains(&"DNS (critical) a.example".to_owned()));
        assert_eq!(world.get(&format!("{CERTIFICATES}/{id}")).await["distinguished_name"]["common_name"], Value::Null);
    });
}

#[test]
fn issuers_must_be_able_to_issue() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let pending = world.pending("Pending").await;
        let csr = openssl_request(P256, &["-subj", "/CN=n"]);
        let attempts = async |issuer: &str| {
            let request = json!({"issuer_id": issuer, "csr": csr, "validity": {"type": "DAY", "value": 1}});
            [
                world.call("POST", CERTIFICATES, certificate_request("leaf", issuer)).await,
                world.call("POST", &format!("{CERTIFICATES}/csr"), request).await,
                world.call("POST", CAS, subordinate_request("Sub", issuer)).await,
            ]
        };
        for answer in attempts(UNKNOWN).await {
            answer.error(404, "PCA.00030103");
        }
        for answer in attempts("nonsense").await {
            answer.error(400, "PCA.00020201");
        }
        for answer in attempts(&pending).await {
            answer.error(403, "PCA.00030201");
        }
        world.schedule_deletion(&root).await;
        for answer in attempts(&root).await {
            answer.error(403, "PCA.00030201");
        }
        assert_eq!((world.used(CAS).await, world.used(CERTIFICATES).await), (2, 0));
    });
}

#[test]
fn certificates_are_revoked_for_each_reason() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let mut bodies: Vec<Vec<u8>> =
            RevocationReason::ALL.iter().map(|reason| json!({"reason": reason.as_str()}).to_string().into()).collect();
        let empty = ["", "{}", "null", r#"{"reason":null}"#, r#"{"reason":""}"#, " \r\n", r#"{"reason":"superseded"}"#];
        bodies.extend(empty.map(|text| text.as_bytes().to_vec()));
        for body in bodies {
            let path = format!("{CERTIFICATES}/{}", world.certificate("leaf", &root).await);
            let revoke = format!("{path}/revoke");
            world.call_raw(&world.account, "POST", &revoke, body.clone()).await.no_content();
            assert_eq!(world.get(&path).await["status"], "REVOKED");
            world.call_raw(&world.account, "POST", &revoke, body).await.error(403, "PCA.00030201");
        }
        let path = format!("{CERTIFICATES}/{}", world.certificate("leaf", &root).await);
        for reason in [json!("NONSENSE"), json!(1), json!(["SUPERSEDED"]), json!({})] {
            let message = world.call("POST", &format!("{path}/revoke"), json!({"reason": reason})).await;
            assert!(message.error(400, "PCA.00020001").contains("reason"));
        }
        assert_eq!(world.get(&path).await["status"], "ISSUED");
        // Whoever issued it may be gone: what it issued is still revoked.
        world.schedule_deletion(&root).await;
        world.call("POST", &format!("{path}/revoke"), Value::Null).await.no_content();
        world.clock.advance(365 * DAY_MS);
        assert_eq!(world.get(&path).await["status"], "REVOKED", "even past its end");
    });
}

#[test]
fn certificates_are_deleted_in_every_status() {
    on_both(async |world| {
        let body = with(root_request("Root"), "/validity", json!({"type": "YEAR", "value": 10}));
        let root = world.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned();
        let issued = world.certificate("issued", &root).await;
        let revoked = world.certificate("revoked", &root).await;
        let expired = create(&world, with(certificate_request("expired", &root), "/validity/value", json!(1))).await;
        let csr = openssl_request(P256, &["-subj", "/CN=n"]);
        let request = json!({"issuer_id": root, "csr": csr, "validity": {"type": "DAY", "value": 5}});
        let requested = create_from_request(&world, request).await;
        world.call("POST", &format!("{CERTIFICATES}/{revoked}/revoke"), Value::Null).await.no_content();
        world.clock.advance(DAY_MS);
        assert_eq!(world.used(CERTIFICATES).await, 4);
        for (index, (id, status)) in
            [(issued, "ISSUED"), (revoked, "REVOKED"), (expired, "EXPIRED"), (requested, "ISSUED")].iter().enumerate()
        {
            let path = format!("{CERTIFICATES}/{id}");
            assert_eq!(world.get(&path).await["status"], *status);
            world.call("DELETE", &path, Value::Null).await.no_content();
            for (method, path) in [
                ("GET", path.clone()),
                ("DELETE", path.clone()),
                ("POST", format!("{path}/revoke")),
                ("POST", format!("{path}/export")),
            ] {
                let body = if method == "POST" { json!({"type": "OTHER", "is_compressed": true}) } else { Value::Null };
                world.call(method, &path, body).await.error(404, "PCA.00030102");
            }
            let left = 3 - index as i64;
            assert_eq!(world.used(CERTIFICATES).await, left);
            assert_eq!(world.get(CERTIFICATES).await["total"], left);
        }
    });
}
