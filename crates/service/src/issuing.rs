//! What every issuance has in common: an authority that may issue now, and still may when the result is stored.

use openccm_core::{
    AuthorityOperation, AuthorityStatus, CaId, GenerationMode, HashAlgorithm, Invalid, KeyAlgorithm,
    PATH_LENGTH_UNLIMITED, Period, Subject, outcome,
};
use openccm_pki::{Certificate, Issued, PrivateKey, Template, issue};
use openccm_store::{Session, certificate_authorities as store};

use crate::{Caller, Error, OpenCcm, revocation::partition_address};

/// An authority that may issue, with its key.
pub(crate) struct Issuer {
    pub(crate) id: String,
    /// Its common name.
    pub(crate) name: Option<String>,
    pub(crate) certificate: Certificate,
    key: PrivateKey,
    path_length: u8,
    crl_address: Option<String>,
    /// The partition of its list that is to name what it issues next; 0 for none.
    crl_partition: i64,
    ocsp_address: Option<String>,
}

/// A certificate that an authority issued.
pub(crate) struct IssuedBelow {
    pub(crate) der: Vec<u8>,
    pub(crate) serial_number: String,
    /// The partition of the authority's list that would name it; 0 for none.
    pub(crate) crl_partition: i64,
}

impl IssuedBelow {
    /// A certificate that signs itself: no list names it.
    pub(crate) fn own(issued: Issued) -> Self {
        Self { der: issued.der, serial_number: issued.serial_number, crl_partition: 0 }
    }
}

impl Issuer {
    /// The authority of the caller's account with this id, if it may issue.
    ///
    /// # Errors
    /// [`Error::IssuerNotFound`], or [`Error::StatusConflict`] where it, or an authority above it, is not active, where its
    /// key is not here, or where its key may not sign certificates.
    pub(crate) async fn find(ccm: &OpenCcm, caller: &Caller, id: CaId) -> Result<Self, Error> {
        let now_ms = ccm.now_ms();
        let mut session = ccm.database().read().await?;
        let authority = store::find(&mut session, &caller.account_id, &id.to_string(), now_ms).await?;
        let authority = authority.ok_or(Error::IssuerNotFound)?;
        if authority.generation_mode == GenerationMode::Csr.as_str() {
            return Err(Error::StatusConflict("the issuer's key is with its requester".into()));
        }
        let chain = store::find_chain(&mut session, &authority.id).await?;
        check_chain(&chain, now_ms)?;
        let der = chain.into_iter().next().and_then(|link| link.certificate).ok_or(Error::IssuerNotFound)?;
        let certificate = Certificate::from_der(&der)?;
        if !certificate.can_issue() {
            return Err(Error::StatusConflict("the issuer's key usages do not include keyCertSign".into()));
        }
        let algorithm = KeyAlgorithm::parse(&authority.key_algorithm).ok_or(Error::IssuerNotFound)?;
        let key = ccm.keys().find_signer(&mut session, &authority.id, algorithm).await?;
        Ok(Self {
            key: key.ok_or_else(|| Error::StatusConflict("the issuer's key was destroyed".into()))?,
            name: authority.name().common_name,
            id: authority.id,
            certificate,
            path_length: u8::try_from(authority.path_length).unwrap_or(0),
            crl_partition: ccm.next_crl_partition(authority.crl_partitions.unwrap_or(1)),
            crl_address: authority.crl_address,
            ocsp_address: authority.ocsp_address,
        })
    }

    /// Checks that a certificate may be valid for `period`: inside this authority's own.
    pub(crate) fn check_period(&self, period: Period) -> Result<(), Error> {
        let own = self.certificate.period();
        if period.is_inside(own) {
            return Ok(());
        }
        let reason = format!(
            "must lie inside the issuer's, which lasts from {} to {} (ms since the epoch)",
            own.not_before_ms(),
            own.not_after_ms()
        );
        Err(Invalid::new(Subject::Validity, "validity", reason).into())
    }

    /// Checks that an authority below this one may have `path_length` (RFC 5280 §4.2.1.9).
    pub(crate) fn check_path_length(&self, path_length: u8) -> Result<(), Error> {
        let limit = self.path_length;
        if limit == PATH_LENGTH_UNLIMITED || path_length < limit {
            return Ok(());
        }
        let reason = format!("must be less than the issuer's path length, which is {limit}");
        Err(Invalid::new(Subject::PathLength, "path_length", reason).into())
    }

    /// Issues a certificate, with the addresses of this authority's revocation services. Where its list is split, the
    /// certificate falls into one of the partitions for good.
    pub(crate) async fn issue(&self, template: Template, hash: HashAlgorithm) -> Result<IssuedBelow, Error> {
        let crl_partition = self.crl_partition;
        let crl_address = self.crl_address.as_deref().map(|complete| match crl_partition {
            0 => complete.to_owned(),
            partition => partition_address(complete, partition),
        });
        let template = template.revocation_addresses(crl_address, self.ocsp_address.clone());
        let issued = issue(&template, Some(&self.certificate), &self.key, hash).await?;
        Ok(IssuedBelow { der: issued.der, serial_number: issued.serial_number, crl_partition })
    }

    /// Checks in the transaction that stores a certificate that this authority may still issue: it may have been disabled,
    /// revoked or deleted since it was looked up.
    pub(crate) async fn check_still_active(&self, session: &mut Session, now_ms: i64) -> Result<(), Error> {
        check_may_issue(session, &self.id, now_ms).await
    }
}

/// Checks that the authority with this id may issue at `now_ms`.
pub(crate) async fn check_may_issue(session: &mut Session, id: &str, now_ms: i64) -> Result<(), Error> {
    check_chain(&store::find_chain(session, id).await?, now_ms)
}

/// The first of the chain must be allowed to issue, and every authority above it must be active as well: what they vouch for
/// is not to be trusted otherwise.
fn check_chain(chain: &[store::ChainLink], now_ms: i64) -> Result<(), Error> {
    let issuer = chain.first().ok_or(Error::IssuerNotFound)?;
    let status = issuer.status_at(now_ms);
    if outcome(status, AuthorityOperation::Issue).is_none() {
        return Err(Error::status(status, AuthorityOperation::Issue));
    }
    match chain.iter().find(|link| link.status_at(now_ms) != AuthorityStatus::Actived) {
        None => Ok(()),
        Some(link) => {
            let status = link.status_at(now_ms);
            Err(Error::StatusConflict(format!("authority {} above the issuer is in status {status}", link.id)))
        }
    }
}
