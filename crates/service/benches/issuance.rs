//! How many certificates a second are issued and made durable, with 1, 8 and 64 requests at a time.
//!
//! On SQLite in a temporary folder, and, where `TEST_DATABASE_URL` names a PostgreSQL server, in that database, which must
//! be empty. No HTTP. Durable means as in production: each certificate is committed before it counts.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark prints, and may stop")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use openccm_auth::{PasswordCost, PasswordHasher, Secret};
use openccm_core::{
    AuthorityType, CaId, DistinguishedName, HashAlgorithm, KeyAlgorithm, KeyUsages, SystemClock, Validity, ValidityUnit,
};
use openccm_service::{
    Caller, KeyPoolSizes, MasterKey, OpenCcm, Options, Quotas,
    authorities::{self, NewAuthority},
    bootstrap::{FirstAccount, make_first_account},
    certificates::{self, NewCertificate},
    claim_database,
    identity::{Scope, SignIn, UserReference, create_token},
};
use openccm_store::Database;

const CERTIFICATES: usize = 2000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        measure("sqlite", &format!("sqlite://{}", folder.path().join("bench.db").display())).await;
        match std::env::var("TEST_DATABASE_URL") {
            Ok(url) => measure("postgresql", &url).await,
            Err(_) => println!("postgresql: left out, for TEST_DATABASE_URL is not set"),
        }
    });
}

async fn measure(name: &str, url: &str) {
    let database = Database::connect(url).await.unwrap();
    database.migrate().await.unwrap();
    let master_key = MasterKey::generate().unwrap();
    claim_database(&database, &master_key).await.unwrap();
    let options = Options {
        public_url: "http://127.0.0.1".into(),
        quotas: Quotas { authorities: 100, certificates: 1_000_000 },
        signature_window_ms: 0,
        key_pool: KeyPoolSizes { rsa2048: 0, rsa4096: 0 },
        passwords: PasswordHasher::new(PasswordCost::CHEAPEST).unwrap(),
    };
    let ccm = OpenCcm::new(database, master_key, Arc::new(SystemClock), options);
    let caller = sign_in(&ccm).await;
    for algorithm in [KeyAlgorithm::Ec256, KeyAlgorithm::Rsa2048] {
        let issuer = make_root(&ccm, &caller, algorithm).await;
        for at_once in [1, 8, 64] {
            let rate = issue(&ccm, &caller, issuer, at_once).await;
            println!("{name}: issuer {algorithm}, {at_once:2} at a time: {rate:6.0} certificates/s");
        }
    }
}

async fn sign_in(ccm: &OpenCcm) -> Caller {
    let first = FirstAccount {
        account_name: "bench".into(),
        project_name: "bench".into(),
        user_name: "bench".into(),
        password: Some(Secret::new("bench".into())),
        access_key: None,
    };
    make_first_account(ccm, first, |_| Ok(())).await.unwrap();
    let user = UserReference::Name { name: "bench".into(), account: "bench".into() };
    let sign_in = SignIn::Password { user, password: Secret::new("bench".into()) };
    create_token(ccm, sign_in, Scope::Account(None)).await.unwrap().1.caller
}

fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName {
        common_name: Some(common_name.into()),
        country: Some("CN".into()),
        state: Some("Sichuan".into()),
        locality: Some("Chengdu".into()),
        organization: Some("Bench".into()),
        organizational_unit: Some("Bench".into()),
    }
}

async fn make_root(ccm: &OpenCcm, caller: &Caller, key_algorithm: KeyAlgorithm) -> CaId {
    let new = NewAuthority {
        authority_type: AuthorityType::Root,
        name: name("Bench Root"),
        key_algorithm,
        validity: Some(Validity { unit: ValidityUnit::Year, value: 10, start_from_ms: None }),
        issuer_id: None,
        path_length: None,
        hash: Some(HashAlgorithm::Sha256),
        key_usages: None,
        crl_configuration: None,
        enterprise_project_id: "0".into(),
    };
    authorities::create(ccm, caller, new).await.unwrap()
}

async fn issue(ccm: &OpenCcm, caller: &Caller, issuer_id: CaId, at_once: usize) -> f64 {
    let left = Arc::new(AtomicUsize::new(CERTIFICATES));
    let started = Instant::now();
    let workers: Vec<_> = (0..at_once)
        .map(|_| {
            let (ccm, caller, left) = (ccm.clone(), caller.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    let new = NewCertificate {
                        issuer_id,
                        key_algorithm: KeyAlgorithm::Ec256,
                        hash: HashAlgorithm::Sha256,
                        name: name("leaf.example.com"),
                        validity: Validity { unit: ValidityUnit::Day, value: 30, start_from_ms: None },
                        key_usages: KeyUsages::default(),
                        extended_key_usages: Vec::new(),
                        alternative_names: Vec::new(),
                        customized_extension: None,
                        enterprise_project_id: "0".into(),
                    };
                    certificates::create(&ccm, &caller, new).await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    CERTIFICATES as f64 / started.elapsed().as_secs_f64()
}
