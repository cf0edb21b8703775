//! Keys made ahead. RSA keys take 0.1 s to several seconds to make: a thread keeps some ready, so that a request seldom
//! waits for one.

use openccm_core::KeyAlgorithm;
use openccm_pki::{PkiError, PrivateKey};
use tokio::sync::{Mutex, Semaphore, mpsc};

use crate::Error;

/// How many RSA keys are kept ready; none where it is 0.
#[derive(Clone, Copy, Debug)]
pub struct KeyPoolSizes {
    /// Of 2048 bits.
    pub rsa2048: usize,
    /// Of 4096 bits.
    pub rsa4096: usize,
}

/// Where new keys come from.
pub(crate) struct KeyPool {
    rsa2048: Shelf,
    rsa4096: Shelf,
    /// Keys made while their requests wait, at most so many at a time as there are processors.
    makers: Semaphore,
}

type Shelf = Option<Mutex<mpsc::Receiver<PrivateKey>>>;

impl KeyPool {
    pub(crate) fn start(sizes: KeyPoolSizes) -> Self {
        Self {
            rsa2048: fill(KeyAlgorithm::Rsa2048, sizes.rsa2048),
            rsa4096: fill(KeyAlgorithm::Rsa4096, sizes.rsa4096),
            makers: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
        }
    }

    /// A new key, which nothing else uses.
    pub(crate) async fn take(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, Error> {
        let shelf = match algorithm {
            KeyAlgorithm::Rsa2048 => &self.rsa2048,
            KeyAlgorithm::Rsa3072 => &None,
            KeyAlgorithm::Rsa4096 => &self.rsa4096,
            KeyAlgorithm::Ec256 | KeyAlgorithm::Ec384 => return PrivateKey::generate(algorithm).map_err(Error::key),
        };
        if let Some(shelf) = shelf
            && let Ok(key) = shelf.lock().await.try_recv()
        {
            return Ok(key);
        }
        let _permit = self.makers.acquire().await.map_err(Error::key)?;
        let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await;
        made.unwrap_or(Err(PkiError::Crypto)).map_err(Error::key)
    }
}

/// A shelf of `size` keys and the thread that fills it, which ends when the shelf is gone.
fn fill(algorithm: KeyAlgorithm, size: usize) -> Shelf {
    if size == 0 {
        return None;
    }
    let (keys, shelf) = mpsc::channel(size);
    let maker = move || {
        while let Ok(key) = PrivateKey::generate(algorithm) {
            if keys.blocking_send(key).is_err() {
                return;
            }
        }
        tracing::error!(%algorithm, "keys can no longer be made ahead: the random number generator failed");
    };
    let thread = std::thread::Builder::new().name(format!("keys-{algorithm}"));
    // Without the thread, requests make their own keys.
    thread.spawn(maker).ok()?;
    Some(Mutex::new(shelf))
}
