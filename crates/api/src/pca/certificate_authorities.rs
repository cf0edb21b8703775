//! Creating, listing and showing authorities, and giving them their certificates.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use http::StatusCode;
use openccm_core::{AuthorityStatus, AuthorityType, CaId, Invalid, Subject};
use openccm_service::{
    Caller, Error, OpenCcm,
    authorities::{self, Activation, Expected, NewAuthority},
};
use openccm_store::certificate_authorities::{self as store, CertificateAuthority, Filter, SortKey};
use serde::{Deserialize, Serialize};

use super::{
    Failure,
    fields::{self, CrlConfigurationRequest, NameRequest, NameResponse, ValidityRequest},
    quotas::page,
};
use crate::{
    extract::{Body, Id, Input, Params, enterprise_project_id},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const CAS: &str = "/v1/private-certificate-authorities";
    const CA: &str = "/v1/private-certificate-authorities/{ca_id}";
    Routes::of(Service::Pca)
        .add("GET", CAS, "list_certificate_authority", Action("pca:ca:list"), list_certificate_authority)
        .add("POST", CAS, "create_certificate_authority", Action("pca:ca:create"), create_certificate_authority)
        .add("GET", CA, "show_certificate_authority", Action("pca:ca:get"), show_certificate_authority)
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/activate",
            "issue_certificate_authority_certificate",
            Action("pca:ca:active"),
            issue_certificate_authority_certificate,
        )
        .add(
            "POST",
            "/v1/private-certificate-authorities/{ca_id}/import",
            "import_certificate_authority_certificate",
            Action("pca:ca:import"),
            import_certificate_authority_certificate,
        )
}

/// The longest certificate and chain that are imported, in characters.
const CERTIFICATE_LIMIT: usize = 32_768;
const CHAIN_LIMIT: usize = 2_097_152;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CreateCertificateAuthorityRequest {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    authority_type: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    distinguished_name: Option<NameRequest>,
    #[serde(deserialize_with = "lenient::text")]
    key_algorithm: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    validity: Option<ValidityRequest>,
    #[serde(deserialize_with = "lenient::text")]
    issuer_id: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    path_length: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    signature_algorithm: Option<String>,
    key_usages: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient::object")]
    crl_configuration: Option<CrlConfigurationRequest>,
    #[serde(deserialize_with = "lenient::text")]
    enterprise_project_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    ca_id: Option<String>,
    hsm_cluster_info: Option<serde_json::Value>,
}

impl Body for CreateCertificateAuthorityRequest {
    fn subject(path: &str) -> Subject {
        if path == "type" { Subject::CaType } else { fields::subject(path) }
    }
}

#[derive(Serialize)]
struct CreateCertificateAuthorityResponse {
    ca_id: String,
}

async fn create_certificate_authority(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<CreateCertificateAuthorityRequest>,
) -> Result<Json<CreateCertificateAuthorityResponse>, Failure> {
    // A CA bought beforehand would be filled in here; none can be bought from this server.
    if body.ca_id.is_some() {
        return Err(Error::NotFound.into());
    }
    refuse_hsm(body.hsm_cluster_info.as_ref())?;
    let authority_type =
        authority_type(body.authority_type)?.ok_or_else(|| Invalid::missing(Subject::CaType, "type"))?;
    let subordinate = authority_type == AuthorityType::Subordinate;
    let name = body
        .distinguished_name
        .ok_or_else(|| Invalid::missing(Subject::DistinguishedName, "distinguished_name"))?
        .into();
    let new = NewAuthority {
        authority_type,
        name,
        key_algorithm: fields::key_algorithm(body.key_algorithm)?
            .ok_or_else(|| Invalid::missing(Subject::KeyAlgorithm, "key_algorithm"))?,
        validity: body.validity.map(TryInto::try_into).transpose()?,
        // Ignored for a root, whatever they are.
        issuer_id: if subordinate { fields::issuer_id(body.issuer_id)? } else { None },
        path_length: if subordinate { fields::path_length(body.path_length)? } else { None },
        hash: fields::hash_algorithm(body.signature_algorithm)?,
        key_usages: if subordinate { fields::key_usages(body.key_usages)? } else { None },
        crl_configuration: body.crl_configuration.map(TryInto::try_into).transpose()?,
        enterprise_project_id: enterprise_project_id(body.enterprise_project_id)?,
    };
    let ca_id = authorities::create(&ccm, &caller, new).await?.to_string();
    Ok(Json(CreateCertificateAuthorityResponse { ca_id }))
}

fn authority_type(text: Option<String>) -> Result<Option<AuthorityType>, Invalid> {
    let invalid = || Invalid::new(Subject::CaType, "type", format!("must be one of {}", AuthorityType::choices()));
    text.map(|text| AuthorityType::parse(&text).ok_or_else(invalid)).transpose()
}

/// A caller who wants a key in a hardware module must not be given one outside it.
fn refuse_hsm(info: Option<&serde_json::Value>) -> Result<(), Invalid> {
    match info {
        None => Ok(()),
        Some(_) => Err(Invalid::new(Subject::Parameter, "hsm_cluster_info", "no hardware module is connected")),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IssueCertificateAuthorityCertificateRequest {
    #[serde(deserialize_with = "lenient::text")]
    issuer_id: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    path_length: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    signature_algorithm: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    validity: Option<ValidityRequest>,
    key_usages: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient::object")]
    crl_configuration: Option<CrlConfigurationRequest>,
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    authority_type: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    distinguished_name: Option<NameRequest>,
    #[serde(deserialize_with = "lenient::text")]
    key_algorithm: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    enterprise_project_id: Option<String>,
    hsm_cluster_info: Option<serde_json::Value>,
}

impl Body for IssueCertificateAuthorityCertificateRequest {
    fn subject(path: &str) -> Subject {
        if path == "type" { Subject::CaType } else { fields::subject(path) }
    }
}

async fn issue_certificate_authority_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
    Input(body): Input<IssueCertificateAuthorityCertificateRequest>,
) -> Result<StatusCode, Failure> {
    refuse_hsm(body.hsm_cluster_info.as_ref())?;
    enterprise_project_id(body.enterprise_project_id)?;
    let activation = Activation {
        issuer_id: fields::mandatory_issuer_id(body.issuer_id)?,
        path_length: fields::path_length(body.path_length)?.unwrap_or(0),
        hash: fields::hash_algorithm(body.signature_algorithm)?
            .ok_or_else(|| Invalid::missing(Subject::HashAlgorithm, "signature_algorithm"))?,
        validity: body.validity.ok_or_else(|| Invalid::missing(Subject::Validity, "validity"))?.try_into()?,
        key_usages: fields::key_usages(body.key_usages)?,
        crl_configuration: body.crl_configuration.map(TryInto::try_into).transpose()?,
        expected: Expected {
            authority_type: authority_type(body.authority_type)?,
            name: body.distinguished_name.map(Into::into),
            key_algorithm: fields::key_algorithm(body.key_algorithm)?,
        },
    };
    authorities::activate(&ccm, &caller, id, activation).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ImportCertificateAuthorityCertificateRequest {
    #[serde(deserialize_with = "lenient::text")]
    certificate: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    certificate_chain: Option<String>,
}

impl Body for ImportCertificateAuthorityCertificateRequest {
    fn subject(path: &str) -> Subject {
        fields::subject(path)
    }
}

async fn import_certificate_authority_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
    Input(body): Input<ImportCertificateAuthorityCertificateRequest>,
) -> Result<StatusCode, Failure> {
    let too_long = |subject, field: &str, limit: usize| {
        Invalid::new(subject, field, format!("must have at most {limit} characters"))
    };
    let certificate = body.certificate.ok_or_else(|| Invalid::missing(Subject::Certificate, "certificate"))?;
    if certificate.len() > CERTIFICATE_LIMIT {
        return Err(too_long(Subject::Certificate, "certificate", CERTIFICATE_LIMIT).into());
    }
    let chain = body.certificate_chain.unwrap_or_default();
    if chain.len() > CHAIN_LIMIT {
        return Err(too_long(Subject::CertificateChain, "certificate_chain", CHAIN_LIMIT).into());
    }
    authorities::import(&ccm, &caller, id, &certificate, &chain).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An authority, as lists and details show it. Every field is always there.
#[derive(Serialize)]
struct CertificateAuthorityResponse {
    ca_id: String,
    #[serde(rename = "type")]
    authority_type: String,
    status: &'static str,
    path_length: i64,
    issuer_id: Option<String>,
    issuer_name: Option<String>,
    key_algorithm: String,
    signature_algorithm: Option<String>,
    freeze_flag: u8,
    gen_mode: String,
    serial_number: Option<String>,
    create_time: i64,
    delete_time: Option<i64>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    distinguished_name: NameResponse,
    crl_configuration: CrlConfigurationResponse,
    enterprise_project_id: String,
    free_quota: i64,
    /// 1, on demand: what Terraform takes for a CA that is not bought for a period.
    charging_mode: u8,
    cluster_id: Option<String>,
    domain_id: String,
}

#[derive(Serialize)]
struct CrlConfigurationResponse {
    enabled: bool,
    crl_name: Option<String>,
    obs_bucket_name: Option<String>,
    valid_days: Option<i64>,
    crl_dis_point: Option<String>,
    /// OpenCCM's own: into how many lists the certificates issued now are spread; absent where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<i64>,
}

impl CertificateAuthorityResponse {
    fn new(authority: CertificateAuthority, now_ms: i64) -> Self {
        Self {
            status: authority.status_at(now_ms).as_str(),
            distinguished_name: authority.name().into(),
            ca_id: authority.id,
            authority_type: authority.authority_type,
            path_length: authority.path_length,
            issuer_id: authority.issuer_id,
            issuer_name: authority.issuer_name,
            key_algorithm: authority.key_algorithm,
            signature_algorithm: authority.signature_algorithm,
            freeze_flag: 0,
            gen_mode: authority.generation_mode,
            serial_number: authority.serial_number,
            create_time: authority.created_at,
            delete_time: authority.deletes_at,
            not_before: authority.not_before,
            not_after: authority.not_after,
            crl_configuration: CrlConfigurationResponse {
                enabled: authority.crl_bucket.is_some(),
                crl_name: authority.crl_name,
                obs_bucket_name: authority.crl_bucket,
                valid_days: authority.crl_valid_days,
                crl_dis_point: authority.crl_address,
                partitions: authority.crl_partitions.filter(|partitions| *partitions > 1),
            },
            enterprise_project_id: authority.enterprise_project_id,
            free_quota: 0,
            charging_mode: 1,
            cluster_id: None,
            domain_id: authority.account_id,
        }
    }
}

#[derive(Serialize)]
struct ListCertificateAuthorityResponse {
    total: i64,
    certificate_authorities: Vec<CertificateAuthorityResponse>,
}

async fn list_certificate_authority(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<ListCertificateAuthorityResponse>, Failure> {
    let filter = Filter {
        name: params.short_text("name", 64)?.map(str::to_owned),
        status: params.choice("status", Subject::Status, AuthorityStatus::parse)?,
        authority_type: params.choice("type", Subject::CaType, AuthorityType::parse)?,
    };
    let sort_key = match params.text("sort_key") {
        Some("common_name") => SortKey::CommonName,
        Some("ca_type" | "type") => SortKey::Type,
        Some("not_after") => SortKey::NotAfter,
        _ => SortKey::CreateTime,
    };
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().read().await?;
    let (rows, total) =
        store::list(&mut session, &caller.account_id, &filter, sort_key, page(&params)?, now_ms).await?;
    let certificate_authorities = rows.into_iter().map(|row| CertificateAuthorityResponse::new(row, now_ms)).collect();
    Ok(Json(ListCertificateAuthorityResponse { total, certificate_authorities }))
}

async fn show_certificate_authority(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<CaId>,
) -> Result<impl IntoResponse, Failure> {
    let now_ms = ccm.now_ms();
    let mut session = ccm.database().read().await?;
    let authority = store::find(&mut session, &caller.account_id, &id.to_string(), now_ms).await?;
    Ok(Json(CertificateAuthorityResponse::new(authority.ok_or(Error::NotFound)?, now_ms)))
}
