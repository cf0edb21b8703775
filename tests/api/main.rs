//! The HTTP surface in process, on SQLite and on PostgreSQL, with a clock that the tests move.
//!
//! `TEST_DATABASE_URL` must name a PostgreSQL server on which databases may be made: `scripts/postgres cargo test` starts one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod acme;
mod acme_orders;
mod acme_services;
mod agencies;
mod authorities;
mod bad_input;
mod certificates;
#[path = "../../crates/pki/tests/server/corpus.rs"]
mod corpus;
#[path = "../../crates/pki/tests/server/corpus_keys.rs"]
mod corpus_keys;
mod damage;
mod exports;
mod first_steps;
mod gateway_certificates;
mod gateway_domains;
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
mod pebble;
mod peer;
mod publication;
mod relying_party;
mod restores;
mod revocation_lists;
mod revocation_rules;
mod servable;
mod sign_in;
mod ssl_certificates;
mod ssl_domain_files;
mod ssl_domain_mails;
mod ssl_domain_proofs;
mod ssl_folders;
mod ssl_imports;
mod ssl_nginx;
mod ssl_notifications;
mod ssl_order_rules;
mod ssl_orders;
mod ssl_push_services;
mod ssl_pushes;
mod ssl_signing_requests;
mod ssl_tags;
mod surface;
mod tokens;
mod upgrades;
#[path = "../../crates/pki/tests/server/workshop.rs"]
mod workshop;
mod world;
