//! SSL certificates, and the orders that they begin as.

mod changes;

use openccm_core::{SslOperation, SslStatus};
use sqlx::{AssertSqlSafe, FromRow};

pub use self::changes::{
    Application, IssuedCertificate, delete, forget_application, insert, postpone, set_added_names, set_application,
    set_description, set_failure, set_issued, set_name, set_next_step, set_revocation_reason, update_status,
};
use crate::{
    Session, StoreError,
    db::arguments,
    page::{Page, contains_pattern},
};

/// An SSL certificate, without its DER.
#[derive(Clone, Debug, FromRow)]
pub struct SslCertificate {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// The enterprise project, `0` for the default one.
    pub enterprise_project_id: String,
    /// Its name.
    pub name: String,
    /// What its users noted about it.
    pub description: Option<String>,
    /// Its status as stored: see [`Self::status_at`].
    pub status: String,
    /// The order that it belongs to; none for imported ones.
    pub order_id: Option<String>,
    /// The brand that was ordered.
    pub brand: Option<String>,
    /// The type that was ordered (`cert_type`).
    #[sqlx(rename = "type")]
    pub certificate_type: Option<String>,
    /// One domain name, one with a wildcard, or several.
    pub domain_type: String,
    /// Of several domain names: whether the first one is a wildcard (`WILDCARD`) or not (`SINGLE_DOMAIN`).
    pub primary_domain_type: Option<String>,
    /// How many domain names it may have.
    pub domain_count: i64,
    /// How many of them may be wildcards.
    pub wildcard_count: i64,
    /// How long it is valid, in months.
    pub validity_months: i64,
    /// The issuer's name in the settings.
    pub issuer: Option<String>,
    /// The first domain name; empty before an application.
    pub domain: String,
    /// The other domain names, with semicolons between them.
    pub sans: String,
    /// The domain names that are to be added, with semicolons between them.
    pub added_sans: String,
    /// How the domain names are verified.
    pub validation_method: Option<String>,
    /// The algorithm of its key (`RSA_2048`).
    pub key_algorithm: Option<String>,
    /// The applicant's own signing request (PEM).
    pub csr: Option<String>,
    /// SHA-1 of the certificate, in lower-case hexadecimal digits.
    pub fingerprint: Option<String>,
    /// How it is signed (`SHA256WITHRSA`).
    pub signature_algorithm: Option<String>,
    /// When it begins.
    pub not_before: Option<i64>,
    /// When it ends.
    pub not_after: Option<i64>,
    /// When it was issued to this server.
    pub issued_at: Option<i64>,
    /// Why it was revoked.
    pub revocation_reason: Option<String>,
    /// Why the last application was refused.
    pub failure: Option<String>,
    /// The certificate that this one renews.
    pub origin_id: Option<String>,
    /// When its order is to be looked at again.
    pub next_step_at: Option<i64>,
    /// How often that was in vain.
    pub attempts: i64,
    /// When it was ordered or imported.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

/// A new SSL certificate: one that was ordered, or one that was imported.
#[derive(Clone, Debug)]
pub struct NewSslCertificate {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// The enterprise project.
    pub enterprise_project_id: String,
    /// Its name.
    pub name: String,
    /// Its first status.
    pub status: SslStatus,
    /// The order.
    pub order_id: Option<String>,
    /// The brand.
    pub brand: Option<String>,
    /// The type (`cert_type`).
    pub certificate_type: Option<String>,
    /// One domain name, one with a wildcard, or several.
    pub domain_type: String,
    /// Of several domain names: whether the first one is a wildcard.
    pub primary_domain_type: Option<String>,
    /// How many domain names it may have.
    pub domain_count: i64,
    /// How many of them may be wildcards.
    pub wildcard_count: i64,
    /// How long it is valid, in months.
    pub validity_months: i64,
    /// The issuer's name in the settings.
    pub issuer: Option<String>,
    /// The certificate that this one renews.
    pub origin_id: Option<String>,
    /// Now.
    pub created_at: i64,
}

/// The certificate itself.
#[derive(Clone, Debug, FromRow)]
pub struct CertificateContent {
    /// The DER.
    pub certificate: Vec<u8>,
    /// Those above it (DER, one after the other).
    pub chain: Vec<u8>,
}

/// What a list is limited to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The status at the time of asking.
    pub status: Option<SslStatus>,
    /// Part of the name or of a domain name, whatever its case.
    pub content: Option<String>,
    /// The enterprise project.
    pub enterprise_project_id: Option<String>,
    /// Only those that can be pushed (true), or that cannot (false).
    pub pushable: Option<bool>,
    /// Only those that had not ended at this time (ms since the epoch), or have no end yet.
    pub not_ended_before: Option<i64>,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The end of the certificate; what has none comes first.
    ExpiredTime,
    /// The status.
    Status,
    /// The time of the last change.
    UpdateTime,
}

impl SslCertificate {
    /// Its status at `now_ms`.
    pub fn status_at(&self, now_ms: i64) -> SslStatus {
        let stored = SslStatus::parse(&self.status).unwrap_or(SslStatus::Unpassed);
        match stored {
            SslStatus::Issued | SslStatus::Upload if self.has_ended_at(now_ms) => SslStatus::Expired,
            stored => stored,
        }
    }

    /// Whether it can be pushed at `now_ms`.
    pub fn is_pushable_at(&self, now_ms: i64) -> bool {
        let allowed = openccm_core::ssl_outcome(self.status_at(now_ms), SslOperation::Push).is_some();
        allowed && !self.has_ended_at(now_ms)
    }

    /// Whether it is past its end at `now_ms`.
    pub fn has_ended_at(&self, now_ms: i64) -> bool {
        self.not_after.is_some_and(|end| end <= now_ms)
    }

    /// All its domain names, the first one first.
    pub fn domains(&self) -> Vec<String> {
        let all = std::iter::once(self.domain.as_str()).chain(self.sans.split(';'));
        all.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

const COLUMNS: &str = "id, account_id, enterprise_project_id, name, description, status, order_id, brand, type,
    domain_type, primary_domain_type, domain_count, wildcard_count, validity_months, issuer, domain, sans, added_sans,
    validation_method, key_algorithm, csr, fingerprint, signature_algorithm, not_before, not_after, issued_at,
    revocation_reason, failure, origin_id, next_step_at, attempts, created_at, updated_at";

/// The status at $2.
const STATUS: &str = "CASE WHEN status IN ('ISSUED', 'UPLOAD') AND not_after <= $2 THEN 'EXPIRED' ELSE status END";

/// The filter of lists: $1 account, $2 now, $3 content pattern, $4 status, $5 enterprise project, $6 pushable, $7 end.
fn matching() -> String {
    format!(
        "account_id = $1 AND deleted_at IS NULL
         AND (CAST($3 AS TEXT) IS NULL OR search_text LIKE $3 ESCAPE '\\')
         AND (CAST($4 AS TEXT) IS NULL OR $4 = {STATUS})
         AND (CAST($5 AS TEXT) IS NULL OR enterprise_project_id = $5)
         AND (CAST($6 AS BIGINT) IS NULL
              OR $6 = CASE WHEN {STATUS} IN ('ISSUED', 'UPLOAD', 'SUPPLEMENTCHECKING', 'CANCELSUPPLEMENTING')
                      THEN 1 ELSE 0 END)
         AND (CAST($7 AS BIGINT) IS NULL OR not_after IS NULL OR not_after >= $7)"
    )
}

/// The certificate with this id in the account, unless it was deleted.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, account_id: &str, id: &str) -> Result<Option<SslCertificate>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM ssl_certificates WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL");
    session.optional(AssertSqlSafe(sql), arguments![account_id, id]).await
}

/// The certificate with this id, whosever it is, unless it was deleted.
///
/// # Errors
/// The database fails.
pub async fn find_any(session: &mut Session, id: &str) -> Result<Option<SslCertificate>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM ssl_certificates WHERE id = $1 AND deleted_at IS NULL");
    session.optional(AssertSqlSafe(sql), arguments![id]).await
}

/// The certificate itself, where there is one yet.
///
/// # Errors
/// The database fails.
pub async fn find_content(session: &mut Session, id: &str) -> Result<Option<CertificateContent>, StoreError> {
    let sql = "SELECT certificate, chain FROM ssl_certificates WHERE id = $1 AND certificate IS NOT NULL";
    session.optional(sql, arguments![id]).await
}

/// Who applied, sealed, where it was kept.
///
/// # Errors
/// The database fails.
pub async fn find_sealed_application(session: &mut Session, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT sealed_application FROM ssl_certificates WHERE id = $1 AND sealed_application IS NOT NULL";
    Ok(session.optional::<(Vec<u8>,)>(sql, arguments![id]).await?.map(|(sealed,)| sealed))
}

/// The id of a certificate of the account with this SHA-256 (lower-case hexadecimal digits), where there is one.
///
/// # Errors
/// The database fails.
pub async fn find_duplicate(
    session: &mut Session,
    account_id: &str,
    digest: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM ssl_certificates
               WHERE account_id = $1 AND digest = $2 AND deleted_at IS NULL ORDER BY id LIMIT 1";
    Ok(session.optional::<(String,)>(sql, arguments![account_id, digest]).await?.map(|(id,)| id))
}

/// The id of the certificate that renews this one, where there is one: the last one made.
///
/// # Errors
/// The database fails.
pub async fn find_renewal(session: &mut Session, id: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM ssl_certificates
               WHERE origin_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1";
    Ok(session.optional::<(String,)>(sql, arguments![id]).await?.map(|(id,)| id))
}

/// How many free certificates the account has ordered and not given back; one that was issued counts also when it is deleted.
///
/// # Errors
/// The database fails.
pub async fn count_free(session: &mut Session, account_id: &str, months: i64) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM ssl_certificates
               WHERE account_id = $1 AND order_id IS NOT NULL AND validity_months = $2
                     AND (deleted_at IS NULL OR certificate IS NOT NULL)";
    session.number(sql, arguments![account_id, months]).await
}

/// A page of the account's certificates that match, and how many match in all.
///
/// # Errors
/// The database fails.
pub async fn list(
    session: &mut Session,
    account_id: &str,
    filter: &Filter,
    sort_key: SortKey,
    page: Page,
    now_ms: i64,
) -> Result<(Vec<SslCertificate>, i64), StoreError> {
    let content = filter.content.as_deref().map(contains_pattern);
    let status = filter.status.map(SslStatus::as_str);
    let pushable = filter.pushable.map(i64::from);
    let matching = matching();
    let sort = match sort_key {
        SortKey::ExpiredTime => "COALESCE(not_after, 0)",
        SortKey::Status => STATUS,
        SortKey::UpdateTime => "updated_at",
    };
    let direction = page.direction.sql();
    let sql = format!("SELECT COUNT(*) FROM ssl_certificates WHERE {matching}");
    let project = &filter.enterprise_project_id;
    let end = filter.not_ended_before;
    let total = session
        .number(AssertSqlSafe(sql), arguments![account_id, now_ms, content.clone(), status, project, pushable, end])
        .await?;
    let sql = format!(
        "SELECT {COLUMNS} FROM ssl_certificates WHERE {matching}
         ORDER BY {sort} {direction}, id {direction} LIMIT $8 OFFSET $9"
    );
    let arguments = arguments![account_id, now_ms, content, status, project, pushable, end, page.limit, page.offset];
    Ok((session.all(AssertSqlSafe(sql), arguments).await?, total))
}

/// The ids of certificates whose order is to be looked at by `now_ms`, the longest due first, at most `limit`.
///
/// # Errors
/// The database fails.
pub async fn list_due(session: &mut Session, now_ms: i64, limit: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM ssl_certificates WHERE next_step_at <= $1 AND deleted_at IS NULL
               ORDER BY next_step_at, id LIMIT $2";
    let rows = session.all::<(String,)>(sql, arguments![now_ms, limit]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The certificates that wait for the operator's verdict: of all accounts, the oldest first.
///
/// # Errors
/// The database fails.
pub async fn list_to_review(session: &mut Session) -> Result<Vec<SslCertificate>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM ssl_certificates
         WHERE status = 'CHECKING_ORG' AND deleted_at IS NULL
         ORDER BY updated_at, id"
    );
    session.all(AssertSqlSafe(sql), arguments![]).await
}
