//! What those ask who check certificates: revocation lists and OCSP. Nobody signs in here; what is answered is signed.

use std::time::{Duration, UNIX_EPOCH};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use base64ct::{Base64, Encoding};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH, LAST_MODIFIED},
};
use httpdate::fmt_http_date;
use openccm_core::{CaId, codes};
use openccm_service::{
    OpenCcm,
    bucket_store::{BucketError, Opened},
    ocsp::{self, Answer},
    revocation,
};
use percent_encoding::percent_decode_str;

use crate::{
    error::ApiError,
    route::{Access::Public, Routes, Service},
    sign_in::header_text,
};

/// The longest OCSP request that is read, in bytes: 100 certificates with room to spare.
const REQUEST_LIMIT: usize = 64 * 1024;
/// How long what is in between may keep an OCSP answer, in seconds: short, so that a revocation is seen soon.
const OCSP_MAX_AGE: i64 = 60;

pub(crate) fn routes() -> Routes {
    Routes::of(Service::Server)
        .add("GET", "/crl/{bucket}/{list}", "download_crl", Public, download_crl)
        .add("GET", "/crl/{bucket}/{list}/{partition}", "download_crl_partition", Public, download_crl_partition)
        .add("POST", "/ocsp/{ca_id}", "query_ocsp", Public, query_ocsp)
        .add("GET", "/ocsp/{ca_id}/{*request}", "query_ocsp_by_get", Public, query_ocsp_by_get)
}

/// What stands in a path, unless it is no text: whoever asks for that hears what everybody hears who asks for nothing.
type PathText<T> = Result<Path<T>, PathRejection>;

async fn download_crl(State(ccm): State<OpenCcm>, path: PathText<(String, String)>, headers: HeaderMap) -> Response {
    let Path((bucket, list)) = path.unwrap_or_else(|_| Path(Default::default()));
    serve(&ccm, &bucket, &list, &headers).await
}

async fn download_crl_partition(
    State(ccm): State<OpenCcm>,
    path: PathText<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let Path((bucket, list, partition)) = path.unwrap_or_else(|_| Path(Default::default()));
    serve(&ccm, &bucket, &format!("{list}/{partition}"), &headers).await
}

/// Gives a list out of its bucket (RFC 5280 §4.2.1.13: DER, `application/pkix-crl` by RFC 2585 §4.2).
async fn serve(ccm: &OpenCcm, bucket: &str, object: &str, headers: &HeaderMap) -> Response {
    // Whatever else may lie in a bucket is nobody's business. Nothing is behind a list.
    if !object.ends_with(".crl") || object.contains(".crl/") {
        return ApiError::new(codes::PCA_NOT_FOUND).into_response();
    }
    let cached = (CACHE_CONTROL, HeaderValue::from_static(revocation::CACHE_CONTROL));
    match ccm.buckets().open(bucket, object, header_text(headers, IF_NONE_MATCH.as_str())).await {
        Ok(Opened::NotModified(version)) => {
            (StatusCode::NOT_MODIFIED, [cached, (ETAG, header(version.as_str()))]).into_response()
        }
        Ok(Opened::Object(object)) => {
            let headers = [
                cached,
                (CONTENT_TYPE, HeaderValue::from_static("application/pkix-crl")),
                (CONTENT_LENGTH, HeaderValue::from(object.length)),
                (ETAG, header(object.version.as_str())),
                (LAST_MODIFIED, header(&http_date(object.last_modified_ms.div_euclid(1000)))),
            ];
            (headers, Body::from_stream(object.body)).into_response()
        }
        Err(BucketError::NotFound | BucketError::InvalidName(_)) => ApiError::new(codes::PCA_NOT_FOUND).into_response(),
        Err(error) => {
            tracing::error!(%error, bucket, object, "a CRL cannot be read");
            ApiError::new(codes::PCA_OBS_UNAVAILABLE).with_status(StatusCode::SERVICE_UNAVAILABLE).into_response()
        }
    }
}

async fn query_ocsp(State(ccm): State<OpenCcm>, path: PathText<String>, body: Bytes) -> Response {
    let Path(ca_id) = path.unwrap_or_else(|_| Path(Default::default()));
    let request = if body.len() > REQUEST_LIMIT { &[] } else { body.as_ref() };
    render(ocsp::answer(&ccm, CaId::parse(&ca_id), request).await, &ccm)
}

/// The request in the path: base64 of its DER, percent-encoded (RFC 6960 appendix A.1). Slashes that a client left as they
/// are, or doubled, belong to it.
async fn query_ocsp_by_get(State(ccm): State<OpenCcm>, path: PathText<(String, String)>) -> Response {
    let Path((ca_id, request)) = path.unwrap_or_else(|_| Path(Default::default()));
    // The framework has decoded it once; a client or a proxy may have encoded it twice.
    let request = percent_decode_str(&request).decode_utf8_lossy();
    let request: String = request.trim_start_matches('/').split_whitespace().collect();
    let der = Base64::decode_vec(&request).unwrap_or_default();
    render(ocsp::answer(&ccm, CaId::parse(&ca_id), &der).await, &ccm)
}

/// Every answer is 200, also one that says that there is none (RFC 6960 appendix A.2). The headers are those of RFC 5019 §6.
fn render(answer: Answer, ccm: &OpenCcm) -> Response {
    let content_type = (CONTENT_TYPE, HeaderValue::from_static("application/ocsp-response"));
    let Some(freshness) = &answer.freshness else {
        let headers = [content_type, (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        return (headers, answer.der).into_response();
    };
    let left = freshness.next_update - ccm.now_ms().div_euclid(1000);
    let max_age = left.clamp(0, OCSP_MAX_AGE);
    let headers = [
        content_type,
        (CACHE_CONTROL, header(&format!("max-age={max_age}, public, no-transform, must-revalidate"))),
        (LAST_MODIFIED, header(&http_date(freshness.this_update))),
        (EXPIRES, header(&http_date(freshness.next_update))),
        (ETAG, header(&format!("\"{}\"", freshness.tag))),
    ];
    (headers, answer.der).into_response()
}

fn http_date(seconds: i64) -> String {
    fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()))
}

/// The value of a header. What is put in here is always one.
fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}
