//! What OpenCCM keeps: SQLite or PostgreSQL behind one SQL text, one module a table.
//!
//! Functions take a [`Session`]; `sqlx` types stop here. Times are milliseconds since the epoch, ids their printed text.

pub mod access_keys;
pub mod accounts;
pub mod acme_accounts;
pub mod acme_challenges;
pub mod acme_orders;
pub mod agencies;
pub mod buckets;
pub mod certificate_authorities;
mod db;
pub mod domain_proofs;
pub mod gateway_certificates;
pub mod gateway_domains;
pub mod jobs;
mod lock;
mod name_columns;
pub mod ocsp_responders;
pub mod page;
pub mod private_certificates;
pub mod private_keys;
pub mod registered_certificates;
pub mod revocation_lists;
pub mod revocations;
pub mod settings;
pub mod ssl_certificates;
pub mod ssl_notices;
pub mod ssl_orders;
pub mod ssl_pushes;
pub mod ssl_signing_requests;
pub mod tags;
pub mod tokens;
pub mod users;

pub use db::{Database, Session, StoreError};
pub use lock::Lock;
