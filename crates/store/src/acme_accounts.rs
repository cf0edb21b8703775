//! Accounts at ACME services.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// An account at an ACME service.
#[derive(Clone, Debug, FromRow)]
pub struct AcmeAccount {
    /// The issuer's name in the settings.
    pub issuer: String,
    /// The service's directory (URL).
    pub directory_url: String,
    /// The account (URL).
    pub account_url: String,
    /// Its key and addresses, sealed.
    pub sealed_credentials: Vec<u8>,
}

/// The account of `issuer` at the service with this directory, where there is one.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, issuer: &str, directory_url: &str) -> Result<Option<AcmeAccount>, StoreError> {
    let sql = "SELECT issuer, directory_url, account_url, sealed_credentials FROM acme_accounts
               WHERE issuer = $1 AND directory_url = $2";
    session.optional(sql, arguments![issuer, directory_url]).await
}

/// Adds an account.
///
/// # Errors
/// [`StoreError::Duplicate`] where there is one.
pub async fn insert(session: &mut Session, account: &AcmeAccount, created_at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO acme_accounts (issuer, directory_url, account_url, sealed_credentials, created_at)
               VALUES ($1, $2, $3, $4, $5)";
    let arguments = arguments![
        &account.issuer,
        &account.directory_url,
        &account.account_url,
        account.sealed_credentials.as_slice(),
        created_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Forgets an account, unless another one has taken its place.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, issuer: &str, account_url: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM acme_accounts WHERE issuer = $1 AND account_url = $2";
    session.execute(sql, arguments![issuer, account_url]).await.map(drop)
}
