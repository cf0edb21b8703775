//! The embedded registry, which stands where nothing else is configured: it keeps what is pushed, without the key, and
//! answers the calls of ELB and WAF by which clients look for it.

use async_trait::async_trait;
use openccm_core::{PushId, PushService};
use openccm_store::{
    accounts,
    registered_certificates::{self as store, RegisteredCertificate},
    ssl_pushes,
};

use super::{
    failure::{FailureKind, Fault},
    target::{PushTarget, Pushed, Resource},
};
use crate::{Caller, Error, OpenCcm};

/// The registry.
pub(super) struct Registry {
    pub(super) ccm: OpenCcm,
}

#[async_trait]
impl PushTarget for Registry {
    async fn push(&self, pushed: &Pushed, copy: Option<&str>) -> Result<String, Fault> {
        let mut session = self.ccm.database().write().await.map_err(Fault::failed)?;
        let projects = accounts::list_projects(&mut session, &pushed.account_id).await.map_err(Fault::failed)?;
        let mut projects = projects.into_iter();
        let project = match pushed.service {
            PushService::Cdn => projects.next(),
            PushService::Elb | PushService::Waf => projects.find(|project| project.name == pushed.region),
        };
        let project = project.ok_or_else(|| {
            Fault::new(FailureKind::RegionUnsupported, format!("the account has no project {}", pushed.region))
        })?;
        let id = copy.map_or_else(|| self.ccm.ids().next::<PushId>().to_string(), str::to_owned);
        let row = RegisteredCertificate {
            id: id.clone(),
            account_id: pushed.account_id.clone(),
            project_id: project.id,
            service: pushed.service.as_str().to_owned(),
            name: pushed.name.clone(),
            domains: pushed.domains.join(","),
            content: pushed.full_chain_pem(),
            not_after: pushed.not_after_ms,
            created_at: pushed.now_ms,
            updated_at: pushed.now_ms,
        };
        store::put(&mut session, &row).await.map_err(Fault::failed)?;
        session.commit().await.map_err(Fault::failed)?;
        Ok(id)
    }

    async fn bind(&self, _: &Pushed, _: &str, _: &Resource) -> Result<(), Fault> {
        // What it is deployed to is kept for every target.
        Ok(())
    }
}

/// A certificate of a project in the registry, and the resources that serve it.
///
/// # Errors
/// [`Error::NotFound`], also where the project is another account's; the database fails.
pub async fn find(
    ccm: &OpenCcm,
    caller: &Caller,
    service: PushService,
    project_id: &str,
    id: &str,
) -> Result<RegisteredCertificate, Error> {
    caller.check_project(project_id)?;
    let mut session = ccm.database().read().await?;
    store::find(&mut session, project_id, service.as_str(), id).await?.ok_or(Error::NotFound)
}

/// Deletes a certificate of a project from the registry: the next push of it makes a new copy.
///
/// # Errors
/// [`Error::NotFound`]; the database fails.
pub async fn delete(
    ccm: &OpenCcm,
    caller: &Caller,
    service: PushService,
    project_id: &str,
    id: &str,
) -> Result<(), Error> {
    caller.check_project(project_id)?;
    let mut session = ccm.database().write().await?;
    if !store::delete(&mut session, project_id, service.as_str(), id).await? {
        return Err(Error::NotFound);
    }
    ssl_pushes::delete_remote(&mut session, &caller.account_id, service.as_str(), id).await?;
    tracing::info!(service = %service, id, "deleted a pushed certificate from the registry");
    Ok(session.commit().await?)
}
