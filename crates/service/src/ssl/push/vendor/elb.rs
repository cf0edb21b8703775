//! Elastic Load Balance, API v3: CreateCertificate, UpdateCertificate, UpdateListener.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Fault, Pushed, Resource, VendorService, id_in};

/// The longest text that ELB takes as a certificate's domain names.
const DOMAINS_LIMIT: usize = 10_000;

pub(super) async fn push(service: &VendorService, pushed: &Pushed, copy: Option<&str>) -> Result<String, Fault> {
    let project_id = service.project_id()?;
    let certificates = ["v3", project_id, "elb", "certificates"];
    let mut certificate = json!({
        "name": pushed.name,
        "domain": domains(pushed),
        "certificate": pushed.full_chain_pem(),
        "private_key": pushed.private_key_pem.as_str(),
    });
    if let Some(id) = copy {
        let path = [&certificates[..], &[id]].concat();
        let answer = service.ask(Method::PUT, &path, &[], &json!({"certificate": certificate}), pushed.now_ms).await?;
        match answer.status {
            status if status.is_success() => return Ok(id.to_owned()),
            // Somebody deleted it there.
            StatusCode::NOT_FOUND => {}
            _ => return Err(service.fault(&answer)),
        }
    }
    certificate["type"] = Value::from("server");
    let body = json!({"certificate": certificate});
    let answer = service.call(Method::POST, &certificates, &[], &body, pushed.now_ms).await?;
    id_in(&answer["certificate"])
}

/// A listener takes the certificate as its default one.
pub(super) async fn bind(
    service: &VendorService,
    pushed: &Pushed,
    copy: &str,
    resource: &Resource,
) -> Result<(), Fault> {
    let path = ["v3", service.project_id()?, "elb", "listeners", &resource.id];
    let body = json!({"listener": {"default_tls_container_ref": copy}});
    let answer = service.ask(Method::PUT, &path, &[], &body, pushed.now_ms).await?;
    match answer.status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND => Err(Fault::refused("there is no such listener")),
        _ => Err(service.fault(&answer)),
    }
}

/// The domain names, with commas between them: as many as ELB takes.
fn domains(pushed: &Pushed) -> String {
    let mut text = String::new();
    for domain in pushed.domains.iter().take(100) {
        if text.len() + domain.len() + 1 > DOMAINS_LIMIT {
            break;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(domain);
    }
    text
}
