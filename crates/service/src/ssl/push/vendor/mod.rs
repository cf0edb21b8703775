//! Pushing to the vendor's own services, on any endpoint, with signed requests.

mod cdn;
mod elb;
mod waf;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use openccm_auth::{SignedRequest, SigningAlgorithm, format_sdk_date, sign};
use openccm_core::PushService;
use serde_json::Value;
use url::Url;

use super::{
    failure::{FailureKind, Fault},
    http::{Answer, send},
    options::VendorOptions,
    target::{PushTarget, Pushed, Resource},
    webhook::is_transient,
};

/// One of the vendor's services.
pub(super) struct VendorService {
    pub(super) service: PushService,
    pub(super) options: VendorOptions,
}

#[async_trait]
impl PushTarget for VendorService {
    async fn push(&self, pushed: &Pushed, copy: Option<&str>) -> Result<String, Fault> {
        match self.service {
            PushService::Elb => elb::push(self, pushed, copy).await,
            PushService::Waf => waf::push(self, pushed, copy).await,
            PushService::Cdn => cdn::push(self, pushed).await,
        }
    }

    async fn bind(&self, pushed: &Pushed, copy: &str, resource: &Resource) -> Result<(), Fault> {
        match self.service {
            PushService::Elb => elb::bind(self, pushed, copy, resource).await,
            PushService::Waf => waf::bind(self, pushed, copy, resource).await,
            PushService::Cdn => cdn::bind(self, pushed, resource).await,
        }
    }

    fn keeps_copies(&self) -> bool {
        self.service != PushService::Cdn
    }
}

impl VendorService {
    /// The project, where the service needs one.
    fn project_id(&self) -> Result<&str, Fault> {
        self.options.project_id.as_deref().ok_or_else(|| Fault::refused("no project is configured"))
    }

    /// Sends a signed request to the path made of `segments`; any answer is given.
    async fn ask(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: &Value,
        now_ms: i64,
    ) -> Result<Answer, Fault> {
        let mut url = Url::parse(&self.options.endpoint).map_err(Fault::refused)?;
        url.path_segments_mut()
            .map_err(|()| Fault::refused("the endpoint has no path"))?
            .pop_if_empty()
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let body = body.to_string().into_bytes();
        let headers = self.signed_headers(&method, &url, &body, now_ms)?;
        send(method, url, headers, body, self.options.roots.as_deref()).await
    }

    /// As [`Self::ask`]; an answer that is no success is a failure.
    async fn call(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: &Value,
        now_ms: i64,
    ) -> Result<Value, Fault> {
        let answer = self.ask(method, segments, query, body, now_ms).await?;
        if answer.status.is_success() { Ok(answer.json()) } else { Err(self.fault(&answer)) }
    }

    fn signed_headers(&self, method: &Method, url: &Url, body: &[u8], now_ms: i64) -> Result<HeaderMap, Fault> {
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let date = format_sdk_date(now_ms).ok_or_else(|| Fault::failed("the time cannot be written"))?;
        let mut headers =
            vec![("content-type", "application/json".to_owned()), ("host", host), ("x-sdk-date", date.clone())];
        if let Some(project_id) = &self.options.project_id {
            headers.push(("x-project-id", project_id.clone()));
        }
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let borrowed: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = SignedRequest {
            method: method.as_str(),
            path: url.path(),
            query: url.query().unwrap_or_default(),
            headers: &borrowed,
            body,
        };
        let (ak, sk) = (&self.options.ak, self.options.sk.expose());
        let authorization =
            sign(&request, ak, sk, SigningAlgorithm::HmacSha256, &date, &names).map_err(Fault::refused)?;
        headers.push(("authorization", authorization));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).map_err(Fault::refused)?);
        }
        Ok(map)
    }

    /// What an answer that is no success means.
    fn fault(&self, answer: &Answer) -> Fault {
        let json = answer.json();
        // Services differ in where they say it.
        let find = |name: &str| json[name].as_str().or_else(|| json["error"][name].as_str()).unwrap_or_default();
        let (code, message) = (find("error_code"), find("error_msg"));
        let kind = match answer.status {
            _ if says_quota(code, message) => FailureKind::QuotaExceeded,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FailureKind::Forbidden,
            // What is asked for is a collection, which is there wherever the service is.
            StatusCode::NOT_FOUND => FailureKind::RegionUnsupported,
            status if is_transient(status) => FailureKind::Failed,
            _ => FailureKind::Refused,
        };
        Fault::new(kind, format!("it answers {} {code} {message}", answer.status))
    }
}

/// Whether an answer is about a quota: WAF has a code for its certificates; the others say so.
fn says_quota(code: &str, message: &str) -> bool {
    code.starts_with("WAF.00013") || message.to_ascii_lowercase().contains("quota")
}

/// The id in an answer.
fn id_in(answer: &Value) -> Result<String, Fault> {
    match answer["id"].as_str() {
        Some(id) if !id.is_empty() && id.len() <= 255 && !id.contains('\0') => Ok(id.to_owned()),
        _ => Err(Fault::failed("the answer has no id")),
    }
}
