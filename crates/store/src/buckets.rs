//! Buckets that revocation lists can be published to.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// A bucket.
#[derive(Clone, Debug, FromRow)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// When it was made known to this server.
    pub created_at: i64,
}

/// Adds a bucket. Says whether it was not there before.
///
/// # Errors
/// The database fails.
pub async fn insert(session: &mut Session, name: &str, created_at: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO buckets (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(session.execute(sql, arguments![name, created_at]).await? == 1)
}

/// Whether there is a bucket of this name.
///
/// # Errors
/// The database fails.
pub async fn exists(session: &mut Session, name: &str) -> Result<bool, StoreError> {
    Ok(session.number("SELECT COUNT(*) FROM buckets WHERE name = $1", arguments![name]).await? > 0)
}

/// Every bucket, by name.
///
/// # Errors
/// The database fails.
pub async fn list(session: &mut Session) -> Result<Vec<Bucket>, StoreError> {
    session.all("SELECT name, created_at FROM buckets ORDER BY name COLLATE \"C\"", arguments![]).await
}
