//! The extensions of RFC 5280 §4.2 that certificates and requests carry, each with its criticality.

use const_oid::{
    ObjectIdentifier,
    db::{rfc5280, rfc6960::ID_PKIX_OCSP_NOCHECK},
};
use der::{
    Encode,
    asn1::{Ia5String, Null, OctetString, Utf8StringRef},
    flagset::FlagSet,
};
use openccm_core::{AlternativeName, KeyUsage, KeyUsages};
use x509_cert::ext::{
    Extension,
    pkix::{
        self, AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
        CrlDistributionPoints, SubjectAltName, SubjectKeyIdentifier,
        crl::dp::DistributionPoint,
        name::{DistributionPointName, GeneralName},
    },
};

use crate::{PkiError, unfit};

const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

pub(crate) fn basic_constraints(authority: bool, path_length: Option<u8>) -> Result<Extension, PkiError> {
    let constraints = BasicConstraints { ca: authority, path_len_constraint: path_length };
    extension(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, &constraints)
}

pub(crate) fn key_usage(usages: KeyUsages) -> Result<Extension, PkiError> {
    let bits = usages.iter().map(to_bit).fold(FlagSet::<pkix::KeyUsages>::default(), |set, bit| set | bit);
    extension(rfc5280::ID_CE_KEY_USAGE, true, &pkix::KeyUsage(bits))
}

pub(crate) fn subject_key_identifier(identifier: &[u8]) -> Result<Extension, PkiError> {
    let identifier = SubjectKeyIdentifier(OctetString::new(identifier)?);
    extension(rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false, &identifier)
}

pub(crate) fn authority_key_identifier(identifier: &[u8]) -> Result<Extension, PkiError> {
    let identifier =
        AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(identifier)?), ..Default::default() };
    extension(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &identifier)
}

/// Critical only for time stamping alone, where RFC 3161 §2.3 demands it.
pub(crate) fn extended_key_usage(purposes: &[ObjectIdentifier]) -> Result<Extension, PkiError> {
    let usage = pkix::ExtendedKeyUsage(purposes.to_vec());
    extension(rfc5280::ID_CE_EXT_KEY_USAGE, purposes == [TIME_STAMPING], &usage)
}

/// Critical where the subject is empty (RFC 5280 §4.2.1.6).
pub(crate) fn subject_alternative_names(names: &[GeneralName], critical: bool) -> Result<Extension, PkiError> {
    extension(rfc5280::ID_CE_SUBJECT_ALT_NAME, critical, &SubjectAltName(names.to_vec()))
}

pub(crate) fn crl_distribution_point(address: &str) -> Result<Extension, PkiError> {
    let name = DistributionPointName::FullName(vec![uri(address)?]);
    let point = DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None };
    extension(rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS, false, &CrlDistributionPoints(vec![point]))
}

pub(crate) fn ocsp_address(address: &str) -> Result<Extension, PkiError> {
    let description = AccessDescription { access_method: OCSP, access_location: uri(address)? };
    extension(rfc5280::ID_PE_AUTHORITY_INFO_ACCESS, false, &AuthorityInfoAccessSyntax(vec![description]))
}

/// Says that the certificate of a responder need not be asked about (RFC 6960 §4.2.2.2.1).
pub(crate) fn ocsp_no_check() -> Result<Extension, PkiError> {
    extension(ID_PKIX_OCSP_NOCHECK, false, &Null)
}

/// An extension of the requester's own, with a text as its value.
///
/// # Errors
/// An identifier that is none, or that belongs to the arcs of the standard extensions: those are the authority's to set.
pub(crate) fn customized(identifier: &str, value: &str) -> Result<Extension, PkiError> {
    let oid = object_identifier(identifier)?;
    // id-ce (RFC 5280 §4.2), id-pe (RFC 5280 §4.2.2), and id-pkix-ocsp (RFC 6960 §4.2.2.2.1), where a certificate would say
    // that nobody need ask whether it was revoked.
    if ["2.5.29.", "1.3.6.1.5.5.7.1.", "1.3.6.1.5.5.7.48.1."].iter().any(|arc| identifier.starts_with(arc)) {
        return unfit("names a standard extension");
    }
    extension(oid, false, &Utf8StringRef::new(value)?)
}

pub(crate) fn general_name(name: &AlternativeName) -> Result<GeneralName, PkiError> {
    Ok(match name {
        AlternativeName::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
        AlternativeName::Ip(address) => GeneralName::from(*address),
        AlternativeName::Email(address) => GeneralName::Rfc822Name(Ia5String::new(address)?),
        AlternativeName::Uri(address) => uri(address)?,
    })
}

pub(crate) fn usages(extension: &pkix::KeyUsage) -> KeyUsages {
    KeyUsage::ALL.iter().copied().filter(|usage| extension.0.contains(to_bit(*usage))).collect()
}

fn to_bit(usage: KeyUsage) -> pkix::KeyUsages {
    match usage {
        KeyUsage::DigitalSignature => pkix::KeyUsages::DigitalSignature,
        KeyUsage::NonRepudiation => pkix::KeyUsages::NonRepudiation,
        KeyUsage::KeyEncipherment => pkix::KeyUsages::KeyEncipherment,
        KeyUsage::DataEncipherment => pkix::KeyUsages::DataEncipherment,
        KeyUsage::KeyAgreement => pkix::KeyUsages::KeyAgreement,
        KeyUsage::KeyCertSign => pkix::KeyUsages::KeyCertSign,
        KeyUsage::CrlSign => pkix::KeyUsages::CRLSign,
        KeyUsage::EncipherOnly => pkix::KeyUsages::EncipherOnly,
        KeyUsage::DecipherOnly => pkix::KeyUsages::DecipherOnly,
    }
}

/// Takes an identifier only as it is written back, without leading zeros: `2.05.29.17` would pass for another one than
/// it is. The length is checked first: the parser calls itself for each character, a loop only when optimised.
fn object_identifier(text: &str) -> Result<ObjectIdentifier, PkiError> {
    // More than the 39 bytes that the type holds can say.
    const MAX_CHARACTERS: usize = 128;
    let oid = (text.len() <= MAX_CHARACTERS).then(|| ObjectIdentifier::new(text).ok()).flatten();
    match oid.filter(|oid| oid.to_string() == text) {
        Some(oid) => Ok(oid),
        None => unfit("is no object identifier"),
    }
}

pub(crate) fn uri(address: &str) -> Result<GeneralName, PkiError> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(address)?))
}

pub(crate) fn extension(oid: ObjectIdentifier, critical: bool, value: &impl Encode) -> Result<Extension, PkiError> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value.to_der()?)? })
}
