//! Pushing to somebody's web server, with a signature: see [`crate::webhook`].

use async_trait::async_trait;
use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::{
    failure::{FailureKind, Fault},
    http::{Answer, answer, client},
    options::WebhookOptions,
    target::{PushTarget, Pushed, Resource},
};
use crate::webhook;

/// A web server that certificates are sent to.
pub(super) struct Webhook {
    pub(super) options: WebhookOptions,
}

#[async_trait]
impl PushTarget for Webhook {
    async fn push(&self, pushed: &Pushed, copy: Option<&str>) -> Result<String, Fault> {
        let answer = self.send(pushed, message("certificate.push", pushed, copy, None)).await?;
        // The receiver may give it an id of its own.
        let id = answer.json()["id"].as_str().map(str::to_owned);
        let id = id.filter(|id| !id.is_empty() && id.len() <= 255 && !id.contains('\0'));
        Ok(id.or_else(|| copy.map(str::to_owned)).unwrap_or_else(|| pushed.certificate_id.clone()))
    }

    async fn bind(&self, pushed: &Pushed, copy: &str, resource: &Resource) -> Result<(), Fault> {
        self.send(pushed, message("certificate.deploy", pushed, Some(copy), Some(resource))).await.map(drop)
    }
}

impl Webhook {
    async fn send(&self, pushed: &Pushed, message: Value) -> Result<Answer, Fault> {
        let url = Url::parse(&self.options.url).map_err(Fault::refused)?;
        let body = message.to_string().into_bytes();
        let client = client(self.options.roots.as_deref())?;
        let sent = webhook::post(&client, url, Some(&self.options.secret), pushed.now_ms, body).await;
        let answer = answer(sent).await?;
        let kind = match answer.status {
            status if status.is_success() => return Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FailureKind::Forbidden,
            status if is_transient(status) => FailureKind::Failed,
            _ => FailureKind::Refused,
        };
        Err(Fault::new(kind, format!("the webhook answers {}: {}", answer.status, answer.json()["message"])))
    }
}

/// Whether a request that was answered so may go better later.
pub(super) fn is_transient(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

fn message(event: &str, pushed: &Pushed, copy: Option<&str>, resource: Option<&Resource>) -> Value {
    json!({
        "event": event,
        "certificate_id": pushed.certificate_id,
        "account_id": pushed.account_id,
        "name": pushed.name,
        "domains": pushed.domains,
        "service": pushed.service.as_str(),
        "region": pushed.region,
        "id": copy,
        "resource": resource,
        "digest": pushed.digest,
        "not_after": pushed.not_after_ms,
        "certificate": pushed.certificate_pem,
        "certificate_chain": pushed.chain_pem,
        "private_key": pushed.private_key_pem.as_str(),
    })
}
