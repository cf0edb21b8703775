//! Issuing, requests and chains, judged from outside: by the `openssl` command and by rustls-webpki.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod authorities;
mod chains;
mod extensions;
mod hostile_requests;
mod matrix;
mod names_serials_times;
mod openssl;
mod own_requests;
mod refusals;
mod requests;
