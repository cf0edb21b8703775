//! Lists and their entries, and DER put together by hand.

use openccm_core::{HashAlgorithm, RevocationReason};
use openccm_pki::{Certificate, Crl, CrlEntries, CrlTemplate, PkiError, RevokedCertificate, issue_crl};

use crate::authorities::{Authority, DAY, NOW, SHA256};

pub(crate) const CRL_LABEL: &str = "X509 CRL";

/// A complete list of a week, from [`NOW`].
pub(crate) fn template() -> CrlTemplate {
    CrlTemplate { number: 7, this_update: NOW, next_update: NOW + 7 * DAY, distribution_point: None }
}

/// The list of `template` for one distribution point.
pub(crate) fn partition(address: &str) -> CrlTemplate {
    CrlTemplate { distribution_point: Some(address.into()), ..template() }
}

/// An entry of an hour before [`NOW`].
pub(crate) fn entry(serial_number: &str, reason: RevocationReason) -> RevokedCertificate {
    RevokedCertificate { serial_number: serial_number.into(), revoked_at: NOW - 3600, reason, invalid_since: None }
}

/// An entry for `certificate`.
pub(crate) fn revoked(certificate: &Certificate, reason: RevocationReason) -> RevokedCertificate {
    entry(certificate.serial_number(), reason)
}

pub(crate) fn encoded(entries: &[RevokedCertificate]) -> CrlEntries {
    let mut encoded = CrlEntries::new();
    entries.iter().for_each(|entry| encoded.push(entry).unwrap());
    encoded
}

/// What `issuer` makes of `template` and `entries`, signed with `hash`.
pub(crate) async fn try_list(
    issuer: &Authority,
    template: &CrlTemplate,
    entries: &[RevokedCertificate],
    hash: HashAlgorithm,
) -> Result<Vec<u8>, PkiError> {
    issue_crl(template, encoded(entries), &issuer.certificate, issuer.key, hash).await
}

/// A complete list of `issuer` with `entries`.
pub(crate) async fn list(issuer: &Authority, entries: &[RevokedCertificate]) -> Vec<u8> {
    try_list(issuer, &template(), entries, SHA256).await.unwrap()
}

/// The entries of a list, all of which can be read.
pub(crate) fn entries(der: &[u8]) -> Vec<RevokedCertificate> {
    Crl::from_der(der).unwrap().entries().collect::<Result<_, _>>().unwrap()
}

/// The reason of a refusal.
pub(crate) fn reason<T>(result: Result<T, PkiError>) -> String {
    match result {
        Err(error) => error.to_string(),
        Ok(_) => panic!("was not refused"),
    }
}

/// DER: a tag, the length of `content`, and `content`.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match content.len() {
        0..0x80 => vec![tag, length[1]],
        0x80..0x100 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [header, content.to_vec()].concat()
}
