//! Certificates from an external ACME service (RFC 8555).
//!
//! An order is driven by [`step`], again and again, until it is issued or refused. What was begun at the service stands in
//! rows, so that another server, or this one after a crash, goes on where the last step ended. A step asks a few times at
//! most how things stand, for other orders wait behind it.

mod account;
mod challenges;
mod error;
mod hook;
mod issued;
mod options;
mod order;
mod revocation;
mod transport;

pub use self::{
    error::AcmeError,
    options::{AcmeOptions, ChallengeOptions, ExternalAccount},
    order::{abandon, clear_left_behind, forget, step},
    revocation::{keep, revoke, revoke_all},
};

/// What is to be issued.
#[derive(Clone, Debug)]
pub struct AcmeRequest {
    /// The certificate (its id), which has one order at a time.
    pub certificate_id: String,
    /// The issuer's name in the settings.
    pub issuer: String,
    /// The domain names (A-labels), wildcards and IP addresses among them.
    pub domains: Vec<String>,
    /// The signing request (DER). It must ask for just these domain names (RFC 8555 §7.4).
    pub csr_der: Vec<u8>,
}

/// How an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcmeProgress {
    /// It is issued. The order's rows stay, so that the certificate can be had again, until [`forget`].
    Issued {
        /// The certificate and those above it (DER each), each followed by its issuer.
        chain: Vec<Vec<u8>>,
    },
    /// There is nothing to do before `until_ms`.
    Waiting {
        /// When to call [`step`] again (ms since the epoch).
        until_ms: i64,
    },
}
