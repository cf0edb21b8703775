use std::fmt::Display;

/// What an invalid input was about. The edge gives each its error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Anything without a subject of its own.
    Parameter,
    /// A distinguished name or one of its attributes.
    DistinguishedName,
    /// A key algorithm.
    KeyAlgorithm,
    /// A signature hash algorithm.
    HashAlgorithm,
    /// A validity period.
    Validity,
    /// A domain name among the alternative names.
    DomainName,
    /// An IP address among the alternative names.
    IpAddress,
    /// The type of an alternative name.
    AlternativeNameType,
    /// The id of an authority.
    CaId,
    /// The type of an authority.
    CaType,
    /// A path length.
    PathLength,
    /// A configuration of revocation lists.
    CrlConfiguration,
    /// The id of a certificate.
    CertificateId,
    /// A certificate signing request.
    Csr,
    /// A certificate.
    Certificate,
    /// A certificate chain.
    CertificateChain,
    /// The status of an authority, as a filter.
    Status,
}

/// An input that cannot be accepted: which field, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// What the field is about.
    pub subject: Subject,
    /// The field's path in the request, such as `distinguished_name.country`.
    pub field: String,
    /// Why the value cannot be accepted. Never repeats a secret.
    pub reason: String,
}

impl Invalid {
    /// An invalid `field` about `subject`, because of `reason`.
    pub fn new(subject: Subject, field: impl Into<String>, reason: impl Display) -> Self {
        Self { subject, field: field.into(), reason: reason.to_string() }
    }

    /// A mandatory `field` that is absent.
    pub fn missing(subject: Subject, field: impl Into<String>) -> Self {
        Self::new(subject, field, "is mandatory")
    }
}
