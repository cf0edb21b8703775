//! Lists whose making takes long.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use openccm_core::{HashAlgorithm, KeyAlgorithm, RevocationReason};
use openccm_pki::{Crl, CrlEntries, PrivateKey, PublicKey, RevokedCertificate, Signer, Signing, issue_crl};

use crate::{
    authorities::{Authority, NOW, SHA256},
    lists::template,
    openssl::filter,
};

const COUNT: u64 = 100_000;

/// The entry with this index; serial numbers have 20 octets, as ours do.
fn entry(index: u64) -> RevokedCertificate {
    RevokedCertificate {
        serial_number: format!("5A{:038X}", u128::from(index) << 64 | u128::from(index)),
        revoked_at: NOW - index as i64,
        reason: RevocationReason::ALL[index as usize % RevocationReason::ALL.len()],
        invalid_since: None,
    }
}

/// A signer that notes how many turns another task had before and after it signed.
struct Observer<'a> {
    key: &'static PrivateKey,
    turns: &'a AtomicU32,
    noted: Mutex<Vec<u32>>,
}

impl Observer<'_> {
    fn note(&self) {
        self.noted.lock().unwrap().push(self.turns.load(Ordering::Relaxed));
    }
}

impl Signer for Observer<'_> {
    fn algorithm(&self) -> KeyAlgorithm {
        self.key.algorithm()
    }

    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign(&self, hash: HashAlgorithm, message: Vec<u8>) -> Signing<'_> {
        Box::pin(async move {
            self.note();
            let signature = self.key.sign(hash, message).await;
            self.note();
            signature
        })
    }
}

/// The runtime has one thread: whatever runs on it holds up the other task.
#[tokio::test(flavor = "current_thread")]
async fn a_hundred_thousand_entries_come_back_and_hold_nobody_up() {
    let root = Authority::root(KeyAlgorithm::Ec256, SHA256).await;
    let mut entries = CrlEntries::new();
    (0..COUNT).for_each(|index| entries.push(&entry(index)).unwrap());
    assert_eq!(entries.len(), COUNT);
    let (ended, turns) = (AtomicBool::new(false), AtomicU32::new(0));
    let signer = Observer { key: root.key, turns: &turns, noted: Mutex::default() };
    let issuing = async {
        let der = issue_crl(&template(), entries, &root.certificate, &signer, SHA256).await.unwrap();
        signer.note();
        ended.store(true, Ordering::Relaxed);
        der
    };
    let other_task = async {
        while !ended.load(Ordering::Relaxed) {
            turns.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    };
    let (der, ()) = tokio::join!(issuing, other_task);
    // Encoding, signing, and reading back take milliseconds each, a turn less than one of their thousandths.
    let noted = signer.noted.into_inner().unwrap();
    let during = [noted[0], noted[1] - noted[0], noted[2] - noted[1]];
    assert!(during.iter().all(|turns| *turns > 20), "{during:?}");

    let read = Crl::from_der(&der).unwrap();
    read.verify_issued_by(&root.certificate).unwrap();
    let mut index = 0;
    for read in read.entries() {
        assert_eq!(read.unwrap(), entry(index));
        index += 1;
    }
    assert_eq!(index, COUNT);
    let text = filter(&der, &["crl", "-inform", "DER", "-noout", "-text"]);
    assert_eq!(text.matches("Serial Number: 5A").count() as u64, COUNT);
}
