//! How revocation scales: with 10,000, 100,000 and 1,000,000 revoked certificates of one authority, how long a list takes to
//! be made, proven and published, how much memory that takes, how long a revocation takes meanwhile, and how many OCSP
//! answers a second are given. No HTTP.
//!
//! `OPENCCM_BENCH_REVOKED` names other numbers, with commas.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark prints, and may stop")]

mod fixtures;

use std::{
    fs,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use openccm_core::{CaId, CertificateId, KeyAlgorithm, RevocationReason};
use openccm_service::{
    buckets, certificates, ocsp,
    revocation::{self, Cause, CrlConfiguration},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tokio::task::JoinSet;

use crate::fixtures::{Place, issue, make_root, on_both};

const SUPERSEDED: Cause = Cause { reason: RevocationReason::Superseded, invalid_since_ms: None };
/// How many certificates are revoked while a list is made.
const REVOCATIONS: usize = 50;
/// How many certificates OCSP is asked about.
const ASKED: usize = 200;
const ASKING_FOR: Duration = Duration::from_secs(3);

fn main() {
    let numbers = std::env::var("OPENCCM_BENCH_REVOKED").unwrap_or_else(|_| "10000,100000,1000000".into());
    let numbers: Vec<u64> = numbers.split(',').map(|number| number.trim().parse().unwrap()).collect();
    on_both("revocation", async |place| {
        let ca = make_root(&place.ccm, &place.caller, KeyAlgorithm::Ec256).await;
        buckets::create(place.ccm.database(), place.ccm.buckets(), "bench", 0).await.unwrap();
        buckets::grant_agency(&place.ccm, &place.caller).await.unwrap();
        let crl = CrlConfiguration {
            enabled: true,
            name: Some("bench".into()),
            bucket: Some("bench".into()),
            valid_days: Some(7),
            partitions: None,
        };
        revocation::enable_crl(&place.ccm, &place.caller, ca, crl).await.unwrap();
        ocsp::switch(&place.ccm, &place.caller, ca, true).await.unwrap();
        let mut revoked = 0;
        for number in &numbers {
            add_revocations(&place.url, ca, number - revoked).await;
            revoked = *number;
            measure(&place, ca, revoked).await;
        }
    });
}

async fn measure(place: &Place, ca: CaId, revoked: u64) {
    let mut fresh = Vec::new();
    for _ in 0..2 * REVOCATIONS {
        fresh.push(issue(&place.ccm, &place.caller, ca).await);
    }
    let (alone, meanwhile) = fresh.split_at(REVOCATIONS);
    let mut quiet = revoke_all(place, alone).await;

    forget_peak();
    let before = memory("VmRSS");
    let started = Instant::now();
    let ccm = place.ccm.clone();
    let publication = tokio::spawn(async move { revocation::publish_due(&ccm).await.unwrap() });
    let mut busy = revoke_all(place, meanwhile).await;
    assert_eq!(publication.await.unwrap().failed, 0);
    let took = started.elapsed();
    let (peak, name) = (memory("VmHWM"), place.name);
    let size = place.ccm.buckets().get("bench", "bench.crl").await.unwrap().unwrap().bytes.len();
    println!(
        "{name}: {revoked:7} revoked: list of {:.1} MB published in {:.2} s, memory +{} MB at its peak; a revocation takes \
         {:.1} ms (median; {:.1} ms while the list is made)",
        size as f64 / 1e6,
        took.as_secs_f64(),
        peak.saturating_sub(before) / 1024,
        median(&mut quiet),
        median(&mut busy),
    );
    let certificates = [alone, meanwhile].concat();
    for (what, reuse) in [("answers given again", true), ("answers signed anew", false)] {
        let rate = ask(place, ca, &certificates, reuse).await;
        println!("{name}: {revoked:7} revoked: OCSP {rate:6.0} {what}/s");
    }
}

/// Revokes them one after another; gives how long each took, in milliseconds.
async fn revoke_all(place: &Place, ids: &[CertificateId]) -> Vec<f64> {
    let mut times = Vec::new();
    for id in ids {
        let started = Instant::now();
        certificates::revoke(&place.ccm, &place.caller, *id, SUPERSEDED).await.unwrap();
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// How many OCSP answers a second two askers get, about certificates that are asked about again and again, or with a nonce,
/// so that each answer is signed anew.
async fn ask(place: &Place, ca: CaId, ids: &[CertificateId], reuse: bool) -> f64 {
    let requests = Arc::new(requests(place, ca, &ids[..ids.len().min(ASKED)], reuse).await);
    let started = Instant::now();
    let mut askers = JoinSet::new();
    for asker in 0..2 {
        let (ccm, requests) = (place.ccm.clone(), Arc::clone(&requests));
        askers.spawn(async move {
            let mut answered = 0_u64;
            for request in requests.iter().cycle().skip(asker * 7) {
                let answer = ocsp::answer(&ccm, Some(ca), request).await;
                assert!(answer.der.len() > 100, "a failure");
                answered += 1;
                if answered.is_multiple_of(64) && started.elapsed() > ASKING_FOR {
                    break;
                }
            }
            answered
        });
    }
    let answered: u64 = askers.join_all().await.into_iter().sum();
    answered as f64 / started.elapsed().as_secs_f64()
}

/// OCSP requests, made by OpenSSL.
async fn requests(place: &Place, ca: CaId, ids: &[CertificateId], reuse: bool) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let mut session = place.ccm.database().read().await.unwrap();
    let issuer =
        openccm_store::certificate_authorities::find_der(&mut session, &ca.to_string()).await.unwrap().unwrap();
    let (issuer_file, request_file) = (folder.path().join("issuer.der"), folder.path().join("request.der"));
    fs::write(&issuer_file, issuer).unwrap();
    let mut requests = Vec::new();
    for id in ids {
        let account = &place.caller.account_id;
        let certificate =
            openccm_store::private_certificates::find(&mut session, account, &id.to_string()).await.unwrap().unwrap();
        let output = Command::new("openssl")
            .args(["ocsp", if reuse { "-no_nonce" } else { "-nonce" }, "-issuer"])
            .arg(&issuer_file)
            .args(["-serial", &format!("0x{}", certificate.serial_number), "-reqout"])
            .arg(&request_file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        requests.push(fs::read(&request_file).unwrap());
    }
    requests
}

/// Adds revocations of certificates that were never issued: what matters here is how many there are.
async fn add_revocations(url: &str, ca: CaId, number: u64) {
    if url.starts_with("sqlite") {
        let sql = format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})
             INSERT INTO revocations (issuer_id, serial_number, revoked_at, reason, not_after, crl_partition)
             SELECT '{ca}', '5' || substr(hex(randomblob(20)), 2), 1790000000000 + i, 'KEY_COMPROMISE', 4000000000000, 0
             FROM n"
        );
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    } else {
        let sql = format!(
            "INSERT INTO revocations (issuer_id, serial_number, revoked_at, reason, not_after, crl_partition)
             SELECT '{ca}', '5' || upper(substr(md5(random()::text) || md5(random()::text), 1, 39)),
                    1790000000000 + i, 'KEY_COMPROMISE', 4000000000000, 0
             FROM generate_series(1, {number}) AS s (i)"
        );
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        sqlx::raw_sql("ANALYZE").execute(&mut connection).await.unwrap();
    }
}

/// A line of this process's status, in kilobytes (proc(5)).
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':')).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sets the peak back to what is used now.
fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}
