//! OCSP requests: how they may come, and which are refused.

use axum::body::Body;
use base64ct::{Base64, Encoding};
use const_oid::db::rfc5912::ID_SHA_224;
use http::Request;
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use tower::ServiceExt;

use crate::{
    ocsp_client::{CertId, Query, Reply, Status, post, refused},
    world::{CAS, CERTIFICATES, on_both},
};

#[test]
fn a_request_in_the_path_is_read_however_it_is_encoded() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        let leaf = world.certificate("leaf", &root).await;
        let id = CertId::new(&issuer, &world.serial(&leaf).await);
        // Requests whose base64 has everything that is special in a path.
        let queries: Vec<Query> = (0..48)
            .map(|shift| [&vec![7; shift % 12][..], &[0xff; 6], &[0xfb, 0xef, 0xbe], &vec![7; shift / 12][..]].concat())
            .map(|nonce| Query::about(id.clone()).nonce(&nonce))
            .filter(|query| ["//", "+", "="].iter().all(|special| query.base64().contains(special)))
            .collect();
        assert!(queries.len() > 3);
        let caller = world.caller();
        for query in &queries {
            let plain = query.base64();
            let encoded = utf8_percent_encode(&plain, NON_ALPHANUMERIC).to_string();
            let slashes_left = encoded.replace("%2F", "/");
            let twice = utf8_percent_encode(&encoded, NON_ALPHANUMERIC).to_string();
            for path in [&plain, &encoded, &slashes_left, &twice, &encoded.to_lowercase_escapes(), &format!("/{plain}")]
            {
                let answer = caller.send("GET", &format!("/ocsp/{root}/{path}"), &[], Vec::new()).await;
                let reply = Reply::read(&answer, &issuer, &query.certificates);
                assert_eq!((reply.nonce, reply.statuses[0]), (query.nonce.clone(), Status::Good), "{path}");
            }
        }
        for path in ["AAAA", "%", "%2", "====", "MA", "a b", "%00", "%ff", "..", "%2e%2e", "x/y/z", "%3Cscript%3E"] {
            let answer =
                caller.send("GET", &format!("/ocsp/{root}/{}", path.replace(' ', "%20")), &[], Vec::new()).await;
            refused(&answer, "malformed");
        }
    });
}

/// Percent escapes in lower case, which are the same (RFC 3986 §2.1).
trait LowercaseEscapes {
    fn to_lowercase_escapes(&self) -> String;
}

impl LowercaseEscapes for String {
    fn to_lowercase_escapes(&self) -> String {
        self.replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d")
    }
}

#[test]
fn what_is_no_request_is_malformed_and_what_is_not_ours_unauthorized() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        let leaf = world.certificate("leaf", &root).await;
        let serial = world.serial(&leaf).await;
        let id = CertId::new(&issuer, &serial);
        let good = Query::about(id.clone());
        let caller = world.caller();
        let der = good.to_der();
        let mut bodies: Vec<Vec<u8>> = vec![
            Vec::new(),
            b"{}".to_vec(),
            vec![0x30, 0x00],
            vec![0x30, 0x80, 0x00, 0x00],
            vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            vec![0; 64 * 1024],
            vec![0x30; 1024 * 1024],
            [der.as_slice(), &[0]].concat(),
            Base64::encode_string(&der).into_bytes(),
            Query { certificates: vec![], nonce: None }.to_der(),
            Query { certificates: vec![id.clone(); 101], nonce: None }.to_der(),
        ];
        bodies.extend((1..der.len()).step_by(7).map(|length| der[..length].to_vec()));
        for body in bodies {
            let length = body.len();
            refused(&post(&caller, &root, body).await, "malformed");
            assert!(length < 2 * 1024 * 1024);
        }
        let hundred = Query { certificates: vec![id.clone(); 100], nonce: None };
        assert_eq!(hundred.ask(&caller, &root, &issuer).await.statuses, [Status::Good; 100]);
        for length in [1024 * 1024 + 1, 13 * 1024 * 1024] {
            assert_eq!(post(&caller, &root, vec![0x30; length]).await.status, 413);
        }

        let other = world.root("Other").await;
        let other_certificate = world.own_certificate(&other).await;
        let same_name = world.root("Root").await;
        let same_name = world.own_certificate(&same_name).await;
        for (ca_id, query) in [
            // Its OCSP is off.
            (other.as_str(), Query::about(CertId::new(&other_certificate, other_certificate.serial_number()))),
            (&other, good.clone()),
            // Nobody has this id.
            ("0123", good.clone()),
            ("00000000-0000-0000-0000-000000000000", good.clone()),
            (&root.to_uppercase().replace(char::is_numeric, "A"), good.clone()),
            // The certificate is another authority's, or its issuer cannot be told.
            (&root, Query::about(CertId::new(&other_certificate, &serial))),
            (&root, Query::about(CertId::sha256(&same_name, &serial))),
            (&root, Query::about(CertId::sha256(&issuer, &serial).claiming(ID_SHA_224))),
            (&root, Query { certificates: vec![id.clone(), CertId::new(&other_certificate, &serial)], nonce: None }),
        ] {
            refused(&query.post(&caller, ca_id).await, "unauthorized");
            refused(&query.clone().nonce(b"nonce").post(&caller, ca_id).await, "unauthorized");
            let path = format!("/ocsp/{ca_id}/{}", query.base64());
            refused(&caller.send("GET", &path, &[], Vec::new()).await, "unauthorized");
        }
        refused(&good.post(&caller, "%ff").await, "unauthorized");
        // Off, on, and off again.
        for on in [false, true, false] {
            world.switch_ocsp(&root, on).await;
            let answer = good.post(&caller, &root).await;
            if on {
                assert_eq!(Reply::read(&answer, &issuer, &good.certificates).statuses, [Status::Good]);
            } else {
                refused(&answer, "unauthorized");
            }
        }
    });
}

#[test]
fn an_address_for_relying_parties_alone_serves_them_and_nothing_else() {
    on_both(async |world| {
        let (root, issuer) = world.responding_root().await;
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        let router = openccm_api::relying_party_router(world.ccm.clone());
        let call = async |method: &str, path: &str, body: Vec<u8>| {
            let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
            let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
            (parts.status.as_u16(), body.collect().await.unwrap().to_bytes().to_vec())
        };
        let query = Query::about(CertId::new(&issuer, issuer.serial_number()));
        let expected = query.post(&world.caller(), &root).await.body;
        assert_eq!(call("POST", &format!("/ocsp/{root}"), query.to_der()).await, (200, expected.clone()));
        assert_eq!(call("GET", &format!("/ocsp/{root}/{}", query.base64()), vec![]).await, (200, expected));
        assert_eq!(call("GET", "/crl/crl/list.crl", vec![]).await, (200, world.list(&root).await.der));
        assert_eq!(call("POST", &format!("/ocsp/{root}"), vec![0x30; 13 * 1024 * 1024]).await.0, 413);
        for path in [CAS, CERTIFICATES, "/metrics", "/healthz", "/docs", "/v3/auth/tokens", "/", "/crl/crl/other.crl"] {
            assert_eq!(call("GET", path, vec![]).await.0, 404, "{path}");
        }
        assert_eq!(call("POST", "/crl/crl/list.crl", vec![]).await.0, 405);
    });
}
