//! What the services tell about a certificate.

use aws_lc_rs::digest;
use const_oid::db::rfc4519;
use der::Decode;
use openccm_core::HashAlgorithm;
use x509_cert::ext::pkix::{SubjectAltName, name::GeneralName};

use crate::{
    Certificate, MalformedDomainName, PkiError, SignatureScheme,
    domain_names::{address, domain_names},
    name, pem,
};

impl Certificate {
    /// The host names and addresses that it is for, in lower case and each once: the common name first, where it is one,
    /// then the alternative names in their order. Empty where there is none.
    ///
    /// # Errors
    /// A name that stands there as one and is none.
    pub fn domain_names(&self) -> Result<Vec<String>, MalformedDomainName> {
        let alternative_names = self.alternative_general_names().map_err(|_| MalformedDomainName::unreadable())?;
        domain_names(self.distinguished_name().common_name.as_deref(), &alternative_names)
    }

    /// Its alternative names as text: host names, addresses, mail addresses and URIs, in their order.
    /// Empty where they cannot be read.
    pub fn alternative_names(&self) -> Vec<String> {
        self.alternative_general_names().unwrap_or_default().iter().filter_map(alternative_name).collect()
    }

    /// Its SHA-1, in lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.der()))
    }

    /// Its SHA-256, in lower-case hexadecimal digits.
    pub fn digest(&self) -> String {
        hex::encode(digest::digest(&digest::SHA256, self.der()))
    }

    /// How it is signed, as the service of SSL certificates prints it: `SHA256WITHRSA`, `SHA384WITHECDSA`, `ED25519`; the
    /// object identifier where that is not an accepted way.
    pub fn signature_name(&self) -> String {
        match self.signature_scheme() {
            Some(scheme) => scheme.java_name().to_ascii_uppercase(),
            None => self.signature_algorithm.to_string(),
        }
    }

    /// How it is signed, as the gateway prints it, which is as Go does: `SHA256-RSA`, `ECDSA-SHA384`, `Ed25519`; the object
    /// identifier where that is not an accepted way.
    pub fn go_signature_name(&self) -> String {
        let name = |hash: HashAlgorithm| hash.to_string();
        match self.signature_scheme() {
            Some(SignatureScheme::RsaPkcs1(hash)) => format!("{}-RSA", name(hash)),
            Some(SignatureScheme::Ecdsa(hash)) => format!("ECDSA-{}", name(hash)),
            Some(SignatureScheme::Ed25519) => "Ed25519".to_owned(),
            None => self.signature_algorithm.to_string(),
        }
    }

    /// Its serial number in decimal digits. One whose first bit is set is taken as negative, as X.690 §8.3 has it.
    pub fn serial_number_decimal(&self) -> String {
        let bytes = self.read().map(|read| read.tbs_certificate().serial_number().as_bytes().to_vec());
        decimal(&bytes.unwrap_or_default())
    }

    /// Its version as people count: 1 to 3.
    pub fn version(&self) -> u8 {
        // The encoded numbers start at 0.
        self.read().map_or(1, |read| read.tbs_certificate().version() as u8 + 1)
    }

    /// The organizations (O) in its subject.
    pub fn organizations(&self) -> Vec<String> {
        name::values(self.subject(), rfc4519::O)
    }

    /// The organizational units (OU) in its subject.
    pub fn organizational_units(&self) -> Vec<String> {
        name::values(self.subject(), rfc4519::OU)
    }

    /// The localities (L) in its subject.
    pub fn localities(&self) -> Vec<String> {
        name::values(self.subject(), rfc4519::L)
    }

    /// The states or provinces (ST) in its subject.
    pub fn states(&self) -> Vec<String> {
        name::values(self.subject(), rfc4519::ST)
    }

    /// The countries (C) in its subject.
    pub fn countries(&self) -> Vec<String> {
        name::values(self.subject(), rfc4519::C)
    }

    /// The organizations (O) in its issuer's name.
    pub fn issuer_organizations(&self) -> Vec<String> {
        name::values(&self.issuer, rfc4519::O)
    }

    /// Empty where the extension is absent.
    fn alternative_general_names(&self) -> Result<Vec<GeneralName>, PkiError> {
        let names = self.read()?.tbs_certificate().get_extension::<SubjectAltName>()?;
        Ok(names.map(|(_, names)| names.0).unwrap_or_default())
    }

    fn read(&self) -> Result<x509_cert::Certificate, PkiError> {
        Ok(x509_cert::Certificate::from_der(self.der())?)
    }
}

fn alternative_name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) | GeneralName::Rfc822Name(name) | GeneralName::UniformResourceIdentifier(name) => {
            Some(name.as_str().to_owned())
        }
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()).map(|address| address.to_string()),
        _ => None,
    }
}

/// The decimal digits of a big-endian number in two's complement.
fn decimal(bytes: &[u8]) -> String {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut magnitude: Vec<u8> = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut remainder = 0_u16;
        for byte in &mut magnitude {
            let value = remainder << 8 | u16::from(*byte);
            // Both fit: the remainder is below 10.
            (*byte, remainder) = ((value / 10) as u8, value % 10);
        }
        digits.push(char::from(b'0' + remainder as u8));
    }
    if digits.is_empty() {
        digits.push('0');
    }
    if negative {
        digits.push('-');
    }
    digits.iter().rev().collect()
}

/// Whether a text holds, first, a certificate with a key of the Chinese national algorithm SM2 (GM/T 0009), which is not
/// accepted here.
pub fn is_sm2_certificate(text: &str) -> bool {
    const SM2: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
    let Ok(blocks) = pem::decode_all(text, pem::CERTIFICATE) else { return false };
    let certificate = blocks.first().and_then(|der| x509_cert::Certificate::from_der(der).ok());
    certificate.is_some_and(|certificate| {
        let algorithm = &certificate.tbs_certificate().subject_public_key_info().algorithm;
        algorithm.parameters.as_ref().is_some_and(|curve| curve.decode_as() == Ok(SM2))
    })
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimal_digits() {
        for (bytes, text) in [
            (&[][..], "0"),
            (&[0], "0"),
            (&[1], "1"),
            (&[0x7f], "127"),
            (&[0, 0x80], "128"),
            (&[0x80], "-128"),
            (&[0xff], "-1"),
            (&[0xff, 0x00], "-256"),
            (&[1, 0], "256"),
            (&[0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0x00, 0x00], "1000000000000000000"),
            (&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615"),
        ] {
            assert_eq!(decimal(bytes), text, "{bytes:?}");
        }
    }
}
