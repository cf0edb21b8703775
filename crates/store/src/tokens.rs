//! Tokens of signed-in users, by the hash of their text.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// A token.
#[derive(Clone, Debug, FromRow)]
pub struct Token {
    /// The hash of its text, hexadecimal.
    pub hash: String,
    /// Whose it is.
    pub user_id: String,
    /// The project that it is scoped to; the whole account where there is none.
    pub project_id: Option<String>,
    /// How its user signed in: `password` or `token`.
    pub method: String,
    /// When it was made.
    pub issued_at: i64,
    /// When it ends.
    pub expires_at: i64,
}

/// Adds a token.
///
/// # Errors
/// The database fails.
pub async fn insert(session: &mut Session, token: &Token) -> Result<(), StoreError> {
    let sql = "INSERT INTO tokens (hash, user_id, project_id, method, issued_at, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6)";
    let arguments =
        arguments![&token.hash, &token.user_id, &token.project_id, &token.method, token.issued_at, token.expires_at,];
    session.execute(sql, arguments).await.map(drop)
}

/// The token with this hash that has not ended at `now_ms`.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, hash: &str, now_ms: i64) -> Result<Option<Token>, StoreError> {
    let sql = "SELECT hash, user_id, project_id, method, issued_at, expires_at FROM tokens
               WHERE hash = $1 AND expires_at > $2";
    session.optional(sql, arguments![hash, now_ms]).await
}

/// Ends a token. Says whether there was one.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, hash: &str) -> Result<bool, StoreError> {
    Ok(session.execute("DELETE FROM tokens WHERE hash = $1", arguments![hash]).await? == 1)
}

/// Deletes the tokens that have ended at `now_ms`. Says how many there were.
///
/// # Errors
/// The database fails.
pub async fn delete_expired(session: &mut Session, now_ms: i64) -> Result<u64, StoreError> {
    session.execute("DELETE FROM tokens WHERE expires_at <= $1", arguments![now_ms]).await
}
