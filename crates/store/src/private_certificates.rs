//! Private certificates.

use openccm_core::{CertificateStatus, DistinguishedName};
use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Session, StoreError,
    db::{Argument, arguments, value_rows},
    name_columns::{NameColumns, search_name},
    page::{Page, contains_pattern},
};

/// A private certificate, without its DER.
#[derive(Clone, Debug, FromRow)]
pub struct PrivateCertificate {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// `GENERATE` or `CSR`.
    pub generation_mode: String,
    /// The authority that issued it.
    pub issuer_id: String,
    /// The authority's common name.
    pub issuer_name: Option<String>,
    /// The algorithm of its key.
    pub key_algorithm: String,
    /// The hash under its signature.
    pub signature_algorithm: String,
    /// Its serial number.
    pub serial_number: String,
    #[sqlx(flatten)]
    name: NameColumns,
    /// The enterprise project, `0` for the default one.
    pub enterprise_project_id: String,
    /// When it was made.
    pub created_at: i64,
    /// When it begins.
    pub not_before: i64,
    /// When it ends.
    pub not_after: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// Why it was revoked.
    pub revocation_reason: Option<String>,
    /// The partition of its issuer's revocation list that would name it; 0 for none.
    pub crl_partition: i64,
}

/// A new private certificate.
#[derive(Clone, Debug)]
pub struct NewPrivateCertificate {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Where its key comes from.
    pub generation_mode: openccm_core::GenerationMode,
    /// The authority that issued it.
    pub issuer_id: String,
    /// The authority's common name.
    pub issuer_name: Option<String>,
    /// The algorithm of its key, by the API's name.
    pub key_algorithm: String,
    /// The hash under its signature.
    pub signature_algorithm: String,
    /// Its serial number.
    pub serial_number: String,
    /// Its subject.
    pub name: DistinguishedName,
    /// The enterprise project.
    pub enterprise_project_id: String,
    /// Now.
    pub created_at: i64,
    /// When it begins.
    pub not_before: i64,
    /// When it ends.
    pub not_after: i64,
    /// The partition of its issuer's revocation list that would name it; 0 for none.
    pub crl_partition: i64,
    /// The DER.
    pub der: Vec<u8>,
}

/// What a list is limited to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the common name, whatever its case.
    pub name: Option<String>,
    /// The status at the time of asking.
    pub status: Option<CertificateStatus>,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The time of creation.
    CreateTime,
    /// The common name.
    CommonName,
    /// The issuer's common name.
    IssuerName,
    /// The end of the certificate.
    NotAfter,
}

impl PrivateCertificate {
    /// Its status at `now_ms`.
    pub fn status_at(&self, now_ms: i64) -> CertificateStatus {
        CertificateStatus::at(now_ms, self.not_after, self.revoked_at.is_some())
    }

    /// Its subject.
    pub fn name(&self) -> DistinguishedName {
        self.name.clone().into()
    }
}

const COLUMNS: &str = "id, account_id, generation_mode, issuer_id, issuer_name, key_algorithm, signature_algorithm,
    serial_number, common_name, country, state, locality, organization, organizational_unit, enterprise_project_id,
    created_at, not_before, not_after, revoked_at, revocation_reason, crl_partition";

/// The filter of lists: $2 now, $3 name pattern, $4 status.
const MATCHING: &str = "account_id = $1 AND deleted_at IS NULL
    AND (CAST($3 AS TEXT) IS NULL OR search_name LIKE $3 ESCAPE '\\')
    AND (CAST($4 AS TEXT) IS NULL
         OR $4 = CASE WHEN revoked_at IS NOT NULL THEN 'REVOKED' WHEN not_after <= $2 THEN 'EXPIRED' ELSE 'ISSUED' END)";

/// Adds certificates, in one statement.
///
/// # Errors
/// [`StoreError::Duplicate`] where an issuer has used a serial number before; then none is added.
pub async fn insert_all(session: &mut Session, new: &[NewPrivateCertificate]) -> Result<(), StoreError> {
    const COLUMNS: &str = "id, account_id, generation_mode, issuer_id, issuer_name, key_algorithm, signature_algorithm,
        serial_number, common_name, country, state, locality, organization, organizational_unit, search_name,
        enterprise_project_id, created_at, not_before, not_after, crl_partition, certificate";
    if new.is_empty() {
        return Ok(());
    }
    let arguments: Vec<Argument> = new.iter().flat_map(NewPrivateCertificate::arguments).collect();
    let rows = value_rows(new.len(), arguments.len() / new.len());
    let sql = format!("INSERT INTO private_certificates ({COLUMNS}) VALUES {rows}");
    session.execute(AssertSqlSafe(sql), &arguments).await.map(drop)
}

impl NewPrivateCertificate {
    fn arguments(&self) -> [Argument; 21] {
        [
            Argument::from(&self.id),
            Argument::from(&self.account_id),
            Argument::from(self.generation_mode.as_str()),
            Argument::from(&self.issuer_id),
            Argument::from(&self.issuer_name),
            Argument::from(&self.key_algorithm),
            Argument::from(&self.signature_algorithm),
            Argument::from(&self.serial_number),
            Argument::from(&self.name.common_name),
            Argument::from(&self.name.country),
            Argument::from(&self.name.state),
            Argument::from(&self.name.locality),
            Argument::from(&self.name.organization),
            Argument::from(&self.name.organizational_unit),
            Argument::from(search_name(&self.name)),
            Argument::from(&self.enterprise_project_id),
            Argument::from(self.created_at),
            Argument::from(self.not_before),
            Argument::from(self.not_after),
            Argument::from(self.crl_partition),
            Argument::from(self.der.as_slice()),
        ]
    }
}

/// The certificate with this id in the account, unless it was deleted.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, account_id: &str, id: &str) -> Result<Option<PrivateCertificate>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM private_certificates WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL");
    session.optional(AssertSqlSafe(sql), arguments![account_id, id]).await
}

/// The DER of the certificate with this id.
///
/// # Errors
/// The database fails.
pub async fn find_der(session: &mut Session, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT certificate FROM private_certificates WHERE id = $1";
    Ok(session.optional::<(Vec<u8>,)>(sql, arguments![id]).await?.map(|(der,)| der))
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
) -> Result<(Vec<PrivateCertificate>, i64), StoreError> {
    let name = filter.name.as_deref().map(contains_pattern);
    let status = filter.status.map(CertificateStatus::as_str);
    let sql = format!("SELECT COUNT(*) FROM private_certificates WHERE {MATCHING}");
    let total = session.number(AssertSqlSafe(sql), arguments![account_id, now_ms, name.clone(), status]).await?;
    let sort = match sort_key {
        SortKey::CreateTime => "created_at",
        SortKey::CommonName => "COALESCE(common_name, '') COLLATE \"C\"",
        SortKey::IssuerName => "COALESCE(issuer_name, '') COLLATE \"C\"",
        SortKey::NotAfter => "not_after",
    };
    let direction = page.direction.sql();
    let sql = format!(
        "SELECT {COLUMNS} FROM private_certificates WHERE {MATCHING}
         ORDER BY {sort} {direction}, id {direction} LIMIT $5 OFFSET $6"
    );
    let arguments = arguments![account_id, now_ms, name, status, page.limit, page.offset];
    Ok((session.all(AssertSqlSafe(sql), arguments).await?, total))
}

/// Revokes a certificate that is neither revoked nor expired at `now_ms`. Says whether it was one.
///
/// # Errors
/// The database fails.
pub async fn revoke(session: &mut Session, id: &str, now_ms: i64, reason: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE private_certificates SET revoked_at = $2, revocation_reason = $3
               WHERE id = $1 AND revoked_at IS NULL AND not_after > $2";
    Ok(session.execute(sql, arguments![id, now_ms, reason]).await? == 1)
}

/// Changes why a certificate is revoked, if the reason is `from`. Says whether it was.
///
/// # Errors
/// The database fails.
pub async fn update_reason(session: &mut Session, id: &str, from: &str, reason: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE private_certificates SET revocation_reason = $3 WHERE id = $1 AND revocation_reason = $2";
    Ok(session.execute(sql, arguments![id, from, reason]).await? == 1)
}

/// The certificate that this issuer issued with this serial number, whether or not it was deleted.
///
/// # Errors
/// The database fails.
pub async fn find_by_serial(
    session: &mut Session,
    issuer_id: &str,
    serial_number: &str,
) -> Result<Option<PrivateCertificate>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM private_certificates WHERE issuer_id = $1 AND serial_number = $2");
    session.optional(AssertSqlSafe(sql), arguments![issuer_id, serial_number]).await
}

/// The certificates that were issued for an order of SSL certificates, the first first.
///
/// # Errors
/// The database fails.
pub async fn list_issued_for(
    session: &mut Session,
    ssl_certificate_id: &str,
) -> Result<Vec<PrivateCertificate>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM private_certificates
         WHERE id IN (SELECT private_certificate_id FROM ssl_issuances WHERE certificate_id = $1) ORDER BY id"
    );
    session.all(AssertSqlSafe(sql), arguments![ssl_certificate_id]).await
}

/// Sets back when and why a certificate was revoked, as a published list has it, whatever the database knows.
///
/// # Errors
/// The database fails.
pub async fn set_revoked(session: &mut Session, id: &str, revoked_at: i64, reason: &str) -> Result<(), StoreError> {
    let sql = "UPDATE private_certificates SET revoked_at = $2, revocation_reason = $3 WHERE id = $1";
    session.execute(sql, arguments![id, revoked_at, reason]).await.map(drop)
}

/// How many certificates ended after `from_ms` and not after `to_ms`.
///
/// # Errors
/// The database fails.
pub async fn count_ended(session: &mut Session, from_ms: i64, to_ms: i64) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM private_certificates WHERE not_after > $1 AND not_after <= $2";
    session.number(sql, arguments![from_ms, to_ms]).await
}

/// Deletes a certificate: it is shown no more, but stays known to its issuer. Says whether it was there.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, id: &str, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE private_certificates SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL";
    Ok(session.execute(sql, arguments![id, now_ms]).await? == 1)
}
