//! Making a list from the database, and proving that it says what the database says.

use openccm_core::{HashAlgorithm, RevocationReason};
use openccm_pki::{Certificate, Crl, CrlEntries, CrlTemplate, PkiError, PrivateKey, RevokedCertificate, issue_crl};
use openccm_store::{
    Session,
    revocation_lists::{self, ListKey},
    revocations::{self, ListedRevocation, Scope},
};

use crate::{Error, OpenCcm};

/// How many revocations are read at a time. So many are encoded without a pause for other tasks.
const PAGE: i64 = 5000;

/// An authority that signs its list.
pub(super) struct ListSigner {
    pub(super) certificate: Certificate,
    pub(super) key: PrivateKey,
    pub(super) hash: HashAlgorithm,
}

/// What is to stand in a list besides its entries.
pub(super) struct Plan<'a> {
    pub(super) key: &'a ListKey,
    pub(super) template: CrlTemplate,
    /// Leaves out the certificates that ended before this (ms since the epoch).
    pub(super) ended_before: i64,
}

/// A list that was made and proven.
pub(super) struct Built {
    pub(super) der: Vec<u8>,
    /// How many certificates it names.
    pub(super) entries: i64,
    /// How often the list had been asked for when it was made.
    pub(super) wanted: i64,
}

/// Makes a list of the revocations that the database has now; nothing where the list is kept no longer.
///
/// The database is read twice, both times as it was at the beginning: to make the list, and to compare what came out of it,
/// read back by another parser, entry for entry.
pub(super) async fn build(ccm: &OpenCcm, signer: &ListSigner, plan: Plan<'_>) -> Result<Option<Built>, Error> {
    let mut snapshot = ccm.database().snapshot().await?;
    let Some(list) = revocation_lists::find(&mut snapshot, plan.key).await? else { return Ok(None) };
    let scope =
        Scope { issuer_id: &plan.key.ca_id, crl_partition: plan.key.crl_partition, ended_before: plan.ended_before };
    let mut entries = CrlEntries::new();
    let mut pages = Pages::new(scope);
    while let Some(page) = pages.next(&mut snapshot).await? {
        for revocation in &page {
            entries.push(&entry(revocation)?)?;
        }
    }
    let count = entries.len();
    let der = issue_crl(&plan.template, entries, &signer.certificate, &signer.key, signer.hash).await?;
    prove(&der, &mut snapshot, scope).await?;
    Ok(Some(Built { der, entries: i64::try_from(count).unwrap_or(i64::MAX), wanted: list.wanted }))
}

/// Checks that the list in `der` names exactly what is in the database's `scope`.
async fn prove(der: &[u8], snapshot: &mut Session, scope: Scope<'_>) -> Result<(), Error> {
    let differs = |what: &str| Error::Pki(PkiError::Unfit(format!("the list came out wrong: {what}")));
    let list = Crl::from_der(der)?;
    let mut listed = list.entries();
    let mut pages = Pages::new(scope);
    while let Some(page) = pages.next(snapshot).await? {
        for revocation in &page {
            match listed.next().transpose()? {
                Some(read) if read == entry(revocation)? => {}
                Some(read) => return Err(differs(&format!("{} instead of {revocation:?}", read.serial_number))),
                None => return Err(differs(&format!("{} is missing", revocation.serial_number))),
            }
        }
    }
    match listed.next() {
        None => Ok(()),
        Some(_) => Err(differs("it names too many")),
    }
}

/// The entry of a revocation. Lists count time in seconds.
fn entry(revocation: &ListedRevocation) -> Result<RevokedCertificate, PkiError> {
    let reason = RevocationReason::parse(&revocation.reason)
        .ok_or_else(|| PkiError::Unfit(format!("{} is no reason of revocation", revocation.reason)))?;
    Ok(RevokedCertificate {
        serial_number: revocation.serial_number.clone(),
        revoked_at: revocation.revoked_at.div_euclid(1000),
        reason,
        invalid_since: revocation.invalid_since.map(|since| since.div_euclid(1000)),
    })
}

/// The revocations of a scope, page by page.
struct Pages<'a> {
    scope: Scope<'a>,
    after: Option<String>,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn new(scope: Scope<'a>) -> Self {
        Self { scope, after: None, ended: false }
    }

    async fn next(&mut self, session: &mut Session) -> Result<Option<Vec<ListedRevocation>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let after = self.after.as_deref().unwrap_or_default();
        let page = revocations::list_after(session, self.scope, after, PAGE).await?;
        self.ended = (page.len() as i64) < PAGE;
        self.after = page.last().map(|revocation| revocation.serial_number.clone());
        Ok(Some(page))
    }
}
