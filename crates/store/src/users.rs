//! Users of an account.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{Session, StoreError, db::arguments};

/// A user, with the account that it belongs to.
#[derive(Clone, FromRow)]
pub struct User {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// The account's name.
    pub account_name: String,
    /// Its name, unique in the account.
    pub name: String,
    /// The PHC string of its password.
    pub password_hash: String,
    /// 1 where it may do everything in its account.
    pub administrator: i64,
}

const SELECT: &str =
    "SELECT users.id, users.account_id, accounts.name AS account_name, users.name, users.password_hash,
    users.administrator FROM users JOIN accounts ON accounts.id = users.account_id";

/// Adds a user; the account's name is not looked at.
///
/// # Errors
/// [`StoreError::Duplicate`] where its name is taken in the account.
pub async fn insert(session: &mut Session, user: &User, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO users (id, account_id, name, password_hash, administrator, created_at)
               VALUES ($1, $2, $3, $4, $5, $6)";
    let arguments = arguments![&user.id, &user.account_id, &user.name, &user.password_hash, user.administrator, now_ms];
    session.execute(sql, arguments).await.map(drop)
}

/// The user with this id.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, id: &str) -> Result<Option<User>, StoreError> {
    session.optional(AssertSqlSafe(format!("{SELECT} WHERE users.id = $1")), arguments![id]).await
}

/// The user of this name in the account that has this name or id.
///
/// # Errors
/// The database fails.
pub async fn find_by_name(session: &mut Session, account: &str, name: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("{SELECT} WHERE (accounts.name = $1 OR accounts.id = $1) AND users.name = $2");
    session.optional(AssertSqlSafe(sql), arguments![account, name]).await
}

/// The users of an account, by name.
///
/// # Errors
/// The database fails.
pub async fn list(session: &mut Session, account_id: &str) -> Result<Vec<User>, StoreError> {
    let sql = format!("{SELECT} WHERE users.account_id = $1 ORDER BY users.name COLLATE \"C\", users.id");
    session.all(AssertSqlSafe(sql), arguments![account_id]).await
}
