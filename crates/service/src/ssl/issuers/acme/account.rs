//! The account at an ACME service: made on first use, one for all servers.

use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use openccm_store::acme_accounts::{self as store, AcmeAccount};
use zeroize::Zeroizing;

use super::{AcmeError, AcmeOptions, error, transport::Transport};
use crate::{Error, OpenCcm};

/// An ACME service with which this server has an account.
pub(super) struct Service {
    /// The account.
    pub(super) account: Account,
    /// How it is reached.
    pub(super) transport: Transport,
    /// The issuer's name in the settings.
    pub(super) issuer: String,
}

impl Service {
    /// Opens the service called `issuer` in the settings, with its account, which is made where there is none yet.
    pub(super) async fn open(ccm: &OpenCcm, issuer: &str, options: &AcmeOptions) -> Result<Self, AcmeError> {
        let transport = Transport::new(options)?;
        let open = |account| Self { account, transport: transport.clone(), issuer: issuer.to_owned() };
        if let Some(account) = find(ccm, issuer, options, &transport).await? {
            return Ok(open(account));
        }
        // One server makes the account; the others wait for it. Services may bind but one account to an external one.
        let lock = ccm.database().lock(&format!("acme-account:{issuer}")).await?;
        let account = match find(ccm, issuer, options, &transport).await? {
            Some(account) => account,
            None => create(ccm, issuer, options, &transport).await?,
        };
        lock.release().await;
        Ok(open(account))
    }

    /// What an error of the service means for the caller: the order is over, or it is worth another try.
    pub(super) async fn judge(&self, ccm: &OpenCcm, doing: &str, error: &instant_acme::Error) -> AcmeError {
        match error::verdict(error) {
            error::Verdict::Refused | error::Verdict::BadReason => return AcmeError::Refused(error::reason(error)),
            error::Verdict::NoAccount => {
                if let Err(error) = self.forget_account(ccm).await {
                    return error;
                }
            }
            error::Verdict::Failed | error::Verdict::NotFound | error::Verdict::AlreadyRevoked => {}
        }
        failed(ccm, &self.transport, doing, error)
    }

    /// The service knows the account no more: the next step makes another.
    async fn forget_account(&self, ccm: &OpenCcm) -> Result<(), AcmeError> {
        tracing::warn!(
            issuer = self.issuer,
            account = self.account.id(),
            "the ACME service no longer knows the account"
        );
        let mut session = ccm.database().write().await?;
        store::delete(&mut session, &self.issuer, self.account.id()).await?;
        Ok(session.commit().await?)
    }
}

pub(super) fn milliseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn identity(issuer: &str) -> String {
    format!("acme-account:{issuer}")
}

async fn find(
    ccm: &OpenCcm,
    issuer: &str,
    options: &AcmeOptions,
    transport: &Transport,
) -> Result<Option<Account>, AcmeError> {
    let mut session = ccm.database().read().await?;
    let Some(row) = store::find(&mut session, issuer, &options.directory_url).await? else { return Ok(None) };
    drop(session);
    let credentials = ccm.keys().open(&identity(issuer), &row.sealed_credentials).map_err(Error::from)?;
    let credentials: AccountCredentials = serde_json::from_slice(&credentials)
        .map_err(|_| AcmeError::failed("the account's credentials cannot be read"))?;
    let builder = Account::builder_with_http(Box::new(transport.clone()));
    let account = builder.from_credentials(credentials).await;
    account.map(Some).map_err(|error| failed(ccm, transport, "reading the directory", &error))
}

/// Makes the account, and keeps it at once: what ends this server in between leaves an account at the service that nobody
/// uses, since the client makes the key.
async fn create(
    ccm: &OpenCcm,
    issuer: &str,
    options: &AcmeOptions,
    transport: &Transport,
) -> Result<Account, AcmeError> {
    let contact: Vec<&str> = options.contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let binding = match &options.external_account {
        Some(external) => {
            let key = external.mac_key().map_err(AcmeError::failed)?;
            Some(ExternalAccountKey::new(external.key_id.clone(), &key))
        }
        None => None,
    };
    let builder = Account::builder_with_http(Box::new(transport.clone()));
    let created = builder.create(&new, options.directory_url.clone(), binding.as_ref()).await;
    let (account, credentials) =
        created.map_err(|error| failed(ccm, transport, "making an account at the ACME service", &error))?;
    let credentials = serde_json::to_vec(&credentials).map(Zeroizing::new);
    let credentials = credentials.map_err(|_| AcmeError::failed("the account's credentials cannot be kept"))?;
    let row = AcmeAccount {
        issuer: issuer.to_owned(),
        directory_url: options.directory_url.clone(),
        account_url: account.id().to_owned(),
        sealed_credentials: ccm.keys().seal(&identity(issuer), &credentials).map_err(Error::from)?,
    };
    let mut session = ccm.database().write().await?;
    store::insert(&mut session, &row, ccm.now_ms()).await?;
    session.commit().await?;
    tracing::info!(issuer, account = account.id(), "made an account at an ACME service");
    Ok(account)
}

/// What is to be tried again, when the service says so. What goes wrong with an account is so, too: it is no order's fault.
fn failed(ccm: &OpenCcm, transport: &Transport, doing: &str, error: &instant_acme::Error) -> AcmeError {
    let retry_at_ms = transport.retry_after().map(|after| ccm.now_ms().saturating_add(milliseconds(after)));
    AcmeError::Failed { reason: format!("{doing}: {}", error::reason(error)), retry_at_ms }
}
