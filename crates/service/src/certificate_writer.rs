//! Storing certificates: those that are issued at the same time share a transaction.
//!
//! A commit that survives a power cut takes as long for one certificate as for many, and so does each statement. While one
//! transaction is under way, the next certificates gather and go together into the one after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use openccm_core::Clock;
use openccm_store::{
    Database, accounts as account_store,
    private_certificates::{self, NewPrivateCertificate},
    private_keys::{self, SealedKey},
};
use tokio::sync::{mpsc, oneshot};

use crate::{Error, issuing::check_may_issue};

/// How many certificates go into one transaction. More gain nothing, and hold up other writers.
const BATCH: usize = 64;

/// Takes certificates to be stored.
pub(crate) struct CertificateWriter {
    queue: mpsc::Sender<Pending>,
}

/// A certificate that waits to be stored, and who waits for it.
struct Pending {
    certificate: NewPrivateCertificate,
    key: Option<SealedKey>,
    done: oneshot::Sender<Result<(), Error>>,
}

impl CertificateWriter {
    /// Starts a writer, which ends when this handle is gone. `quota` is how many certificates an account may have.
    pub(crate) fn start(database: Database, clock: Arc<dyn Clock>, quota: i64) -> Self {
        let (queue, waiting) = mpsc::channel(BATCH);
        tokio::spawn(Writer { database, clock, quota }.run(waiting));
        Self { queue }
    }

    /// Stores a certificate, and its key where it was made here. It is durable when this returns.
    ///
    /// # Errors
    /// An issuer that may no longer issue, or the account's quota; then nothing is stored.
    pub(crate) async fn write(&self, certificate: NewPrivateCertificate, key: Option<SealedKey>) -> Result<(), Error> {
        let (done, written) = oneshot::channel();
        self.queue.send(Pending { certificate, key, done }).await.map_err(|_| stopped())?;
        written.await.map_err(|_| stopped())?
    }
}

fn stopped() -> Error {
    Error::key(std::io::Error::other("the writer of certificates has stopped"))
}

struct Writer {
    database: Database,
    clock: Arc<dyn Clock>,
    quota: i64,
}

impl Writer {
    async fn run(self, mut waiting: mpsc::Receiver<Pending>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            let (mut certificates, mut keys, mut waiters) = (Vec::new(), Vec::new(), Vec::new());
            for pending in batch.drain(..) {
                certificates.push(pending.certificate);
                keys.push(pending.key);
                waiters.push(pending.done);
            }
            if certificates.len() > 1 && self.write(&certificates, &keys).await.is_ok() {
                for done in waiters {
                    let _ = done.send(Ok(()));
                }
                continue;
            }
            // One of them is at fault, or there is one: each by itself, so that each gets its own answer.
            for ((certificate, key), done) in certificates.chunks(1).zip(keys.chunks(1)).zip(waiters) {
                let _ = done.send(self.write(certificate, key).await);
            }
        }
    }

    /// Stores all of `certificates`, and the keys of those that have one here, or none.
    async fn write(&self, certificates: &[NewPrivateCertificate], keys: &[Option<SealedKey>]) -> Result<(), Error> {
        let issuers: BTreeSet<&str> = certificates.iter().map(|certificate| certificate.issuer_id.as_str()).collect();
        let mut accounts: BTreeMap<&str, i64> = BTreeMap::new();
        for certificate in certificates {
            *accounts.entry(&certificate.account_id).or_default() += 1;
        }
        let keys: Vec<SealedKey> = keys.iter().flatten().cloned().collect();

        let mut session = self.database.write().await?;
        for issuer in issuers {
            check_may_issue(&mut session, issuer, self.clock.now_ms()).await?;
        }
        private_certificates::insert_all(&mut session, certificates).await?;
        private_keys::insert_all(&mut session, &keys).await?;
        // Last, for it keeps other writers of the account waiting until the commit.
        for (account, count) in accounts {
            if !account_store::take_certificate_quota(&mut session, account, count, self.quota).await? {
                return Err(Error::QuotaExceeded { resource: "certificates", quota: self.quota });
            }
        }
        Ok(session.commit().await?)
    }
}
