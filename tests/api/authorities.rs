//! Authorities: how they are made, activated and imported, and the rules of the chains that they form.

use openccm_core::{HashAlgorithm, KeyAlgorithm};
use openccm_pki::{Certificate, verify_path};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use crate::world::{
    Answer, CAS, CERTIFICATES, DAY_MS, HOUR_MS, MINUTE_MS, START_MS, World, certificate_request, name, on_both,
    root_request, subordinate_request, with,
};

/// 22 November 2036 and 2031, 00:00 UTC.
const IN_TEN_YEARS_MS: i64 = 2_110_924_800_000;
const IN_FIVE_YEARS_MS: i64 = 1_953_072_000_000;

async fn create(world: &World, body: Value) -> String {
    world.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned()
}

fn activation(issuer_id: &str) -> Value {
    json!({"issuer_id": issuer_id, "signature_algorithm": "SHA256", "validity": {"type": "YEAR", "value": 2}})
}

async fn activate(world: &World, id: &str, body: Value) -> Answer {
    world.call("POST", &format!("{CAS}/{id}/activate"), body).await
}

/// Key usages, path length and their criticality, and the identifiers, as another parser reads them.
fn extensions(certificate: &Certificate) -> (Vec<String>, Option<u32>) {
    let (rest, read) = X509Certificate::from_der(certificate.der()).unwrap();
    assert!(rest.is_empty());
    let constraints = read.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    let usage = read.key_usage().unwrap().unwrap();
    assert!(usage.critical);
    let present = |test: fn(&ParsedExtension<'_>) -> bool| read.extensions().iter().any(|e| test(e.parsed_extension()));
    assert!(present(|extension| matches!(extension, ParsedExtension::SubjectKeyIdentifier(_))));
    let root = read.subject() == read.issuer();
    assert!(root || present(|extension| matches!(extension, ParsedExtension::AuthorityKeyIdentifier(_))));
    let usages = usage.value.to_string().split(", ").map(str::to_owned).collect();
    (usages, constraints.value.path_len_constraint)
}

#[test]
fn authorities_of_every_key_under_every_hash() {
    on_both(async |world| {
        let mut above: Option<String> = None;
        for (key, hash) in
            KeyAlgorithm::PRIVATE.iter().flat_map(|key| HashAlgorithm::ALL.iter().map(move |hash| (key, hash)))
        {
            // A key of 4096 bits takes seconds to make.
            if *key == KeyAlgorithm::Rsa4096 && *hash != HashAlgorithm::Sha512 {
                continue;
            }
            let algorithms = |body| {
                let body = with(body, "/key_algorithm", json!(key.as_str()));
                with(body, "/signature_algorithm", json!(hash.as_str()))
            };
            let id = match &above {
                // Each subordinate is issued by a root with the key before.
                Some(root) if *hash != HashAlgorithm::Sha512 => {
                    create(&world, algorithms(subordinate_request("Sub", root))).await
                }
                _ => create(&world, algorithms(root_request("Root"))).await,
            };
            let shown = world.authority(&id).await;
            assert_eq!(shown["key_algorithm"], key.as_str());
            assert_eq!(shown["signature_algorithm"], hash.as_str());
            let (certificate, chain) = world.authority_chain(&id).await;
            assert_eq!(certificate.public_key().kind().to_string(), key.as_str());
            assert_eq!(certificate.signature_scheme().unwrap().hash(), Some(*hash));
            if chain.is_empty() {
                assert!(certificate.is_root());
                above = Some(id);
            } else {
                verify_path(&certificate, &chain, certificate.period()).unwrap();
            }
        }
    });
}

#[test]
fn a_root_shows_every_field() {
    on_both(async |world| {
        let id = world.root("Root").await;
        let (certificate, chain) = world.authority_chain(&id).await;
        assert!(chain.is_empty());
        let expected = json!({
            "ca_id": id, "type": "ROOT", "status": "ACTIVED", "path_length": 7, "issuer_id": null, "issuer_name": null,
            "key_algorithm": "EC256", "signature_algorithm": "SHA256", "freeze_flag": 0, "gen_mode": "GENERATE",
            "serial_number": certificate.serial_number(), "create_time": START_MS, "delete_time": null,
            "not_before": START_MS, "not_after": IN_TEN_YEARS_MS, "distinguished_name": name("Root"),
            "crl_configuration": {
                "enabled": false, "crl_name": null, "obs_bucket_name": null, "valid_days": null, "crl_dis_point": null,
            },
            "enterprise_project_id": "0", "free_quota": 0, "charging_mode": 1, "cluster_id": null,
            "domain_id": world.account.id,
        });
        assert_eq!(world.authority(&id).await, expected);
        assert_eq!(world.get(CAS).await, json!({"total": 1, "certificate_authorities": [expected]}));
        let (usages, path_length) = extensions(&certificate);
        assert_eq!(usages, ["Digital Signature", "Key Cert Sign", "CRL Sign"]);
        assert_eq!(path_length, None);
        assert!(certificate.serial_number().len() >= 16, "at least 64 bits");
        assert_eq!(certificate.period().not_after_ms(), IN_TEN_YEARS_MS);
    });
}

#[test]
fn a_subordinate_shows_its_issuer_and_its_defaults() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let id = world.subordinate("Sub", &root).await;
        let shown = world.authority(&id).await;
        let expected = [
            ("type", json!("SUBORDINATE")),
            ("status", json!("ACTIVED")),
            ("path_length", json!(0)),
            ("issuer_id", json!(root)),
            ("issuer_name", json!("Root")),
            ("gen_mode", json!("GENERATE")),
            ("not_before", json!(START_MS)),
            ("not_after", json!(IN_FIVE_YEARS_MS)),
            ("distinguished_name", name("Sub")),
        ];
        for (field, value) in expected {
            assert_eq!(shown[field], value, "{field}");
        }
        let (certificate, chain) = world.authority_chain(&id).await;
        assert_eq!(shown["serial_number"], certificate.serial_number());
        assert_eq!(chain[0].der(), world.authority_chain(&root).await.0.der());
        assert_eq!(extensions(&certificate).1, Some(0));

        // As Terraform makes one: without keyCertSign, the start as a text, everything else spelt out.
        let body = json!({
            "crl_configuration": {"crl_name": "", "enabled": false, "obs_bucket_name": "", "valid_days": 0},
            "distinguished_name": name("Chosen"), "enterprise_project_id": "", "issuer_id": root,
            "key_algorithm": "EC384", "key_usages": ["cRLSign"], "path_length": 5, "signature_algorithm": "SHA512",
            "type": "SUBORDINATE", "unknown": {"member": [1]},
            "validity": {"start_from": (START_MS + HOUR_MS).to_string(), "type": "DAY", "value": 5},
        });
        let id = create(&world, body).await;
        let shown = world.authority(&id).await;
        assert_eq!(shown["path_length"], 5);
        assert_eq!(shown["not_before"], START_MS + HOUR_MS);
        assert_eq!(shown["not_after"], START_MS + HOUR_MS + 5 * DAY_MS);
        assert_eq!(shown["enterprise_project_id"], "0");
        // RFC 5280 §4.2.1.9: no path length in the certificate of a key that signs none.
        assert_eq!(extensions(&world.authority_chain(&id).await.0), (vec!["CRL Sign".to_owned()], None));
        let refused = world.call("POST", CERTIFICATES, certificate_request("leaf", &id)).await;
        assert!(refused.error(403, "PCA.00030201").contains("keyCertSign"));
    });
}

#[test]
fn a_root_ignores_what_is_for_subordinates() {
    on_both(async |world| {
        let ignored = [
            ("/issuer_id", json!("nonsense")),
            ("/path_length", json!(99)),
            ("/key_usages", json!(["nonsense"])),
            ("/crl_configuration", json!({"enabled": false, "obs_bucket_name": "demoBucket", "valid_days": 8})),
            ("/enterprise_project_id", json!("all")),
        ];
        let body = ignored.into_iter().fold(root_request("Root"), |body, (pointer, value)| with(body, pointer, value));
        let id = create(&world, body).await;
        let shown = world.authority(&id).await;
        assert_eq!((&shown["issuer_id"], &shown["path_length"]), (&Value::Null, &json!(7)));
        assert_eq!(shown["crl_configuration"]["obs_bucket_name"], Value::Null);
        assert_eq!(shown["enterprise_project_id"], "0");
        let (usages, path_length) = extensions(&world.authority_chain(&id).await.0);
        assert_eq!((usages.len(), path_length), (3, None));

        // The other spelling of the documents, and letters of any case.
        let mut other = with(name("Other"), "/organizational_unit", Value::Null);
        other["organization_unit"] = json!("Unit");
        let body = with(root_request("Other"), "/distinguished_name", other);
        let body = with(with(body, "/type", json!("root")), "/key_algorithm", json!("ec384"));
        let project = "01234567-89ab-cdef-0123-456789abcdef";
        let shown = world.authority(&create(&world, with(body, "/enterprise_project_id", json!(project))).await).await;
        assert_eq!(shown["distinguished_name"]["organizational_unit"], "Unit");
        assert_eq!(shown["key_algorithm"], "EC384");
        assert_eq!(shown["enterprise_project_id"], project);
    });
}

#[test]
fn names_come_back_as_they_were_sent() {
    on_both(async |world| {
        let chinese = json!({
            "common_name": "演示 Root-1_a.b,*", "country": "cn", "state": "四川", "locality": "成都",
            "organization": "示例科技有限公司", "organizational_unit": "信息部",
        });
        let body = with(root_request("Root"), "/distinguished_name", chinese.clone());
        let id = create(&world, body).await;
        assert_eq!(world.authority(&id).await["distinguished_name"], chinese);
        let subject = world.authority_chain(&id).await.0.distinguished_name();
        assert_eq!(subject.common_name.as_deref(), Some("演示 Root-1_a.b,*"));
        assert_eq!(subject.country.as_deref(), Some("cn"));
    });
}

#[test]
fn a_subordinate_without_its_conditions_waits() {
    on_both(async |world| {
        let root = world.root("Root").await;
        for lacking in ["/issuer_id", "/signature_algorithm", "/validity"] {
            let body = with(subordinate_request("Pending", &root), lacking, Value::Null);
            let id = create(&world, with(body, "/path_length", json!(3))).await;
            let shown = world.authority(&id).await;
            assert_eq!(shown["status"], "PENDING", "{lacking}");
            assert_eq!(shown["path_length"], 0, "given again when it is activated");
            for field in ["issuer_id", "issuer_name", "signature_algorithm", "serial_number", "not_before", "not_after"]
            {
                assert_eq!(shown[field], Value::Null, "{field} without {lacking}");
            }
            assert_eq!(shown["distinguished_name"], name("Pending"));
            activate(&world, &id, activation(&root)).await.no_content();
            let shown = world.authority(&id).await;
            assert_eq!((&shown["status"], &shown["issuer_id"]), (&json!("ACTIVED"), &json!(root)));
            assert_eq!((&shown["signature_algorithm"], &shown["path_length"]), (&json!("SHA256"), &json!(0)));
            let (certificate, chain) = world.authority_chain(&id).await;
            verify_path(&certificate, &chain, certificate.period()).unwrap();
        }
        let body = with(root_request("Root"), "/validity", Value::Null);
        world.call("POST", CAS, body).await.error(400, "PCA.00020109");
        let body = with(root_request("Root"), "/signature_algorithm", Value::Null);
        world.call("POST", CAS, body).await.error(400, "PCA.00020103");
    });
}

#[test]
fn activation_may_say_more_but_nothing_else() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let pending = world.pending("Pending").await;
        world.bucket("there").await;
        let said = json!({
            "type": "SUBORDINATE", "distinguished_name": name("Pending"), "key_algorithm": "EC256",
            "key_usages": ["keyCertSign"], "crl_configuration": {"enabled": false, "valid_days": 99},
            "enterprise_project_id": "0", "path_length": 2,
        });
        let mut body = activation(&root);
        body.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        for (pointer, value, code) in [
            ("/type", json!("ROOT"), "PCA.00020202"),
            ("/distinguished_name", name("Another"), "PCA.00020101"),
            ("/key_algorithm", json!("EC384"), "PCA.00020102"),
            ("/key_usages", json!(["keyCertSign", "nonsense"]), "PCA.00020001"),
            ("/crl_configuration", json!({"enabled": true}), "PCA.00020204"),
            (
                "/crl_configuration",
                json!({"enabled": true, "obs_bucket_name": "not-there", "valid_days": 7}),
                "PCA.00020204",
            ),
            ("/enterprise_project_id", json!("x"), "PCA.00020001"),
            ("/hsm_cluster_info", json!({}), "PCA.00020001"),
            ("/issuer_id", Value::Null, "PCA.00020201"),
            ("/signature_algorithm", Value::Null, "PCA.00020103"),
            ("/validity", Value::Null, "PCA.00020109"),
            ("/path_length", json!(7), "PCA.00020203"),
        ] {
            let message = activate(&world, &pending, with(body.clone(), pointer, value)).await.error(400, code);
            assert!(message.contains(&pointer[1..]), "{pointer}: {message}");
        }
        assert_eq!(world.ca_status(&pending).await, "PENDING", "nothing changed");
        activate(&world, &pending, body).await.no_content();
        assert_eq!(world.authority(&pending).await["path_length"], 2);
        let (usages, path_length) = extensions(&world.authority_chain(&pending).await.0);
        assert_eq!((usages, path_length), (vec!["Key Cert Sign".to_owned()], Some(2)));
        let again = activate(&world, &pending, activation(&root)).await;
        again.error(403, "PCA.00030201");

        let waiting = world.pending("Waiting").await;
        let unknown = "00000000-0000-4000-8000-000000000000";
        activate(&world, &waiting, activation(unknown)).await.error(404, "PCA.00030103");
        activate(&world, &waiting, activation(&waiting)).await.error(403, "PCA.00030201");
        activate(&world, unknown, activation(&root)).await.error(404, "PCA.00030102");
    });
}

#[test]
fn a_chain_obeys_its_issuers() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let sub = |path_length: i64, issuer: &str| {
            with(subordinate_request("Sub", issuer), "/path_length", json!(path_length))
        };
        let two = create(&world, sub(2, &root)).await;
        let one = create(&world, sub(1, &two)).await;
        let zero = create(&world, sub(0, &one)).await;
        for (path_length, issuer) in [(2, &two), (3, &two), (1, &one), (0, &zero)] {
            let message = world.call("POST", CAS, sub(path_length, issuer)).await.error(400, "PCA.00020203");
            assert!(message.contains("path_length"), "{message}");
        }
        let leaf = world.certificate("leaf", &zero).await;
        let (certificate, chain) = world.certificate_chain(&leaf).await;
        assert_eq!(chain.len(), 4);
        verify_path(&certificate, &chain, certificate.period()).unwrap();

        // Inside the issuer's validity, to the second.
        let last = with(sub(0, &two), "/validity", json!({"type": "YEAR", "value": 5}));
        create(&world, last).await;
        for validity in [
            json!({"type": "YEAR", "value": 5, "start_from": START_MS + 1000}),
            json!({"type": "DAY", "value": 365 * 5 + 2}),
            json!({"type": "DAY", "value": 1, "start_from": START_MS - 1000}),
            json!({"type": "DAY", "value": 1, "start_from": START_MS - 5 * MINUTE_MS - 1}),
            json!({"type": "YEAR", "value": 21}),
        ] {
            let body = with(sub(0, &two), "/validity", validity.clone());
            world.call("POST", CAS, body).await.error(400, "PCA.00020109");
            let body = with(certificate_request("leaf", &two), "/validity", validity);
            world.call("POST", CERTIFICATES, body).await.error(400, "PCA.00020109");
        }
        let early = json!({"type": "YEAR", "value": 30, "start_from": START_MS - 5 * MINUTE_MS});
        let early = create(&world, with(root_request("Early"), "/validity", early)).await;
        assert_eq!(world.authority(&early).await["not_before"], START_MS - 5 * MINUTE_MS);
        let twenty = |value: Value| with(sub(0, &early), "/validity", value);
        create(&world, twenty(json!({"type": "YEAR", "value": 20}))).await;
        create(&world, twenty(json!({"type": "DAY", "value": 20 * 365 + 5}))).await;
        for validity in [json!({"type": "YEAR", "value": 21}), json!({"type": "DAY", "value": 20 * 365 + 6})] {
            let message = world.call("POST", CAS, twenty(validity)).await.error(400, "PCA.00020109");
            assert!(message.contains("20 years"), "{message}");
        }
        let late = with(root_request("Late"), "/validity", json!({"type": "YEAR", "value": 31}));
        world.call("POST", CAS, late).await.error(400, "PCA.00020109");

        // Whoever stands below an authority that is switched off issues nothing, but keeps its own status.
        world.act(&two, "disable").await.no_content();
        let message =
            world.call("POST", CERTIFICATES, certificate_request("leaf", &zero)).await.error(403, "PCA.00030201");
        assert!(message.contains(&two), "{message}");
        world.call("POST", CAS, sub(0, &one)).await.error(403, "PCA.00030201");
        assert_eq!(world.ca_status(&zero).await, "ACTIVED");
        world.act(&two, "enable").await.no_content();
        world.certificate("leaf", &zero).await;
        world.act(&one, "revoke").await.no_content();
        world.call("POST", CERTIFICATES, certificate_request("leaf", &zero)).await.error(403, "PCA.00030201");
        world.call("POST", CAS, sub(0, &one)).await.error(403, "PCA.00030201");
    });
}

#[test]
fn an_intermediate_authority_keeps_its_key_to_itself() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Elsewhere");
        let csr = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
        let body = json!({
            "issuer_id": root, "csr": csr, "validity": {"type": "YEAR", "value": 1}, "type": "INTERMEDIATE_CA",
            "path_length": 1,
        });
        let path = format!("{CERTIFICATES}/csr");
        let id = world.call("POST", &path, body.clone()).await.ok()["certificate_id"].as_str().unwrap().to_owned();
        let shown = world.authority(&id).await;
        for (field, value) in [
            ("ca_id", json!(id)),
            ("type", json!("SUBORDINATE")),
            ("status", json!("ACTIVED")),
            ("gen_mode", json!("CSR")),
            ("path_length", json!(1)),
            ("signature_algorithm", json!("SHA384")),
            ("key_algorithm", json!("EC256")),
            ("issuer_id", json!(root)),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
        assert_eq!(shown["distinguished_name"]["common_name"], "Elsewhere");
        let (certificate, chain) = world.authority_chain(&id).await;
        verify_path(&certificate, &chain, certificate.period()).unwrap();
        let (usages, path_length) = extensions(&certificate);
        assert_eq!((usages.len(), path_length), (3, Some(1)));

        // Neither a certificate nor an authority of this account's lists and quotas.
        world.call("GET", &format!("{CERTIFICATES}/{id}"), Value::Null).await.error(404, "PCA.00030102");
        assert_eq!((world.used(CAS).await, world.used(CERTIFICATES).await), (1, 0));
        assert_eq!(world.get(CAS).await["total"], 1);
        assert_eq!(world.get(CERTIFICATES).await["total"], 0);

        for action in ["disable", "enable", "restore"] {
            world.act(&id, action).await.error(403, "PCA.00030201");
        }
        world.call("DELETE", &format!("{CAS}/{id}?pending_days=7"), Value::Null).await.error(403, "PCA.00030201");
        world.call("GET", &format!("{CAS}/{id}/csr"), Value::Null).await.error(403, "PCA.00030201");
        activate(&world, &id, activation(&root)).await.error(403, "PCA.00030201");
        world.call("POST", CERTIFICATES, certificate_request("leaf", &id)).await.error(403, "PCA.00030201");
        world.act(&id, "revoke").await.no_content();
        assert_eq!(world.ca_status(&id).await, "REVOKED");

        let plain = with(body.clone(), "/path_length", Value::Null);
        let plain = world.call("POST", &path, plain).await.ok()["certificate_id"].as_str().unwrap().to_owned();
        assert_eq!(world.authority(&plain).await["path_length"], 0);
        world.call("POST", &path, with(body, "/path_length", json!(7))).await.error(400, "PCA.00020203");
    });
}
