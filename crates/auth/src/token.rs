//! Opaque tokens: what `X-Subject-Token` gives and `X-Auth-Token` brings back.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use crate::random::{self, RandomError};
use crate::secret::Secret;

/// 48 bytes make exactly 64 characters of base64url.
const ENTROPY_BYTES: usize = 48;

/// A token as the client holds it: 64 characters of `A-Za-z0-9-_` (384 bits of entropy). Only its
/// [`hash`](Self::hash) is stored.
#[derive(Debug, Clone)]
pub struct Token(Secret);

impl Token {
    /// A new random token.
    pub fn generate() -> Result<Self, RandomError> {
        let mut entropy = Zeroizing::new([0; ENTROPY_BYTES]);
        random::fill(entropy.as_mut_slice())?;
        Ok(Self(Secret::new(Base64UrlUnpadded::encode_string(entropy.as_slice()))))
    }

    /// The plaintext, to be sent to the client once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What to store.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }
}

/// SHA-256 of a token's text, in lower-case hex (64 characters): what is stored and looked up. A token has so much
/// entropy that a plain hash cannot be searched, so no salt or slow hash is needed; and since a lookup compares
/// hashes, its timing says nothing about a stored token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hash of a token as a client presented it. Any text is hashed; an unknown one matches nothing.
    pub fn of(presented: &str) -> Self {
        Self(hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, presented.as_bytes())))
    }

    /// The hash in hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    /// Shows the first 8 characters: enough to tell tokens apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({}..)", self.0.get(..8).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_url_safe_unique_and_never_shown() {
        let token = Token::generate().unwrap();
        assert_eq!(token.expose().len(), 64);
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(token.expose(), Token::generate().unwrap().expose());
        assert!(!format!("{token:?}").contains(token.expose()));
    }

    #[test]
    fn the_hash_is_sha_256_in_hex() {
        // FIPS 180-4 example "abc".
        let abc = TokenHash::of("abc");
        assert_eq!(abc.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(format!("{abc:?}"), "TokenHash(ba7816bf..)");
        let token = Token::generate().unwrap();
        assert_eq!(token.hash(), TokenHash::of(token.expose()));
        assert_ne!(token.hash(), abc);
    }
}
