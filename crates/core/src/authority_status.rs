//! The life of a certificate authority, as one table.

use crate::{status_table, text_enum::text_enum};

text_enum! {
    /// Where an authority stands. `ACTIVED` is the vendor's spelling.
    pub enum AuthorityStatus {
        /// Has a key, but no certificate yet.
        Pending = "PENDING",
        /// Can issue.
        Actived = "ACTIVED",
        /// Was active, and is past the end of its certificate.
        Expired = "EXPIRED",
        /// Switched off; can be switched on again.
        Disabled = "DISABLED",
        /// Scheduled for deletion; can be restored until then.
        Deleted = "DELETED",
        /// Its certificate is revoked, for good.
        Revoked = "REVOKED",
    }
}

text_enum! {
    /// What can be done with an authority.
    pub enum AuthorityOperation {
        /// Give it a certificate from an issuer of this server.
        Activate = "activate",
        /// Export its certificate signing request.
        ExportCsr = "export CSR",
        /// Give it a certificate signed elsewhere.
        Import = "import",
        /// Issue a certificate with its key.
        Issue = "issue",
        /// Export its certificate and chain.
        Export = "export",
        /// Switch it off.
        Disable = "disable",
        /// Switch it on.
        Enable = "enable",
        /// Revoke its certificate (subordinate authorities only).
        Revoke = "revoke",
        /// Delete it, at once while pending, else after 7 to 30 days.
        Delete = "delete",
        /// Take back a scheduled deletion.
        Restore = "restore",
        /// Begin to publish its revocation list.
        EnableCrl = "enable CRL",
        /// Publish its revocation list no longer.
        DisableCrl = "disable CRL",
        /// Begin to answer by OCSP for the certificates that it issued.
        EnableOcsp = "enable OCSP",
        /// Answer by OCSP no longer.
        DisableOcsp = "disable OCSP",
    }
}

/// What an allowed operation leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The status stays as it is.
    Stays,
    /// The authority takes this status.
    Becomes(AuthorityStatus),
    /// The authority takes the status that it had before deletion was scheduled: `REVOKED` where it was revoked, else
    /// `DISABLED`.
    Returns,
    /// The authority is gone.
    Gone,
}

/// What `operation` does to an authority in `status`; `None` where it is not allowed (`PCA.00030201`).
///
/// `EXPIRED` is never stored: it is an authority stored as `ACTIVED` whose certificate has ended.
pub const fn outcome(status: AuthorityStatus, operation: AuthorityOperation) -> Option<Outcome> {
    use AuthorityOperation as Op;
    use AuthorityStatus as S;
    use Outcome::*;
    match (status, operation) {
        (S::Pending, Op::Activate | Op::Import) => Some(Becomes(S::Actived)),
        (S::Pending, Op::ExportCsr) => Some(Stays),
        (S::Pending, Op::Delete) => Some(Gone),
        (S::Actived, Op::Issue) => Some(Stays),
        (S::Actived | S::Expired, Op::Export) => Some(Stays),
        (S::Actived | S::Expired, Op::Disable) => Some(Becomes(S::Disabled)),
        (S::Actived | S::Disabled, Op::Revoke) => Some(Becomes(S::Revoked)),
        (S::Disabled, Op::Enable) => Some(Becomes(S::Actived)),
        (S::Disabled | S::Revoked, Op::Delete) => Some(Becomes(S::Deleted)),
        (S::Deleted, Op::Restore) => Some(Returns),
        (S::Actived | S::Disabled, Op::EnableCrl | Op::EnableOcsp) => Some(Stays),
        (S::Actived | S::Expired | S::Disabled | S::Revoked, Op::DisableCrl | Op::DisableOcsp) => Some(Stays),
        _ => None,
    }
}

/// The whole table in Markdown, as `docs/architecture.md` shows it.
pub fn transition_table() -> String {
    status_table::markdown(AuthorityStatus::ALL, AuthorityOperation::ALL, |status, operation| {
        match outcome(status, operation) {
            None => "–".to_owned(),
            Some(Outcome::Stays) => "allowed".to_owned(),
            Some(Outcome::Becomes(next)) => format!("→ {next}"),
            Some(Outcome::Returns) => "→ DISABLED, REVOKED if revoked".to_owned(),
            Some(Outcome::Gone) => "gone".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_shows_this_table() {
        let page = include_str!("../../../docs/architecture.md");
        assert!(page.contains(&transition_table()), "docs/architecture.md must contain:\n{}", transition_table());
    }

    #[test]
    fn nothing_leaves_the_revoked_state_but_deletion() {
        for operation in AuthorityOperation::ALL {
            let leaves = outcome(AuthorityStatus::Revoked, *operation).is_some_and(|outcome| outcome != Outcome::Stays);
            assert_eq!(leaves, *operation == AuthorityOperation::Delete, "{operation}");
        }
    }

    #[test]
    fn only_an_active_authority_issues() {
        for status in AuthorityStatus::ALL {
            let allowed = outcome(*status, AuthorityOperation::Issue).is_some();
            assert_eq!(allowed, *status == AuthorityStatus::Actived, "{status}");
        }
    }
}
