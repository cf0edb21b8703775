//! Pushing again what was renewed.

use openccm_core::covers;
use openccm_store::{
    Session,
    ssl_certificates::{self, SslCertificate},
    ssl_pushes as store,
};

use super::{attempt, place::Place, target::Resource};
use crate::{Error, OpenCcm};

/// Has the certificate `new_id` take the place of `origin_id` wherever that was pushed to and the target's settings ask for
/// it (`auto_deploy`): the pushes are due at once. It does not where it is not for all names of `origin_id`, for they would
/// be served no more. To be called when `new_id` has its content. Gives how many pushes there are.
///
/// # Errors
/// The database fails.
pub async fn renewed(ccm: &OpenCcm, session: &mut Session, origin_id: &str, new_id: &str) -> Result<u64, Error> {
    let Some(certificate) = ssl_certificates::find_any(session, new_id).await? else { return Ok(0) };
    let Some(origin) = ssl_certificates::find_any(session, origin_id).await? else { return Ok(0) };
    if let Some(name) = find_uncovered(&certificate, &origin) {
        tracing::warn!(
            certificate_id = new_id,
            origin_id,
            name,
            "a certificate that renews another is not for all of its names, and is not pushed in its place"
        );
        return Ok(0);
    }
    enqueue(ccm, session, &certificate.account_id, origin_id, new_id).await
}

/// Has a certificate pushed again that was issued anew under its own id, wherever it was pushed to and the target's settings
/// ask for it. Gives how many pushes there are.
///
/// # Errors
/// The database fails.
pub async fn reissued(ccm: &OpenCcm, session: &mut Session, id: &str) -> Result<u64, Error> {
    renewed(ccm, session, id, id).await
}

/// A name of `origin` that `certificate` is not for.
fn find_uncovered(certificate: &SslCertificate, origin: &SslCertificate) -> Option<String> {
    let names = certificate.domains();
    origin.domains().into_iter().find(|name| !covers(names.iter().map(String::as_str), name))
}

async fn enqueue(
    ccm: &OpenCcm,
    session: &mut Session,
    account_id: &str,
    origin_id: &str,
    new_id: &str,
) -> Result<u64, Error> {
    // Copies first: what resources are bound to must be there.
    let mut wishes: Vec<(Place, Option<Resource>, String)> = Vec::new();
    for copy in store::list_copies(session, origin_id).await? {
        if let Some(place) = Place::stored(&copy.service, &copy.region) {
            wishes.push((place, None, origin_id.to_owned()));
        }
    }
    let asked = store::list_deployments(session, origin_id).await?;
    for row in store::list_resources(session, origin_id).await? {
        if let Some(place) = Place::stored(&row.service, &row.region) {
            let resource = as_asked(row, &asked);
            wishes.push((place, Some(resource), origin_id.to_owned()));
        }
    }
    // What never arrived is wished for still.
    for push in store::list_pending(session, origin_id).await? {
        let Some(place) = Place::stored(&push.service, &push.region) else { continue };
        let resource = push.resource.as_deref().and_then(|json| serde_json::from_str::<Resource>(json).ok());
        let same = |(known, of, _): &&(Place, Option<Resource>, String)| {
            *known == place && of.as_ref().map(|of| &of.id) == resource.as_ref().map(|of| &of.id)
        };
        if wishes.iter().find(same).is_none() {
            wishes.push((place, resource, push.renews.unwrap_or_else(|| origin_id.to_owned())));
        }
    }
    let now_ms = ccm.now_ms();
    let mut count = 0;
    for (place, resource, renews) in wishes {
        if !place.target(ccm).is_some_and(|target| target.auto_deploy) {
            continue;
        }
        let wish = attempt::wish(ccm, account_id, new_id, &place, resource.as_ref());
        // The certificate that is renewed must not come back over the one that renews it.
        let service = place.service.as_str();
        store::supersede(session, origin_id, service, &place.region, wish.resource.as_deref()).await?;
        let renews = Some(renews).filter(|renews| renews != new_id);
        store::insert(session, &store::Push { renews, next_attempt_at: Some(now_ms), ..wish }).await?;
        count += 1;
    }
    Ok(count)
}

/// A resource as it was last asked for, with the enterprise project that it is in; `asked` has the latest first.
fn as_asked(row: store::Resource, asked: &[(String, String, String)]) -> Resource {
    let to_place = asked.iter().filter(|(service, region, _)| *service == row.service && *region == row.region);
    let mut resources = to_place.filter_map(|(.., json)| serde_json::from_str::<Resource>(json).ok());
    let found = resources.find(|resource| resource.id == row.resource_id && resource.kind == row.kind);
    found.unwrap_or(Resource { id: row.resource_id, kind: row.kind, enterprise_project_id: None })
}
