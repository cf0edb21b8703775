//! Certificate authorities: their making, their certificates, their life.

mod activation;
mod creation;
mod export;
mod lifecycle;

pub use activation::{Activation, Expected, activate, import};
pub(crate) use creation::create_named;
pub use creation::{NewAuthority, create};
pub(crate) use export::Chain;
pub use export::{ExportedAuthority, export, export_signing_request};
pub use lifecycle::{delete, disable, enable, restore, revoke};
use openccm_core::{AuthorityOperation, AuthorityStatus, CaId, GenerationMode, Outcome, outcome};
use openccm_store::{
    Session,
    certificate_authorities::{self as store, CertificateAuthority},
};

use crate::{Caller, Error, OpenCcm};

/// How long a root may last, in years.
pub(crate) const ROOT_MAX_YEARS: i32 = 30;
/// How long a subordinate authority or a certificate may last, in years.
pub(crate) const SUBORDINATE_MAX_YEARS: i32 = 20;

/// The authority with this id, if `operation` is allowed on it now, with what the operation does to it.
pub(crate) async fn find_for(
    ccm: &OpenCcm,
    session: &mut Session,
    caller: &Caller,
    id: CaId,
    operation: AuthorityOperation,
) -> Result<(CertificateAuthority, Outcome), Error> {
    let now_ms = ccm.now_ms();
    let authority = store::find(session, &caller.account_id, &id.to_string(), now_ms).await?;
    let authority = authority.ok_or(Error::NotFound)?;
    // The key of an authority made from a signing request is elsewhere: here it can only be shown, exported and revoked.
    let elsewhere = authority.generation_mode == GenerationMode::Csr.as_str();
    if elsewhere && !matches!(operation, AuthorityOperation::Export | AuthorityOperation::Revoke) {
        let reason = format!("{operation} is not allowed: the authority's key is with its requester");
        return Err(Error::StatusConflict(reason));
    }
    let status = authority.status_at(now_ms);
    let outcome = outcome(status, operation).ok_or_else(|| Error::status(status, operation))?;
    Ok((authority, outcome))
}

/// What a caller hears whose operation was overtaken by another.
fn overtaken(authority: &CertificateAuthority, operation: AuthorityOperation) -> Error {
    Error::StatusConflict(format!("{operation} is not allowed: {} has just changed its status", authority.id))
}

/// The status that an outcome of the table means for an authority that may have been revoked.
fn next_status(outcome: Outcome, authority: &CertificateAuthority) -> Option<AuthorityStatus> {
    match outcome {
        Outcome::Becomes(status) => Some(status),
        Outcome::Returns if authority.revoked_at.is_some() => Some(AuthorityStatus::Revoked),
        Outcome::Returns => Some(AuthorityStatus::Disabled),
        Outcome::Stays | Outcome::Gone => None,
    }
}
