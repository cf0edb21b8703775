//! Who is calling: access keys, passwords, tokens.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use openccm_auth::{Authorization, PasswordHasher, Secret, SignedRequest, Token, TokenHash};
use openccm_store::{
    Session, access_keys,
    accounts::{self, Project},
    tokens,
    users::{self, User},
};
use tokio::sync::Semaphore;

use crate::{Error, OpenCcm};

/// How long a token lasts.
pub const TOKEN_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

/// How long an access key may be remembered. Other servers on the same database may change it.
const ACCESS_KEY_MEMORY: Duration = Duration::from_secs(5);
const ACCESS_KEYS_REMEMBERED: u64 = 10_000;

/// Each password check takes 19 MiB of memory for some 20 ms.
const PASSWORD_CHECKS_AT_ONCE: usize = 4;

/// Who is calling, for which account.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account.
    pub account_id: String,
    /// The account's name.
    pub account_name: String,
    /// The user.
    pub user_id: String,
    /// The user's name.
    pub user_name: String,
    /// The project that the caller's token is limited to.
    pub project: Option<Project>,
    /// The account's projects.
    pub projects: Arc<[Project]>,
    administrator: bool,
}

impl Caller {
    /// The server itself, where it works for an account without anybody calling.
    pub(crate) fn server(account: accounts::Account) -> Self {
        Self {
            account_id: account.id,
            account_name: account.name,
            user_id: String::new(),
            user_name: String::new(),
            project: None,
            projects: Arc::new([]),
            administrator: false,
        }
    }

    /// Checks that the caller may do `action`, such as `pca:ca:create`. An administrator may do everything in the account.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn authorize(&self, action: &str) -> Result<(), Error> {
        if self.administrator { Ok(()) } else { Err(Error::Forbidden(format!("{} lacks {action}", self.user_name))) }
    }

    /// Checks the project in the address of a call: it must be one of the caller's account.
    ///
    /// # Errors
    /// [`Error::ForeignProject`].
    pub fn check_project(&self, project_id: &str) -> Result<(), Error> {
        if self.projects.iter().any(|project| project.id == project_id) { Ok(()) } else { Err(Error::ForeignProject) }
    }

    /// Checks the account and project that a caller names beside its credentials: they must be its own.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn check_claims(&self, account_id: Option<&str>, project_id: Option<&str>) -> Result<(), Error> {
        if account_id.is_some_and(|id| id != self.account_id) {
            return Err(Error::Forbidden("X-Domain-Id is not the caller's account".into()));
        }
        if project_id.is_some_and(|id| !self.projects.iter().any(|project| project.id == id)) {
            return Err(Error::Forbidden("X-Project-Id is not a project of the caller's account".into()));
        }
        Ok(())
    }
}

/// What a user signs in with.
#[derive(Debug)]
pub enum SignIn {
    /// A password.
    Password {
        /// Whose.
        user: UserReference,
        /// The password.
        password: Secret,
    },
    /// A token that was given before.
    Token(Secret),
}

/// Which user.
#[derive(Clone, Debug)]
pub enum UserReference {
    /// By id.
    Id(String),
    /// By name in an account, which is given by its name or id.
    Name {
        /// The user's name.
        name: String,
        /// The account's name or id.
        account: String,
    },
}

/// What a token is to be good for.
#[derive(Clone, Debug)]
pub enum Scope {
    /// The user's whole account; where one is named (by name or id), it must be that.
    Account(Option<String>),
    /// A project of the account, by name or id.
    Project(String),
}

/// What a token stands for.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    /// Whose it is, and its scope.
    pub caller: Caller,
    /// `password` or `token`.
    pub method: String,
    /// When it was made.
    pub issued_at: i64,
    /// When it ends.
    pub expires_at: i64,
}

/// What checking identities needs besides the database.
pub(crate) struct Identities {
    passwords: PasswordHasher,
    password_checks: Semaphore,
    signature_window_ms: i64,
    access_keys: Cache<String, Arc<AccessKey>>,
}

struct AccessKey {
    secret: Secret,
    caller: Caller,
}

impl Identities {
    pub(crate) fn new(passwords: PasswordHasher, signature_window_ms: i64) -> Self {
        let access_keys = Cache::builder().max_capacity(ACCESS_KEYS_REMEMBERED).time_to_live(ACCESS_KEY_MEMORY).build();
        Self { passwords, password_checks: Semaphore::new(PASSWORD_CHECKS_AT_ONCE), signature_window_ms, access_keys }
    }

    /// Hashes a password. Blocking.
    pub(crate) fn hash_password(&self, password: &str) -> Result<String, Error> {
        self.passwords.hash(password).map_err(Error::key)
    }
}

/// Who signed `request` with the header `authorization`.
///
/// # Errors
/// [`Error::Unauthenticated`] where the signature does not hold.
pub async fn authenticate_signature(
    ccm: &OpenCcm,
    authorization: &str,
    request: &SignedRequest<'_>,
) -> Result<Caller, Error> {
    let refused = |error: openccm_auth::SignatureError| Error::Unauthenticated(error.to_string());
    let authorization = Authorization::parse(authorization).map_err(refused)?;
    let key = find_access_key(ccm, authorization.access_key()).await?;
    let window_ms = ccm.identities().signature_window_ms;
    authorization.verify(request, key.secret.expose(), ccm.now_ms(), window_ms).map_err(refused)?;
    Ok(key.caller.clone())
}

async fn find_access_key(ccm: &OpenCcm, id: &str) -> Result<Arc<AccessKey>, Error> {
    if let Some(key) = ccm.identities().access_keys.get(id) {
        return Ok(key);
    }
    let unknown = || Error::Unauthenticated("unknown access key".into());
    let mut session = ccm.database().read().await?;
    let row = access_keys::find(&mut session, id).await?.ok_or_else(unknown)?;
    let user = users::find(&mut session, &row.user_id).await?.ok_or_else(unknown)?;
    let secret = ccm.keys().open(&access_key_identity(id), &row.sealed_secret)?;
    let secret = String::from_utf8(secret.to_vec()).map_err(Error::key)?;
    let caller = caller_of(&mut session, user).await?;
    let key = Arc::new(AccessKey { secret: Secret::new(secret), caller });
    ccm.identities().access_keys.insert(id.to_owned(), Arc::clone(&key));
    Ok(key)
}

pub(crate) fn access_key_identity(id: &str) -> String {
    format!("access-key:{id}")
}

async fn caller_of(session: &mut Session, user: User) -> Result<Caller, Error> {
    Ok(Caller {
        projects: accounts::list_projects(session, &user.account_id).await?.into(),
        account_id: user.account_id,
        account_name: user.account_name,
        user_id: user.id,
        user_name: user.name,
        project: None,
        administrator: user.administrator == 1,
    })
}

/// Whose `token` is, and what for.
///
/// # Errors
/// [`Error::Unauthenticated`] where there is no such token, or no longer.
pub async fn authenticate_token(ccm: &OpenCcm, token: &str) -> Result<TokenInfo, Error> {
    let unknown = || Error::Unauthenticated("unknown or expired token".into());
    let mut session = ccm.database().read().await?;
    let hash = TokenHash::of(token);
    let row = tokens::find(&mut session, hash.as_str(), ccm.now_ms()).await?.ok_or_else(unknown)?;
    let user = users::find(&mut session, &row.user_id).await?.ok_or_else(unknown)?;
    let mut caller = caller_of(&mut session, user).await?;
    if let Some(id) = &row.project_id {
        caller.project = caller.projects.iter().find(|project| project.id == *id).cloned();
    }
    Ok(TokenInfo { caller, method: row.method, issued_at: row.issued_at, expires_at: row.expires_at })
}

/// Signs a user in, and gives a token for `scope` with what it stands for.
///
/// # Errors
/// [`Error::Unauthenticated`] where the password or token is wrong, [`Error::NotFound`] where the scope is not the user's.
pub async fn create_token(ccm: &OpenCcm, sign_in: SignIn, scope: Scope) -> Result<(Token, TokenInfo), Error> {
    let issued_at = ccm.now_ms();
    let (mut caller, method, expires_at) = match sign_in {
        SignIn::Password { user, password } => {
            let caller = check_password(ccm, user, password).await?;
            (caller, "password", issued_at + TOKEN_LIFETIME_MS)
        }
        SignIn::Token(token) => {
            let info = authenticate_token(ccm, token.expose()).await?;
            // Otherwise a stolen token could be renewed for ever.
            (info.caller, "token", info.expires_at)
        }
    };
    caller.project = match &scope {
        Scope::Account(None) => None,
        Scope::Account(Some(account)) if [&caller.account_id, &caller.account_name].contains(&account) => None,
        Scope::Account(Some(_)) => return Err(Error::NotFound),
        Scope::Project(wanted) => {
            let project = caller.projects.iter().find(|project| [&project.id, &project.name].contains(&wanted));
            Some(project.ok_or(Error::NotFound)?.clone())
        }
    };
    let token = Token::generate().map_err(Error::key)?;
    let row = tokens::Token {
        hash: token.hash().as_str().to_owned(),
        user_id: caller.user_id.clone(),
        project_id: caller.project.as_ref().map(|project| project.id.clone()),
        method: method.to_owned(),
        issued_at,
        expires_at,
    };
    let mut session = ccm.database().write().await?;
    tokens::insert(&mut session, &row).await?;
    session.commit().await?;
    Ok((token, TokenInfo { caller, method: method.to_owned(), issued_at, expires_at }))
}

async fn check_password(ccm: &OpenCcm, user: UserReference, password: Secret) -> Result<Caller, Error> {
    let mut session = ccm.database().read().await?;
    let user = match user {
        UserReference::Id(id) => users::find(&mut session, &id).await?,
        UserReference::Name { name, account } => users::find_by_name(&mut session, &account, &name).await?,
    };
    drop(session);
    let _permit = ccm.identities().password_checks.acquire().await.map_err(Error::key)?;
    let (worker, hash) = (ccm.clone(), user.as_ref().map(|user| user.password_hash.clone()));
    let check = move || {
        let passwords = &worker.identities().passwords;
        match hash {
            Some(hash) => passwords.verify(password.expose(), &hash).map_err(Error::key),
            // Takes as long, so that the time does not tell which users there are.
            None => Ok(passwords.verify_unknown(password.expose())),
        }
    };
    let right = tokio::task::spawn_blocking(check).await.map_err(Error::key)??;
    match user {
        Some(user) if right => caller_of(&mut ccm.database().read().await?, user).await,
        _ => Err(Error::Unauthenticated("wrong user name or password".into())),
    }
}

/// Ends a token. One that is not there, or belongs to another account than the caller's, is not found.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn revoke_token(ccm: &OpenCcm, caller: &Caller, token: &str) -> Result<(), Error> {
    find_token(ccm, caller, token).await?;
    let mut session = ccm.database().write().await?;
    tokens::delete(&mut session, TokenHash::of(token).as_str()).await?;
    Ok(session.commit().await?)
}

/// What a token of the caller's account stands for.
///
/// # Errors
/// [`Error::NotFound`] where there is no such token.
pub async fn find_token(ccm: &OpenCcm, caller: &Caller, token: &str) -> Result<TokenInfo, Error> {
    match authenticate_token(ccm, token).await {
        Ok(info) if info.caller.account_id == caller.account_id => Ok(info),
        Ok(_) | Err(Error::Unauthenticated(_)) => Err(Error::NotFound),
        Err(error) => Err(error),
    }
}
