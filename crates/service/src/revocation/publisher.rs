//! Publishing at once what a request has changed, on the server that took the request.

use std::{collections::HashMap, sync::Arc, time::Duration};

use openccm_store::revocation_lists::{self, ListKey};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::{self, JoinSet},
    time::{Instant, sleep_until},
};

use super::publication::{AT_ONCE, publish};
use crate::{Error, OpenCcm};

/// A list is published this often at most: revocations that come faster share one.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a failed publication rests, the first time and at most.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_AT_MOST: Duration = Duration::from_secs(60);

/// Where those who have changed something wake the one who publishes.
#[derive(Debug)]
pub(crate) struct Publisher {
    changed: Notify,
    large: Arc<Semaphore>,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        Self { changed: Notify::new(), large: Arc::new(Semaphore::new(1)) }
    }

    /// Says that there may be lists to publish.
    pub(crate) fn notify_one(&self) {
        self.changed.notify_one();
    }

    /// Waits until no other large list is being made.
    pub(super) async fn large_list(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.large).acquire_owned().await.ok()
    }
}

/// A list that is not to be published yet.
struct Rest {
    until: Instant,
    failures: u32,
}

/// Publishes what changes as soon as it changes, for as long as it is polled. A list that cannot be published is tried again,
/// ever more rarely; the others do not wait for it.
pub async fn publish_as_needed(ccm: OpenCcm) {
    let mut running = JoinSet::new();
    let mut in_hand: HashMap<task::Id, ListKey> = HashMap::new();
    let mut resting: HashMap<ListKey, Rest> = HashMap::new();
    loop {
        let mut wake_at = Instant::now() + RETRY_AT_MOST;
        match find_due(&ccm).await {
            Ok(due) => {
                resting.retain(|key, rest| rest.failures > 0 && due.contains(key) || rest.until > Instant::now());
                for key in due {
                    let rest_until = resting.get(&key).map(|rest| rest.until).filter(|until| *until > Instant::now());
                    match rest_until {
                        Some(until) => wake_at = wake_at.min(until),
                        None if in_hand.len() >= AT_ONCE || in_hand.values().any(|other| *other == key) => {}
                        None => {
                            let (ccm, list) = (ccm.clone(), key.clone());
                            let task = running.spawn(async move {
                                let started = Instant::now();
                                (publish(&ccm, &list).await.is_ok(), started.elapsed())
                            });
                            in_hand.insert(task.id(), key);
                        }
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, "cannot find out which CRLs are due");
                wake_at = Instant::now() + RETRY;
            }
        }
        tokio::select! {
            () = ccm.publisher().changed.notified() => {}
            () = sleep_until(wake_at) => {}
            Some(outcome) = running.join_next_with_id(), if !running.is_empty() => {
                let (id, (published, took)) = match outcome {
                    Ok(outcome) => outcome,
                    Err(panicked) => (panicked.id(), (false, Duration::ZERO)),
                };
                let Some(key) = in_hand.remove(&id) else { continue };
                let failures = if published { 0 } else { resting.get(&key).map_or(0, |rest| rest.failures) + 1 };
                // One that takes long rests as long, so that it does not take all of a processor.
                let pause = if published { PAUSE.max(took) } else { retry_after(failures) };
                resting.insert(key, Rest { until: Instant::now() + pause, failures });
            }
        }
    }
}

async fn find_due(ccm: &OpenCcm) -> Result<Vec<ListKey>, Error> {
    Ok(revocation_lists::list_due(&mut ccm.database().read().await?, ccm.now_ms()).await?)
}

fn retry_after(failures: u32) -> Duration {
    RETRY.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(RETRY_AT_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tried_again_ever_more_rarely() {
        let waits: Vec<u64> = (1..=9).map(|failures| retry_after(failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(retry_after(u32::MAX), RETRY_AT_MOST);
    }
}
