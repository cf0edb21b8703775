//! Buckets: in a folder, on an S3 server in process, and on the service that `TEST_S3_ENDPOINT` names, if any, with
//! `TEST_S3_ACCESS_KEY` and `TEST_S3_SECRET_KEY`: `scripts/radosgw cargo test -p openccm-service --test buckets`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod conditions;
mod failures;
mod folder;
mod making;
mod objects;
mod places;
mod public;
mod scripted;
mod settings;
mod writing;
