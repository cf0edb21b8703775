//! OCSP (RFC 6960): answers about the certificates that an authority here has issued, signed by a responder to which the
//! authority has delegated them.

mod answers;
mod responders;

pub(crate) use answers::Ocsp;
pub use answers::{Answer, Freshness, answer};
pub use responders::{renew_responders, switch};
