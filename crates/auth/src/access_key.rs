//! New access keys and passwords.

use crate::random::{self, RandomError};
use crate::secret::Secret;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// No quotes, blanks, backslashes or shell characters: the password must survive JSON, TOML and a command line.
const PASSWORD: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+=@%";
const PASSWORD_LENGTH: usize = 24;

/// An access key (AK) with its secret key (SK), in the vendor's format.
#[derive(Debug, Clone)]
pub struct AccessKeyPair {
    /// 20 upper-case letters and digits; public, sent with each request.
    pub access_key: String,
    /// 40 letters and digits (238 bits of entropy); shared by the client and the server.
    pub secret_key: Secret,
}

impl AccessKeyPair {
    /// A new random pair.
    pub fn generate() -> Result<Self, RandomError> {
        Ok(Self {
            access_key: random::text(UPPER, 20)?.as_str().to_owned(),
            secret_key: random::text(ALPHANUMERIC, 40)?.into(),
        })
    }
}

/// A new random password: 24 characters (about 146 bits of entropy) with at least one upper-case letter, lower-case
/// letter, digit and one of `-_.+=@%`.
pub fn generate_password() -> Result<Secret, RandomError> {
    loop {
        let password = random::text(PASSWORD, PASSWORD_LENGTH)?;
        // Drawing the whole again, rather than placing a character of each class, keeps all valid passwords
        // equally likely.
        if has_all_classes(&password) {
            return Ok(password.into());
        }
    }
}

fn has_all_classes(password: &str) -> bool {
    let has = |class: fn(&u8) -> bool| password.as_bytes().iter().any(class);
    has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_punctuation)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn access_keys_have_the_vendor_format_and_differ() {
        let mut seen = HashSet::new();
        for _ in 0..200 {
            let pair = AccessKeyPair::generate().unwrap();
            assert_eq!(pair.access_key.len(), 20);
            assert!(pair.access_key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
            assert_eq!(pair.secret_key.expose().len(), 40);
            assert!(pair.secret_key.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(!format!("{pair:?}").contains(pair.secret_key.expose()));
            assert!(seen.insert(pair.access_key) && seen.insert(pair.secret_key.expose().to_owned()));
        }
    }

    #[test]
    fn passwords_mix_all_classes_and_differ() {
        let mut seen = HashSet::new();
        for _ in 0..200 {
            let password = generate_password().unwrap();
            assert_eq!(password.expose().len(), PASSWORD_LENGTH);
            assert!(has_all_classes(password.expose()));
            assert!(seen.insert(password.expose().to_owned()));
        }
    }
}
