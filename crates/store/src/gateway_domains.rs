//! The domain names that API gateways answer to, and the certificates that are bound to them.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Session, StoreError,
    db::arguments,
    page::{Page, contains_pattern},
};

/// A domain name of a group of APIs on a gateway.
#[derive(Clone, Debug, FromRow)]
pub struct GatewayDomain {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// The gateway.
    pub instance_id: String,
    /// The group of APIs.
    pub group_id: String,
    /// The group's name.
    pub group_name: String,
    /// The domain name, in lower case and ASCII; its first label may be `*`.
    pub name: String,
    /// When it was made known.
    pub created_at: i64,
    /// The certificate that is bound to it.
    pub certificate_id: Option<String>,
    /// Whether clients must show a certificate of their own (1).
    pub verifies_clients: i64,
}

/// A domain name that is made known.
#[derive(Clone, Debug)]
pub struct NewGatewayDomain {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// The gateway.
    pub instance_id: String,
    /// The group of APIs.
    pub group_id: String,
    /// The group's name.
    pub group_name: String,
    /// The domain name, in lower case and ASCII.
    pub name: String,
    /// Now.
    pub created_at: i64,
}

const COLUMNS: &str =
    "id, account_id, instance_id, group_id, group_name, name, created_at, certificate_id, verifies_clients";

/// Adds a domain name.
///
/// # Errors
/// [`StoreError::Duplicate`] where its gateway has it already.
pub async fn insert(session: &mut Session, new: &NewGatewayDomain) -> Result<(), StoreError> {
    let sql = "INSERT INTO gateway_domains (id, account_id, instance_id, group_id, group_name, name, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let arguments = arguments![
        &new.id,
        &new.account_id,
        &new.instance_id,
        &new.group_id,
        &new.group_name,
        &new.name,
        new.created_at
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Gives a group of APIs this name, wherever it stands.
///
/// # Errors
/// The database fails.
pub async fn rename_group(
    session: &mut Session,
    instance_id: &str,
    group_id: &str,
    name: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE gateway_domains SET group_name = $3 WHERE instance_id = $1 AND group_id = $2";
    session.execute(sql, arguments![instance_id, group_id, name]).await.map(drop)
}

/// Removes a domain name of the account from a gateway. Says whether it was there.
///
/// # Errors
/// The database fails.
pub async fn delete(
    session: &mut Session,
    account_id: &str,
    instance_id: &str,
    name: &str,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM gateway_domains WHERE account_id = $1 AND instance_id = $2 AND name = $3";
    Ok(session.execute(sql, arguments![account_id, instance_id, name]).await? == 1)
}

/// The account whose gateway this is; none where the gateway is not known.
///
/// # Errors
/// The database fails.
pub async fn find_owner(session: &mut Session, instance_id: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT account_id FROM gateway_domains WHERE instance_id = $1 LIMIT 1";
    Ok(session.optional::<(String,)>(sql, arguments![instance_id]).await?.map(|(id,)| id))
}

/// The domain names of the account, by gateway, group and name; of one gateway, and one group of it, where they are given.
///
/// # Errors
/// The database fails.
pub async fn list(
    session: &mut Session,
    account_id: &str,
    instance_id: Option<&str>,
    group_id: Option<&str>,
) -> Result<Vec<GatewayDomain>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM gateway_domains
         WHERE account_id = $1 AND (CAST($2 AS TEXT) IS NULL OR instance_id = $2)
           AND (CAST($3 AS TEXT) IS NULL OR group_id = $3)
         ORDER BY instance_id COLLATE \"C\", group_id COLLATE \"C\", name COLLATE \"C\""
    );
    session.all(AssertSqlSafe(sql), arguments![account_id, instance_id, group_id]).await
}

/// Where the account has this domain name: on one gateway or several.
///
/// # Errors
/// The database fails.
pub async fn list_named(session: &mut Session, account_id: &str, name: &str) -> Result<Vec<GatewayDomain>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM gateway_domains
         WHERE account_id = $1 AND name = $2 ORDER BY instance_id COLLATE \"C\""
    );
    session.all(AssertSqlSafe(sql), arguments![account_id, name]).await
}

/// Every domain name that a certificate is bound to.
///
/// # Errors
/// The database fails.
pub async fn list_bound(session: &mut Session, certificate_id: &str) -> Result<Vec<GatewayDomain>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM gateway_domains WHERE certificate_id = $1 ORDER BY id");
    session.all(AssertSqlSafe(sql), arguments![certificate_id]).await
}

/// A page of the domain names that a certificate is bound to, those with `text` in them, by name, and how many there are.
///
/// # Errors
/// The database fails.
pub async fn list_bound_page(
    session: &mut Session,
    certificate_id: &str,
    text: Option<&str>,
    page: Page,
) -> Result<(Vec<GatewayDomain>, i64), StoreError> {
    const MATCHING: &str = "certificate_id = $1 AND (CAST($2 AS TEXT) IS NULL OR name LIKE $2 ESCAPE '\\')";
    let pattern = text.map(contains_pattern);
    let direction = page.direction.sql();
    let sql = format!("SELECT COUNT(*) FROM gateway_domains WHERE {MATCHING}");
    let total = session.number(AssertSqlSafe(sql), arguments![certificate_id, &pattern]).await?;
    let sql = format!(
        "SELECT {COLUMNS} FROM gateway_domains WHERE {MATCHING}
         ORDER BY name COLLATE \"C\" {direction}, instance_id COLLATE \"C\" {direction} LIMIT $3 OFFSET $4"
    );
    let arguments = arguments![certificate_id, pattern, page.limit, page.offset];
    Ok((session.all(AssertSqlSafe(sql), arguments).await?, total))
}

/// Binds a certificate to a domain name, in the place of the one that was bound before.
///
/// # Errors
/// The database fails.
pub async fn bind(
    session: &mut Session,
    id: &str,
    certificate_id: &str,
    verifies_clients: bool,
) -> Result<(), StoreError> {
    let sql = "UPDATE gateway_domains SET certificate_id = $2, verifies_clients = $3 WHERE id = $1";
    session.execute(sql, arguments![id, certificate_id, i64::from(verifies_clients)]).await.map(drop)
}

/// Unbinds a certificate from a domain name. Says whether it was bound to it.
///
/// # Errors
/// The database fails.
pub async fn unbind(session: &mut Session, id: &str, certificate_id: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE gateway_domains SET certificate_id = NULL, verifies_clients = 0
               WHERE id = $1 AND certificate_id = $2";
    Ok(session.execute(sql, arguments![id, certificate_id]).await? == 1)
}

/// Lets all clients in under the domain names of a certificate that has no CAs to verify them by.
///
/// # Errors
/// The database fails.
pub async fn stop_verifying(session: &mut Session, certificate_id: &str) -> Result<(), StoreError> {
    let sql = "UPDATE gateway_domains SET verifies_clients = 0 WHERE certificate_id = $1";
    session.execute(sql, arguments![certificate_id]).await.map(drop)
}
