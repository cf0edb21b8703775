//! Notices that certificates are about to end, or have ended: by mail and by webhook, each once to each recipient.
//!
//! A notice is due at 60, 30, 7 and 1 days before the end, and at the end. Of those that are due at the same time (a
//! certificate that is imported late, a server that stood still) only the most urgent is sent. What was sent is noted right
//! after sending: a crash in between sends it twice, which a webhook can tell by its id.

mod delivery;

use futures_util::{StreamExt, stream};
use openccm_auth::Secret;
use openccm_core::{Invalid, NoticeType, Subject};
use openccm_store::{
    ssl_certificates,
    ssl_notices::{self as store, DueNotice, Notice},
};

use self::delivery::Delivery;
use crate::{Caller, Error, OpenCcm};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The notices: which, so many days before the end. The most urgent first.
const THRESHOLDS: [(NoticeType, i64); 5] = [
    (NoticeType::Expired, 0),
    (NoticeType::Expiring, 1),
    (NoticeType::Expiring, 7),
    (NoticeType::Expiring, 30),
    (NoticeType::Expiring, 60),
];
/// After how many minutes a notice is tried again, by the number of tries in vain; then every hour.
const DELAYS_MINUTES: [i64; 6] = [1, 2, 5, 10, 20, 30];
const MINUTE_MS: i64 = 60 * 1000;
/// How many notices are noted or sent in one go, and how many are sent at the same time.
const BATCH: i64 = 64;
const CONCURRENT: usize = 8;
/// The longest text that is kept of what went wrong, in characters.
const ERROR_LIMIT: usize = 500;
/// What stands for the webhook where mail addresses stand otherwise.
const WEBHOOK: &str = "WEBHOOK";

/// Where notices go.
#[derive(Clone, Debug, Default)]
pub struct NotificationOptions {
    /// The URL that notices are posted to.
    pub webhook_url: Option<String>,
    /// What they are signed with.
    pub webhook_secret: Option<Secret>,
    /// The addresses that they are mailed to.
    pub email_to: Vec<String>,
}

/// What is wanted, or wanted no more, about a certificate.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The certificate.
    pub certificate_id: String,
    /// Which notices.
    pub notice_types: Vec<NoticeType>,
}

/// Wants these notices (`enable`), or wants them no more. All of it, or nothing.
///
/// # Errors
/// [`Error::NotFound`] where one of the certificates is not the account's; [`Error::Invalid`] for a list of nothing; or the
/// database fails.
pub async fn set_subscriptions(
    ccm: &OpenCcm,
    caller: &Caller,
    subscriptions: &[Subscription],
    enable: bool,
) -> Result<(), Error> {
    if subscriptions.is_empty() {
        return Err(Invalid::new(Subject::ListSize, "body", "must not be an empty list").into());
    }
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().write().await?;
    for subscription in subscriptions {
        let id = subscription.certificate_id.as_str();
        if ssl_certificates::find(&mut session, &caller.account_id, id).await?.is_none() {
            return Err(Error::NotFound);
        }
        for notice_type in &subscription.notice_types {
            if enable {
                store::subscribe(&mut session, id, *notice_type, now_ms).await?;
            } else {
                store::unsubscribe(&mut session, id, *notice_type).await?;
            }
        }
    }
    Ok(session.commit().await?)
}

/// Notes which notices have become due, and sends those that are not sent yet. Gives how many were sent.
///
/// # Errors
/// The database fails. What recipients do wrong is noted with the notice, and tried again.
pub async fn notify(ccm: &OpenCcm) -> Result<u64, Error> {
    let options = &ccm.ssl().notifications;
    let mut recipients = Vec::new();
    if options.webhook_url.is_some() {
        recipients.push(WEBHOOK.to_owned());
    }
    if ccm.ssl().mail.is_some() {
        recipients.extend(options.email_to.iter().cloned());
    }
    if recipients.is_empty() {
        return Ok(0);
    }
    let now_ms = ccm.now_ms();
    // How far the notices go that are more urgent than the one that is looked for.
    let mut from = i64::MIN;
    for (notice_type, days) in THRESHOLDS {
        let to = now_ms + days * DAY_MS;
        note_due(ccm, notice_type, days, (from, to), &recipients, now_ms).await?;
        from = to;
    }
    let due = store::list_to_try(&mut ccm.database().read().await?, now_ms, BATCH).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let delivery = Delivery::new(ccm);
    let sending = due.into_iter().map(|notice| send(ccm, &delivery, &recipients, notice));
    let mut sending = stream::iter(sending).buffer_unordered(CONCURRENT);
    let (mut sent, mut failed) = (0, None);
    while let Some(outcome) = sending.next().await {
        match outcome {
            Ok(one) => sent += u64::from(one),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(sent), Err)
}

/// Sends a notice, and notes how that went. Says whether it was sent.
async fn send(ccm: &OpenCcm, delivery: &Delivery<'_>, recipients: &[String], notice: Notice) -> Result<bool, Error> {
    let outcome = match recipients.contains(&notice.recipient) {
        true => delivery.send(&notice, ccm.now_ms()).await,
        false => Err("the settings name this recipient no more".into()),
    };
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().write().await?;
    match &outcome {
        Ok(()) => store::set_sent(&mut session, &notice, now_ms).await?,
        Err(reason) => {
            let reason: String = reason.chars().take(ERROR_LIMIT).collect();
            let (certificate_id, notice_type) = (&notice.certificate_id, &notice.notice_type);
            tracing::warn!(certificate_id, notice_type, reason, "a notice cannot be sent; it is tried again");
            store::set_failed(&mut session, &notice, now_ms + delay_ms(notice.attempts), &reason).await?;
        }
    }
    session.commit().await?;
    Ok(outcome.is_ok())
}

/// Notes the notices of one kind that have become due.
async fn note_due(
    ccm: &OpenCcm,
    notice_type: NoticeType,
    days: i64,
    range: (i64, i64),
    recipients: &[String],
    now_ms: i64,
) -> Result<(), Error> {
    loop {
        let due: Vec<DueNotice> =
            store::list_due(&mut ccm.database().read().await?, notice_type, days, range, BATCH).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut session = ccm.database().write().await?;
        for notice in &due {
            for recipient in recipients {
                store::insert(&mut session, notice, notice_type, days, recipient, now_ms).await?;
            }
        }
        session.commit().await?;
    }
}

fn delay_ms(attempts: i64) -> i64 {
    let minutes = usize::try_from(attempts).ok().and_then(|attempts| DELAYS_MINUTES.get(attempts));
    minutes.copied().unwrap_or(60) * MINUTE_MS
}
