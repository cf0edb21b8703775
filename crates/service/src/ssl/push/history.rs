//! What was pushed, and what it is deployed to.

use openccm_core::{Invalid, PushService, Subject};
use openccm_store::{ssl_certificates, ssl_pushes as store};

use crate::{Caller, Error, OpenCcm, ssl::certificates::find};

/// How many pushes the history shows.
const HISTORY_LIMIT: i64 = 10;
/// How many certificates may be asked for at once.
const CERTIFICATES_LIMIT: usize = 50;
/// What stands for every service.
const EVERY_SERVICE: &str = "ALL";

/// How a push stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushState {
    /// It is still to be tried.
    Pending,
    /// The service took it. Whether it is served is not looked at.
    Accepted,
    /// It was seen to be served.
    Serving,
    /// The service took it, but another certificate, or none, was seen to be served.
    NotServing,
    /// The service did not take it.
    Failed,
}

impl PushState {
    /// As it is kept and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Accepted => "ACCEPTED",
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::Failed => "FAILED",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Pending, Self::Accepted, Self::Serving, Self::NotServing, Self::Failed];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// A push that a service accepted.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// When it did.
    pub pushed_at: i64,
    /// The service.
    pub service: String,
    /// The region; none for CDN.
    pub region: Option<String>,
    /// How it stands.
    pub state: PushState,
}

/// What a certificate is deployed to.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// The certificate.
    pub certificate_id: String,
    /// One for each service that was asked for.
    pub services: Vec<ServiceDeployment>,
}

/// What a certificate is deployed to in a service.
#[derive(Clone, Debug)]
pub struct ServiceDeployment {
    /// The service.
    pub service: PushService,
    /// By region; none for those without.
    pub regions: Vec<RegionResources>,
}

/// What a certificate is deployed to in a region.
#[derive(Clone, Debug)]
pub struct RegionResources {
    /// The region; empty for CDN.
    pub region: String,
    /// The ids; of CDN, the domain names.
    pub resources: Vec<String>,
}

/// The last pushes of a certificate that services accepted, the newest first.
///
/// # Errors
/// [`Error::NotFound`]; the database fails.
pub async fn history(ccm: &OpenCcm, caller: &Caller, certificate_id: &str) -> Result<Vec<HistoryEntry>, Error> {
    let mut session = ccm.database().read().await?;
    find(&mut session, &caller.account_id, certificate_id).await?;
    let pushes = store::list_accepted(&mut session, certificate_id, HISTORY_LIMIT).await?;
    let entry = |push: store::Push| HistoryEntry {
        pushed_at: push.pushed_at.unwrap_or(push.created_at),
        state: PushState::parse(&push.state).unwrap_or(PushState::Accepted),
        service: push.service,
        region: Some(push.region).filter(|region| !region.is_empty()),
    };
    Ok(pushes.into_iter().map(entry).collect())
}

/// What certificates are deployed to: one entry for each, with one for each service.
///
/// # Errors
/// [`Error::Invalid`] for ids that there are not, or lists that cannot be answered; the database fails.
pub async fn list_deployed(
    ccm: &OpenCcm,
    caller: &Caller,
    certificate_ids: &[String],
    service_names: &[String],
) -> Result<Vec<Deployed>, Error> {
    let services = parse_services(service_names)?;
    if certificate_ids.is_empty() {
        return Err(Invalid::missing(Subject::NoCertificateIds, "certificate_ids").into());
    }
    if certificate_ids.len() > CERTIFICATES_LIMIT {
        let reason = format!("certificate_ids must have 1 to {CERTIFICATES_LIMIT} elements");
        return Err(Invalid::new(Subject::ListSize, "certificate_ids", reason).into());
    }
    check_distinct(certificate_ids, "certificate_ids")?;
    let mut session = ccm.database().read().await?;
    let mut unknown = Vec::new();
    for id in certificate_ids {
        // No database needs to be asked for what cannot be in it.
        let found = !id.contains('\0') && ssl_certificates::find(&mut session, &caller.account_id, id).await?.is_some();
        if !found {
            unknown.push(id.as_str());
        }
    }
    if !unknown.is_empty() {
        let unknown = unknown.join(", ").chars().take(512).collect::<String>();
        return Err(Invalid::new(Subject::UnknownCertificateIds, "certificate_ids", unknown).into());
    }
    let mut deployed = Vec::with_capacity(certificate_ids.len());
    for id in certificate_ids {
        let rows = store::list_resources(&mut session, id).await?;
        let of = |service: &PushService| ServiceDeployment {
            service: *service,
            regions: by_region(rows.iter().filter(|row| row.service == service.as_str())),
        };
        deployed.push(Deployed { certificate_id: id.clone(), services: services.iter().map(of).collect() });
    }
    Ok(deployed)
}

fn by_region<'a>(rows: impl Iterator<Item = &'a store::Resource>) -> Vec<RegionResources> {
    let mut regions: Vec<RegionResources> = Vec::new();
    for row in rows {
        match regions.last_mut().filter(|last| last.region == row.region) {
            Some(last) => last.resources.push(row.resource_id.clone()),
            None => {
                regions.push(RegionResources { region: row.region.clone(), resources: vec![row.resource_id.clone()] })
            }
        }
    }
    regions
}

fn parse_services(names: &[String]) -> Result<Vec<PushService>, Error> {
    let invalid = || {
        let choices = format!("{}, {EVERY_SERVICE}", PushService::choices());
        Error::from(Invalid::new(Subject::ServiceNames, "service_names", choices))
    };
    if names.is_empty() {
        return Err(invalid());
    }
    let parse = |name: &String| match PushService::parse(name) {
        Some(service) => Some(Some(service)),
        None => name.trim().eq_ignore_ascii_case(EVERY_SERVICE).then_some(None),
    };
    let services: Vec<Option<PushService>> = names.iter().map(parse).collect::<Option<_>>().ok_or_else(invalid)?;
    check_distinct(&services, "service_names")?;
    Ok(services.into_iter().collect::<Option<Vec<_>>>().unwrap_or_else(|| PushService::ALL.to_vec()))
}

fn check_distinct<T: PartialEq>(list: &[T], field: &str) -> Result<(), Invalid> {
    let twice = list.iter().enumerate().any(|(index, element)| list[..index].contains(element));
    if twice { Err(Invalid::new(Subject::DuplicateElements, field, "has an element twice")) } else { Ok(()) }
}
