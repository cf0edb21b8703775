//! `[buckets]`: where revocation lists are published.

use std::path::{Path, PathBuf};

use anyhow::bail;
use openccm_service::bucket_store::{BucketSettings, S3Settings};
use serde::Deserialize;

use super::{Redacted, list, secret};

/// Where revocation lists are published: in a folder, or by an S3-compatible service where `endpoint` is set.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Buckets {
    /// The buckets that a start makes where they are missing.
    #[serde(deserialize_with = "list")]
    pub(crate) names: Vec<String>,
    folder: Option<PathBuf>,
    endpoint: Option<String>,
    region: String,
    access_key: Option<String>,
    secret_key: Option<Redacted>,
    secret_key_file: Option<PathBuf>,
    path_style: bool,
    pub(super) public_url: Option<String>,
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            folder: None,
            endpoint: None,
            region: "us-east-1".into(),
            access_key: None,
            secret_key: None,
            secret_key_file: None,
            path_style: true,
            public_url: None,
        }
    }
}

impl Buckets {
    /// Where they are; without a folder or a service, in the folder `data_dir`.
    pub(super) fn settings(&self, data_dir: &Path) -> anyhow::Result<BucketSettings> {
        let Some(endpoint) = &self.endpoint else {
            return Ok(BucketSettings::Folder(self.folder.clone().unwrap_or_else(|| data_dir.join("buckets"))));
        };
        let secret_key = secret(self.secret_key.as_ref(), self.secret_key_file.as_deref())?;
        let (Some(access_key), Some(secret_key)) = (self.access_key.clone(), secret_key) else {
            bail!("buckets.endpoint needs buckets.access_key and buckets.secret_key (or buckets.secret_key_file)");
        };
        if self.folder.is_some() {
            bail!("buckets.folder and buckets.endpoint exclude each other");
        }
        Ok(BucketSettings::S3(S3Settings {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region: self.region.clone(),
            access_key,
            secret_key,
            path_style: self.path_style,
        }))
    }
}
