//! Objects on an S3-compatible service.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use object_store::{
    Attribute, Attributes, BackoffConfig, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    RetryConfig, UpdateVersion,
    aws::{AmazonS3, AmazonS3Builder, AwsCredential, S3ConditionalPut},
    client::HttpClient,
    path::Path as Location,
};
use url::{Host, Url};

use super::{
    BucketError, NewObject, Opened, S3Settings, StoredObject, Timeouts, Version, http::Watching, http::parse_url,
    opened::single_tag, within,
};

/// The slowest connection over which a list is still published, in bytes a second.
const SLOWEST: u64 = 256 * 1024;
const MAX_RETRIES: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An S3-compatible service. Names given to it have been checked.
pub(super) struct S3Store {
    pub(super) endpoint: Url,
    pub(super) region: String,
    pub(super) credential: AwsCredential,
    pub(super) http: HttpClient,
    path_style: bool,
    timeouts: Timeouts,
    watching: Watching,
    /// Whether the service took a tag without its quotes that it had not taken with them.
    bare_tags: AtomicBool,
}

/// How a write says what it replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// By the ETag as it is (RFC 9110 section 13.1.1).
    Tag,
    /// By the ETag without its quotes: Ceph compares that one (seen with version 16).
    BareTag,
    /// Not at all.
    None,
}

impl Condition {
    fn mode(self, expected: Option<&Version>) -> PutMode {
        let update = |tag: &str| PutMode::Update(UpdateVersion { e_tag: Some(tag.to_owned()), version: None });
        match (self, expected) {
            (Self::None, _) => PutMode::Overwrite,
            (_, None) => PutMode::Create,
            (Self::Tag, Some(version)) => update(version.as_str()),
            (Self::BareTag, Some(version)) => update(version.as_str().trim_matches('"')),
        }
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.endpoint, f)
    }
}

/// The settings' endpoint, once they have been looked through.
pub(super) fn check(settings: &S3Settings) -> Result<Url, BucketError> {
    let wrong = |what: &str| Err(BucketError::settings(what));
    let endpoint = parse_url(&settings.endpoint)?;
    let nothing_behind = endpoint.path() == "/" && endpoint.query().is_none() && endpoint.fragment().is_none();
    if !nothing_behind || !endpoint.username().is_empty() || endpoint.password().is_some() {
        return wrong("the endpoint of an S3 service is http:// or https://, a host and perhaps a port");
    }
    if !settings.path_style && !matches!(endpoint.host(), Some(Host::Domain(_))) {
        return wrong("no bucket's name can stand before an IP address: the endpoint needs the path style");
    }
    let region = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if settings.region.is_empty() || !settings.region.bytes().all(region) {
        return wrong("the region of an S3 service consists of letters, digits, hyphens and underscores");
    }
    if settings.access_key.is_empty() || !settings.access_key.bytes().all(|c| c.is_ascii_graphic()) {
        return wrong("the access key of an S3 service consists of visible ASCII characters");
    }
    if settings.secret_key.expose().is_empty() {
        return wrong("the secret key of an S3 service is missing");
    }
    Ok(endpoint)
}

impl S3Store {
    pub(super) fn new(settings: S3Settings, endpoint: Url, http: HttpClient, timeouts: Timeouts) -> Self {
        Self {
            endpoint,
            region: settings.region,
            credential: AwsCredential {
                key_id: settings.access_key,
                secret_key: settings.secret_key.expose().to_owned(),
                token: None,
            },
            path_style: settings.path_style,
            timeouts,
            watching: Watching::new(http.clone()),
            bare_tags: AtomicBool::new(false),
            http,
        }
    }

    pub(super) async fn create_bucket(&self, bucket: &str) -> Result<(), BucketError> {
        within(self.timeouts.call, self.make_bucket(bucket)).await
    }

    pub(super) async fn bucket_exists(&self, bucket: &str) -> Result<bool, BucketError> {
        within(self.timeouts.call, self.head_bucket(bucket)).await
    }

    pub(super) async fn version(&self, bucket: &str, object: &str) -> Result<Option<Version>, BucketError> {
        within(self.timeouts.call, head(&self.bucket(bucket)?, object)).await
    }

    pub(super) async fn get(&self, bucket: &str, object: &str) -> Result<Option<StoredObject>, BucketError> {
        let store = self.bucket(bucket)?;
        let location = Location::from(object);
        let call = async {
            match store.get(&location).await {
                Ok(found) => Ok(Some(found)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(BucketError::unavailable(error)),
            }
        };
        let Some(found) = within(self.timeouts.call, call).await? else { return Ok(None) };
        let version = Version::given(found.meta.e_tag.clone())?;
        let limit = self.transfer(found.meta.size);
        let bytes = within(limit, async { found.bytes().await.map_err(BucketError::unavailable) }).await?;
        Ok(Some(StoredObject { bytes, version }))
    }

    pub(super) async fn open(
        &self,
        bucket: &str,
        object: &str,
        if_none_match: Option<&str>,
    ) -> Result<Opened, BucketError> {
        let store = self.bucket(bucket)?;
        // Not every service understands more than one tag; the comparison after the answer does.
        let tag = if_none_match.and_then(single_tag);
        let options = GetOptions::default().with_if_none_match(tag);
        let call = async {
            match (store.get_opts(&Location::from(object), options).await, tag) {
                (Ok(found), _) => Opened::new(found, if_none_match),
                (Err(Error::NotModified { .. }), Some(tag)) => Ok(Opened::NotModified(tag.into())),
                (Err(Error::NotFound { .. }), _) => Err(BucketError::NotFound),
                (Err(error), _) => Err(BucketError::unavailable(error)),
            }
        };
        within(self.timeouts.call, call).await
    }

    pub(super) async fn put(
        &self,
        bucket: &str,
        object: &str,
        new: NewObject<'_>,
        expected: Option<&Version>,
    ) -> Result<Version, BucketError> {
        let store = self.bucket(bucket)?;
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, new.content_type.to_owned().into());
        attributes.insert(Attribute::CacheControl, new.cache_control.to_owned().into());
        let limit = self.transfer(new.bytes.len() as u64);
        let call = async {
            let mut condition = self.condition();
            loop {
                // There are services that overwrite whatever the condition says: compare before.
                if head(&store, object).await?.as_ref() != expected {
                    return Err(self.conflict(bucket).await);
                }
                let options = PutOptions {
                    mode: condition.mode(expected),
                    attributes: attributes.clone(),
                    ..PutOptions::default()
                };
                match store.put_opts(&Location::from(object), new.bytes.clone().into(), options).await {
                    Ok(put) => {
                        self.bare_tags.fetch_or(condition == Condition::BareTag, Ordering::Relaxed);
                        return Version::given(put.e_tag);
                    }
                    Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                        if expected.is_none() || condition == Condition::BareTag {
                            return Err(self.conflict(bucket).await);
                        }
                        condition = Condition::BareTag;
                    }
                    Err(Error::NotFound { .. }) => return Err(BucketError::NotFound),
                    Err(_) if condition != Condition::None && self.watching.knows_no_conditions() => {
                        tracing::warn!(endpoint = %self.endpoint, "the object service knows no conditions: doing without");
                        condition = Condition::None;
                    }
                    Err(error) => return Err(BucketError::unavailable(error)),
                }
            }
        };
        within(limit, call).await
    }

    /// How long a call may take that carries so many bytes.
    fn transfer(&self, length: u64) -> Duration {
        self.timeouts.call + Duration::from_secs(length / SLOWEST)
    }

    /// How to state a condition, as far as that is known of this service.
    fn condition(&self) -> Condition {
        if self.watching.knows_no_conditions() {
            Condition::None
        } else if self.bare_tags.load(Ordering::Relaxed) {
            Condition::BareTag
        } else {
            Condition::Tag
        }
    }

    /// Why an object is not as expected: perhaps its bucket is gone.
    async fn conflict(&self, bucket: &str) -> BucketError {
        match self.head_bucket(bucket).await {
            Ok(true) => BucketError::Conflict,
            Ok(false) => BucketError::NotFound,
            Err(error) => error,
        }
    }

    /// The URL of a bucket, with a slash at the end.
    pub(super) fn bucket_url(&self, bucket: &str) -> Result<Url, BucketError> {
        let mut url = self.endpoint.clone();
        if self.path_style {
            url.set_path(&format!("{bucket}/"));
        } else {
            let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
            url.set_host(Some(&host)).map_err(BucketError::settings)?;
        }
        Ok(url)
    }

    /// A bucket, on the connections that all buckets share.
    fn bucket(&self, bucket: &str) -> Result<AmazonS3, BucketError> {
        let endpoint = if self.path_style { self.endpoint.clone() } else { self.bucket_url(bucket)? };
        let backoff = BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2.0 };
        AmazonS3Builder::new()
            .with_endpoint(endpoint.as_str().trim_end_matches('/'))
            .with_virtual_hosted_style_request(!self.path_style)
            .with_bucket_name(bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.credential.key_id)
            .with_secret_access_key(&self.credential.secret_key)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(RetryConfig { backoff, max_retries: MAX_RETRIES, retry_timeout: self.timeouts.call })
            .with_http_connector(self.watching.clone())
            .build()
            .map_err(BucketError::unavailable)
    }
}

async fn head(store: &AmazonS3, object: &str) -> Result<Option<Version>, BucketError> {
    match store.head(&Location::from(object)).await {
        Ok(meta) => Version::given(meta.e_tag).map(Some),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(BucketError::unavailable(error)),
    }
}

#[cfg(test)]
mod tests {
    use openccm_auth::Secret;

    use super::*;
    use crate::bucket_store::http::client;

    fn bucket_url(endpoint: &str, path_style: bool) -> String {
        let settings = S3Settings {
            endpoint: endpoint.to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "access".to_owned(),
            secret_key: Secret::new("secret".to_owned()),
            path_style,
        };
        let (endpoint, timeouts) = (check(&settings).unwrap(), Timeouts::default());
        let store = S3Store::new(settings, endpoint, client(&timeouts, false).unwrap(), timeouts);
        store.bucket_url("a.bucket").unwrap().into()
    }

    #[test]
    fn a_bucket_stands_in_the_path_or_before_the_host() {
        assert_eq!(bucket_url("https://s3.example.com", true), "https://s3.example.com/a.bucket/");
        assert_eq!(bucket_url("http://127.0.0.1:9000/", true), "http://127.0.0.1:9000/a.bucket/");
        assert_eq!(bucket_url("https://s3.example.com", false), "https://a.bucket.s3.example.com/");
        assert_eq!(bucket_url("http://s3.example.com:9000", false), "http://a.bucket.s3.example.com:9000/");
    }
}
