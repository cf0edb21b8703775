//! What time leaves behind.

use openccm_store::tokens;

use crate::{Error, OpenCcm};

/// What was cleaned up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanedUp {
    /// The authorities whose keys were destroyed, by id.
    pub destroyed_keys: Vec<String>,
    /// How many tokens had ended.
    pub expired_tokens: u64,
}

/// Destroys the keys of authorities whose scheduled deletion has taken effect, and deletes tokens that have ended. Doing it
/// again, or on several servers at once, does no harm.
///
/// # Errors
/// The store fails; then nothing is cleaned up.
pub async fn clean_up(ccm: &OpenCcm) -> Result<CleanedUp, Error> {
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().write().await?;
    let destroyed_keys = ccm.keys().delete_of_deleted_authorities(&mut session, now_ms).await?;
    let expired_tokens = tokens::delete_expired(&mut session, now_ms).await?;
    session.commit().await?;
    for id in &destroyed_keys {
        tracing::info!(ca_id = %id, "destroyed the key of a deleted authority");
    }
    Ok(CleanedUp { destroyed_keys, expired_tokens })
}
