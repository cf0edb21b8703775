//! Exports of certificates: JSON, and the archives of the five kinds of servers.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    process::Command,
};

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use crate::world::{Answer, CERTIFICATES, DAY_MS, World, on_both};

const SERVERS: [&str; 5] = ["APACHE", "NGINX", "IIS", "TOMCAT", "OTHER"];
const EXPORT_PASSWORD: &str = "Pa55,.+-_#";

async fn export(world: &World, id: &str, body: Value) -> Answer {
    world.call("POST", &format!("{CERTIFICATES}/{id}/export"), body).await
}

/// A certificate whose key is with its requester.
async fn requested(world: &World, issuer: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "requested");
    let csr = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
    let body = json!({"issuer_id": issuer, "csr": csr, "validity": {"type": "DAY", "value": 5}});
    let answer = world.call("POST", &format!("{CERTIFICATES}/csr"), body).await.ok();
    answer["certificate_id"].as_str().unwrap().to_owned()
}

/// The files of a zip answer, by name, with the names in their order.
fn unzip(answer: &Answer) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut archive = zip::ZipArchive::new(Cursor::new(&answer.body)).unwrap();
    let (mut names, mut files) = (Vec::new(), BTreeMap::new());
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let name = file.name().unwrap().into_owned();
        names.push(name.clone());
        files.insert(name, content);
    }
    (names, files)
}

/// Runs a tool; gives what it prints, or nothing where it fails.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// What OpenSSL finds in a PKCS#12 file.
fn read_pfx(content: &[u8], password: &str) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let pass = format!("pass:{password}");
    run("openssl", &["pkcs12", "-in", file.path().to_str().unwrap(), "-passin", &pass, "-noenc"])
}

#[test]
fn a_certificate_is_exported_as_json() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let sub = world.subordinate("Sub", &root).await;
        let id = world.certificate("leaf", &sub).await;
        let mut seen = Vec::new();
        for server in ["APACHE", "NGINX", "OTHER", "other", " Apache "] {
            for compressed in [json!(false), json!("false"), json!("False")] {
                let body = json!({"is_compressed": compressed, "type": server, "is_sm_standard": "", "password": ""});
                let answer = export(&world, &id, body).await;
                assert_eq!(answer.header("content-type"), "application/json");
                assert_eq!(answer.header("cache-control"), "no-store");
                seen.push(answer.ok());
            }
        }
        assert!(seen.iter().all(|json| *json == seen[0]));
        let text = |field: &str| seen[0][field].as_str().unwrap().to_owned();
        assert_eq!(text("certificate").matches("BEGIN CERTIFICATE").count(), 1);
        assert_eq!(text("certificate_chain").matches("BEGIN CERTIFICATE").count(), 2);
        assert!(text("private_key").ends_with("-----END EC PRIVATE KEY-----\r\n"));
        for field in ["certificate", "certificate_chain", "private_key"] {
            assert_eq!(text(field).matches('\n').count(), text(field).matches("\r\n").count());
        }

        let body = json!({"is_compressed": false, "type": "OTHER", "password": EXPORT_PASSWORD});
        let locked = export(&world, &id, body).await.ok();
        let locked = locked["private_key"].as_str().unwrap();
        assert!(locked.contains("ENCRYPTED"), "{locked}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), locked).unwrap();
        let open = |pass: &str| {
            let pass = format!("pass:{pass}");
            run("openssl", &["pkey", "-in", file.path().to_str().unwrap(), "-passin", &pass, "-check", "-noout"])
        };
        assert!(open(EXPORT_PASSWORD).is_some() && open("wrong").is_none());

        // Without a key here there is none to show.
        let id = requested(&world, &root).await;
        for server in SERVERS {
            let json = export(&world, &id, json!({"is_compressed": false, "type": server})).await.ok();
            let fields: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
            assert_eq!(fields, ["certificate", "certificate_chain"], "{server}");
        }
    });
}

#[test]
fn archives_have_the_files_that_servers_expect() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let sub = world.subordinate("Sub", &root).await;
        let id = world.certificate("leaf", &sub).await;
        let pem = export(&world, &id, json!({"is_compressed": false, "type": "OTHER"})).await.ok();
        let pem = |field: &str| pem[field].as_str().unwrap().trim_end().to_owned();
        for (server, expected) in SERVERS.iter().zip([
            &["server.key", "chain.crt", "server.crt"][..],
            &["server.key", "server.crt"],
            &["keystorePass.txt", "server.pfx"],
            &["keystorePass.txt", "server.jks"],
            &["server.key", "chain.pem", "server.pem"],
        ]) {
            let answer = export(&world, &id, json!({"is_compressed": true, "type": server})).await;
            let file_name = format!("leaf_{}.zip", server.to_lowercase());
            let disposition = format!("attachment; filename=\"{file_name}\"; filename*=UTF-8''{file_name}");
            assert_eq!(answer.header("content-disposition"), disposition);
            let (names, files) = unzip(&answer);
            assert_eq!(names, expected);
            let text = |name: &str| String::from_utf8(files[name].clone()).unwrap().trim_end().to_owned();
            match *server {
                "APACHE" => {
                    let found = (text("server.key"), text("chain.crt"), text("server.crt"));
                    assert_eq!(found, (pem("private_key"), pem("certificate_chain"), pem("certificate")));
                }
                "NGINX" => {
                    let whole = format!("{}\r\n{}", pem("certificate"), pem("certificate_chain"));
                    assert_eq!((text("server.key"), text("server.crt")), (pem("private_key"), whole));
                }
                "OTHER" => {
                    let found = (text("server.key"), text("chain.pem"), text("server.pem"));
                    assert_eq!(found, (pem("private_key"), pem("certificate_chain"), pem("certificate")));
                }
                "IIS" => {
                    let content = read_pfx(&files["server.pfx"], &text("keystorePass.txt")).unwrap();
                    assert_eq!(content.matches("BEGIN CERTIFICATE").count(), 3);
                    assert_eq!(content.matches("BEGIN PRIVATE KEY").count(), 1);
                }
                _ => assert_eq!(&files["server.jks"][..4], [0xfe, 0xed, 0xfe, 0xed], "the mark of a JKS file"),
            }
        }
    });
}

#[test]
fn archives_are_protected_by_the_password_that_is_given() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let id = world.certificate("leaf", &root).await;
        for (server, expected) in SERVERS.iter().zip([
            &["server.key", "chain.crt", "server.crt"][..],
            &["server.key", "server.crt"],
            &["server.pfx"],
            &["server.jks"],
            &["server.key", "chain.pem", "server.pem"],
        ]) {
            let body = json!({"is_compressed": "true", "type": server, "password": EXPORT_PASSWORD});
            let (names, files) = unzip(&export(&world, &id, body).await);
            assert_eq!(names, expected);
            match *server {
                "IIS" => {
                    assert!(read_pfx(&files["server.pfx"], EXPORT_PASSWORD).is_some());
                    assert!(read_pfx(&files["server.pfx"], "wrong").is_none());
                }
                "TOMCAT" => {
                    let file = tempfile::NamedTempFile::new().unwrap();
                    std::fs::write(file.path(), &files["server.jks"]).unwrap();
                    let file = file.path().to_str().unwrap();
                    let listed = run("keytool", &["-list", "-keystore", file, "-storepass", EXPORT_PASSWORD]);
                    assert!(listed.unwrap().contains("PrivateKeyEntry"));
                }
                _ => assert!(String::from_utf8_lossy(&files["server.key"]).contains("ENCRYPTED")),
            }
        }
        for (server, password) in [
            ("APACHE", "x".repeat(33)),
            ("APACHE", "with blank".to_owned()),
            ("NGINX", "密码".to_owned()),
            ("OTHER", "a\"b".to_owned()),
            ("IIS", "a\nb".to_owned()),
            ("TOMCAT", "12345".to_owned()),
        ] {
            let body = json!({"is_compressed": true, "type": server, "password": password});
            let message = export(&world, &id, body).await.error(400, "PCA.00020001");
            assert!(message.contains("password") && !message.contains(&password), "{message}");
        }
    });
}

#[test]
fn archives_without_a_key() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let id = requested(&world, &root).await;
        for (server, expected) in SERVERS.iter().zip([
            &["chain.crt", "server.crt"][..],
            &["server.crt"],
            &["chain.crt", "server.crt"],
            &["chain.crt", "server.crt"],
            &["chain.pem", "cert.pem"],
        ]) {
            let answer = export(&world, &id, json!({"is_compressed": true, "type": server})).await;
            assert_eq!(unzip(&answer).0, expected, "{server}");
            assert!(answer.header("content-disposition").contains("requested_"));
        }
    });
}

#[test]
fn archives_are_called_like_their_certificates() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let id = world.certificate("*.演示 a", &root).await;
        let answer = export(&world, &id, json!({"is_compressed": true, "type": "NGINX"})).await;
        assert_eq!(
            answer.header("content-disposition"),
            "attachment; filename=\"_.___a_nginx.zip\"; filename*=UTF-8''%2A.%E6%BC%94%E7%A4%BA%20a_nginx.zip"
        );
        assert_eq!(unzip(&answer).0, ["server.key", "server.crt"]);
    });
}

#[test]
fn some_exports_are_refused() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let id = world.certificate("leaf", &root).await;
        for server in ["IIS", "TOMCAT"] {
            let refused = export(&world, &id, json!({"is_compressed": false, "type": server})).await;
            assert!(refused.error(400, "PCA.00020001").contains("is_compressed"));
        }
        for (body, field) in [
            (Value::Null, "is_compressed"),
            (json!({}), "is_compressed"),
            (json!({"type": "OTHER"}), "is_compressed"),
            (json!({"type": "OTHER", "is_compressed": ""}), "is_compressed"),
            (json!({"type": "OTHER", "is_compressed": 1}), "is_compressed"),
            (json!({"type": "OTHER", "is_compressed": "yes"}), "is_compressed"),
            (json!({"is_compressed": true}), "type"),
            (json!({"is_compressed": true, "type": "LIGHTTPD"}), "type"),
            (json!({"is_compressed": true, "type": ["OTHER"]}), "type"),
        ] {
            let message = export(&world, &id, body).await.error(400, "PCA.00020001");
            assert!(message.contains(field), "{message}");
        }
        let expired = world.certificate("expired", &root).await;
        world.call("POST", &format!("{CERTIFICATES}/{id}/revoke"), Value::Null).await.no_content();
        world.clock.advance(30 * DAY_MS);
        for (id, compressed) in [(&id, true), (&id, false), (&expired, true), (&expired, false)] {
            let refused = export(&world, id, json!({"is_compressed": compressed, "type": "OTHER"})).await;
            refused.error(403, "PCA.00030201");
        }
    });
}
