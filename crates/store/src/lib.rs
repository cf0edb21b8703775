//! What OpenCCM keeps: SQLite or PostgreSQL behind one SQL text, one module a table.
//!
//! Functions take a [`Session`]; `sqlx` types stop here. Times are milliseconds since the epoch, ids their printed text.

pub mod access_keys;
pub mod accounts;
pub mod agencies;
pub mod buckets;
pub mod certificate_authorities;
mod db;
pub mod jobs;
mod lock;
mod name_columns;
pub mod ocsp_responders;
pub mod page;
pub mod private_certificates;
pub mod private_keys;
pub mod revocation_lists;
pub mod revocations;
pub mod settings;
pub mod tokens;
pub mod users;

pub use db::{Database, Session, StoreError};
pub use lock::Lock;
