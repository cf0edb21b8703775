//! Buckets that revocation lists can be published to, and the accounts that let this server do so.

use openccm_store::{
    Database, StoreError, agencies,
    buckets::{self, Bucket},
};

use crate::{
    Caller, Error, OpenCcm,
    bucket_store::{BucketError, BucketStore},
};

/// Makes a bucket in `store` and makes it known to the server; one that is there already is fine. `now_ms` is the time now
/// (ms since the epoch).
///
/// # Errors
/// A name that is none, a store that refuses or cannot be reached, or the database fails.
pub async fn create(database: &Database, store: &BucketStore, name: &str, now_ms: i64) -> Result<(), CreateError> {
    store.create_bucket(name).await?;
    let mut session = database.write().await?;
    buckets::insert(&mut session, name, now_ms).await?;
    Ok(session.commit().await?)
}

/// Why a bucket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The name, or the store.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every bucket that is known, by name.
///
/// # Errors
/// The database fails.
pub async fn list(database: &Database) -> Result<Vec<Bucket>, StoreError> {
    buckets::list(&mut database.read().await?).await
}

/// Whether the caller's account has granted this server an agency, without which it publishes nothing for the account.
///
/// # Errors
/// The database fails.
pub async fn has_agency(ccm: &OpenCcm, caller: &Caller) -> Result<bool, Error> {
    Ok(agencies::find(&mut ccm.database().read().await?, &caller.account_id).await?.is_some())
}

/// Grants this server an agency of the caller's account. Gives its id: that of the one there is, where there is one.
///
/// # Errors
/// The database fails.
pub async fn grant_agency(ccm: &OpenCcm, caller: &Caller) -> Result<String, Error> {
    let mut session = ccm.database().write().await?;
    let id = ccm.ids().next::<openccm_core::AgencyId>().to_string();
    agencies::insert(&mut session, &caller.account_id, &id, ccm.now_ms()).await?;
    let id = agencies::find(&mut session, &caller.account_id).await?.unwrap_or(id);
    session.commit().await?;
    Ok(id)
}

/// The buckets that the caller's account may publish to.
///
/// # Errors
/// [`Error::NoAgency`] where the account has granted none, or the database fails.
pub async fn list_for(ccm: &OpenCcm, caller: &Caller) -> Result<Vec<Bucket>, Error> {
    if !has_agency(ccm, caller).await? {
        return Err(Error::NoAgency);
    }
    Ok(list(ccm.database()).await?)
}
