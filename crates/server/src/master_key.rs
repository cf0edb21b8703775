//! The key under which all others are sealed, in a file.

use std::{fs, io, path::Path};

use anyhow::{Context, bail};
use openccm_service::{MasterKey, claim_database, has_master_key};
use openccm_store::Database;

use crate::{files::write_private, settings::Settings};

/// The master key of `database`: from its file, or, where the database has none yet, a new one.
///
/// # Errors
/// No file for a database that is sealed under a key, or the file of another key: nothing sealed could be opened.
pub(crate) async fn load(settings: &Settings, database: &Database) -> anyhow::Result<MasterKey> {
    let path = settings.master_key_file();
    let key = match read(&path)? {
        Some(key) => key,
        None if has_master_key(database).await? => bail!(
            "the master key is missing: this database was set up with one, and {} does not exist. Restore the file from \
             your backup, or set master_key_file",
            path.display()
        ),
        None => {
            let key = MasterKey::generate()?;
            write_private(&path, format!("{}\n", key.to_hex().as_str()).as_bytes())
                .with_context(|| format!("the master key cannot be written to {}", path.display()))?;
            tracing::info!(path = %path.display(), "made a master key: back it up, apart from the database");
            key
        }
    };
    claim_database(database, &key).await.with_context(|| {
        format!("the master key in {} is not the one with which this database was set up", path.display())
    })?;
    Ok(key)
}

/// The key in the file at `path`; none where there is no file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(
            MasterKey::from_hex(&text)
                .with_context(|| format!("{} is no master key: it must hold 64 hexadecimal digits", path.display()))?,
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("the master key in {} cannot be read", path.display())),
    }
}
