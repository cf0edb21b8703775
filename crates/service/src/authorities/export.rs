use openccm_core::{AuthorityOperation, CaId, HashAlgorithm, KeyUsages};
use openccm_pki::{make_signing_request, pem};
use openccm_store::{
    Session,
    certificate_authorities::{self as store},
};

use super::{activation::find_pending, find_for};
use crate::{Caller, Error, OpenCcm};

/// An authority's certificate and chain.
#[derive(Clone, Debug)]
pub struct ExportedAuthority {
    /// The certificate: PEM, CRLF line endings, none at the end.
    pub certificate: String,
    /// What is above it, issuer first, root last, in the same form. Empty for a root.
    pub chain: String,
}

/// The certificates from an authority up to its root, in DER where they were made here and in PEM above an imported one.
pub(crate) struct Chain {
    pub(crate) ders: Vec<Vec<u8>>,
    imported: String,
}

impl Chain {
    /// The chain of the authority with this id, itself first.
    pub(crate) async fn find(session: &mut Session, id: &str) -> Result<Self, Error> {
        let links = store::find_chain(session, id).await?;
        let imported = links.last().and_then(|link| link.imported_chain.clone()).unwrap_or_default();
        Ok(Self { ders: links.into_iter().filter_map(|link| link.certificate).collect(), imported })
    }

    /// The PEM of the chain without its first `skip` certificates.
    pub(crate) fn pem(&self, skip: usize) -> String {
        let own = pem::encode_all(pem::CERTIFICATE, self.ders.iter().skip(skip));
        match (own.is_empty(), self.imported.is_empty()) {
            (_, true) => own,
            (true, false) => self.imported.clone(),
            (false, false) => format!("{own}\r\n{}", self.imported),
        }
    }

    /// Every certificate of the chain in DER.
    pub(crate) fn into_ders(self) -> Result<Vec<Vec<u8>>, Error> {
        let imported = pem::decode_all(&self.imported, pem::CERTIFICATE).map_err(Error::key)?;
        Ok(self.ders.into_iter().chain(imported).collect())
    }
}

/// An authority's certificate and chain.
///
/// # Errors
/// An authority that is neither active nor expired.
pub async fn export(ccm: &OpenCcm, caller: &Caller, id: CaId) -> Result<ExportedAuthority, Error> {
    let mut session = ccm.database().read().await?;
    let (authority, _) = find_for(ccm, &mut session, caller, id, AuthorityOperation::Export).await?;
    let chain = Chain::find(&mut session, &authority.id).await?;
    let certificate = chain.ders.first().ok_or(Error::NotFound)?;
    Ok(ExportedAuthority { certificate: pem::encode(pem::CERTIFICATE, certificate), chain: chain.pem(1) })
}

/// The signing request of a pending authority: PEM, CRLF line endings.
///
/// # Errors
/// An authority that is not pending.
pub async fn export_signing_request(ccm: &OpenCcm, caller: &Caller, id: CaId) -> Result<String, Error> {
    let (authority, key) = find_pending(ccm, caller, id, AuthorityOperation::ExportCsr).await?;
    let key_usages = KeyUsages::parse(&authority.key_usages);
    Ok(make_signing_request(&authority.name(), key_usages, &key, HashAlgorithm::Sha256).await?)
}
