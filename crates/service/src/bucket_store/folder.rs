//! Buckets in a local folder.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use object_store::{
    Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, local::LocalFileSystem, path::Path as Location,
};
use tokio::sync::Mutex;

use super::{BucketError, Opened, StoredObject, Version};

/// Anybody may read what is published.
const FOLDER_MODE: u32 = 0o755;

/// A folder whose folders are buckets. Names given to it have been checked.
pub(super) struct FolderStore {
    root: PathBuf,
    /// Held while an object is compared and replaced.
    writing: Mutex<()>,
}

impl std::fmt::Debug for FolderStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.root.fmt(f)
    }
}

impl FolderStore {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, writing: Mutex::new(()) }
    }

    pub(super) async fn create_bucket(&self, bucket: &str) -> Result<(), BucketError> {
        let (root, folder) = (self.root.clone(), self.root.join(bucket));
        blocking(move || {
            if is_real_folder(&folder)? {
                return Ok(());
            }
            fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder)?;
            // Whatever the umask says.
            fs::set_permissions(&folder, fs::Permissions::from_mode(FOLDER_MODE))?;
            fs::File::open(&root)?.sync_all()
        })
        .await
    }

    pub(super) async fn bucket_exists(&self, bucket: &str) -> Result<bool, BucketError> {
        let folder = self.root.join(bucket);
        blocking(move || is_real_folder(&folder)).await
    }

    pub(super) async fn version(&self, bucket: &str, object: &str) -> Result<Option<Version>, BucketError> {
        match self.bucket(bucket, object).await? {
            Some(store) => head(&store, object).await,
            None => Ok(None),
        }
    }

    pub(super) async fn get(&self, bucket: &str, object: &str) -> Result<Option<StoredObject>, BucketError> {
        let Some(store) = self.bucket(bucket, object).await? else { return Ok(None) };
        let found = match store.get(&Location::from(object)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(BucketError::unavailable(error)),
        };
        let version = Version::given(found.meta.e_tag.clone())?;
        let bytes = found.bytes().await.map_err(BucketError::unavailable)?;
        Ok(Some(StoredObject { bytes, version }))
    }

    /// Writes a temporary file, flushes it, puts it in the object's place and flushes the folder.
    pub(super) async fn put(
        &self,
        bucket: &str,
        object: &str,
        bytes: Bytes,
        expected: Option<&Version>,
    ) -> Result<Version, BucketError> {
        let _writing = self.writing.lock().await;
        let store = self.bucket(bucket, object).await?.ok_or(BucketError::NotFound)?;
        if head(&store, object).await?.as_ref() != expected {
            return Err(BucketError::Conflict);
        }
        let mode = if expected.is_some() { PutMode::Overwrite } else { PutMode::Create };
        match store.put_opts(&Location::from(object), bytes.into(), PutOptions::from(mode)).await {
            Ok(put) => Version::given(put.e_tag),
            Err(Error::AlreadyExists { .. }) => Err(BucketError::Conflict),
            Err(error) => Err(BucketError::unavailable(error)),
        }
    }

    pub(super) async fn open(
        &self,
        bucket: &str,
        object: &str,
        if_none_match: Option<&str>,
    ) -> Result<Opened, BucketError> {
        let store = self.bucket(bucket, object).await?.ok_or(BucketError::NotFound)?;
        match store.get_opts(&Location::from(object), GetOptions::default()).await {
            Ok(found) => Opened::new(found, if_none_match),
            Err(Error::NotFound { .. }) => Err(BucketError::NotFound),
            Err(error) => Err(BucketError::unavailable(error)),
        }
    }

    /// The bucket, if it is there, and if the way to `object` leads through folders to a file or to nothing: what a symbolic
    /// link points at is not ours to publish or to replace.
    async fn bucket(&self, bucket: &str, object: &str) -> Result<Option<LocalFileSystem>, BucketError> {
        let (folder, object) = (self.root.join(bucket), object.to_owned());
        let found = blocking(move || {
            if !is_real_folder(&folder)? {
                return Ok(None);
            }
            let mut way = folder.clone();
            let mut parts = object.split('/').peekable();
            while let Some(part) = parts.next() {
                way.push(part);
                let Some(kind) = kind(&way)? else { break };
                let expected = if parts.peek().is_some() { kind.is_dir() } else { kind.is_file() };
                if !expected {
                    return Err(not_ours(&way));
                }
            }
            Ok(Some(folder))
        })
        .await?;
        let Some(folder) = found else { return Ok(None) };
        let store = LocalFileSystem::new_with_prefix(folder).map_err(BucketError::unavailable)?;
        Ok(Some(store.with_fsync(true)))
    }
}

async fn head(store: &LocalFileSystem, object: &str) -> Result<Option<Version>, BucketError> {
    match store.head(&Location::from(object)).await {
        Ok(meta) => Version::given(meta.e_tag).map(Some),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(BucketError::unavailable(error)),
    }
}

/// Whether there is a folder; anything else in its place is an error.
fn is_real_folder(path: &Path) -> io::Result<bool> {
    match kind(path)? {
        Some(kind) if kind.is_dir() => Ok(true),
        Some(_) => Err(not_ours(path)),
        None => Ok(false),
    }
}

/// What is at `path`, symbolic links not followed.
fn kind(path: &Path) -> io::Result<Option<fs::FileType>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found.file_type())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn not_ours(path: &Path) -> io::Error {
    io::Error::other(format!("{} is a symbolic link, or is not what it should be", path.display()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, BucketError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(BucketError::unavailable)?;
    done.map_err(BucketError::unavailable)
}
