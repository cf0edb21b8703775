//! What belongs to the orders of SSL certificates: what happened to them, pictures of documents, the authorities that issue.

use sqlx::FromRow;

use crate::{Session, StoreError, db::arguments};

/// Something that happened to an order.
#[derive(Clone, Debug, FromRow)]
pub struct OrderEvent {
    /// Counts up within the certificate, from 1.
    pub number: i64,
    /// When.
    pub happened_at: i64,
    /// What.
    pub event: String,
    /// The user, the operator, or empty where the server did it.
    pub actor: String,
    /// Why, or what came of it.
    pub detail: String,
}

/// A picture of a document, sealed.
#[derive(Clone, Debug, FromRow)]
pub struct Picture {
    /// `BL` (bank permit) or `TL` (business licence).
    pub kind: String,
    /// `image/png`, …
    pub media_type: String,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// Notes something that happened to an order.
///
/// # Errors
/// The database fails.
pub async fn insert_event(
    session: &mut Session,
    certificate_id: &str,
    event: &str,
    actor: &str,
    detail: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO ssl_order_events (certificate_id, number, happened_at, event, actor, detail)
               SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5 FROM ssl_order_events WHERE certificate_id = $1";
    session.execute(sql, arguments![certificate_id, now_ms, event, actor, detail]).await.map(drop)
}

/// What happened to an order, the first first.
///
/// # Errors
/// The database fails.
pub async fn list_events(session: &mut Session, certificate_id: &str) -> Result<Vec<OrderEvent>, StoreError> {
    let sql = "SELECT number, happened_at, event, actor, detail FROM ssl_order_events
               WHERE certificate_id = $1 ORDER BY number";
    session.all(sql, arguments![certificate_id]).await
}

/// Keeps a picture in the place of the one of its kind that was there.
///
/// # Errors
/// The database fails.
pub async fn set_picture(
    session: &mut Session,
    certificate_id: &str,
    picture: &Picture,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO ssl_pictures (certificate_id, kind, media_type, sealed, created_at) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (certificate_id, kind) DO UPDATE
               SET media_type = excluded.media_type, sealed = excluded.sealed, created_at = excluded.created_at";
    let arguments = arguments![certificate_id, &picture.kind, &picture.media_type, picture.sealed.as_slice(), now_ms];
    session.execute(sql, arguments).await.map(drop)
}

/// The kinds of pictures that there are.
///
/// # Errors
/// The database fails.
pub async fn list_picture_kinds(session: &mut Session, certificate_id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT kind FROM ssl_pictures WHERE certificate_id = $1 ORDER BY kind";
    let rows = session.all::<(String,)>(sql, arguments![certificate_id]).await?;
    Ok(rows.into_iter().map(|(kind,)| kind).collect())
}

/// The picture of this kind.
///
/// # Errors
/// The database fails.
pub async fn find_picture(
    session: &mut Session,
    certificate_id: &str,
    kind: &str,
) -> Result<Option<Picture>, StoreError> {
    let sql = "SELECT kind, media_type, sealed FROM ssl_pictures WHERE certificate_id = $1 AND kind = $2";
    session.optional(sql, arguments![certificate_id, kind]).await
}

/// Destroys the pictures.
///
/// # Errors
/// The database fails.
pub async fn delete_pictures(session: &mut Session, certificate_id: &str) -> Result<(), StoreError> {
    session.execute("DELETE FROM ssl_pictures WHERE certificate_id = $1", arguments![certificate_id]).await.map(drop)
}

/// The authority that issues for this account under the name of an issuer, where one was made.
///
/// # Errors
/// The database fails.
pub async fn find_authority(
    session: &mut Session,
    account_id: &str,
    issuer: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT ca_id FROM ssl_authorities WHERE account_id = $1 AND issuer = $2";
    Ok(session.optional::<(String,)>(sql, arguments![account_id, issuer]).await?.map(|(id,)| id))
}

/// Notes the authority that issues for this account under the name of an issuer.
///
/// # Errors
/// The database fails.
pub async fn set_authority(
    session: &mut Session,
    account_id: &str,
    issuer: &str,
    ca_id: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO ssl_authorities (account_id, issuer, ca_id) VALUES ($1, $2, $3)
               ON CONFLICT (account_id, issuer) DO UPDATE SET ca_id = excluded.ca_id";
    session.execute(sql, arguments![account_id, issuer, ca_id]).await.map(drop)
}

/// Notes a certificate that an authority of this server issued for an order.
///
/// # Errors
/// The database fails.
pub async fn insert_issuance(
    session: &mut Session,
    certificate_id: &str,
    private_certificate_id: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO ssl_issuances (certificate_id, private_certificate_id) VALUES ($1, $2)";
    session.execute(sql, arguments![certificate_id, private_certificate_id]).await.map(drop)
}
