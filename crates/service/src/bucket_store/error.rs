//! What can go wrong with buckets.

use std::error::Error;

use crate::causes::with_causes;

/// The longest description of a failure: an answer that is not from an object service may be a long page.
const DESCRIPTION_CHARS: usize = 600;

/// Why something was not done in a bucket.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The settings cannot work. Says what is wrong.
    #[error("{0}")]
    InvalidSettings(String),
    /// No name for a bucket or object. Says why.
    #[error("{0}")]
    InvalidName(&'static str),
    /// The object or the bucket is not there.
    #[error("there is no such object or bucket")]
    NotFound,
    /// The object is not what it was expected to be. It was not replaced.
    #[error("the object is not what it was expected to be")]
    Conflict,
    /// The bucket is somebody else's.
    #[error("the bucket belongs to somebody else")]
    NotOurs,
    /// The folder or the service does not do its part: it is not there, does not answer, fails, or refuses us.
    #[error("the bucket store does not do its part: {}", described(.0.as_ref()))]
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl BucketError {
    pub(super) fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }

    pub(super) fn settings(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::InvalidSettings(described(error.into().as_ref()))
    }
}

/// An error and what caused it, in one line of bounded length.
fn described(error: &(dyn Error + 'static)) -> String {
    with_causes(error).chars().map(|c| if c.is_control() { ' ' } else { c }).take(DESCRIPTION_CHARS).collect()
}
