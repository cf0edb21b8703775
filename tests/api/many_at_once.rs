//! Many revocations at once, and several servers on one database.

use std::{
    collections::BTreeSet,
    slice::from_ref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use openccm_service::{OpenCcm, jobs::Job, revocation};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    ocsp_client::{CertId, Query, Reply, Status},
    relying_party::{List, fetch},
    world::{CAS, CERTIFICATES, Caller, DAY_MS, START_MS, World, certificate_request, on_both, on_both_stores},
};

/// Issues so many certificates at once; gives their ids.
async fn issue(world: &World, issuer_id: &str, count: usize) -> Vec<String> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (caller, body) = (world.caller(), certificate_request("leaf", issuer_id));
        calls.spawn(async move {
            let made = caller.call("POST", CERTIFICATES, body).await.ok();
            made["certificate_id"].as_str().unwrap().to_owned()
        });
    }
    calls.join_all().await
}

/// Revokes certificates at once, with one caller after the other.
fn revoke_at_once(callers: &[Caller], ids: &[String]) -> JoinSet<()> {
    let mut calls = JoinSet::new();
    for (index, id) in ids.iter().enumerate() {
        let (caller, path) = (callers[index % callers.len()].clone(), format!("{CERTIFICATES}/{id}/revoke"));
        calls.spawn(async move {
            caller.call("POST", &path, json!({"reason": "KEY_COMPROMISE"})).await.no_content();
        });
    }
    calls
}

/// Publishes again and again, from so many tasks on each of the servers, until `done`.
fn keep_publishing(servers: &[OpenCcm], done: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for ccm in servers.iter().flat_map(|ccm| [ccm.clone(), ccm.clone()]) {
        let done = Arc::clone(done);
        tasks.spawn(async move {
            while !done.load(Ordering::SeqCst) {
                assert_eq!(revocation::publish_due(&ccm).await.unwrap().failed, 0);
                tokio::task::yield_now().await;
            }
        });
    }
    tasks
}

/// Reads a list again and again until `done`: it must never go back. Gives how many different ones it has seen.
async fn watch(caller: Caller, address: String, done: Arc<AtomicBool>) -> usize {
    let mut last: Option<List> = None;
    let mut seen = 0;
    while !done.load(Ordering::SeqCst) {
        let list = fetch(&caller, &address).await;
        if let Some(last) = &last {
            assert!(list.number >= last.number, "{} after {}", list.number, last.number);
            assert!(list.number != last.number || list.der == last.der, "two lists have the number {}", list.number);
            assert!(last.entries.keys().all(|serial| list.entries.contains_key(serial)), "a revocation was taken back");
        }
        seen += usize::from(last.as_ref().is_none_or(|last| last.number != list.number));
        last = Some(list);
        tokio::task::yield_now().await;
    }
    seen
}

/// What must be so after `ids` of `ca_id` were revoked on all `servers` while they published.
async fn check_flood(world: &World, callers: &[Caller], servers: &[OpenCcm], ca_id: &str, count: usize) {
    let ids = issue(world, ca_id, count).await;
    let mut serials = BTreeSet::new();
    for id in &ids {
        serials.insert(world.serial(id).await);
    }
    let address = world.crl_address(ca_id).await;
    let done = Arc::new(AtomicBool::new(false));
    let publishing = keep_publishing(servers, &done);
    let watching = tokio::spawn(watch(world.caller(), address, Arc::clone(&done)));
    revoke_at_once(callers, &ids).join_all().await;
    done.store(true, Ordering::SeqCst);
    publishing.join_all().await;
    let seen = watching.await.unwrap();
    world.publish().await;
    let list = world.list(ca_id).await;
    assert_eq!(list.serials().into_iter().collect::<BTreeSet<_>>(), serials);
    assert!(seen >= 1 && seen <= count + 2, "{seen}");
    assert_eq!(world.publish().await, 0);
}

#[test]
fn of_many_revocations_at_once_none_is_lost_and_no_list_goes_back() {
    on_both_stores(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({})).await;
        check_flood(&world, &[world.caller()], from_ref(&world.ccm), &root, 200).await;
    });
}

#[test]
fn many_revocations_at_once_reach_their_partitions() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list", "partitions": 3})).await;
        check_flood(&world, &[world.caller()], from_ref(&world.ccm), &root, 120).await;
        let complete = world.list(&root).await.entries;
        let mut in_partitions = 0;
        for partition in 1..=3 {
            let list = world.list_at(&format!("/crl/crl/list/{partition}.crl")).await;
            assert!(list.entries.iter().all(|(serial, entry)| complete.get(serial) == Some(entry)));
            assert_eq!(list.entries.len(), 40);
            in_partitions += list.entries.len();
        }
        assert_eq!(in_partitions, complete.len());
    });
}

#[test]
fn a_list_can_be_switched_on_and_off_while_certificates_are_revoked() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list", "partitions": 3})).await;
        let ids = issue(&world, &root, 60).await;
        let mut serials = BTreeSet::new();
        for id in &ids {
            serials.insert(world.serial(id).await);
        }
        let done = Arc::new(AtomicBool::new(false));
        let (caller, path, stop) = (world.caller(), format!("{CAS}/{root}/crl"), Arc::clone(&done));
        let switching = tokio::spawn(async move {
            let on = json!({"crl_name": "list", "obs_bucket_name": "crl", "valid_days": 7, "partitions": 3});
            let mut times = 0;
            while !stop.load(Ordering::SeqCst) || times == 0 {
                caller.call("POST", &format!("{path}/disable"), Value::Null).await.no_content();
                caller.call("POST", &format!("{path}/enable"), on.clone()).await.no_content();
                times += 1;
            }
        });
        let publishing = keep_publishing(from_ref(&world.ccm), &done);
        revoke_at_once(&[world.caller()], &ids).join_all().await;
        done.store(true, Ordering::SeqCst);
        switching.await.unwrap();
        publishing.join_all().await;
        world.publish().await;
        assert_eq!(world.list(&root).await.serials().into_iter().collect::<BTreeSet<_>>(), serials);
    });
}

#[test]
fn two_servers_publish_one_list() {
    on_both_stores(async |world| {
        // SQLite is used by one server alone.
        if world.ccm.database().kind() == "sqlite" {
            return;
        }
        let peer = world.peer().await;
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list", "partitions": 2})).await;
        let (callers, servers) = ([world.caller(), peer.caller.clone()], [world.ccm.clone(), peer.ccm.clone()]);
        check_flood(&world, &callers, &servers, &root, 100).await;
        // Both at once, when one revocation is due: one of them publishes each list.
        for _ in 0..5 {
            world.revoked(&root, "SUPERSEDED").await;
            let before = world.list(&root).await.number;
            let (here, there) = tokio::join!(revocation::publish_due(&world.ccm), revocation::publish_due(&peer.ccm));
            let (here, there) = (here.unwrap(), there.unwrap());
            assert_eq!((here.published + there.published, here.failed + there.failed), (2, 0));
            assert!(world.list(&root).await.number > before);
        }
        assert_eq!(revocation::compare_published(&peer.ccm).await.unwrap(), 0);
        assert_eq!(world.publish().await, 0, "what the other server published is known here");
        peer.ccm.database().close().await;
    });
}

#[test]
fn a_server_answers_with_what_another_one_was_told() {
    on_both(async |world| {
        if world.ccm.database().kind() == "sqlite" {
            return;
        }
        let peer = world.peer().await;
        let root = world.root("Root").await;
        let issuer = world.own_certificate(&root).await;
        let leaf = world.certificate("leaf", &root).await;
        let query = Query::about(CertId::new(&issuer, &world.serial(&leaf).await));
        // A server may know for 200 ms what is no longer so.
        let eventually = async |expected: Option<Status>| {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
            loop {
                let answer = query.post(&peer.caller, &root).await;
                let found = match crate::ocsp_client::response_status(&answer) {
                    0 => Some(Reply::read(&answer, &issuer, &query.certificates).statuses[0]),
                    _ => None,
                };
                if found == expected {
                    return;
                }
                assert!(tokio::time::Instant::now() < deadline, "{found:?} instead of {expected:?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let switch = async |on: bool| {
            let path = format!("{CAS}/{root}/ocsp/switch");
            world.call("POST", &path, json!({"ocsp_switch": on})).await.no_content();
        };
        eventually(None).await;
        switch(true).await;
        eventually(Some(Status::Good)).await;
        world.revoke(&leaf, "CERTIFICATE_HOLD").await;
        eventually(Some(Status::Revoked { at: START_MS / 1000, reason: Some(6) })).await;
        world.revoke(&leaf, "KEY_COMPROMISE").await;
        eventually(Some(Status::Revoked { at: START_MS / 1000, reason: Some(1) })).await;
        // A responder that the other server renewed.
        let before = query.ask(&peer.caller, &root, &issuer).await.responder;
        world.clock.advance(8 * DAY_MS);
        assert_eq!(Job::RenewResponders.run(&world.ccm).await.unwrap(), 1);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        while query.clone().nonce(b"n").ask(&peer.caller, &root, &issuer).await.responder.der() == before.der() {
            assert!(tokio::time::Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        switch(false).await;
        eventually(None).await;
        peer.ccm.database().close().await;
    });
}

#[test]
fn a_lock_is_held_by_one_server_until_it_lets_go() {
    on_both(async |world| {
        let here = world.ccm.database().clone();
        let peer = world.peer().await;
        // Two servers on PostgreSQL; on SQLite, which one server uses alone, two tasks of it.
        let there = if here.kind() == "sqlite" { here.clone() } else { peer.ccm.database().clone() };
        let mut held = here.try_lock("jobs").await.unwrap().unwrap();
        assert!(held.is_held().await);
        for _ in 0..2 {
            assert!(there.try_lock("jobs").await.unwrap().is_none());
            assert!(here.try_lock("jobs").await.unwrap().is_none(), "nor is it given twice");
        }
        assert!(there.try_lock("other").await.unwrap().is_some());
        held.release().await;
        let held = there.try_lock("jobs").await.unwrap().unwrap();
        assert!(here.try_lock("jobs").await.unwrap().is_none());
        // Dropped without a word, as when a server is killed. PostgreSQL learns of it from the connection.
        drop(held);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        while here.try_lock("jobs").await.unwrap().is_none() {
            assert!(tokio::time::Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Those who wait get it one after the other.
        let inside = Arc::new(AtomicBool::new(false));
        let mut waiting = JoinSet::new();
        for index in 0..6 {
            let (database, inside) = (if index % 2 == 0 { here.clone() } else { there.clone() }, Arc::clone(&inside));
            waiting.spawn(async move {
                let lock = database.lock("jobs").await.unwrap();
                assert!(!inside.swap(true, Ordering::SeqCst));
                tokio::task::yield_now().await;
                inside.store(false, Ordering::SeqCst);
                lock.release().await;
            });
        }
        waiting.join_all().await;
        peer.ccm.database().close().await;
    });
}
