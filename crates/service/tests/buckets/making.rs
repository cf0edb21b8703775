//! How buckets are made on S3-compatible services.

use openccm_service::bucket_store::BucketError;

use crate::scripted::Scripted;

const OWNED: (u16, &str) = (409, "<Error><Code>BucketAlreadyOwnedByYou</Code></Error>");
const EXISTS: (u16, &str) = (409, "<Error><Code>BucketAlreadyExists</Code></Error>");
const LIST: (u16, &str) = (
    200,
    "<ListAllMyBucketsResult><Buckets><Bucket><Name>crl-2</Name></Bucket><Bucket><Name>crl</Name></Bucket></Buckets>\
     </ListAllMyBucketsResult>",
);

#[tokio::test]
async fn the_first_region_needs_no_name_and_the_others_are_named() {
    let service = Scripted::new(&[(200, "")]).await;
    service.store().create_bucket("crl").await.unwrap();
    service.store_in("eu-west-1").create_bucket("crl").await.unwrap();
    let requests = service.requests();
    for request in &requests {
        assert!(request.starts_with("PUT /crl/ HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: aws4-hmac-sha256 credential=access/"), "{request}");
        assert!(!request.contains("secret"), "{request}");
    }
    assert!(requests[0].contains("content-length: 0\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("/us-east-1/s3/aws4_request"), "{}", requests[0]);
    assert!(requests[1].contains("/eu-west-1/s3/aws4_request"), "{}", requests[1]);
    assert!(
        requests[1].ends_with(
            "\r\n\r\n<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"
        ),
        "{}",
        requests[1]
    );
}

#[tokio::test]
async fn a_service_that_does_not_know_the_region_is_asked_without() {
    let service = Scripted::new(&[(400, "<Error><Code>InvalidLocationConstraint</Code></Error>"), (200, "")]).await;
    service.store_in("home").create_bucket("crl").await.unwrap();
    let requests = service.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].ends_with("\r\n\r\n"), "{}", requests[1]);
}

#[tokio::test]
async fn a_bucket_of_ours_is_fine_however_the_service_says_so() {
    for script in [&[OWNED][..], &[EXISTS, LIST]] {
        Scripted::new(script).await.store().create_bucket("crl").await.unwrap();
    }
}

#[tokio::test]
async fn a_bucket_of_somebody_else_is_not_ours() {
    let service = Scripted::new(&[EXISTS, LIST]).await;
    // Only part of a name that is on the list.
    let refused = service.store().create_bucket("cr1").await;
    assert!(matches!(refused, Err(BucketError::NotOurs)), "{refused:?}");
    assert!(service.requests()[1].starts_with("GET / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn every_other_answer_is_a_failure() {
    let busy = (409, "<Error><Code>OperationAborted</Code></Error>");
    let wrong_region = (400, "<Error><Code>IllegalLocationConstraintException</Code></Error>");
    for answer in [busy, wrong_region, (403, "<Error><Code>AccessDenied</Code></Error>"), (500, ""), (204 + 100, "")] {
        let service = Scripted::new(&[answer]).await;
        let refused = service.store().create_bucket("crl").await;
        let Err(BucketError::Unavailable(error)) = refused else { panic!("{answer:?} {refused:?}") };
        assert!(error.to_string().contains(&answer.0.to_string()), "{error}");
    }
    for status in [301, 403, 500] {
        let refused = Scripted::new(&[(status, "")]).await.store().bucket_exists("crl").await;
        assert!(matches!(refused, Err(BucketError::Unavailable(_))), "{status} {refused:?}");
    }
}
