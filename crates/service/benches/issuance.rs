//! How many certificates a second are issued and made durable, with 1, 8 and 64 requests at a time. No HTTP. Durable means as
//! in production: each certificate is committed before it counts.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark prints, and may stop")]

mod fixtures;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use openccm_core::{CaId, KeyAlgorithm};

use crate::fixtures::{Place, issue, make_root, on_both};

const CERTIFICATES: usize = 2000;

fn main() {
    on_both("issuance", async |place| {
        for algorithm in [KeyAlgorithm::Ec256, KeyAlgorithm::Rsa2048] {
            let issuer = make_root(&place.ccm, &place.caller, algorithm).await;
            for at_once in [1, 8, 64] {
                let rate = issue_many(&place, issuer, at_once).await;
                println!("{}: issuer {algorithm}, {at_once:2} at a time: {rate:6.0} certificates/s", place.name);
            }
        }
    });
}

async fn issue_many(place: &Place, issuer: CaId, at_once: usize) -> f64 {
    let left = Arc::new(AtomicUsize::new(CERTIFICATES));
    let started = Instant::now();
    let workers: Vec<_> = (0..at_once)
        .map(|_| {
            let (ccm, caller, left) = (place.ccm.clone(), place.caller.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    issue(&ccm, &caller, issuer).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    CERTIFICATES as f64 / started.elapsed().as_secs_f64()
}
