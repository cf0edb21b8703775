use std::sync::Arc;

use const_oid::db::rfc5280::{ID_CE_CRL_NUMBER, ID_CE_ISSUING_DISTRIBUTION_POINT};
use der::{
    Decode, Encode,
    asn1::{AnyRef, BitStringRef},
    referenced::OwnedToRef,
};
use openccm_core::HashAlgorithm;
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    Version,
    ext::{
        Extensions,
        pkix::{IssuingDistributionPoint, name::DistributionPointName},
    },
};

use super::{CertificateList, CrlEntries, TbsCertList, read_back};
use crate::{Certificate, PkiError, Signer, blocking, extensions, signature_algorithm, timestamp::time, unfit};

/// What stands in a list besides its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlTemplate {
    /// Its number, positive and larger than those of all lists before it (RFC 5280 §5.2.3).
    pub number: i64,
    /// When it is made, in seconds since the epoch.
    pub this_update: i64,
    /// When there will be a newer one at the latest, in seconds since the epoch.
    pub next_update: i64,
    /// The URI of the distribution point whose certificates alone it is about, as it stands in them; `None` where it is
    /// about all certificates of its issuer.
    pub distribution_point: Option<String>,
}

/// Makes a list with `entries`, signed by `signer` with `hash`, and gives its DER. While it is made there are two copies
/// of it at most; all that takes longer with its length runs off the async threads.
///
/// The list is parsed back by a second parser, and returned only if its signature, issuer, number, times, distribution
/// point and number of entries are what was asked for.
///
/// # Errors
/// A number that is not positive, times that do not follow each other, an issuer that may not sign lists, a signer with
/// another key, an address that is not ASCII, or a failure of the signer.
pub async fn issue_crl(
    template: &CrlTemplate,
    entries: CrlEntries,
    issuer: &Certificate,
    signer: &dyn Signer,
    hash: HashAlgorithm,
) -> Result<Vec<u8>, PkiError> {
    let draft = Arc::new(Draft::new(template, entries.len(), issuer, signer, hash)?);
    let long = entries.encoded_len() > blocking::MAX_INLINE;
    let drafted = Arc::clone(&draft);
    let (to_be_signed, message) = blocking::run(long, move || {
        let to_be_signed = drafted.to_be_signed(entries)?;
        let message = to_be_signed.clone();
        Ok((to_be_signed, message))
    })
    .await?;
    let signature = signer.sign(hash, message).await?;
    blocking::run(long, move || {
        let der = draft.assemble(to_be_signed, &signature)?;
        read_back::check(&der, &draft)?;
        Ok(der)
    })
    .await
}

/// A list that is being made, apart from its entries.
pub(super) struct Draft {
    pub(super) template: CrlTemplate,
    pub(super) count: u64,
    pub(super) issuer: Certificate,
    /// The issuer's subject, in DER.
    pub(super) issuer_name: Vec<u8>,
    pub(super) algorithm: AlgorithmIdentifierOwned,
}

impl Draft {
    fn new(
        template: &CrlTemplate,
        count: u64,
        issuer: &Certificate,
        signer: &dyn Signer,
        hash: HashAlgorithm,
    ) -> Result<Self, PkiError> {
        if issuer.public_key() != signer.public_key() {
            return unfit("the signing key is not that of the issuer");
        }
        if !issuer.can_sign_revocation_lists() {
            return unfit("the issuer may not sign revocation lists");
        }
        if template.number <= 0 {
            return unfit("the number of a list is positive");
        }
        if template.next_update <= template.this_update {
            return unfit("the next update is not after this one");
        }
        Ok(Self {
            template: template.clone(),
            count,
            issuer: issuer.clone(),
            issuer_name: issuer.subject().to_der()?,
            algorithm: signature_algorithm(signer.algorithm(), hash),
        })
    }

    /// The DER to sign. The entries are gone once they are in it.
    fn to_be_signed(&self, entries: CrlEntries) -> Result<Vec<u8>, PkiError> {
        let list = TbsCertList {
            version: Version::V2,
            signature: self.algorithm.owned_to_ref(),
            issuer: AnyRef::from_der(&self.issuer_name)?,
            this_update: time(self.template.this_update)?,
            next_update: time(self.template.next_update)?,
            revoked_certificates: entries.to_sequence()?,
            crl_extensions: self.extensions()?,
        };
        Ok(list.to_der()?)
    }

    fn extensions(&self) -> Result<Extensions, PkiError> {
        let mut list = vec![
            // The key that signs this list, where x509-cert's builder would name the one that signed the issuer.
            extensions::authority_key_identifier(self.issuer.key_identifier())?,
            extensions::extension(ID_CE_CRL_NUMBER, false, &self.template.number)?,
        ];
        if let Some(address) = &self.template.distribution_point {
            let point = IssuingDistributionPoint {
                distribution_point: Some(DistributionPointName::FullName(vec![extensions::uri(address)?])),
                only_contains_user_certs: false,
                only_contains_ca_certs: false,
                only_some_reasons: None,
                indirect_crl: false,
                only_contains_attribute_certs: false,
            };
            // Named here: x509-cert thinks that the type is another extension (RustCrypto/formats#2389).
            list.push(extensions::extension(ID_CE_ISSUING_DISTRIBUTION_POINT, true, &point)?);
        }
        Ok(list)
    }

    fn assemble(&self, to_be_signed: Vec<u8>, signature: &[u8]) -> Result<Vec<u8>, PkiError> {
        let list = CertificateList {
            tbs_cert_list: AnyRef::from_der(&to_be_signed)?,
            signature_algorithm: self.algorithm.owned_to_ref(),
            signature: BitStringRef::from_bytes(signature)?,
        };
        Ok(list.to_der()?)
    }
}
