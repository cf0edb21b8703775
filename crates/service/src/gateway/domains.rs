//! The gateways, groups and domain names that the operator made known.

use openccm_core::{AlternativeName, AlternativeNameType, COMMON_INSTANCE, GatewayDomainId, Ids, Invalid, Subject};
use openccm_store::{
    Database, Session, StoreError, accounts,
    gateway_domains::{self as store, GatewayDomain, NewGatewayDomain},
};

use super::lock_name;
use crate::Error;

/// Where a domain name stands, as addresses of the API say it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The gateway.
    pub instance_id: String,
    /// The group of APIs.
    pub group_id: String,
    /// The domain's id.
    pub domain_id: String,
}

/// A domain name that the operator makes known.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The account's name.
    pub account: String,
    /// The gateway: 1 to 64 letters, digits, hyphens and underscores.
    pub instance_id: String,
    /// The group of APIs, of the same form.
    pub group_id: String,
    /// The group's name; where there is none, the one that it has, or its id.
    pub group_name: Option<String>,
    /// The domain name.
    pub domain: String,
}

/// Why the operator's wish was not done.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// What was given cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A gateway belongs to one account.
    #[error("the gateway {0} is another account's")]
    ForeignInstance(String),
    /// The gateway has the domain name already, in this group.
    #[error("the gateway has the domain name already, in the group {0}")]
    Taken(String),
    /// The gateway does not have the domain name.
    #[error("the gateway does not have the domain name")]
    NoDomain,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a domain name of a gateway known. One that is there in the same group is fine: only the group's name may change.
/// Gives its id.
///
/// # Errors
/// Why it cannot be made known.
pub async fn register(
    database: &Database,
    ids: &Ids,
    registration: Registration,
    now_ms: i64,
) -> Result<String, RegistryError> {
    check_id("instance", &registration.instance_id)?;
    check_id("group", &registration.group_id)?;
    let name = domain_name(&registration.domain, "domain")?;
    let mut session = database.write().await?;
    let account_id = find_account(&mut session, &registration.account).await?;
    // The account's changes wait, and so does whoever else makes this gateway known.
    session.lock(&lock_name(&account_id)).await?;
    session.lock(&format!("gateway-instance:{}", registration.instance_id)).await?;
    let owner = store::find_owner(&mut session, &registration.instance_id).await?;
    if owner.is_some_and(|owner| owner != account_id) {
        return Err(RegistryError::ForeignInstance(registration.instance_id));
    }
    let known = store::list(&mut session, &account_id, Some(&registration.instance_id), None).await?;
    let in_group = known.iter().find(|domain| domain.group_id == registration.group_id);
    let group_name = registration.group_name.or_else(|| in_group.map(|domain| domain.group_name.clone()));
    let group_name = group_name.unwrap_or_else(|| registration.group_id.clone());
    check_group_name(&group_name)?;
    let id = match known.iter().find(|domain| domain.name == name) {
        Some(domain) if domain.group_id == registration.group_id => domain.id.clone(),
        Some(domain) => return Err(RegistryError::Taken(domain.group_id.clone())),
        None => {
            let id = ids.next::<GatewayDomainId>().to_string();
            let new = NewGatewayDomain {
                id: id.clone(),
                account_id,
                instance_id: registration.instance_id.clone(),
                group_id: registration.group_id.clone(),
                group_name: group_name.clone(),
                name,
                created_at: now_ms,
            };
            store::insert(&mut session, &new).await?;
            id
        }
    };
    store::rename_group(&mut session, &registration.instance_id, &registration.group_id, &group_name).await?;
    session.commit().await?;
    Ok(id)
}

/// Forgets a domain name of a gateway. The certificate that is bound to it stays.
///
/// # Errors
/// [`RegistryError::NoAccount`], [`RegistryError::NoDomain`], or the database fails.
pub async fn forget(database: &Database, account: &str, instance_id: &str, domain: &str) -> Result<(), RegistryError> {
    let name = domain_name(domain, "domain")?;
    let mut session = database.write().await?;
    let account_id = find_account(&mut session, account).await?;
    session.lock(&lock_name(&account_id)).await?;
    if !store::delete(&mut session, &account_id, instance_id, &name).await? {
        return Err(RegistryError::NoDomain);
    }
    Ok(session.commit().await?)
}

/// The domain names of an account, by gateway, group and name.
///
/// # Errors
/// [`RegistryError::NoAccount`], or the database fails.
pub async fn list(database: &Database, account: &str) -> Result<Vec<GatewayDomain>, RegistryError> {
    let mut session = database.read().await?;
    let account_id = find_account(&mut session, account).await?;
    Ok(store::list(&mut session, &account_id, None, None).await?)
}

/// The domain names of a group of APIs of the account, by name; never none.
///
/// # Errors
/// [`Error::UnknownGateway`] where the gateway or the group is not known.
pub(super) async fn list_group(
    session: &mut Session,
    account_id: &str,
    instance_id: &str,
    group_id: &str,
) -> Result<Vec<GatewayDomain>, Error> {
    check_instance(session, account_id, instance_id).await?;
    let domains = store::list(session, account_id, Some(instance_id), Some(group_id)).await?;
    if domains.is_empty() { Err(Error::UnknownGateway(format!("group_id:{group_id}"))) } else { Ok(domains) }
}

/// The account's domain name at `place`.
///
/// # Errors
/// [`Error::UnknownGateway`], which says what of it is not known.
pub(super) async fn find(session: &mut Session, account_id: &str, place: &Place) -> Result<GatewayDomain, Error> {
    let group = list_group(session, account_id, &place.instance_id, &place.group_id).await?;
    let domain = group.into_iter().find(|domain| domain.id == place.domain_id);
    domain.ok_or_else(|| Error::UnknownGateway(format!("domain_id:{}", place.domain_id)))
}

/// Checks that a gateway is known, and the account's.
///
/// # Errors
/// [`Error::UnknownGateway`], or the database fails.
pub(super) async fn check_instance(session: &mut Session, account_id: &str, instance_id: &str) -> Result<(), Error> {
    match store::find_owner(session, instance_id).await? {
        Some(owner) if owner == account_id => Ok(()),
        _ => Err(Error::UnknownGateway(format!("id:{instance_id}"))),
    }
}

/// A domain name as it is kept: in lower case and ASCII.
pub(super) fn domain_name(text: &str, field: &str) -> Result<String, Invalid> {
    match AlternativeName::parse(AlternativeNameType::Dns, text, field)? {
        AlternativeName::Dns(name) => Ok(name.to_ascii_lowercase()),
        _ => Err(Invalid::new(Subject::DomainName, field, "is no host name")),
    }
}

async fn find_account(session: &mut Session, name: &str) -> Result<String, RegistryError> {
    let account = accounts::find_named(session, name).await?;
    account.map(|account| account.id).ok_or_else(|| RegistryError::NoAccount(name.to_owned()))
}

/// Checks an id that stands in addresses.
fn check_id(field: &str, id: &str) -> Result<(), Invalid> {
    let known = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !known || !(1..=64).contains(&id.len()) {
        let reason = "must be 1 to 64 letters, digits, hyphens and underscores";
        return Err(Invalid::new(Subject::Parameter, field, reason));
    }
    if id == COMMON_INSTANCE {
        return Err(Invalid::new(Subject::Parameter, field, "stands for every gateway"));
    }
    Ok(())
}

fn check_group_name(name: &str) -> Result<(), Invalid> {
    let printable = !name.chars().any(char::is_control);
    if printable && (1..=255).contains(&name.chars().count()) {
        return Ok(());
    }
    Err(Invalid::new(Subject::Parameter, "group name", "must be 1 to 255 printable characters"))
}
