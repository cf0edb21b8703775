//! Certificate signing requests (PKCS#10, RFC 2986).

use const_oid::{ObjectIdentifier, db::rfc5912};
use der::{Decode, Encode, asn1::BitString};
use openccm_core::{AlternativeName, AlternativeNameType, DistinguishedName, HashAlgorithm, KeyUsage, KeyUsages};
use spki::{AlgorithmIdentifierOwned, Document, DynSignatureAlgorithmIdentifier, EncodePublicKey};
use x509_cert::{
    builder::{Builder, RequestBuilder},
    ext::{
        Extension,
        pkix::{self, name::GeneralName},
    },
    name::Name,
    request::{CertReq, ExtensionReq},
};
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer};

use crate::{
    MalformedDomainName, PkiError, PublicKey, Signer, algorithm::SignatureScheme, domain_names::domain_names,
    extensions, name, pem, signature_algorithm, unfit,
};

/// A signing request whose signature was checked: who asks, with which key, for what.
#[derive(Clone, Debug)]
pub struct SigningRequest {
    der: Vec<u8>,
    pub(crate) subject: Name,
    pub(crate) alternative_names: Vec<GeneralName>,
    pub(crate) extended_key_usages: Vec<ObjectIdentifier>,
    key_usages: Option<KeyUsages>,
    public_key: PublicKey,
    scheme: SignatureScheme,
}

impl SigningRequest {
    /// Reads a request in PEM, however its lines are broken, and checks that its sender holds the key (RFC 2986 §4.2).
    ///
    /// # Errors
    /// Anything but one well-formed request, signed by its own key of an accepted kind, whose requested extensions can be
    /// read and whose alternative names are well formed.
    pub fn from_pem(text: &str) -> Result<Self, PkiError> {
        let (_, der) = pem::decode_one(text, &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])
            .map_err(|error| PkiError::Malformed(error.to_string()))?;
        Self::from_der(&der)
    }

    fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let request = CertReq::from_der(der)?;
        let public_key = PublicKey::from_info(request.info.public_key.clone())?;
        let scheme = SignatureScheme::from_oid(request.algorithm.oid).ok_or(PkiError::UnsupportedSignature)?;
        let signature = request.signature.as_bytes().ok_or(PkiError::BadSignature)?;
        public_key.verify(request.algorithm.oid, signed_part(der, &request.info.subject)?, signature)?;

        let mut read = Self {
            der: der.to_vec(),
            subject: request.info.subject.clone(),
            alternative_names: Vec::new(),
            extended_key_usages: Vec::new(),
            key_usages: None,
            public_key,
            scheme,
        };
        for extension in requested_extensions(&request)? {
            read.take(&extension)?;
        }
        if read.subject.is_empty() && read.alternative_names.is_empty() {
            return unfit("neither a subject nor an alternative name is requested");
        }
        Ok(read)
    }

    /// Key usage, extended key usage and alternative names are granted; other extensions are the authority's to set.
    fn take(&mut self, extension: &Extension) -> Result<(), PkiError> {
        use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME};
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            ID_CE_KEY_USAGE => {
                let usages = extensions::usages(&pkix::KeyUsage::from_der(value)?);
                self.key_usages = (!usages.is_empty()).then_some(usages);
            }
            ID_CE_EXT_KEY_USAGE => self.extended_key_usages = pkix::ExtendedKeyUsage::from_der(value)?.0,
            ID_CE_SUBJECT_ALT_NAME => {
                let names = pkix::SubjectAltName::from_der(value)?.0;
                names.iter().try_for_each(check_alternative_name)?;
                self.alternative_names = names;
            }
            _ => {}
        }
        Ok(())
    }

    /// Its PEM with CRLF line endings, without one at the end.
    pub fn pem(&self) -> String {
        pem::encode(pem::CERTIFICATE_REQUEST[0], &self.der)
    }

    /// The host names and addresses that it is for: the common name where it is one, then the alternative names, each
    /// once and in lower case. Empty where there is none.
    ///
    /// # Errors
    /// A name that is none, though it is there as one.
    pub fn domain_names(&self) -> Result<Vec<String>, MalformedDomainName> {
        domain_names(self.distinguished_name().common_name.as_deref(), &self.alternative_names)
    }

    /// The requested subject, as far as the API knows its attributes.
    pub fn distinguished_name(&self) -> DistinguishedName {
        name::from_x501(&self.subject)
    }

    /// Whether the requested subject is empty, as RFC 5280 §4.1.2.6 allows for certificates with alternative names.
    pub fn has_empty_subject(&self) -> bool {
        self.subject.is_empty()
    }

    /// The requester's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// How the request is signed.
    pub fn signature_scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// The requested key usages, where there are any.
    pub fn key_usages(&self) -> Option<KeyUsages> {
        self.key_usages
    }
}

/// The bytes under the signature, exactly as they came; `subject` must have come exactly as it is.
fn signed_part<'a>(der: &'a [u8], subject: &Name) -> Result<&'a [u8], PkiError> {
    let (rest, request) =
        X509CertificationRequest::from_der(der).map_err(|error| PkiError::Malformed(error.to_string()))?;
    if !rest.is_empty() {
        return unfit("there is data after the request");
    }
    let info = request.certification_request_info;
    name::check_unchanged(subject, info.subject.as_raw())?;
    Ok(info.raw)
}

fn requested_extensions(request: &CertReq) -> Result<Vec<Extension>, PkiError> {
    let mut extensions: Vec<Extension> = Vec::new();
    for attribute in request.info.attributes.iter().filter(|attribute| attribute.oid == rfc5912::ID_EXTENSION_REQ) {
        for value in attribute.values.iter() {
            extensions.extend(ExtensionReq::from_der(&value.to_der()?)?.0);
        }
    }
    let repeated = |index: usize| extensions[..index].iter().any(|other| other.extn_id == extensions[index].extn_id);
    // RFC 5280 §4.2: not more than one instance of an extension.
    if (0..extensions.len()).any(repeated) { unfit("an extension is requested twice") } else { Ok(extensions) }
}

fn check_alternative_name(name: &GeneralName) -> Result<(), PkiError> {
    let check = |kind, value: &str| {
        // Blanks around a name, which people may type, would stand in the certificate.
        if value.trim() != value {
            return unfit("alternative name: begins or ends with a blank");
        }
        AlternativeName::parse(kind, value, "alternative name").map(drop).map_err(|e| PkiError::Unfit(e.to_string()))
    };
    match name {
        GeneralName::DnsName(name) => check(AlternativeNameType::Dns, name.as_str()),
        GeneralName::Rfc822Name(name) => check(AlternativeNameType::Email, name.as_str()),
        GeneralName::UniformResourceIdentifier(name) => check(AlternativeNameType::Uri, name.as_str()),
        GeneralName::IpAddress(address) if !matches!(address.as_bytes().len(), 4 | 16) => {
            unfit("alternative name: an address has 4 or 16 bytes")
        }
        _ => Ok(()),
    }
}

/// Makes the request with which a subordinate authority asks another for its certificate: PEM with CRLF line endings. It
/// asks for basic constraints and for `key_usages`, where there are any.
///
/// # Errors
/// A subject that is empty (RFC 5280 §4.1.2.6) or cannot be encoded, or a failure of the signer.
pub async fn make_signing_request(
    subject: &DistinguishedName,
    key_usages: KeyUsages,
    signer: &dyn Signer,
    hash: HashAlgorithm,
) -> Result<String, PkiError> {
    let subject = name::to_x501(subject)?;
    if subject.is_empty() {
        return unfit("an authority needs a subject");
    }
    let requester = Requester::new(signer, hash)?;
    let mut builder = RequestBuilder::new(subject)?;
    builder.add_extension(AsIs(extensions::basic_constraints(true, None)?))?;
    // RFC 5280 §4.2.1.3: at least one bit, where the extension is there.
    if !key_usages.is_empty() {
        builder.add_extension(AsIs(extensions::key_usage(key_usages)?))?;
    }
    let to_be_signed = builder.finalize(&requester)?;
    let signature = signer.sign(hash, to_be_signed).await?;
    let request = builder.assemble(BitString::from_bytes(&signature)?, &requester)?;
    Ok(pem::encode("CERTIFICATE REQUEST", &request.to_der()?))
}

/// What the builders must know of a signer that may be elsewhere: its public key and how it signs.
#[derive(Clone)]
pub(crate) struct Requester {
    public_key: Vec<u8>,
    algorithm: AlgorithmIdentifierOwned,
}

impl Requester {
    pub(crate) fn new(signer: &dyn Signer, hash: HashAlgorithm) -> Result<Self, PkiError> {
        let algorithm = signature_algorithm(signer.algorithm(), hash);
        Ok(Self { public_key: signer.public_key().to_der()?, algorithm })
    }
}

impl signature::Keypair for Requester {
    type VerifyingKey = Self;

    fn verifying_key(&self) -> Self {
        self.clone()
    }
}

impl EncodePublicKey for Requester {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::from_der(&self.public_key)?)
    }
}

impl DynSignatureAlgorithmIdentifier for Requester {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(self.algorithm.clone())
    }
}

/// An extension that is added just as it is.
pub(crate) struct AsIs(pub(crate) Extension);

impl x509_cert::ext::ToExtension for AsIs {
    type Error = der::Error;

    fn to_extension(self, _: &Name, _: &[Extension]) -> Result<Extension, Self::Error> {
        Ok(self.0)
    }
}

/// The key usages of a leaf may not include signing certificates (RFC 5280 §4.2.1.3: only with the CA bit).
pub(crate) fn signs_certificates(usages: KeyUsages) -> bool {
    usages.contains(KeyUsage::KeyCertSign)
}
