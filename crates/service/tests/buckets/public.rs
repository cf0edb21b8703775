//! Whether anybody may read an object.

use openccm_service::bucket_store::BucketError;
use openccm_tests::s3_server::S3Server;

use crate::{
    places::{Place, service, settings_of},
    scripted::Scripted,
};

#[tokio::test]
async fn what_is_served_to_anybody_is_public() {
    let server = Scripted::new(&[(200, "content")]).await;
    let place = Place::in_folder().await;
    for store in [&server.store(), &place.store] {
        assert!(store.is_public(&format!("{}/crl/list.crl", server.endpoint)).await.unwrap());
    }
    for request in server.requests() {
        assert!(
            request.starts_with("GET /crl/list.crl HTTP/1.1\r\n") && !request.contains("authorization"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn what_is_refused_or_missing_is_not_public() {
    for status in [401, 403, 404] {
        let server = Scripted::new(&[(status, "")]).await;
        assert!(!server.store().is_public(&format!("{}/crl/list.crl", server.endpoint)).await.unwrap(), "{status}");
    }
}

#[tokio::test]
async fn a_server_that_fails_tells_nothing_about_publicity() {
    let server = Scripted::new(&[(503, "")]).await;
    let answer = server.store().is_public(&format!("{}/x", server.endpoint)).await;
    assert!(matches!(answer, Err(BucketError::Unavailable(_))), "{answer:?}");
    for url in ["", "list.crl", "/crl/list.crl", "ftp://host/x", "file:///etc/passwd", "http://"] {
        let answer = server.store().is_public(url).await;
        assert!(matches!(answer, Err(BucketError::InvalidSettings(_))), "{url} {answer:?}");
    }
}

#[tokio::test]
async fn an_object_that_was_just_stored_is_ours_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path()).await.unwrap();
    let mut all = vec![settings_of(&server)];
    all.extend(service());
    for settings in all {
        let endpoint = settings.endpoint.clone();
        let place = Place::with(settings);
        place.store.create_bucket(&place.bucket).await.unwrap();
        place.put("list.crl", "one", None).await.unwrap();
        let url = format!("{endpoint}/{}/list.crl", place.bucket);
        assert!(!place.store.is_public(&url).await.unwrap(), "{url}");
    }
}
