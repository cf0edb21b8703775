//! Accounts (the vendor's "domains") and their projects.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// An account.
#[derive(Clone, Debug, FromRow)]
pub struct Account {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its name, unique.
    pub name: String,
    /// How many certificates count against its quota.
    pub certificates_used: i64,
}

/// A project of an account.
#[derive(Clone, Debug, FromRow)]
pub struct Project {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Its name, unique in the account; clients look for it by the region's id.
    pub name: String,
}

/// How many accounts there are.
///
/// # Errors
/// The database fails.
pub async fn count(session: &mut Session) -> Result<i64, StoreError> {
    session.number("SELECT COUNT(*) FROM accounts", arguments![]).await
}

/// Adds an account.
///
/// # Errors
/// [`StoreError::Duplicate`] where its name is taken.
pub async fn insert(session: &mut Session, id: &str, name: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO accounts (id, name, created_at) VALUES ($1, $2, $3)";
    session.execute(sql, arguments![id, name, now_ms]).await.map(drop)
}

/// The account with this id.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, id: &str) -> Result<Option<Account>, StoreError> {
    session.optional("SELECT id, name, certificates_used FROM accounts WHERE id = $1", arguments![id]).await
}

/// The account of this name.
///
/// # Errors
/// The database fails.
pub async fn find_named(session: &mut Session, name: &str) -> Result<Option<Account>, StoreError> {
    session.optional("SELECT id, name, certificates_used FROM accounts WHERE name = $1", arguments![name]).await
}

/// Adds a project.
///
/// # Errors
/// [`StoreError::Duplicate`] where its name is taken in the account.
pub async fn insert_project(session: &mut Session, project: &Project, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO projects (id, account_id, name, created_at) VALUES ($1, $2, $3, $4)";
    session.execute(sql, arguments![&project.id, &project.account_id, &project.name, now_ms]).await.map(drop)
}

/// The projects of an account, by name.
///
/// # Errors
/// The database fails.
pub async fn list_projects(session: &mut Session, account_id: &str) -> Result<Vec<Project>, StoreError> {
    let sql = "SELECT id, account_id, name FROM projects WHERE account_id = $1 ORDER BY name COLLATE \"C\", id";
    session.all(sql, arguments![account_id]).await
}

/// Counts `count` more certificates of the account, unless it would then have more than `quota`. Says whether they were
/// counted.
///
/// # Errors
/// The database fails.
pub async fn take_certificate_quota(
    session: &mut Session,
    id: &str,
    count: i64,
    quota: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET certificates_used = certificates_used + $2
               WHERE id = $1 AND certificates_used + $2 <= $3";
    Ok(session.execute(sql, arguments![id, count, quota]).await? == 1)
}

/// Counts one certificate of the account less.
///
/// # Errors
/// The database fails.
pub async fn return_certificate_quota(session: &mut Session, id: &str) -> Result<(), StoreError> {
    let sql = "UPDATE accounts SET certificates_used = certificates_used - 1 WHERE id = $1";
    session.execute(sql, arguments![id]).await.map(drop)
}
