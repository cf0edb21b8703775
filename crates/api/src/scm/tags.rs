//! Tags of SSL certificates (v3).

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State};
use openccm_core::{Invalid, Subject};
use openccm_service::{
    Caller, Error, OpenCcm,
    tags::{self, TAGS_MAX, TagToDelete},
};
use openccm_store::tags::{self as store, ResourceType, Tag};
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::{
    extract::{Body, Input, ResourceId},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const TAGS: &str = "/v3/scm/{resource_id}/tags";
    const ACTION: &str = "/v3/scm/{resource_id}/tags/action";
    const ALL: &str = "/v3/scm/tags";
    Routes::of(Service::Scm)
        .add("POST", TAGS, "create_certificate_tag", Action("scm:cert:createTag"), create_certificate_tag)
        .add("POST", ACTION, "batch_create_or_delete_tags", Action("scm:cert:batchTags"), batch_create_or_delete_tags)
        .add("GET", TAGS, "list_tags_by_certificate", Action("scm:cert:listTags"), list_tags_by_certificate)
        .add("GET", ALL, "list_all_tags", Action("scm:cert:listAllTags"), list_all_tags)
}

pub(super) const TYPE: ResourceType = ResourceType::SslCertificate;

/// What a field is about, by the last member of its path.
pub(super) fn subject(path: &str) -> Subject {
    let parts: Vec<&str> = path.split(['.', '[', ']']).filter(|part| !part.is_empty()).collect();
    let last = parts.iter().rfind(|part| part.parse::<usize>().is_err()).copied().unwrap_or_default();
    match last {
        _ if parts.first() == Some(&"matches") => Subject::TagMatch,
        "action" => Subject::TagAction,
        "limit" => Subject::TagLimit,
        "offset" => Subject::TagOffset,
        "key" => Subject::TagKey,
        "value" | "values" => Subject::TagValue,
        "tag" | "tags" | "tags_any" | "not_tags" | "not_tags_any" => Subject::TagList,
        _ => Subject::Parameter,
    }
}

/// A tag as it comes. Deleting needs no value.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TagRequest {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) key: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) value: Option<String>,
}

impl TagRequest {
    pub(super) fn into_tag(self, field: &str) -> Result<Tag, Invalid> {
        let missing = || Invalid::missing(Subject::TagKey, format!("{field}.key"));
        Ok(Tag { key: self.key.ok_or_else(missing)?, value: self.value.unwrap_or_default() })
    }
}

#[derive(Serialize)]
pub(super) struct TagResponse {
    key: String,
    value: String,
}

impl From<Tag> for TagResponse {
    fn from(tag: Tag) -> Self {
        Self { key: tag.key, value: tag.value }
    }
}

#[derive(Serialize)]
struct DescResponse {
    desc: &'static str,
}

const SUCCESS: Json<DescResponse> = Json(DescResponse { desc: "success" });

#[derive(Default, Deserialize)]
#[serde(default)]
struct CreateCertificateTagRequest {
    #[serde(deserialize_with = "lenient::object")]
    tag: Option<TagRequest>,
}

impl Body for CreateCertificateTagRequest {
    fn subject(path: &str) -> Subject {
        subject(path)
    }
}

async fn create_certificate_tag(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<CreateCertificateTagRequest>,
) -> Result<Json<DescResponse>, Failure> {
    let tag = body.tag.ok_or_else(|| Invalid::missing(Subject::TagList, "tag"))?.into_tag("tag")?;
    tags::create(&ccm, &caller, TYPE, &id, &[tag]).await?;
    Ok(SUCCESS)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BatchCreateOrDeleteTagsRequest {
    #[serde(deserialize_with = "lenient::text")]
    action: Option<String>,
    #[serde(deserialize_with = "lenient::objects")]
    tags: Option<Vec<TagRequest>>,
}

impl Body for BatchCreateOrDeleteTagsRequest {
    fn subject(path: &str) -> Subject {
        subject(path)
    }
}

async fn batch_create_or_delete_tags(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
    Input(body): Input<BatchCreateOrDeleteTagsRequest>,
) -> Result<Json<DescResponse>, Failure> {
    let action = body.action.ok_or_else(|| Invalid::missing(Subject::TagAction, "action"))?;
    let tags = body.tags.filter(|tags| !tags.is_empty()).ok_or_else(|| Invalid::missing(Subject::TagList, "tags"))?;
    if tags.len() > TAGS_MAX {
        let reason = format!("must have at most {TAGS_MAX} elements");
        return Err(Invalid::new(Subject::TagList, "tags", reason).into());
    }
    let field = |index: usize| format!("tags[{index}]");
    match action.trim().to_ascii_lowercase().as_str() {
        "create" => {
            let tags = tags.into_iter().enumerate().map(|(index, tag)| tag.into_tag(&field(index)));
            let tags: Vec<Tag> = tags.collect::<Result<_, _>>()?;
            tags::create(&ccm, &caller, TYPE, &id, &tags).await?;
        }
        "delete" => {
            let to_delete = |(index, tag): (usize, TagRequest)| {
                let missing = || Invalid::missing(Subject::TagKey, format!("{}.key", field(index)));
                Ok(TagToDelete { key: tag.key.ok_or_else(missing)?, value: tag.value })
            };
            let tags: Vec<TagToDelete> = tags.into_iter().enumerate().map(to_delete).collect::<Result<_, Invalid>>()?;
            tags::delete(&ccm, &caller, TYPE, &id, &tags).await?;
        }
        _ => return Err(Invalid::new(Subject::TagAction, "action", "must be one of create, delete").into()),
    }
    Ok(SUCCESS)
}

#[derive(Serialize)]
struct ListTagsByCertificateResponse {
    tags: Vec<TagResponse>,
}

async fn list_tags_by_certificate(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    ResourceId(id): ResourceId,
) -> Result<Json<ListTagsByCertificateResponse>, Failure> {
    let mut session = ccm.database().read().await?;
    if !store::has_resource(&mut session, &caller.account_id, TYPE, &id).await? {
        return Err(Error::NotFound.into());
    }
    let tags = store::list(&mut session, &caller.account_id, TYPE, &id).await?;
    Ok(Json(ListTagsByCertificateResponse { tags: tags.into_iter().map(TagResponse::from).collect() }))
}

#[derive(Serialize)]
struct ListAllTagsResponse {
    tags: Vec<TagValues>,
}

#[derive(Serialize)]
struct TagValues {
    key: String,
    values: Vec<String>,
}

async fn list_all_tags(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ListAllTagsResponse>, Failure> {
    let mut session = ccm.database().read().await?;
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for tag in store::list_all(&mut session, &caller.account_id, TYPE).await? {
        by_key.entry(tag.key).or_default().push(tag.value);
    }
    let tags = by_key.into_iter().map(|(key, values)| TagValues { key, values }).collect();
    Ok(Json(ListAllTagsResponse { tags }))
}
