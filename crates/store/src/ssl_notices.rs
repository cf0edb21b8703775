//! Notices about the end of SSL certificates, and who wants them.

use openccm_core::NoticeType;
use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// A notice that is due about a certificate.
#[derive(Clone, Debug, FromRow)]
pub struct DueNotice {
    /// The certificate.
    pub certificate_id: String,
    /// When it ends.
    pub ends_at: i64,
}

/// A notice to one recipient that is to be sent, and what it is about.
#[derive(Clone, Debug, FromRow)]
pub struct Notice {
    /// The certificate.
    pub certificate_id: String,
    /// Its account.
    pub account_id: String,
    /// The account's name.
    pub account_name: String,
    /// The certificate's name.
    pub name: String,
    /// Its first domain name.
    pub domain: String,
    /// The others, with semicolons between them.
    pub sans: String,
    /// Which notice: see [`NoticeType`].
    pub notice_type: String,
    /// So many days before the end, or less; 0 where it is past.
    pub threshold_days: i64,
    /// The end that it is about.
    pub ends_at: i64,
    /// A mail address, or what webhooks are called.
    pub recipient: String,
    /// How often it was tried.
    pub attempts: i64,
}

/// What makes a certificate `c` one whose end matters: it is in use, and no other one renews it.
macro_rules! in_use {
    () => {
        "c.deleted_at IS NULL AND c.status IN ('ISSUED', 'UPLOAD', 'SUPPLEMENTCHECKING', 'CANCELSUPPLEMENTING')
         AND NOT EXISTS (SELECT 1 FROM ssl_certificates r
                         WHERE r.origin_id = c.id AND r.deleted_at IS NULL AND r.not_after > c.not_after
                               AND r.status IN ('ISSUED', 'UPLOAD', 'SUPPLEMENTCHECKING', 'CANCELSUPPLEMENTING'))"
    };
}

/// Wants notices of this type about a certificate. Says whether they were not wanted before.
///
/// # Errors
/// The database fails.
pub async fn subscribe(
    session: &mut Session,
    certificate_id: &str,
    notice_type: NoticeType,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO ssl_subscriptions (certificate_id, notice_type, created_at) VALUES ($1, $2, $3)
               ON CONFLICT DO NOTHING";
    Ok(session.execute(sql, arguments![certificate_id, notice_type.as_str(), now_ms]).await? == 1)
}

/// Wants notices of this type no more. Says whether they were wanted.
///
/// # Errors
/// The database fails.
pub async fn unsubscribe(
    session: &mut Session,
    certificate_id: &str,
    notice_type: NoticeType,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM ssl_subscriptions WHERE certificate_id = $1 AND notice_type = $2";
    Ok(session.execute(sql, arguments![certificate_id, notice_type.as_str()]).await? == 1)
}

/// The certificates, at most `limit`, that end after `from` and by `to` (ms since the epoch), about which this notice is
/// wanted, but neither it nor one with fewer days was noted.
///
/// # Errors
/// The database fails.
pub async fn list_due(
    session: &mut Session,
    notice_type: NoticeType,
    threshold_days: i64,
    (from, to): (i64, i64),
    limit: i64,
) -> Result<Vec<DueNotice>, StoreError> {
    let sql = concat!(
        "SELECT c.id AS certificate_id, c.not_after AS ends_at FROM ssl_certificates c
         JOIN ssl_subscriptions s ON s.certificate_id = c.id AND s.notice_type = $1
         WHERE c.not_after > $3 AND c.not_after <= $4 AND ",
        in_use!(),
        " AND NOT EXISTS (SELECT 1 FROM ssl_notices n
                          WHERE n.certificate_id = c.id AND n.notice_type = $1 AND n.ends_at = c.not_after
                                AND n.threshold_days <= $2)
         ORDER BY c.not_after, c.id LIMIT $5"
    );
    session.all(sql, arguments![notice_type.as_str(), threshold_days, from, to, limit]).await
}

/// Notes that a notice to this recipient is to be sent, in the place of those about the same certificate that were not sent
/// yet.
///
/// # Errors
/// The database fails.
pub async fn insert(
    session: &mut Session,
    due: &DueNotice,
    notice_type: NoticeType,
    threshold_days: i64,
    recipient: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_notices SET next_try_at = NULL
               WHERE certificate_id = $1 AND recipient = $2 AND sent_at IS NULL AND next_try_at IS NOT NULL";
    session.execute(sql, arguments![&due.certificate_id, recipient]).await?;
    let sql = "INSERT INTO ssl_notices (certificate_id, notice_type, threshold_days, ends_at, recipient, created_at,
                   next_try_at, attempts)
               VALUES ($1, $2, $3, $4, $5, $6, $6, 0) ON CONFLICT DO NOTHING";
    let arguments =
        arguments![&due.certificate_id, notice_type.as_str(), threshold_days, due.ends_at, recipient, now_ms];
    session.execute(sql, arguments).await.map(drop)
}

/// The notices that are to be tried by `now_ms`, at most `limit`, while they are wanted and their certificates' ends matter.
///
/// # Errors
/// The database fails.
pub async fn list_to_try(session: &mut Session, now_ms: i64, limit: i64) -> Result<Vec<Notice>, StoreError> {
    let sql = concat!(
        "SELECT n.certificate_id, c.account_id, a.name AS account_name, c.name, c.domain, c.sans, n.notice_type,
                n.threshold_days, n.ends_at, n.recipient, n.attempts
         FROM ssl_notices n
         JOIN ssl_subscriptions s ON s.certificate_id = n.certificate_id AND s.notice_type = n.notice_type
         JOIN ssl_certificates c ON c.id = n.certificate_id
         JOIN accounts a ON a.id = c.account_id
         WHERE n.next_try_at <= $1 AND n.sent_at IS NULL AND c.not_after = n.ends_at
               AND (n.threshold_days = 0 OR n.ends_at > $1) AND ",
        in_use!(),
        " ORDER BY n.next_try_at, n.certificate_id, n.recipient LIMIT $2"
    );
    session.all(sql, arguments![now_ms, limit]).await
}

/// Notes that a notice was sent.
///
/// # Errors
/// The database fails.
pub async fn set_sent(session: &mut Session, notice: &Notice, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_notices SET sent_at = $6, next_try_at = NULL, last_error = NULL, attempts = attempts + 1
               WHERE certificate_id = $1 AND notice_type = $2 AND threshold_days = $3 AND ends_at = $4
                     AND recipient = $5";
    let arguments = arguments![
        &notice.certificate_id,
        &notice.notice_type,
        notice.threshold_days,
        notice.ends_at,
        &notice.recipient,
        now_ms,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Notes that a notice could not be sent, and when it is tried again.
///
/// # Errors
/// The database fails.
pub async fn set_failed(
    session: &mut Session,
    notice: &Notice,
    next_try_at: i64,
    last_error: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_notices SET next_try_at = $6, last_error = $7, attempts = attempts + 1
               WHERE certificate_id = $1 AND notice_type = $2 AND threshold_days = $3 AND ends_at = $4
                     AND recipient = $5 AND sent_at IS NULL";
    let arguments = arguments![
        &notice.certificate_id,
        &notice.notice_type,
        notice.threshold_days,
        notice.ends_at,
        &notice.recipient,
        next_try_at,
        last_error,
    ];
    session.execute(sql, arguments).await.map(drop)
}
