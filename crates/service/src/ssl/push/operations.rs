//! What callers ask for: pushing to one region or several, and deploying to resources.

use openccm_core::{Invalid, PushService, SslOperation, Subject, covers};
use openccm_store::ssl_pushes as store;

use super::{
    attempt::{self, Accepted},
    failure::Fault,
    place::{self, Place},
    target::Resource,
};
use crate::{Caller, Error, OpenCcm, ssl::certificates::find_servable};

/// How many regions a certificate is pushed to at once.
const BATCH_LIMIT: usize = 10;
/// The longest name of a region in a batch, in characters.
const BATCH_REGION_LIMIT: usize = 32;
/// How many resources a certificate is deployed to at once.
const RESOURCES_LIMIT: usize = 50;
/// The longest id of a resource, in characters.
const RESOURCE_ID_LIMIT: usize = 255;

/// What came of a push to one of several regions.
#[derive(Debug)]
pub struct BatchResult {
    /// The region, as it was written.
    pub region: String,
    /// The certificate's id in the service; what it failed with otherwise.
    pub outcome: Result<String, Error>,
    /// Why it was seen not to be served, where it was looked.
    pub not_serving: Option<String>,
}

/// A resource that a certificate could not be deployed to.
#[derive(Debug)]
pub struct DeployFailure {
    /// Its id; of CDN, the domain name.
    pub resource: String,
    /// Why not.
    pub error: Error,
}

/// Pushes a certificate to a service in a region.
///
/// # Errors
/// [`Error::NotFound`], [`Error::StatusConflict`], [`Error::Invalid`]; [`Error::Push`] where the service failed.
pub async fn push(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_id: &str,
    service: Option<&str>,
    region: Option<&str>,
) -> Result<(), Error> {
    let service = place::service(service, "target_service")?;
    check_pushable(ccm, caller, certificate_id, service).await?;
    let place = place::find(ccm, caller, service, region, "target_project")?;
    push_to(ccm, caller, certificate_id, &place, None).await.map(drop)
}

/// Pushes a certificate to a service in several regions: one result a region, in the order of the request.
///
/// # Errors
/// What is wrong with the whole: [`Error::NotFound`], [`Error::StatusConflict`], [`Error::Invalid`].
pub async fn batch_push(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_id: &str,
    service: Option<&str>,
    regions: &[String],
) -> Result<Vec<BatchResult>, Error> {
    let service = place::service(service, "target_service")?;
    if regions.is_empty() || regions.len() > BATCH_LIMIT {
        let reason = format!("must have 1 to {BATCH_LIMIT} elements");
        return Err(Invalid::new(Subject::Region, "target_projects", reason).into());
    }
    let too_long = |region: &&String| region.chars().count() > BATCH_REGION_LIMIT || region.contains('\0');
    if regions.iter().any(|region| too_long(&region)) {
        let reason = format!("each must have 1 to {BATCH_REGION_LIMIT} characters");
        return Err(Invalid::new(Subject::Region, "target_projects", reason).into());
    }
    check_pushable(ccm, caller, certificate_id, service).await?;
    let mut results = Vec::with_capacity(regions.len());
    for region in regions {
        let pushed = match place::find(ccm, caller, service, Some(region), "target_projects") {
            Ok(place) => push_to(ccm, caller, certificate_id, &place, None).await,
            Err(error) => Err(error),
        };
        let (outcome, not_serving) = match pushed {
            Ok(accepted) => (Ok(accepted.remote_id), accepted.not_serving),
            Err(error) => (Err(error), None),
        };
        results.push(BatchResult { region: region.clone(), outcome, not_serving });
    }
    Ok(results)
}

/// Deploys a certificate to resources of a service in a region. Gives those that it could not be deployed to.
///
/// # Errors
/// What is wrong with the whole: [`Error::NotFound`], [`Error::StatusConflict`], [`Error::Invalid`].
pub async fn deploy(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_id: &str,
    service: Option<&str>,
    region: Option<&str>,
    resources: Vec<Resource>,
) -> Result<Vec<DeployFailure>, Error> {
    let service = place::service(service, "service_name")?;
    if resources.is_empty() || resources.len() > RESOURCES_LIMIT {
        let reason = format!("must have 1 to {RESOURCES_LIMIT} elements");
        return Err(Invalid::new(Subject::Parameter, "resources", reason).into());
    }
    let checked = resources.into_iter().enumerate().map(|(index, resource)| check_resource(service, resource, index));
    let resources = checked.collect::<Result<Vec<_>, _>>()?;
    let domains = check_pushable(ccm, caller, certificate_id, service).await?;
    let place = place::find(ccm, caller, service, region, "project_name")?;
    let mut failures = Vec::new();
    for (index, resource) in resources.iter().enumerate() {
        if resources[..index].contains(resource) {
            continue;
        }
        let deployed = if service == PushService::Cdn && !covers(domains.iter().map(String::as_str), &resource.id) {
            Err(Invalid::new(Subject::ResourceDomain, "domain_name", "is none of the certificate's").into())
        } else {
            push_to(ccm, caller, certificate_id, &place, Some(resource)).await
        };
        if let Err(error) = deployed {
            failures.push(DeployFailure { resource: resource.id.clone(), error });
        }
    }
    Ok(failures)
}

/// A resource as its service has it: the type is WAF's alone.
fn check_resource(service: PushService, resource: Resource, index: usize) -> Result<Resource, Invalid> {
    let invalid = |field: &str, reason: String| {
        Err(Invalid::new(Subject::Parameter, format!("resources[{index}].{field}"), reason))
    };
    let count = resource.id.chars().count();
    if count == 0 || count > RESOURCE_ID_LIMIT {
        let field = if service == PushService::Cdn { "domain_name" } else { "id" };
        return invalid(field, format!("must have 1 to {RESOURCE_ID_LIMIT} characters"));
    }
    let kind = match (service, resource.kind.trim().to_ascii_lowercase().as_str()) {
        (PushService::Cdn | PushService::Elb, _) => "",
        (PushService::Waf, "" | "cloud") => "cloud",
        (PushService::Waf, "premium") => "premium",
        (PushService::Waf, _) => return invalid("type", "must be one of cloud, premium".to_owned()),
    };
    Ok(Resource { kind: kind.to_owned(), ..resource })
}

/// Checks that a certificate can be pushed at all; gives its domain names.
async fn check_pushable(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_id: &str,
    service: PushService,
) -> Result<Vec<String>, Error> {
    let mut session = ccm.database().read().await?;
    let servable = find_servable(ccm, &mut session, &caller.account_id, certificate_id, SslOperation::Push).await?;
    let anywhere = Place { service, region: String::new() };
    attempt::pushed(ccm, &anywhere, &servable).map(|pushed| pushed.domains)
}

/// Makes a push and its first attempt, which goes on to its end even where the caller does not wait for it: what is half done
/// elsewhere must be noted here.
async fn push_to(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_id: &str,
    place: &Place,
    resource: Option<&Resource>,
) -> Result<Accepted, Error> {
    let wish = attempt::wish(ccm, &caller.account_id, certificate_id, place, resource);
    let task = tokio::spawn(begin(ccm.clone(), place.clone(), wish));
    let unfinished = |_| Fault::failed("the attempt ended before it was finished").of(place.service);
    task.await.map_err(unfinished)?
}

async fn begin(ccm: OpenCcm, place: Place, wish: store::Push) -> Result<Accepted, Error> {
    let _lock = ccm.database().lock(&place.lock_name(&wish.account_id)).await?;
    let mut session = ccm.database().write().await?;
    // A renewal that was still to take the place of another's copy goes on doing so.
    let pending = store::list_pending(&mut session, &wish.certificate_id).await?;
    let renews = pending.into_iter().find(|push| push.service == wish.service && push.region == wish.region);
    let wish = store::Push { renews: renews.and_then(|push| push.renews), ..wish };
    let resource = wish.resource.as_deref();
    store::supersede(&mut session, &wish.certificate_id, &wish.service, &wish.region, resource).await?;
    store::insert(&mut session, &wish).await?;
    session.commit().await?;
    attempt::attempt(&ccm, &place, wish).await
}
