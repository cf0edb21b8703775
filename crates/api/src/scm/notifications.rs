//! Which notices are wanted about which certificates.

use axum::{Extension, extract::State};
use http::StatusCode;
use openccm_core::{Invalid, NoticeType, Subject};
use openccm_service::{
    Caller, OpenCcm,
    ssl::notifications::{self, Subscription},
};
use serde::Deserialize;

use super::Failure;
use crate::{
    extract::{Body, InputList},
    lenient,
    route::{Access::Action, Routes, Service},
};

/// How many certificates one request may name.
const RESOURCES_LIMIT: usize = 1000;

pub(super) fn routes() -> Routes {
    Routes::of(Service::Scm)
        .add(
            "POST",
            "/v3/scm/notification/enable",
            "enable_notification",
            Action("scm:notification:enable"),
            enable_notification,
        )
        .add(
            "POST",
            "/v3/scm/notification/disable",
            "disable_notification",
            Action("scm:notification:disable"),
            disable_notification,
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NotificationRequest {
    #[serde(deserialize_with = "lenient::text")]
    resource_id: Option<String>,
    notice_type: Option<Vec<String>>,
}

impl Body for NotificationRequest {
    fn subject(_: &str) -> Subject {
        Subject::Parameter
    }
}

async fn enable_notification(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    InputList(body): InputList<NotificationRequest>,
) -> Result<StatusCode, Failure> {
    notifications::set_subscriptions(&ccm, &caller, &subscriptions(body)?, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn disable_notification(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    InputList(body): InputList<NotificationRequest>,
) -> Result<StatusCode, Failure> {
    notifications::set_subscriptions(&ccm, &caller, &subscriptions(body)?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn subscriptions(body: Vec<NotificationRequest>) -> Result<Vec<Subscription>, Invalid> {
    if body.len() > RESOURCES_LIMIT {
        let reason = format!("must have 1 to {RESOURCES_LIMIT} elements");
        return Err(Invalid::new(Subject::ListSize, "body", reason));
    }
    (0..).zip(body).map(|(index, request)| subscription(index, request)).collect()
}

fn subscription(index: usize, request: NotificationRequest) -> Result<Subscription, Invalid> {
    let field = |name: &str| format!("[{index}].{name}");
    let missing = |name: &str| Invalid::missing(Subject::Parameter, field(name));
    let certificate_id = request.resource_id.ok_or_else(|| missing("resource_id"))?;
    let texts = request.notice_type.filter(|types| !types.is_empty()).ok_or_else(|| missing("notice_type"))?;
    let unknown = || {
        let reason = format!("must be one of {}", NoticeType::choices());
        Invalid::new(Subject::Parameter, field("notice_type"), reason)
    };
    if texts.len() > NoticeType::ALL.len() {
        let reason = format!("must have 1 to {} elements", NoticeType::ALL.len());
        return Err(Invalid::new(Subject::Parameter, field("notice_type"), reason));
    }
    let mut notice_types = Vec::new();
    for text in texts {
        let notice_type = NoticeType::parse(&text).ok_or_else(unknown)?;
        if !notice_types.contains(&notice_type) {
            notice_types.push(notice_type);
        }
    }
    Ok(Subscription { certificate_id, notice_types })
}
