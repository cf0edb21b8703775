//! Where revocation lists are published: buckets, the vendor's OBS. A bucket is a folder of a local one, or a bucket of an
//! S3-compatible service. `object_store`'s types stop here.

mod error;
mod folder;
mod http;
mod names;
mod opened;
mod s3;
mod s3_buckets;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use ::http::Uri;
use bytes::Bytes;
use object_store::client::HttpClient;
use openccm_auth::Secret;

pub use self::{
    error::BucketError,
    names::{check_bucket_name, check_object_name},
    opened::{BodyStream, OpenObject, Opened},
};
use self::{folder::FolderStore, s3::S3Store};

/// Where buckets are.
#[derive(Clone, Debug)]
pub enum BucketSettings {
    /// A folder (made with the first bucket), each bucket a folder in it. OpenCCM serves what is in it.
    Folder(PathBuf),
    /// An S3-compatible service.
    S3(S3Settings),
}

/// An S3-compatible service and who OpenCCM is there.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Its address, `http://` or `https://` with a host and perhaps a port, nothing behind.
    pub endpoint: String,
    /// The region that requests are signed for and buckets are made in.
    pub region: String,
    /// The access key's id.
    pub access_key: String,
    /// The access key's secret.
    pub secret_key: Secret,
    /// Whether a bucket's name stands in the path (`https://host/bucket/object`) or before the host
    /// (`https://bucket.host/object`).
    pub path_style: bool,
}

/// How long to wait for an object service.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For a sign of life on a connection: the beginning of an answer, or its continuation.
    pub silence: Duration,
    /// For a whole call, attempts and pauses between them included. An object that is read or written whole has the time
    /// besides that a slow connection takes for it; a body that [`BucketStore::open`] streams has no limit.
    pub call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), silence: Duration::from_secs(10), call: Duration::from_secs(15) }
    }
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// Its content.
    pub bytes: Bytes,
    /// Which content that is.
    pub version: Version,
}

/// What tells one content of an object from another: its ETag, in its quotes (RFC 9110 section 8.8.3). An S3 service makes
/// it from the content; in a folder it is made of inode, time of change and size, so that a copy of the folder has others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The ETag, for a database or a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version whose ETag a service gave.
    fn given(tag: Option<String>) -> Result<Self, BucketError> {
        tag.map(Self).ok_or_else(|| BucketError::unavailable("the service gives its objects no ETag"))
    }
}

impl From<String> for Version {
    fn from(tag: String) -> Self {
        Self(tag)
    }
}

impl From<&str> for Version {
    fn from(tag: &str) -> Self {
        Self(tag.to_owned())
    }
}

/// An object to be stored.
struct NewObject<'a> {
    bytes: Bytes,
    content_type: &'a str,
    cache_control: &'a str,
}

/// The buckets. Cheap to clone.
#[derive(Clone)]
pub struct BucketStore(Arc<Parts>);

struct Parts {
    place: Place,
    http: HttpClient,
    timeouts: Timeouts,
}

enum Place {
    Folder(FolderStore),
    S3(Box<S3Store>),
}

impl BucketStore {
    /// The buckets that `settings` describe. Nothing is contacted yet.
    ///
    /// # Errors
    /// [`BucketError::InvalidSettings`].
    pub fn new(settings: BucketSettings) -> Result<Self, BucketError> {
        Self::with_timeouts(settings, Timeouts::default())
    }

    /// As [`Self::new`], with other timeouts.
    ///
    /// # Errors
    /// [`BucketError::InvalidSettings`].
    pub fn with_timeouts(settings: BucketSettings, timeouts: Timeouts) -> Result<Self, BucketError> {
        let (place, http) = match settings {
            BucketSettings::Folder(root) => (Place::Folder(FolderStore::new(root)), http::client(&timeouts, false)?),
            BucketSettings::S3(settings) => {
                let endpoint = s3::check(&settings)?;
                let http = http::client(&timeouts, endpoint.scheme() == "https")?;
                (Place::S3(Box::new(S3Store::new(settings, endpoint, http.clone(), timeouts))), http)
            }
        };
        Ok(Self(Arc::new(Parts { place, http, timeouts })))
    }

    /// Makes a bucket. One that is there already and is ours is fine.
    ///
    /// # Errors
    /// [`BucketError::InvalidName`], [`BucketError::NotOurs`] or [`BucketError::Unavailable`].
    pub async fn create_bucket(&self, bucket: &str) -> Result<(), BucketError> {
        check_bucket_name(bucket).map_err(BucketError::InvalidName)?;
        match &self.0.place {
            Place::Folder(folder) => folder.create_bucket(bucket).await,
            Place::S3(s3) => s3.create_bucket(bucket).await,
        }
    }

    /// Whether a bucket is there.
    ///
    /// # Errors
    /// [`BucketError::InvalidName`], or [`BucketError::Unavailable`], also where the service does not let us into the bucket.
    pub async fn bucket_exists(&self, bucket: &str) -> Result<bool, BucketError> {
        check_bucket_name(bucket).map_err(BucketError::InvalidName)?;
        match &self.0.place {
            Place::Folder(folder) => folder.bucket_exists(bucket).await,
            Place::S3(s3) => s3.bucket_exists(bucket).await,
        }
    }

    /// The version of an object, without its content; `None` where the object or the bucket is not there.
    ///
    /// # Errors
    /// [`BucketError::InvalidName`] or [`BucketError::Unavailable`].
    pub async fn version(&self, bucket: &str, object: &str) -> Result<Option<Version>, BucketError> {
        check_names(bucket, object)?;
        match &self.0.place {
            Place::Folder(folder) => folder.version(bucket, object).await,
            Place::S3(s3) => s3.version(bucket, object).await,
        }
    }

    /// An object with its content; `None` where the object or the bucket is not there.
    ///
    /// # Errors
    /// [`BucketError::InvalidName`] or [`BucketError::Unavailable`].
    pub async fn get(&self, bucket: &str, object: &str) -> Result<Option<StoredObject>, BucketError> {
        check_names(bucket, object)?;
        match &self.0.place {
            Place::Folder(folder) => folder.get(bucket, object).await,
            Place::S3(s3) => s3.get(bucket, object).await,
        }
    }

    /// Replaces an object if it is still at `expected` (`None`: if it is not there), and gives its new version. Readers see
    /// the old content or the new, and the new one is durable. A folder keeps neither `content_type` nor `cache_control`.
    ///
    /// Callers that may write the same object must hold a lock: a folder compares versions just before it writes, which
    /// binds this process alone, and so do services that do not know conditions.
    ///
    /// # Errors
    /// [`BucketError::Conflict`] where the object is not at `expected`; also where an attempt got through whose answer was
    /// lost, so that the object is to be read again. [`BucketError::NotFound`] where the bucket is not there,
    /// [`BucketError::InvalidName`], or [`BucketError::Unavailable`], where the object may have been replaced nevertheless.
    pub async fn put(
        &self,
        bucket: &str,
        object: &str,
        bytes: impl Into<Bytes>,
        content_type: &str,
        cache_control: &str,
        expected: Option<&Version>,
    ) -> Result<Version, BucketError> {
        check_names(bucket, object)?;
        let new = NewObject { bytes: bytes.into(), content_type, cache_control };
        match &self.0.place {
            Place::Folder(folder) => folder.put(bucket, object, new.bytes, expected).await,
            Place::S3(s3) => s3.put(bucket, object, new, expected).await,
        }
    }

    /// An object to be served over HTTP, its content as a stream. `if_none_match` is the header of that name
    /// (RFC 9110 section 13.1.2).
    ///
    /// # Errors
    /// [`BucketError::NotFound`] where the object or the bucket is not there, [`BucketError::InvalidName`] or
    /// [`BucketError::Unavailable`].
    pub async fn open(&self, bucket: &str, object: &str, if_none_match: Option<&str>) -> Result<Opened, BucketError> {
        check_names(bucket, object)?;
        match &self.0.place {
            Place::Folder(folder) => folder.open(bucket, object, if_none_match).await,
            Place::S3(s3) => s3.open(bucket, object, if_none_match).await,
        }
    }

    /// Whether anybody may read what is at `url` (`http` or `https`), which is asked for without credentials.
    ///
    /// # Errors
    /// [`BucketError::InvalidSettings`] where it is no such URL, [`BucketError::Unavailable`] where nobody can tell: no
    /// answer, or one that the server is to blame for.
    pub async fn is_public(&self, url: &str) -> Result<bool, BucketError> {
        let url = http::parse_url(url)?;
        let uri: Uri = url.as_str().parse().map_err(BucketError::settings)?;
        within(self.0.timeouts.call, http::is_public(&self.0.http, uri)).await
    }
}

impl fmt::Debug for BucketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.place {
            Place::Folder(folder) => f.debug_tuple("BucketStore").field(folder).finish(),
            Place::S3(s3) => f.debug_tuple("BucketStore").field(s3).finish(),
        }
    }
}

fn check_names(bucket: &str, object: &str) -> Result<(), BucketError> {
    check_bucket_name(bucket).and_then(|()| check_object_name(object)).map_err(BucketError::InvalidName)
}

/// Ends a call that takes longer than `limit`.
async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, BucketError>>) -> Result<T, BucketError> {
    let late = || BucketError::unavailable(format!("the service took longer than {} s", limit.as_secs_f32()));
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| Err(late()))
}
