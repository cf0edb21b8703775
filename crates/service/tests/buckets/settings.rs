//! What stands in the settings.

use openccm_auth::Secret;
use openccm_service::bucket_store::{BucketError, BucketSettings, BucketStore, S3Settings};

fn settings() -> S3Settings {
    S3Settings {
        endpoint: "https://s3.example.com".to_owned(),
        region: "eu-west-1".to_owned(),
        access_key: "an-access-key".to_owned(),
        secret_key: Secret::new("the-secret-key".to_owned()),
        path_style: true,
    }
}

fn result(settings: S3Settings) -> Result<BucketStore, BucketError> {
    BucketStore::new(BucketSettings::S3(settings))
}

#[test]
fn an_endpoint_is_a_scheme_a_host_and_perhaps_a_port() {
    for endpoint in ["https://s3.example.com", "http://minio:9000/", "http://127.0.0.1:9000", "http://[::1]:9000"] {
        result(S3Settings { endpoint: endpoint.to_owned(), ..settings() }).unwrap();
    }
    for endpoint in [
        "",
        "s3.example.com",
        "ftp://s3.example.com",
        "https://",
        "https://s3.example.com/path",
        "https://s3.example.com/?x",
        "https://s3.example.com/#x",
        "https://user:password@s3.example.com",
    ] {
        let refused = result(S3Settings { endpoint: endpoint.to_owned(), ..settings() });
        assert!(matches!(refused, Err(BucketError::InvalidSettings(_))), "{endpoint}");
    }
}

#[test]
fn a_bucket_cannot_stand_before_an_address() {
    for (endpoint, fits) in
        [("https://s3.example.com", true), ("http://127.0.0.1:9000", false), ("http://[::1]", false)]
    {
        let settings = S3Settings { endpoint: endpoint.to_owned(), path_style: false, ..settings() };
        assert_eq!(result(settings).is_ok(), fits, "{endpoint}");
    }
}

#[test]
fn regions_and_keys_are_text_that_can_stand_in_a_header() {
    for wrong in ["", "a b", "a\n", "<x>", "é"] {
        assert!(result(S3Settings { region: wrong.to_owned(), ..settings() }).is_err(), "{wrong}");
    }
    for wrong in ["", "a b", "a\n", "é"] {
        assert!(result(S3Settings { access_key: wrong.to_owned(), ..settings() }).is_err(), "{wrong}");
    }
    assert!(result(S3Settings { secret_key: Secret::new(String::new()), ..settings() }).is_err());
}

#[test]
fn the_secret_is_not_shown() {
    let shown = format!("{:?} {:?}", BucketSettings::S3(settings()), result(settings()).unwrap());
    assert!(shown.contains("s3.example.com"), "{shown}");
    assert!(!shown.contains("the-secret-key"), "{shown}");
}
