//! Orders of SSL certificates, from the purchase to the certificate and its end. The table of what is allowed when is
//! [`openccm_core::ssl_outcome`].

mod application;
mod lifecycle;
mod pictures;
mod progress;
mod purchase;
mod review;

pub use application::{Applicant, NewApplication, SavedApplication, apply, find_applicant, read, save};
pub use lifecycle::{cancel, forget_applicant, revoke, supplement};
use openccm_core::SslStatus;
use openccm_store::{
    Session,
    ssl_certificates::{self as store, SslCertificate},
};
pub use pictures::{PictureKind, upload_picture};
pub use progress::{progress_due, progress_promptly};
pub(crate) use purchase::insert;
pub use purchase::{Order, Purchase, buy, unsubscribe};
pub use review::{Verdict, Waiting, list_to_review, review};

use crate::{Error, OpenCcm};

/// What is noted of an order.
pub(crate) mod event {
    pub(crate) const BOUGHT: &str = "bought";
    pub(crate) const APPLIED: &str = "applied";
    pub(crate) const VERIFIED: &str = "domains verified";
    pub(crate) const APPROVED: &str = "approved";
    pub(crate) const REJECTED: &str = "rejected";
    pub(crate) const ISSUED: &str = "issued";
    pub(crate) const CANCELLED: &str = "taken back";
    pub(crate) const SUPPLEMENTED: &str = "domain names added";
    pub(crate) const REVOKING: &str = "revocation asked for";
    pub(crate) const REVOKED: &str = "revoked";
    pub(crate) const REVOCATION_REFUSED: &str = "revocation refused";
    pub(crate) const FORGOTTEN: &str = "applicant forgotten";
    pub(crate) const UNSUBSCRIBED: &str = "given back";
}

/// Changes the stored status, or keeps it, if it is still `from`: of two callers one is first. An expired certificate is
/// stored as issued.
pub(crate) async fn change(
    ccm: &OpenCcm,
    session: &mut Session,
    row: &SslCertificate,
    from: SslStatus,
    to: SslStatus,
) -> Result<(), Error> {
    let stored = |status| if status == SslStatus::Expired { SslStatus::Issued } else { status };
    if store::update_status(session, &row.id, stored(from), stored(to), ccm.now_ms()).await? {
        return Ok(());
    }
    Err(Error::StatusConflict(format!("{} has just changed its status", row.id)))
}
