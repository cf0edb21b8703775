//! What handlers take from a request.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
};
use http::request::Parts;
use openccm_core::{CaId, CertificateId, Invalid, Subject};
use openccm_service::Error;
use serde::de::DeserializeOwned;

use crate::{
    error::ApiError,
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
        let invalid = |subject, field: &str, reason: String| {
            ApiError::from_error(service, &Error::Invalid(Invalid::new(subject, field, reason)))
        };
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| invalid(Subject::Parameter, "body", error.to_string()))?;
        let text: &[u8] = match bytes.trim_ascii() {
            b"" | b"null" => b"{}",
            text => text,
        };
        // A structure could be read from an array as well.
        if !text.starts_with(b"{") {
            return Err(invalid(Subject::Parameter, "body", "is not a JSON object".to_owned()));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        match serde_path_to_error::deserialize(&mut deserializer) {
            Ok(value) => match deserializer.end() {
                Ok(()) => Ok(Self(value)),
                Err(error) => Err(invalid(Subject::Parameter, "body", error.to_string())),
            },
            Err(error) => {
                let path = error.path().to_string();
                if error.inner().is_data() && path != "." {
                    Err(invalid(T::subject(&path), &path, error.inner().to_string()))
                } else {
                    Err(invalid(Subject::Parameter, "body", format!("is not a JSON object: {}", error.inner())))
                }
            }
        }
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

fn service_of(operation: Option<&Operation>) -> Service {
    operation.map_or(Service::Server, |operation| operation.service)
}
