//! Exporting authorities, their signing requests, and certificates.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use openccm_auth::Secret;
use openccm_core::{CaId, CertificateId, Invalid, Subject};
use openccm_service::{
    Caller, OpenCcm, ServerType, authorities,
    certificates::{self, Export},
};
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::{
    attachment::attachment,
    extract::{Body, Id, Input},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Pca)
        .add(
            "GET",
            "/v1/private-certificate-authorities/{ca_id}/csr",
            "export_certificate_authority_csr",
            Action("pca:ca:getCsr"),
            export_certificate_authority_csr,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/export",
            "export_certificate_authority_certificate",
            Action("pca:ca:export"),
            export_certificate_authority_certificate,
        )
        .add(
            "POST",
            "/v1/private-certificates/{certificate_id}/export",
            "export_certificate",
            Action("pca:cert:export"),
            export_certificate,
        )
}

#[derive(Serialize)]
struct ExportCsrResponse {
    csr: String,
}

async fn export_certificate_authority_csr(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
) -> Result<Json<ExportCsrResponse>, Failure> {
    let csr = authorities::export_signing_request(&ccm, &caller, id).await?;
    Ok(Json(ExportCsrResponse { csr }))
}

#[derive(Serialize)]
struct ExportAuthorityResponse {
    certificate: String,
    certificate_chain: String,
}

async fn export_certificate_authority_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
) -> Result<Json<ExportAuthorityResponse>, Failure> {
    let exported = authorities::export(&ccm, &caller, id).await?;
    Ok(Json(ExportAuthorityResponse { certificate: exported.certificate, certificate_chain: exported.chain }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ExportCertificateRequest {
    #[serde(deserialize_with = "lenient::boolean")]
    is_compressed: Option<bool>,
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    server: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    password: Option<String>,
}

impl Body for ExportCertificateRequest {
    fn subject(_: &str) -> Subject {
        Subject::Parameter
    }
}

#[derive(Serialize)]
struct ExportCertificateResponse<'a> {
    certificate: String,
    certificate_chain: String,
    /// Absent where the key is with the requester.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
}

async fn export_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CertificateId>,
    Input(body): Input<ExportCertificateRequest>,
) -> Result<Response, Failure> {
    let compressed = body.is_compressed.ok_or_else(|| Invalid::missing(Subject::Parameter, "is_compressed"))?;
    let server = body.server.ok_or_else(|| Invalid::missing(Subject::Parameter, "type"))?;
    let server = server
        .trim()
        .parse::<ServerType>()
        .map_err(|_| Invalid::new(Subject::Parameter, "type", "must be one of APACHE, NGINX, IIS, TOMCAT, OTHER"))?;
    let password = body.password.map(Secret::new);
    let exported = certificates::export(&ccm, &caller, id, server, compressed, password).await?;
    // Private keys must not stay in a cache on the way.
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok(match exported {
        Export::Pem { certificate, chain, private_key } => {
            let private_key = private_key.as_ref().map(Secret::expose);
            let body = ExportCertificateResponse { certificate, certificate_chain: chain, private_key };
            (no_store, Json(body)).into_response()
        }
        Export::Archive { file_name, bytes } => {
            let headers =
                [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_DISPOSITION, attachment(&file_name))];
            (no_store, headers, bytes).into_response()
        }
    })
}
