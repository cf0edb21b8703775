//! The certificate that is bound to a domain name.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use openccm_core::{GatewayCertificateId, Invalid, Subject};
use openccm_service::{Caller, Error, OpenCcm, gateway::bindings};
use serde::Deserialize;

use super::{
    Failure,
    fields::{BoundDomainResponse, CertificatePath, CertificateResponse, DomainPath, FormRequest, ProjectId},
};
use crate::{
    extract::{Body, Input},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Apig)
        .add(
            "POST",
            "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificate",
            "associate_certificate_v2",
            Action("apig:domains:createCertificate"),
            associate_certificate_v2,
        )
        .add(
            "DELETE",
            "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificate/{certificate_id}",
            "disassociate_certificate_v2",
            Action("apig:domains:deleteCertificate"),
            disassociate_certificate_v2,
        )
        .add(
            "GET",
            "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificate/{certificate_id}",
            "show_details_of_domain_name_certificate_v2",
            Action("apig:domains:getCertificate"),
            show_details_of_domain_name_certificate_v2,
        )
        .add(
            "POST",
            "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificates/attach",
            "batch_associate_certs_v2",
            Action("apig:domains:attachCertificates"),
            batch_associate_certs_v2,
        )
        .add(
            "POST",
            "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificates/detach",
            "batch_disassociate_certs_v2",
            Action("apig:domains:detachCertificates"),
            batch_disassociate_certs_v2,
        )
}

async fn associate_certificate_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    DomainPath(place): DomainPath,
    ProjectId(project_id): ProjectId,
    Input(request): Input<FormRequest>,
) -> Result<(StatusCode, Json<BoundDomainResponse>), Failure> {
    let form = request.into_form_for(&place.instance_id)?;
    let binding = bindings::create_certificate(&ccm, &caller, &project_id, &place, form).await?;
    Ok((StatusCode::CREATED, Json(binding.into())))
}

async fn disassociate_certificate_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    DomainPath(place): DomainPath,
    CertificatePath(id): CertificatePath,
) -> Result<StatusCode, Failure> {
    bindings::remove(&ccm, &caller, &place, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn show_details_of_domain_name_certificate_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    DomainPath(place): DomainPath,
    CertificatePath(id): CertificatePath,
) -> Result<Json<CertificateResponse>, Failure> {
    Ok(Json(bindings::show(&ccm, &caller, &place, &id).await?.into()))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CertificatesRequest {
    certificate_ids: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient::boolean")]
    verified_client_certificate_enabled: Option<bool>,
}

impl Body for CertificatesRequest {
    fn subject(_: &str) -> Subject {
        Subject::Parameter
    }
}

impl CertificatesRequest {
    /// The one certificate that a call can be about.
    fn certificate_id(&self) -> Result<String, Error> {
        const FIELD: &str = "certificate_ids";
        match self.certificate_ids.as_deref() {
            None | Some([]) => Err(Invalid::missing(Subject::MissingParameter, FIELD).into()),
            // What is no id is the id of nothing.
            Some([id]) => GatewayCertificateId::parse(id).map(|id| id.to_string()).ok_or(Error::NotFound),
            Some(_) => Err(Invalid::new(Subject::Parameter, FIELD, "must be exactly one").into()),
        }
    }
}

async fn batch_associate_certs_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    DomainPath(place): DomainPath,
    Input(request): Input<CertificatesRequest>,
) -> Result<StatusCode, Failure> {
    let verified = request.verified_client_certificate_enabled;
    bindings::attach_certificate(&ccm, &caller, &place, &request.certificate_id()?, verified).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn batch_disassociate_certs_v2(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    DomainPath(place): DomainPath,
    Input(request): Input<CertificatesRequest>,
) -> Result<StatusCode, Failure> {
    bindings::detach_certificate(&ccm, &caller, &place, &request.certificate_id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
