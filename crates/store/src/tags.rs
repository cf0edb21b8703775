//! Tags of resources, and resources by their tags. Those of deleted resources are not seen.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Session, StoreError,
    db::{Argument, arguments},
    page::{Page, contains_pattern},
};

/// What can have tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceType {
    /// An SSL certificate.
    SslCertificate,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Tag {
    /// The key, of which a resource has one.
    #[sqlx(rename = "tag_key")]
    pub key: String,
    /// The value, which may be empty.
    #[sqlx(rename = "tag_value")]
    pub value: String,
}

/// A key, and the values that will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCondition {
    /// The key.
    pub key: String,
    /// The values; any will do where there is none.
    pub values: Vec<String>,
}

/// Which resources are searched for. An empty list limits nothing.
#[derive(Clone, Debug, Default)]
pub struct TagFilter {
    /// Those that meet all conditions.
    pub all_of: Vec<TagCondition>,
    /// Those that meet one condition or more.
    pub any_of: Vec<TagCondition>,
    /// Those that do not meet all conditions.
    pub not_all_of: Vec<TagCondition>,
    /// Those that meet no condition.
    pub none_of: Vec<TagCondition>,
    /// Those without any tag.
    pub untagged: bool,
    /// Part of the resource's name, whatever its case.
    pub name: Option<String>,
}

impl ResourceType {
    /// Its name in the table.
    const fn as_str(self) -> &'static str {
        match self {
            Self::SslCertificate => "ssl-certificate",
        }
    }

    /// The table of such resources, with those of the account $1 that were not deleted.
    const fn resources(self) -> &'static str {
        match self {
            Self::SslCertificate => "ssl_certificates r WHERE r.account_id = $1 AND r.deleted_at IS NULL",
        }
    }

    /// The column of their names.
    const fn name(self) -> &'static str {
        match self {
            Self::SslCertificate => "r.name",
        }
    }
}

/// Whether the account has this resource.
///
/// # Errors
/// The database fails.
pub async fn has_resource(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
    resource_id: &str,
) -> Result<bool, StoreError> {
    let sql = format!("SELECT COUNT(*) FROM {} AND r.id = $2", resource_type.resources());
    Ok(session.number(AssertSqlSafe(sql), arguments![account_id, resource_id]).await? > 0)
}

/// The tags of a resource, by key.
///
/// # Errors
/// The database fails.
pub async fn list(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
    resource_id: &str,
) -> Result<Vec<Tag>, StoreError> {
    let sql = "SELECT tag_key, tag_value FROM tags
               WHERE account_id = $1 AND resource_type = $2 AND resource_id = $3 ORDER BY tag_key COLLATE \"C\"";
    session.all(sql, arguments![account_id, resource_type.as_str(), resource_id]).await
}

/// The tags of all the account's resources of this type, each once, by key and value.
///
/// # Errors
/// The database fails.
pub async fn list_all(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
) -> Result<Vec<Tag>, StoreError> {
    let sql = format!(
        "SELECT tag_key, tag_value FROM tags
         WHERE account_id = $1 AND resource_type = $2 AND resource_id IN (SELECT r.id FROM {})
         GROUP BY tag_key, tag_value ORDER BY tag_key COLLATE \"C\", tag_value COLLATE \"C\"",
        resource_type.resources()
    );
    session.all(AssertSqlSafe(sql), arguments![account_id, resource_type.as_str()]).await
}

/// Adds a tag to a resource, in the place of the one with the same key.
///
/// # Errors
/// The database fails.
pub async fn put(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
    resource_id: &str,
    tag: &Tag,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO tags (account_id, resource_type, resource_id, tag_key, tag_value) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (account_id, resource_type, resource_id, tag_key) DO UPDATE SET tag_value = $5";
    let arguments = arguments![account_id, resource_type.as_str(), resource_id, &tag.key, &tag.value];
    session.execute(sql, arguments).await.map(drop)
}

/// Takes the tag with this key from a resource, if it has this value; whatever its value where none is given.
///
/// # Errors
/// The database fails.
pub async fn delete(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
    resource_id: &str,
    key: &str,
    value: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM tags WHERE account_id = $1 AND resource_type = $2 AND resource_id = $3 AND tag_key = $4
                   AND (CAST($5 AS TEXT) IS NULL OR tag_value = $5)";
    let arguments = arguments![account_id, resource_type.as_str(), resource_id, key, value];
    session.execute(sql, arguments).await.map(drop)
}

/// Takes all tags from a resource.
///
/// # Errors
/// The database fails.
pub async fn delete_all(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
    resource_id: &str,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM tags WHERE account_id = $1 AND resource_type = $2 AND resource_id = $3";
    session.execute(sql, arguments![account_id, resource_type.as_str(), resource_id]).await.map(drop)
}

/// How many of the account's resources match.
///
/// # Errors
/// The database fails.
pub async fn count(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
    filter: &TagFilter,
) -> Result<i64, StoreError> {
    let search = Search::new(account_id, resource_type, filter);
    session.number(AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", search.sql)), &search.arguments).await
}

/// The ids of a page of the account's resources that match, sorted by the time of their creation.
///
/// # Errors
/// The database fails.
pub async fn search(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
    filter: &TagFilter,
    page: Page,
) -> Result<Vec<String>, StoreError> {
    let mut search = Search::new(account_id, resource_type, filter);
    let direction = page.direction.sql();
    let limit = search.bind(page.limit);
    let offset = search.bind(page.offset);
    let sql = format!(
        "SELECT r.id FROM {} ORDER BY r.created_at {direction}, r.id {direction} LIMIT {limit} OFFSET {offset}",
        search.sql
    );
    let rows = session.all::<(String,)>(AssertSqlSafe(sql), &search.arguments).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// What follows FROM, and its arguments: $1 is the account, $2 the type.
struct Search {
    sql: String,
    arguments: Vec<Argument>,
}

impl Search {
    fn new(account_id: &str, resource_type: ResourceType, filter: &TagFilter) -> Self {
        let arguments = arguments![account_id, resource_type.as_str()].to_vec();
        let mut search = Self { sql: resource_type.resources().to_owned(), arguments };
        if filter.untagged {
            let tagged = search.tagged("");
            search.and(&format!("NOT {tagged}"));
        }
        for (conditions, glue, not) in [
            (&filter.all_of, " AND ", ""),
            (&filter.any_of, " OR ", ""),
            (&filter.not_all_of, " AND ", "NOT "),
            (&filter.none_of, " OR ", "NOT "),
        ] {
            if !conditions.is_empty() {
                let met: Vec<String> = conditions.iter().map(|condition| search.met(condition)).collect();
                search.and(&format!("{not}({})", met.join(glue)));
            }
        }
        if let Some(name) = &filter.name {
            let pattern = search.bind(contains_pattern(name));
            search.and(&format!("LOWER({}) LIKE {pattern} ESCAPE '\\'", resource_type.name()));
        }
        // Every statement needs each of its arguments.
        search.and("CAST($2 AS TEXT) IS NOT NULL");
        search
    }

    fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// Binds a value; gives what stands for it.
    fn bind(&mut self, value: impl Into<Argument>) -> String {
        self.arguments.push(value.into());
        format!("${}", self.arguments.len())
    }

    /// That the resource has a tag that meets the condition.
    fn met(&mut self, condition: &TagCondition) -> String {
        let key = self.bind(condition.key.as_str());
        let values: Vec<String> = condition.values.iter().map(|value| self.bind(value.as_str())).collect();
        if values.is_empty() {
            return self.tagged(&format!(" AND t.tag_key = {key}"));
        }
        self.tagged(&format!(" AND t.tag_key = {key} AND t.tag_value IN ({})", values.join(", ")))
    }

    /// That the resource has a tag of which `that` is true.
    fn tagged(&self, that: &str) -> String {
        format!(
            "EXISTS (SELECT 1 FROM tags t
                     WHERE t.account_id = $1 AND t.resource_type = $2 AND t.resource_id = r.id{that})"
        )
    }
}
