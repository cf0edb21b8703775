//! What handlers take from a request.

use std::{collections::BTreeMap, fmt::Display};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
};
use http::request::Parts;
use openccm_core::{CaId, CertificateId, Invalid, Subject};
use openccm_service::Error;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};

use crate::{
    error::ApiError,
    lenient,
    route::{Operation, Service},
};

/// A body that can be read, and what its fields are about.
pub(crate) trait Body: DeserializeOwned {
    /// What the field at `path` (such as `distinguished_name.country`) is about.
    fn subject(path: &str) -> Subject;
}

/// The JSON body of a request. An empty body and `null` are read as `{}`: clients send them where nothing is mandatory.
pub(crate) struct Input<T>(pub(crate) T);

impl<T: Body, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let service = service_of(request.extensions().get());
        let bytes = read_body(service, request, state).await?;
        let text: &[u8] = match bytes.trim_ascii() {
            b"" | b"null" => b"{}",
            text => text,
        };
        // A structure could be read from an array as well.
        if !text.starts_with(b"{") {
            return Err(invalid(service, Subject::Parameter, "body", "is not a JSON object"));
        }
        read_json(service, text, "object", T::subject).map(Self)
    }
}

/// The JSON body of a request that is a list of objects.
pub(crate) struct InputList<T>(pub(crate) Vec<T>);

impl<T: Body, S: Send + Sync> FromRequest<S> for InputList<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let service = service_of(request.extensions().get());
        let bytes = read_body(service, request, state).await?;
        read_json(service, &bytes, "array", T::subject).map(|List(values)| Self(values))
    }
}

async fn read_body<S: Send + Sync>(service: Service, request: Request, state: &S) -> Result<Bytes, ApiError> {
    let bytes = Bytes::from_request(request, state).await;
    bytes.map_err(|error| invalid(service, Subject::Parameter, "body", error))
}

/// Reads JSON that must be an `expected`; what is wrong with a field is about its `subject`.
fn read_json<T: DeserializeOwned>(
    service: Service,
    text: &[u8],
    expected: &str,
    subject: impl Fn(&str) -> Subject,
) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(value) => {
            let end = deserializer.end();
            end.map(|()| value).map_err(|error| invalid(service, Subject::Parameter, "body", error))
        }
        Err(error) => {
            let path = error.path().to_string();
            if error.inner().is_data() && path != "." {
                return Err(invalid(service, subject(&path), &path, error.inner()));
            }
            let reason = format!("is not a JSON {expected}: {}", error.inner());
            Err(invalid(service, Subject::Parameter, "body", reason))
        }
    }
}

fn invalid(service: Service, subject: Subject, field: &str, reason: impl Display) -> ApiError {
    ApiError::from_error(service, &Error::Invalid(Invalid::new(subject, field, reason)))
}

/// A list of objects and of nothing else.
struct List<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values: Option<Vec<T>> = lenient::objects(deserializer)?;
        values.map(Self).ok_or_else(|| de::Error::custom("null is no list"))
    }
}

/// The parameters of a query. An empty one counts as absent.
pub(crate) struct Params(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let service = service_of(parts.extensions.get());
        let query = parts.uri.query().unwrap_or_default();
        let mut values = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if value.contains('\0') {
                let invalid = Invalid::new(Subject::Parameter, name, "must not contain NUL");
                return Err(ApiError::from_error(service, &invalid.into()));
            }
            if !value.is_empty() {
                values.insert(name.into_owned(), value.into_owned());
            }
        }
        Ok(Self(values))
    }
}

impl Params {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A text of at most `max` characters.
    pub(crate) fn short_text(&self, name: &str, max: usize) -> Result<Option<&str>, Invalid> {
        match self.text(name) {
            Some(text) if text.chars().count() > max => {
                Err(Invalid::new(Subject::Parameter, name, format!("must have 1 to {max} characters")))
            }
            text => Ok(text),
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Invalid> {
        let parse =
            |text: &str| text.trim().parse().map_err(|_| Invalid::new(Subject::Parameter, name, "must be an integer"));
        self.text(name).map(parse).transpose()
    }

    /// A value of an enumeration.
    pub(crate) fn choice<T>(
        &self,
        name: &str,
        subject: Subject,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Invalid> {
        let parse =
            |text: &str| parse(text).ok_or_else(|| Invalid::new(subject, name, "is none of the allowed values"));
        self.text(name).map(parse).transpose()
    }
}

/// An id in the path.
pub(crate) struct Id<T>(pub(crate) T);

/// A kind of id that stands in paths.
pub(crate) trait PathId: Sized {
    const PARAMETER: &'static str;
    const SUBJECT: Subject;

    fn parse(text: &str) -> Option<Self>;
}

impl PathId for CaId {
    const PARAMETER: &'static str = "ca_id";
    const SUBJECT: Subject = Subject::CaId;

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl PathId for CertificateId {
    const PARAMETER: &'static str = "certificate_id";
    const SUBJECT: Subject = Subject::CertificateId;

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// The id of a resource in the path, whatever its form: one that there is not is not found.
pub(crate) struct ResourceId(pub(crate) String);

/// What the parameters are called that name the resource of an operation.
const RESOURCE_PARAMETERS: [&str; 5] = ["certificate_id", "cert_id", "resource_id", "product_id", "id"];

impl<S: Send + Sync> FromRequestParts<S> for ResourceId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        path_text(parts, state, &RESOURCE_PARAMETERS).await.map(Self)
    }
}

impl<T: PathId, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        let text = params.as_ref().and_then(|params| params.iter().find(|(name, _)| *name == T::PARAMETER));
        text.and_then(|(_, text)| T::parse(text)).map(Self).ok_or_else(|| {
            let invalid = Invalid::new(T::SUBJECT, T::PARAMETER, "must be 36 characters, as in its creation's answer");
            ApiError::from_error(service_of(parts.extensions.get()), &invalid.into())
        })
    }
}

/// The enterprise project of a new resource: the default one, `0`, where none, or all, are named.
pub(crate) fn enterprise_project_id(text: Option<String>) -> Result<String, Invalid> {
    let text = match text.as_deref() {
        None | Some("all" | "0") => return Ok("0".to_owned()),
        Some(text) => text,
    };
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let characters_fit = text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || b.is_ascii_lowercase());
    if lengths == [8, 4, 4, 4, 12] && characters_fit {
        return Ok(text.to_owned());
    }
    let reason = "must be all, 0 or 36 characters such as 01234567-89ab-cdef-0123-456789abcdef";
    Err(Invalid::new(Subject::Parameter, "enterprise_project_id", reason))
}

/// The project and the id in the path.
pub(crate) struct ProjectAndId {
    pub(crate) project_id: String,
    pub(crate) id: ResourceId,
}

impl<S: Send + Sync> FromRequestParts<S> for ProjectAndId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let project_id = path_text(parts, state, &["project_id"]).await?;
        Ok(Self { project_id, id: ResourceId::from_request_parts(parts, state).await? })
    }
}

/// The parameter of the path with one of these names.
async fn path_text<S: Send + Sync>(parts: &mut Parts, state: &S, names: &[&str]) -> Result<String, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state).await.ok();
    let text = params.as_ref().and_then(|params| params.iter().find(|(name, _)| names.contains(name)));
    // No database takes a NUL.
    let text = text.map(|(_, text)| text.to_owned()).filter(|text| !text.contains('\0'));
    text.ok_or_else(|| ApiError::from_error(service_of(parts.extensions.get()), &Error::NotFound))
}

fn service_of(operation: Option<&Operation>) -> Service {
    operation.map_or(Service::Server, |operation| operation.service)
}
