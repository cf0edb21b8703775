use const_oid::ObjectIdentifier;
use der::{Decode, Encode};
use openccm_core::{DistinguishedName, KeyUsage, KeyUsages, Period};
use x509_cert::{
    ext::pkix::{self, SubjectKeyIdentifier},
    name::Name,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{PkiError, PublicKey, SignatureScheme, extensions, name, pem, timestamp::seconds, unfit};

/// A certificate that was read, with what issuing and verifying ask of it.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    subject: Name,
    pub(crate) issuer: Name,
    serial_number: String,
    period: Period,
    public_key: PublicKey,
    key_identifier: Vec<u8>,
    authority: bool,
    path_length: Option<u8>,
    key_usages: Option<KeyUsages>,
    pub(crate) signature_algorithm: ObjectIdentifier,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// Anything but one well-formed X.509 certificate with a key of an accepted kind.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let read = x509_cert::Certificate::from_der(der)?;
        let tbs = read.tbs_certificate();
        let (_, parsed) = X509Certificate::from_der(der).map_err(|error| PkiError::Malformed(error.to_string()))?;
        name::check_unchanged(tbs.subject(), parsed.subject().as_raw())?;
        name::check_unchanged(tbs.issuer(), parsed.issuer().as_raw())?;
        let constraints = tbs.get_extension::<pkix::BasicConstraints>()?.map(|(_, constraints)| constraints);
        let public_key = PublicKey::from_info(tbs.subject_public_key_info().clone())?;
        let key_identifier = match tbs.get_extension::<SubjectKeyIdentifier>()? {
            Some((_, identifier)) => identifier.0.into_bytes().into_vec(),
            None => public_key.key_identifier(),
        };
        Ok(Self {
            der: der.to_vec(),
            subject: tbs.subject().clone(),
            issuer: tbs.issuer().clone(),
            serial_number: serial_number(tbs.serial_number().as_bytes()),
            period: Period {
                not_before: seconds(&tbs.validity().not_before),
                not_after: seconds(&tbs.validity().not_after),
            },
            public_key,
            key_identifier,
            authority: constraints.as_ref().is_some_and(|constraints| constraints.ca),
            path_length: constraints.and_then(|constraints| constraints.path_len_constraint),
            key_usages: tbs.get_extension::<pkix::KeyUsage>()?.map(|(_, usage)| extensions::usages(&usage)),
            signature_algorithm: read.signature_algorithm().oid,
        })
    }

    /// Reads every certificate in a text of PEM blocks, in their order.
    ///
    /// # Errors
    /// A block that is no certificate, as [`Self::from_der`].
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, PkiError> {
        let blocks = pem::decode_all(text, "CERTIFICATE").map_err(|error| PkiError::Malformed(error.to_string()))?;
        blocks.iter().map(|der| Self::from_der(der)).collect()
    }

    /// Reads certificates that follow one another without anything between them.
    ///
    /// # Errors
    /// As [`Self::from_der`].
    pub fn all_from_der(mut der: &[u8]) -> Result<Vec<Self>, PkiError> {
        let mut all = Vec::new();
        while !der.is_empty() {
            let (rest, _) = X509Certificate::from_der(der).map_err(|error| PkiError::Malformed(error.to_string()))?;
            all.push(Self::from_der(&der[..der.len() - rest.len()])?);
            der = rest;
        }
        Ok(all)
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The PEM with CRLF line endings, without one at the end.
    pub fn pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der)
    }

    /// The subject, byte for byte.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The subject, as far as the API knows its attributes.
    pub fn distinguished_name(&self) -> DistinguishedName {
        name::from_x501(&self.subject)
    }

    /// The issuer's name, as far as the API knows its attributes.
    pub fn issuer_distinguished_name(&self) -> DistinguishedName {
        name::from_x501(&self.issuer)
    }

    /// The serial number as OpenSSL prints it: upper-case hexadecimal digits, two a byte.
    pub fn serial_number(&self) -> &str {
        &self.serial_number
    }

    /// From when to when it is valid.
    pub fn period(&self) -> Period {
        self.period
    }

    /// Its key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Its subject key identifier, or what it would be where the extension is absent.
    pub fn key_identifier(&self) -> &[u8] {
        &self.key_identifier
    }

    /// Its path length constraint; `None` means no limit.
    pub fn path_length(&self) -> Option<u8> {
        self.path_length
    }

    /// Its key usages, where the extension is there.
    pub fn key_usages(&self) -> Option<KeyUsages> {
        self.key_usages
    }

    /// How it is signed, where that is an accepted way.
    pub fn signature_scheme(&self) -> Option<SignatureScheme> {
        SignatureScheme::from_oid(self.signature_algorithm)
    }

    /// Whether it names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether the CA bit is set.
    pub fn is_authority(&self) -> bool {
        self.authority
    }

    /// Whether a chain ends here: it names itself as its issuer, and its own key signed it. The signature of a root
    /// proves nothing, so one of an algorithm that is no longer accepted (many roots have SHA-1) does no harm.
    pub fn is_root(&self) -> bool {
        self.is_self_issued() && (self.signature_scheme().is_none() || self.verify_issued_by(self).is_ok())
    }

    /// Whether its key may sign certificates: the CA bit, and the key usage where there is one (RFC 5280 §6.1.4 (k), (n)).
    pub fn can_issue(&self) -> bool {
        self.authority && self.key_usages.is_none_or(|usages| usages.contains(KeyUsage::KeyCertSign))
    }

    /// Whether its key may sign revocation lists: the CA bit, and the key usage where there is one (RFC 5280 §6.3.3 (f)).
    pub fn can_sign_revocation_lists(&self) -> bool {
        self.authority && self.key_usages.is_none_or(|usages| usages.contains(KeyUsage::CrlSign))
    }

    /// Checks that `issuer` issued this certificate: its name, its right to issue, its signature (RFC 5280 §6.1.3 (a)).
    /// Does not look at validity periods.
    ///
    /// # Errors
    /// What of it does not hold.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), PkiError> {
        if self.issuer.to_der()? != issuer.subject.to_der()? {
            return unfit("its issuer is not the subject of the next certificate");
        }
        if !issuer.can_issue() {
            return unfit("its issuer may not sign certificates");
        }
        self.verify_signed_by(&issuer.public_key)
    }

    /// Whether it names itself as its issuer and its own key signed it, in an accepted way. With the CA bit or without.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.verify_signed_by(&self.public_key).is_ok()
    }

    fn verify_signed_by(&self, key: &PublicKey) -> Result<(), PkiError> {
        let (_, parsed) = X509Certificate::from_der(&self.der).map_err(|e| PkiError::Malformed(e.to_string()))?;
        // RFC 5280 §4.1.1.2: what is signed names the algorithm too.
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return unfit("it names two signature algorithms");
        }
        if parsed.signature_value.unused_bits != 0 {
            return Err(PkiError::BadSignature);
        }
        let signature = &parsed.signature_value.data;
        key.verify(self.signature_algorithm, parsed.tbs_certificate.as_ref(), signature)
    }
}

/// A serial number as OpenSSL prints it.
pub(crate) fn serial_number(bytes: &[u8]) -> String {
    let significant = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        bytes => bytes,
    };
    hex::encode_upper(significant)
}
