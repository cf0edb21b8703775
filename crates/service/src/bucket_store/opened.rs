//! Objects opened for serving.

use std::{fmt, pin::Pin};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::GetResult;

use super::{BucketError, Version};

/// The content of an object, piece by piece.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BucketError>> + Send>>;

/// What came of opening an object.
#[derive(Debug)]
pub enum Opened {
    /// The object.
    Object(OpenObject),
    /// The requester has it already, at this version.
    NotModified(Version),
}

/// An object whose content is about to be read.
pub struct OpenObject {
    /// How long its content is, in bytes.
    pub length: u64,
    /// Which content it is.
    pub version: Version,
    /// When it was last replaced, in milliseconds since the epoch.
    pub last_modified_ms: i64,
    /// The content. Errors are [`BucketError::Unavailable`].
    pub body: BodyStream,
}

impl fmt::Debug for OpenObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenObject")
            .field("length", &self.length)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// What to do about a request with this `If-None-Match`, if any.
    pub(super) fn new(found: GetResult, if_none_match: Option<&str>) -> Result<Self, BucketError> {
        let version = Version::given(found.meta.e_tag.clone())?;
        if if_none_match.is_some_and(|header| matches(header, &version)) {
            return Ok(Self::NotModified(version));
        }
        Ok(Self::Object(OpenObject {
            length: found.meta.size,
            version,
            last_modified_ms: found.meta.last_modified.timestamp_millis(),
            body: found.into_stream().map_err(BucketError::unavailable).boxed(),
        }))
    }
}

/// Whether `If-None-Match: header` names this version. The comparison is the weak one (RFC 9110 section 13.1.2).
fn matches(header: &str, version: &Version) -> bool {
    header.trim() == "*" || header.split(',').any(|tag| strong(tag) == strong(version.as_str()))
}

/// The tag of an `If-None-Match` that names a single one.
pub(super) fn single_tag(header: &str) -> Option<&str> {
    let tag = strong(header);
    let opaque = tag.strip_prefix('"')?.strip_suffix('"')?;
    opaque.bytes().all(|c| c.is_ascii_graphic() && c != b'"' && c != b',').then_some(tag)
}

/// A tag without what marks it as weak.
fn strong(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_none_match_may_be_weak_a_list_or_an_asterisk() {
        let version = Version::from("\"a-1\"");
        for header in ["\"a-1\"", "W/\"a-1\"", "\"x\", \"a-1\"", "\"x\",W/\"a-1\" ", "*", " * "] {
            assert!(matches(header, &version), "{header}");
        }
        for header in ["", "a-1", "\"a\"", "\"A-1\"", "\"a-1", "\"x\", \"y\"", "**", ","] {
            assert!(!matches(header, &version), "{header}");
        }
    }

    #[test]
    fn only_a_single_well_formed_tag_is_passed_on() {
        assert_eq!(single_tag(" W/\"a-1\""), Some("\"a-1\""));
        for header in ["*", "", "\"", "a", "\"a\", \"b\"", "\"a\n\"", "\"é\""] {
            assert_eq!(single_tag(header), None, "{header:?}");
        }
    }
}
