//! Revocation lists and OCSP, judged from outside: by the `openssl` command and by rustls-webpki.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../issuing/authorities.rs"]
#[allow(dead_code, reason = "shared; each test binary needs some of it")]
mod authorities;
mod exchange;
mod hostile_lists;
mod large_lists;
mod list_contents;
mod list_refusals;
mod list_verdicts;
mod lists;
mod ocsp_requests;
mod ocsp_responses;
#[path = "../issuing/openssl.rs"]
#[allow(dead_code, reason = "shared; each test binary needs some of it")]
mod openssl;
mod responders;
