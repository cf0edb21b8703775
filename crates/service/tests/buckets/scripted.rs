//! An HTTP server that says what the test tells it, for answers that the S3 servers at hand do not give.

use std::sync::{Arc, Mutex};

use openccm_auth::Secret;
use openccm_service::bucket_store::{BucketSettings, BucketStore, S3Settings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One connection after another, each with one answer of the script; the last one is given to all that follow.
pub(crate) struct Scripted {
    pub(crate) endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(crate) async fn new(script: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, script) =
            (Arc::clone(&requests), script.iter().map(|(s, b)| (*s, (*b).to_owned())).collect::<Vec<_>>());
        tokio::spawn(async move {
            for number in 0.. {
                let (mut connection, _) = listener.accept().await.unwrap();
                let request = request(&mut connection).await;
                let head = request.starts_with("HEAD ");
                seen.lock().unwrap().push(request);
                let (status, body) = &script[number.min(script.len() - 1)];
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nETag: \"e1\"\r\nLast-Modified: Sun, 22 Nov 2026 00:00:00 GMT\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                    body.len(),
                    if head { "" } else { body },
                );
                // A client that breaks off has seen enough.
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        Self { endpoint, requests }
    }

    pub(crate) fn store(&self) -> BucketStore {
        self.store_in("us-east-1")
    }

    pub(crate) fn store_in(&self, region: &str) -> BucketStore {
        BucketStore::new(BucketSettings::S3(S3Settings {
            endpoint: self.endpoint.clone(),
            region: region.to_owned(),
            access_key: "access".to_owned(),
            secret_key: Secret::new("secret".to_owned()),
            path_style: true,
        }))
        .unwrap()
    }

    /// What was asked so far: heads in lower case, then bodies.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads one request.
pub(crate) async fn request(connection: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let headers = head.to_lowercase();
            let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                let (line, rest) = head.split_once("\r\n").unwrap();
                return format!("{line}\r\n{}\r\n\r\n{body}", rest.to_lowercase());
            }
        }
        let mut piece = [0; 4096];
        match connection.read(&mut piece).await.unwrap() {
            0 => return text,
            read => request.extend_from_slice(&piece[..read]),
        }
    }
}
