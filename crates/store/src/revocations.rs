//! Revoked certificates, by issuer and serial number.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Session, StoreError,
    db::{Argument, arguments},
};

/// A revoked certificate.
#[derive(Clone, Debug, FromRow, PartialEq, Eq)]
pub struct Revocation {
    /// The serial number.
    pub serial_number: String,
    /// When it was revoked.
    pub revoked_at: i64,
    /// Why, by the API's name.
    pub reason: String,
    /// Since when its key or content is suspect, where that is known.
    pub invalid_since: Option<i64>,
    /// The end of the certificate, where it is known.
    pub not_after: Option<i64>,
    /// The partition that names it; 0 for none.
    pub crl_partition: i64,
}

/// What a list says of a revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRevocation {
    /// The serial number.
    pub serial_number: String,
    /// When it was revoked.
    pub revoked_at: i64,
    /// Why, by the API's name.
    pub reason: String,
    /// Since when its key or content is suspect, where that is known.
    pub invalid_since: Option<i64>,
}

/// What is known of a serial number.
#[derive(Clone, Debug, FromRow)]
pub struct SerialStatus {
    /// When the certificate was revoked; none where it was not.
    pub revoked_at: Option<i64>,
    /// Why.
    pub reason: Option<String>,
    /// How many certificates have the number: 0 where the issuer has issued none with it.
    pub issued: i64,
}

/// Which revocations a list names.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The authority that issued the certificates.
    pub issuer_id: &'a str,
    /// The partition; 0 for all.
    pub crl_partition: i64,
    /// Leaves out the certificates that ended before this.
    pub ended_before: i64,
}

/// Adds a revocation.
///
/// # Errors
/// [`StoreError::Duplicate`] where the certificate is revoked already.
pub async fn insert(session: &mut Session, issuer_id: &str, new: &Revocation) -> Result<(), StoreError> {
    let sql = "INSERT INTO revocations
                   (issuer_id, serial_number, revoked_at, reason, invalid_since, not_after, crl_partition)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let arguments = arguments![
        issuer_id,
        &new.serial_number,
        new.revoked_at,
        &new.reason,
        new.invalid_since,
        new.not_after,
        new.crl_partition,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// The revocation of a certificate.
///
/// # Errors
/// The database fails.
pub async fn find(
    session: &mut Session,
    issuer_id: &str,
    serial_number: &str,
) -> Result<Option<Revocation>, StoreError> {
    let sql = "SELECT serial_number, revoked_at, reason, invalid_since, not_after, crl_partition FROM revocations
               WHERE issuer_id = $1 AND serial_number = $2";
    session.optional(sql, arguments![issuer_id, serial_number]).await
}

/// The revocations of those of the certificates that are revoked.
///
/// # Errors
/// The database fails.
pub async fn find_all(
    session: &mut Session,
    issuer_id: &str,
    serial_numbers: &[&str],
) -> Result<Vec<Revocation>, StoreError> {
    if serial_numbers.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (0..serial_numbers.len()).map(|index| format!("${}", index + 2)).collect();
    let sql = format!(
        "SELECT serial_number, revoked_at, reason, invalid_since, not_after, crl_partition FROM revocations
         WHERE issuer_id = $1 AND serial_number IN ({})",
        places.join(", ")
    );
    let mut arguments = vec![Argument::from(issuer_id)];
    arguments.extend(serial_numbers.iter().map(|serial_number| Argument::from(*serial_number)));
    session.all(AssertSqlSafe(sql), &arguments).await
}

/// Changes why a certificate is revoked, the partition that names it, and, where that is given, since when it is suspect.
///
/// # Errors
/// The database fails.
pub async fn update(
    session: &mut Session,
    issuer_id: &str,
    serial_number: &str,
    reason: &str,
    crl_partition: i64,
    invalid_since: Option<i64>,
) -> Result<(), StoreError> {
    let sql = "UPDATE revocations
               SET reason = $3, crl_partition = $4, invalid_since = COALESCE(CAST($5 AS BIGINT), invalid_since)
               WHERE issuer_id = $1 AND serial_number = $2";
    let arguments = arguments![issuer_id, serial_number, reason, crl_partition, invalid_since];
    session.execute(sql, arguments).await.map(drop)
}

/// What is known of the serial number below this issuer: of certificates, authorities, the issuer's OCSP responder, and, for
/// a root, its own certificate.
///
/// # Errors
/// The database fails.
pub async fn find_status(
    session: &mut Session,
    issuer_id: &str,
    serial_number: &str,
) -> Result<SerialStatus, StoreError> {
    let sql = "SELECT
                   (SELECT revoked_at FROM revocations WHERE issuer_id = $1 AND serial_number = $2) AS revoked_at,
                   (SELECT reason FROM revocations WHERE issuer_id = $1 AND serial_number = $2) AS reason,
                   (SELECT COUNT(*) FROM private_certificates WHERE issuer_id = $1 AND serial_number = $2)
                   + (SELECT COUNT(*) FROM certificate_authorities WHERE issuer_id = $1 AND serial_number = $2)
                   + (SELECT COUNT(*) FROM certificate_authorities
                      WHERE id = $1 AND type = 'ROOT' AND serial_number = $2)
                   + (SELECT COUNT(*) FROM ocsp_responders WHERE ca_id = $1 AND serial_number = $2) AS issued";
    let status = session.optional(sql, arguments![issuer_id, serial_number]).await?;
    Ok(status.unwrap_or(SerialStatus { revoked_at: None, reason: None, issued: 0 }))
}

/// How many certificates of an issuer are revoked.
///
/// # Errors
/// The database fails.
pub async fn count(session: &mut Session, issuer_id: &str) -> Result<i64, StoreError> {
    session.number("SELECT COUNT(*) FROM revocations WHERE issuer_id = $1", arguments![issuer_id]).await
}

/// So many revocations of a scope at most, by serial number, from the one after `after` on.
///
/// They come as one value: a row by itself costs SQLite's driver more than reading it does, and there may be a million.
///
/// # Errors
/// The database fails.
pub async fn list_after(
    session: &mut Session,
    scope: Scope<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<ListedRevocation>, StoreError> {
    let in_partition = if scope.crl_partition == 0 { "$5 = 0" } else { "crl_partition = $5" };
    let sql = format!(
        "SELECT string_agg(line, ';' ORDER BY serial_number) FROM (
             SELECT serial_number, serial_number || ' ' || revoked_at || ' ' || reason || ' '
                    || COALESCE(CAST(invalid_since AS TEXT), '-') AS line
             FROM revocations
             WHERE issuer_id = $1 AND serial_number > $2 AND (not_after IS NULL OR not_after >= $3) AND {in_partition}
             ORDER BY serial_number LIMIT $4) AS page"
    );
    let arguments = arguments![scope.issuer_id, after, scope.ended_before, limit, scope.crl_partition];
    let page: Option<(Option<String>,)> = session.optional(AssertSqlSafe(sql), arguments).await?;
    let lines = page.and_then(|(lines,)| lines).unwrap_or_default();
    lines.split_terminator(';').map(ListedRevocation::parse).collect()
}

impl ListedRevocation {
    fn parse(line: &str) -> Result<Self, StoreError> {
        let malformed = || StoreError::Database(sqlx::Error::Decode(format!("a revocation reads {line:?}").into()));
        let mut parts = line.split(' ');
        let mut part = || parts.next().ok_or_else(malformed);
        let (serial_number, revoked_at, reason, invalid_since) = (part()?, part()?, part()?, part()?);
        let number = |text: &str| text.parse::<i64>().map_err(|_| malformed());
        Ok(Self {
            serial_number: serial_number.to_owned(),
            revoked_at: number(revoked_at)?,
            reason: reason.to_owned(),
            invalid_since: if invalid_since == "-" { None } else { Some(number(invalid_since)?) },
        })
    }
}
