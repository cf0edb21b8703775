//! Up to when the clock's jobs have done what was due.

use crate::{Session, StoreError, db::arguments};

/// Up to when the job has done what was due; none where it never ran to its end.
///
/// # Errors
/// The database fails.
pub async fn find(session: &mut Session, name: &str) -> Result<Option<i64>, StoreError> {
    let row = session.optional::<(i64,)>("SELECT done_until FROM jobs WHERE name = $1", arguments![name]).await?;
    Ok(row.map(|(done_until,)| done_until))
}

/// Notes that the job has done what was due until then. A clock that was put back takes nothing of that away.
///
/// # Errors
/// The database fails.
pub async fn update(session: &mut Session, name: &str, done_until: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO jobs (name, done_until) VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET done_until = CASE
                   WHEN excluded.done_until > jobs.done_until THEN excluded.done_until ELSE jobs.done_until END";
    session.execute(sql, arguments![name, done_until]).await.map(drop)
}
