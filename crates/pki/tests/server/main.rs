//! The keys, certificates and requests of servers, made and judged by the `openssl` command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../issuing/authorities.rs"]
#[allow(dead_code, reason = "shared; each test binary needs some of it")]
mod authorities;
mod certificates;
mod corpus;
mod corpus_keys;
mod facts;
mod keys;
#[path = "../issuing/openssl.rs"]
#[allow(dead_code, reason = "shared; each test binary needs some of it")]
mod openssl;
mod refusals;
mod requests;
mod workshop;
