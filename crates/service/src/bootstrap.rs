//! The first start on an empty database: an account, a project, an administrator and an access key.

use openccm_auth::{AccessKeyPair, Secret, generate_password};
use openccm_core::{AccountId, ProjectId, UserId};
use openccm_store::{
    access_keys,
    accounts::{self, Project},
    users::{self, User},
};

use crate::{Error, OpenCcm, identity::access_key_identity};

/// What the first account is to be called, and its credentials where they are not to be made up.
#[derive(Debug)]
pub struct FirstAccount {
    /// The account's name.
    pub account_name: String,
    /// The project's name: clients look for a project called like their region.
    pub project_name: String,
    /// The administrator's name.
    pub user_name: String,
    /// The administrator's password.
    pub password: Option<Secret>,
    /// The access key id and its secret.
    pub access_key: Option<(String, Secret)>,
}

/// The credentials of the first account.
#[derive(Debug)]
pub struct Credentials {
    /// The account's id.
    pub domain_id: String,
    /// The account's name.
    pub domain_name: String,
    /// The project's id.
    pub project_id: String,
    /// The project's name.
    pub project_name: String,
    /// The administrator's name.
    pub user_name: String,
    /// The administrator's password.
    pub password: Secret,
    /// The access key id.
    pub ak: String,
    /// The access key's secret.
    pub sk: Secret,
}

/// Makes the first account, if there is none. `publish` is called with its credentials before they take effect, so that none
/// take effect that nobody knows. Says whether an account was made.
///
/// # Errors
/// The store, or `publish`, fails; then there is still no account.
pub async fn make_first_account(
    ccm: &OpenCcm,
    first: FirstAccount,
    publish: impl FnOnce(&Credentials) -> Result<(), std::io::Error>,
) -> Result<bool, Error> {
    if accounts::count(&mut ccm.database().read().await?).await? > 0 {
        return Ok(false);
    }
    let password = match first.password {
        Some(password) => password,
        None => generate_password().map_err(Error::key)?,
    };
    let (ak, sk) = match first.access_key {
        Some(pair) => pair,
        None => {
            let pair = AccessKeyPair::generate().map_err(Error::key)?;
            (pair.access_key, pair.secret_key)
        }
    };
    let worker = ccm.clone();
    let hash = move || worker.identities().hash_password(password.expose()).map(|hash| (hash, password));
    let (password_hash, password) = tokio::task::spawn_blocking(hash).await.map_err(Error::key)??;
    let credentials = Credentials {
        domain_id: ccm.ids().next::<AccountId>().to_string(),
        domain_name: first.account_name,
        project_id: ccm.ids().next::<ProjectId>().to_string(),
        project_name: first.project_name,
        user_name: first.user_name,
        password,
        ak,
        sk,
    };

    let now_ms = ccm.now_ms();
    let mut session = ccm.database().write().await?;
    // Of several servers that start on one empty database, one makes the account.
    session.lock("first account").await?;
    if accounts::count(&mut session).await? > 0 {
        return Ok(false);
    }
    let project = Project {
        id: credentials.project_id.clone(),
        account_id: credentials.domain_id.clone(),
        name: credentials.project_name.clone(),
    };
    let user = User {
        id: ccm.ids().next::<UserId>().to_string(),
        account_id: credentials.domain_id.clone(),
        account_name: credentials.domain_name.clone(),
        name: credentials.user_name.clone(),
        password_hash,
        administrator: 1,
    };
    accounts::insert(&mut session, &credentials.domain_id, &credentials.domain_name, now_ms).await?;
    accounts::insert_project(&mut session, &project, now_ms).await?;
    users::insert(&mut session, &user, now_ms).await?;
    let sealed = ccm.keys().seal(&access_key_identity(&credentials.ak), credentials.sk.expose().as_bytes())?;
    access_keys::insert(&mut session, &credentials.ak, &user.id, &sealed, now_ms).await?;
    publish(&credentials).map_err(Error::key)?;
    session.commit().await?;
    Ok(true)
}
