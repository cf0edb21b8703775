//! Content Delivery Network: UpdateDomainMultiCertificates. CDN keeps no certificates by themselves: each domain name has one.

use http::Method;
use serde_json::json;

use super::{super::text::plain_name, Fault, Pushed, Resource, VendorService};

/// How many domain names CDN takes at once.
const DOMAINS_AT_ONCE: usize = 50;

/// Every domain name of the certificate serves it.
pub(super) async fn push(service: &VendorService, pushed: &Pushed) -> Result<String, Fault> {
    for domains in pushed.domains.chunks(DOMAINS_AT_ONCE) {
        configure(service, pushed, &domains.join(",")).await?;
    }
    Ok(pushed.certificate_id.clone())
}

/// One domain name serves the certificate.
pub(super) async fn bind(service: &VendorService, pushed: &Pushed, resource: &Resource) -> Result<(), Fault> {
    configure(service, pushed, &resource.id).await
}

async fn configure(service: &VendorService, pushed: &Pushed, domains: &str) -> Result<(), Fault> {
    let body = json!({"https": {
        "domain_name": domains,
        "https_switch": 1,
        // The certificate is the customer's own, not one that CDN keeps.
        "certificate_type": 0,
        // 3 to 32 characters.
        "cert_name": plain_name(&pushed.certificate_id).chars().take(32).collect::<String>(),
        "certificate": pushed.full_chain_pem(),
        "private_key": pushed.private_key_pem.as_str(),
    }});
    let path = ["v1.0", "cdn", "domains", "config-https-info"];
    service.call(Method::PUT, &path, &[], &body, pushed.now_ms).await.map(drop)
}
