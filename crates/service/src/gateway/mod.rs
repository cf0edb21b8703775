//! Certificates of the API gateway, the domain names that the account's gateways answer to, and which certificate is bound to
//! which of them.
//!
//! This server is no gateway: it keeps what the operator makes known of gateways ([`domains`]), and the bindings.

pub mod bindings;
pub mod certificates;
pub mod domains;
mod upload;

pub use self::{certificates::ShownCertificate, upload::CertificateForm};
use crate::{Caller, Error};

/// Changes of one account's certificates and bindings follow one another, for what is checked must still hold when it is done.
fn lock_name(account_id: &str) -> String {
    format!("gateway:{account_id}")
}

/// A session for changing the account's certificates and bindings.
async fn write(ccm: &crate::OpenCcm, caller: &Caller) -> Result<openccm_store::Session, Error> {
    let mut session = ccm.database().write().await?;
    session.lock(&lock_name(&caller.account_id)).await?;
    Ok(session)
}
