//! How an ACME service is reached: HTTPS with limits in time and size.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, Request, Response,
    header::{CONTENT_TYPE, DATE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Collected};
use instant_acme::{BodyWrapper, BytesResponse, Error as ClientError, HttpClient};
use reqwest::{Certificate, Client, redirect::Policy};

use super::{AcmeError, AcmeOptions};
use crate::causes::with_causes;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take, from its beginning to the end of the answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes: a chain has 10 KB.
const ANSWER_LIMIT: usize = 1024 * 1024;
/// The longest time that a service may ask us to stay away, whatever it says.
const LONGEST_RETRY: Duration = Duration::from_secs(24 * 60 * 60);

/// The connections to an ACME service.
#[derive(Clone)]
pub(super) struct Transport {
    client: Client,
    /// How long after its last answer the service wants to be asked again, where it said so.
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl Transport {
    pub(super) fn new(options: &AcmeOptions) -> Result<Self, AcmeError> {
        let mut client = Client::builder()
            .https_only(true)
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT);
        if let Some(roots) = options.trusted_roots().map_err(AcmeError::failed)? {
            let roots: Result<Vec<_>, _> = roots.iter().map(|der| Certificate::from_der(der)).collect();
            client = client.tls_certs_only(roots.map_err(|error| AcmeError::failed(with_causes(&error)))?);
        }
        let client = client.build().map_err(|error| AcmeError::failed(with_causes(&error)))?;
        Ok(Self { client, retry_after: Arc::default() })
    }

    /// How long after its last answer the service wants to be asked again, where it said so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_retry_after(&self, after: Option<Duration>) {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = after;
    }

    async fn send(&self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, ClientError> {
        self.keep_retry_after(None);
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await.map(Collected::to_bytes);
        let request = self.client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
        let mut response = request.send().await.map_err(failure)?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.keep_retry_after(retry_after(&headers));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(ClientError::Other(format!("an answer has more than {ANSWER_LIMIT} bytes").into()));
            }
            body.extend_from_slice(&chunk);
        }
        // What stands before the service, such as a gateway, answers in words of its own.
        if !status.is_success() && !has_problem(&headers) {
            return Err(ClientError::Other(format!("the service answers {status}").into()));
        }
        let mut answer = Response::new(());
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(BytesResponse { parts: answer.into_parts().0, body: Box::new(body.freeze()) })
    }
}

impl HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, ClientError>> + Send>> {
        let transport = self.clone();
        Box::pin(async move { transport.send(request).await })
    }
}

/// Whether an answer holds a problem document (RFC 8555 §6.7), as far as its type says.
fn has_problem(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| kind.contains("json"))
}

/// `Retry-After` (RFC 9110 §10.2.3), as a time from the answer on, of a day at most: a date counts from the service's own
/// clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_RETRY));
    }
    let date = |text| httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok();
    Some(date(value)?.saturating_sub(date(text(DATE)?)?).min(LONGEST_RETRY))
}

fn failure(error: reqwest::Error) -> ClientError {
    ClientError::Other(with_causes(&error).into())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_time_to_wait_is_read_in_both_ways() {
        let read = |pairs: &[(http::HeaderName, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            retry_after(&pairs.collect())
        };
        let (later, now) = ("Sun, 22 Nov 2026 00:02:00 GMT", "Sun, 22 Nov 2026 00:00:30 GMT");
        assert_eq!(read(&[(RETRY_AFTER, "7")]), Some(Duration::from_secs(7)));
        assert_eq!(read(&[(RETRY_AFTER, later), (DATE, now)]), Some(Duration::from_secs(90)));
        assert_eq!(read(&[(RETRY_AFTER, now), (DATE, later)]), Some(Duration::ZERO));
        let (day, years) = (Duration::from_secs(86_400), "Fri, 22 Nov 2030 00:02:00 GMT");
        assert_eq!(read(&[(RETRY_AFTER, "86401")]), Some(day));
        assert_eq!(read(&[(RETRY_AFTER, "18446744073709551615")]), Some(day));
        assert_eq!(read(&[(RETRY_AFTER, years), (DATE, now)]), Some(day));
        for headers in [&[(RETRY_AFTER, "soon"), (DATE, now)][..], &[(RETRY_AFTER, later)], &[(DATE, now)]] {
            assert_eq!(read(headers), None);
        }
    }
}
