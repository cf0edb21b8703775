//! The revocation lists that are kept published.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Session, StoreError,
    db::{Argument, arguments, value_rows},
};

/// Which list.
#[derive(Clone, Debug, FromRow, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListKey {
    /// The authority whose list it is.
    pub ca_id: String,
    /// Its partition; 0 for the complete list.
    pub crl_partition: i64,
}

/// A list that is kept published.
#[derive(Clone, Debug, FromRow)]
pub struct RevocationList {
    /// Which one.
    #[sqlx(flatten)]
    pub key: ListKey,
    /// The bucket that it is published to.
    pub bucket: String,
    /// Its object there.
    pub object: String,
    /// Its public address (URI).
    pub address: String,
    /// How many days it is valid.
    pub valid_days: i64,
    /// How often it has been asked for.
    pub wanted: i64,
    /// How often it had been asked for when what is published was made.
    pub published: i64,
    /// When a new one is due even if nothing changes.
    pub renew_at: i64,
    /// When what is published was made.
    pub this_update: Option<i64>,
    /// Until when what is published is valid.
    pub next_update: Option<i64>,
    /// How many certificates what is published names.
    pub entries: i64,
    /// The version of the published object.
    pub version: Option<String>,
}

/// A list that is to be published from now on.
#[derive(Clone, Debug)]
pub struct NewRevocationList {
    /// Which one.
    pub key: ListKey,
    /// The bucket.
    pub bucket: String,
    /// The object.
    pub object: String,
    /// Its public address (URI).
    pub address: String,
    /// How many days it is valid.
    pub valid_days: i64,
}

/// What has been published of a list.
#[derive(Clone, Debug)]
pub struct Publication {
    /// How often the list had been asked for.
    pub published: i64,
    /// When the next one is due.
    pub renew_at: i64,
    /// When it was made.
    pub this_update: i64,
    /// Until when it is valid.
    pub next_update: i64,
    /// How many certificates it names.
    pub entries: i64,
    /// The version of the object.
    pub version: String,
}

/// How the lists of this database stand.
#[derive(Clone, Debug, FromRow)]
pub struct Overview {
    /// How many are kept published.
    pub lists: i64,
    /// How many of them wait to be published.
    pub due: i64,
    /// When the first of what is published ends; none where nothing is.
    pub first_next_update: Option<i64>,
}

const COLUMNS: &str = "ca_id, crl_partition, bucket, object, address, valid_days, wanted, published, renew_at,
    this_update, next_update, entries, version";

/// A list that a new one is due of at $1: while its authority has a certificate that lasts, and until it is gone.
const DUE: &str = "(l.wanted > l.published OR l.renew_at <= $1) AND ca.not_after > $1
    AND NOT (ca.status = 'DELETED' AND ca.deletes_at <= $1)";

/// Adds lists, each asked for once.
///
/// # Errors
/// [`StoreError::Duplicate`] where an object is another list's; then none is added.
pub async fn insert_all(session: &mut Session, new: &[NewRevocationList]) -> Result<(), StoreError> {
    const COLUMNS: &str = "ca_id, crl_partition, bucket, object, address, valid_days";
    /// Within what SQLite and PostgreSQL take of arguments in a statement.
    const ROWS: usize = 500;
    for chunk in new.chunks(ROWS) {
        let arguments: Vec<Argument> = chunk
            .iter()
            .flat_map(|list| {
                [
                    Argument::from(&list.key.ca_id),
                    Argument::from(list.key.crl_partition),
                    Argument::from(&list.bucket),
                    Argument::from(&list.object),
                    Argument::from(&list.address),
                    Argument::from(list.valid_days),
                ]
            })
            .collect();
        let rows = value_rows(chunk.len(), arguments.len() / chunk.len());
        let sql = format!("INSERT INTO revocation_lists ({COLUMNS}) VALUES {rows}");
        session.execute(AssertSqlSafe(sql), &arguments).await?;
    }
    Ok(())
}

/// Takes away all lists of an authority.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, ca_id: &str) -> Result<(), StoreError> {
    session.execute("DELETE FROM revocation_lists WHERE ca_id = $1", arguments![ca_id]).await.map(drop)
}

/// One list.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, key: &ListKey) -> Result<Option<RevocationList>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM revocation_lists WHERE ca_id = $1 AND crl_partition = $2");
    session.optional(AssertSqlSafe(sql), arguments![&key.ca_id, key.crl_partition]).await
}

/// Every list of an authority, however that stands: partitions first.
///
/// # Errors
/// The database fails.
pub async fn list_of(session: &mut Session, ca_id: &str) -> Result<Vec<ListKey>, StoreError> {
    let sql = "SELECT ca_id, crl_partition FROM revocation_lists WHERE ca_id = $1 ORDER BY crl_partition DESC";
    session.all(sql, arguments![ca_id]).await
}

/// The lists of an authority, or, without one, every list whose authority is not gone at `now_ms`: partitions first, for the
/// complete list knows less of a certificate.
///
/// # Errors
/// The database fails.
pub async fn list(session: &mut Session, ca_id: Option<&str>, now_ms: i64) -> Result<Vec<ListKey>, StoreError> {
    let sql = "SELECT l.ca_id, l.crl_partition FROM revocation_lists l
               JOIN certificate_authorities ca ON ca.id = l.ca_id
               WHERE (CAST($1 AS TEXT) IS NULL OR l.ca_id = $1) AND ca.not_after > $2
                 AND NOT (ca.status = 'DELETED' AND ca.deletes_at <= $2)
               ORDER BY l.ca_id, l.crl_partition DESC";
    session.all(sql, arguments![ca_id, now_ms]).await
}

/// The lists that a new one is due of at `now_ms`.
///
/// # Errors
/// The database fails.
pub async fn list_due(session: &mut Session, now_ms: i64) -> Result<Vec<ListKey>, StoreError> {
    let sql = format!(
        "SELECT l.ca_id, l.crl_partition FROM revocation_lists l JOIN certificate_authorities ca ON ca.id = l.ca_id
         WHERE {DUE} ORDER BY l.ca_id, l.crl_partition DESC"
    );
    session.all(AssertSqlSafe(sql), arguments![now_ms]).await
}

/// Asks for a new complete list of the authority, and for a new one of the partition.
///
/// # Errors
/// The database fails.
pub async fn want(session: &mut Session, ca_id: &str, crl_partition: i64) -> Result<(), StoreError> {
    let sql = "UPDATE revocation_lists SET wanted = wanted + 1 WHERE ca_id = $1 AND crl_partition IN (0, $2)";
    session.execute(sql, arguments![ca_id, crl_partition]).await.map(drop)
}

/// Notes what has been published of a list.
///
/// # Errors
/// The database fails.
pub async fn update_published(
    session: &mut Session,
    key: &ListKey,
    publication: &Publication,
) -> Result<(), StoreError> {
    let sql = "UPDATE revocation_lists
               SET published = $3, renew_at = $4, this_update = $5, next_update = $6, entries = $7, version = $8
               WHERE ca_id = $1 AND crl_partition = $2";
    let arguments = arguments![
        &key.ca_id,
        key.crl_partition,
        publication.published,
        publication.renew_at,
        publication.this_update,
        publication.next_update,
        publication.entries,
        &publication.version,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// How the lists stand at `now_ms`.
///
/// # Errors
/// The database fails.
pub async fn overview(session: &mut Session, now_ms: i64) -> Result<Overview, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) AS lists, CAST(COALESCE(SUM(CASE WHEN {DUE} THEN 1 ELSE 0 END), 0) AS BIGINT) AS due,
                MIN(l.next_update) AS first_next_update
         FROM revocation_lists l JOIN certificate_authorities ca ON ca.id = l.ca_id
         WHERE ca.not_after > $1 AND NOT (ca.status = 'DELETED' AND ca.deletes_at <= $1)"
    );
    let overview = session.optional(AssertSqlSafe(sql), arguments![now_ms]).await?;
    Ok(overview.unwrap_or(Overview { lists: 0, due: 0, first_next_update: None }))
}
