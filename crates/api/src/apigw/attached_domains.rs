//! The domain names that a certificate is bound to.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use openccm_core::{Invalid, Subject};
use openccm_service::{
    Caller, OpenCcm,
    gateway::bindings::{self, Selection},
};
use openccm_store::page::Direction;
use serde::{Deserialize, Serialize};

use super::{
    Failure,
    fields::{BoundDomainResponse, CertificatePath, page},
};
use crate::{
    extract::{Body, Input, Params},
    lenient,
    route::{Access::Action, Routes, Service},
};

/// How many domain names one call may name.
const DOMAINS_MAX: usize = 100;
/// On how many gateways it may name each.
const INSTANCES_MAX: usize = 100;

pub(super) fn routes() -> Routes {
    Routes::of(Service::Apig)
        .add(
            "POST",
            "/v2/{project_id}/apigw/certificates/{certificate_id}/domains/attach",
            "batch_associate_domains_v2",
            Action("apig:certificates:attachDomains"),
            batch_associate_domains_v2,
        )
        .add(
            "POST",
            "/v2/{project_id}/apigw/certificates/{certificate_id}/domains/detach",
            "batch_disassociate_domains_v2",
            Action("apig:certificates:detachDomains"),
            batch_disassociate_domains_v2,
        )
        .add(
            "GET",
            "/v2/{project_id}/apigw/certificates/{certificate_id}/attached-domains",
            "list_attached_domains_v2",
            Action("apig:certificates:listDomains"),
            list_attached_domains_v2,
        )
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DomainsRequest {
    #[serde(deserialize_with = "lenient::objects")]
    domains: Option<Vec<DomainRequest>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DomainRequest {
    #[serde(deserialize_with = "lenient::text")]
    domain: Option<String>,
    instance_ids: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient::boolean")]
    verified_client_certificate_enabled: Option<bool>,
}

impl Body for DomainsRequest {
    fn subject(_: &str) -> Subject {
        Subject::Parameter
    }
}

impl DomainsRequest {
    fn into_selections(self) -> Result<Vec<Selection>, Invalid> {
        let domains = self.domains.filter(|domains| !domains.is_empty());
        let domains = domains.ok_or_else(|| Invalid::missing(Subject::MissingParameter, "domains"))?;
        if domains.len() > DOMAINS_MAX {
            return Err(Invalid::new(Subject::Parameter, "domains", format!("must be {DOMAINS_MAX} at most")));
        }
        let select = |(index, request): (usize, DomainRequest)| {
            let missing = || Invalid::missing(Subject::MissingParameter, format!("domains[{index}].domain"));
            let mut instance_ids = request.instance_ids.unwrap_or_default();
            if instance_ids.len() > INSTANCES_MAX {
                let field = format!("domains[{index}].instance_ids");
                return Err(Invalid::new(Subject::Parameter, field, format!("must be {INSTANCES_MAX} at most")));
            }
            if instance_ids.iter().any(|id| id.contains('\0')) {
                let field = format!("domains[{index}].instance_ids");
                return Err(Invalid::new(Subject::Parameter, field, "must be texts without NUL"));
            }
            instance_ids.sort_unstable();
            instance_ids.dedup();
            Ok(Selection {
                domain: request.domain.ok_or_else(missing)?,
                instance_ids,
                verifies_clients: request.verified_client_certificate_enabled,
            })
        };
        domains.into_iter().enumerate().map(select).collect()
    }
}

async fn batch_associate_domains_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    CertificatePath(id): CertificatePath,
    Input(request): Input<DomainsRequest>,
) -> Result<StatusCode, Failure> {
    bindings::attach_domains(&ccm, &caller, &id, request.into_selections()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn batch_disassociate_domains_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    CertificatePath(id): CertificatePath,
    Input(request): Input<DomainsRequest>,
) -> Result<StatusCode, Failure> {
    bindings::detach_domains(&ccm, &caller, &id, request.into_selections()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct ListAttachedDomainsResponse {
    size: usize,
    total: i64,
    bound_domains: Vec<BoundDomainResponse>,
}

async fn list_attached_domains_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    CertificatePath(id): CertificatePath,
    params: Params,
) -> Result<Json<ListAttachedDomainsResponse>, Failure> {
    let page = page(&params, Direction::Ascending)?;
    let (rows, total) = bindings::list_domains(&ccm, &caller, &id, params.text("url_domain"), page).await?;
    let bound_domains: Vec<BoundDomainResponse> = rows.into_iter().map(BoundDomainResponse::from).collect();
    Ok(Json(ListAttachedDomainsResponse { size: bound_domains.len(), total, bound_domains }))
}
