//! OpenSSL, given the lists and OCSP answers of the server, says of every certificate what the API says: on both databases
//! and in both kinds of bucket.

use std::{fs, path::Path, process::Command};

use openccm_pki::Certificate;
use serde_json::json;

use crate::{
    relying_party::{addresses, path},
    world::{CAS, DAY_MS, World, on_both_stores},
};

/// What OpenSSL finds, in the API's words.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Revoked,
    Expired,
}

/// Runs OpenSSL in `folder`; gives all that it says.
fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// A relying party with OpenSSL, the root that it trusts, and the lists that it has fetched.
struct RelyingParty<'a> {
    world: &'a World,
    folder: tempfile::TempDir,
}

impl RelyingParty<'_> {
    fn write(&self, name: &str, certificates: &[&Certificate]) {
        let pem: Vec<String> = certificates.iter().map(|certificate| certificate.pem() + "\n").collect();
        fs::write(self.folder.path().join(name), pem.concat()).unwrap();
    }

    /// Fetches the lists of these authorities, and the one that `leaf` names.
    async fn fetch_lists(&self, authorities: &[&str], leaf: &Certificate) {
        let mut lists = addresses(leaf).0;
        for id in authorities {
            lists.push(self.world.crl_address(id).await);
        }
        let mut all = String::new();
        for address in lists {
            let answer = self.world.send("GET", path(&address), &[], Vec::new()).await;
            assert_eq!(answer.status, 200, "{address}");
            fs::write(self.folder.path().join("list.der"), answer.body).unwrap();
            all += &openssl(self.folder.path(), &["crl", "-inform", "DER", "-in", "list.der"]);
        }
        fs::write(self.folder.path().join("lists.pem"), all).unwrap();
    }

    /// What `openssl verify -crl_check_all` says of a certificate, with the chain above it.
    async fn verify(&self, authorities: &[&str], leaf: &Certificate, chain: &[Certificate]) -> Verdict {
        let (root, between) = chain.split_last().unwrap();
        self.write("leaf.pem", &[leaf]);
        self.write("between.pem", &between.iter().collect::<Vec<_>>());
        self.write("root.pem", &[root]);
        self.fetch_lists(authorities, leaf).await;
        let now = (self.world.clock_ms() / 1000).to_string();
        let mut arguments = vec!["verify", "-crl_check_all", "-x509_strict", "-attime", &now, "-CAfile", "root.pem"];
        if !between.is_empty() {
            arguments.extend(["-untrusted", "between.pem"]);
        }
        arguments.extend(["-CRLfile", "lists.pem", "leaf.pem"]);
        let said = openssl(self.folder.path(), &arguments);
        match said {
            said if said == "leaf.pem: OK\n" => Verdict::Accepted,
            said if said.contains("certificate revoked") => Verdict::Revoked,
            said if said.contains("certificate has expired") => Verdict::Expired,
            said => panic!("{said}"),
        }
    }

    /// What `openssl ocsp` makes of the answer about a certificate: `good`, `unknown`, or `revoked`.
    async fn ask(&self, ca_id: &str, leaf: &Certificate, issuer: &Certificate, root: &Certificate) -> String {
        let folder = self.folder.path();
        self.write("leaf.pem", &[leaf]);
        self.write("issuer.pem", &[issuer]);
        self.write("trusted.pem", &[issuer, root]);
        openssl(folder, &["ocsp", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-no_nonce", "-reqout", "request.der"]);
        let request = fs::read(folder.join("request.der")).unwrap();
        let answer = self.world.send("POST", &format!("/ocsp/{ca_id}"), &[], request).await;
        fs::write(folder.join("answer.der"), &answer.body).unwrap();
        let now = (self.world.clock_ms() / 1000).to_string();
        let mut arguments = vec!["ocsp", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-no_nonce"];
        arguments.extend(["-respin", "answer.der", "-CAfile", "trusted.pem", "-attime", &now]);
        let said = openssl(folder, &arguments);
        assert!(said.contains("Response verify OK"), "{said}");
        // The machine's clock is another one than the world's, of which it warns before the status.
        let mut lines = said.lines().map(|line| line.trim_start_matches("leaf.pem: "));
        let status = lines.find(|line| ["good", "revoked", "unknown"].contains(line));
        status.unwrap_or_else(|| panic!("{said}")).to_owned()
    }
}

#[test]
fn openssl_says_what_the_api_says() {
    on_both_stores(async |world| {
        let party = RelyingParty { world: &world, folder: tempfile::tempdir().unwrap() };
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        let whole = world.subordinate("Whole", &root).await;
        world.enable_crl(&whole, json!({})).await;
        let split = world.subordinate("Split", &root).await;
        world.enable_crl(&split, json!({"partitions": 2})).await;
        for id in [&root, &whole, &split] {
            let path = format!("{CAS}/{id}/ocsp/switch");
            world.call("POST", &path, json!({"ocsp_switch": true})).await.no_content();
        }
        let mut leaves = Vec::new();
        for (authority, name, reason) in [
            (&root, "root-good", None),
            (&root, "root-revoked", Some("SUPERSEDED")),
            (&whole, "good", None),
            (&whole, "hold", Some("CERTIFICATE_HOLD")),
            (&whole, "compromised", Some("KEY_COMPROMISE")),
            (&whole, "unspecified", Some("UNSPECIFIED")),
            (&split, "split-good", None),
            (&split, "split-revoked", Some("PRIVILEGE_WITHDRAWN")),
        ] {
            let id = world.certificate(name, authority).await;
            let (certificate, chain) = world.certificate_chain(&id).await;
            if let Some(reason) = reason {
                world.revoke(&id, reason).await;
            }
            leaves.push((authority, id, certificate, chain));
        }
        world.publish().await;
        let agree = async |of_revoked_authority: Option<&str>| {
            for (authority, id, certificate, chain) in &leaves {
                let status = world.certificate_status(id).await;
                let authorities = [root.as_str(), authority.as_str()];
                let verdict = party.verify(&authorities, certificate, chain).await;
                // Who checks the whole chain refuses what a revoked authority has issued.
                let expected = match status.as_str() {
                    _ if of_revoked_authority == Some(authority.as_str()) => Verdict::Revoked,
                    "ISSUED" => Verdict::Accepted,
                    "REVOKED" => Verdict::Revoked,
                    _ => Verdict::Expired,
                };
                assert_eq!(verdict, expected, "{id}");
                let said = party.ask(authority, certificate, &chain[0], chain.last().unwrap()).await;
                assert_eq!(said, if status == "REVOKED" { "revoked" } else { "good" }, "{id}");
            }
        };
        agree(None).await;
        world.act(&whole, "disable").await.no_content();
        agree(None).await;
        world.act(&whole, "revoke").await.no_content();
        world.publish().await;
        agree(Some(&whole)).await;
        let (sub, chain) = (world.own_certificate(&whole).await, world.own_certificate(&root).await);
        assert_eq!(party.ask(&root, &sub, &chain, &chain).await, "revoked");
        // A certificate of another authority of the same name was never issued here.
        let other = world.root("Root").await;
        let stranger = world.certificate("stranger", &other).await;
        let stranger = world.certificate_chain(&stranger).await.0;
        assert_eq!(party.ask(&root, &stranger, &chain, &chain).await, "unknown");
        // Everything but the authorities has ended.
        world.clock.advance(31 * DAY_MS);
        world.publish().await;
        for (authority, id, certificate, chain) in leaves.iter().filter(|leaf| leaf.0 == &split || leaf.0 == &root) {
            let verdict = party.verify(&[&root, authority], certificate, chain).await;
            let revoked = world.certificate_status(id).await == "REVOKED";
            // OpenSSL says first what it finds first.
            assert_eq!(verdict, if revoked { Verdict::Revoked } else { Verdict::Expired });
        }
    });
}
