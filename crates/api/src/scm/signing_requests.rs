//! Signing requests of servers (v3): making, uploading, listing, showing, renaming, deleting.

use axum::{Extension, Json, extract::State};
use http::{HeaderName, StatusCode};
use openccm_auth::Secret;
use openccm_core::{SslKeyAlgorithm, Subject};
use openccm_service::{
    Caller, Error, OpenCcm,
    ssl::signing_requests::{self, Company, NewRequest, Upload},
};
use openccm_store::{
    page::{Direction, Page},
    ssl_signing_requests::{self as store, Filter, SslSigningRequest},
};
use serde::{Deserialize, Serialize};

use super::{Failure, certificates::NO_STORE, fields};
use crate::{
    extract::{Body, Input, Params, ResourceId},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const CSRS: &str = "/v3/scm/csr";
    const CSR: &str = "/v3/scm/csr/{id}";
    const KEY: &str = "/v3/scm/csr/{id}/private-key";
    Routes::of(Service::Scm)
        .add("POST", CSRS, "create_csr", Action("scm:csr:create"), create_csr)
        .add("GET", CSRS, "list_csr", Action("scm:csr:list"), list_csr)
        .add("GET", CSR, "show_csr", Action("scm:csr:get"), show_csr)
        .add("GET", KEY, "show_csr_private_key", Action("scm:csr:getPrivateKey"), show_csr_private_key)
        .add("PUT", CSR, "update_csr", Action("scm:csr:edit"), update_csr)
        .add("DELETE", CSR, "delete_csr", Action("scm:csr:delete"), delete_csr)
        .add("POST", "/v3/scm/csr/upload", "upload_csr", Action("scm:csr:upload"), upload_csr)
}

#[derive(Serialize)]
struct Csr {
    id: String,
    name: String,
    csr: String,
    domain_name: String,
    sans: String,
    private_key_algo: String,
    usage: String,
    company_country: String,
    company_province: String,
    company_city: String,
    company_name: String,
    create_time: i64,
    update_time: i64,
}

impl From<SslSigningRequest> for Csr {
    fn from(row: SslSigningRequest) -> Self {
        Self {
            id: row.id,
            name: row.name,
            csr: row.csr,
            domain_name: row.domain_name,
            sans: row.sans,
            private_key_algo: row.private_key_algo,
            usage: row.usage,
            company_country: row.company_country.unwrap_or_default(),
            company_province: row.company_province.unwrap_or_default(),
            company_city: row.company_city.unwrap_or_default(),
            company_name: row.company_name.unwrap_or_default(),
            create_time: row.created_at,
            update_time: row.updated_at,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CreateCsrRequest {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    domain_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    sans: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    private_key_algo: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    usage: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    company_country: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    company_province: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    company_city: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    company_name: Option<String>,
}

impl Body for CreateCsrRequest {
    fn subject(path: &str) -> Subject {
        match path {
            "name" => Subject::Name,
            "domain_name" | "sans" => Subject::Domain,
            _ => Subject::Parameter,
        }
    }
}

async fn create_csr(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<CreateCsrRequest>,
) -> Result<Json<Csr>, Failure> {
    let new = NewRequest {
        name: body.name,
        domain_name: body.domain_name,
        sans: body.sans,
        private_key_algo: body.private_key_algo,
        usage: body.usage,
        company: Company {
            country: body.company_country,
            province: body.company_province,
            city: body.company_city,
            name: body.company_name,
        },
    };
    Ok(Json(signing_requests::create(&ccm, &caller, new).await?.into()))
}

#[derive(Serialize)]
struct ListCsrResponse {
    csr_list: Vec<Csr>,
    total: i64,
}

async fn list_csr(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<ListCsrResponse>, Failure> {
    // Of the others none can be made here, but some can be uploaded.
    const OTHERS: [&str; 3] = ["SM2", "EC_P521", "ED25519"];
    let algorithm = |text: &str| {
        let others = || OTHERS.into_iter().find(|other| other.eq_ignore_ascii_case(text.trim()));
        SslKeyAlgorithm::parse(text).map(SslKeyAlgorithm::as_str).or_else(others)
    };
    let filter = Filter {
        name: params.short_text("name", 255)?.map(str::to_owned),
        private_key_algo: params.choice("private_key_algo", Subject::KeyAlgorithm, algorithm)?.map(str::to_owned),
    };
    let page = Page { direction: Direction::Descending, ..fields::page(&params)? };
    let mut session = ccm.database().read().await?;
    let (rows, total) = store::list(&mut session, &caller.account_id, &filter, page).await?;
    Ok(Json(ListCsrResponse { csr_list: rows.into_iter().map(Csr::from).collect(), total }))
}

async fn show_csr(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<Csr>, Failure> {
    let mut session = ccm.database().read().await?;
    let row = store::find(&mut session, &caller.account_id, &id).await?.ok_or(Error::SigningRequestNotFound)?;
    Ok(Json(row.into()))
}

#[derive(Serialize)]
struct ShowCsrPrivateKeyResponse {
    private_key: String,
}

async fn show_csr_private_key(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<([(HeaderName, &'static str); 1], Json<ShowCsrPrivateKeyResponse>), Failure> {
    let private_key = signing_requests::export_key(&ccm, &caller, &id).await?.to_string();
    Ok((NO_STORE, Json(ShowCsrPrivateKeyResponse { private_key })))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UpdateCsrRequest {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
}

impl Body for UpdateCsrRequest {
    fn subject(_: &str) -> Subject {
        Subject::Name
    }
}

async fn update_csr(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<UpdateCsrRequest>,
) -> Result<Json<Csr>, Failure> {
    Ok(Json(signing_requests::rename(&ccm, &caller, &id, body.name).await?.into()))
}

async fn delete_csr(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<StatusCode, Failure> {
    signing_requests::delete(&ccm, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UploadCsrRequest {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    csr: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    private_key: Option<String>,
}

impl Body for UploadCsrRequest {
    fn subject(path: &str) -> Subject {
        match path {
            "name" => Subject::Name,
            "csr" => Subject::Csr,
            "private_key" => Subject::PrivateKey,
            _ => Subject::Parameter,
        }
    }
}

#[derive(Serialize)]
struct UploadCsrResponse {
    id: String,
    name: String,
    create_time: i64,
}

async fn upload_csr(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<UploadCsrRequest>,
) -> Result<Json<UploadCsrResponse>, Failure> {
    let new = Upload { name: body.name, csr: body.csr, private_key: body.private_key.map(Secret::new) };
    let row = signing_requests::upload(&ccm, &caller, new).await?;
    Ok(Json(UploadCsrResponse { id: row.id, name: row.name, create_time: row.created_at }))
}
