//! Which codes each service answers with.

use openccm_core::{Code, PushService, Subject, codes};
use openccm_service::ssl::push::FailureKind;

use crate::route::Service;

/// The codes with which a service answers what can go wrong in any of them.
pub(crate) struct ServiceCodes {
    pub(crate) bad_request: Code,
    pub(crate) unauthenticated: Code,
    pub(crate) forbidden: Code,
    pub(crate) not_found: Code,
    pub(crate) internal: Code,
    /// The project in the path is not the caller's.
    pub(crate) foreign_project: Code,
    pub(crate) status_conflict: Code,
    pub(crate) quota_exceeded: Code,
    /// A certificate and a key that do not belong together.
    pub(crate) key_mismatch: Code,
}

impl Service {
    pub(crate) const fn codes(self) -> ServiceCodes {
        match self {
            Self::Pca => ServiceCodes {
                bad_request: codes::PCA_INCORRECT_PARAMETER,
                unauthenticated: codes::PCA_UNAUTHENTICATED,
                forbidden: codes::PCA_FORBIDDEN,
                not_found: codes::PCA_NOT_FOUND,
                internal: codes::PCA_UNKNOWN_ERROR,
                foreign_project: codes::PCA_FORBIDDEN,
                status_conflict: codes::PCA_STATUS_CONFLICT,
                quota_exceeded: codes::PCA_QUOTA_EXCEEDED,
                key_mismatch: codes::PCA_KEY_MISMATCH,
            },
            Self::Scm => ServiceCodes {
                bad_request: codes::SCM_INCORRECT_PARAMETER,
                unauthenticated: codes::SCM_UNAUTHENTICATED,
                forbidden: codes::SCM_FORBIDDEN,
                not_found: codes::SCM_NOT_FOUND,
                internal: codes::SCM_UNKNOWN_ERROR,
                foreign_project: codes::SCM_INCORRECT_TENANT_ID,
                status_conflict: codes::SCM_STATUS_CONFLICT,
                quota_exceeded: codes::SCM_QUOTA_BELOW_USE,
                key_mismatch: codes::SCM_KEY_MISMATCH,
            },
            Self::Apig => ServiceCodes {
                bad_request: codes::APIG_INVALID_PARAMETER,
                unauthenticated: codes::APIG_UNAUTHENTICATED,
                forbidden: codes::APIG_FORBIDDEN,
                not_found: codes::APIG_CERTIFICATE_NOT_FOUND,
                internal: codes::APIG_SYSTEM_ERROR,
                foreign_project: codes::APIG_FORBIDDEN,
                status_conflict: codes::APIG_RESOURCE_UNCHANGEABLE,
                // There are no quotas.
                quota_exceeded: codes::APIG_RESOURCE_UNCHANGEABLE,
                key_mismatch: codes::APIG_KEY_MISMATCH,
            },
            Self::Elb => ServiceCodes {
                bad_request: codes::ELB_INVALID_PARAMETER,
                unauthenticated: codes::GATEWAY_UNAUTHENTICATED,
                forbidden: codes::GATEWAY_FORBIDDEN,
                not_found: codes::ELB_NOT_FOUND,
                internal: codes::APIG_SYSTEM_ERROR,
                foreign_project: codes::GATEWAY_FORBIDDEN,
                status_conflict: codes::ELB_INVALID_PARAMETER,
                quota_exceeded: codes::ELB_INVALID_PARAMETER,
                key_mismatch: codes::ELB_INVALID_PARAMETER,
            },
            Self::Waf => ServiceCodes {
                bad_request: codes::WAF_BAD_REQUEST,
                unauthenticated: codes::GATEWAY_UNAUTHENTICATED,
                forbidden: codes::GATEWAY_FORBIDDEN,
                not_found: codes::WAF_CERTIFICATE_NOT_FOUND,
                internal: codes::WAF_INTERNAL_ERROR,
                foreign_project: codes::GATEWAY_FORBIDDEN,
                status_conflict: codes::WAF_BAD_REQUEST,
                quota_exceeded: codes::WAF_BAD_REQUEST,
                key_mismatch: codes::WAF_BAD_REQUEST,
            },
            Self::Iam | Self::Server => ServiceCodes {
                bad_request: codes::IAM_BAD_REQUEST,
                unauthenticated: codes::IAM_UNAUTHENTICATED,
                forbidden: codes::IAM_FORBIDDEN,
                not_found: codes::IAM_NOT_FOUND,
                internal: codes::IAM_INTERNAL,
                foreign_project: codes::IAM_FORBIDDEN,
                status_conflict: codes::IAM_FORBIDDEN,
                quota_exceeded: codes::IAM_FORBIDDEN,
                key_mismatch: codes::IAM_BAD_REQUEST,
            },
        }
    }
}

/// What the service of private certificates answers for an invalid input.
pub(crate) fn pca_code(subject: Subject) -> Code {
    match subject {
        Subject::DistinguishedName => codes::PCA_INVALID_DISTINGUISHED_NAME,
        Subject::KeyAlgorithm => codes::PCA_INVALID_KEY_ALGORITHM,
        Subject::HashAlgorithm => codes::PCA_INVALID_SIGNATURE_ALGORITHM,
        Subject::Validity => codes::PCA_INVALID_VALIDITY,
        Subject::DomainName => codes::PCA_INVALID_DOMAIN_NAME,
        Subject::IpAddress => codes::PCA_INVALID_IP_ADDRESS,
        Subject::AlternativeNameType => codes::PCA_INVALID_ALTERNATIVE_NAME_TYPE,
        Subject::CaId => codes::PCA_INVALID_CA_ID,
        Subject::CaType => codes::PCA_INVALID_CA_TYPE,
        Subject::PathLength => codes::PCA_INVALID_PATH_LENGTH,
        Subject::CrlConfiguration => codes::PCA_INVALID_CRL_CONFIGURATION,
        Subject::CertificateId => codes::PCA_INVALID_CERTIFICATE_ID,
        Subject::Csr => codes::PCA_INVALID_CSR,
        Subject::Certificate => codes::PCA_INVALID_CERTIFICATE,
        Subject::CertificateChain => codes::PCA_INVALID_CERTIFICATE_CHAIN,
        Subject::Status => codes::PCA_INVALID_STATUS,
        _ => codes::PCA_INCORRECT_PARAMETER,
    }
}

/// What the service of SSL certificates answers for an invalid input.
pub(crate) fn scm_code(subject: Subject) -> Code {
    match subject {
        Subject::Name => codes::SCM_INVALID_CERTIFICATE_NAME,
        Subject::ModifyKey => codes::SCM_INVALID_MODIFY_KEY,
        Subject::ModifyValue => codes::SCM_INVALID_MODIFY_VALUE,
        Subject::Certificate => codes::SCM_CERTIFICATE_UNREADABLE,
        Subject::CertificateChain => codes::SCM_CERTIFICATE_CHAIN_UNREADABLE,
        Subject::ShortChain => codes::SCM_CERTIFICATE_CHAIN_TOO_SHORT,
        Subject::PrivateKey => codes::SCM_PRIVATE_KEY_UNREADABLE,
        Subject::MissingPrivateKey => codes::SCM_PRIVATE_KEY_EMPTY,
        Subject::CertificateWithoutDomain => codes::SCM_CERTIFICATE_WITHOUT_DOMAIN,
        Subject::CertificateDomain => codes::SCM_INVALID_DOMAIN_IN_CERTIFICATE,
        Subject::ExpiredCertificate => codes::SCM_CERTIFICATE_EXPIRED,
        Subject::EncryptionCertificate => codes::SCM_ENCRYPTION_CERTIFICATE_NOT_SM2,
        Subject::Csr => codes::SCM_CSR_UNREADABLE,
        Subject::CsrWithoutDomain => codes::SCM_CSR_WITHOUT_DOMAIN,
        Subject::CsrDomain => codes::SCM_CSR_DOMAIN_MISMATCH,
        Subject::Domain | Subject::DomainName => codes::SCM_INVALID_DOMAIN,
        Subject::DomainNumber => codes::SCM_DOMAIN_NUMBER_MISMATCH,
        Subject::UnfitDomains => codes::SCM_DOMAINS_UNFIT_FOR_CERTIFICATE,
        Subject::DuplicateDomain => codes::SCM_DUPLICATE_DOMAIN,
        Subject::AlternativeNames => codes::SCM_ALTERNATIVE_NAMES_CHANGED,
        Subject::UnfitDomainType => codes::SCM_DOMAIN_TYPE_NOT_ALLOWED,
        Subject::Brand => codes::SCM_INVALID_BRAND,
        Subject::CertificateType => codes::SCM_INVALID_CERTIFICATE_TYPE,
        Subject::DomainType => codes::SCM_INVALID_DOMAIN_TYPE,
        Subject::EffectiveTime => codes::SCM_INVALID_EFFECTIVE_TIME,
        Subject::OrderNumber => codes::SCM_INVALID_ORDER_NUMBER,
        Subject::Product => codes::SCM_UNKNOWN_PRODUCT,
        Subject::Status => codes::SCM_STATUS_UNSUPPORTED,
        Subject::RevocationReason => codes::SCM_REVOCATION_REASON_MISSING,
        Subject::FileSize => codes::SCM_FILE_TOO_LARGE,
        Subject::ResourceDomain => codes::SCM_DEPLOY_DOMAIN_MISMATCH,
        Subject::PushService => codes::SCM_PUSH_SERVICE_UNSUPPORTED,
        Subject::Region => codes::SCM_INVALID_REGION_PARAMETER,
        Subject::UnknownRegion => codes::SCM_INVALID_REGION_ID,
        Subject::ServiceNames => codes::SCM_INVALID_SERVICE_NAMES,
        Subject::NoCertificateIds => codes::SCM_CERTIFICATE_IDS_EMPTY,
        Subject::ListSize => codes::SCM_INVALID_LIST_SIZE,
        Subject::UnknownCertificateIds => codes::SCM_CERTIFICATE_IDS_NOT_FOUND,
        Subject::DuplicateElements => codes::SCM_DUPLICATE_LIST_ELEMENTS,
        Subject::UnknownTag => codes::SCM_TAG_NOT_FOUND,
        Subject::TagMatch => codes::SCM_INVALID_TAG_MATCH,
        Subject::TagAction => codes::SCM_INVALID_TAG_ACTION,
        Subject::TagValue => codes::SCM_INVALID_TAG_VALUE,
        Subject::TagKey => codes::SCM_INVALID_TAG_KEY,
        Subject::TagValueLength => codes::SCM_INVALID_TAG_VALUE_LENGTH,
        Subject::TagKeyLength => codes::SCM_INVALID_TAG_KEY_LENGTH,
        Subject::TagKeyList => codes::SCM_INVALID_TAG_KEY_LIST,
        Subject::TagValueList => codes::SCM_INVALID_TAG_VALUE_LIST,
        Subject::TagList => codes::SCM_INVALID_TAG_LIST,
        Subject::TagLimit => codes::SCM_INVALID_TAG_LIMIT,
        Subject::TagOffset => codes::SCM_INVALID_TAG_OFFSET,
        _ => codes::SCM_INCORRECT_PARAMETER,
    }
}

/// What the service of API gateways answers for an invalid input.
pub(crate) fn apig_code(subject: Subject) -> Code {
    match subject {
        Subject::MissingParameter => codes::APIG_MISSING_PARAMETER,
        // The one code that the reference gives for a name that is taken; its text is of another operation.
        Subject::TakenName => codes::APIG_QUOTA_NAME_EXISTS,
        Subject::UnboundDomain => codes::APIG_NO_VALID_DOMAIN,
        Subject::DomainName => codes::APIG_INVALID_DOMAIN,
        Subject::ExpiredCertificate => codes::APIG_CERTIFICATE_EXPIRED,
        Subject::CertificateDomain => codes::APIG_DOMAIN_MISMATCH,
        Subject::CertificateChain => codes::APIG_CHAIN_MISMATCH,
        Subject::EncryptedPrivateKey => codes::APIG_ENCRYPTED_PRIVATE_KEY,
        Subject::Certificate | Subject::PrivateKey => codes::APIG_INVALID_CERTIFICATE_OR_KEY,
        _ => codes::APIG_INVALID_PARAMETER,
    }
}

/// What a push that a service did not take is answered with.
pub(crate) fn push_code(service: PushService, kind: FailureKind) -> Code {
    match (service, kind) {
        (PushService::Elb, FailureKind::Refused | FailureKind::QuotaExceeded) => codes::SCM_ELB_PUSH_REFUSED,
        (PushService::Elb, FailureKind::Forbidden) => codes::SCM_ELB_FORBIDDEN,
        (PushService::Elb, FailureKind::Failed) => codes::SCM_ELB_PUSH_FAILED,
        (PushService::Elb, FailureKind::RegionUnsupported) => codes::SCM_ELB_REGION_UNSUPPORTED,
        // CDN has no regions, and no quota of certificates.
        (PushService::Cdn, FailureKind::Refused | FailureKind::QuotaExceeded | FailureKind::RegionUnsupported) => {
            codes::SCM_CDN_PUSH_REFUSED
        }
        (PushService::Cdn, FailureKind::Forbidden) => codes::SCM_CDN_FORBIDDEN,
        (PushService::Cdn, FailureKind::Failed) => codes::SCM_CDN_PUSH_FAILED,
        (PushService::Waf, FailureKind::Refused) => codes::SCM_WAF_PUSH_REFUSED,
        (PushService::Waf, FailureKind::Forbidden) => codes::SCM_WAF_FORBIDDEN,
        (PushService::Waf, FailureKind::Failed) => codes::SCM_WAF_PUSH_FAILED,
        (PushService::Waf, FailureKind::RegionUnsupported) => codes::SCM_WAF_REGION_UNSUPPORTED,
        (PushService::Waf, FailureKind::QuotaExceeded) => codes::SCM_WAF_QUOTA_EXCEEDED,
    }
}
