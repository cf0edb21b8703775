//! Sealed private keys of authorities and certificates, by the id of their owner.

use sqlx::AssertSqlSafe;

use crate::{
    Session, StoreError,
    db::{Argument, arguments, value_rows},
};

/// A sealed private key.
#[derive(Clone, Debug)]
pub struct SealedKey {
    /// The authority or certificate whose it is.
    pub owner_id: String,
    /// The sealed PKCS#8.
    pub sealed: Vec<u8>,
}

/// Adds sealed keys, in one statement.
///
/// # Errors
/// [`StoreError::Duplicate`] where an owner has one already; then none is added.
pub async fn insert_all(session: &mut Session, keys: &[SealedKey]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = format!("INSERT INTO private_keys (owner_id, sealed) VALUES {}", value_rows(keys.len(), 2));
    let arguments: Vec<Argument> =
        keys.iter().flat_map(|key| [Argument::from(&key.owner_id), Argument::from(key.sealed.as_slice())]).collect();
    session.execute(AssertSqlSafe(sql), &arguments).await.map(drop)
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
