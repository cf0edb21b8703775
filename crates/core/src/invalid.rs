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
    /// What is mandatory and absent, where the service has a code for that.
    MissingParameter,
    /// A name that another one has.
    TakenName,
    /// Domain names to which no such certificate is bound.
    UnboundDomain,
    /// A private key that is encrypted.
    EncryptedPrivateKey,
    /// A status, as a filter.
    Status,
    /// The name of an SSL certificate.
    Name,
    /// Which property of an SSL certificate is to be changed.
    ModifyKey,
    /// What a property of an SSL certificate is to be changed to.
    ModifyValue,
    /// A private key.
    PrivateKey,
    /// A private key where there is none, and one is needed.
    MissingPrivateKey,
    /// A certificate without a domain name.
    CertificateWithoutDomain,
    /// A domain name in a certificate.
    CertificateDomain,
    /// A certificate that is past its end.
    ExpiredCertificate,
    /// A chain without the certificates that it needs.
    ShortChain,
    /// The second certificate of a pair of SM2 certificates.
    EncryptionCertificate,
    /// A signing request without a domain name.
    CsrWithoutDomain,
    /// A signing request for other domain names than those applied for.
    CsrDomain,
    /// A domain name that is applied for.
    Domain,
    /// How many domain names are applied for.
    DomainNumber,
    /// Domain names of a kind that the certificate cannot have.
    UnfitDomains,
    /// A domain name that is there twice.
    DuplicateDomain,
    /// The domain names that a certificate has already.
    AlternativeNames,
    /// An operation that certificates for such domain names do not have.
    UnfitDomainType,
    /// The brand of a product.
    Brand,
    /// The type of a product.
    CertificateType,
    /// The type of the domain names of a product.
    DomainType,
    /// The term of a product.
    EffectiveTime,
    /// How many certificates are ordered.
    OrderNumber,
    /// A product.
    Product,
    /// Why a certificate is to be revoked.
    RevocationReason,
    /// A file that is too large.
    FileSize,
    /// The service that a certificate is pushed to.
    PushService,
    /// A resource whose domain name is none of the certificate's.
    ResourceDomain,
    /// A region, as the parameter of a push.
    Region,
    /// A region that there is not.
    UnknownRegion,
    /// The services whose resources are asked for.
    ServiceNames,
    /// A list of certificates without any.
    NoCertificateIds,
    /// How long a list is.
    ListSize,
    /// Certificates that there are not.
    UnknownCertificateIds,
    /// A list with the same element twice.
    DuplicateElements,
    /// A tag that there is not.
    UnknownTag,
    /// The match of a search by tags.
    TagMatch,
    /// What is to be done with tags.
    TagAction,
    /// The value of a tag.
    TagValue,
    /// The key of a tag.
    TagKey,
    /// The length of the value of a tag.
    TagValueLength,
    /// The length of the key of a tag.
    TagKeyLength,
    /// A list of keys of tags.
    TagKeyList,
    /// A list of values of tags.
    TagValueList,
    /// A list of tags.
    TagList,
    /// The limit of a search by tags.
    TagLimit,
    /// The offset of a search by tags.
    TagOffset,
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
