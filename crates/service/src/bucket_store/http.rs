//! The HTTP client for object services: one for everything, with the roots of the system.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpRequest, HttpRequestBody, HttpResponse, HttpService, ReqwestConnector,
    },
};
use url::Url;

use super::{BucketError, Timeouts};

/// A client with these timeouts. A system without root certificates will do unless `https_needed`.
pub(super) fn client(timeouts: &Timeouts, https_needed: bool) -> Result<HttpClient, BucketError> {
    let name = HeaderValue::from_static(concat!("openccm/", env!("CARGO_PKG_VERSION")));
    let options = ClientOptions::new()
        .with_user_agent(name)
        .with_allow_http(true)
        // A body may take as long as its reader: there is no timeout for the whole.
        .with_timeout_disabled()
        .with_connect_timeout(timeouts.connect)
        .with_read_timeout(timeouts.silence);
    let connector = ReqwestConnector::default();
    let client = match connector.connect(&options) {
        Err(_) if !https_needed => connector.connect(&options.with_no_system_certificates(true)),
        client => client,
    };
    client.map_err(BucketError::settings)
}

/// `text` as the URL of something on an HTTP server.
pub(super) fn parse_url(text: &str) -> Result<Url, BucketError> {
    let url = Url::parse(text).map_err(|error| BucketError::settings(format!("{text:?} is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BucketError::settings(format!("{text:?} begins with neither http:// nor https://")));
    }
    Ok(url)
}

/// Whether the server lets anybody read what is at `uri`.
pub(super) async fn is_public(client: &HttpClient, uri: Uri) -> Result<bool, BucketError> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    // A relying party's request: services may treat HEAD otherwise.
    *request.method_mut() = Method::GET;
    *request.uri_mut() = uri;
    let status = client.execute(request).await.map_err(BucketError::unavailable)?.status();
    if status.is_success() {
        Ok(true)
    } else if status.is_client_error() {
        Ok(false)
    } else {
        Err(BucketError::unavailable(format!("the public address answers {status}")))
    }
}

/// A client for object_store that shares the connections of another, and finds out whether the service knows conditions.
#[derive(Clone, Debug)]
pub(super) struct Watching {
    client: HttpClient,
    no_conditions: Arc<AtomicBool>,
}

impl Watching {
    pub(super) fn new(client: HttpClient) -> Self {
        Self { client, no_conditions: Arc::default() }
    }

    /// Whether the service answered a conditional request that it has not implemented that.
    pub(super) fn knows_no_conditions(&self) -> bool {
        self.no_conditions.load(Ordering::Relaxed)
    }
}

impl HttpConnector for Watching {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Watching {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let headers = request.headers();
        let conditional = headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_NONE_MATCH);
        let conditional_put = conditional && request.method() == Method::PUT;
        let answer = self.client.execute(request).await?;
        if conditional_put && answer.status() == StatusCode::NOT_IMPLEMENTED {
            self.no_conditions.store(true, Ordering::Relaxed);
        }
        Ok(answer)
    }
}
