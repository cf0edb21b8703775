//! What OpenCCM does, free of HTTP: who is calling, authorities, certificates. One module a subject.
//!
//! Handlers, background jobs and the command line all change things through here. Functions take the [`OpenCcm`] that they
//! work for and, where an account is concerned, the [`Caller`].

pub mod authorities;
pub mod bootstrap;
mod certificate_writer;
pub mod certificates;
mod error;
pub mod housekeeping;
pub mod identity;
mod issuing;
mod key_pool;
mod key_vault;

use std::{fmt, sync::Arc};

pub use error::Error;
pub use identity::Caller;
pub use key_pool::KeyPoolSizes;
pub use key_vault::{claim_database, has_master_key};
use openccm_auth::PasswordHasher;
use openccm_core::{Clock, Ids, RequestId};
pub use openccm_pki::{export::ServerType, seal::MasterKey};
use openccm_store::Database;

use crate::{certificate_writer::CertificateWriter, identity::Identities, key_pool::KeyPool, key_vault::KeyVault};

/// How many resources an account may have.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Certificate authorities, scheduled deletions included.
    pub authorities: i64,
    /// Private certificates.
    pub certificates: i64,
}

/// What an [`OpenCcm`] is made with.
#[derive(Debug)]
pub struct Options {
    /// Where clients and relying parties reach this server (URL without a slash at the end).
    pub public_url: String,
    /// The account's limits.
    pub quotas: Quotas,
    /// How far the time of a signed request may be off, in milliseconds.
    pub signature_window_ms: i64,
    /// How many RSA keys are kept ready.
    pub key_pool: KeyPoolSizes,
    /// How passwords are hashed.
    pub passwords: PasswordHasher,
}

/// A certificate manager at work on its database.
#[derive(Clone)]
pub struct OpenCcm(Arc<Parts>);

struct Parts {
    database: Database,
    clock: Arc<dyn Clock>,
    ids: Ids,
    public_url: String,
    quotas: Quotas,
    keys: KeyVault,
    key_pool: KeyPool,
    certificate_writer: CertificateWriter,
    identities: Identities,
}

impl OpenCcm {
    /// A certificate manager on `database`, whose private keys are sealed under `master_key`. Must be called on a tokio
    /// runtime, on which its writer runs.
    pub fn new(database: Database, master_key: MasterKey, clock: Arc<dyn Clock>, options: Options) -> Self {
        let writer = CertificateWriter::start(database.clone(), Arc::clone(&clock), options.quotas.certificates);
        Self(Arc::new(Parts {
            database,
            certificate_writer: writer,
            ids: Ids::new(Arc::clone(&clock)),
            clock,
            public_url: options.public_url,
            quotas: options.quotas,
            keys: KeyVault::new(master_key),
            key_pool: KeyPool::start(options.key_pool),
            identities: Identities::new(options.passwords, options.signature_window_ms),
        }))
    }

    /// Its database, for reading.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// The time now, in milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// Where clients and relying parties reach this server (URL without a slash at the end).
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }

    /// The limits of each account.
    pub fn quotas(&self) -> Quotas {
        self.0.quotas
    }

    /// A new id for a request.
    pub fn next_request_id(&self) -> RequestId {
        self.0.ids.next()
    }

    fn ids(&self) -> &Ids {
        &self.0.ids
    }

    fn keys(&self) -> &KeyVault {
        &self.0.keys
    }

    fn key_pool(&self) -> &KeyPool {
        &self.0.key_pool
    }

    fn certificate_writer(&self) -> &CertificateWriter {
        &self.0.certificate_writer
    }

    fn identities(&self) -> &Identities {
        &self.0.identities
    }
}

impl fmt::Debug for OpenCcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCcm").field("database", &self.0.database.kind()).finish_non_exhaustive()
    }
}
