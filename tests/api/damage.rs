//! Requests damaged at random, the same in every run: the server answers each as described, and never with 500.

use serde_json::{Value, json};

use crate::world::{CAS, CERTIFICATES, certificate_request, on_both, subordinate_request, with};

/// Numbers that are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX generator.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// `text` with some bytes changed, left out, added or repeated.
    fn damage(&mut self, text: &[u8]) -> Vec<u8> {
        const BYTES: &[u8] = b"\"\\{}[],:0-9.eE\x00\xff\xc3truefalsenull \n";
        let mut bytes = text.to_vec();
        for _ in 0..=self.below(4) {
            let place = self.below(bytes.len());
            let byte = BYTES[self.below(BYTES.len())];
            match self.below(4) {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => drop(bytes.drain(place..(place + 1 + self.below(8)).min(bytes.len()))),
                _ => {
                    let end = (place + self.below(40)).min(bytes.len());
                    let again = bytes[place..end].to_vec();
                    bytes.splice(place..place, again);
                }
            }
            if bytes.is_empty() {
                return bytes;
            }
        }
        bytes
    }

    /// Puts something odd somewhere into `value`.
    fn distort(&mut self, value: &mut Value) {
        let odd = [
            Value::Null,
            json!(""),
            json!(0),
            json!(-1),
            json!(i64::MAX),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1e308),
            json!(true),
            json!([]),
            json!({}),
            json!("\u{0}"),
            json!("🦀\u{202e}"),
            json!("%s%n"),
            json!("x".repeat(5000)),
            json!([[[{"a": null}]]]),
            json!("9999999999999"),
            json!("00000000-0000-4000-8000-000000000000"),
            json!("0"),
            json!("é\u{301}"),
        ];
        let go_on = self.below(3) > 0;
        match value {
            Value::Object(members) if go_on && !members.is_empty() => {
                let index = self.below(members.len());
                if let Some(member) = members.values_mut().nth(index) {
                    self.distort(member);
                }
            }
            Value::Array(items) if go_on && !items.is_empty() => {
                let index = self.below(items.len());
                self.distort(&mut items[index]);
            }
            other => *other = odd[self.below(odd.len())].clone(),
        }
    }
}

#[test]
fn whatever_is_sent_is_never_a_server_error() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let csr = world.get(&format!("{CAS}/{}/csr", world.pending("Pending").await)).await["csr"].clone();
        let mut certificate = certificate_request("leaf", &root);
        certificate["subject_alternative_names"] =
            json!([{"type": "IP", "value": "::1"}, {"type": "URI", "value": "a:b"}]);
        certificate["customized_extension"] = json!({"object_identifier": "1.2.3", "value": "v"});
        certificate["key_usages"] = json!(["digitalSignature"]);
        certificate["extended_key_usage"] = json!({"server_auth": true});
        let sign_in = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": world.account.user_name, "password": "wrong", "domain": {"name": world.account.name},
            }}},
            "scope": {"project": {"name": "cn-north-4"}},
        }});
        let validity = json!({"type": "DAY", "value": 1, "start_from": null});
        let requests = [
            (CAS.to_owned(), with(subordinate_request("Sub", &root), "/path_length", json!(0))),
            (CERTIFICATES.to_owned(), certificate),
            (
                format!("{CERTIFICATES}/csr"),
                json!({"issuer_id": root, "csr": csr, "validity": validity, "type": "ENTITY_CERT"}),
            ),
            (format!("{CERTIFICATES}/csr/parse"), json!({"csr": csr})),
            ("/v3/auth/tokens".to_owned(), sign_in),
        ];
        let mut draw = Draw(7);
        for (path, good) in &requests {
            let text = good.to_string().into_bytes();
            for round in 0..120 {
                let body = if round % 2 == 0 {
                    draw.damage(&text)
                } else {
                    let mut odd = good.clone();
                    draw.distort(&mut odd);
                    odd.to_string().into_bytes()
                };
                // That it is described, and no 500, is checked wherever something is sent.
                let answer = world.call_raw(&world.account, "POST", path, body).await;
                assert!([200, 400, 401, 403, 404].contains(&answer.status.as_u16()), "{}", answer.text());
            }
        }
    });
}
