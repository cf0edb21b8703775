//! The HTTP surface in process, on SQLite and on PostgreSQL, with a clock that the tests move.
//!
//! `TEST_DATABASE_URL` must name a PostgreSQL server on which databases may be made: `scripts/postgres cargo test` starts one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod authorities;
mod bad_input;
mod certificates;
mod damage;
mod exports;
mod first_steps;
mod ids;
mod imports;
mod lifecycle;
mod lists;
mod sign_in;
mod surface;
mod tokens;
mod world;
