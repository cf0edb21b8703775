//! What can be bought and applied for, what of it is kept, and what is refused.

use openccm_service::ssl::SslOptions;
use serde_json::{Value, json};

use crate::{
    ssl_certificates::{SSL, show, v2},
    ssl_orders::{application, buy, company, own_zone, purchase, status},
    world::{on_both, with, with_ssl},
};

#[test]
fn what_is_saved_is_read_and_forgotten() {
    on_both(async |world| {
        let id = buy(&world, purchase("OV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        let read = async || world.call("POST", &v2(&world, &format!("cert/{id}/read")), Value::Null).await.ok();
        let empty = read().await;
        assert_eq!((&empty["domain_name"], &empty["CSR"], &empty["bl"]), (&json!(""), &Value::Null, &json!("0")));
        let body = company(json!({"domain": "a.example.com", "csr": "", "sans": "", "agree_privacy_protection": true}));
        let answer = world.call("POST", &v2(&world, &format!("cert/{id}/save")), body).await.ok();
        assert_eq!(answer, json!({"request_info": "success"}));

        let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 100]].concat();
        let upload = async |kind: &str, bytes: Vec<u8>| {
            let path = v2(&world, &format!("cert/{id}/info/{kind}/upload_authentication"));
            world.call_raw(&world.account, "POST", &path, bytes).await
        };
        upload("TL", png.clone()).await.ok();
        upload("XL", png.clone()).await.error(400, "SCM.0005");
        upload("BL", b"<html>".to_vec()).await.error(400, "SCM.0005");
        upload("BL", Vec::new()).await.error(400, "SCM.0005");
        upload("BL", [png.clone(), vec![0; 5 * 1024 * 1024]].concat()).await.error(400, "SCM.0065");
        let saved = read().await;
        assert_eq!((&saved["bl"], &saved["tl"]), (&json!("0"), &json!("1")));
        assert_eq!((&saved["domain_name"], &saved["company_name"]), (&json!("a.example.com"), &json!("Example Ltd")));
        assert_eq!(status(&world, &id).await, "PAID");

        let forget = v2(&world, &format!("privacy-protection/{id}"));
        assert_eq!(world.call("DELETE", &forget, Value::Null).await.ok(), json!({"message": "success"}));
        let saved = read().await;
        assert_eq!((&saved["company_name"], &saved["tl"]), (&json!(""), &json!("0")));
        assert_eq!(saved["domain_name"], "a.example.com", "a domain name is not personal");
    });
}

#[test]
fn applicants_and_pictures_are_sealed() {
    on_both(async |world| {
        let id = buy(&world, purchase("OV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        let body = company(
            json!({"domain": "a.example.com", "agree_privacy_protection": true, "applicant_name": "Zarathustra"}),
        );
        world.call("POST", &v2(&world, &format!("cert/{id}/save")), body).await.ok();
        let mut session = world.ccm.database().read().await.unwrap();
        let sealed =
            openccm_store::ssl_certificates::find_sealed_application(&mut session, &id).await.unwrap().unwrap();
        assert!(!sealed.windows(11).any(|part| part == b"Zarathustra"));
        assert_eq!(show(&world, &id).await["application_info"]["applicant_name"], "Zarathustra");
    });
}

#[test]
fn what_does_not_fit_what_was_bought_is_refused() {
    with_ssl(&own_zone(), async |world| {
        let single = buy(&world, purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1)).await;
        let wildcard = buy(&world, purchase("DV_SSL_CERT", "WILDCARD", 1)).await;
        let several =
            with(purchase("DV_SSL_CERT", "MULTI_DOMAIN", 3), "/primary_domain_type", json!("WILDCARD_DOMAIN"));
        let several = buy(&world, several).await;
        let long = format!("{}.example.com", "a".repeat(64));
        for (id, domain, sans, code) in [
            (&single, "", "", "SCM.0108"),
            (&single, "*.example.com", "", "SCM.0015"),
            (&single, "a.example.com", "b.example.com", "SCM.0036"),
            (&single, "a b.example.com", "", "SCM.0108"),
            (&single, "http://a.example.com", "", "SCM.0108"),
            (&single, &long, "", "SCM.0108"),
            (&single, "a.example.com", "A.example.com", "SCM.0063"),
            (&wildcard, "a.example.com", "", "SCM.0015"),
            (&wildcard, "a.*.example.com", "", "SCM.0108"),
            (&several, "a.example.com", "", "SCM.0015"),
            (&several, "*.example.com", "a.example.com;b.example.com;c.example.com", "SCM.0036"),
            (&several, "*.example.com", "*.b.example.com", "SCM.0036"),
        ] {
            let body = with(with(application(domain), "/sans", json!(sans)), "/domain", json!(domain));
            let answer = world.call("POST", &format!("{SSL}/{id}/apply"), body).await;
            answer.error(400, code);
            assert_eq!(status(&world, id).await, "PAID", "{domain} {sans}");
        }
        for (field, value) in [
            ("agree_privacy_protection", json!(false)),
            ("agree_privacy_protection", Value::Null),
            ("applicant_name", Value::Null),
            ("applicant_name", json!("x".repeat(101))),
            ("applicant_name", json!("a\nb")),
            ("applicant_email", json!("nobody")),
            ("applicant_phone", json!("")),
            ("domain_method", json!("PIGEON")),
            ("ca_hash_algorithm", json!("MD5")),
            ("country", json!("China")),
            ("auto_dns_auth", json!("perhaps")),
            ("company_name", json!(7)),
        ] {
            let body = with(application("a.example.com"), &format!("/{field}"), value.clone());
            let answer = world.call("POST", &format!("{SSL}/{single}/apply"), body).await;
            answer.error(400, "SCM.0005");
        }
        for body in ["", "{", "[]", "null", "7", "\"x\""] {
            let path = format!("{SSL}/{single}/apply");
            let answer = world.call_raw(&world.account, "POST", &path, body.as_bytes().to_vec()).await;
            answer.error(400, "SCM.0005");
        }
        assert_eq!(status(&world, &single).await, "PAID");
    });
}

#[test]
fn what_the_catalogue_does_not_have_is_not_bought() {
    on_both(async |world| {
        let good = purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1);
        for (field, value, code) in [
            ("cert_brand", json!("ACME"), "SCM.0049"),
            ("cert_brand", Value::Null, "SCM.0049"),
            ("cert_type", json!("XV"), "SCM.0050"),
            ("domain_type", json!("DOUBLE"), "SCM.0051"),
            ("effective_time", json!(9), "SCM.0052"),
            ("effective_time", json!("soon"), "SCM.0052"),
            ("domain_numbers", json!(2), "SCM.0036"),
            ("domain_numbers", Value::Null, "SCM.0036"),
            ("order_number", json!(0), "SCM.0060"),
            ("order_number", json!(101), "SCM.0060"),
            ("agree_privacy_protection", json!(false), "SCM.0005"),
            ("enterprise_project_id", json!("x"), "SCM.0005"),
            ("origin_cert_id", json!("scs1554192131150"), "SCM.0094"),
        ] {
            let status = if code == "SCM.0094" { 404 } else { 400 };
            let body = with(good.clone(), &format!("/{field}"), value);
            world.call("POST", &format!("{SSL}/buy"), body).await.error(status, code);
        }
        for numbers in [1, 251] {
            world
                .call("POST", &format!("{SSL}/buy"), purchase("DV_SSL_CERT", "MULTI_DOMAIN", numbers))
                .await
                .error(400, "SCM.0036");
        }
        assert_eq!(world.get(SSL).await["total_count"], 0);

        let products = world.get(&v2(&world, "cert/product")).await;
        let first = &products["type_list"][0];
        let product = world.get(&v2(&world, &format!("product/{}", first["product_id"].as_str().unwrap()))).await;
        assert_eq!(product["cert_type"], first["cert_type"]);
        world.call("GET", &v2(&world, "product/00301-106005-0--77"), Value::Null).await.error(500, "SCM.0017");

        let many = with(good.clone(), "/order_number", json!(120));
        let bought = world.call("POST", &v2(&world, "cert/purchase"), many).await.ok();
        let ids: std::collections::BTreeSet<&str> =
            bought["cert"].as_array().unwrap().iter().map(|cert| cert["cert_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 120);
    });
}

#[test]
fn free_certificates_have_a_limit() {
    with_ssl(&SslOptions { free_certificates: 2, ..own_zone() }, async |world| {
        let free = with(purchase("DV_SSL_CERT", "SINGLE_DOMAIN", 1), "/effective_time", json!(0));
        let remain = async || world.get(&v2(&world, "certlist")).await["free_remain"].clone();
        assert_eq!(remain().await, 2);
        let id = buy(&world, free.clone()).await;
        assert_eq!(show(&world, &id).await["validity_period"], 3);
        let two = with(free.clone(), "/order_number", json!(2));
        world.call("POST", &format!("{SSL}/buy"), two).await.error(403, "SCM.0040");
        buy(&world, free.clone()).await;
        assert_eq!(remain().await, 0);
        world.call("POST", &format!("{SSL}/buy"), free.clone()).await.error(403, "SCM.0040");
        world.call("DELETE", &format!("{SSL}/{id}/unsubscribe"), Value::Null).await.ok();
        buy(&world, free).await;
    });
}
