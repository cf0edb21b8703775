use const_oid::db::rfc5280::{ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_CRL_NUMBER, ID_CE_ISSUING_DISTRIBUTION_POINT};
use der::{
    Decode, Encode, Reader, SliceReader,
    asn1::{AnyRef, BitStringRef},
};
use spki::AlgorithmIdentifierRef;
use x509_cert::{
    Version,
    crl::RevokedCert,
    ext::{
        Extension,
        pkix::{
            AuthorityKeyIdentifier, IssuingDistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
};

use super::{RevokedCertificate, TbsCertList, entries};
use crate::{Certificate, PkiError, timestamp::seconds, unfit};

/// A revocation list that was read. Its entries stay in the DER that it borrows.
#[derive(Clone, Debug)]
pub struct Crl<'a> {
    signed: &'a [u8],
    issuer: AnyRef<'a>,
    signature_algorithm: AlgorithmIdentifierRef<'a>,
    signed_algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
    this_update: i64,
    next_update: i64,
    entries: SliceReader<'a>,
    number: i64,
    authority_key_identifier: Option<Vec<u8>>,
    distribution_point: Option<String>,
}

/// What the extensions of a list say (RFC 5280 §5.2).
#[derive(Default)]
struct ListExtensions {
    number: Option<i64>,
    authority_key_identifier: Option<Vec<u8>>,
    distribution_point: Option<String>,
}

impl<'a> Crl<'a> {
    /// Reads a list. Whose it is, and whether its signature is good, [`Self::verify_issued_by`] says; its entries are read
    /// one by one by [`Self::entries`].
    ///
    /// # Errors
    /// Anything but one well-formed list of version 2 with a number, without critical extensions that are not known (a
    /// delta list, for one), and of all certificates or those of one distribution point with one URI, not of some kinds
    /// or some reasons.
    pub fn from_der(der: &'a [u8]) -> Result<Self, PkiError> {
        let mut reader = SliceReader::new(der)?;
        let (signed, signature_algorithm, signature) = reader.sequence(|list| {
            // As it came: another encoding of the same would be another message.
            let signed = list.tlv_bytes()?;
            Ok::<_, der::Error>((signed, AlgorithmIdentifierRef::decode(list)?, BitStringRef::decode(list)?))
        })?;
        reader.finish()?;
        let list = TbsCertList::from_der(signed)?;
        if list.version != Version::V2 {
            return Err(PkiError::Malformed("not a list of version 2".into()));
        }
        let mut extensions = ListExtensions::default();
        list.crl_extensions.iter().try_for_each(|extension| extensions.take(extension))?;
        let Some(number) = extensions.number else {
            return Err(PkiError::Malformed("a list without a number".into()));
        };
        Ok(Self {
            signed,
            issuer: list.issuer,
            signature_algorithm,
            signed_algorithm: list.signature,
            signature,
            this_update: seconds(&list.this_update),
            next_update: seconds(&list.next_update),
            entries: SliceReader::new(list.revoked_certificates.map_or(&[], |entries| entries.0.as_bytes()))?,
            number,
            authority_key_identifier: extensions.authority_key_identifier,
            distribution_point: extensions.distribution_point,
        })
    }

    /// Its number (RFC 5280 §5.2.3): of two lists the one with the larger number is the newer.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// When it was made, in seconds since the epoch.
    pub fn this_update(&self) -> i64 {
        self.this_update
    }

    /// When there will be a newer one at the latest, in seconds since the epoch.
    pub fn next_update(&self) -> i64 {
        self.next_update
    }

    /// The URI of the distribution point whose certificates alone it is about (RFC 5280 §5.2.5); `None` where it is about
    /// all certificates of its issuer.
    pub fn distribution_point(&self) -> Option<&str> {
        self.distribution_point.as_deref()
    }

    /// Whether its issuer is the subject of `issuer`, byte for byte. Says nothing about the signature.
    pub fn is_issued_under_name_of(&self, issuer: &Certificate) -> bool {
        issuer.subject().to_der().is_ok_and(|subject| AnyRef::from_der(&subject) == Ok(self.issuer))
    }

    /// Whether it says that `issuer` made it: by the name of its issuer and by the key that it names, if any. Authorities may
    /// have the same name. Says nothing about the signature.
    pub fn claims_to_be_of(&self, issuer: &Certificate) -> bool {
        let other_key = self.authority_key_identifier.as_deref().is_some_and(|key| key != issuer.key_identifier());
        self.is_issued_under_name_of(issuer) && !other_key
    }

    /// Checks that `issuer` issued this list: its name, its key, its right to sign lists, its signature (RFC 5280 §6.3.3
    /// (f), (g)). Hashes the whole list; does not look at times.
    ///
    /// # Errors
    /// What of it does not hold.
    pub fn verify_issued_by(&self, issuer: &Certificate) -> Result<(), PkiError> {
        if !self.is_issued_under_name_of(issuer) {
            return unfit("the list's issuer is not the subject of the certificate");
        }
        if self.authority_key_identifier.as_deref().is_some_and(|key| key != issuer.key_identifier()) {
            return unfit("the list was signed with another key of its issuer");
        }
        if !issuer.can_sign_revocation_lists() {
            return unfit("its issuer may not sign revocation lists");
        }
        // RFC 5280 §5.1.1.2: what is signed names the algorithm too.
        if self.signature_algorithm != self.signed_algorithm {
            return unfit("it names two signature algorithms");
        }
        let signature = self.signature.as_bytes().ok_or(PkiError::BadSignature)?;
        issuer.public_key().verify(self.signature_algorithm.oid, self.signed, signature)
    }

    /// The entries in their order, each decoded when it is asked for; none after one that cannot be read.
    ///
    /// # Errors
    /// Of an entry: that it is malformed, has a reason that is none, or a critical extension that is not known.
    pub fn entries(&self) -> impl Iterator<Item = Result<RevokedCertificate, PkiError>> + '_ {
        let mut reader = self.entries.clone();
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended || reader.is_finished() {
                return None;
            }
            let decoded = RevokedCert::decode(&mut reader).map_err(PkiError::from);
            let entry = decoded.and_then(|entry| entries::from_x509(&entry));
            ended = entry.is_err();
            Some(entry)
        })
    }

    /// What its signature is over.
    pub(super) fn signed(&self) -> &'a [u8] {
        self.signed
    }
}

impl ListExtensions {
    fn take(&mut self, extension: &Extension) -> Result<(), PkiError> {
        let value = extension.extn_value.as_bytes();
        let repeated = match extension.extn_id {
            ID_CE_CRL_NUMBER => {
                let number = i64::from_der(value)?;
                if number < 0 {
                    return Err(PkiError::Malformed("a list with a negative number".into()));
                }
                self.number.replace(number).is_some()
            }
            ID_CE_AUTHORITY_KEY_IDENTIFIER => {
                let identifier = AuthorityKeyIdentifier::from_der(value)?.key_identifier;
                identifier.is_some_and(|key| self.authority_key_identifier.replace(key.into_bytes().into()).is_some())
            }
            ID_CE_ISSUING_DISTRIBUTION_POINT => {
                self.distribution_point.replace(uri(IssuingDistributionPoint::from_der(value)?)?).is_some()
            }
            // RFC 5280 §5.2: such a list says nothing that could be relied on.
            oid if extension.critical => return unfit(format!("a list with the unknown critical extension {oid}")),
            _ => false,
        };
        if repeated { unfit(format!("a list with the extension {} twice", extension.extn_id)) } else { Ok(()) }
    }
}

/// The one URI of a distribution point that has neither kinds of certificates nor reasons.
fn uri(point: IssuingDistributionPoint) -> Result<String, PkiError> {
    let narrowed = point.only_contains_user_certs
        || point.only_contains_ca_certs
        || point.only_some_reasons.is_some()
        || point.indirect_crl
        || point.only_contains_attribute_certs;
    match point.distribution_point {
        Some(DistributionPointName::FullName(names)) if !narrowed => match &names[..] {
            [GeneralName::UniformResourceIdentifier(uri)] => Ok(uri.as_str().to_owned()),
            _ => unfit("the distribution point of the list has no single URI"),
        },
        _ => unfit("the list is not about all certificates of a distribution point"),
    }
}
