//! Authorities whose certificates are signed elsewhere and imported.

use openccm_pki::{Certificate, verify_path};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, DnValue, IsCa, KeyPair, KeyUsagePurpose,
    SubjectPublicKeyInfo,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::world::{
    Answer, CAS, CERTIFICATES, DAY_MS, START_MS, World, certificate_request, name, on_both, subordinate_request, with,
};

/// An authority elsewhere, valid from a year before the world begins to two years after.
fn outside() -> CertifiedIssuer<'static, KeyPair> {
    CertifiedIssuer::self_signed(outside_params("Outside Root"), KeyPair::generate().unwrap()).unwrap()
}

fn outside_params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = at(START_MS - 365 * DAY_MS);
    params.not_after = at(START_MS + 730 * DAY_MS);
    params
}

fn at(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ms / 1000).unwrap()
}

/// The key of a pending authority, as its signing request tells it.
async fn requested_key(world: &World, id: &str) -> SubjectPublicKeyInfo {
    let csr = world.get(&format!("{CAS}/{id}/csr")).await["csr"].as_str().unwrap().to_owned();
    assert!(csr.starts_with("-----BEGIN CERTIFICATE REQUEST-----\r\n") && csr.len() <= 4096);
    let parsed = world.call("POST", &format!("{CERTIFICATES}/csr/parse"), json!({"csr": csr})).await.ok();
    assert_eq!(parsed["distinguished_name"], name("Pending"));
    SubjectPublicKeyInfo::from_pem(parsed["public_key"].as_str().unwrap()).unwrap()
}

async fn import(world: &World, id: &str, certificate: &str, chain: &str) -> Answer {
    let body = json!({"certificate": certificate, "certificate_chain": chain});
    world.call("POST", &format!("{CAS}/{id}/import"), body).await
}

#[test]
fn a_certificate_signed_elsewhere_is_imported() {
    on_both(async |world| {
        let root = outside();
        let middle = CertifiedIssuer::signed_by(outside_params("Middle"), KeyPair::generate().unwrap(), &root).unwrap();
        let id = world.pending("Pending").await;
        let key = requested_key(&world, &id).await;
        let mut params = outside_params("Imported");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        let certificate = params.signed_by(&key, &middle).unwrap().pem();

        // The chain in any order, with LF; it comes back in order, with CRLF.
        let chain = format!("{}\n\n{}", root.pem().replace('\r', ""), middle.pem());
        import(&world, &id, &certificate, &chain).await.no_content();
        let shown = world.authority(&id).await;
        let (exported, above) = world.authority_chain(&id).await;
        for (field, value) in [
            ("status", json!("ACTIVED")),
            ("gen_mode", json!("IMPORT")),
            ("issuer_id", Value::Null),
            ("issuer_name", json!("Middle")),
            ("path_length", json!(1)),
            ("signature_algorithm", json!("SHA256")),
            ("serial_number", json!(exported.serial_number())),
            ("not_before", json!(START_MS - 365 * DAY_MS)),
            ("not_after", json!(START_MS + 730 * DAY_MS)),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
        assert_eq!(exported.pem(), certificate.trim_end().replace('\r', "").replace('\n', "\r\n"));
        assert_eq!(
            above.iter().map(Certificate::der).collect::<Vec<_>>(),
            [middle.der().as_ref(), root.der().as_ref()]
        );

        let sub = world.call(
            "POST",
            CAS,
            with(subordinate_request("Sub", &id), "/validity", json!({"type": "YEAR", "value": 1})),
        );
        let sub = sub.await.ok()["ca_id"].as_str().unwrap().to_owned();
        let (leaf, chain) = world.certificate_chain(&world.certificate("leaf", &sub).await).await;
        assert_eq!(chain.len(), 4);
        verify_path(&leaf, &chain, leaf.period()).unwrap();
        import(&world, &id, &certificate, "").await.error(403, "PCA.00030201");

        // Without a chain: the authority is a root of what is known here.
        let id = world.pending("Pending").await;
        let certificate = params.signed_by(&requested_key(&world, &id).await, &middle).unwrap().pem();
        let body = json!({"certificate": certificate});
        world.call("POST", &format!("{CAS}/{id}/import"), body).await.no_content();
        assert!(world.authority_chain(&id).await.1.is_empty());
        assert_eq!(world.authority(&id).await["gen_mode"], "IMPORT");
        world.certificate("leaf", &id).await;
    });
}

#[test]
fn what_does_not_fit_is_not_imported() {
    on_both(async |world| {
        let root = outside();
        let stranger = outside();
        let id = world.pending("Pending").await;
        let key = requested_key(&world, &id).await;
        let sign = |change: fn(&mut CertificateParams)| {
            let mut params = outside_params("Imported");
            change(&mut params);
            params.signed_by(&key, &root).unwrap().pem()
        };
        let good = sign(|_| {});
        let wrong_key = outside_params("Imported").signed_by(&KeyPair::generate().unwrap(), &root).unwrap().pem();
        import(&world, &id, &wrong_key, &root.pem()).await.error(403, "PCA.00030301");

        let bad_certificates = [
            String::new(),
            "nonsense".to_owned(),
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".to_owned(),
            root.pem() + &good,
            sign(|params| params.is_ca = IsCa::NoCa),
            sign(|params| params.is_ca = IsCa::ExplicitNoCa),
            sign(|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]),
            sign(|params| params.not_after = at(START_MS)),
            sign(|params| params.not_before = at(START_MS + 1000)),
            "x".repeat(32_769),
        ];
        for certificate in bad_certificates {
            let message = import(&world, &id, &certificate, &root.pem()).await.error(400, "PCA.00020402");
            assert!(message.contains("certificate"), "{message}");
        }
        let unrelated = root.pem() + &stranger.pem();
        let long = "x".repeat(2_097_153);
        for chain in [stranger.pem(), "nonsense".to_owned(), unrelated, good.clone(), long] {
            let message = import(&world, &id, &good, &chain).await.error(400, "PCA.00020403");
            assert!(message.contains("certificate_chain"), "{message}");
        }
        assert_eq!(world.ca_status(&id).await, "PENDING");
        // As long as a chain may be: more than the body limits of most servers.
        let spacious = root.pem() + &" ".repeat(2_097_152 - root.pem().len());
        import(&world, &id, &good, &spacious).await.no_content();
    });
}

#[test]
fn a_country_that_no_certificate_may_carry_is_not_inherited() {
    on_both(async |world| {
        let root = outside();
        let id = world.pending("Pending").await;
        let key = requested_key(&world, &id).await;
        let mut params = outside_params("Imported");
        params.distinguished_name.push(DnType::CountryName, DnValue::Utf8String("中国".to_owned()));
        let certificate = params.signed_by(&key, &root).unwrap().pem();
        import(&world, &id, &certificate, &root.pem()).await.no_content();

        let request = certificate_request("leaf", &id);
        let refused = world.call("POST", CERTIFICATES, request.clone()).await.error(400, "PCA.00020101");
        assert!(refused.contains("distinguished_name"), "{refused}");
        let own = with(request, "/distinguished_name/country", json!("CN"));
        world.call("POST", CERTIFICATES, own).await.ok();
    });
}
