use openccm_core::{AuthorityOperation, CaId, HashAlgorithm, KeyAlgorithm, Period};
use openccm_pki::{Certificate, OcspResponder, PrivateKey, Signer, Template, issue};
use openccm_store::{
    certificate_authorities::{self, CertificateAuthority},
    ocsp_responders::{self, OcspResponder as Row},
};

use crate::{Caller, Error, OpenCcm, authorities::find_for};

/// How long a responder's certificate lasts, in seconds. Nobody can revoke it (RFC 6960 §4.2.2.2.1): it must not last long.
const RESPONDER_SECONDS: i64 = 14 * 24 * 60 * 60;
/// The longest common name (RFC 5280 appendix A.1, ub-common-name), in characters.
const COMMON_NAME_LIMIT: usize = 64;

/// Switches the authority's OCSP on or off. While it is on, certificates that it issues name the responder's address, and
/// requests are answered; while it is off, they are answered `unauthorized`. Switching to what is already so changes nothing.
///
/// # Errors
/// An authority whose status does not allow it, or whose key may not sign a responder's certificate.
pub async fn switch(ccm: &OpenCcm, caller: &Caller, id: CaId, on: bool) -> Result<(), Error> {
    let operation = if on { AuthorityOperation::EnableOcsp } else { AuthorityOperation::DisableOcsp };
    let (authority, _) = find_for(ccm, &mut ccm.database().read().await?, caller, id, operation).await?;
    if authority.ocsp_address.is_some() == on {
        return Ok(());
    }
    let responder = if on { Some(issue_responder(ccm, &authority).await?) } else { None };
    let mut session = ccm.database().write().await?;
    // It may have been disabled, revoked or deleted meanwhile.
    let (authority, _) = find_for(ccm, &mut session, caller, id, operation).await?;
    match &responder {
        Some(responder) => ocsp_responders::replace(&mut session, responder).await?,
        None => ocsp_responders::delete(&mut session, &authority.id).await?,
    }
    let address = on.then(|| ccm.ocsp_address(&authority.id));
    certificate_authorities::update_ocsp_address(&mut session, &authority.id, address.as_deref()).await?;
    session.commit().await?;
    ccm.ocsp().forget(&authority.id);
    Ok(())
}

/// Gives new responders to the authorities whose responder's time is half over. Says how many got one.
///
/// # Errors
/// The database fails, or, after all others, a responder that could not be made.
pub async fn renew_responders(ccm: &OpenCcm) -> Result<u64, Error> {
    let due = ocsp_responders::list_due(&mut ccm.database().read().await?, ccm.now_ms()).await?;
    let mut renewed = 0;
    let mut failed = None;
    for ca_id in due {
        match renew(ccm, &ca_id).await {
            Ok(()) => renewed += 1,
            Err(error) => {
                tracing::error!(ca_id, %error, "an OCSP responder could not be renewed");
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(renewed), Err)
}

async fn renew(ccm: &OpenCcm, ca_id: &str) -> Result<(), Error> {
    let authority = certificate_authorities::find_anywhere(&mut ccm.database().read().await?, ca_id).await?;
    let authority = authority.ok_or(Error::NotFound)?;
    let responder = issue_responder(ccm, &authority).await?;
    let mut session = ccm.database().write().await?;
    ocsp_responders::replace(&mut session, &responder).await?;
    session.commit().await?;
    ccm.ocsp().forget(ca_id);
    tracing::info!(ca_id, serial_number = responder.serial_number, "issued an OCSP responder's certificate");
    Ok(())
}

/// Makes a responder: a key of the authority's own kind, so that whoever can check the one can check the other, and a
/// certificate of the authority for it.
async fn issue_responder(ccm: &OpenCcm, authority: &CertificateAuthority) -> Result<Row, Error> {
    let mut session = ccm.database().read().await?;
    let der = certificate_authorities::find_der(&mut session, &authority.id).await?.ok_or(Error::NotFound)?;
    let certificate = Certificate::from_der(&der)?;
    if !certificate.can_issue() {
        return Err(Error::StatusConflict(
            "its key usages do not include keyCertSign: it issues no certificates".into(),
        ));
    }
    let algorithm = KeyAlgorithm::parse(&authority.key_algorithm).ok_or(Error::NotFound)?;
    let signer = ccm.keys().find_signer(&mut session, &authority.id, algorithm).await?;
    let signer = signer.ok_or_else(|| Error::StatusConflict("its key was destroyed".into()))?;
    drop(session);

    let key_algorithm = if algorithm.is_rsa() { KeyAlgorithm::Rsa2048 } else { KeyAlgorithm::Ec256 };
    let key = ccm.key_pool().take(key_algorithm).await?;
    let now = ccm.now_ms().div_euclid(1000);
    let period = Period { not_before: now, not_after: (now + RESPONDER_SECONDS).min(certificate.period().not_after) };
    let mut name = certificate.distinguished_name();
    let common_name = format!("OCSP responder of {}", name.common_name.as_deref().unwrap_or_default());
    name.common_name = Some(common_name.trim_end().chars().take(COMMON_NAME_LIMIT).collect());
    let template = Template::ocsp_responder(&name, key.public_key().clone(), period)?;
    let hash = authority.signature_algorithm.as_deref().and_then(HashAlgorithm::parse).unwrap_or(HashAlgorithm::Sha256);
    let issued = issue(&template, Some(&certificate), &signer, hash).await?;
    Ok(Row {
        ca_id: authority.id.clone(),
        serial_number: issued.serial_number,
        certificate: issued.der,
        key_algorithm: key_algorithm.to_string(),
        sealed_key: ccm.keys().seal(&responder_identity(&authority.id), &key.to_pkcs8()?)?,
        renew_at: (period.not_before + (period.not_after - period.not_before) / 2) * 1000,
    })
}

/// The responder that the database keeps.
pub(super) fn open(ccm: &OpenCcm, row: &Row) -> Result<OcspResponder, Error> {
    let algorithm = KeyAlgorithm::parse(&row.key_algorithm).ok_or(Error::NotFound)?;
    let pkcs8 = ccm.keys().open(&responder_identity(&row.ca_id), &row.sealed_key)?;
    let key = PrivateKey::from_pkcs8(algorithm, &pkcs8)?;
    Ok(OcspResponder::new(Certificate::from_der(&row.certificate)?, key)?)
}

fn responder_identity(ca_id: &str) -> String {
    format!("ocsp-responder:{ca_id}")
}
