//! Buckets: those of the settings, and the commands.

use std::{fmt::Write, time::Duration};

use anyhow::Context;
use openccm_core::{Clock, SystemClock};
use openccm_service::{bucket_store::BucketStore, buckets};
use openccm_store::Database;

use crate::settings::Settings;

/// How long a start waits for the buckets of the settings.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store of the settings.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<BucketStore> {
    BucketStore::new(settings.bucket_settings()?).context("the settings of buckets cannot be used")
}

/// Makes the buckets of the settings. What cannot be made, or takes long, does not keep the server from starting.
pub(crate) async fn make_configured(settings: &Settings, database: &Database, store: &BucketStore) {
    let (names, database, store) = (settings.buckets.names.clone(), database.clone(), store.clone());
    let making = tokio::spawn(async move {
        for name in names {
            if let Err(error) = buckets::create(&database, &store, &name, SystemClock.now_ms()).await {
                tracing::error!(bucket = name, %error, "a bucket of the settings cannot be made");
            }
        }
    });
    if tokio::time::timeout(PATIENCE, making).await.is_err() {
        tracing::warn!("making the buckets of the settings takes long: it goes on beside the service");
    }
}

/// Makes a bucket, and says so.
pub(crate) async fn create(settings: &Settings, name: &str) -> anyhow::Result<String> {
    let (database, store) = connect(settings).await?;
    let outcome = buckets::create(&database, &store, name, SystemClock.now_ms()).await;
    database.close().await;
    outcome.with_context(|| format!("the bucket {name} cannot be made"))?;
    Ok(format!("the bucket {name} is there\n"))
}

/// Lists the buckets, a line each.
pub(crate) async fn list(settings: &Settings) -> anyhow::Result<String> {
    let (database, _) = connect(settings).await?;
    let buckets = buckets::list(&database).await;
    database.close().await;
    let mut text = String::new();
    for bucket in buckets? {
        let _ = writeln!(text, "{}", bucket.name);
    }
    Ok(text)
}

async fn connect(settings: &Settings) -> anyhow::Result<(Database, BucketStore)> {
    crate::files::make_private_folder(&settings.data_dir)?;
    let store = open(settings)?;
    let database = Database::connect(&settings.database_url()?).await.context("the database cannot be opened")?;
    database.migrate().await?;
    Ok((database, store))
}
