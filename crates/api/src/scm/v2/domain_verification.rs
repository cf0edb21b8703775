//! How it stands with the domain names of a certificate.

use axum::{Extension, Json, extract::State};
use openccm_core::{ProofStatus, ValidationMethod};
use openccm_service::{
    Caller, Error, OpenCcm,
    ssl::{orders, validation},
};
use openccm_store::{
    domain_proofs::{self, DomainProof},
    ssl_certificates,
};
use serde::Serialize;

use crate::{
    extract::ResourceId,
    route::{Access::Action, Routes, Service},
    scm::Failure,
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Scm).add(
        "GET",
        "/v2/{project_id}/scm/cert/{cert_id}/domain-verify",
        "show_domain_verification",
        Action("scm:cert:getDomainVerification"),
        show_domain_verification,
    )
}

/// The proof of the first name, as documented; beside it, how it stands with every name.
#[derive(Serialize)]
struct ShowDomainVerificationResponse {
    domain_name: String,
    domain_email: Option<String>,
    record_name: String,
    record_value: String,
    record_type: String,
    domain_method: String,
    applicant_email: String,
    auto_dns_auth: bool,
    auth: Vec<Verification>,
}

/// How it stands with one name: the members that the vendor has for it, and why it is not verified yet.
#[derive(Serialize)]
pub(super) struct Verification {
    method: String,
    status: &'static str,
    domain_name: String,
    host_record: String,
    record_type: String,
    record: String,
    domain_email: Option<String>,
    reason: Option<String>,
    checked_at: Option<i64>,
}

impl From<DomainProof> for Verification {
    fn from(proof: DomainProof) -> Self {
        let status = match proof.status() {
            ProofStatus::Pending => "checking",
            ProofStatus::Verified => "verified",
            ProofStatus::Expired => "expired",
        };
        Self {
            status,
            domain_email: validation::mail_addresses(&proof),
            method: proof.method,
            domain_name: proof.domain,
            host_record: proof.record_name,
            record_type: proof.record_type,
            record: proof.record_value,
            reason: proof.last_error,
            checked_at: proof.checked_at,
        }
    }
}

async fn show_domain_verification(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<ShowDomainVerificationResponse>, Failure> {
    let mut session = ccm.database().read().await?;
    let certificate = ssl_certificates::find(&mut session, &caller.account_id, &id).await?.ok_or(Error::NotFound)?;
    let proofs = domain_proofs::list(&mut session, &id).await?;
    let Some(first) = proofs.first().cloned() else {
        let reason = "no domain name of this certificate is verified, or needs to be";
        return Err(Error::StatusConflict(reason.into()).into());
    };
    let applicant = orders::find_applicant(&ccm, &mut session, &id).await?.unwrap_or_default();
    let primary = first.position == 0 && !certificate.domain.is_empty();
    Ok(Json(ShowDomainVerificationResponse {
        domain_email: validation::mail_addresses(&first),
        domain_name: if primary { certificate.domain } else { first.domain },
        record_name: first.record_name,
        record_value: first.record_value,
        record_type: first.record_type,
        domain_method: ValidationMethod::parse(&first.method).map_or(first.method, |method| method.to_string()),
        applicant_email: applicant.applicant_email.unwrap_or_default(),
        auto_dns_auth: applicant.auto_dns_auth.unwrap_or_default(),
        auth: proofs.into_iter().map(Verification::from).collect(),
    }))
}
