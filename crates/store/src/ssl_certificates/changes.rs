//! What changes an SSL certificate.

use openccm_core::SslStatus;

use super::{NewSslCertificate, SslCertificate};
use crate::{Session, StoreError, db::arguments};

/// What is applied for.
#[derive(Clone, Debug)]
pub struct Application {
    /// The first domain name.
    pub domain: String,
    /// The other domain names, with semicolons between them.
    pub sans: String,
    /// How the domain names are verified.
    pub validation_method: String,
    /// The algorithm of the key that is to be made; none where there is a signing request.
    pub key_algorithm: Option<String>,
    /// The applicant's own signing request (PEM).
    pub csr: Option<String>,
    /// Who applies, sealed.
    pub sealed_application: Vec<u8>,
}

/// A certificate as it came from its issuer.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// The first domain name.
    pub domain: String,
    /// The other domain names, with semicolons between them.
    pub sans: String,
    /// The DER.
    pub certificate: Vec<u8>,
    /// Those above it (DER, one after the other).
    pub chain: Vec<u8>,
    /// SHA-1, in lower-case hexadecimal digits.
    pub fingerprint: String,
    /// SHA-256, in lower-case hexadecimal digits.
    pub digest: String,
    /// How it is signed (`SHA256WITHRSA`).
    pub signature_algorithm: String,
    /// The algorithm of its key.
    pub key_algorithm: String,
    /// When it begins.
    pub not_before: i64,
    /// When it ends.
    pub not_after: i64,
}

/// Adds a certificate without content. Says whether its id was free.
///
/// # Errors
/// The database fails.
pub async fn insert(session: &mut Session, new: &NewSslCertificate) -> Result<bool, StoreError> {
    let sql =
        "INSERT INTO ssl_certificates (id, account_id, enterprise_project_id, name, search_text, status, order_id,
                   brand, type, domain_type, primary_domain_type, domain_count, wildcard_count, validity_months, issuer,
                   domain, sans, added_sans, origin_id, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '', '', '', $16, $17, $17)
               ON CONFLICT DO NOTHING";
    let arguments = arguments![
        &new.id,
        &new.account_id,
        &new.enterprise_project_id,
        &new.name,
        new.name.to_lowercase(),
        new.status.as_str(),
        &new.order_id,
        &new.brand,
        &new.certificate_type,
        &new.domain_type,
        &new.primary_domain_type,
        new.domain_count,
        new.wildcard_count,
        new.validity_months,
        &new.issuer,
        &new.origin_id,
        new.created_at,
    ];
    Ok(session.execute(sql, arguments).await? == 1)
}

/// Changes the status, if it is stored as `from`. Says whether it was.
///
/// # Errors
/// The database fails.
pub async fn update_status(
    session: &mut Session,
    id: &str,
    from: SslStatus,
    to: SslStatus,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE ssl_certificates SET status = $3, updated_at = $4
               WHERE id = $1 AND status = $2 AND deleted_at IS NULL";
    Ok(session.execute(sql, arguments![id, from.as_str(), to.as_str(), now_ms]).await? == 1)
}

/// Sets when the order is to be looked at again, and how often that was in vain, if nothing was done with it since `row` was
/// read. Says whether that was so.
///
/// # Errors
/// The database fails.
pub async fn postpone(
    session: &mut Session,
    row: &SslCertificate,
    next_step_at: Option<i64>,
    attempts: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE ssl_certificates SET next_step_at = $4, attempts = $5
               WHERE id = $1 AND status = $2 AND next_step_at = $3";
    Ok(session.execute(sql, arguments![&row.id, &row.status, row.next_step_at, next_step_at, attempts]).await? == 1)
}

/// Sets when the order is to be looked at again, and how often that was in vain.
///
/// # Errors
/// The database fails.
pub async fn set_next_step(
    session: &mut Session,
    id: &str,
    next_step_at: Option<i64>,
    attempts: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_certificates SET next_step_at = $2, attempts = $3 WHERE id = $1";
    session.execute(sql, arguments![id, next_step_at, attempts]).await.map(drop)
}

/// Keeps what is applied for.
///
/// # Errors
/// The database fails.
pub async fn set_application(
    session: &mut Session,
    id: &str,
    new: &Application,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql =
        "UPDATE ssl_certificates SET domain = $2, sans = $3, validation_method = $4, key_algorithm = $5, csr = $6,
                   sealed_application = $7, search_text = LOWER(name) || ' ' || $2 || ' ' || $3, updated_at = $8,
                   failure = NULL
               WHERE id = $1";
    let arguments = arguments![
        id,
        &new.domain,
        &new.sans,
        &new.validation_method,
        &new.key_algorithm,
        &new.csr,
        new.sealed_application.as_slice(),
        now_ms,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Forgets who applied.
///
/// # Errors
/// The database fails.
pub async fn forget_application(session: &mut Session, id: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_certificates SET sealed_application = NULL, updated_at = $2 WHERE id = $1";
    session.execute(sql, arguments![id, now_ms]).await.map(drop)
}

/// Keeps the certificate that was issued or imported.
///
/// # Errors
/// The database fails.
pub async fn set_issued(
    session: &mut Session,
    id: &str,
    new: &IssuedCertificate,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_certificates SET domain = $2, sans = $3, certificate = $4, chain = $5, fingerprint = $6,
                   digest = $7, signature_algorithm = $8, key_algorithm = $9, not_before = $10, not_after = $11,
                   issued_at = $12, updated_at = $12, failure = NULL,
                   search_text = LOWER(name) || ' ' || LOWER($2) || ' ' || LOWER($3)
               WHERE id = $1";
    let arguments = arguments![
        id,
        &new.domain,
        &new.sans,
        new.certificate.as_slice(),
        new.chain.as_slice(),
        &new.fingerprint,
        &new.digest,
        &new.signature_algorithm,
        &new.key_algorithm,
        new.not_before,
        new.not_after,
        now_ms,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Gives it another name.
///
/// # Errors
/// The database fails.
pub async fn set_name(session: &mut Session, id: &str, name: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_certificates SET name = $2, updated_at = $4,
                   search_text = $3 || ' ' || LOWER(domain) || ' ' || LOWER(sans)
               WHERE id = $1";
    session.execute(sql, arguments![id, name, name.to_lowercase(), now_ms]).await.map(drop)
}

/// Gives it another description, or none.
///
/// # Errors
/// The database fails.
pub async fn set_description(
    session: &mut Session,
    id: &str,
    description: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_certificates SET description = $2, updated_at = $3 WHERE id = $1";
    session.execute(sql, arguments![id, description, now_ms]).await.map(drop)
}

/// Sets the domain names that are to be added, with semicolons between them; empty where none are any more.
///
/// # Errors
/// The database fails.
pub async fn set_added_names(session: &mut Session, id: &str, names: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_certificates SET added_sans = $2, updated_at = $3, failure = NULL WHERE id = $1";
    session.execute(sql, arguments![id, names, now_ms]).await.map(drop)
}

/// Notes why the last application was refused.
///
/// # Errors
/// The database fails.
pub async fn set_failure(session: &mut Session, id: &str, failure: &str) -> Result<(), StoreError> {
    session.execute("UPDATE ssl_certificates SET failure = $2 WHERE id = $1", arguments![id, failure]).await.map(drop)
}

/// Notes why it is revoked.
///
/// # Errors
/// The database fails.
pub async fn set_revocation_reason(session: &mut Session, id: &str, reason: &str) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_certificates SET revocation_reason = $2 WHERE id = $1";
    session.execute(sql, arguments![id, reason]).await.map(drop)
}

/// Deletes a certificate: it is shown no more, and who applied is forgotten. Says whether it was there.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, id: &str, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE ssl_certificates SET deleted_at = $2, sealed_application = NULL, next_step_at = NULL
               WHERE id = $1 AND deleted_at IS NULL";
    Ok(session.execute(sql, arguments![id, now_ms]).await? == 1)
}
