use const_oid::db::rfc5280::{ID_CE_CRL_REASONS, ID_CE_INVALIDITY_DATE};
use der::{
    Decode, Encode,
    asn1::{GeneralizedTime, SequenceRef},
};
use openccm_core::RevocationReason;
use x509_cert::{
    crl::RevokedCert,
    ext::{Extension, pkix::CrlReason},
    serial_number::SerialNumber,
};

use super::{
    EncodedEntries, RevokedCertificate,
    reason::{from_crl_reason, to_crl_reason},
};
use crate::{
    PkiError, certificate, extensions,
    timestamp::{generalized_time, seconds, time, whole_seconds},
    unfit,
};

/// The entries of a list to be made, encoded one after another: about 45 bytes each, whatever their number.
#[derive(Debug, Default)]
pub struct CrlEntries {
    encoded: Vec<u8>,
    count: u64,
}

impl CrlEntries {
    /// No entries yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `entry`.
    ///
    /// # Errors
    /// A serial number that is not as OpenSSL prints those of certificates (positive, up to 20 octets), or a time before
    /// 1970 or after 9999. Nothing was added then.
    pub fn push(&mut self, entry: &RevokedCertificate) -> Result<(), PkiError> {
        let start = self.encoded.len();
        let encoded = to_x509(entry).and_then(|entry| Ok(entry.encode_to_vec(&mut self.encoded)?));
        match encoded {
            Ok(_) => self.count += 1,
            Err(_) => self.encoded.truncate(start),
        }
        encoded.map(drop)
    }

    /// `revokedCertificates`: absent where there are none (RFC 5280 §5.1.2.6).
    pub(super) fn to_sequence(&self) -> Result<Option<EncodedEntries<'_>>, PkiError> {
        if self.is_empty() {
            return Ok(None);
        }
        Ok(Some(EncodedEntries(SequenceRef::new(&self.encoded)?)))
    }

    /// How many octets they take.
    pub(super) fn encoded_len(&self) -> usize {
        self.encoded.len()
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn to_x509(entry: &RevokedCertificate) -> Result<RevokedCert, PkiError> {
    let mut list = Vec::new();
    if let Some(reason) = to_crl_reason(entry.reason) {
        list.push(extensions::extension(ID_CE_CRL_REASONS, false, &reason)?);
    }
    if let Some(since) = entry.invalid_since {
        list.push(extensions::extension(ID_CE_INVALIDITY_DATE, false, &generalized_time(since)?)?);
    }
    Ok(RevokedCert {
        serial_number: serial_number(&entry.serial_number)?,
        revocation_date: time(entry.revoked_at)?,
        crl_entry_extensions: (!list.is_empty()).then_some(list),
    })
}

/// Takes a number only as it is printed: an entry with another one would revoke nothing.
fn serial_number(printed: &str) -> Result<SerialNumber, PkiError> {
    let number = hex::decode(printed).ok().and_then(|bytes| SerialNumber::new(&bytes).ok());
    match number
        .filter(|number| certificate::serial_number(number.as_bytes()) == printed && !matches!(printed, "" | "00"))
    {
        Some(number) => Ok(number),
        None => unfit("not the serial number of a certificate"),
    }
}

/// The entry in API terms.
///
/// # Errors
/// A reason that is none, an extension that is there twice, or a critical one that is not known (RFC 5280 §5.3): what it
/// says about the certificate would be lost.
pub(super) fn from_x509(entry: &RevokedCert) -> Result<RevokedCertificate, PkiError> {
    let (mut reason, mut invalid_since) = (None, None);
    for Extension { extn_id, critical, extn_value } in entry.crl_entry_extensions.iter().flatten() {
        let value = extn_value.as_bytes();
        let repeated = match *extn_id {
            ID_CE_CRL_REASONS => reason.replace(from_crl_reason(CrlReason::from_der(value)?)?).is_some(),
            ID_CE_INVALIDITY_DATE => {
                let since = GeneralizedTime::from_der(value)?;
                invalid_since.replace(whole_seconds(since.to_unix_duration())).is_some()
            }
            _ if *critical => return unfit(format!("an entry has the unknown critical extension {extn_id}")),
            _ => false,
        };
        if repeated {
            return unfit(format!("an entry has the extension {extn_id} twice"));
        }
    }
    Ok(RevokedCertificate {
        serial_number: certificate::serial_number(entry.serial_number.as_bytes()),
        revoked_at: seconds(&entry.revocation_date),
        reason: reason.unwrap_or(RevocationReason::Unspecified),
        invalid_since,
    })
}
