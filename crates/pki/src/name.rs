//! Distinguished names, between the API's six attributes and X.501.

use const_oid::{ObjectIdentifier, db::rfc4519};
use der::{
    Any, Encode, Tag, Tagged,
    asn1::{BmpString, Ia5StringRef, PrintableStringRef, Utf8StringRef},
};
use openccm_core::DistinguishedName;
use x509_cert::{
    attr::AttributeTypeAndValue,
    name::{Name, RdnSequence, RelativeDistinguishedName},
};

use crate::PkiError;

/// The X.501 name: one attribute a relative name, from the country down to the common name; the country as
/// PrintableString (RFC 5280 appendix A.1), everything else as UTF8String (RFC 5280 §4.1.2.4).
///
/// # Errors
/// A country that is not printable.
pub fn to_x501(name: &DistinguishedName) -> Result<Name, PkiError> {
    let attributes = [
        (rfc4519::C, &name.country),
        (rfc4519::ST, &name.state),
        (rfc4519::L, &name.locality),
        (rfc4519::O, &name.organization),
        (rfc4519::OU, &name.organizational_unit),
        (rfc4519::CN, &name.common_name),
    ];
    let mut sequence = RdnSequence::default();
    for (oid, value) in attributes {
        let Some(value) = value else { continue };
        let value = if oid == rfc4519::C {
            Any::encode_from(&PrintableStringRef::new(value)?)?
        } else {
            Any::encode_from(&Utf8StringRef::new(value)?)?
        };
        sequence.push(RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }])?);
    }
    // The checked constructors choose string types themselves, and would print a Latin name as PrintableString.
    Ok(Name::hazmat_from_rdn_sequence(sequence))
}

/// The API's view of an X.501 name: of each attribute the last, which is the most specific. Attributes that the API does
/// not know are left out; the certificate keeps them.
pub fn from_x501(name: &Name) -> DistinguishedName {
    let last = |oid: ObjectIdentifier| {
        name.iter().filter(|attribute| attribute.oid == oid).filter_map(|attribute| text(&attribute.value)).last()
    };
    DistinguishedName {
        common_name: last(rfc4519::CN),
        country: last(rfc4519::C),
        state: last(rfc4519::ST),
        locality: last(rfc4519::L),
        organization: last(rfc4519::O),
        organizational_unit: last(rfc4519::OU),
    }
}

/// Every value of one attribute of a name, in the order of the name.
pub(crate) fn values(name: &Name, oid: ObjectIdentifier) -> Vec<String> {
    name.iter().filter(|attribute| attribute.oid == oid).filter_map(|attribute| text(&attribute.value)).collect()
}

/// Checks that `name` is what was read from `raw`, byte for byte. The decoder sorts the values of a relative name, which
/// DER wants sorted (X.690 §11.6); a name that was not would be another one in the certificate, and link no chain.
///
/// # Errors
/// A name that is not DER.
pub(crate) fn check_unchanged(name: &Name, raw: &[u8]) -> Result<(), PkiError> {
    if name.to_der()? == raw { Ok(()) } else { Err(PkiError::Malformed("the name is not DER".into())) }
}

/// The text of a DirectoryString or IA5String, whatever its encoding.
fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::PrintableString => value.decode_as::<PrintableStringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::Ia5String => value.decode_as::<Ia5StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        // By the letter T.61; by long practice, OpenSSL's too, Latin-1.
        Tag::TeletexString => Some(value.value().iter().copied().map(char::from).collect()),
        Tag::BmpString => value.decode_as::<BmpString>().ok().map(|text| text.to_string()),
        _ => None,
    }
}
