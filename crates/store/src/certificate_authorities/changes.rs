//! What happens to authorities after they were made.

use openccm_core::AuthorityStatus;

use crate::{Session, StoreError, db::arguments};

/// How an authority publishes its revocation list.
#[derive(Clone, Debug)]
pub struct CrlColumns {
    /// The list's name.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// How many days a list is valid.
    pub valid_days: i64,
    /// Where the complete list is (URI).
    pub address: String,
    /// Into how many partitions it is split; 1 for none.
    pub partitions: i64,
}

/// Takes the authority from the stored status `from` to `to`, and takes back a scheduled deletion. Says whether it was in
/// `from`.
///
/// # Errors
/// The database fails.
pub async fn update_status(
    session: &mut Session,
    id: &str,
    from: &str,
    to: AuthorityStatus,
) -> Result<bool, StoreError> {
    let sql = "UPDATE certificate_authorities SET status = $3, deletes_at = NULL WHERE id = $1 AND status = $2";
    Ok(session.execute(sql, arguments![id, from, to.as_str()]).await? == 1)
}

/// Schedules the deletion of an authority in the stored status `from`. Says whether it was in it.
///
/// # Errors
/// The database fails.
pub async fn schedule_deletion(
    session: &mut Session,
    id: &str,
    from: &str,
    deletes_at: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE certificate_authorities SET status = 'DELETED', deletes_at = $3 WHERE id = $1 AND status = $2";
    Ok(session.execute(sql, arguments![id, from, deletes_at]).await? == 1)
}

/// Revokes an authority in the stored status `from`. Says whether it was in it.
///
/// # Errors
/// The database fails.
pub async fn revoke(
    session: &mut Session,
    id: &str,
    from: &str,
    revoked_at: i64,
    reason: &str,
) -> Result<bool, StoreError> {
    let sql = "UPDATE certificate_authorities SET status = 'REVOKED', revoked_at = $3, revocation_reason = $4
               WHERE id = $1 AND status = $2 AND revoked_at IS NULL";
    Ok(session.execute(sql, arguments![id, from, revoked_at, reason]).await? == 1)
}

/// Revokes an authority as a published list has it, whatever the database knows.
///
/// # Errors
/// The database fails.
pub async fn set_revoked(session: &mut Session, id: &str, revoked_at: i64, reason: &str) -> Result<(), StoreError> {
    let sql = "UPDATE certificate_authorities
               SET status = CASE WHEN status = 'DELETED' THEN status ELSE 'REVOKED' END,
                   revoked_at = $2, revocation_reason = $3
               WHERE id = $1";
    session.execute(sql, arguments![id, revoked_at, reason]).await.map(drop)
}

/// Says how the authority publishes its revocation list; nothing where it no longer does.
///
/// # Errors
/// The database fails.
pub async fn update_crl(session: &mut Session, id: &str, crl: Option<&CrlColumns>) -> Result<(), StoreError> {
    let sql = "UPDATE certificate_authorities
               SET crl_name = $2, crl_bucket = $3, crl_valid_days = $4, crl_address = $5, crl_partitions = $6,
                   crl_partitions_made = CASE WHEN $6 > 1 AND $6 > crl_partitions_made THEN $6 ELSE crl_partitions_made END
               WHERE id = $1";
    let arguments = arguments![
        id,
        crl.map(|crl| &crl.name),
        crl.map(|crl| &crl.bucket),
        crl.map(|crl| crl.valid_days),
        crl.map(|crl| &crl.address),
        crl.map(|crl| crl.partitions),
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Says where the authority's OCSP responder is (URI); nothing while it is off.
///
/// # Errors
/// The database fails.
pub async fn update_ocsp_address(session: &mut Session, id: &str, address: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE certificate_authorities SET ocsp_address = $2 WHERE id = $1";
    session.execute(sql, arguments![id, address]).await.map(drop)
}

/// Takes a CRL number for a list of the authority: `at_least`, or the next above those that any of its lists has had.
///
/// # Errors
/// The database fails.
pub async fn take_crl_number(session: &mut Session, id: &str, at_least: i64) -> Result<i64, StoreError> {
    let sql = "UPDATE certificate_authorities
               SET crl_number = CASE WHEN crl_number >= $2 THEN crl_number + 1 ELSE $2 END
               WHERE id = $1 RETURNING crl_number";
    session.number(sql, arguments![id, at_least]).await
}

/// Counts a revocation below the authority.
///
/// # Errors
/// The database fails.
pub async fn count_revocation(session: &mut Session, id: &str) -> Result<(), StoreError> {
    let sql = "UPDATE certificate_authorities SET revocations_made = revocations_made + 1 WHERE id = $1";
    session.execute(sql, arguments![id]).await.map(drop)
}

/// The authorities whose scheduled deletion has taken effect at `now_ms` and whose key is still there, by id.
///
/// # Errors
/// The database fails.
pub async fn list_to_purge(session: &mut Session, now_ms: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT ca.id FROM certificate_authorities ca JOIN private_keys k ON k.owner_id = ca.id
               WHERE ca.status = 'DELETED' AND ca.deletes_at <= $1 ORDER BY ca.deletes_at, ca.id";
    let rows: Vec<(String,)> = session.all(sql, arguments![now_ms]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The authorities in use whose certificates ended after `from_ms` and not after `to_ms`, by id.
///
/// # Errors
/// The database fails.
pub async fn list_ended(session: &mut Session, from_ms: i64, to_ms: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM certificate_authorities
               WHERE status <> 'DELETED' AND not_after > $1 AND not_after <= $2 ORDER BY not_after, id";
    let rows: Vec<(String,)> = session.all(sql, arguments![from_ms, to_ms]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Deletes an authority that never had a certificate. Says whether it was one.
///
/// # Errors
/// The database fails.
pub async fn delete_pending(session: &mut Session, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM certificate_authorities WHERE id = $1 AND status = 'PENDING'";
    Ok(session.execute(sql, arguments![id]).await? == 1)
}
