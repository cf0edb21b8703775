//! Services that fail.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use openccm_auth::Secret;
use openccm_service::bucket_store::{BucketError, BucketSettings, BucketStore, Opened, S3Settings, Timeouts, Version};
use openccm_tests::s3_server::S3Server;
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::{
    places::{CACHE, CRL, service, settings_of},
    scripted::{Scripted, request},
};

const SHORT: Timeouts = Timeouts {
    connect: Duration::from_millis(200),
    silence: Duration::from_millis(200),
    call: Duration::from_millis(500),
};

fn settings_at(endpoint: String) -> S3Settings {
    S3Settings {
        endpoint,
        region: "us-east-1".to_owned(),
        access_key: "access".to_owned(),
        secret_key: Secret::new("secret".to_owned()),
        path_style: true,
    }
}

fn store_at(endpoint: String) -> BucketStore {
    BucketStore::with_timeouts(BucketSettings::S3(settings_at(endpoint)), SHORT).unwrap()
}

/// Every call fails, for the reason that the service does not do its part. Gives what the errors say.
async fn every_call_fails(store: &BucketStore, limit: Duration) -> Vec<String> {
    let version = Version::from("\"0123\"");
    let mut texts = Vec::new();
    for call in 0..7 {
        let start = Instant::now();
        let error = match call {
            0 => store.create_bucket("crl").await.err(),
            1 => store.bucket_exists("crl").await.err(),
            2 => store.version("crl", "list.crl").await.err(),
            3 => store.get("crl", "list.crl").await.err(),
            4 => store.open("crl", "list.crl", None).await.err(),
            5 => store.put("crl", "list.crl", "one", CRL, CACHE, None).await.err(),
            _ => store.put("crl", "list.crl", "one", CRL, CACHE, Some(&version)).await.err(),
        };
        assert!(start.elapsed() < limit, "call {call} took {:?}", start.elapsed());
        let Some(BucketError::Unavailable(_)) = &error else { panic!("call {call}: {error:?}") };
        texts.push(error.unwrap().to_string());
    }
    texts
}

#[tokio::test]
async fn no_call_waits_for_a_service_that_never_answers() {
    // Connections are made, for the system accepts them, and nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let store = store_at(endpoint.clone());
    every_call_fails(&store, SHORT.call + Duration::from_secs(1)).await;
    assert!(matches!(store.is_public(&format!("{endpoint}/x")).await, Err(BucketError::Unavailable(_))));
}

#[tokio::test]
async fn no_call_waits_for_a_service_that_stops_in_the_middle() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = store_at(format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            request(&mut connection).await;
            let head = "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nLast-Modified: Sun, 22 Nov 2026 00:00:00 GMT\r\n\
                        Content-Length: 100\r\n\r\nfirst";
            connection.write_all(head.as_bytes()).await.unwrap();
            open.push(connection);
        }
    });
    let start = Instant::now();
    assert!(matches!(store.get("crl", "list.crl").await, Err(BucketError::Unavailable(_))));
    let Opened::Object(object) = store.open("crl", "list.crl", None).await.unwrap() else { panic!() };
    assert_eq!(object.length, 100);
    let body: Result<Vec<_>, _> = object.body.try_collect().await;
    assert!(matches!(body, Err(BucketError::Unavailable(_))), "{body:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable_and_the_error_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = BucketStore::new(BucketSettings::S3(settings_at(endpoint))).unwrap();
    for text in every_call_fails(&store, Duration::from_secs(10)).await {
        assert!(text.contains("Connection refused"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path()).await.unwrap();
    let mut all = vec![settings_of(&server)];
    all.extend(service());
    for mut settings in all {
        settings.secret_key = Secret::new("a-wrong-secret".to_owned());
        let store = BucketStore::new(BucketSettings::S3(settings)).unwrap();
        for text in every_call_fails(&store, Duration::from_secs(10)).await {
            assert!(text.contains("403"), "{text}");
            assert!(!text.contains("a-wrong-secret"), "{text}");
        }
    }
    assert!(!folder.path().join("crl").exists());
}

#[tokio::test]
async fn a_failure_that_passes_is_not_noticed() {
    let service = Scripted::new(&[(503, ""), (500, ""), (200, "content")]).await;
    let read = service.store().get("crl", "list.crl").await.unwrap().unwrap();
    assert_eq!(read.bytes, "content");
    assert_eq!(service.requests().len(), 3);
}

#[tokio::test]
async fn an_error_is_one_line_of_bearable_length() {
    let page = format!("<html>\n{}</html>", "a long page\n".repeat(10_000));
    let service = Scripted::new(&[(400, &page)]).await;
    for text in every_call_fails(&service.store(), Duration::from_secs(10)).await {
        assert!(text.len() < 1000 && !text.contains('\n'), "{text}");
    }
}
