//! Somebody else's web server: it notes what it is asked, and answers as it was told to.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
};

use axum::{Router, body::to_bytes, extract::Request, response::IntoResponse};
use http::{HeaderMap, StatusCode};
use openccm_auth::{Authorization, SignedRequest};
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot};

/// What a server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

type Answers = Box<dyn FnMut(&Asked) -> (u16, Value) + Send>;

/// A server on a free port of the loopback address. It is gone when dropped.
pub(crate) struct Peer {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<Answers>>,
    _stop: oneshot::Sender<()>,
}

impl Peer {
    /// Starts one that answers 200 and an empty object until it is told otherwise. It has a thread, and a runtime, of its own.
    pub(crate) fn start() -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let empty: Answers = Box::new(|_| (200, Value::Object(serde_json::Map::new())));
        let answers = Arc::new(Mutex::new(empty));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let (notes, told_answers) = (Arc::clone(&asked), Arc::clone(&answers));
        thread::spawn(move || {
            let handler = move |request: Request| async move {
                let (parts, body) = request.into_parts();
                let asked = Asked {
                    method: parts.method.to_string(),
                    path: parts.uri.path().to_owned(),
                    query: parts.uri.query().unwrap_or_default().to_owned(),
                    headers: parts.headers,
                    body: to_bytes(body, 1 << 20).await.unwrap().to_vec(),
                };
                let (status, json) = told_answers.lock().unwrap()(&asked);
                notes.lock().unwrap().push(asked);
                let status = StatusCode::from_u16(status).unwrap();
                let location = [("location", "http://127.0.0.1:1/")];
                if status.is_redirection() {
                    (status, location, json.to_string()).into_response()
                } else {
                    (status, json.to_string()).into_response()
                }
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let serving = axum::serve(listener, Router::new().fallback(handler));
                tokio::select! {
                    result = async { serving.await } => result.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        let address = told.recv().unwrap();
        Self { url: format!("http://{address}"), asked, answers, _stop: stop }
    }

    /// Has it answer so from now on.
    pub(crate) fn answer(&self, answers: impl FnMut(&Asked) -> (u16, Value) + Send + 'static) {
        *self.answers.lock().unwrap() = Box::new(answers);
    }

    /// What it was asked since this was called last.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Asked {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether this key signed all of it, at `now_ms`.
    pub(crate) fn is_signed(&self, sk: &str, now_ms: i64) -> bool {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request = SignedRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
        };
        Authorization::parse(self.header("authorization")).unwrap().verify(&request, sk, now_ms, 1000).is_ok()
    }
}
