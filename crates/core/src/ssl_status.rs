//! The life of an SSL certificate, as one table.

use crate::{status_table, text_enum::text_enum};

text_enum! {
    /// Where an SSL certificate stands.
    pub enum SslStatus {
        /// Paid; nothing is applied for yet.
        Paid = "PAID",
        /// Applied for; the domain names are being verified.
        Checking = "CHECKING",
        /// The domain names are verified; the organization waits for the operator's verdict (OV and EV).
        CheckingOrg = "CHECKING_ORG",
        /// The issuer is at work.
        Issuing = "ISSUING",
        /// Issued.
        Issued = "ISSUED",
        /// The application is being taken back.
        CancelChecking = "CANCELCHECKING",
        /// The application was refused; it can be made again.
        Unpassed = "UNPASSED",
        /// Past its end.
        Expired = "EXPIRED",
        /// Being revoked.
        Revoking = "REVOKING",
        /// Revoked.
        Revoked = "REVOKED",
        /// Made elsewhere and imported.
        Upload = "UPLOAD",
        /// Issued; added domain names are being verified, or the certificate with them issued.
        SupplementChecking = "SUPPLEMENTCHECKING",
        /// The added domain names are being taken back.
        CancelSupplementing = "CANCELSUPPLEMENTING",
    }
}

text_enum! {
    /// What can happen to an SSL certificate.
    pub enum SslOperation {
        /// Keep what is to be applied for, without applying.
        Save = "save application",
        /// Upload a picture of a document of the organization.
        UploadPicture = "upload picture",
        /// Apply for it.
        Apply = "apply",
        /// All domain names are verified, and nothing else is to be checked.
        Verify = "domains verified (DV)",
        /// All domain names are verified; the organization is next.
        VerifyForReview = "domains verified (OV, EV)",
        /// The operator approves the organization.
        Approve = "approve",
        /// The operator refuses the application, or the issuer does; or the issuer refuses to revoke.
        Reject = "reject",
        /// The issuer has issued it.
        Issue = "issue",
        /// Take the application, or the added domain names, back.
        Cancel = "cancel",
        /// What was begun (taking back, revoking) is done.
        Settle = "settle",
        /// Add domain names.
        Supplement = "supplement",
        /// Revoke it.
        Revoke = "revoke",
        /// Export it, with its key where that is here.
        Export = "export",
        /// Push it to a service.
        Push = "push",
        /// Forget who applied.
        ForgetApplicant = "delete privacy data",
        /// Give the order back.
        Unsubscribe = "unsubscribe",
        /// Delete it.
        Delete = "delete",
    }
}

/// What an allowed operation leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslOutcome {
    /// The status stays as it is.
    Stays,
    /// The certificate takes this status.
    Becomes(SslStatus),
    /// The certificate is gone.
    Gone,
}

/// What `operation` does to a certificate in `status`; `None` where it is not allowed (`SCM.0010`).
///
/// `EXPIRED` is never stored: it is a certificate stored as `ISSUED` or `UPLOAD` whose time has ended.
pub const fn ssl_outcome(status: SslStatus, operation: SslOperation) -> Option<SslOutcome> {
    use SslOperation as Op;
    use SslOutcome::*;
    use SslStatus as S;
    match (status, operation) {
        (S::Paid | S::Unpassed, Op::Save | Op::UploadPicture) => Some(Stays),
        (S::Paid | S::Unpassed, Op::Apply) => Some(Becomes(S::Checking)),
        (S::Paid | S::Unpassed, Op::Unsubscribe) => Some(Gone),
        (S::Checking, Op::UploadPicture) => Some(Stays),
        (S::Checking, Op::Verify) => Some(Becomes(S::Issuing)),
        (S::Checking, Op::VerifyForReview) => Some(Becomes(S::CheckingOrg)),
        (S::Checking | S::CheckingOrg | S::Issuing, Op::Cancel) => Some(Becomes(S::CancelChecking)),
        (S::CancelChecking, Op::Settle) => Some(Becomes(S::Paid)),
        (S::CheckingOrg, Op::UploadPicture) => Some(Stays),
        (S::CheckingOrg, Op::Approve) => Some(Becomes(S::Issuing)),
        (S::Checking | S::CheckingOrg | S::Issuing, Op::Reject) => Some(Becomes(S::Unpassed)),
        (S::Issuing | S::SupplementChecking, Op::Issue) => Some(Becomes(S::Issued)),
        (S::SupplementChecking, Op::Reject) => Some(Becomes(S::Issued)),
        (S::SupplementChecking, Op::Cancel) => Some(Becomes(S::CancelSupplementing)),
        (S::CancelSupplementing, Op::Settle) => Some(Becomes(S::Issued)),
        (S::Issued, Op::Supplement) => Some(Becomes(S::SupplementChecking)),
        (S::Issued, Op::Revoke) => Some(Becomes(S::Revoking)),
        (S::Revoking, Op::Settle) => Some(Becomes(S::Revoked)),
        (S::Revoking, Op::Reject) => Some(Becomes(S::Issued)),
        (S::Issued | S::Upload | S::Expired | S::SupplementChecking | S::CancelSupplementing, Op::Export) => {
            Some(Stays)
        }
        (S::Issued | S::Upload | S::SupplementChecking | S::CancelSupplementing, Op::Push) => Some(Stays),
        (S::Paid | S::Unpassed | S::Issued | S::Expired | S::Revoked, Op::ForgetApplicant) => Some(Stays),
        (S::Unpassed | S::Issued | S::Upload | S::Expired | S::Revoked, Op::Delete) => Some(Gone),
        _ => None,
    }
}

/// The whole table in Markdown, as `docs/architecture.md` shows it.
pub fn ssl_transition_table() -> String {
    status_table::markdown(SslStatus::ALL, SslOperation::ALL, |status, operation| {
        match ssl_outcome(status, operation) {
            None => "–".to_owned(),
            Some(SslOutcome::Stays) => "allowed".to_owned(),
            Some(SslOutcome::Becomes(next)) => format!("→ {next}"),
            Some(SslOutcome::Gone) => "gone".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_shows_this_table() {
        let page = include_str!("../../../docs/architecture.md");
        assert!(
            page.contains(&ssl_transition_table()),
            "docs/architecture.md must contain:\n{}",
            ssl_transition_table()
        );
    }

    #[test]
    fn what_was_begun_can_end() {
        for status in SslStatus::ALL {
            let passing = matches!(
                status,
                SslStatus::Checking
                    | SslStatus::CheckingOrg
                    | SslStatus::Issuing
                    | SslStatus::CancelChecking
                    | SslStatus::Revoking
                    | SslStatus::SupplementChecking
                    | SslStatus::CancelSupplementing
            );
            let leaves = |operation: &SslOperation| {
                ssl_outcome(*status, *operation).is_some_and(|outcome| outcome != SslOutcome::Stays)
            };
            assert!(!passing || SslOperation::ALL.iter().any(leaves), "{status}");
            // A certificate that something is being done with cannot be taken away from under it.
            let deleted = ssl_outcome(*status, SslOperation::Delete).is_some();
            assert!(!passing || !deleted, "{status}");
        }
    }

    #[test]
    fn a_revoked_certificate_is_never_pushed_or_exported() {
        for operation in [SslOperation::Push, SslOperation::Export, SslOperation::Issue, SslOperation::Supplement] {
            for status in [SslStatus::Revoked, SslStatus::Revoking] {
                assert_eq!(ssl_outcome(status, operation), None, "{operation} in {status}");
            }
        }
    }
}
