//! An S3 server in process.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::{Method, StatusCode, header};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use s3s::{
    Body, HttpError, HttpResponse,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};
use tower::service_fn;

/// An S3 server on a free port of the loopback address, without TLS, path style, any region. It is gone when dropped.
#[derive(Debug)]
pub struct S3Server {
    /// Its address, `http://127.0.0.1:port`.
    pub endpoint: String,
    /// The access key's id that it knows.
    pub access_key: String,
    /// That key's secret.
    pub secret_key: String,
    server: JoinHandle<()>,
}

/// What happens to a write with `If-Match` or `If-None-Match`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conditions {
    Honoured,
    NotImplemented,
}

impl S3Server {
    /// Starts a server that keeps its buckets in `folder`.
    ///
    /// # Errors
    /// The folder cannot be used, or there is no port.
    pub async fn start(folder: &Path) -> io::Result<Self> {
        Self::start_with(folder, Conditions::Honoured).await
    }

    /// As [`Self::start`], but the server answers conditional writes as those do that have not implemented them (501).
    ///
    /// # Errors
    /// As those of [`Self::start`].
    pub async fn start_without_conditions(folder: &Path) -> io::Result<Self> {
        Self::start_with(folder, Conditions::NotImplemented).await
    }

    async fn start_with(folder: &Path, conditions: Conditions) -> io::Result<Self> {
        let (access_key, secret_key) = ("test-access-key".to_owned(), "test-secret-key".to_owned());
        let files = FileSystem::new(folder).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(access_key.clone(), secret_key.clone()));
        let service = builder.build();

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared { service, folder: folder.to_owned(), conditions, writing: Mutex::new(()) });
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    // A client that breaks off is no concern of the test.
                    let _ = server.serve_connection(TokioIo::new(connection), TowerToHyperService::new(service)).await;
                });
            }
        });
        Ok(Self { endpoint, access_key, secret_key, server })
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Shared {
    service: S3Service,
    folder: PathBuf,
    conditions: Conditions,
    /// Held while something is written: s3s-fs checks a condition and writes in two steps, which real services do in one.
    writing: Mutex<()>,
}

/// Answers as a real service does where s3s-fs does not.
async fn answer<B: Into<Body>>(shared: Arc<Shared>, request: http::Request<B>) -> Result<HttpResponse, HttpError> {
    let request = request.map(Into::into);
    if request.method() != Method::PUT {
        return shared.service.call(request).await;
    }
    let conditional = [header::IF_MATCH, header::IF_NONE_MATCH].iter().any(|name| request.headers().contains_key(name));
    if conditional && shared.conditions == Conditions::NotImplemented {
        return Ok(refusal(StatusCode::NOT_IMPLEMENTED, "NotImplemented"));
    }
    let (bucket, object) = request.uri().path().trim_start_matches('/').split_once('/').unwrap_or_default();
    if !object.is_empty() && !shared.folder.join(bucket).is_dir() {
        return Ok(refusal(StatusCode::NOT_FOUND, "NoSuchBucket"));
    }
    let _writing = shared.writing.lock().await;
    shared.service.call(request).await
}

fn refusal(status: StatusCode, code: &str) -> HttpResponse {
    let mut refusal = HttpResponse::new(Body::from(format!("<Error><Code>{code}</Code></Error>")));
    *refusal.status_mut() = status;
    refusal
}
