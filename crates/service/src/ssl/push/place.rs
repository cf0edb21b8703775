//! Where a push goes: a service in a region, and the target that is configured for it.

use openccm_core::{Invalid, PushService, Subject};

use super::{
    failure::{FailureKind, PushFailure},
    options::TargetOptions,
};
use crate::{Caller, Error, OpenCcm};

/// The longest name of a region, in characters.
const REGION_LIMIT: usize = 255;

/// A service in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) service: PushService,
    /// Empty for CDN.
    pub(super) region: String,
}

impl Place {
    /// What is kept of a place. Gives none for what no version of this server writes.
    pub(super) fn stored(service: &str, region: &str) -> Option<Self> {
        Some(Self { service: PushService::parse(service)?, region: region.to_owned() })
    }

    /// The target that is configured for it.
    pub(super) fn target(&self, ccm: &OpenCcm) -> Option<TargetOptions> {
        ccm.ssl().push.find(self.service, &self.region)
    }

    /// What the lock on it is called, for an account's certificates.
    pub(super) fn lock_name(&self, account_id: &str) -> String {
        format!("push:{account_id}:{}:{}", self.service, self.region)
    }
}

/// The service of this name, whatever its case.
pub(super) fn service(name: Option<&str>, field: &str) -> Result<PushService, Error> {
    let name = name.ok_or_else(|| Invalid::missing(Subject::PushService, field))?;
    let invalid =
        || Invalid::new(Subject::PushService, field, format!("must be one of {}", PushService::choices())).into();
    PushService::parse(name).ok_or_else(invalid)
}

/// The place that a caller means: the region must be one that a target is configured for, or a project of its account.
pub(super) fn find(
    ccm: &OpenCcm,
    caller: &Caller,
    service: PushService,
    region: Option<&str>,
    field: &str,
) -> Result<Place, Error> {
    let options = &ccm.ssl().push;
    if !options.is_default() && options.of(service).next().is_none() {
        return Err(Invalid::new(Subject::PushService, "target_service", "no target is configured for it").into());
    }
    if service == PushService::Cdn {
        let place = Place { service, region: String::new() };
        return check_admitted(ccm, caller, &place).map(|()| place);
    }
    let region = region.map(str::trim).unwrap_or_default();
    if region.is_empty() || region.chars().count() > REGION_LIMIT {
        let reason = format!("must have 1 to {REGION_LIMIT} characters");
        return Err(Invalid::new(Subject::Region, field, reason).into());
    }
    let named = options.targets.iter().any(|target| target.region.as_deref() == Some(region));
    if !named && !caller.projects.iter().any(|project| project.name == region) {
        return Err(Invalid::new(Subject::UnknownRegion, field, "is no region of the account").into());
    }
    let place = Place { service, region: region.to_owned() };
    check_admitted(ccm, caller, &place).map(|()| place)
}

/// Checks that the place has a target, and that it is for the caller's account.
fn check_admitted(ccm: &OpenCcm, caller: &Caller, place: &Place) -> Result<(), Error> {
    let Place { service, region } = place;
    let reason = match place.target(ccm) {
        Some(target) if target.admits(&caller.account_id, &caller.account_name) => return Ok(()),
        Some(_) => format!("the target for {service} is not for this account"),
        None => format!("no target is configured for {service} in {region}"),
    };
    Err(PushFailure { service: *service, kind: FailureKind::RegionUnsupported, reason }.into())
}
