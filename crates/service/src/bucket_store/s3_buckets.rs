//! Buckets of an S3-compatible service: object_store knows objects alone, but signs other requests too.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use object_store::{
    aws::AwsAuthorizer,
    client::{HttpRequest, HttpRequestBody},
};
use url::Url;

use super::{BucketError, s3::S3Store};

/// The region in which buckets are made that name none.
const DEFAULT_REGION: &str = "us-east-1";

/// What a service said.
struct Answer {
    status: StatusCode,
    body: String,
}

impl Answer {
    /// The error's code (`<Code>` in the body).
    fn code(&self) -> Option<&str> {
        Some(self.body.split_once("<Code>")?.1.split_once("</Code>")?.0)
    }

    fn unexpected(&self) -> BucketError {
        BucketError::unavailable(format!("the object service answers {}: {}", self.status, self.body))
    }
}

impl S3Store {
    /// Makes a bucket (`CreateBucket`).
    pub(super) async fn make_bucket(&self, bucket: &str) -> Result<(), BucketError> {
        let url = self.bucket_url(bucket)?;
        let mut answer = if self.region == DEFAULT_REGION {
            self.ask(Method::PUT, &url, Bytes::new()).await?
        } else {
            self.ask(Method::PUT, &url, location(&self.region)).await?
        };
        // A service of its own has one place for buckets, and takes any region in a signature but none here.
        if answer.code() == Some("InvalidLocationConstraint") {
            answer = self.ask(Method::PUT, &url, Bytes::new()).await?;
        }
        match (answer.status, answer.code()) {
            (status, _) if status.is_success() => Ok(()),
            (StatusCode::CONFLICT, Some("BucketAlreadyOwnedByYou")) => Ok(()),
            // Of a bucket that is ours, too, some services say this.
            (StatusCode::CONFLICT, Some("BucketAlreadyExists")) if self.owns(bucket).await? => Ok(()),
            (StatusCode::CONFLICT, Some("BucketAlreadyExists")) => Err(BucketError::NotOurs),
            _ => Err(answer.unexpected()),
        }
    }

    /// Whether a bucket is there (`HeadBucket`).
    pub(super) async fn head_bucket(&self, bucket: &str) -> Result<bool, BucketError> {
        let answer = self.ask(Method::HEAD, &self.bucket_url(bucket)?, Bytes::new()).await?;
        match answer.status {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(answer.unexpected()),
        }
    }

    /// Whether a bucket is among our own (`ListBuckets`).
    async fn owns(&self, bucket: &str) -> Result<bool, BucketError> {
        let answer = self.ask(Method::GET, &self.endpoint, Bytes::new()).await?;
        if !answer.status.is_success() {
            return Err(answer.unexpected());
        }
        Ok(answer.body.contains(&format!("<Name>{bucket}</Name>")))
    }

    /// Signs a request (AWS Signature Version 4) and sends it.
    async fn ask(&self, method: Method, url: &Url, body: Bytes) -> Result<Answer, BucketError> {
        let length = HeaderValue::from(body.len());
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        if method == Method::PUT {
            // Not sent by itself where there is no body; there are servers that insist (411).
            request.headers_mut().insert(header::CONTENT_LENGTH, length);
        }
        *request.method_mut() = method;
        *request.uri_mut() = url.as_str().parse::<Uri>().map_err(BucketError::unavailable)?;
        let authorizer = AwsAuthorizer::new(&self.credential, "s3", &self.region);
        authorizer.try_authorize(&mut request, None).map_err(BucketError::unavailable)?;
        let answer = self.http.execute(request).await.map_err(BucketError::unavailable)?;
        let status = answer.status();
        let body = answer.into_body().bytes().await.map_err(BucketError::unavailable)?;
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// Where to make a bucket. The region has been checked: it needs no escapes.
fn location(region: &str) -> Bytes {
    format!(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    )
    .into()
}
