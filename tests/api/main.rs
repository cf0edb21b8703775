//! The HTTP surface in process, on SQLite and on PostgreSQL, with a clock that the tests move.
//!
//! `TEST_DATABASE_URL` must name a PostgreSQL server on which databases may be made: `scripts/postgres cargo test` starts one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod agencies;
mod authorities;
mod bad_input;
mod certificates;
mod damage;
mod exports;
mod first_steps;
mod ids;
mod imports;
mod jobs;
mod lifecycle;
mod list_downloads;
mod list_life;
mod list_names;
mod lists;
mod many_at_once;
mod ocsp;
mod ocsp_client;
mod ocsp_requests;
mod ocsp_responders;
mod openssl_agrees;
mod partitions;
mod publication;
mod relying_party;
mod restores;
mod revocation_lists;
mod revocation_rules;
mod sign_in;
mod surface;
mod tokens;
mod upgrades;
mod world;
