//! Orders under way at ACME services, and the certificates that came of them.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// An order at an ACME service.
#[derive(Clone, Debug, FromRow)]
pub struct AcmeOrder {
    /// The certificate that it is for.
    pub certificate_id: String,
    /// The issuer's name in the settings.
    pub issuer: String,
    /// The account (URL) that made it.
    pub account_url: String,
    /// The order (URL).
    pub order_url: String,
    /// The domain names, sorted, with semicolons between them.
    pub domains: String,
    /// The signing request (DER).
    pub csr: Vec<u8>,
    /// Since when the service has been told that all challenges are met.
    pub answered_at: Option<i64>,
}

/// A certificate that an ACME service issued.
#[derive(Clone, Debug, FromRow)]
pub struct AcmeCertificate {
    /// The issuer's name in the settings.
    pub issuer: String,
    /// The certificate (DER).
    pub der: Vec<u8>,
    /// When it ends (ms since the epoch).
    pub not_after: i64,
}

/// The order for a certificate, where there is one.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, certificate_id: &str) -> Result<Option<AcmeOrder>, StoreError> {
    let sql = "SELECT certificate_id, issuer, account_url, order_url, domains, csr, answered_at FROM acme_orders
               WHERE certificate_id = $1";
    session.optional(sql, arguments![certificate_id]).await
}

/// Adds an order.
///
/// # Errors
/// [`StoreError::Duplicate`] where the certificate has one.
pub async fn insert(session: &mut Session, order: &AcmeOrder, created_at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO acme_orders (certificate_id, issuer, account_url, order_url, domains, csr, answered_at,
                   created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let arguments = arguments![
        &order.certificate_id,
        &order.issuer,
        &order.account_url,
        &order.order_url,
        &order.domains,
        order.csr.as_slice(),
        order.answered_at,
        created_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Notes that the service was told at `now_ms` that all challenges are met.
///
/// # Errors
/// The database fails.
pub async fn set_answered(session: &mut Session, certificate_id: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE acme_orders SET answered_at = $2 WHERE certificate_id = $1";
    session.execute(sql, arguments![certificate_id, now_ms]).await.map(drop)
}

/// Forgets the order for a certificate.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, certificate_id: &str) -> Result<(), StoreError> {
    session.execute("DELETE FROM acme_orders WHERE certificate_id = $1", arguments![certificate_id]).await.map(drop)
}

/// Adds what an ACME service issued for a certificate.
///
/// # Errors
/// The database fails.
pub async fn insert_certificate(
    session: &mut Session,
    certificate_id: &str,
    issued: &AcmeCertificate,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO acme_certificates (certificate_id, number, issuer, der, not_after)
               VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM acme_certificates WHERE certificate_id = $1),
                   $2, $3, $4)";
    let arguments = arguments![certificate_id, &issued.issuer, issued.der.as_slice(), issued.not_after];
    session.execute(sql, arguments).await.map(drop)
}

/// What ACME services issued for a certificate, in the order in which they did.
///
/// # Errors
/// The database fails.
pub async fn list_certificates(
    session: &mut Session,
    certificate_id: &str,
) -> Result<Vec<AcmeCertificate>, StoreError> {
    let sql = "SELECT issuer, der, not_after FROM acme_certificates WHERE certificate_id = $1 ORDER BY number";
    session.all(sql, arguments![certificate_id]).await
}
