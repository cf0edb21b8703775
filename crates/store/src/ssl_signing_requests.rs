//! Signing requests of servers, made here or uploaded.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Session, StoreError,
    db::arguments,
    page::{Page, contains_pattern},
};

/// A signing request. Its key, where it is here, is among the private keys by its id.
#[derive(Clone, Debug, FromRow)]
pub struct SslSigningRequest {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Its name.
    pub name: String,
    /// The request itself (PEM).
    pub csr: String,
    /// SHA-256 of its public key (SubjectPublicKeyInfo), in lower-case hexadecimal digits.
    pub key_digest: String,
    /// The algorithm of its key (`RSA_2048`).
    pub private_key_algo: String,
    /// What it is for (`PERSONAL` or `ENTERPRISE`).
    pub usage: String,
    /// The first domain name.
    pub domain_name: String,
    /// The other domain names, with semicolons between them.
    pub sans: String,
    /// The country of the company (two letters).
    pub company_country: Option<String>,
    /// Its province.
    pub company_province: Option<String>,
    /// Its city.
    pub company_city: Option<String>,
    /// Its name.
    pub company_name: Option<String>,
    /// When it was made or uploaded.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

/// What a list is limited to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the name, whatever its case.
    pub name: Option<String>,
    /// The algorithm of the key (`RSA_2048`).
    pub private_key_algo: Option<String>,
}

const COLUMNS: &str = "id, account_id, name, csr, key_digest, private_key_algo, usage, domain_name, sans,
    company_country, company_province, company_city, company_name, created_at, updated_at";

/// The filter of lists: $1 account, $2 name pattern, $3 algorithm.
const MATCHING: &str = "account_id = $1
    AND (CAST($2 AS TEXT) IS NULL OR search_text LIKE $2 ESCAPE '\\')
    AND (CAST($3 AS TEXT) IS NULL OR private_key_algo = $3)";

/// Adds a signing request.
///
/// # Errors
/// The database fails.
pub async fn insert(session: &mut Session, new: &SslSigningRequest) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO ssl_signing_requests ({COLUMNS}, search_text)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    );
    let arguments = arguments![
        &new.id,
        &new.account_id,
        &new.name,
        &new.csr,
        &new.key_digest,
        &new.private_key_algo,
        &new.usage,
        &new.domain_name,
        &new.sans,
        &new.company_country,
        &new.company_province,
        &new.company_city,
        &new.company_name,
        new.created_at,
        new.updated_at,
        new.name.to_lowercase(),
    ];
    session.execute(AssertSqlSafe(sql), arguments).await.map(drop)
}

/// The signing request with this id in the account.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, account_id: &str, id: &str) -> Result<Option<SslSigningRequest>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM ssl_signing_requests WHERE account_id = $1 AND id = $2");
    session.optional(AssertSqlSafe(sql), arguments![account_id, id]).await
}

/// The ids of the account's signing requests for the public key with this SHA-256 (lower-case hexadecimal digits), the
/// last one made first.
///
/// # Errors
/// The database fails.
pub async fn list_by_key(session: &mut Session, account_id: &str, key_digest: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM ssl_signing_requests
               WHERE account_id = $1 AND key_digest = $2 ORDER BY created_at DESC, id DESC";
    let rows = session.all::<(String,)>(sql, arguments![account_id, key_digest]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// A page of the account's signing requests that match, by the time at which they were made, and how many match in all.
///
/// # Errors
/// The database fails.
pub async fn list(
    session: &mut Session,
    account_id: &str,
    filter: &Filter,
    page: Page,
) -> Result<(Vec<SslSigningRequest>, i64), StoreError> {
    let name = filter.name.as_deref().map(contains_pattern);
    let algorithm = &filter.private_key_algo;
    let sql = format!("SELECT COUNT(*) FROM ssl_signing_requests WHERE {MATCHING}");
    let total = session.number(AssertSqlSafe(sql), arguments![account_id, name.clone(), algorithm]).await?;
    let direction = page.direction.sql();
    let sql = format!(
        "SELECT {COLUMNS} FROM ssl_signing_requests WHERE {MATCHING}
         ORDER BY created_at {direction}, id {direction} LIMIT $4 OFFSET $5"
    );
    let arguments = arguments![account_id, name, algorithm, page.limit, page.offset];
    Ok((session.all(AssertSqlSafe(sql), arguments).await?, total))
}

/// Changes the name of a signing request. Says whether it is there.
///
/// # Errors
/// The database fails.
pub async fn set_name(
    session: &mut Session,
    account_id: &str,
    id: &str,
    name: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE ssl_signing_requests SET name = $3, search_text = $4, updated_at = $5
               WHERE account_id = $1 AND id = $2";
    let arguments = arguments![account_id, id, name, name.to_lowercase(), now_ms];
    Ok(session.execute(sql, arguments).await? == 1)
}

/// Deletes a signing request. Says whether it was there.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, account_id: &str, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM ssl_signing_requests WHERE account_id = $1 AND id = $2";
    Ok(session.execute(sql, arguments![account_id, id]).await? == 1)
}
