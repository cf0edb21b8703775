//! Certificates of the API gateway.

use openccm_core::GatewayScope;
use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Session, StoreError,
    db::arguments,
    page::{Page, contains_pattern},
};

/// A certificate of the API gateway, without its DER.
#[derive(Clone, Debug, FromRow)]
pub struct GatewayCertificate {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// The project in whose name it was made.
    pub project_id: String,
    /// Its name.
    pub name: String,
    /// Whether it is for every gateway or for one, as [`GatewayScope`] writes it.
    pub scope: String,
    /// The gateway that it is for; `common` for every one.
    pub instance_id: String,
    /// The subject's common name; empty where there is none.
    pub common_name: String,
    /// Domain names and addresses, with line feeds between them.
    pub alternative_names: String,
    /// `RSA` or `ECC`.
    pub algorithm_type: String,
    /// How it is signed, in Go's style (`SHA256-RSA`).
    pub signature_algorithm: String,
    /// When it ends.
    pub not_after: i64,
    /// Whether it comes with CAs whose clients are let in (1).
    pub has_trusted_roots: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

/// What is stored of a certificate that is made or replaced.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Its name.
    pub name: String,
    /// Whether it is for every gateway or for one.
    pub scope: GatewayScope,
    /// The gateway that it is for; `common` for every one.
    pub instance_id: String,
    /// The certificate (DER).
    pub certificate: Vec<u8>,
    /// Those above it (DER, one after the other).
    pub chain: Vec<u8>,
    /// The CAs whose clients are let in (DER, one after the other).
    pub trusted_roots: Vec<u8>,
    /// The subject's common name; empty where there is none.
    pub common_name: String,
    /// Domain names and addresses, with line feeds between them.
    pub alternative_names: String,
    /// `RSA` or `ECC`.
    pub algorithm_type: String,
    /// How it is signed, in Go's style (`SHA256-RSA`).
    pub signature_algorithm: String,
    /// When it ends.
    pub not_after: i64,
    /// Now.
    pub updated_at: i64,
}

/// What a list is limited to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the name, whatever its case.
    pub name: Option<String>,
    /// Part of the common name, whatever its case.
    pub common_name: Option<String>,
    /// How it is signed, whatever the case.
    pub signature_algorithm: Option<String>,
    /// Whether it is for every gateway or for one.
    pub scope: Option<GatewayScope>,
    /// The gateway that it is for; `common` for every one.
    pub instance_id: Option<String>,
    /// `RSA` or `ECC`, whatever the case.
    pub algorithm_type: Option<String>,
}

const COLUMNS: &str = "id, account_id, project_id, name, scope, instance_id, common_name, alternative_names,
    algorithm_type, signature_algorithm, not_after,
    CASE WHEN LENGTH(trusted_roots) > 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS has_trusted_roots,
    created_at, updated_at";

/// The filter of lists: $1 account, $2 name, $3 common name, $4 signature, $5 scope, $6 gateway, $7 algorithm.
const MATCHING: &str = "account_id = $1
    AND (CAST($2 AS TEXT) IS NULL OR name_search LIKE $2 ESCAPE '\\')
    AND (CAST($3 AS TEXT) IS NULL OR common_name_search LIKE $3 ESCAPE '\\')
    AND (CAST($4 AS TEXT) IS NULL OR signature_algorithm = $4)
    AND (CAST($5 AS TEXT) IS NULL OR scope = $5)
    AND (CAST($6 AS TEXT) IS NULL OR instance_id = $6)
    AND (CAST($7 AS TEXT) IS NULL OR algorithm_type = $7)";

impl GatewayCertificate {
    /// Whether it is for one gateway alone.
    pub fn is_for_one_gateway(&self) -> bool {
        self.scope == GatewayScope::Instance.as_str()
    }

    /// Domain names and addresses that it is for.
    pub fn names(&self) -> Vec<String> {
        self.alternative_names.lines().map(str::to_owned).collect()
    }
}

/// Adds a certificate.
///
/// # Errors
/// [`StoreError::Duplicate`] where the account has one of this name.
pub async fn insert(
    session: &mut Session,
    id: &str,
    account_id: &str,
    project_id: &str,
    new: &Replacement,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO gateway_certificates (id, account_id, project_id, name, scope, instance_id, certificate, chain,
                   trusted_roots, common_name, alternative_names, algorithm_type, signature_algorithm, name_search,
                   common_name_search, not_after, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)";
    let arguments = arguments![
        id,
        account_id,
        project_id,
        &new.name,
        new.scope.as_str(),
        &new.instance_id,
        new.certificate.as_slice(),
        new.chain.as_slice(),
        new.trusted_roots.as_slice(),
        &new.common_name,
        &new.alternative_names,
        &new.algorithm_type,
        &new.signature_algorithm,
        new.name.to_lowercase(),
        new.common_name.to_lowercase(),
        new.not_after,
        new.updated_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// Puts another certificate in the place of the one with this id.
///
/// # Errors
/// [`StoreError::Duplicate`] where the account has another one of this name.
pub async fn replace(session: &mut Session, id: &str, new: &Replacement) -> Result<(), StoreError> {
    let sql = "UPDATE gateway_certificates
               SET name = $2, scope = $3, instance_id = $4, certificate = $5, chain = $6, trusted_roots = $7,
                   common_name = $8, alternative_names = $9, algorithm_type = $10, signature_algorithm = $11,
                   name_search = $12, common_name_search = $13, not_after = $14, updated_at = $15
               WHERE id = $1";
    let arguments = arguments![
        id,
        &new.name,
        new.scope.as_str(),
        &new.instance_id,
        new.certificate.as_slice(),
        new.chain.as_slice(),
        new.trusted_roots.as_slice(),
        &new.common_name,
        &new.alternative_names,
        &new.algorithm_type,
        &new.signature_algorithm,
        new.name.to_lowercase(),
        new.common_name.to_lowercase(),
        new.not_after,
        new.updated_at,
    ];
    session.execute(sql, arguments).await.map(drop)
}

/// The account's certificate with this id.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, account_id: &str, id: &str) -> Result<Option<GatewayCertificate>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM gateway_certificates WHERE account_id = $1 AND id = $2");
    session.optional(AssertSqlSafe(sql), arguments![account_id, id]).await
}

/// The id of the account's certificate of this name.
///
/// # Errors
/// The database fails.
pub async fn find_id(session: &mut Session, account_id: &str, name: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM gateway_certificates WHERE account_id = $1 AND name = $2";
    Ok(session.optional::<(String,)>(sql, arguments![account_id, name]).await?.map(|(id,)| id))
}

/// The certificate with this id itself (DER).
///
/// # Errors
/// The database fails.
pub async fn find_der(session: &mut Session, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT certificate FROM gateway_certificates WHERE id = $1";
    Ok(session.optional::<(Vec<u8>,)>(sql, arguments![id]).await?.map(|(der,)| der))
}

/// A page of the account's certificates that match, the newest first, and how many match in all.
///
/// # Errors
/// The database fails.
pub async fn list(
    session: &mut Session,
    account_id: &str,
    filter: &Filter,
    page: Page,
) -> Result<(Vec<GatewayCertificate>, i64), StoreError> {
    let name = filter.name.as_deref().map(contains_pattern);
    let common_name = filter.common_name.as_deref().map(contains_pattern);
    let signature = filter.signature_algorithm.as_deref().map(str::to_uppercase);
    let algorithm = filter.algorithm_type.as_deref().map(str::to_uppercase);
    let (scope, instance) = (filter.scope.map(GatewayScope::as_str), &filter.instance_id);
    let direction = page.direction.sql();
    let sql = format!("SELECT COUNT(*) FROM gateway_certificates WHERE {MATCHING}");
    let arguments = arguments![account_id, &name, &common_name, &signature, scope, instance, &algorithm];
    let total = session.number(AssertSqlSafe(sql), arguments).await?;
    let sql = format!(
        "SELECT {COLUMNS} FROM gateway_certificates WHERE {MATCHING}
         ORDER BY created_at {direction}, id {direction} LIMIT $8 OFFSET $9"
    );
    let arguments =
        arguments![account_id, name, common_name, signature, scope, instance, algorithm, page.limit, page.offset];
    Ok((session.all(AssertSqlSafe(sql), arguments).await?, total))
}

/// Deletes a certificate. It must not be bound to a domain name.
///
/// # Errors
/// The database fails.
pub async fn delete(session: &mut Session, id: &str) -> Result<(), StoreError> {
    session.execute("DELETE FROM gateway_certificates WHERE id = $1", arguments![id]).await.map(drop)
}
