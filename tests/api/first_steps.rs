//! The story of a private CA, from nothing to a certificate that verifies.

use openccm_pki::verify_path;
use serde_json::{Value, json};

use crate::world::{CAS, CERTIFICATES, exported_chain, on_both};

#[test]
fn a_root_a_subordinate_and_a_certificate() {
    on_both(async |mut world| {
        let root = world.root("Root").await;
        let sub = world.subordinate("Sub", &root).await;
        let leaf = world.certificate("leaf.example.com", &sub).await;
        let export = async |world: &crate::world::World| {
            let body = json!({"is_compressed": "false", "type": "OTHER"});
            world.call("POST", &format!("{CERTIFICATES}/{leaf}/export"), body).await.ok()
        };
        let exported = export(&world).await;
        let (certificate, chain) = exported_chain(&exported);
        assert_eq!(chain.len(), 2);
        verify_path(&certificate, &chain, certificate.period()).unwrap();
        assert!(exported["private_key"].as_str().unwrap().starts_with("-----BEGIN EC PRIVATE KEY-----\r\n"));

        let shown = world.call("GET", &format!("{CERTIFICATES}/{leaf}"), Value::Null).await.ok();
        assert_eq!(shown["serial_number"], certificate.serial_number());
        assert_eq!(shown["issuer_name"], "Sub");
        assert_eq!(shown["distinguished_name"]["organization"], "Example", "inherited from the authority");

        world.restart().await;
        assert_eq!(export(&world).await, exported);
        let list = world.call("GET", &format!("{CAS}?limit=1000"), Value::Null).await.ok();
        assert_eq!(list["total"], 2);
        assert_eq!(list["certificate_authorities"][0]["ca_id"], sub, "the newest comes first");
        world.certificate("another.example.com", &sub).await;
    });
}
