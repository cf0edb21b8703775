//! The operator's verdict on applications that name an organization (OV, EV).

use aws_lc_rs::digest::{Context, SHA256};
use openccm_core::{Invalid, SslOperation, SslOutcome, Subject, ssl_outcome};
use openccm_store::{
    Session,
    ssl_certificates::{self as store, SslCertificate},
    ssl_orders::{self, OrderEvent},
};

use super::{Applicant, application::find_applicant, change, event, pictures};
use crate::{
    Error, OpenCcm,
    ssl::{certificates, validation},
};

/// What the operator says to an application.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The organization is who it says it is: that of the application with this digest, which is [`Waiting::digest`].
    Approve(String),
    /// It is refused, for this reason, which the applicant reads.
    Reject(String),
}

/// An application that waits for the operator.
#[derive(Debug)]
pub struct Waiting {
    /// The certificate's row.
    pub row: SslCertificate,
    /// Who applies.
    pub applicant: Applicant,
    /// The pictures of documents: their kind, media type and bytes.
    pub pictures: Vec<(String, String, Vec<u8>)>,
    /// What the order came through until now.
    pub events: Vec<OrderEvent>,
    /// Stands for the application as it is, pictures included: it is another one whenever any of it was sent anew.
    pub digest: String,
}

/// The applications of all accounts that wait for the operator, the oldest first.
///
/// # Errors
/// The database fails, or what was kept cannot be opened.
pub async fn list_to_review(ccm: &OpenCcm) -> Result<Vec<Waiting>, Error> {
    let mut session = ccm.database().read().await?;
    let mut waiting = Vec::new();
    for row in store::list_to_review(&mut session).await? {
        let mut found = Vec::new();
        for kind in ssl_orders::list_picture_kinds(&mut session, &row.id).await? {
            if let Some((media_type, bytes)) = pictures::find_picture(ccm, &mut session, &row.id, &kind).await? {
                found.push((kind, media_type, bytes));
            }
        }
        let applicant = find_applicant(ccm, &mut session, &row.id).await?.unwrap_or_default();
        let events = ssl_orders::list_events(&mut session, &row.id).await?;
        let digest = digest(&mut session, &row.id).await?;
        waiting.push(Waiting { row, applicant, pictures: found, events, digest });
    }
    Ok(waiting)
}

/// Twelve hexadecimal digits of the SHA-256 of an application, as it is sealed.
async fn digest(session: &mut Session, id: &str) -> Result<String, Error> {
    let mut context = Context::new(&SHA256);
    context.update(&store::find_sealed_application(session, id).await?.unwrap_or_default());
    for kind in ssl_orders::list_picture_kinds(session, id).await? {
        let picture = ssl_orders::find_picture(session, id, &kind).await?;
        context.update(&picture.map(|picture| picture.sealed).unwrap_or_default());
    }
    Ok(hex::encode(context.finish()).chars().take(12).collect())
}

/// Gives the operator's verdict on an application, whosever it is, and notes it with the operator's name and reason.
///
/// # Errors
/// A certificate that is not there, or that does not wait for a verdict; an application that is another one by now than that
/// which is approved; a refusal without a reason.
pub async fn review(ccm: &OpenCcm, id: &str, operator: &str, verdict: Verdict) -> Result<(), Error> {
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().write().await?;
    let row = store::find_any(&mut session, id).await?.ok_or(Error::NotFound)?;
    let (operation, next_step_at, event, reason) = match &verdict {
        Verdict::Approve(_) => (SslOperation::Approve, Some(now_ms), event::APPROVED, ""),
        Verdict::Reject(reason) if reason.trim().is_empty() => {
            return Err(Invalid::missing(Subject::Parameter, "reason").into());
        }
        Verdict::Reject(reason) => (SslOperation::Reject, None, event::REJECTED, reason.trim()),
    };
    let status = certificates::check_allowed(&row, operation, now_ms)?;
    let Some(SslOutcome::Becomes(next)) = ssl_outcome(status, operation) else { return Err(Error::NotFound) };
    change(ccm, &mut session, &row, status, next).await?;
    if let Verdict::Approve(seen) = &verdict
        && *seen != digest(&mut session, id).await?
    {
        return Err(Error::StatusConflict("the application is not the one that was looked at: look again".into()));
    }
    if let Verdict::Reject(_) = verdict {
        store::set_added_names(&mut session, id, "", now_ms).await?;
        store::set_failure(&mut session, id, reason).await?;
        validation::close(&mut session, id).await?;
    }
    store::set_next_step(&mut session, id, next_step_at, 0).await?;
    ssl_orders::insert_event(&mut session, id, event, operator, reason, now_ms).await?;
    session.commit().await?;
    ccm.orders().notify_one();
    Ok(())
}
