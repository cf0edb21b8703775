use crate::text_enum::text_enum;

text_enum! {
    /// Why a certificate was revoked.
    pub enum RevocationReason {
        /// No reason given.
        Unspecified = "UNSPECIFIED",
        /// The private key is known to others.
        KeyCompromise = "KEY_COMPROMISE",
        /// The key of an authority above is known to others.
        CaCompromise = "CERTIFICATE_AUTHORITY_COMPROMISE",
        /// The subject's name or other data changed.
        AffiliationChanged = "AFFILIATION_CHANGED",
        /// Another certificate took its place.
        Superseded = "SUPERSEDED",
        /// The subject no longer operates.
        CessationOfOperation = "CESSATION_OF_OPERATION",
        /// Not valid for now.
        CertificateHold = "CERTIFICATE_HOLD",
        /// A privilege in the certificate was withdrawn.
        PrivilegeWithdrawn = "PRIVILEGE_WITHDRAWN",
        /// The authority for the attributes in the certificate is compromised.
        AttributeAuthorityCompromise = "ATTRIBUTE_AUTHORITY_COMPROMISE",
    }
}

text_enum! {
    /// Where a private certificate stands.
    pub enum CertificateStatus {
        /// Issued, and neither expired nor revoked.
        Issued = "ISSUED",
        /// Past its end.
        Expired = "EXPIRED",
        /// Revoked, whether or not past its end.
        Revoked = "REVOKED",
    }
}

impl RevocationReason {
    /// The CRLReason of RFC 5280 §5.3.1.
    pub const fn crl_reason(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
            Self::AttributeAuthorityCompromise => 10,
        }
    }
}

impl CertificateStatus {
    /// The status at `now_ms` of a certificate that ends at `not_after_ms`, revoked or not (ms since the epoch).
    pub const fn at(now_ms: i64, not_after_ms: i64, revoked: bool) -> Self {
        if revoked {
            Self::Revoked
        } else if not_after_ms <= now_ms {
            Self::Expired
        } else {
            Self::Issued
        }
    }
}
