//! Work that would hold up the other tasks of an async thread.

use crate::PkiError;

/// So many bytes are hashed in less time than another thread takes to answer; more are handed to one.
pub(crate) const MAX_INLINE: usize = 64 * 1024;

/// Runs `work`, on a thread of its own where it is `long`.
///
/// # Errors
/// Those of `work`; [`PkiError::Crypto`] where it did not come to its end.
pub(crate) async fn run<T, W>(long: bool, work: W) -> Result<T, PkiError>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, PkiError> + Send + 'static,
{
    if !long {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| PkiError::Crypto)?
}
