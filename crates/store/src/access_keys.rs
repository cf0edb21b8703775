//! Access keys (AK and SK) of users.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// An access key and whose it is.
#[derive(Clone, FromRow)]
pub struct AccessKey {
    /// The access key id (AK).
    pub id: String,
    /// The user.
    pub user_id: String,
    /// The user's account.
    pub account_id: String,
    /// The sealed secret (SK).
    pub sealed_secret: Vec<u8>,
}

/// Adds an access key.
///
/// # Errors
/// [`StoreError::Duplicate`] where its id is taken.
pub async fn insert(
    session: &mut Session,
    id: &str,
    user_id: &str,
    sealed_secret: &[u8],
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO access_keys (id, user_id, sealed_secret, created_at) VALUES ($1, $2, $3, $4)";
    session.execute(sql, arguments![id, user_id, sealed_secret, now_ms]).await.map(drop)
}

/// The access key with this id.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, id: &str) -> Result<Option<AccessKey>, StoreError> {
    let sql = "SELECT access_keys.id, access_keys.user_id, users.account_id, access_keys.sealed_secret
               FROM access_keys JOIN users ON users.id = access_keys.user_id
               WHERE access_keys.id = $1";
    session.optional(sql, arguments![id]).await
}
