//! SSL certificates as they are kept.

use openccm_core::{Invalid, SslOperation, SslStatus, Subject, ssl_outcome};
use openccm_pki::{Certificate, ServerKey, export};
use openccm_store::{
    Session,
    ssl_certificates::{self as store, SslCertificate},
    ssl_orders,
    tags::{self, ResourceType},
};
use zeroize::Zeroizing;

use super::{orders::change, signing_requests};
use crate::{Caller, Error, OpenCcm};

/// A certificate with all that a server needs to serve it.
pub struct Servable {
    /// What is known of it.
    pub row: SslCertificate,
    /// The certificate.
    pub certificate: Certificate,
    /// Those above it: its issuer first.
    pub chain: Vec<Certificate>,
    /// Its key (PKCS#8 DER); none where its applicant keeps it.
    pub private_key: Option<Zeroizing<Vec<u8>>>,
}

/// The account's certificate with this id.
///
/// # Errors
/// [`Error::NotFound`], or the database fails.
pub(crate) async fn find(session: &mut Session, account_id: &str, id: &str) -> Result<SslCertificate, Error> {
    store::find(session, account_id, id).await?.ok_or(Error::NotFound)
}

/// The account's certificate with this id, with its chain and key, if `operation` is allowed in its status.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::StatusConflict`] where the status does not allow it; a key that cannot be opened.
pub(crate) async fn find_servable(
    ccm: &OpenCcm,
    session: &mut Session,
    account_id: &str,
    id: &str,
    operation: SslOperation,
) -> Result<Servable, Error> {
    let row = find(session, account_id, id).await?;
    let status = check_allowed(&row, operation, ccm.now_ms())?;
    // While names are added, its status does not tell.
    if operation == SslOperation::Push && row.has_ended_at(ccm.now_ms()) {
        return Err(Error::StatusConflict(format!("{operation} is not allowed past its end, in status {status}")));
    }
    let content = store::find_content(session, id).await?.ok_or(Error::NotFound)?;
    let certificate = Certificate::from_der(&content.certificate)?;
    let private_key = match ccm.keys().find_pkcs8(session, id).await? {
        Some(key) => Some(key),
        // That of a signing request that is kept here.
        None => signing_requests::find_key(ccm, session, account_id, certificate.public_key()).await?,
    };
    // Nothing may leave with a key of something else.
    let private_key = private_key.filter(|der| {
        ServerKey::from_pkcs8(der).is_ok_and(|key| key.public_key().is_same_key(certificate.public_key()))
    });
    Ok(Servable { chain: Certificate::all_from_der(&content.chain)?, certificate, private_key, row })
}

/// Checks that `operation` is allowed in the status of a certificate at `now_ms`.
pub(crate) fn check_allowed(row: &SslCertificate, operation: SslOperation, now_ms: i64) -> Result<SslStatus, Error> {
    let status = row.status_at(now_ms);
    match ssl_outcome(status, operation) {
        Some(_) => Ok(status),
        None => Err(Error::StatusConflict(format!("{operation} is not allowed in status {status}"))),
    }
}

impl Servable {
    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    /// Those above it as PEM, its issuer first; empty where there is none.
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(Certificate::pem).collect::<Vec<_>>().join("\r\n")
    }

    /// The certificate and those above it as PEM.
    pub fn full_chain_pem(&self) -> String {
        std::iter::once(&self.certificate).chain(&self.chain).map(Certificate::pem).collect::<Vec<_>>().join("\r\n")
    }

    /// Its key as PEM in the traditional format of its kind (PKCS#1, SEC1; PKCS#8 for Ed25519); none where its applicant
    /// keeps it.
    ///
    /// # Errors
    /// A key that cannot be encoded.
    pub fn private_key_pem(&self) -> Result<Option<Zeroizing<String>>, Error> {
        Ok(self.private_key.as_ref().map(|der| export::private_key_pem(der, None)).transpose()?)
    }
}

/// A certificate with its chain and key, for its owner to serve.
///
/// # Errors
/// A certificate that is not there, or whose status does not allow it.
pub async fn export(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<Servable, Error> {
    let mut session = ccm.database().read().await?;
    find_servable(ccm, &mut session, &caller.account_id, id, SslOperation::Export).await
}

/// A certificate with its chain and key as a zip with a folder for each kind of server: its file name and bytes.
///
/// # Errors
/// As [`export`].
pub async fn download(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<(String, Vec<u8>), Error> {
    let exported = export(ccm, caller, id).await?;
    let file_name = format!("{}.zip", exported.row.name);
    let created_ms = ccm.now_ms();
    let pack = move || {
        let chain: Vec<Vec<u8>> = exported.chain.iter().map(|certificate| certificate.der().to_vec()).collect();
        let material = export::Material {
            name: &exported.row.name,
            certificate: exported.certificate.der(),
            chain: &chain,
            private_key: exported.private_key.as_ref().map(|key| key.as_slice()),
            created_ms,
        };
        export::bundle_for_all(&material)
    };
    let bytes = tokio::task::spawn_blocking(pack).await.map_err(Error::key)??;
    Ok((file_name, bytes))
}

/// Deletes a certificate and destroys its key. It stays valid wherever it is served.
///
/// # Errors
/// A certificate that is not there, or whose status does not allow it.
pub async fn delete(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    let row = find(&mut session, &caller.account_id, id).await?;
    let status = check_allowed(&row, SslOperation::Delete, ccm.now_ms())?;
    // An expired one that was imported is stored as that.
    let stored = SslStatus::parse(&row.status).unwrap_or(status);
    change(ccm, &mut session, &row, stored, stored).await?;
    remove(ccm, &mut session, &caller.account_id, id).await?;
    Ok(session.commit().await?)
}

/// Removes a certificate with all that is kept beside it.
pub(super) async fn remove(ccm: &OpenCcm, session: &mut Session, account_id: &str, id: &str) -> Result<(), Error> {
    if !store::delete(session, id, ccm.now_ms()).await? {
        return Err(Error::NotFound);
    }
    ssl_orders::delete_pictures(session, id).await?;
    tags::delete_all(session, account_id, ResourceType::SslCertificate, id).await?;
    ccm.keys().delete(session, id).await
}

/// What of a certificate its users may change.
#[derive(Clone, Debug)]
pub enum Modification {
    /// Its name.
    Name(String),
    /// Its description; none takes it away.
    Description(Option<String>),
}

/// Changes the name or the description of a certificate.
///
/// # Errors
/// A value that is not allowed, or a certificate that is not there.
pub async fn modify(ccm: &OpenCcm, caller: &Caller, id: &str, modification: Modification) -> Result<(), Error> {
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().write().await?;
    find(&mut session, &caller.account_id, id).await?;
    match modification {
        Modification::Name(name) => {
            check_name(&name, Subject::Name, "modify_value")?;
            store::set_name(&mut session, id, &name, now_ms).await?;
        }
        Modification::Description(text) => {
            let text = text.filter(|text| !text.is_empty());
            if text.as_ref().is_some_and(|text| text.chars().count() > 255) {
                let reason = "must have 255 characters at most";
                return Err(Invalid::new(Subject::ModifyValue, "modify_value", reason).into());
            }
            store::set_description(&mut session, id, text.as_deref(), now_ms).await?;
        }
    }
    Ok(session.commit().await?)
}

/// Checks the name of a certificate: 1 to 63 letters, digits, hyphens, underscores and dots.
pub(super) fn check_name(name: &str, subject: Subject, field: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=63).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Invalid::new(subject, field, "must be 1 to 63 letters, digits, hyphens, underscores and dots"))
}
