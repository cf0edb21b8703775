//! How conditional writes look to an S3-compatible service, and to services that do not quite know them.

use openccm_service::bucket_store::{BucketError, BucketStore, Version};

use crate::{
    places::{CACHE, CRL},
    scripted::Scripted,
};

const HERE: (u16, &str) = (200, "");
const DONE: (u16, &str) = (200, "");
const MISSING: (u16, &str) = (404, "");
const CHANGED: (u16, &str) = (412, "");
const NOT_IMPLEMENTED: (u16, &str) = (501, "");

/// The version that a [`Scripted`] server says it has.
const VERSION: &str = "\"e1\"";

async fn put(store: &BucketStore, expected: Option<&Version>) -> Result<Version, BucketError> {
    store.put("crl", "list.crl", "content", CRL, CACHE, expected).await
}

/// The writes among the requests, each as the condition that it states.
fn conditions(service: &Scripted) -> Vec<String> {
    let writes = service.requests().into_iter().filter(|request| request.starts_with("PUT "));
    let condition = |request: String| request.lines().find(|l| l.starts_with("if-")).unwrap_or_default().to_owned();
    writes.map(condition).collect()
}

#[tokio::test]
async fn an_object_is_stored_with_its_type_and_how_long_to_keep_it() {
    let service = Scripted::new(&[(404, ""), (200, "")]).await;
    put(&service.store(), None).await.unwrap();
    let request = &service.requests()[1];
    assert!(request.starts_with("PUT /crl/list.crl HTTP/1.1\r\n"), "{request}");
    for header in
        ["content-type: application/pkix-crl\r\n", "cache-control: public, max-age=3600\r\n", "if-none-match: *\r\n"]
    {
        assert!(request.contains(header), "{header} {request}");
    }
    assert!(request.ends_with("\r\n\r\ncontent"), "{request}");
}

#[tokio::test]
async fn a_replacement_states_the_version() {
    let service = Scripted::new(&[HERE, DONE]).await;
    put(&service.store(), Some(&VERSION.into())).await.unwrap();
    assert_eq!(conditions(&service), ["if-match: \"e1\""]);
}

#[tokio::test]
async fn a_version_that_changed_in_between_is_a_conflict() {
    for (script, expected) in [
        (&[MISSING, CHANGED, HERE][..], None),
        (&[HERE, CHANGED, MISSING, HERE], Some(VERSION)),
        (&[HERE, CHANGED, HERE, CHANGED, HERE], Some(VERSION)),
    ] {
        let service = Scripted::new(script).await;
        let refused = put(&service.store(), expected.map(Version::from).as_ref()).await;
        assert!(matches!(refused, Err(BucketError::Conflict)), "{script:?} {refused:?}");
        // All that the script has, and not one request more.
        assert_eq!(service.requests().len(), script.len(), "{script:?}");
    }
}

#[tokio::test]
async fn a_service_that_compares_tags_without_their_quotes_gets_them_so() {
    let service = Scripted::new(&[HERE, CHANGED, HERE, DONE, HERE, DONE]).await;
    let store = service.store();
    for _ in 0..2 {
        put(&store, Some(&VERSION.into())).await.unwrap();
    }
    assert_eq!(conditions(&service), ["if-match: \"e1\"", "if-match: e1", "if-match: e1"]);
}

#[tokio::test]
async fn a_service_without_conditions_is_not_asked_twice() {
    let [refused, retried, given_up] = [NOT_IMPLEMENTED; 3];
    let service = Scripted::new(&[HERE, refused, retried, given_up, HERE, DONE, HERE, DONE]).await;
    let store = service.store();
    for _ in 0..2 {
        put(&store, Some(&VERSION.into())).await.unwrap();
    }
    let stated = "if-match: \"e1\"";
    assert_eq!(conditions(&service), [stated, stated, stated, "", ""]);
}
