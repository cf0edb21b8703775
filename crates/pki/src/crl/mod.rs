//! Certificate revocation lists (RFC 5280 §5), made so that a million entries fit into memory.
//!
//! Entries are encoded one by one ([`CrlEntries`]) and decoded one by one ([`Crl::entries`]). A list itself is bytes: while
//! it is made there are two copies of it at most.

mod entries;
mod issue;
mod list;
mod read_back;
mod reason;

use der::{
    DecodeValue, EncodeValue, Header, Length, Reader, Sequence, Writer,
    asn1::{AnyRef, BitStringRef, SequenceRef},
};
use openccm_core::RevocationReason;
use spki::AlgorithmIdentifierRef;
use x509_cert::{Version, ext::Extensions, time::Time};

pub use entries::CrlEntries;
pub use issue::{CrlTemplate, issue_crl};
pub use list::Crl;
pub(crate) use reason::to_crl_reason;

/// An entry of a revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// The serial number as OpenSSL prints it: upper-case hexadecimal digits, two a byte.
    pub serial_number: String,
    /// When it was revoked, in seconds since the epoch.
    pub revoked_at: i64,
    /// Why; an unspecified reason is written as no reason (RFC 5280 §5.3.1).
    pub reason: RevocationReason,
    /// Since when its key may have been known to others, in seconds since the epoch (RFC 5280 §5.3.2).
    pub invalid_since: Option<i64>,
}

/// `CertificateList` (RFC 5280 §5.1). What is signed stays as it is.
#[derive(Sequence)]
struct CertificateList<'a> {
    tbs_cert_list: AnyRef<'a>,
    signature_algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
}

/// `TBSCertList` (RFC 5280 §5.1.2) with `nextUpdate`, which RFC 5280 §5.1.2.5 demands. The name and the entries stay
/// encoded: x509-cert's own type would hold a million structures.
#[derive(Sequence)]
struct TbsCertList<'a> {
    version: Version,
    signature: AlgorithmIdentifierRef<'a>,
    issuer: AnyRef<'a>,
    this_update: Time,
    next_update: Time,
    revoked_certificates: Option<EncodedEntries<'a>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    crl_extensions: Extensions,
}

/// The `SEQUENCE OF` entries, not decoded.
struct EncodedEntries<'a>(&'a SequenceRef);

impl Sequence<'_> for EncodedEntries<'_> {}

impl<'a> DecodeValue<'a> for EncodedEntries<'a> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        <&SequenceRef>::decode_value(reader, header).map(Self)
    }
}

impl EncodeValue for EncodedEntries<'_> {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}
