//! Proofs that domain names are their applicants', and the mails that ask for them.

use openccm_core::{ProofStatus, ValidationMethod};
use sqlx::{AssertSqlSafe, FromRow};

use crate::{Session, StoreError, db::arguments};

/// What must be shown for a domain name before a certificate is issued.
#[derive(Clone, Debug, FromRow)]
pub struct DomainProof {
    /// The certificate.
    pub certificate_id: String,
    /// The name without a wildcard, in ASCII and lower case, or an IP address.
    pub domain: String,
    /// Its place among the names applied for, from 0 on.
    pub position: i64,
    /// How it is shown: see [`Self::method`].
    pub method: String,
    /// Where it is looked for: the name of a TXT record, the path of a file; empty for mails.
    pub record_name: String,
    /// What is looked for: `TXT`, `FILE` or `EMAIL`.
    pub record_type: String,
    /// The text of the record, the content of the file; empty for mails.
    pub record_value: String,
    /// How it stands: see [`Self::status`].
    pub status: String,
    /// Why the last look was in vain.
    pub last_error: Option<String>,
    /// How many looks were in vain.
    pub attempts: i64,
    /// When it was asked for.
    pub opened_at: i64,
    /// When it ends, unless it is there before.
    pub expires_at: i64,
    /// When it is to be looked at next.
    pub next_check_at: Option<i64>,
    /// When it was last looked at; none also where nobody needed to.
    pub checked_at: Option<i64>,
    /// When it was there.
    pub verified_at: Option<i64>,
}

impl DomainProof {
    /// How it is shown.
    pub fn method(&self) -> ValidationMethod {
        ValidationMethod::parse(&self.method).unwrap_or(ValidationMethod::Dns)
    }

    /// How it stands.
    pub fn status(&self) -> ProofStatus {
        ProofStatus::parse(&self.status).unwrap_or(ProofStatus::Expired)
    }
}

/// A mail to an administrator of a domain.
#[derive(Clone, Debug, FromRow)]
pub struct ProofMail {
    /// The recipient.
    pub address: String,
    /// When a mail server took it.
    pub sent_at: Option<i64>,
    /// 1 where a mail server has refused it for good.
    pub refused: i64,
}

const COLUMNS: &str = "certificate_id, domain, position, method, record_name, record_type, record_value, status,
    last_error, attempts, opened_at, expires_at, next_check_at, checked_at, verified_at";

/// Adds a proof.
///
/// # Errors
/// [`StoreError::Duplicate`] where the certificate has one for this domain.
pub async fn insert(session: &mut Session, new: &DomainProof) -> Result<(), StoreError> {
    let sql = "INSERT INTO domain_proofs (certificate_id, domain, position, method, record_name, record_type,
                   record_value, status, last_error, attempts, opened_at, expires_at, next_check_at, checked_at,
                   verified_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let arguments = arguments![
        &new.certificate_id,
        &new.domain,
        new.position,
        &new.method,
        &new.record_name,
        &new.record_type,
        &new.record_value,
        &new.status,
        &new.last_error,
        new.attempts,
        new.opened_at,
        new.expires_at,
        new.next_check_at,
        new.checked_at,
        new.verified_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// The proofs of a certificate, in the order of its names.
///
/// # Errors
/// The database fails.
pub async fn list(session: &mut Session, certificate_id: &str) -> Result<Vec<DomainProof>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM domain_proofs WHERE certificate_id = $1 ORDER BY position, domain");
    session.all(AssertSqlSafe(sql), arguments![certificate_id]).await
}

/// The proofs that are to be looked at by `now_ms`, the longest due first: at most `limit`, and at most `per_account` of one
/// account.
///
/// # Errors
/// The database fails.
pub async fn list_due(
    session: &mut Session,
    now_ms: i64,
    limit: i64,
    per_account: i64,
) -> Result<Vec<DomainProof>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM (
             SELECT p.*, ROW_NUMBER() OVER (
                 PARTITION BY c.account_id ORDER BY p.next_check_at, p.certificate_id, p.position) AS turn
             FROM domain_proofs p JOIN ssl_certificates c ON c.id = p.certificate_id
             WHERE p.next_check_at <= $1 AND p.status = 'PENDING' AND c.deleted_at IS NULL) due
         WHERE turn <= $3 ORDER BY next_check_at, certificate_id, position LIMIT $2"
    );
    session.all(AssertSqlSafe(sql), arguments![now_ms, limit, per_account]).await
}

/// Holds the row of a certificate until the transaction ends: what its proofs come to is decided by one transaction at a time,
/// each of which sees what those before it did.
///
/// # Errors
/// The database fails.
pub async fn hold_certificate(session: &mut Session, certificate_id: &str) -> Result<(), StoreError> {
    let sql = "UPDATE ssl_certificates SET attempts = attempts WHERE id = $1";
    session.execute(sql, arguments![certificate_id]).await.map(drop)
}

/// Has others leave a proof alone until `until_ms`, if it is still due as it was read. Says whether it was: it is the caller's to
/// look at then.
///
/// # Errors
/// The database fails.
pub async fn claim(session: &mut Session, proof: &DomainProof, until_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE domain_proofs SET next_check_at = $6
               WHERE certificate_id = $1 AND domain = $2 AND opened_at = $3 AND record_value = $4 AND next_check_at = $5
                     AND status = 'PENDING'";
    let arguments = arguments![
        &proof.certificate_id,
        &proof.domain,
        proof.opened_at,
        &proof.record_value,
        proof.next_check_at,
        until_ms,
    ];
    Ok(session.execute(sql, arguments).await? == 1)
}

/// Notes that a proof is there, if it is still the one that was asked for. Says whether it was.
///
/// # Errors
/// The database fails.
pub async fn set_verified(session: &mut Session, proof: &DomainProof, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE domain_proofs
               SET status = 'VERIFIED', last_error = NULL, next_check_at = NULL, checked_at = $4, verified_at = $4
               WHERE certificate_id = $1 AND domain = $2 AND opened_at = $3 AND record_value = $5
                     AND status = 'PENDING'";
    let arguments = arguments![&proof.certificate_id, &proof.domain, proof.opened_at, now_ms, &proof.record_value];
    Ok(session.execute(sql, arguments).await? == 1)
}

/// Notes that a look was in vain, or that nothing is to be done before `next_check_at`, if the proof is still the one that
/// was asked for. Without `next_check_at`, the proof has expired. Says whether it was still the one.
///
/// # Errors
/// The database fails.
pub async fn set_checked(
    session: &mut Session,
    proof: &DomainProof,
    last_error: Option<&str>,
    attempts: i64,
    next_check_at: Option<i64>,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE domain_proofs
               SET status = $4, last_error = $5, attempts = $6, next_check_at = $7, checked_at = $8
               WHERE certificate_id = $1 AND domain = $2 AND opened_at = $3 AND record_value = $9
                     AND status = 'PENDING'";
    let status = if next_check_at.is_some() { ProofStatus::Pending } else { ProofStatus::Expired };
    let arguments = arguments![
        &proof.certificate_id,
        &proof.domain,
        proof.opened_at,
        status.as_str(),
        last_error,
        attempts,
        next_check_at,
        now_ms,
        &proof.record_value,
    ];
    Ok(session.execute(sql, arguments).await? == 1)
}

/// Puts a proof at another place among the names of its certificate.
///
/// # Errors
/// The database fails.
pub async fn set_position(
    session: &mut Session,
    certificate_id: &str,
    domain: &str,
    position: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE domain_proofs SET position = $3 WHERE certificate_id = $1 AND domain = $2";
    session.execute(sql, arguments![certificate_id, domain, position]).await.map(drop)
}

/// Forgets a proof, and the mails that ask for it.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, certificate_id: &str, domain: &str) -> Result<(), StoreError> {
    delete_mails(session, certificate_id, domain).await?;
    let sql = "DELETE FROM domain_proofs WHERE certificate_id = $1 AND domain = $2";
    session.execute(sql, arguments![certificate_id, domain]).await.map(drop)
}

/// Adds a mail that is to be sent.
///
/// # Errors
/// [`StoreError::Duplicate`] where there is one to this address.
pub async fn insert_mail(
    session: &mut Session,
    certificate_id: &str,
    domain: &str,
    address: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO domain_proof_mails (certificate_id, domain, address, refused) VALUES ($1, $2, $3, 0)";
    session.execute(sql, arguments![certificate_id, domain, address]).await.map(drop)
}

/// The mails that ask for a proof, by address.
///
/// # Errors
/// The database fails.
pub async fn list_mails(
    session: &mut Session,
    certificate_id: &str,
    domain: &str,
) -> Result<Vec<ProofMail>, StoreError> {
    let sql = "SELECT address, sent_at, refused FROM domain_proof_mails
               WHERE certificate_id = $1 AND domain = $2 ORDER BY address";
    session.all(sql, arguments![certificate_id, domain]).await
}

/// Notes what will be in the link of a mail that is about to be sent. Says whether the mail is still to be sent.
///
/// # Errors
/// The database fails.
pub async fn set_mail_token(
    session: &mut Session,
    certificate_id: &str,
    domain: &str,
    address: &str,
    token_hash: &str,
) -> Result<bool, StoreError> {
    let sql = "UPDATE domain_proof_mails SET token_hash = $4
               WHERE certificate_id = $1 AND domain = $2 AND address = $3 AND sent_at IS NULL";
    Ok(session.execute(sql, arguments![certificate_id, domain, address, token_hash]).await? == 1)
}

/// Notes that a mail with this token was sent (`sent_at`), or was refused for good.
///
/// # Errors
/// The database fails.
pub async fn set_mail_outcome(
    session: &mut Session,
    token_hash: &str,
    sent_at: Option<i64>,
    refused: bool,
) -> Result<(), StoreError> {
    let sql = "UPDATE domain_proof_mails SET sent_at = $2, refused = $3 WHERE token_hash = $1";
    session.execute(sql, arguments![token_hash, sent_at, i64::from(refused)]).await.map(drop)
}

/// The proof that the link with this token gives, if it is still wanted at `now_ms`.
///
/// # Errors
/// The database fails.
pub async fn find_by_token(
    session: &mut Session,
    token_hash: &str,
    now_ms: i64,
) -> Result<Option<DomainProof>, StoreError> {
    let columns: Vec<String> = COLUMNS.split(',').map(|column| format!("p.{}", column.trim())).collect();
    let sql = format!(
        "SELECT {} FROM domain_proofs p
         JOIN domain_proof_mails m ON m.certificate_id = p.certificate_id AND m.domain = p.domain
         JOIN ssl_certificates c ON c.id = p.certificate_id
         WHERE m.token_hash = $1 AND p.status = 'PENDING' AND p.expires_at > $2 AND c.deleted_at IS NULL",
        columns.join(", ")
    );
    session.optional(AssertSqlSafe(sql), arguments![token_hash, now_ms]).await
}

/// Forgets the mails that ask for a proof: their links lead nowhere from now on.
///
/// # Errors
/// The database fails.
pub async fn delete_mails(session: &mut Session, certificate_id: &str, domain: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM domain_proof_mails WHERE certificate_id = $1 AND domain = $2";
    session.execute(sql, arguments![certificate_id, domain]).await.map(drop)
}
