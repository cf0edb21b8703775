//! What only a folder can get wrong.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use openccm_service::bucket_store::{BucketError, BucketSettings, BucketStore};

use crate::places::{CACHE, CRL, Place};

async fn place() -> (Place, std::path::PathBuf) {
    let place = Place::in_folder().await;
    place.store.create_bucket(&place.bucket).await.unwrap();
    let folder = place.files.clone().unwrap().join(&place.bucket);
    (place, folder)
}

#[tokio::test]
async fn the_folder_is_made_with_the_first_bucket_and_anybody_may_enter_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data/buckets");
    let store = BucketStore::new(BucketSettings::Folder(root.clone())).unwrap();
    assert!(!store.bucket_exists("crl").await.unwrap());
    assert!(!root.exists());
    store.create_bucket("crl").await.unwrap();
    assert_eq!(fs::metadata(root.join("crl")).unwrap().permissions().mode() & 0o777, 0o755);
}

#[tokio::test]
async fn writing_leaves_nothing_but_the_object() {
    let (place, folder) = place().await;
    // What a crash in the middle of a write leaves.
    fs::write(folder.join("list.crl#1"), "half of").unwrap();
    let version = place.put("list.crl", "one", None).await.unwrap();
    place.put("list.crl", "two", Some(&version)).await.unwrap();
    place.put("list.crl", "three", Some(&version)).await.unwrap_err();
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["list.crl", "list.crl#1"]);
    assert_eq!(fs::read(folder.join("list.crl#1")).unwrap(), b"half of");
}

#[tokio::test]
async fn an_object_is_replaced_as_a_whole() {
    use std::os::unix::fs::MetadataExt;

    let (place, folder) = place().await;
    let version = place.put("list.crl", "one", None).await.unwrap();
    let before = fs::metadata(folder.join("list.crl")).unwrap().ino();
    place.put("list.crl", "two", Some(&version)).await.unwrap();
    // Another file in its place: nobody ever sees a part of it.
    assert_ne!(fs::metadata(folder.join("list.crl")).unwrap().ino(), before);
}

/// Every call on an object says that the folder is not as it should be.
async fn refused(place: &Place, bucket: &str, object: &str) {
    let errors = [
        place.store.version(bucket, object).await.err(),
        place.store.get(bucket, object).await.err(),
        place.store.open(bucket, object, None).await.err(),
        place.store.put(bucket, object, "new", CRL, CACHE, None).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(BucketError::Unavailable(_))), "{bucket} {object} {error:?}");
    }
}

#[tokio::test]
async fn symbolic_links_are_neither_served_nor_written_through() {
    let (place, folder) = place().await;
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("secret"), "s").unwrap();
    symlink(elsewhere.path().join("secret"), folder.join("link.crl")).unwrap();
    symlink(elsewhere.path().join("nothing"), folder.join("dangling.crl")).unwrap();
    symlink(elsewhere.path(), folder.join("lists")).unwrap();
    symlink(elsewhere.path(), folder.parent().unwrap().join("linked-bucket")).unwrap();
    for (bucket, object) in [
        (place.bucket.as_str(), "link.crl"),
        (&place.bucket, "dangling.crl"),
        (&place.bucket, "lists/secret"),
        (&place.bucket, "lists/new"),
        ("linked-bucket", "secret"),
    ] {
        refused(&place, bucket, object).await;
    }
    assert!(matches!(place.store.bucket_exists("linked-bucket").await, Err(BucketError::Unavailable(_))));
    assert!(matches!(place.store.create_bucket("linked-bucket").await, Err(BucketError::Unavailable(_))));
    assert_eq!(fs::read(elsewhere.path().join("secret")).unwrap(), b"s");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_is_no_file_is_no_object_and_what_is_no_folder_no_bucket() {
    let (place, folder) = place().await;
    fs::create_dir(folder.join("a-folder")).unwrap();
    fs::write(folder.join("a-file"), "f").unwrap();
    fs::write(folder.parent().unwrap().join("no-bucket"), "f").unwrap();
    refused(&place, &place.bucket, "a-folder").await;
    refused(&place, &place.bucket, "a-file/x").await;
    refused(&place, "no-bucket", "x").await;
    assert!(matches!(place.store.create_bucket("no-bucket").await, Err(BucketError::Unavailable(_))));
}
