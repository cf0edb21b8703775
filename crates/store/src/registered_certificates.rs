//! Certificates in the embedded registry, which answers as ELB and WAF do. Keys are not among them.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// A certificate in the registry.
#[derive(Clone, Debug, FromRow)]
pub struct RegisteredCertificate {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// The project.
    pub project_id: String,
    /// `ELB`, `WAF` or `CDN`.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its domain names, with commas between them.
    pub domains: String,
    /// The certificate and those above it, PEM.
    pub content: String,
    /// When it ends.
    pub not_after: i64,
    /// When it was first pushed.
    pub created_at: i64,
    /// When it was last pushed.
    pub updated_at: i64,
}

/// Adds a certificate, or replaces the content of the one with its id in the account.
///
/// # Errors
/// The database fails.
pub async fn put(session: &mut Session, certificate: &RegisteredCertificate) -> Result<(), StoreError> {
    let sql = "INSERT INTO registered_certificates
                   (id, account_id, project_id, service, name, domains, content, not_after, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, domains = excluded.domains,
                   content = excluded.content, not_after = excluded.not_after, updated_at = excluded.updated_at
               WHERE registered_certificates.account_id = excluded.account_id";
    let arguments = arguments![
        &certificate.id,
        &certificate.account_id,
        &certificate.project_id,
        &certificate.service,
        &certificate.name,
        &certificate.domains,
        &certificate.content,
        certificate.not_after,
        certificate.updated_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// The certificate of a project with this id.
///
/// # Errors
/// The database fails.
pub async fn find(
    session: &mut Session,
    project_id: &str,
    service: &str,
    id: &str,
) -> Result<Option<RegisteredCertificate>, StoreError> {
    let sql = "SELECT id, account_id, project_id, service, name, domains, content, not_after, created_at, updated_at
               FROM registered_certificates WHERE project_id = $1 AND service = $2 AND id = $3";
    session.optional(sql, arguments![project_id, service, id]).await
}

/// Deletes the certificate of a project. Says whether it was there.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, project_id: &str, service: &str, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM registered_certificates WHERE project_id = $1 AND service = $2 AND id = $3";
    Ok(session.execute(sql, arguments![project_id, service, id]).await? == 1)
}
