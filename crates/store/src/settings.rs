//! Facts about the database itself.

use crate::{Session, StoreError, db::arguments};

/// The value of the setting `name`.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = session.optional::<(Vec<u8>,)>("SELECT value FROM settings WHERE name = $1", arguments![name]).await?;
    Ok(row.map(|(value,)| value))
}

/// Adds a setting.
///
/// # Errors
/// [`StoreError::Duplicate`] where it is there already.
pub async fn insert(session: &mut Session, name: &str, value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO settings (name, value) VALUES ($1, $2)";
    session.execute(sql, arguments![name, value]).await.map(drop)
}
