//! Sealed private keys of authorities and certificates, by the id of their owner.

use crate::{Session, StoreError, db::arguments};

/// Adds the sealed key of `owner_id`.
///
/// # Errors
/// [`StoreError::Duplicate`] where it has one.
pub async fn insert(session: &mut Session, owner_id: &str, sealed: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO private_keys (owner_id, sealed) VALUES ($1, $2)";
    session.execute(sql, arguments![owner_id, sealed]).await.map(drop)
}

/// The sealed key of `owner_id`.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, owner_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT sealed FROM private_keys WHERE owner_id = $1";
    Ok(session.optional::<(Vec<u8>,)>(sql, arguments![owner_id]).await?.map(|(sealed,)| sealed))
}

/// Destroys the key of `owner_id`, where it has one.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, owner_id: &str) -> Result<(), StoreError> {
    session.execute("DELETE FROM private_keys WHERE owner_id = $1", arguments![owner_id]).await.map(drop)
}
