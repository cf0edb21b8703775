//! Locks that outlast a transaction, on every server that shares the database.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::{Connection as _, PgConnection};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A lock that is held until this is dropped.
pub struct Lock(Holder);

enum Holder {
    /// SQLite is used by one process alone.
    Local(#[allow(dead_code, reason = "held, not read")] OwnedMutexGuard<()>),
    /// PostgreSQL: the lock belongs to this connection, and ends with it.
    Shared(Box<PgConnection>),
}

impl Lock {
    pub(crate) fn local(guard: OwnedMutexGuard<()>) -> Self {
        Self(Holder::Local(guard))
    }

    pub(crate) fn shared(connection: PgConnection) -> Self {
        Self(Holder::Shared(Box::new(connection)))
    }

    /// Whether the lock is still held. A connection that was lost has lost it.
    pub async fn is_held(&mut self) -> bool {
        match &mut self.0 {
            Holder::Local(_) => true,
            Holder::Shared(connection) => connection.ping().await.is_ok(),
        }
    }

    /// Gives the lock back. On PostgreSQL others can have it as soon as the server has come to the end of the connection.
    pub async fn release(self) {
        match self.0 {
            Holder::Local(_) => {}
            // One that cannot be closed in order is cut off when it is dropped.
            Holder::Shared(connection) => drop(connection.close().await),
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

/// The locks of a database that only this process uses, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalLocks(Arc<Mutex<HashMap<String, Arc<AsyncMutex<()>>>>>);

impl LocalLocks {
    pub(crate) async fn lock(&self, name: &str) -> OwnedMutexGuard<()> {
        self.find(name).lock_owned().await
    }

    pub(crate) fn try_lock(&self, name: &str) -> Option<OwnedMutexGuard<()>> {
        self.find(name).try_lock_owned().ok()
    }

    fn find(&self, name: &str) -> Arc<AsyncMutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(name.to_owned()).or_default())
    }
}
