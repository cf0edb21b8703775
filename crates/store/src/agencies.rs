//! Agencies: accounts that let this server write into buckets.

use crate::{Session, StoreError, db::arguments};

/// The id of the account's agency; none where it has granted none.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, account_id: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM agencies WHERE account_id = $1";
    Ok(session.optional::<(String,)>(sql, arguments![account_id]).await?.map(|(id,)| id))
}

/// Adds the account's agency, unless it has one.
///
/// # Errors
/// The database fails.
pub async fn insert(session: &mut Session, account_id: &str, id: &str, created_at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO agencies (account_id, id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    session.execute(sql, arguments![account_id, id, created_at]).await.map(drop)
}
