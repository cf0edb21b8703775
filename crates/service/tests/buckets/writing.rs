//! Writing on a condition.

use openccm_service::bucket_store::{BucketError, Version};
use tokio::task::JoinSet;

use crate::places::{CACHE, CRL, Place, in_buckets};

#[tokio::test]
async fn an_object_is_replaced_at_the_version_that_is_expected() {
    in_buckets(async |place| {
        let mut version = place.put("list.crl", "0", None).await.unwrap();
        for content in ["1", "2", "a longer one"] {
            let next = place.put("list.crl", content, Some(&version)).await.unwrap();
            assert_ne!(next, version, "{}", place.name);
            assert_eq!(place.content("list.crl").await, content, "{}", place.name);
            // As a database gives it back.
            version = Version::from(next.as_str().to_owned());
        }
    })
    .await;
}

#[tokio::test]
async fn an_object_at_another_version_is_left_alone() {
    in_buckets(async |place| {
        let first = place.put("list.crl", "one", None).await.unwrap();
        let second = place.put("list.crl", "two!", Some(&first)).await.unwrap();
        let other = Version::from("\"0123\"");
        for expected in [None, Some(&first), Some(&other)] {
            let refused = place.put("list.crl", "three", expected).await;
            assert!(matches!(refused, Err(BucketError::Conflict)), "{} {refused:?}", place.name);
            assert_eq!(place.content("list.crl").await, "two!", "{}", place.name);
        }
        assert_eq!(place.store.version(&place.bucket, "list.crl").await.unwrap(), Some(second), "{}", place.name);
    })
    .await;
}

#[tokio::test]
async fn an_object_that_is_gone_is_not_made_anew_by_a_replacement() {
    in_buckets(async |place| {
        let refused = place.put("list.crl", "one", Some(&Version::from("\"0123\""))).await;
        assert!(matches!(refused, Err(BucketError::Conflict)), "{} {refused:?}", place.name);
        assert!(place.store.get(&place.bucket, "list.crl").await.unwrap().is_none(), "{}", place.name);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_written_to_a_bucket_that_is_not_there() {
    in_buckets(async |place| {
        let missing = format!("{}-missing", place.bucket);
        for expected in [None, Some(&Version::from("\"0123\""))] {
            let refused = place.store.put(&missing, "list.crl", "one", CRL, CACHE, expected).await;
            assert!(matches!(refused, Err(BucketError::NotFound)), "{} {refused:?}", place.name);
        }
        assert!(!place.store.bucket_exists(&missing).await.unwrap(), "{}", place.name);
    })
    .await;
}

/// How many of 8 writers at the same time succeed, each with content of its own (a service tells versions by the content);
/// what the object holds is a winner's.
async fn winners(place: &Place, round: i32, expected: Option<&Version>) -> usize {
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (store, bucket, expected) = (place.store.clone(), place.bucket.clone(), expected.cloned());
        writers.spawn(async move {
            let content = format!("round {round}, writer {writer}");
            match store.put(&bucket, "list.crl", content.clone(), CRL, CACHE, expected.as_ref()).await {
                Ok(_) => Some(content),
                Err(BucketError::Conflict) => None,
                Err(error) => panic!("{error}"),
            }
        });
    }
    let winners: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    assert!(winners.contains(&place.content("list.crl").await), "{} {winners:?}", place.name);
    winners.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_writers_at_the_same_time_one_wins() {
    in_buckets(async |place| {
        // Where the service knows no conditions, the lock that callers hold has to do.
        if place.name == "server without conditions" {
            return;
        }
        for round in 0..6 {
            let version = place.store.version(&place.bucket, "list.crl").await.unwrap();
            assert_eq!(winners(place, round, version.as_ref()).await, 1, "{}", place.name);
        }
    })
    .await;
}
