//! Who is calling: request signatures, tokens, passwords. Pure, no I/O.
//!
//! * [`Authorization`] and [`SignedRequest`] verify the signature of an incoming request in any of the five
//!   [`Algorithm`]s the vendor's clients use; [`sign`] is the inverse, for outgoing requests.
//! * [`Token`] and [`TokenHash`] are the opaque tokens of `X-Auth-Token` and what is stored of them.
//! * [`PasswordHasher`] keeps passwords as argon2id strings.
//! * [`AccessKeyPair`] and [`generate_password`] make new credentials.
//!
//! Nothing here reads the clock, a file or the network: times are parameters, in milliseconds since the Unix epoch.
//! The only outside input is the operating system's randomness, taken through aws-lc-rs.

mod access_key;
mod canonical;
mod derivation;
mod password;
mod random;
mod scheme;
mod sdk_date;
mod secret;
mod signature;
mod signer;
mod sm2_signature;
mod token;

pub use access_key::{AccessKeyPair, generate_password};
pub use password::{PasswordCost, PasswordError, PasswordHasher};
pub use random::{RandomError, text as random_text};
pub use scheme::Algorithm;
pub use sdk_date::{format_sdk_date, parse_sdk_date};
pub use secret::Secret;
pub use signature::{Authorization, SignatureError, SignedRequest, V11Scope};
pub use signer::{SigningAlgorithm, sign};
pub use token::{Token, TokenHash};
