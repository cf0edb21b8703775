//! The caller's account (the vendor's "domain"), its projects and users.

use axum::{Extension, Json, extract::State};
use openccm_service::{Caller, OpenCcm};
use openccm_store::{accounts::Project, users};
use serde::Serialize;

use super::Failure;
use crate::{
    extract::Params,
    route::{Access::SignedIn, Routes, Service},
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Iam)
        .add("GET", "/v3/auth/domains", "list_auth_domains", SignedIn, list_auth_domains)
        .add("GET", "/v3/auth/projects", "list_auth_projects", SignedIn, list_auth_projects)
        .add("GET", "/v3/projects", "list_projects", SignedIn, list_projects)
        .add("GET", "/v3/users", "list_users", SignedIn, list_users)
}

/// Where a list or resource is; there is always one page.
#[derive(Serialize)]
struct Links {
    next: Option<String>,
    previous: Option<String>,
    #[serde(rename = "self")]
    this: String,
}

impl Links {
    fn to(ccm: &OpenCcm, path: &str) -> Self {
        Self { next: None, previous: None, this: format!("{}{path}", ccm.public_url()) }
    }
}

#[derive(Serialize)]
struct DomainResponse {
    id: String,
    name: String,
    enabled: bool,
    description: &'static str,
}

#[derive(Serialize)]
struct ListDomainsResponse {
    domains: [DomainResponse; 1],
    links: Links,
}

async fn list_auth_domains(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
) -> Json<ListDomainsResponse> {
    let domain = DomainResponse { id: caller.account_id, name: caller.account_name, enabled: true, description: "" };
    Json(ListDomainsResponse { domains: [domain], links: Links::to(&ccm, "/v3/auth/domains") })
}

#[derive(Serialize)]
struct ProjectResponse {
    domain_id: String,
    is_domain: bool,
    parent_id: String,
    name: String,
    description: &'static str,
    links: Links,
    id: String,
    enabled: bool,
}

impl ProjectResponse {
    fn new(ccm: &OpenCcm, project: &Project) -> Self {
        Self {
            domain_id: project.account_id.clone(),
            is_domain: false,
            parent_id: project.account_id.clone(),
            name: project.name.clone(),
            description: "",
            links: Links::to(ccm, &format!("/v3/projects/{}", project.id)),
            id: project.id.clone(),
            enabled: true,
        }
    }
}

#[derive(Serialize)]
struct ListProjectsResponse {
    projects: Vec<ProjectResponse>,
    links: Links,
}

async fn list_auth_projects(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
) -> Json<ListProjectsResponse> {
    let projects = caller.projects.iter().map(|project| ProjectResponse::new(&ccm, project)).collect();
    Json(ListProjectsResponse { projects, links: Links::to(&ccm, "/v3/auth/projects") })
}

async fn list_projects(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Json<ListProjectsResponse> {
    let wanted = |project: &&Project| {
        params.text("name").is_none_or(|name| project.name == name)
            && params.text("domain_id").is_none_or(|id| project.account_id == id)
    };
    let projects = caller.projects.iter().filter(wanted).map(|project| ProjectResponse::new(&ccm, project)).collect();
    Json(ListProjectsResponse { projects, links: Links::to(&ccm, "/v3/projects") })
}

#[derive(Serialize)]
struct UserResponse {
    id: String,
    name: String,
    domain_id: String,
    enabled: bool,
    description: &'static str,
    /// Never: passwords do not expire.
    password_expires_at: Option<String>,
    links: Links,
}

#[derive(Serialize)]
struct ListUsersResponse {
    users: Vec<UserResponse>,
    links: Links,
}

async fn list_users(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<ListUsersResponse>, Failure> {
    let mut session = ccm.database().read().await?;
    let users = users::list(&mut session, &caller.account_id).await?;
    let wanted = |user: &users::User| {
        params.text("name").is_none_or(|name| user.name == name)
            && params.text("domain_id").is_none_or(|id| user.account_id == id)
    };
    let users = users
        .into_iter()
        .filter(wanted)
        .map(|user| UserResponse {
            links: Links::to(&ccm, &format!("/v3/users/{}", user.id)),
            id: user.id,
            name: user.name,
            domain_id: user.account_id,
            enabled: true,
            description: "",
            password_expires_at: None,
        })
        .collect();
    Ok(Json(ListUsersResponse { users, links: Links::to(&ccm, "/v3/users") }))
}
