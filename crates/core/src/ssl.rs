//! What SSL certificates are ordered, verified and pushed by.

use crate::{KeyAlgorithm, text_enum::text_enum};

text_enum! {
    /// The brand of an ordered certificate (`cert_brand`). `GEOTRUST` also stands for RapidSSL.
    pub enum CertificateBrand {
        /// GlobalSign.
        GlobalSign = "GLOBALSIGN",
        /// Symantec, now DigiCert.
        Symantec = "SYMANTEC",
        /// GeoTrust.
        GeoTrust = "GEOTRUST",
        /// China Financial Certification Authority.
        Cfca = "CFCA",
        /// TrustAsia.
        TrustAsia = "TRUSTASIA",
        /// vTrus.
        VTrus = "VTRUS",
    }
}

text_enum! {
    /// What is verified before a certificate is issued (`cert_type`).
    pub enum CertificateType {
        /// The domain names.
        Dv = "DV_SSL_CERT",
        /// The domain names, basic edition.
        DvBasic = "DV_SSL_CERT_BASIC",
        /// The domain names and, extensively, the organization.
        Ev = "EV_SSL_CERT",
        /// As `EV_SSL_CERT`, professional edition.
        EvPro = "EV_SSL_CERT_PRO",
        /// The domain names and the organization.
        Ov = "OV_SSL_CERT",
        /// As `OV_SSL_CERT`, professional edition.
        OvPro = "OV_SSL_CERT_PRO",
    }
}

impl CertificateType {
    /// Whether an organization stands behind the certificate, and is verified by the operator.
    pub const fn names_organization(self) -> bool {
        !matches!(self, Self::Dv | Self::DvBasic)
    }
}

text_enum! {
    /// How many domain names a certificate is for, and of what kind (`domain_type`).
    pub enum DomainType {
        /// One.
        Single = "SINGLE_DOMAIN",
        /// One, with a wildcard.
        Wildcard = "WILDCARD",
        /// Several.
        Multi = "MULTI_DOMAIN",
    }
}

text_enum! {
    /// How it is verified that a domain name is the applicant's (`domain_method`).
    pub enum ValidationMethod {
        /// A TXT record.
        Dns = "DNS",
        /// A file on the web server.
        File = "FILE",
        /// A link in a mail to the domain's administrator.
        Email = "EMAIL",
    }
}

text_enum! {
    /// How the proof stands that a domain name is the applicant's.
    pub enum ProofStatus {
        /// It is being looked for.
        Pending = "PENDING",
        /// It is there.
        Verified = "VERIFIED",
        /// It was not there in time.
        Expired = "EXPIRED",
    }
}

text_enum! {
    /// What is told of the end of a certificate (`notice_type`).
    pub enum NoticeType {
        /// It comes near.
        Expiring = "CERT_EXPIRING",
        /// It is past.
        Expired = "CERT_EXPIRED",
    }
}

text_enum! {
    /// A service that certificates are pushed to (`target_service`).
    pub enum PushService {
        /// Content delivery network.
        Cdn = "CDN",
        /// Web application firewall.
        Waf = "WAF",
        /// Elastic load balance.
        Elb = "ELB",
    }
}

text_enum! {
    /// The algorithm of the key of an SSL certificate or of its signing request.
    pub enum SslKeyAlgorithm {
        /// RSA with 2048 bits.
        Rsa2048 = "RSA_2048",
        /// RSA with 3072 bits.
        Rsa3072 = "RSA_3072",
        /// RSA with 4096 bits.
        Rsa4096 = "RSA_4096",
        /// ECDSA on P-256.
        EcP256 = "EC_P256",
        /// ECDSA on P-384.
        EcP384 = "EC_P384",
    }
}

text_enum! {
    /// What a signing request is for (`usage`).
    pub enum CsrUsage {
        /// A certificate that names domains alone.
        Personal = "PERSONAL",
        /// A certificate that names a company, too.
        Enterprise = "ENTERPRISE",
    }
}

impl From<SslKeyAlgorithm> for KeyAlgorithm {
    fn from(algorithm: SslKeyAlgorithm) -> Self {
        match algorithm {
            SslKeyAlgorithm::Rsa2048 => Self::Rsa2048,
            SslKeyAlgorithm::Rsa3072 => Self::Rsa3072,
            SslKeyAlgorithm::Rsa4096 => Self::Rsa4096,
            SslKeyAlgorithm::EcP256 => Self::Ec256,
            SslKeyAlgorithm::EcP384 => Self::Ec384,
        }
    }
}
