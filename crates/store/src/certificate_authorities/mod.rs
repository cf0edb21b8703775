//! Certificate authorities.

mod changes;

pub use changes::{
    CrlColumns, count_revocation, delete_pending, list_ended, list_to_purge, revoke, schedule_deletion, set_revoked,
    take_crl_number, update_crl, update_ocsp_address, update_status,
};
use openccm_core::{AuthorityStatus, AuthorityType, DistinguishedName};
use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Session, StoreError,
    db::arguments,
    name_columns::{NameColumns, search_name},
    page::{Page, contains_pattern},
};

/// An authority, without its certificate.
#[derive(Clone, Debug, FromRow)]
pub struct CertificateAuthority {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// `ROOT` or `SUBORDINATE`.
    #[sqlx(rename = "type")]
    pub authority_type: String,
    /// The stored status. `ACTIVED` here may mean expired: see [`Self::status_at`].
    pub status: String,
    /// `GENERATE`, `IMPORT` or `CSR`.
    pub generation_mode: String,
    /// The authority that issued it; none for roots, and where the issuer is elsewhere.
    pub issuer_id: Option<String>,
    /// The issuer's common name.
    pub issuer_name: Option<String>,
    /// Its path length; 7 for no limit.
    pub path_length: i64,
    /// The algorithm of its key.
    pub key_algorithm: String,
    /// The hash under its certificate's signature, and under its own revocation lists; none while it is pending.
    pub signature_algorithm: Option<String>,
    /// Its key usages, comma-separated.
    pub key_usages: String,
    /// The serial number of its certificate.
    pub serial_number: Option<String>,
    #[sqlx(flatten)]
    name: NameColumns,
    /// The enterprise project, `0` for the default one.
    pub enterprise_project_id: String,
    /// When it was made.
    pub created_at: i64,
    /// When its scheduled deletion takes effect.
    pub deletes_at: Option<i64>,
    /// When its certificate begins.
    pub not_before: Option<i64>,
    /// When its certificate ends.
    pub not_after: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// The name of its revocation list; set while publishing is on, as the next three.
    pub crl_name: Option<String>,
    /// The bucket of its revocation list.
    pub crl_bucket: Option<String>,
    /// How many days its revocation list is valid.
    pub crl_valid_days: Option<i64>,
    /// Where its revocation list is published (URI).
    pub crl_address: Option<String>,
    /// Into how many partitions its revocation list is split, for certificates issued now.
    pub crl_partitions: Option<i64>,
    /// The most that it was ever split into.
    pub crl_partitions_made: i64,
    /// The partition of its issuer's list that would name it; 0 for none.
    pub crl_partition: i64,
    /// Where its OCSP responder is (URI), while it is on.
    pub ocsp_address: Option<String>,
    /// Rises with each revocation below it.
    pub revocations_made: i64,
}

/// A new authority.
#[derive(Clone, Debug)]
pub struct NewCertificateAuthority<'a> {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Root or subordinate.
    pub authority_type: AuthorityType,
    /// The status with which it begins.
    pub status: AuthorityStatus,
    /// Where its key and certificate come from.
    pub generation_mode: openccm_core::GenerationMode,
    /// The algorithm of its key, by the API's name.
    pub key_algorithm: String,
    /// Its key usages, comma-separated.
    pub key_usages: String,
    /// Its subject.
    pub name: &'a DistinguishedName,
    /// The enterprise project.
    pub enterprise_project_id: String,
    /// Now.
    pub created_at: i64,
}

/// A certificate that an authority is given.
#[derive(Clone, Debug)]
pub struct AuthorityCertificate<'a> {
    /// The issuer on this server, where there is one.
    pub issuer_id: Option<String>,
    /// The issuer's common name.
    pub issuer_name: Option<String>,
    /// The path length; 7 for no limit.
    pub path_length: i64,
    /// The hash under the certificate's signature.
    pub signature_algorithm: String,
    /// The key usages, comma-separated.
    pub key_usages: String,
    /// The serial number.
    pub serial_number: String,
    /// The partition of the issuer's revocation list that would name it; 0 for none.
    pub crl_partition: i64,
    /// The subject.
    pub name: &'a DistinguishedName,
    /// When it begins.
    pub not_before: i64,
    /// When it ends.
    pub not_after: i64,
    /// The DER.
    pub der: &'a [u8],
    /// The chain that came with an imported one: PEM, issuer first.
    pub imported_chain: Option<String>,
}

/// One authority of a chain, with its certificate.
#[derive(Clone, Debug, FromRow)]
pub struct ChainLink {
    /// The authority.
    pub id: String,
    /// Its stored status.
    pub status: String,
    /// The end of its certificate.
    pub not_after: Option<i64>,
    /// Its certificate in DER; none while it is pending.
    pub certificate: Option<Vec<u8>>,
    /// The chain above it, where its certificate was imported: PEM, issuer first.
    pub imported_chain: Option<String>,
}

/// What a list is limited to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the common name, whatever its case.
    pub name: Option<String>,
    /// The status at the time of asking.
    pub status: Option<AuthorityStatus>,
    /// Roots or subordinates.
    pub authority_type: Option<AuthorityType>,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The time of creation.
    CreateTime,
    /// The common name.
    CommonName,
    /// Root or subordinate.
    Type,
    /// The end of the certificate.
    NotAfter,
}

impl CertificateAuthority {
    /// Its status at `now_ms`: an active authority has expired when its certificate has.
    pub fn status_at(&self, now_ms: i64) -> AuthorityStatus {
        effective_status(&self.status, self.not_after, now_ms)
    }

    /// Whether it keeps its revocation lists published at `now_ms`: from its certificate's issuance to its end, and until it
    /// is gone. Being disabled, revoked or about to be deleted does not end it: what it issued can still be asked about.
    pub fn lists_at(&self, now_ms: i64) -> bool {
        let gone = self.status == AuthorityStatus::Deleted.as_str() && self.deletes_at.is_some_and(|at| at <= now_ms);
        !gone && self.not_after.is_some_and(|end| end > now_ms)
    }

    /// Its subject.
    pub fn name(&self) -> DistinguishedName {
        self.name.clone().into()
    }
}

impl ChainLink {
    /// As [`CertificateAuthority::status_at`].
    pub fn status_at(&self, now_ms: i64) -> AuthorityStatus {
        effective_status(&self.status, self.not_after, now_ms)
    }
}

fn effective_status(stored: &str, not_after: Option<i64>, now_ms: i64) -> AuthorityStatus {
    // A text that is no status cannot have come from here; treat it as the status with the fewest rights.
    match AuthorityStatus::parse(stored).unwrap_or(AuthorityStatus::Revoked) {
        AuthorityStatus::Actived if not_after.is_some_and(|end| end <= now_ms) => AuthorityStatus::Expired,
        status => status,
    }
}

const COLUMNS: &str =
    "id, account_id, type, status, generation_mode, issuer_id, issuer_name, path_length, key_algorithm,
    signature_algorithm, key_usages, serial_number, common_name, country, state, locality, organization,
    organizational_unit, enterprise_project_id, created_at, deletes_at, not_before, not_after, revoked_at, crl_name,
    crl_bucket, crl_valid_days, crl_address, crl_partitions, crl_partitions_made, crl_partition, ocsp_address,
    revocations_made";

/// Those of account $1 whose scheduled deletion has not taken effect at $2.
const PRESENT: &str = "account_id = $1 AND NOT (status = 'DELETED' AND deletes_at <= $2)";

/// Those that lists show and quotas count: not the ones made from a requester's signing request.
const LISTED: &str = "generation_mode <> 'CSR'";

/// The filter of lists: $3 name pattern, $4 status, $5 type.
const MATCHING: &str = "(CAST($3 AS TEXT) IS NULL OR search_name LIKE $3 ESCAPE '\\')
    AND (CAST($4 AS TEXT) IS NULL
         OR $4 = CASE WHEN status = 'ACTIVED' AND not_after <= $2 THEN 'EXPIRED' ELSE status END)
    AND (CAST($5 AS TEXT) IS NULL OR type = $5)";

/// Adds an authority that has no certificate yet.
///
/// # Errors
/// The database fails.
pub async fn insert(session: &mut Session, new: &NewCertificateAuthority<'_>) -> Result<(), StoreError> {
    let sql = "INSERT INTO certificate_authorities (id, account_id, type, status, generation_mode, path_length,
                   key_algorithm, key_usages, common_name, country, state, locality, organization,
                   organizational_unit, search_name, enterprise_project_id, created_at)
               VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let arguments = arguments![
        &new.id,
        &new.account_id,
        new.authority_type.as_str(),
        new.status.as_str(),
        new.generation_mode.as_str(),
        &new.key_algorithm,
        &new.key_usages,
        &new.name.common_name,
        &new.name.country,
        &new.name.state,
        &new.name.locality,
        &new.name.organization,
        &new.name.organizational_unit,
        search_name(new.name),
        &new.enterprise_project_id,
        new.created_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Gives the authority its certificate, and with it the status `ACTIVED`, if it is pending. Says whether it was.
///
/// # Errors
/// [`StoreError::Duplicate`] where the issuer has used the serial number before.
pub async fn update_certificate(
    session: &mut Session,
    id: &str,
    certificate: &AuthorityCertificate<'_>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE certificate_authorities
               SET status = 'ACTIVED', issuer_id = $2, issuer_name = $3, path_length = $4, signature_algorithm = $5,
                   key_usages = $6, serial_number = $7, not_before = $8, not_after = $9, certificate = $10,
                   imported_chain = $11, common_name = $12, country = $13, state = $14, locality = $15,
                   organization = $16, organizational_unit = $17, search_name = $18, crl_partition = $19,
                   generation_mode = CASE WHEN CAST($11 AS TEXT) IS NULL THEN generation_mode ELSE 'IMPORT' END
               WHERE id = $1 AND status = 'PENDING'";
    let arguments = arguments![
        id,
        &certificate.issuer_id,
        &certificate.issuer_name,
        certificate.path_length,
        &certificate.signature_algorithm,
        &certificate.key_usages,
        &certificate.serial_number,
        certificate.not_before,
        certificate.not_after,
        certificate.der,
        &certificate.imported_chain,
        &certificate.name.common_name,
        &certificate.name.country,
        &certificate.name.state,
        &certificate.name.locality,
        &certificate.name.organization,
        &certificate.name.organizational_unit,
        search_name(certificate.name),
        certificate.crl_partition,
    ];
    Ok(session.execute(sql, arguments).await? == 1)
}

/// The authority with this id in the account, unless its deletion has taken effect.
///
/// # Errors
/// The database fails.
pub async fn find(
    session: &mut Session,
    account_id: &str,
    id: &str,
    now_ms: i64,
) -> Result<Option<CertificateAuthority>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM certificate_authorities WHERE {PRESENT} AND id = $3");
    session.optional(AssertSqlSafe(sql), arguments![account_id, now_ms, id]).await
}

/// The authority with this id, in whatever account, and whether or not its deletion has taken effect.
///
/// # Errors
/// The database fails.
pub async fn find_anywhere(session: &mut Session, id: &str) -> Result<Option<CertificateAuthority>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM certificate_authorities WHERE id = $1");
    session.optional(AssertSqlSafe(sql), arguments![id]).await
}

/// The authority that this issuer gave a certificate with this serial number.
///
/// # Errors
/// The database fails.
pub async fn find_by_serial(
    session: &mut Session,
    issuer_id: &str,
    serial_number: &str,
) -> Result<Option<CertificateAuthority>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM certificate_authorities WHERE issuer_id = $1 AND serial_number = $2");
    session.optional(AssertSqlSafe(sql), arguments![issuer_id, serial_number]).await
}

/// The authority's certificate in DER; none while it is pending.
///
/// # Errors
/// The database fails.
pub async fn find_der(session: &mut Session, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT certificate FROM certificate_authorities WHERE id = $1";
    Ok(session.optional::<(Option<Vec<u8>>,)>(sql, arguments![id]).await?.and_then(|(der,)| der))
}

/// The authority with this id and those above it on this server, from the bottom up.
///
/// # Errors
/// The database fails.
pub async fn find_chain(session: &mut Session, id: &str) -> Result<Vec<ChainLink>, StoreError> {
    // The depth keeps a loop, which cannot be, from running for ever.
    let sql = "WITH RECURSIVE chain (id, issuer_id, depth) AS (
                   SELECT id, issuer_id, 0 FROM certificate_authorities WHERE id = $1
                   UNION ALL
                   SELECT above.id, above.issuer_id, chain.depth + 1
                   FROM certificate_authorities above JOIN chain ON above.id = chain.issuer_id
                   WHERE chain.depth < 16)
               SELECT link.id, link.status, link.not_after, link.certificate, link.imported_chain
               FROM chain JOIN certificate_authorities link ON link.id = chain.id
               ORDER BY chain.depth";
    session.all(sql, arguments![id]).await
}

/// A page of the account's authorities that match, and how many match in all.
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
) -> Result<(Vec<CertificateAuthority>, i64), StoreError> {
    let name = filter.name.as_deref().map(contains_pattern);
    let status = filter.status.map(AuthorityStatus::as_str);
    let authority_type = filter.authority_type.map(AuthorityType::as_str);
    let condition = format!("{PRESENT} AND {LISTED} AND {MATCHING}");
    let sql = format!("SELECT COUNT(*) FROM certificate_authorities WHERE {condition}");
    let total = session
        .number(AssertSqlSafe(sql), arguments![account_id, now_ms, name.clone(), status, authority_type])
        .await?;
    // Equal in both databases: NULL sorts first in one and last in the other.
    let sort = match sort_key {
        SortKey::CreateTime => "created_at",
        SortKey::CommonName => "COALESCE(common_name, '') COLLATE \"C\"",
        SortKey::Type => "type",
        SortKey::NotAfter => "COALESCE(not_after, 0)",
    };
    let direction = page.direction.sql();
    let sql = format!(
        "SELECT {COLUMNS} FROM certificate_authorities WHERE {condition}
         ORDER BY {sort} {direction}, id {direction} LIMIT $6 OFFSET $7"
    );
    let arguments = arguments![account_id, now_ms, name, status, authority_type, page.limit, page.offset];
    Ok((session.all(AssertSqlSafe(sql), arguments).await?, total))
}

/// How many authorities count against the account's quota.
///
/// # Errors
/// The database fails.
pub async fn count(session: &mut Session, account_id: &str, now_ms: i64) -> Result<i64, StoreError> {
    let sql = format!("SELECT COUNT(*) FROM certificate_authorities WHERE {PRESENT} AND {LISTED}");
    session.number(AssertSqlSafe(sql), arguments![account_id, now_ms]).await
}

/// The account of the authority with this id.
///
/// # Errors
/// The database fails.
pub async fn find_owner(session: &mut Session, id: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT account_id FROM certificate_authorities WHERE id = $1";
    Ok(session.optional::<(String,)>(sql, arguments![id]).await?.map(|(account_id,)| account_id))
}
