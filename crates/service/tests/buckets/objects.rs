//! Reading.

use futures_util::TryStreamExt;
use openccm_service::bucket_store::{BucketError, Opened, Version};

use crate::places::{CACHE, CRL, Place, everywhere, in_buckets};

#[tokio::test]
async fn a_bucket_is_there_once_it_is_made_and_can_be_made_again() {
    everywhere(async |place| {
        assert!(!place.store.bucket_exists(&place.bucket).await.unwrap(), "{}", place.name);
        for _ in 0..2 {
            place.store.create_bucket(&place.bucket).await.unwrap();
            assert!(place.store.bucket_exists(&place.bucket).await.unwrap(), "{}", place.name);
        }
    })
    .await;
}

#[tokio::test]
async fn making_a_bucket_again_keeps_what_is_in_it() {
    in_buckets(async |place| {
        place.put("list.crl", "one", None).await.unwrap();
        place.store.create_bucket(&place.bucket).await.unwrap();
        assert_eq!(place.content("list.crl").await, "one", "{}", place.name);
    })
    .await;
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_stored_with_its_version() {
    in_buckets(async |place| {
        for (object, content) in
            [("list.crl", "one".to_owned()), ("lists/3.crl", "x".repeat(3_000_000)), ("empty", String::new())]
        {
            let version = place.put(object, &content, None).await.unwrap();
            let read = place.store.get(&place.bucket, object).await.unwrap().unwrap();
            assert!(read.bytes == content, "{} {object}", place.name);
            assert_eq!(read.version, version, "{} {object}", place.name);
            assert_eq!(place.store.version(&place.bucket, object).await.unwrap(), Some(version), "{}", place.name);
            place.content(object).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_has_no_version_and_no_content() {
    in_buckets(async |place| {
        place.put("list.crl", "one", None).await.unwrap();
        let missing_bucket = format!("{}-missing", place.bucket);
        for (bucket, object) in
            [(&place.bucket, "missing.crl"), (&place.bucket, "lists/3.crl"), (&missing_bucket, "list.crl")]
        {
            assert_eq!(place.store.version(bucket, object).await.unwrap(), None, "{}", place.name);
            assert!(place.store.get(bucket, object).await.unwrap().is_none(), "{}", place.name);
            let opened = place.store.open(bucket, object, None).await;
            assert!(matches!(opened, Err(BucketError::NotFound)), "{} {opened:?}", place.name);
        }
    })
    .await;
}

async fn read(place: &Place, object: &str) -> (u64, Version, i64, String) {
    let Opened::Object(object) = place.store.open(&place.bucket, object, None).await.unwrap() else {
        panic!("nothing was asked that could be unmodified");
    };
    let pieces: Vec<_> = object.body.try_collect().await.unwrap();
    (object.length, object.version, object.last_modified_ms, String::from_utf8(pieces.concat()).unwrap())
}

#[tokio::test]
async fn an_object_opened_for_serving_has_its_length_version_and_time() {
    in_buckets(async |place| {
        let content = "0123456789".repeat(200_000);
        let version = place.put("list.crl", &content, None).await.unwrap();
        let (length, opened, modified_ms, body) = read(place, "list.crl").await;
        assert_eq!((length, &opened), (2_000_000, &version), "{}", place.name);
        assert!(body == content, "{}", place.name);
        // Milliseconds, and of this century's second quarter.
        assert!((1_735_689_600_000..2_524_608_000_000).contains(&modified_ms), "{} {modified_ms}", place.name);
    })
    .await;
}

#[tokio::test]
async fn an_open_object_is_read_to_its_end_while_it_is_replaced() {
    let place = Place::in_folder().await;
    place.store.create_bucket(&place.bucket).await.unwrap();
    let version = place.put("list.crl", "the old content", None).await.unwrap();
    let Opened::Object(open) = place.store.open(&place.bucket, "list.crl", None).await.unwrap() else { panic!() };
    place.put("list.crl", "new", Some(&version)).await.unwrap();
    let pieces: Vec<_> = open.body.try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"the old content");
}

#[tokio::test]
async fn a_requester_that_has_the_version_is_not_sent_it_again() {
    in_buckets(async |place| {
        let old = place.put("list.crl", "one", None).await.unwrap();
        let version = place.put("list.crl", "two!", Some(&old)).await.unwrap();
        let (tag, old) = (version.as_str(), old.as_str());
        for header in [tag, &format!("W/{tag}"), &format!("{old}, {tag}"), "*"] {
            let opened = place.store.open(&place.bucket, "list.crl", Some(header)).await.unwrap();
            assert!(matches!(&opened, Opened::NotModified(v) if *v == version), "{} {header} {opened:?}", place.name);
        }
        for header in [old, "\"other\"", "garbage", "", "\"a\u{1}\"", "\"é\""] {
            let opened = place.store.open(&place.bucket, "list.crl", Some(header)).await.unwrap();
            assert!(matches!(&opened, Opened::Object(o) if o.version == version), "{} {header} {opened:?}", place.name);
        }
    })
    .await;
}

#[tokio::test]
async fn no_call_takes_a_name_that_leads_elsewhere() {
    in_buckets(async |place| {
        place.put("list.crl", "one", None).await.unwrap();
        let (store, bucket) = (&place.store, place.bucket.as_str());
        for (bucket, object) in [
            ("..", "list.crl"),
            ("/etc", "passwd"),
            ("a/b", "x"),
            ("Abc", "x"),
            (bucket, "../x"),
            (bucket, "/etc/passwd"),
            (bucket, ""),
            (bucket, "x#1"),
        ] {
            let refused = [
                store.version(bucket, object).await.err(),
                store.get(bucket, object).await.err(),
                store.open(bucket, object, None).await.err(),
                store.put(bucket, object, "x", CRL, CACHE, None).await.err(),
            ];
            for error in refused {
                assert!(
                    matches!(error, Some(BucketError::InvalidName(_))),
                    "{} {bucket} {object} {error:?}",
                    place.name
                );
            }
        }
        for bucket in ["..", "/etc", "a/b", "../x", "ab"] {
            assert!(matches!(store.create_bucket(bucket).await, Err(BucketError::InvalidName(_))), "{bucket}");
            assert!(matches!(store.bucket_exists(bucket).await, Err(BucketError::InvalidName(_))), "{bucket}");
        }
    })
    .await;
}
