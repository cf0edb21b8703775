//! What OpenCCM does, free of HTTP: who is calling, authorities, certificates, revocation. One module a subject.
//!
//! Handlers, background jobs and the command line all change things through here. Functions take the [`OpenCcm`] that they
//! work for and, where an account is concerned, the [`Caller`].

pub mod authorities;
pub mod bootstrap;
pub mod bucket_store;
pub mod buckets;
mod causes;
mod certificate_writer;
pub mod certificates;
mod error;
pub mod gateway;
pub mod identity;
mod issuing;
pub mod jobs;
mod key_pool;
mod key_vault;
pub mod mail;
pub mod ocsp;
mod program;
pub mod revocation;
pub mod ssl;
pub mod tags;
pub mod webhook;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

pub use error::Error;
pub use identity::Caller;
pub use key_pool::KeyPoolSizes;
pub use key_vault::{claim_database, has_master_key};
use openccm_auth::PasswordHasher;
use openccm_core::{Clock, Ids, RequestId};
pub use openccm_pki::{export::ServerType, seal::MasterKey};
use openccm_store::Database;
use tokio::sync::Notify;

use crate::{
    bucket_store::BucketStore,
    certificate_writer::CertificateWriter,
    identity::Identities,
    key_pool::KeyPool,
    key_vault::KeyVault,
    ocsp::Ocsp,
    revocation::Publisher,
    ssl::{SslOptions, products::Catalogue},
};

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
    /// Where clients reach this server (URL without a slash at the end).
    pub public_url: String,
    /// Where relying parties get revocation lists and OCSP answers from this server (URL without a slash at the end).
    pub revocation_url: String,
    /// Where relying parties get what is in buckets, if not from this server: a URL without a slash at the end, in which
    /// `{bucket}` stands for the bucket; without that, the bucket follows it.
    pub bucket_url: Option<String>,
    /// Where revocation lists are published.
    pub buckets: BucketStore,
    /// The account's limits.
    pub quotas: Quotas,
    /// SSL certificates.
    pub ssl: SslOptions,
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
    revocation_url: String,
    bucket_url: Option<String>,
    buckets: BucketStore,
    publisher: Publisher,
    ocsp: Ocsp,
    issued: AtomicI64,
    quotas: Quotas,
    keys: KeyVault,
    key_pool: KeyPool,
    certificate_writer: CertificateWriter,
    ssl: SslOptions,
    /// Wakes what brings orders of SSL certificates forward.
    orders: Notify,
    /// The last number of an SSL certificate that this server gave.
    last_ssl_certificate_ms: AtomicI64,
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
            revocation_url: options.revocation_url,
            bucket_url: options.bucket_url,
            buckets: options.buckets,
            publisher: Publisher::new(),
            ocsp: Ocsp::new(),
            issued: AtomicI64::new(0),
            quotas: options.quotas,
            keys: KeyVault::new(master_key),
            key_pool: KeyPool::start(options.key_pool),
            ssl: options.ssl,
            orders: Notify::new(),
            last_ssl_certificate_ms: AtomicI64::new(0),
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

    /// Where clients reach this server (URL without a slash at the end).
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }

    /// Where revocation lists are published.
    pub fn buckets(&self) -> &BucketStore {
        &self.0.buckets
    }

    /// The public address (URI) of an object in a bucket.
    fn crl_address(&self, bucket: &str, object: &str) -> String {
        match &self.0.bucket_url {
            None => format!("{}/crl/{bucket}/{object}", self.0.revocation_url),
            Some(url) if url.contains("{bucket}") => format!("{}/{object}", url.replace("{bucket}", bucket)),
            Some(url) => format!("{url}/{bucket}/{object}"),
        }
    }

    /// The partition for the next certificate of an authority whose list is split into so many: each in its turn, from 1 on;
    /// 0 where it is not split.
    fn next_crl_partition(&self, partitions: i64) -> i64 {
        if partitions < 2 { 0 } else { 1 + self.0.issued.fetch_add(1, Ordering::Relaxed).rem_euclid(partitions) }
    }

    /// Whether relying parties get revocation lists from this server, not from where the buckets are.
    fn serves_lists_itself(&self) -> bool {
        self.0.bucket_url.is_none()
    }

    /// The public address (URI) of the OCSP responder of an authority.
    fn ocsp_address(&self, ca_id: &str) -> String {
        format!("{}/ocsp/{ca_id}", self.0.revocation_url)
    }

    fn publisher(&self) -> &Publisher {
        &self.0.publisher
    }

    fn ocsp(&self) -> &Ocsp {
        &self.0.ocsp
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

    /// What SSL certificates can be ordered.
    pub fn products(&self) -> &Catalogue {
        &self.0.ssl.products
    }

    /// How many free SSL certificates an account may have.
    pub fn free_certificates(&self) -> i64 {
        self.0.ssl.free_certificates
    }

    fn ssl(&self) -> &SslOptions {
        &self.0.ssl
    }

    /// What is woken when an order of an SSL certificate can go on.
    fn orders(&self) -> &Notify {
        &self.0.orders
    }

    /// The number of the next SSL certificate: the time now (ms since the epoch), or the first after those given before.
    fn next_ssl_certificate_ms(&self) -> i64 {
        let now_ms = self.now_ms();
        let next = |last: i64| Some(now_ms.max(last + 1));
        let last = self.0.last_ssl_certificate_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        last.map_or(now_ms, |last| now_ms.max(last + 1))
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
