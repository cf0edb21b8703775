//! The kinds of places where buckets are.

use std::path::PathBuf;

use openccm_auth::Secret;
use openccm_service::bucket_store::{BucketError, BucketSettings, BucketStore, S3Settings, Version};
use openccm_tests::s3_server::S3Server;
use tempfile::TempDir;

pub(crate) const CRL: &str = "application/pkix-crl";
pub(crate) const CACHE: &str = "public, max-age=3600";

/// A place and a name for a bucket in it that no other test uses.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) store: BucketStore,
    pub(crate) bucket: String,
    /// Where a bucket's objects are files, whatever the store is told about them.
    pub(crate) files: Option<PathBuf>,
    _folder: TempDir,
    _server: Option<S3Server>,
}

impl Place {
    /// A bucket's name on a server that is there already.
    pub(crate) fn with(settings: S3Settings) -> Self {
        Self::new("service", BucketSettings::S3(settings), tempfile::tempdir().unwrap(), None)
    }

    fn new(name: &'static str, settings: BucketSettings, folder: TempDir, server: Option<S3Server>) -> Self {
        let random = folder.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.').to_lowercase();
        let files = (name != "service").then(|| folder.path().to_owned());
        let store = BucketStore::new(settings).unwrap();
        Self { name, store, bucket: format!("test-{random}"), files, _folder: folder, _server: server }
    }

    pub(crate) async fn in_folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::new("folder", BucketSettings::Folder(folder.path().to_owned()), folder, None)
    }

    pub(crate) async fn on_server() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = S3Server::start(folder.path()).await.unwrap();
        Self::new("server", BucketSettings::S3(settings_of(&server)), folder, Some(server))
    }

    pub(crate) async fn on_server_without_conditions() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = S3Server::start_without_conditions(folder.path()).await.unwrap();
        Self::new("server without conditions", BucketSettings::S3(settings_of(&server)), folder, Some(server))
    }

    pub(crate) async fn put(
        &self,
        object: &str,
        content: &str,
        expected: Option<&Version>,
    ) -> Result<Version, BucketError> {
        self.store.put(&self.bucket, object, content.to_owned(), CRL, CACHE, expected).await
    }

    /// What an object holds, read past the store where that is possible.
    pub(crate) async fn content(&self, object: &str) -> String {
        let read = self.store.get(&self.bucket, object).await.unwrap().unwrap().bytes;
        if let Some(files) = &self.files {
            assert_eq!(std::fs::read(files.join(&self.bucket).join(object)).unwrap(), read, "{}", self.name);
        }
        String::from_utf8(read.to_vec()).unwrap()
    }
}

/// The service to test against besides, if one is named.
pub(crate) fn service() -> Option<S3Settings> {
    let endpoint = std::env::var("TEST_S3_ENDPOINT").ok()?;
    let variable = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} belongs to TEST_S3_ENDPOINT"));
    Some(S3Settings {
        endpoint,
        region: "us-east-1".to_owned(),
        access_key: variable("TEST_S3_ACCESS_KEY"),
        secret_key: Secret::new(variable("TEST_S3_SECRET_KEY")),
        path_style: true,
    })
}

pub(crate) fn settings_of(server: &S3Server) -> S3Settings {
    S3Settings {
        endpoint: server.endpoint.clone(),
        region: "us-east-1".to_owned(),
        access_key: server.access_key.clone(),
        secret_key: Secret::new(server.secret_key.clone()),
        path_style: true,
    }
}

/// Runs a test in every kind of place.
pub(crate) async fn everywhere(test: impl AsyncFn(&Place)) {
    let mut places =
        vec![Place::in_folder().await, Place::on_server().await, Place::on_server_without_conditions().await];
    places.extend(service().map(Place::with));
    for place in &places {
        test(place).await;
    }
}

/// Runs a test in every kind of place, in a bucket that is there.
pub(crate) async fn in_buckets(test: impl AsyncFn(&Place)) {
    everywhere(async |place| {
        place.store.create_bucket(&place.bucket).await.unwrap();
        test(place).await;
    })
    .await;
}
