//! What is refused, and with which code.

use openccm_pki::{ServerCertificate, ServerCertificateError};

use crate::corpus::{Good, corpus};

/// 2026-11-22T00:00:00Z.
pub(crate) const NOW_MS: i64 = 1_795_305_600_000;

/// The code that the documentation of each error names.
fn code(error: &ServerCertificateError) -> &'static str {
    match error {
        ServerCertificateError::Certificate(_) => "SCM.0006",
        ServerCertificateError::NoDomain => "SCM.0009",
        ServerCertificateError::Key(_) => "SCM.0012",
        ServerCertificateError::Chain(_) => "SCM.0013",
        ServerCertificateError::KeyMismatch => "SCM.0014",
        ServerCertificateError::Expired => "SCM.0042",
        ServerCertificateError::MalformedDomain(_) => "SCM.0070",
        ServerCertificateError::ShortChain => "SCM.0109",
    }
}

#[test]
fn each_of_the_corpus_with_its_code() {
    let good = Good::new();
    let accepted = ServerCertificate::read(&good.certificate, Some(&good.chain.concat()), &good.key, NOW_MS);
    assert!(accepted.is_ok(), "{accepted:?}");
    let cases = corpus(&good);
    let mut wrong = Vec::new();
    for case in &cases {
        let read = ServerCertificate::read(&case.certificate, case.chain.as_deref(), &case.key, NOW_MS);
        match read {
            Err(error) if code(&error) == case.code => {
                let message = error.to_string();
                assert!(message.len() < 400 && !message.contains("MII"), "{}: {message}", case.name);
            }
            Err(error) => wrong.push(format!("{}: {error} instead of {}", case.name, case.code)),
            Ok(_) => wrong.push(format!("{}: accepted instead of {}", case.name, case.code)),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 150, "{}", cases.len());
}
