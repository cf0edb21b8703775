//! What several requests and responses of APIG have in common.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use openccm_core::{GatewayAlgorithm, GatewayCertificateId, GatewayDomainId, GatewayScope, Invalid, Subject};
use openccm_service::{
    Error,
    gateway::{CertificateForm, ShownCertificate, bindings::Binding, domains::Place},
};
use openccm_store::{
    gateway_certificates::GatewayCertificate,
    page::{Direction, Page},
};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::StaticFormatDescription, macros::format_description};

use crate::{
    error::ApiError,
    extract::{Body, Params},
    lenient,
    route::Service,
};

/// Times in UTC, to the second (RFC 3339).
const TIME: StaticFormatDescription = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// The part of a list that the caller wants, and which way: the vendor mends what is out of range.
pub(super) fn page(params: &Params, direction: Direction) -> Result<Page, Invalid> {
    let limit = params.integer("limit")?.filter(|limit| *limit > 0).unwrap_or(20).min(500);
    let offset = params.integer("offset")?.unwrap_or_default().max(0);
    Ok(Page { limit, offset, direction })
}

/// A time (ms since the epoch) as text; empty where it is beyond the years that can be written.
pub(super) fn time(ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).ok();
    time.and_then(|time| time.format(TIME).ok()).unwrap_or_default()
}

/// The project in the path. Signing in has checked it.
pub(super) struct ProjectId(pub(super) String);

/// The id of a certificate in the path.
pub(super) struct CertificatePath(pub(super) String);

/// The gateway and the group of APIs in the path.
pub(super) struct GroupPath {
    pub(super) instance_id: String,
    pub(super) group_id: String,
}

/// The gateway, the group of APIs and the domain name in the path.
pub(super) struct DomainPath(pub(super) Place);

impl<S: Send + Sync> FromRequestParts<S> for ProjectId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let id = parameter(parts, "project_id").await;
        id.map(Self).ok_or_else(|| ApiError::from_error(Service::Apig, &Error::ForeignProject))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CertificatePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let id = parameter(parts, "certificate_id").await.and_then(|text| GatewayCertificateId::parse(&text));
        // What is no id is the id of nothing.
        id.map(|id| Self(id.to_string())).ok_or_else(|| ApiError::from_error(Service::Apig, &Error::NotFound))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for GroupPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self {
            instance_id: gateway_id(parts, "instance_id", "id").await?,
            group_id: gateway_id(parts, "group_id", "group_id").await?,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DomainPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let GroupPath { instance_id, group_id } = GroupPath::from_request_parts(parts, state).await?;
        let text = gateway_id(parts, "domain_id", "domain_id").await?;
        // In the form in which it is kept; what is no id is the id of nothing.
        let domain_id = GatewayDomainId::parse(&text).map_or(text, |id| id.to_string());
        Ok(Self(Place { instance_id, group_id, domain_id }))
    }
}

/// An id of something of a gateway in the path. One that cannot be kept is not known.
async fn gateway_id(parts: &mut Parts, name: &str, shown: &str) -> Result<String, ApiError> {
    let text = parameter(parts, name).await.unwrap_or_default();
    let known = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if known && (1..=64).contains(&text.len()) {
        return Ok(text);
    }
    let text: String = text.escape_debug().take(64).collect();
    Err(ApiError::from_error(Service::Apig, &Error::UnknownGateway(format!("{shown}:{text}"))))
}

async fn parameter(parts: &mut Parts, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    params.iter().find(|(found, _)| *found == name).map(|(_, text)| text.to_owned())
}

/// A certificate and its key.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct FormRequest {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    cert_content: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    private_key: Option<String>,
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    scope: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    instance_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    trusted_root_ca: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    algorithm_type: Option<String>,
}

impl Body for FormRequest {
    fn subject(path: &str) -> Subject {
        match path {
            "cert_content" | "trusted_root_ca" => Subject::Certificate,
            "private_key" => Subject::PrivateKey,
            _ => Subject::Parameter,
        }
    }
}

impl FormRequest {
    /// The form, for the gateways that it says itself.
    pub(super) fn into_form(self) -> Result<CertificateForm, Invalid> {
        let scope = choice(self.scope.as_deref(), "type", GatewayScope::parse, &GatewayScope::choices())?;
        let instance_id = self.instance_id.clone();
        let trusted_root_ca = self.trusted_root_ca.clone();
        let form = self.read(scope.unwrap_or(GatewayScope::Global), instance_id)?;
        Ok(CertificateForm { trusted_root_ca, ..form })
    }

    /// The form, for one gateway, whatever it says itself; it has name, certificate and key alone.
    pub(super) fn into_form_for(self, instance_id: &str) -> Result<CertificateForm, Invalid> {
        self.read(GatewayScope::Instance, Some(instance_id.to_owned()))
    }

    fn read(self, scope: GatewayScope, instance_id: Option<String>) -> Result<CertificateForm, Invalid> {
        const ALGORITHM: &str = "algorithm_type";
        let algorithm =
            choice(self.algorithm_type.as_deref(), ALGORITHM, GatewayAlgorithm::parse, &GatewayAlgorithm::choices())?;
        if algorithm == Some(GatewayAlgorithm::Sm2) {
            return Err(Invalid::new(
                Subject::Parameter,
                ALGORITHM,
                "SM2 certificates are not supported by this server",
            ));
        }
        let mandatory =
            |field: Option<String>, name: &str| field.ok_or_else(|| Invalid::missing(Subject::MissingParameter, name));
        Ok(CertificateForm {
            name: mandatory(self.name, "name")?,
            certificate: mandatory(self.cert_content, "cert_content")?,
            private_key: mandatory(self.private_key, "private_key")?.into(),
            scope,
            instance_id,
            trusted_root_ca: None,
            algorithm,
        })
    }
}

fn choice<T>(
    text: Option<&str>,
    field: &str,
    parse: impl Fn(&str) -> Option<T>,
    choices: &str,
) -> Result<Option<T>, Invalid> {
    let refused = || Invalid::new(Subject::Parameter, field, format!("must be one of {choices}"));
    text.map(|text| parse(text).ok_or_else(refused)).transpose()
}

/// A certificate in a list.
#[derive(Serialize)]
pub(super) struct BaseResponse {
    id: String,
    name: String,
    #[serde(rename = "type")]
    scope: String,
    instance_id: String,
    project_id: String,
    common_name: String,
    san: Vec<String>,
    not_after: String,
    signature_algorithm: String,
    create_time: String,
    update_time: String,
    is_has_trusted_root_ca: bool,
    algorithm_type: String,
}

impl From<GatewayCertificate> for BaseResponse {
    fn from(row: GatewayCertificate) -> Self {
        Self {
            san: row.names(),
            id: row.id,
            name: row.name,
            scope: row.scope,
            instance_id: row.instance_id,
            project_id: row.project_id,
            common_name: row.common_name,
            not_after: time(row.not_after),
            signature_algorithm: row.signature_algorithm,
            create_time: time(row.created_at),
            update_time: time(row.updated_at),
            is_has_trusted_root_ca: row.has_trusted_roots != 0,
            algorithm_type: row.algorithm_type,
        }
    }
}

/// A certificate with all that is told of it. Its key is not.
#[derive(Serialize)]
pub(super) struct CertificateResponse {
    #[serde(flatten)]
    base: BaseResponse,
    version: u8,
    organization: Vec<String>,
    organizational_unit: Vec<String>,
    locality: Vec<String>,
    state: Vec<String>,
    country: Vec<String>,
    not_before: String,
    serial_number: String,
    issuer: Vec<String>,
}

impl From<ShownCertificate> for CertificateResponse {
    fn from(shown: ShownCertificate) -> Self {
        let details = shown.details;
        Self {
            base: shown.row.into(),
            version: details.version,
            organization: details.organizations,
            organizational_unit: details.organizational_units,
            locality: details.localities,
            state: details.states,
            country: details.countries,
            not_before: time(details.not_before),
            serial_number: details.serial_number,
            issuer: details.issuer_organizations,
        }
    }
}

/// What stands for a port that a gateway does not have of its own for a domain name: the common ones are used.
pub(super) const NO_PORT: i64 = -1;
/// The oldest version of TLS that a gateway is taken to speak.
pub(super) const MIN_SSL_VERSION: &str = "TLSv1.2";
/// The domain name resolves: the operator vouches for what it makes known.
pub(super) const RESOLVED: i64 = 3;

/// A domain name and the certificate that is bound to it.
#[derive(Serialize)]
pub(super) struct BoundDomainResponse {
    url_domain: String,
    id: String,
    status: i64,
    min_ssl_version: &'static str,
    is_http_redirect_to_https: bool,
    verified_client_certificate_enabled: bool,
    ingress_http_port: i64,
    ingress_https_port: i64,
    ssl_id: String,
    ssl_name: String,
    api_group_id: String,
    api_group_name: String,
    instance_id: String,
}

impl From<Binding> for BoundDomainResponse {
    fn from(Binding { domain, certificate }: Binding) -> Self {
        Self {
            url_domain: domain.name,
            id: domain.id,
            status: RESOLVED,
            min_ssl_version: MIN_SSL_VERSION,
            is_http_redirect_to_https: false,
            verified_client_certificate_enabled: domain.verifies_clients != 0,
            ingress_http_port: NO_PORT,
            ingress_https_port: NO_PORT,
            ssl_id: certificate.id,
            ssl_name: certificate.name,
            api_group_id: domain.group_id,
            api_group_name: domain.group_name,
            instance_id: domain.instance_id,
        }
    }
}
