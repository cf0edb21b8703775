//! Reasons of revocation, as RFC 5280 §5.3.1 numbers them.

use openccm_core::RevocationReason;
use x509_cert::ext::pkix::CrlReason;

use crate::PkiError;

/// The code with which lists and OCSP responses give a reason; `None` for an unspecified one, which RFC 5280 §5.3.1 wants
/// left out.
pub(crate) fn to_crl_reason(reason: RevocationReason) -> Option<CrlReason> {
    Some(match reason {
        RevocationReason::Unspecified => return None,
        RevocationReason::KeyCompromise => CrlReason::KeyCompromise,
        RevocationReason::CaCompromise => CrlReason::CaCompromise,
        RevocationReason::AffiliationChanged => CrlReason::AffiliationChanged,
        RevocationReason::Superseded => CrlReason::Superseded,
        RevocationReason::CessationOfOperation => CrlReason::CessationOfOperation,
        RevocationReason::CertificateHold => CrlReason::CertificateHold,
        RevocationReason::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
        RevocationReason::AttributeAuthorityCompromise => CrlReason::AaCompromise,
    })
}

/// The reason behind a code.
///
/// # Errors
/// `removeFromCRL`, which only delta lists have (RFC 5280 §5.3.1).
pub(super) fn from_crl_reason(code: CrlReason) -> Result<RevocationReason, PkiError> {
    Ok(match code {
        CrlReason::Unspecified => RevocationReason::Unspecified,
        CrlReason::KeyCompromise => RevocationReason::KeyCompromise,
        CrlReason::CaCompromise => RevocationReason::CaCompromise,
        CrlReason::AffiliationChanged => RevocationReason::AffiliationChanged,
        CrlReason::Superseded => RevocationReason::Superseded,
        CrlReason::CessationOfOperation => RevocationReason::CessationOfOperation,
        CrlReason::CertificateHold => RevocationReason::CertificateHold,
        CrlReason::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
        CrlReason::AaCompromise => RevocationReason::AttributeAuthorityCompromise,
        CrlReason::RemoveFromCRL => return Err(PkiError::Malformed("removeFromCRL outside a delta list".into())),
    })
}
