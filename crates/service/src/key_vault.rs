//! Private keys: sealed in the database, opened on use, the ones of authorities kept open for a while.

use std::time::Duration;

use moka::sync::Cache;
use openccm_core::KeyAlgorithm;
use openccm_pki::{
    PrivateKey,
    seal::{MasterKey, SealError},
};
use openccm_store::{
    Database, Session, StoreError,
    private_keys::{self, SealedKey},
    settings,
};
use zeroize::Zeroizing;

use crate::Error;

/// How many keys are kept open. Opening one costs 0.3 to 1.2 ms for RSA.
const OPEN_KEYS: u64 = 1024;
/// How long a key is kept open: so long after it was destroyed by another server, it may still be in memory here.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(10 * 60);

const MASTER_KEY_SETTING: &str = "master_key";
const MASTER_KEY_PROOF: &[u8] = b"this database is sealed under this master key";

/// Seals and opens the private keys of a database.
pub(crate) struct KeyVault {
    master_key: MasterKey,
    open: Cache<String, PrivateKey>,
}

impl KeyVault {
    pub(crate) fn new(master_key: MasterKey) -> Self {
        Self { master_key, open: Cache::builder().max_capacity(OPEN_KEYS).time_to_live(OPEN_FOR).build() }
    }

    /// Seals a text that belongs to `identity`, such as the secret of an access key.
    pub(crate) fn seal(&self, identity: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        self.master_key.seal(identity, secret)
    }

    /// Opens what [`Self::seal`] sealed for the same `identity`.
    pub(crate) fn open(&self, identity: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.master_key.open(identity, sealed)
    }

    /// The key of an authority or certificate, sealed for the store.
    pub(crate) fn seal_key(&self, owner_id: &str, key: &PrivateKey) -> Result<SealedKey, Error> {
        self.seal_pkcs8(owner_id, &key.to_pkcs8()?)
    }

    /// The PKCS#8 DER of a key that came from outside, sealed for the store.
    pub(crate) fn seal_pkcs8(&self, owner_id: &str, der: &[u8]) -> Result<SealedKey, Error> {
        let sealed = self.seal(&private_key_identity(owner_id), der)?;
        Ok(SealedKey { owner_id: owner_id.to_owned(), sealed })
    }

    /// The PKCS#8 DER of the key of an authority or certificate; none where it has none here.
    pub(crate) async fn find_pkcs8(
        &self,
        session: &mut Session,
        owner_id: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Some(sealed) = private_keys::find(session, owner_id).await? else { return Ok(None) };
        Ok(Some(self.open(&private_key_identity(owner_id), &sealed)?))
    }

    /// The key of an authority, ready to sign; none where it has none here.
    pub(crate) async fn find_signer(
        &self,
        session: &mut Session,
        owner_id: &str,
        algorithm: KeyAlgorithm,
    ) -> Result<Option<PrivateKey>, Error> {
        if let Some(key) = self.open.get(owner_id) {
            return Ok(Some(key));
        }
        let Some(pkcs8) = self.find_pkcs8(session, owner_id).await? else { return Ok(None) };
        let key = PrivateKey::from_pkcs8(algorithm, &pkcs8)?;
        self.open.insert(owner_id.to_owned(), key.clone());
        Ok(Some(key))
    }

    /// Destroys the key of an authority or certificate.
    pub(crate) async fn delete(&self, session: &mut Session, owner_id: &str) -> Result<(), Error> {
        self.open.invalidate(owner_id);
        Ok(private_keys::delete(session, owner_id).await?)
    }
}

fn private_key_identity(owner_id: &str) -> String {
    format!("private-key:{owner_id}")
}

/// Whether the database is sealed under a master key already.
///
/// # Errors
/// The database fails.
pub async fn has_master_key(database: &Database) -> Result<bool, StoreError> {
    Ok(settings::find(&mut database.read().await?, MASTER_KEY_SETTING).await?.is_some())
}

/// Makes sure that `master_key` is the one under which the database is sealed, and claims a new database for it.
///
/// # Errors
/// [`Error::Key`] where the database is sealed under another key.
pub async fn claim_database(database: &Database, master_key: &MasterKey) -> Result<(), Error> {
    let mut session = database.write().await?;
    session.lock(MASTER_KEY_SETTING).await?;
    match settings::find(&mut session, MASTER_KEY_SETTING).await? {
        Some(sealed) => {
            master_key.open(MASTER_KEY_SETTING, &sealed)?;
        }
        None => {
            let sealed = master_key.seal(MASTER_KEY_SETTING, MASTER_KEY_PROOF)?;
            settings::insert(&mut session, MASTER_KEY_SETTING, &sealed).await?;
        }
    }
    Ok(session.commit().await?)
}
