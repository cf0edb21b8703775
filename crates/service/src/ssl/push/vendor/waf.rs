//! Web Application Firewall: CreateCertificate, UpdateCertificate, ApplyCertificateToHost.

use http::{Method, StatusCode};
use serde_json::json;

use super::{super::text::plain_name, Fault, Pushed, Resource, VendorService, id_in};

pub(super) async fn push(service: &VendorService, pushed: &Pushed, copy: Option<&str>) -> Result<String, Fault> {
    let project_id = service.project_id()?;
    let certificates = ["v1", project_id, "waf", "certificate"];
    let body = json!({
        // WAF takes no other characters.
        "name": plain_name(&pushed.name),
        "content": pushed.full_chain_pem(),
        "key": pushed.private_key_pem.as_str(),
    });
    if let Some(id) = copy {
        let path = [&certificates[..], &[id]].concat();
        let answer = service.ask(Method::PUT, &path, &[], &body, pushed.now_ms).await?;
        match answer.status {
            status if status.is_success() => return Ok(id.to_owned()),
            // Somebody deleted it there.
            StatusCode::NOT_FOUND => {}
            _ => return Err(service.fault(&answer)),
        }
    }
    id_in(&service.call(Method::POST, &certificates, &[], &body, pushed.now_ms).await?)
}

pub(super) async fn bind(
    service: &VendorService,
    pushed: &Pushed,
    copy: &str,
    resource: &Resource,
) -> Result<(), Fault> {
    let path = ["v1", service.project_id()?, "waf", "certificate", copy, "apply-to-hosts"];
    let (cloud, premium): (&[&str], &[&str]) =
        if resource.kind == "premium" { (&[], &[&resource.id]) } else { (&[&resource.id], &[]) };
    let body = json!({"cloud_host_ids": cloud, "premium_host_ids": premium});
    let query: Vec<(&str, &str)> =
        resource.enterprise_project_id.iter().map(|id| ("enterprise_project_id", id.as_str())).collect();
    let answer = service.ask(Method::POST, &path, &query, &body, pushed.now_ms).await?;
    match answer.status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND => Err(Fault::refused("there is no such domain name, or no longer this certificate")),
        _ => Err(service.fault(&answer)),
    }
}
