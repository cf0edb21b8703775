//! The HTTP surface in process, on SQLite and on PostgreSQL, with a clock that the tests move.
//!
//! `TEST_DATABASE_URL` must name a PostgreSQL server on which databases may be made: `scripts/postgres cargo test` starts one.

mod first_steps;
mod surface;
mod world;
