//! The delegated OCSP responder of each authority whose OCSP is on.

use openccm_core::AuthorityStatus;
use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// A responder.
#[derive(Clone, Debug, FromRow)]
pub struct OcspResponder {
    /// The authority that it answers for.
    pub ca_id: String,
    /// The serial number of its certificate.
    pub serial_number: String,
    /// Its certificate in DER.
    pub certificate: Vec<u8>,
    /// The algorithm of its key.
    pub key_algorithm: String,
    /// Its sealed PKCS#8.
    pub sealed_key: Vec<u8>,
    /// When it is to be replaced.
    pub renew_at: i64,
}

/// An authority whose OCSP is on.
#[derive(Clone, Debug, FromRow)]
pub struct Delegation {
    /// The authority.
    pub ca_id: String,
    status: String,
    deletes_at: Option<i64>,
    /// Rises with each revocation below it.
    pub revocations_made: i64,
    /// The serial number of its responder's certificate; none where it has none yet.
    pub responder_serial_number: Option<String>,
}

impl Delegation {
    /// Whether it still answers at `now_ms`: until its scheduled deletion has taken effect.
    pub fn answers_at(&self, now_ms: i64) -> bool {
        self.status != AuthorityStatus::Deleted.as_str() || self.deletes_at.is_none_or(|at| at > now_ms)
    }
}

/// The authority with this id, if its OCSP is on.
///
/// # Errors
/// The database fails.
pub async fn find_delegation(session: &mut Session, ca_id: &str) -> Result<Option<Delegation>, StoreError> {
    let sql = "SELECT ca.id AS ca_id, ca.status, ca.deletes_at, ca.revocations_made,
                      r.serial_number AS responder_serial_number
               FROM certificate_authorities ca LEFT JOIN ocsp_responders r ON r.ca_id = ca.id
               WHERE ca.id = $1 AND ca.ocsp_address IS NOT NULL";
    session.optional(sql, arguments![ca_id]).await
}

/// The responder of the authority.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, ca_id: &str) -> Result<Option<OcspResponder>, StoreError> {
    let sql = "SELECT ca_id, serial_number, certificate, key_algorithm, sealed_key, renew_at FROM ocsp_responders
               WHERE ca_id = $1";
    session.optional(sql, arguments![ca_id]).await
}

/// Gives the authority this responder, in the place of the one that it has.
///
/// # Errors
/// The database fails.
pub async fn replace(session: &mut Session, responder: &OcspResponder) -> Result<(), StoreError> {
    let sql = "INSERT INTO ocsp_responders (ca_id, serial_number, certificate, key_algorithm, sealed_key, renew_at)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (ca_id) DO UPDATE SET serial_number = excluded.serial_number,
                   certificate = excluded.certificate, key_algorithm = excluded.key_algorithm,
                   sealed_key = excluded.sealed_key, renew_at = excluded.renew_at";
    let arguments = arguments![
        &responder.ca_id,
        &responder.serial_number,
        responder.certificate.as_slice(),
        &responder.key_algorithm,
        responder.sealed_key.as_slice(),
        responder.renew_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Takes the authority's responder away, with its key.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, ca_id: &str) -> Result<(), StoreError> {
    session.execute("DELETE FROM ocsp_responders WHERE ca_id = $1", arguments![ca_id]).await.map(drop)
}

/// The authorities whose OCSP is on and whose responder is missing or to be replaced at `now_ms`, while their certificates
/// last: by id.
///
/// # Errors
/// The database fails.
pub async fn list_due(session: &mut Session, now_ms: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT ca.id FROM certificate_authorities ca LEFT JOIN ocsp_responders r ON r.ca_id = ca.id
               WHERE ca.ocsp_address IS NOT NULL AND ca.not_after > $1
                 AND NOT (ca.status = 'DELETED' AND ca.deletes_at <= $1) AND (r.renew_at IS NULL OR r.renew_at <= $1)
               ORDER BY ca.id";
    let rows: Vec<(String,)> = session.all(sql, arguments![now_ms]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
