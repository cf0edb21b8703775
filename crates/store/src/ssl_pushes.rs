//! Pushes of SSL certificates: what is wanted, which copies services have, and what they are deployed to.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{Session, StoreError, db::arguments};

/// A push: a wish, and how it stands.
#[derive(Clone, Debug, FromRow)]
pub struct Push {
    /// Its id.
    pub id: String,
    /// What is pushed.
    pub certificate_id: String,
    /// Whose it is.
    pub account_id: String,
    /// `ELB`, `WAF` or `CDN`.
    pub service: String,
    /// The region; empty for CDN.
    pub region: String,
    /// The resource that it is deployed to (JSON); none where it is only pushed.
    pub resource: Option<String>,
    /// The certificate whose copy in the service this one takes the place of.
    pub renews: Option<String>,
    /// `PENDING`, `ACCEPTED`, `SERVING`, `NOT_SERVING` or `FAILED`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is to be tried, or looked at, again.
    pub next_attempt_at: Option<i64>,
    /// What the last attempt failed with.
    pub failure: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When it was wished for.
    pub created_at: i64,
    /// When the service accepted it.
    pub pushed_at: Option<i64>,
}

/// The copy of a certificate in a service.
#[derive(Clone, Debug, FromRow)]
pub struct Copy {
    /// The certificate.
    pub certificate_id: String,
    /// `ELB`, `WAF` or `CDN`.
    pub service: String,
    /// The region; empty for CDN.
    pub region: String,
    /// Its id there.
    pub remote_id: String,
    /// SHA-256 of what is there, in hexadecimal digits.
    pub digest: String,
}

/// What a certificate is deployed to.
#[derive(Clone, Debug, FromRow)]
pub struct Resource {
    /// Whose it is.
    pub account_id: String,
    /// `ELB`, `WAF` or `CDN`.
    pub service: String,
    /// The region; empty for CDN.
    pub region: String,
    /// Its id there; of CDN, the domain name.
    pub resource_id: String,
    /// Of WAF: `premium` or `cloud`; empty otherwise.
    pub kind: String,
    /// What it serves.
    pub certificate_id: String,
    /// Since when.
    pub deployed_at: i64,
}

const COLUMNS: &str = "id, certificate_id, account_id, service, region, resource, renews, state, attempts,
    next_attempt_at, failure, reason, created_at, pushed_at";

/// Adds a push.
///
/// # Errors
/// The database fails.
pub async fn insert(session: &mut Session, push: &Push) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO ssl_pushes ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    );
    let arguments = arguments![
        &push.id,
        &push.certificate_id,
        &push.account_id,
        &push.service,
        &push.region,
        &push.resource,
        &push.renews,
        &push.state,
        push.attempts,
        push.next_attempt_at,
        &push.failure,
        &push.reason,
        push.created_at,
        push.pushed_at,
    ];
    session.execute(AssertSqlSafe(sql), arguments).await.map(drop)
}

/// Notes how a push stands, if that has not changed since it was read: the number of attempts is the one that was read.
/// Says whether it had not.
///
/// # Errors
/// The database fails.
pub async fn update(session: &mut Session, push: &Push, attempts_before: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE ssl_pushes SET state = $3, attempts = $4, next_attempt_at = $5, failure = $6, reason = $7,
                   pushed_at = $8
               WHERE id = $1 AND attempts = $2";
    let arguments = arguments![
        &push.id,
        attempts_before,
        &push.state,
        push.attempts,
        push.next_attempt_at,
        &push.failure,
        &push.reason,
        push.pushed_at,
    ];
    Ok(session.execute(sql, arguments).await? == 1)
}

/// Ends what is still to be done for the pushes of a certificate to a place, for a later one takes their place.
///
/// # Errors
/// The database fails.
pub async fn supersede(
    session: &mut Session,
    certificate_id: &str,
    service: &str,
    region: &str,
    resource: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_pushes SET next_attempt_at = NULL, attempts = attempts + 1,
                   reason = CASE WHEN state = 'PENDING' THEN 'a later push took its place' ELSE reason END,
                   state = CASE WHEN state = 'PENDING' THEN 'FAILED' ELSE state END
               WHERE certificate_id = $1 AND service = $2 AND region = $3 AND next_attempt_at IS NOT NULL
                     AND (resource = $4 OR (resource IS NULL AND CAST($4 AS TEXT) IS NULL))";
    session.execute(sql, arguments![certificate_id, service, region, resource.map(str::to_owned)]).await.map(drop)
}

/// The push with this id.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, id: &str) -> Result<Option<Push>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM ssl_pushes WHERE id = $1");
    session.optional(AssertSqlSafe(sql), arguments![id]).await
}

/// The pushes that are to be tried, or looked at, by `now_ms`: the longest due first, at most `limit`, and at most `to_place`
/// of one account to one service in one region.
///
/// # Errors
/// The database fails.
pub async fn list_due(session: &mut Session, now_ms: i64, limit: i64, to_place: i64) -> Result<Vec<Push>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM (
             SELECT p.*, ROW_NUMBER() OVER (
                 PARTITION BY account_id, service, region ORDER BY next_attempt_at, id) AS turn
             FROM ssl_pushes p WHERE next_attempt_at <= $1) due
         WHERE turn <= $3 ORDER BY next_attempt_at, id LIMIT $2"
    );
    session.all(AssertSqlSafe(sql), arguments![now_ms, limit, to_place]).await
}

/// What a certificate was deployed to, as it was asked for (JSON), with service and region: the latest first.
///
/// # Errors
/// The database fails.
pub async fn list_deployments(
    session: &mut Session,
    certificate_id: &str,
) -> Result<Vec<(String, String, String)>, StoreError> {
    let sql = "SELECT service, region, resource FROM ssl_pushes
               WHERE certificate_id = $1 AND resource IS NOT NULL AND pushed_at IS NOT NULL
               GROUP BY service, region, resource ORDER BY MAX(pushed_at) DESC, MAX(id) DESC";
    session.all(sql, arguments![certificate_id]).await
}

/// The accounts whose certificates with this digest services have.
///
/// # Errors
/// The database fails.
pub async fn list_owners(session: &mut Session, digest: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT c.account_id FROM ssl_push_copies p
               JOIN ssl_certificates c ON c.id = p.certificate_id WHERE p.digest = $1";
    let rows: Vec<(String,)> = session.all(sql, arguments![digest]).await?;
    Ok(rows.into_iter().map(|(account_id,)| account_id).collect())
}

/// The pushes of a certificate that no service has accepted yet, and that are still to be tried.
///
/// # Errors
/// The database fails.
pub async fn list_pending(session: &mut Session, certificate_id: &str) -> Result<Vec<Push>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM ssl_pushes
         WHERE certificate_id = $1 AND state = 'PENDING' AND next_attempt_at IS NOT NULL ORDER BY id"
    );
    session.all(AssertSqlSafe(sql), arguments![certificate_id]).await
}

/// The last pushes of a certificate that services accepted, the newest first, at most `limit`.
///
/// # Errors
/// The database fails.
pub async fn list_accepted(session: &mut Session, certificate_id: &str, limit: i64) -> Result<Vec<Push>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM ssl_pushes WHERE certificate_id = $1 AND pushed_at IS NOT NULL
         ORDER BY pushed_at DESC, id DESC LIMIT $2"
    );
    session.all(AssertSqlSafe(sql), arguments![certificate_id, limit]).await
}

/// Notes the copy of a certificate in a service.
///
/// # Errors
/// The database fails.
pub async fn put_copy(session: &mut Session, copy: &Copy) -> Result<(), StoreError> {
    let sql = "INSERT INTO ssl_push_copies (certificate_id, service, region, remote_id, digest)
               VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (certificate_id, service, region)
               DO UPDATE SET remote_id = excluded.remote_id, digest = excluded.digest";
    let arguments = arguments![&copy.certificate_id, &copy.service, &copy.region, &copy.remote_id, &copy.digest];
    session.execute(sql, arguments).await.map(drop)
}

/// The copy of a certificate in a service, where it has one.
///
/// # Errors
/// The database fails.
pub async fn find_copy(
    session: &mut Session,
    certificate_id: &str,
    service: &str,
    region: &str,
) -> Result<Option<Copy>, StoreError> {
    let sql = "SELECT certificate_id, service, region, remote_id, digest FROM ssl_push_copies
               WHERE certificate_id = $1 AND service = $2 AND region = $3";
    session.optional(sql, arguments![certificate_id, service, region]).await
}

/// The copies of a certificate in all services.
///
/// # Errors
/// The database fails.
pub async fn list_copies(session: &mut Session, certificate_id: &str) -> Result<Vec<Copy>, StoreError> {
    let sql = "SELECT certificate_id, service, region, remote_id, digest FROM ssl_push_copies
               WHERE certificate_id = $1 ORDER BY service, region";
    session.all(sql, arguments![certificate_id]).await
}

/// Forgets the copy of a certificate in a service.
///
/// # Errors
/// The database fails.
pub async fn delete_copy(
    session: &mut Session,
    certificate_id: &str,
    service: &str,
    region: &str,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM ssl_push_copies WHERE certificate_id = $1 AND service = $2 AND region = $3";
    session.execute(sql, arguments![certificate_id, service, region]).await.map(drop)
}

/// Forgets the copies that have this id in a service, whosever they are in the account.
///
/// # Errors
/// The database fails.
pub async fn delete_remote(
    session: &mut Session,
    account_id: &str,
    service: &str,
    remote_id: &str,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM ssl_push_copies WHERE service = $2 AND remote_id = $3
               AND certificate_id IN (SELECT id FROM ssl_certificates WHERE account_id = $1)";
    session.execute(sql, arguments![account_id, service, remote_id]).await.map(drop)
}

/// Notes what a resource serves.
///
/// # Errors
/// The database fails.
pub async fn put_resource(session: &mut Session, resource: &Resource) -> Result<(), StoreError> {
    let sql = "INSERT INTO ssl_push_resources
                   (account_id, service, region, resource_id, kind, certificate_id, deployed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (account_id, service, region, resource_id)
               DO UPDATE SET kind = excluded.kind, certificate_id = excluded.certificate_id,
                   deployed_at = excluded.deployed_at";
    let arguments = arguments![
        &resource.account_id,
        &resource.service,
        &resource.region,
        &resource.resource_id,
        &resource.kind,
        &resource.certificate_id,
        resource.deployed_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// The resources that serve a certificate, by service, region and id.
///
/// # Errors
/// The database fails.
pub async fn list_resources(session: &mut Session, certificate_id: &str) -> Result<Vec<Resource>, StoreError> {
    let sql = "SELECT account_id, service, region, resource_id, kind, certificate_id, deployed_at
               FROM ssl_push_resources WHERE certificate_id = $1 ORDER BY service, region, resource_id COLLATE \"C\"";
    session.all(sql, arguments![certificate_id]).await
}
