//! What an ACME service issued, checked before it is given on.

use openccm_pki::{Certificate, SigningRequest, pem};

use super::{AcmeRequest, order::canonical};

/// Reads the certificate and those above it (RFC 8555 §9.1), and checks that they are what was asked for: the key, the
/// domain names, the links between them. Gives the DER of each.
pub(super) fn check(text: &str, request: &AcmeRequest, now_ms: i64) -> Result<Vec<Vec<u8>>, String> {
    let chain = Certificate::all_from_pem(text).map_err(|error| error.to_string())?;
    let csr = SigningRequest::from_pem(&pem::encode("CERTIFICATE REQUEST", &request.csr_der))
        .map_err(|error| format!("the signing request cannot be read: {error}"))?;
    let leaf = chain.first().ok_or("it holds no certificate")?;
    if leaf.public_key() != csr.public_key() {
        return Err("the certificate is for another key".into());
    }
    if leaf.is_authority() {
        return Err("the certificate is an authority's".into());
    }
    let asked = canonical(&request.domains);
    let given = canonical(&leaf.domain_names().map_err(|error| error.to_string())?);
    if let Some(missing) = asked.difference(&given).next() {
        return Err(format!("the certificate does not name {missing}"));
    }
    // Some services add the name that people type beside the one that is asked for.
    let is_extra = |name: &&String| !name.strip_prefix("www.").is_some_and(|name| asked.contains(name));
    if let Some(extra) = given.difference(&asked).find(is_extra) {
        return Err(format!("the certificate names {extra}, too"));
    }
    if leaf.period().not_after.saturating_mul(1000) <= now_ms {
        return Err("the certificate is past its end".into());
    }
    for link in chain.windows(2) {
        if let [below, above] = link {
            below.verify_issued_by(above).map_err(|error| format!("the chain does not hold: {error}"))?;
        }
    }
    Ok(chain.iter().map(|certificate| certificate.der().to_vec()).collect())
}
