//! Buckets: those of the settings, and the commands.

use std::fmt::Write;

use anyhow::Context;
use openccm_core::{Clock, SystemClock};
use openccm_service::{bucket_store::BucketStore, buckets};
use openccm_store::Database;

use crate::settings::Settings;

/// The store of the settings.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<BucketStore> {
    BucketStore::new(settings.bucket_settings()?).context("the settings of buckets cannot be used")
}

/// Makes the buckets of the settings. One that cannot be made does not keep the server from starting.
pub(crate) async fn make_configured(names: Vec<String>, database: Database, store: BucketStore) {
    for name in names {
        if let Err(error) = buckets::create(&database, &store, &name, SystemClock.now_ms()).await {
            tracing::error!(bucket = name, %error, "a bucket of the settings cannot be made");
        }
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
