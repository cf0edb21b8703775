//! Issuing: what is to stand in a certificate, its making, and the proof that it came out so.

use const_oid::{ObjectIdentifier, db::rfc5280::ID_KP_OCSP_SIGNING};
use der::{Encode, asn1::BitString};
use openccm_core::{AlternativeName, DistinguishedName, ExtendedKeyUsage, HashAlgorithm, KeyUsage, KeyUsages, Period};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::{
    TbsCertificate,
    builder::{self, Builder, CertificateBuilder, profile::BuilderProfile},
    ext::{Extension, pkix::name::GeneralName},
    name::Name,
    serial_number::SerialNumber,
    time::Validity,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{
    Certificate, PkiError, PublicKey, Signer, SigningRequest, certificate, extensions, name,
    signing_request::{Requester, signs_certificates},
    timestamp::time,
    unfit,
};

/// What a certificate's holder may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraints {
    /// Issue certificates, with so many authorities below it at most; `None` for no limit.
    Authority {
        /// The path length.
        path_length: Option<u8>,
    },
    /// Anything but issue certificates.
    EndEntity,
}

/// What is to stand in a certificate, apart from its issuer.
#[derive(Clone, Debug)]
pub struct Template {
    subject: Name,
    public_key: PublicKey,
    period: Period,
    constraints: Constraints,
    key_usages: KeyUsages,
    extended_key_usages: Vec<ObjectIdentifier>,
    alternative_names: Vec<GeneralName>,
    customized: Option<Extension>,
    crl_address: Option<String>,
    ocsp_address: Option<String>,
    ocsp_no_check: bool,
}

/// A certificate just issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Its DER.
    pub der: Vec<u8>,
    /// Its serial number as OpenSSL prints it.
    pub serial_number: String,
}

impl Template {
    /// A certificate for `subject` with `public_key`, valid for `period`.
    ///
    /// # Errors
    /// A subject that cannot be encoded, an authority without a name (RFC 5280 §4.1.2.6), a period that ends before it
    /// starts, or a leaf whose key would sign certificates (RFC 5280 §4.2.1.3: that needs the CA bit).
    pub fn new(
        subject: &DistinguishedName,
        public_key: PublicKey,
        period: Period,
        constraints: Constraints,
        key_usages: KeyUsages,
    ) -> Result<Self, PkiError> {
        Self::with_name(name::to_x501(subject)?, public_key, period, constraints, key_usages)
    }

    /// What `request` asks for: its subject byte for byte, its key, its alternative names and extended key usages; its key
    /// usages, or `default_key_usages` where it names none.
    ///
    /// # Errors
    /// As [`Self::new`], and a request for signing OCSP responses: whoever holds such a certificate answers for the whole
    /// authority (RFC 6960 §4.2.2.2).
    pub fn from_request(
        request: &SigningRequest,
        period: Period,
        constraints: Constraints,
        default_key_usages: KeyUsages,
    ) -> Result<Self, PkiError> {
        if request.extended_key_usages.contains(&ID_KP_OCSP_SIGNING) {
            return unfit("OCSPSigning is for the authority's own responders only");
        }
        let key_usages = request.key_usages().unwrap_or(default_key_usages);
        let public_key = request.public_key().clone();
        let mut template = Self::with_name(request.subject.clone(), public_key, period, constraints, key_usages)?;
        template.alternative_names.clone_from(&request.alternative_names);
        template.extended_key_usages.clone_from(&request.extended_key_usages);
        Ok(template)
    }

    /// A certificate for an OCSP responder of its issuer (RFC 6960 §4.2.2.2). It cannot be asked about, so its period is
    /// short.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn ocsp_responder(
        subject: &DistinguishedName,
        public_key: PublicKey,
        period: Period,
    ) -> Result<Self, PkiError> {
        let usages = KeyUsages::of(&[KeyUsage::DigitalSignature]);
        let mut template = Self::new(subject, public_key, period, Constraints::EndEntity, usages)?;
        template.extended_key_usages = vec![ID_KP_OCSP_SIGNING];
        template.ocsp_no_check = true;
        Ok(template)
    }

    fn with_name(
        subject: Name,
        public_key: PublicKey,
        period: Period,
        constraints: Constraints,
        key_usages: KeyUsages,
    ) -> Result<Self, PkiError> {
        if constraints == Constraints::EndEntity && signs_certificates(key_usages) {
            return unfit("keyCertSign is for authorities only");
        }
        if constraints != Constraints::EndEntity && subject.is_empty() {
            return unfit("an authority needs a subject");
        }
        if period.not_after < period.not_before {
            return unfit("the period ends before it starts");
        }
        Ok(Self {
            subject,
            public_key,
            period,
            constraints,
            key_usages,
            extended_key_usages: Vec::new(),
            alternative_names: Vec::new(),
            customized: None,
            crl_address: None,
            ocsp_address: None,
            ocsp_no_check: false,
        })
    }

    /// Adds alternative names.
    ///
    /// # Errors
    /// None in practice: the names were checked when they were read.
    pub fn alternative_names(mut self, names: &[AlternativeName]) -> Result<Self, PkiError> {
        self.alternative_names = names.iter().map(extensions::general_name).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Adds extended key usages.
    ///
    /// # Errors
    /// None in practice: the identifiers are constants.
    pub fn extended_key_usages(mut self, usages: &[ExtendedKeyUsage]) -> Result<Self, PkiError> {
        let oids = usages.iter().map(|usage| ObjectIdentifier::new(usage.oid()));
        self.extended_key_usages = oids.collect::<Result<_, _>>().map_err(|e| PkiError::Malformed(e.to_string()))?;
        Ok(self)
    }

    /// Adds an extension of the requester's own: a dotted object identifier and a text.
    ///
    /// # Errors
    /// An identifier that is malformed or belongs to a standard extension.
    pub fn customized_extension(mut self, identifier: &str, value: &str) -> Result<Self, PkiError> {
        self.customized = Some(extensions::customized(identifier, value)?);
        Ok(self)
    }

    /// Says where the issuer's revocation list (URI) and OCSP responder (URI) are.
    pub fn revocation_addresses(mut self, crl: Option<String>, ocsp: Option<String>) -> Self {
        self.crl_address = crl;
        self.ocsp_address = ocsp;
        self
    }

    fn extensions(&self, authority_key_identifier: &[u8]) -> Result<Vec<Extension>, PkiError> {
        if self.subject.is_empty() && self.alternative_names.is_empty() {
            return unfit("neither a subject nor an alternative name is there");
        }
        let mut list = vec![match self.constraints {
            // RFC 5280 §4.2.1.9: no path length where the key does not sign certificates.
            Constraints::Authority { path_length } => {
                extensions::basic_constraints(true, path_length.filter(|_| signs_certificates(self.key_usages)))?
            }
            Constraints::EndEntity => extensions::basic_constraints(false, None)?,
        }];
        // RFC 5280 §4.2.1.3: at least one bit, where the extension is there.
        if !self.key_usages.is_empty() {
            list.push(extensions::key_usage(self.key_usages)?);
        }
        list.push(extensions::subject_key_identifier(&self.public_key.key_identifier())?);
        list.push(extensions::authority_key_identifier(authority_key_identifier)?);
        if !self.extended_key_usages.is_empty() {
            list.push(extensions::extended_key_usage(&self.extended_key_usages)?);
        }
        if !self.alternative_names.is_empty() {
            list.push(extensions::subject_alternative_names(&self.alternative_names, self.subject.is_empty())?);
        }
        if let Some(address) = &self.crl_address {
            list.push(extensions::crl_distribution_point(address)?);
        }
        if let Some(address) = &self.ocsp_address {
            list.push(extensions::ocsp_address(address)?);
        }
        if self.ocsp_no_check {
            list.push(extensions::ocsp_no_check()?);
        }
        list.extend(self.customized.clone());
        Ok(list)
    }
}

/// Issues a certificate, signed by `signer` with `hash`. Where `issuer` is `None`, the certificate signs itself.
///
/// The certificate is parsed back by a second parser, and returned only if its signature, names, period, key and
/// constraints are what was asked for and what the issuer's certificate allows.
///
/// # Errors
/// A period outside the issuer's, an issuer that may not issue it, a signer with another key, a leaf with neither a
/// subject nor an alternative name, or a failure of the signer.
pub async fn issue(
    template: &Template,
    issuer: Option<&Certificate>,
    signer: &dyn Signer,
    hash: HashAlgorithm,
) -> Result<Issued, PkiError> {
    let own_identifier;
    let (issuer_name, authority_key_identifier) = match issuer {
        Some(issuer) => {
            check_issuer(template, issuer, signer)?;
            (issuer.subject().clone(), issuer.key_identifier())
        }
        None => {
            if template.public_key != *signer.public_key() {
                return unfit("the signing key is not that of the certificate");
            }
            own_identifier = template.public_key.key_identifier();
            (template.subject.clone(), own_identifier.as_slice())
        }
    };
    let profile = Exactly {
        issuer: issuer_name,
        subject: template.subject.clone(),
        extensions: template.extensions(authority_key_identifier)?,
    };
    let serial = new_serial()?;
    let validity = Validity::new(time(template.period.not_before)?, time(template.period.not_after)?);
    let requester = Requester::new(signer, hash)?;
    let mut builder =
        CertificateBuilder::new(profile, SerialNumber::new(&serial)?, validity, template.public_key.info().clone())?;
    let to_be_signed = builder.finalize(&requester)?;
    let signature = signer.sign(hash, to_be_signed).await?;
    let der = builder.assemble(BitString::from_bytes(&signature)?, &requester)?.to_der()?;
    check_issued(&der, &serial, template, issuer, signer, authority_key_identifier)?;
    Ok(Issued { der, serial_number: certificate::serial_number(&serial) })
}

fn check_issuer(template: &Template, issuer: &Certificate, signer: &dyn Signer) -> Result<(), PkiError> {
    if issuer.public_key() != signer.public_key() {
        return unfit("the signing key is not that of the issuer");
    }
    if !issuer.can_issue() {
        return unfit("the issuer may not sign certificates");
    }
    if !template.period.is_inside(issuer.period()) {
        return unfit("the period is not inside the issuer's");
    }
    if let Constraints::Authority { path_length } = template.constraints {
        // An authority below a limited one is limited to less (RFC 5280 §4.2.1.9).
        let shrinks = issuer.path_length().is_none_or(|limit| path_length.is_some_and(|length| length < limit));
        if !shrinks {
            return unfit("the path length is not below the issuer's");
        }
    }
    Ok(())
}

/// Reads the certificate back and compares it with what was asked for. A mistake found here is one of ours: nothing that
/// fails may leave.
fn check_issued(
    der: &[u8],
    serial: &[u8],
    template: &Template,
    issuer: Option<&Certificate>,
    signer: &dyn Signer,
    authority_key_identifier: &[u8],
) -> Result<(), PkiError> {
    let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| PkiError::Malformed(error.to_string()))?;
    let malformed = |error: x509_parser::error::X509Error| PkiError::Malformed(error.to_string());
    let subject = template.subject.to_der()?;
    let issuer_name = issuer.map_or(Ok(subject.clone()), |issuer| issuer.subject().to_der())?;
    let constraints = parsed.basic_constraints().map_err(malformed)?.map(|extension| extension.value);
    let key_usage = parsed.key_usage().map_err(malformed)?.map(|extension| extension.value);
    let authority = matches!(template.constraints, Constraints::Authority { .. });
    let key_identifier = parsed.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        x509_parser::extensions::ParsedExtension::AuthorityKeyIdentifier(identifier) => {
            identifier.key_identifier.clone()
        }
        _ => None,
    });
    let signature_oid = ObjectIdentifier::from_bytes(parsed.signature_algorithm.algorithm.as_bytes())
        .map_err(|error| PkiError::Malformed(error.to_string()))?;
    signer.public_key().verify(signature_oid, parsed.tbs_certificate.as_ref(), &parsed.signature_value.data)?;
    let expectations = [
        ("trailing data", rest.is_empty()),
        ("version", parsed.version() == x509_parser::x509::X509Version::V3),
        ("subject", parsed.subject().as_raw() == subject),
        ("issuer", parsed.issuer().as_raw() == issuer_name),
        (
            "serial number",
            parsed.raw_serial() == serial && serial.first().is_some_and(|first| (1..0x80).contains(first)),
        ),
        ("start", parsed.validity().not_before.timestamp() == template.period.not_before),
        ("end", parsed.validity().not_after.timestamp() == template.period.not_after),
        ("key", parsed.public_key().raw == template.public_key.to_der()?),
        ("inner algorithm", parsed.signature_algorithm == parsed.tbs_certificate.signature),
        ("basic constraints", constraints.is_some_and(|constraints| constraints.ca == authority)),
        ("key usage", key_usage.is_some() != template.key_usages.is_empty()),
        (
            "certificate signing",
            key_usage.is_some_and(|u| u.key_cert_sign()) == signs_certificates(template.key_usages),
        ),
        ("authority key", key_identifier.is_some_and(|identifier| identifier.0 == authority_key_identifier)),
    ];
    match expectations.iter().find(|(_, holds)| !holds) {
        None => Certificate::from_der(der).map(drop),
        Some((what, _)) => unfit(format!("the certificate came out wrong: {what}")),
    }
}

/// A profile that adds nothing of its own.
struct Exactly {
    issuer: Name,
    subject: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Exactly {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

/// 20 octets, the most that RFC 5280 §4.1.2.2 allows, of which 158 bits are random. The top bit is clear, for the number
/// must be positive; the next is set, so that there are always 20.
fn new_serial() -> Result<[u8; 20], PkiError> {
    let mut serial = [0; 20];
    aws_lc_rs::rand::fill(&mut serial)?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}
