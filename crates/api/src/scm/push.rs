//! Pushing certificates to services, and deploying them to resources.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use openccm_core::{PushService, Subject};
use openccm_service::{
    Caller, Error, OpenCcm,
    ssl::push::{self, BatchResult, Deployed, Resource},
};
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::{
    error::ApiError,
    extract::{Body, Input, ResourceId},
    lenient,
    route::{Access::Action, Routes, Service},
};

/// The longest message in a result, in characters.
const MESSAGE_LIMIT: usize = 255;

pub(super) fn routes() -> Routes {
    Routes::of(Service::Scm)
        .add(
            "POST",
            "/v3/scm/certificates/{certificate_id}/push",
            "push_certificate",
            Action("scm:cert:push"),
            push_certificate,
        )
        .add(
            "POST",
            "/v3/scm/certificates/{certificate_id}/batch-push",
            "batch_push_certificate",
            Action("scm:cert:push"),
            batch_push_certificate,
        )
        .add(
            "POST",
            "/v3/scm/certificates/{certificate_id}/deploy",
            "deploy_certificate",
            Action("scm:cert:deploy"),
            deploy_certificate,
        )
        .add(
            "POST",
            "/v3/scm/deployed-resources",
            "list_deployed_resources",
            Action("scm:cert:listDeployedResources"),
            list_deployed_resources,
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PushCertificateRequest {
    #[serde(deserialize_with = "lenient::text")]
    target_project: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    target_service: Option<String>,
}

impl Body for PushCertificateRequest {
    fn subject(path: &str) -> Subject {
        if path == "target_service" { Subject::PushService } else { Subject::Region }
    }
}

async fn push_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<PushCertificateRequest>,
) -> Result<StatusCode, Failure> {
    let (service, region) = (body.target_service.as_deref(), body.target_project.as_deref());
    push::push(&ccm, &caller, &id, service, region).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BatchPushCertificateRequest {
    target_projects: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient::text")]
    target_service: Option<String>,
}

impl Body for BatchPushCertificateRequest {
    fn subject(path: &str) -> Subject {
        PushCertificateRequest::subject(path)
    }
}

#[derive(Serialize)]
struct BatchPushCertificateResponse {
    results: Vec<BatchPushResult>,
}

#[derive(Serialize)]
struct BatchPushResult {
    project_name: String,
    cert_id: String,
    message: String,
}

async fn batch_push_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<BatchPushCertificateRequest>,
) -> Result<Json<BatchPushCertificateResponse>, Failure> {
    let regions = body.target_projects.unwrap_or_default();
    let results = push::batch_push(&ccm, &caller, &id, body.target_service.as_deref(), &regions).await?;
    Ok(Json(BatchPushCertificateResponse { results: results.into_iter().map(render).collect() }))
}

fn render(result: BatchResult) -> BatchPushResult {
    let (cert_id, message) = match (result.outcome, result.not_serving) {
        (Ok(id), None) => (id, "success".to_owned()),
        (Ok(id), Some(reason)) => (id, format!("Accepted, but not served: {reason}")),
        (Err(error), _) => (String::new(), reason(&error)),
    };
    BatchPushResult { project_name: result.region, cert_id, message: message.chars().take(MESSAGE_LIMIT).collect() }
}

/// What stands for an error in the results of an operation that succeeds as a whole.
fn reason(error: &Error) -> String {
    let error = match error {
        // The vendor's text alone, for it says all, and scripts compare it.
        Error::Invalid(invalid) => ApiError::of_subject(Service::Scm, invalid.subject),
        error => ApiError::from_error(Service::Scm, error),
    };
    error.message().chars().take(MESSAGE_LIMIT).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeployCertificateRequest {
    #[serde(deserialize_with = "lenient::text")]
    service_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    project_name: Option<String>,
    #[serde(deserialize_with = "lenient::objects")]
    resources: Option<Vec<ResourceRequest>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResourceRequest {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    domain_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    enterprise_project_id: Option<String>,
}

impl Body for DeployCertificateRequest {
    fn subject(path: &str) -> Subject {
        match path {
            "service_name" => Subject::PushService,
            "project_name" => Subject::Region,
            _ => Subject::Parameter,
        }
    }
}

#[derive(Serialize)]
struct DeployCertificateResponse {
    failure_list: Vec<DeployFailureBody>,
}

#[derive(Serialize)]
struct DeployFailureBody {
    resource: String,
    failure_info: String,
}

async fn deploy_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<DeployCertificateRequest>,
) -> Result<Json<DeployCertificateResponse>, Failure> {
    let cdn = body.service_name.as_deref().and_then(PushService::parse) == Some(PushService::Cdn);
    let resource = |resource: ResourceRequest| Resource {
        // CDN goes by the domain name, the others by the id.
        id: if cdn { resource.domain_name } else { resource.id }.unwrap_or_default(),
        kind: resource.kind.unwrap_or_default(),
        enterprise_project_id: resource.enterprise_project_id,
    };
    let resources = body.resources.unwrap_or_default().into_iter().map(resource).collect();
    let (service, region) = (body.service_name.as_deref(), body.project_name.as_deref());
    let failures = push::deploy(&ccm, &caller, &id, service, region, resources).await?;
    let failure_list = failures
        .into_iter()
        .map(|failure| DeployFailureBody { failure_info: reason(&failure.error), resource: failure.resource });
    Ok(Json(DeployCertificateResponse { failure_list: failure_list.collect() }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListDeployedResourcesRequest {
    certificate_ids: Option<Vec<String>>,
    service_names: Option<Vec<String>>,
}

impl Body for ListDeployedResourcesRequest {
    fn subject(path: &str) -> Subject {
        if path.starts_with("service_names") { Subject::ServiceNames } else { Subject::ListSize }
    }
}

#[derive(Serialize)]
struct ListDeployedResourcesResponse {
    results: Vec<DeployedBody>,
}

#[derive(Serialize)]
struct DeployedBody {
    certificate_id: String,
    total_num: usize,
    deployed_resources: Vec<ServiceDeploymentBody>,
}

#[derive(Serialize)]
struct ServiceDeploymentBody {
    service: &'static str,
    resource_num: usize,
    resource_location: &'static str,
    region_resources: Vec<RegionResourcesBody>,
}

#[derive(Serialize)]
struct RegionResourcesBody {
    region_id: String,
    is_error: bool,
    resources: Vec<ResourceBody>,
}

#[derive(Serialize)]
struct ResourceBody {
    resource_id: String,
    resource_name: String,
}

async fn list_deployed_resources(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<ListDeployedResourcesRequest>,
) -> Result<Json<ListDeployedResourcesResponse>, Failure> {
    let (ids, services) = (body.certificate_ids.unwrap_or_default(), body.service_names.unwrap_or_default());
    let deployed = push::list_deployed(&ccm, &caller, &ids, &services).await?;
    Ok(Json(ListDeployedResourcesResponse { results: deployed.into_iter().map(render_deployed).collect() }))
}

fn render_deployed(deployed: Deployed) -> DeployedBody {
    let services = deployed.services.into_iter().map(|deployment| {
        let global = deployment.service == PushService::Cdn;
        let regions: Vec<RegionResourcesBody> = deployment
            .regions
            .into_iter()
            .map(|region| RegionResourcesBody {
                region_id: if global { "global".to_owned() } else { region.region },
                is_error: false,
                // Nobody is asked for the names of resources: their ids stand for them.
                resources: region
                    .resources
                    .into_iter()
                    .map(|id| ResourceBody { resource_name: id.clone(), resource_id: id })
                    .collect(),
            })
            .collect();
        ServiceDeploymentBody {
            service: deployment.service.as_str(),
            resource_num: regions.iter().map(|region| region.resources.len()).sum(),
            resource_location: if global { "global" } else { "region" },
            region_resources: regions,
        }
    });
    let deployed_resources: Vec<ServiceDeploymentBody> = services.collect();
    DeployedBody {
        certificate_id: deployed.certificate_id,
        total_num: deployed_resources.iter().map(|service| service.resource_num).sum(),
        deployed_resources,
    }
}
