//! SSL certificates by their tags (v3).

use axum::{Extension, Json, extract::State};
use openccm_core::{Invalid, SslOperation, Subject, ssl_outcome};
use openccm_service::{
    Caller, OpenCcm,
    tags::{KEY_MAX, VALUE_MAX},
};
use openccm_store::{
    page::{Direction, Page},
    ssl_certificates::{self, SslCertificate},
    tags::{self as store, TagCondition, TagFilter},
};
use serde::{Deserialize, Serialize};

use super::{
    Failure,
    fields::milliseconds,
    tags::{TYPE, TagRequest, TagResponse, subject},
};
use crate::{
    extract::{Body, Input},
    lenient,
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    Routes::of(Service::Scm).add(
        "POST",
        "/v3/scm/resource_instances/action",
        "list_certificates_by_tag",
        Action("scm:cert:listByTag"),
        list_certificates_by_tag,
    )
}

/// How many conditions a list has at most, and how many values each.
const CONDITIONS_MAX: usize = 20;
const LIMIT_DEFAULT: i64 = 10;
const LIMIT_MAX: i64 = 50;

/// A condition of a search as it comes.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ConditionRequest {
    #[serde(deserialize_with = "lenient::text")]
    key: Option<String>,
    values: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListCertificatesByTagRequest {
    #[serde(deserialize_with = "lenient::text")]
    action: Option<String>,
    #[serde(deserialize_with = "lenient::boolean")]
    without_any_tag: Option<bool>,
    #[serde(deserialize_with = "lenient::objects")]
    tags: Option<Vec<ConditionRequest>>,
    #[serde(deserialize_with = "lenient::objects")]
    tags_any: Option<Vec<ConditionRequest>>,
    #[serde(deserialize_with = "lenient::objects")]
    not_tags: Option<Vec<ConditionRequest>>,
    #[serde(deserialize_with = "lenient::objects")]
    not_tags_any: Option<Vec<ConditionRequest>>,
    #[serde(deserialize_with = "lenient::objects")]
    matches: Option<Vec<TagRequest>>,
    #[serde(deserialize_with = "lenient::integer")]
    limit: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    offset: Option<i64>,
}

impl Body for ListCertificatesByTagRequest {
    fn subject(path: &str) -> Subject {
        subject(path)
    }
}

impl ListCertificatesByTagRequest {
    /// Whether the resources are only to be counted.
    fn counts(&self) -> Result<bool, Invalid> {
        match self.action.as_deref().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            None | Some("filter") => Ok(false),
            Some("count") => Ok(true),
            Some(_) => Err(Invalid::new(Subject::TagAction, "action", "must be one of filter, count")),
        }
    }

    /// The page that is asked for, the newest first.
    fn page(&self) -> Result<Page, Invalid> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Invalid::new(Subject::TagLimit, "limit", format!("must be 1 to {LIMIT_MAX}")));
        }
        let offset = self.offset.unwrap_or(0);
        if offset < 0 {
            return Err(Invalid::new(Subject::TagOffset, "offset", "must not be negative"));
        }
        Ok(Page { limit, offset, direction: Direction::Descending })
    }

    fn filter(self) -> Result<TagFilter, Invalid> {
        let name = resource_name(self.matches.unwrap_or_default())?;
        if self.without_any_tag == Some(true) {
            return Ok(TagFilter { untagged: true, name, ..TagFilter::default() });
        }
        Ok(TagFilter {
            all_of: conditions(self.tags, "tags")?,
            any_of: conditions(self.tags_any, "tags_any")?,
            not_all_of: conditions(self.not_tags, "not_tags")?,
            none_of: conditions(self.not_tags_any, "not_tags_any")?,
            untagged: false,
            name,
        })
    }
}

/// What the name is to contain: the one thing that can be matched.
fn resource_name(matches: Vec<TagRequest>) -> Result<Option<String>, Invalid> {
    let mut names = matches.into_iter();
    let Some(first) = names.next() else { return Ok(None) };
    if names.next().is_some() || first.key.as_deref() != Some("resource_name") {
        return Err(Invalid::new(Subject::TagMatch, "matches", "may have the key resource_name, once"));
    }
    Ok(first.value)
}

fn conditions(requests: Option<Vec<ConditionRequest>>, field: &str) -> Result<Vec<TagCondition>, Invalid> {
    let requests = requests.unwrap_or_default();
    if requests.len() > CONDITIONS_MAX {
        let reason = format!("must have at most {CONDITIONS_MAX} keys");
        return Err(Invalid::new(Subject::TagKeyList, field, reason));
    }
    let mut conditions: Vec<TagCondition> = Vec::new();
    for (index, request) in requests.into_iter().enumerate() {
        let (key_field, values_field) = (format!("{field}[{index}].key"), format!("{field}[{index}].values"));
        let key = request.key.ok_or_else(|| Invalid::missing(Subject::TagKey, key_field.as_str()))?;
        if key.chars().count() > KEY_MAX {
            let reason = format!("must have 1 to {KEY_MAX} characters");
            return Err(Invalid::new(Subject::TagKeyLength, key_field, reason));
        }
        if conditions.iter().any(|condition| condition.key == key) {
            return Err(Invalid::new(Subject::TagKeyList, key_field, "is there twice"));
        }
        let values = request.values.unwrap_or_default();
        check_values(&values, &values_field)?;
        conditions.push(TagCondition { key, values });
    }
    Ok(conditions)
}

fn check_values(values: &[String], field: &str) -> Result<(), Invalid> {
    if values.len() > CONDITIONS_MAX {
        let reason = format!("must have at most {CONDITIONS_MAX} elements");
        return Err(Invalid::new(Subject::TagValueList, field, reason));
    }
    for (index, value) in values.iter().enumerate() {
        if value.contains('\0') {
            return Err(Invalid::new(Subject::TagValue, field, "must not contain NUL"));
        }
        if value.chars().count() > VALUE_MAX {
            let reason = format!("must have at most {VALUE_MAX} characters each");
            return Err(Invalid::new(Subject::TagValueLength, field, reason));
        }
        if values[..index].contains(value) {
            return Err(Invalid::new(Subject::TagValueList, field, "has an element twice"));
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct ListCertificatesByTagResponse {
    total_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Vec<TagResource>>,
}

#[derive(Serialize)]
struct TagResource {
    resource_id: String,
    tags: Vec<TagResponse>,
    resource_name: String,
    resource_detail: ResourceDetail,
}

#[derive(Serialize)]
struct ResourceDetail {
    cert_id: String,
    cert_name: String,
    domain: String,
    cert_type: String,
    cert_brand: String,
    domain_type: String,
    /// In years; 0 for certificates of three months.
    purchase_period: i64,
    /// Milliseconds since the epoch, as text; empty where there is none.
    expired_time: String,
    order_status: &'static str,
    domain_num: i64,
    wildcard_number: i64,
    sans: String,
    cert_des: String,
    signature_algorithm: String,
    fail_reason: String,
    partner_order_id: String,
    push_support: bool,
    /// As [`Self::expired_time`].
    cert_issued_time: String,
    resource_id: String,
    unsubscribe_support: bool,
    enterprise_project_id: String,
    origin_cert_id: String,
    renewal_cert_id: String,
    /// Nothing is renewed or deployed by itself here, and an order is for one certificate.
    auto_renew_status: i64,
    remain_cert_number: i64,
    auto_deploy_support: bool,
}

impl ResourceDetail {
    fn new(row: SslCertificate, renewal_id: Option<String>, now_ms: i64) -> Self {
        let status = row.status_at(now_ms);
        Self {
            order_status: status.as_str(),
            push_support: row.is_pushable_at(now_ms),
            unsubscribe_support: row.order_id.is_some() && ssl_outcome(status, SslOperation::Unsubscribe).is_some(),
            purchase_period: row.validity_months / 12,
            expired_time: milliseconds(row.not_after),
            cert_issued_time: milliseconds(row.issued_at),
            resource_id: row.id.clone(),
            cert_id: row.id,
            cert_name: row.name,
            domain: row.domain,
            cert_type: row.certificate_type.unwrap_or_default(),
            cert_brand: row.brand.unwrap_or_default(),
            domain_type: row.domain_type,
            domain_num: row.domain_count,
            wildcard_number: row.wildcard_count,
            sans: row.sans,
            cert_des: row.description.unwrap_or_default(),
            signature_algorithm: row.signature_algorithm.unwrap_or_default(),
            fail_reason: row.failure.unwrap_or_default(),
            partner_order_id: row.order_id.unwrap_or_default(),
            enterprise_project_id: row.enterprise_project_id,
            origin_cert_id: row.origin_id.unwrap_or_default(),
            renewal_cert_id: renewal_id.unwrap_or_default(),
            auto_renew_status: 0,
            remain_cert_number: 0,
            auto_deploy_support: false,
        }
    }
}

async fn list_certificates_by_tag(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<ListCertificatesByTagRequest>,
) -> Result<Json<ListCertificatesByTagResponse>, Failure> {
    let account_id = &caller.account_id;
    let page = if body.counts()? { None } else { Some(body.page()?) };
    let filter = body.filter()?;
    // The number, the page and the tags are those of one moment.
    let mut session = ccm.database().snapshot().await?;
    let total_count = store::count(&mut session, account_id, TYPE, &filter).await?;
    let Some(page) = page else { return Ok(Json(ListCertificatesByTagResponse { total_count, resources: None })) };
    let mut resources = Vec::new();
    for id in store::search(&mut session, account_id, TYPE, &filter, page).await? {
        let Some(row) = ssl_certificates::find(&mut session, account_id, &id).await? else { continue };
        let renewal_id = ssl_certificates::find_renewal(&mut session, &id).await?;
        let tags = store::list(&mut session, account_id, TYPE, &id).await?;
        resources.push(TagResource {
            resource_id: id,
            tags: tags.into_iter().map(TagResponse::from).collect(),
            resource_name: row.name.clone(),
            resource_detail: ResourceDetail::new(row, renewal_id, ccm.now_ms()),
        });
    }
    Ok(Json(ListCertificatesByTagResponse { total_count, resources: Some(resources) }))
}
