use openccm_core::{AuthorityOperation, AuthorityType, CaId, Invalid, Subject};
use openccm_store::{certificate_authorities as store, revocation_lists, revocations::Revocation};

use super::{find_for, next_status, overtaken};
use crate::{
    Caller, Error, OpenCcm,
    revocation::{self, Cause},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Switches an authority off: it issues nothing, nor does anything below it.
///
/// # Errors
/// An authority whose status does not allow it.
pub async fn disable(ccm: &OpenCcm, caller: &Caller, id: CaId) -> Result<(), Error> {
    change_status(ccm, caller, id, AuthorityOperation::Disable).await
}

/// Switches an authority on again.
///
/// # Errors
/// An authority whose status does not allow it.
pub async fn enable(ccm: &OpenCcm, caller: &Caller, id: CaId) -> Result<(), Error> {
    change_status(ccm, caller, id, AuthorityOperation::Enable).await
}

/// Takes back a scheduled deletion.
///
/// # Errors
/// An authority whose deletion is not scheduled, or has taken effect.
pub async fn restore(ccm: &OpenCcm, caller: &Caller, id: CaId) -> Result<(), Error> {
    change_status(ccm, caller, id, AuthorityOperation::Restore).await
}

async fn change_status(ccm: &OpenCcm, caller: &Caller, id: CaId, operation: AuthorityOperation) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    let (authority, outcome) = find_for(ccm, &mut session, caller, id, operation).await?;
    let status = next_status(outcome, &authority).ok_or_else(|| overtaken(&authority, operation))?;
    if !store::update_status(&mut session, &authority.id, &authority.status, status).await? {
        return Err(overtaken(&authority, operation));
    }
    Ok(session.commit().await?)
}

/// Deletes an authority: a pending one at once and for good, any other after `pending_days` (7 to 30), until when it can be
/// restored.
///
/// # Errors
/// An authority whose status does not allow it, or, where it is not pending, `pending_days` missing or out of its limits.
pub async fn delete(ccm: &OpenCcm, caller: &Caller, id: CaId, pending_days: Option<i64>) -> Result<(), Error> {
    let operation = AuthorityOperation::Delete;
    let mut session = ccm.database().write().await?;
    let (authority, outcome) = find_for(ccm, &mut session, caller, id, operation).await?;
    let deleted = match next_status(outcome, &authority) {
        None => {
            ccm.keys().delete(&mut session, &authority.id).await?;
            revocation_lists::delete(&mut session, &authority.id).await?;
            store::delete_pending(&mut session, &authority.id).await?
        }
        Some(_) => {
            let invalid = |reason: &str| Invalid::new(Subject::Parameter, "pending_days", reason);
            let days = pending_days.ok_or_else(|| invalid("is mandatory"))?;
            if !(7..=30).contains(&days) {
                return Err(invalid("must be 7 to 30").into());
            }
            let deletes_at = ccm.now_ms() + days * DAY_MS;
            store::schedule_deletion(&mut session, &authority.id, &authority.status, deletes_at).await?
        }
    };
    if !deleted {
        return Err(overtaken(&authority, operation));
    }
    Ok(session.commit().await?)
}

/// Revokes a subordinate authority for good. From then on it issues nothing, and its issuer's list and OCSP answers say so;
/// what it has issued keeps its own status, but nobody who checks the chain accepts it.
///
/// # Errors
/// A root, which nobody above it could revoke, or an authority whose status does not allow it.
pub async fn revoke(ccm: &OpenCcm, caller: &Caller, id: CaId, cause: Cause) -> Result<(), Error> {
    let operation = AuthorityOperation::Revoke;
    let now_ms = ccm.now_ms();
    cause.validate(now_ms)?;
    let mut session = ccm.database().write().await?;
    let (authority, _) = find_for(ccm, &mut session, caller, id, operation).await?;
    if authority.authority_type == AuthorityType::Root.as_str() {
        return Err(Error::StatusConflict("a root cannot be revoked".into()));
    }
    let reason = cause.reason.as_str();
    if !store::revoke(&mut session, &authority.id, &authority.status, now_ms, reason).await? {
        return Err(overtaken(&authority, operation));
    }
    // What was imported was issued elsewhere, and is revoked there.
    match (authority.issuer_id, authority.serial_number) {
        (Some(issuer_id), Some(serial_number)) => {
            let revocation = Revocation {
                serial_number,
                revoked_at: now_ms,
                reason: reason.to_owned(),
                invalid_since: cause.invalid_since_ms,
                not_after: authority.not_after,
                crl_partition: authority.crl_partition,
            };
            revocation::record(&mut session, &issuer_id, &revocation).await?;
            revocation::commit(ccm, session, issuer_id).await
        }
        _ => Ok(session.commit().await?),
    }
}
