//! What the whole of OpenCCM agrees on: ids, algorithms, names, validity, statuses and their transitions, error codes,
//! the clock. No I/O, no cryptography.

mod algorithm;
mod alternative_name;
mod authority_status;
mod clock;
pub mod codes;
mod distinguished_name;
mod gateway;
mod ids;
mod invalid;
mod key_usage;
mod revocation;
mod server_name;
mod ssl;
mod ssl_status;
mod status_table;
mod text_enum;
mod validity;

pub use algorithm::{HashAlgorithm, KeyAlgorithm};
pub use alternative_name::{AlternativeName, AlternativeNameType};
pub use authority_status::{AuthorityOperation, AuthorityStatus, Outcome, outcome, transition_table};
pub use clock::{Clock, ManualClock, SystemClock};
pub use codes::Code;
pub use distinguished_name::DistinguishedName;
pub use gateway::{COMMON_INSTANCE, GatewayAlgorithm, GatewayScope, covers};
pub use ids::{
    AccountId, AgencyId, CaId, CertificateId, GatewayCertificateId, GatewayDomainId, Ids, ProjectId, PushId, RequestId,
    SigningRequestId, UserId,
};
pub use invalid::{Invalid, Subject};
pub use key_usage::{ExtendedKeyUsage, KeyUsage, KeyUsages};
pub use revocation::{CertificateStatus, RevocationReason};
pub use server_name::ServerName;
pub use ssl::{
    CertificateBrand, CertificateType, CsrUsage, DomainType, NoticeType, ProofStatus, PushService, SslKeyAlgorithm,
    ValidationMethod,
};
pub use ssl_status::{SslOperation, SslOutcome, SslStatus, ssl_outcome, ssl_transition_table};
pub use validity::{Period, START_TOLERANCE_MS, Validity, ValidityUnit};

text_enum::text_enum! {
    /// Whether an authority signs its own certificate or is signed by another.
    pub enum AuthorityType {
        /// Self-signed.
        Root = "ROOT",
        /// Signed by another authority, here or elsewhere.
        Subordinate = "SUBORDINATE",
    }
}

text_enum::text_enum! {
    /// Where an authority's or a certificate's key and certificate came from (`gen_mode`).
    pub enum GenerationMode {
        /// Key and certificate made here.
        Generate = "GENERATE",
        /// Key made here, certificate signed elsewhere and imported.
        Import = "IMPORT",
        /// Key kept by the requester, certificate made here from a signing request.
        Csr = "CSR",
    }
}

/// The path length with which a root, or any authority without a limit, is shown (`path_length`, 0 to 6 are limits).
pub const PATH_LENGTH_UNLIMITED: u8 = 7;
/// The longest path length that can be asked for.
pub const PATH_LENGTH_MAX: u8 = 6;
