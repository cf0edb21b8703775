//! Tokens: giving, showing, checking and ending them.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use openccm_auth::Secret;
use openccm_core::{Invalid, Subject};
use openccm_service::{
    Caller, OpenCcm,
    identity::{self, Scope, SignIn, TokenInfo, UserReference},
};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::Failure;
use crate::{
    extract::{Body, Input},
    lenient,
    route::{
        Access::{Public, SignedIn},
        Routes, Service,
    },
    sign_in::header_text,
};

pub(super) fn routes() -> Routes {
    const TOKENS: &str = "/v3/auth/tokens";
    Routes::of(Service::Iam)
        .add("POST", TOKENS, "create_token", Public, create_token)
        .add("GET", TOKENS, "show_token", SignedIn, show_token)
        .add("HEAD", TOKENS, "check_token", SignedIn, check_token)
        .add("DELETE", TOKENS, "revoke_token", SignedIn, revoke_token)
}

const SUBJECT_TOKEN: &str = "x-subject-token";

/// Six digits of fractions: clients parse the texts with exactly this form.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

#[derive(Default, Deserialize)]
#[serde(default)]
struct CreateTokenRequest {
    #[serde(deserialize_with = "lenient::object")]
    auth: Option<Auth>,
    /// Where some of the vendor's examples put it.
    #[serde(deserialize_with = "lenient::object")]
    scope: Option<ScopeRequest>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    #[serde(deserialize_with = "lenient::object")]
    identity: Option<Identity>,
    #[serde(deserialize_with = "lenient::object")]
    scope: Option<ScopeRequest>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identity {
    methods: Vec<String>,
    #[serde(deserialize_with = "lenient::object")]
    password: Option<Password>,
    #[serde(deserialize_with = "lenient::object")]
    token: Option<TokenReference>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Password {
    #[serde(deserialize_with = "lenient::object")]
    user: Option<PasswordUser>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PasswordUser {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    password: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    domain: Option<Reference>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenReference {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScopeRequest {
    #[serde(deserialize_with = "lenient::object")]
    domain: Option<Reference>,
    #[serde(deserialize_with = "lenient::object")]
    project: Option<ProjectReference>,
}

/// A project: the account is the user's, whatever is named beside it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ProjectReference {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
}

impl Body for CreateTokenRequest {
    fn subject(_: &str) -> Subject {
        Subject::Parameter
    }
}

fn missing(field: &str) -> Invalid {
    Invalid::missing(Subject::Parameter, field)
}

impl Identity {
    fn sign_in(self, headers: &HeaderMap) -> Result<SignIn, Invalid> {
        match self.methods.as_slice() {
            [method] if method == "password" => {
                let user = self.password.and_then(|password| password.user);
                let user = user.ok_or_else(|| missing("auth.identity.password.user"))?;
                let password = user.password.ok_or_else(|| missing("auth.identity.password.user.password"))?;
                let reference = match (user.id, user.name) {
                    (Some(id), _) => UserReference::Id(id),
                    (None, Some(name)) => {
                        let account = user.domain.and_then(|domain| domain.id.or(domain.name));
                        let account = account.ok_or_else(|| missing("auth.identity.password.user.domain"))?;
                        UserReference::Name { name, account }
                    }
                    (None, None) => return Err(missing("auth.identity.password.user.name")),
                };
                Ok(SignIn::Password { user: reference, password: Secret::new(password) })
            }
            [method] if method == "token" => {
                let token = self.token.and_then(|token| token.id);
                let token = token.or_else(|| header_text(headers, "x-auth-token").map(str::to_owned));
                Ok(SignIn::Token(Secret::new(token.ok_or_else(|| missing("auth.identity.token.id"))?)))
            }
            _ => {
                let reason = "must be one of password, token";
                Err(Invalid::new(Subject::Parameter, "auth.identity.methods", reason))
            }
        }
    }
}

impl ScopeRequest {
    fn scope(self) -> Result<Scope, Invalid> {
        match (self.project, self.domain) {
            (Some(project), _) => {
                Ok(Scope::Project(project.id.or(project.name).ok_or_else(|| missing("auth.scope.project.name"))?))
            }
            (None, domain) => Ok(Scope::Account(domain.and_then(|domain| domain.id.or(domain.name)))),
        }
    }
}

async fn create_token(
    State(ccm): State<OpenCcm>,
    headers: HeaderMap,
    Input(body): Input<CreateTokenRequest>,
) -> Result<Response, Failure> {
    let auth = body.auth.ok_or_else(|| missing("auth"))?;
    let scope = auth.scope.or(body.scope).unwrap_or_default().scope()?;
    let sign_in = auth.identity.ok_or_else(|| missing("auth.identity"))?.sign_in(&headers)?;
    let (token, info) = identity::create_token(&ccm, sign_in, scope).await?;
    let headers = [(SUBJECT_TOKEN, token.expose().to_owned())];
    Ok((StatusCode::CREATED, headers, Json(TokenResponse::new(info)?)).into_response())
}

#[derive(Serialize)]
struct TokenResponse {
    token: TokenBody,
}

#[derive(Serialize)]
struct TokenBody {
    expires_at: String,
    issued_at: String,
    methods: [String; 1],
    /// Empty: everything is served where the token came from.
    catalog: [(); 0],
    roles: [RoleResponse; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<TokenProject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<NamedResponse>,
    user: TokenUser,
}

#[derive(Serialize)]
struct RoleResponse {
    id: &'static str,
    name: &'static str,
}

#[derive(Clone, Serialize)]
struct NamedResponse {
    id: String,
    name: String,
}

#[derive(Serialize)]
struct TokenProject {
    id: String,
    name: String,
    domain: NamedResponse,
}

#[derive(Serialize)]
struct TokenUser {
    id: String,
    name: String,
    domain: NamedResponse,
    password_expires_at: &'static str,
}

impl TokenResponse {
    fn new(info: TokenInfo) -> Result<Self, Invalid> {
        let caller = info.caller;
        let account = NamedResponse { id: caller.account_id, name: caller.account_name };
        let project =
            caller.project.map(|project| TokenProject { id: project.id, name: project.name, domain: account.clone() });
        Ok(Self {
            token: TokenBody {
                expires_at: format_time(info.expires_at)?,
                issued_at: format_time(info.issued_at)?,
                methods: [info.method],
                catalog: [],
                roles: [RoleResponse { id: "0", name: "te_admin" }],
                domain: if project.is_none() { Some(account.clone()) } else { None },
                project,
                user: TokenUser {
                    id: caller.user_id,
                    name: caller.user_name,
                    domain: account,
                    password_expires_at: "",
                },
            },
        })
    }
}

fn format_time(ms: i64) -> Result<String, Invalid> {
    let out_of_range = || Invalid::new(Subject::Parameter, "time", "cannot be printed");
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).map_err(|_| out_of_range())?;
    time.format(TIME).map_err(|_| out_of_range())
}

fn subject_token(headers: &HeaderMap) -> Result<&str, Invalid> {
    header_text(headers, SUBJECT_TOKEN).ok_or_else(|| missing("X-Subject-Token"))
}

async fn show_token(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let token = subject_token(&headers)?;
    let info = identity::find_token(&ccm, &caller, token).await?;
    Ok(([(SUBJECT_TOKEN, token.to_owned())], Json(TokenResponse::new(info)?)).into_response())
}

async fn check_token(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let token = subject_token(&headers)?;
    identity::find_token(&ccm, &caller, token).await?;
    Ok([(SUBJECT_TOKEN, token.to_owned())].into_response())
}

async fn revoke_token(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    identity::revoke_token(&ccm, &caller, subject_token(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
