//! Challenges of orders at ACME services.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// A challenge (RFC 8555 §8).
#[derive(Clone, Debug, FromRow)]
pub struct AcmeChallenge {
    /// The certificate whose order it belongs to.
    pub certificate_id: String,
    /// The authorization (URL).
    pub authorization_url: String,
    /// The issuer's name in the settings.
    pub issuer: String,
    /// The token.
    pub token: String,
    /// What HTTP-01 is answered with.
    pub key_authorization: String,
    /// DNS-01: the name of the TXT record.
    pub record_name: Option<String>,
    /// DNS-01: the value of the TXT record.
    pub record_value: Option<String>,
    /// Since when it can be seen.
    pub presented_at: Option<i64>,
}

/// The challenges of a certificate's order.
///
/// # Errors
/// The database fails.
pub async fn list(session: &mut Session, certificate_id: &str) -> Result<Vec<AcmeChallenge>, StoreError> {
    let sql = "SELECT certificate_id, authorization_url, issuer, token, key_authorization, record_name, record_value,
                   presented_at
               FROM acme_challenges WHERE certificate_id = $1 ORDER BY authorization_url";
    session.all(sql, arguments![certificate_id]).await
}

/// What HTTP-01 is answered with for this token, where there is such a challenge.
///
/// # Errors
/// The database fails.
pub async fn find_key_authorization(session: &mut Session, token: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT key_authorization FROM acme_challenges WHERE token = $1 AND record_name IS NULL LIMIT 1";
    Ok(session.optional::<(String,)>(sql, arguments![token]).await?.map(|(content,)| content))
}

/// Up to `limit` certificates whose order is gone, while challenges of it are left.
///
/// # Errors
/// The database fails.
pub async fn list_left_behind(session: &mut Session, limit: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT certificate_id FROM acme_challenges
               WHERE certificate_id NOT IN (SELECT certificate_id FROM acme_orders) ORDER BY certificate_id LIMIT $1";
    Ok(session.all::<(String,)>(sql, arguments![limit]).await?.into_iter().map(|(id,)| id).collect())
}

/// Whether orders of other certificates have to meet a challenge of this authorization, too.
///
/// # Errors
/// The database fails.
pub async fn is_shared(
    session: &mut Session,
    certificate_id: &str,
    authorization_url: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM acme_challenges WHERE authorization_url = $2 AND certificate_id <> $1
                   AND certificate_id IN (SELECT certificate_id FROM acme_orders)";
    Ok(session.number(sql, arguments![certificate_id, authorization_url]).await? > 0)
}

/// Adds a challenge, in the place of one of the same authorization.
///
/// # Errors
/// The database fails.
pub async fn put(session: &mut Session, challenge: &AcmeChallenge) -> Result<(), StoreError> {
    delete(session, &challenge.certificate_id, &challenge.authorization_url).await?;
    let sql = "INSERT INTO acme_challenges (certificate_id, authorization_url, issuer, token, key_authorization,
                   record_name, record_value, presented_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let arguments = arguments![
        &challenge.certificate_id,
        &challenge.authorization_url,
        &challenge.issuer,
        &challenge.token,
        &challenge.key_authorization,
        &challenge.record_name,
        &challenge.record_value,
        challenge.presented_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Notes since when a challenge can be seen.
///
/// # Errors
/// The database fails.
pub async fn set_presented(
    session: &mut Session,
    certificate_id: &str,
    authorization_url: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE acme_challenges SET presented_at = $3 WHERE certificate_id = $1 AND authorization_url = $2";
    session.execute(sql, arguments![certificate_id, authorization_url, now_ms]).await.map(drop)
}

/// Forgets a challenge.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, certificate_id: &str, authorization_url: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM acme_challenges WHERE certificate_id = $1 AND authorization_url = $2";
    session.execute(sql, arguments![certificate_id, authorization_url]).await.map(drop)
}

/// Forgets every challenge of a certificate's order, except those whose TXT record has yet to be removed.
///
/// # Errors
/// The database fails.
pub async fn delete_settled(session: &mut Session, certificate_id: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM acme_challenges WHERE certificate_id = $1 AND record_name IS NULL";
    session.execute(sql, arguments![certificate_id]).await.map(drop)
}
