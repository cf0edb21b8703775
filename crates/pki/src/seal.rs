//! Private keys at rest: sealed under a master key with AES-256-GCM.
//!
//! A sealed value is `version (1 byte) ‖ master key id (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The header and the
//! identity of what is sealed (say, the table and id of the row) are associated data: a value copied to another row, or
//! changed in any bit, does not open.
//!
//! Each identity has its own AES key, derived from the master key by HKDF-SHA-256. AES-GCM with random 96-bit nonces
//! is safe for at most 2^32 messages under one key (NIST SP 800-38D, section 8.3); a key for each identity makes that
//! 2^32 seals of one private key, instead of 2^32 seals in the life of the installation.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, rand};
use zeroize::{Zeroize, Zeroizing};

/// Length of a master key in bytes.
pub const MASTER_KEY_LEN: usize = 32;

/// Length of a master key's id in bytes.
pub const MASTER_KEY_ID_LEN: usize = 8;

/// The only format so far. A reader refuses every other.
const VERSION: u8 = 1;
const HEADER_LEN: usize = 1 + MASTER_KEY_ID_LEN + NONCE_LEN;
const TAG_LEN: usize = 16;

// Domain separation: no two uses of the master key hash or derive from the same input.
const KEY_ID_CONTEXT: &[u8] = b"openccm:master-key-id:v1\0";
const SUBKEY_SALT: &[u8] = b"openccm:seal:v1";

/// Why a value could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The value was sealed under another master key. Ids are not secret.
    #[error("sealed under master key {}, but this is master key {}", hex::encode(sealed_under), hex::encode(this))]
    WrongKey {
        /// Id of the master key that the header names.
        sealed_under: [u8; MASTER_KEY_ID_LEN],
        /// Id of the master key that was asked to open it.
        this: [u8; MASTER_KEY_ID_LEN],
    },
    /// Authentication failed: the value was altered, or belongs to another identity.
    #[error("the sealed value was altered or belongs to something else")]
    Rejected,
    /// The bytes are not a sealed value of a known version.
    #[error("not a sealed value: {0}")]
    Malformed(&'static str),
    /// The text is not a master key (64 hexadecimal digits).
    #[error("a master key is 64 hexadecimal digits")]
    MalformedKey,
    /// The cryptographic library failed, for instance for want of randomness.
    #[error("the cryptographic library failed")]
    Library,
}

/// The key that all private keys at rest are sealed under: 32 bytes, wiped when dropped, never printed.
pub struct MasterKey {
    // Boxed, so that moving the key leaves no copies on the stack.
    bytes: Box<Zeroizing<[u8; MASTER_KEY_LEN]>>,
    id: [u8; MASTER_KEY_ID_LEN],
}

impl MasterKey {
    /// Takes 32 random bytes as the key. The caller wipes its own copy.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; MASTER_KEY_LEN]) -> Self {
        Self::from_boxed(Box::new(Zeroizing::new(*bytes)))
    }

    /// Makes a new key from the system's random number generator.
    ///
    /// # Errors
    /// [`SealError::Library`] if the generator fails.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Box::new(Zeroizing::new([0; MASTER_KEY_LEN]));
        rand::fill(bytes.as_mut_slice()).map_err(|_| SealError::Library)?;
        Ok(Self::from_boxed(bytes))
    }

    /// Reads the key from its file's text: 64 hexadecimal digits of either case, with blanks around them allowed.
    ///
    /// # Errors
    /// [`SealError::MalformedKey`] if the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, SealError> {
        let mut bytes = Box::new(Zeroizing::new([0; MASTER_KEY_LEN]));
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| SealError::MalformedKey)?;
        Ok(Self::from_boxed(bytes))
    }

    /// Gives the key as 64 lower-case hexadecimal digits, for its file.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.bytes.as_slice()))
    }

    /// Names the key without giving it away: the first 8 bytes of SHA-256 over a fixed context and the key.
    #[must_use]
    pub fn id(&self) -> [u8; MASTER_KEY_ID_LEN] {
        self.id
    }

    /// Seals `plaintext` for `identity`, which [`open`](Self::open) must be given again. The result is 37 bytes longer
    /// than the plaintext, and differs every time.
    ///
    /// # Errors
    /// [`SealError::Library`] if no nonce could be drawn or encryption failed.
    pub fn seal(&self, identity: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Library)?;

        // One allocation of the final size: growing would leave copies of the plaintext behind.
        let mut sealed = Vec::with_capacity(HEADER_LEN + plaintext.len() + TAG_LEN);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&nonce);
        let aad = associated_data(&sealed, identity);
        sealed.extend_from_slice(plaintext);

        let (_, body) = sealed.split_at_mut(HEADER_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        match self.subkey(identity)?.seal_in_place_separate_tag(nonce, aad, body) {
            Ok(tag) => {
                sealed.extend_from_slice(tag.as_ref());
                Ok(sealed)
            }
            Err(_) => {
                sealed.zeroize();
                Err(SealError::Library)
            }
        }
    }

    /// Opens what [`seal`](Self::seal) gave for the same identity.
    ///
    /// # Errors
    /// [`SealError::Malformed`] for bytes that are no sealed value, [`SealError::WrongKey`] if the header names another
    /// master key, and [`SealError::Rejected`] if anything was altered or the identity is another.
    pub fn open(&self, identity: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if sealed.first().is_some_and(|version| *version != VERSION) {
            return Err(SealError::Malformed("unknown version"));
        }
        let Some((header, body)) = sealed.split_at_checked(HEADER_LEN).filter(|(_, body)| body.len() >= TAG_LEN) else {
            return Err(SealError::Malformed("too short"));
        };
        let (key_id, nonce) = header[1..].split_at(MASTER_KEY_ID_LEN);
        if key_id != self.id {
            let mut sealed_under = [0; MASTER_KEY_ID_LEN];
            sealed_under.copy_from_slice(key_id);
            return Err(SealError::WrongKey { sealed_under, this: self.id });
        }

        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Library)?;
        let mut plaintext = Zeroizing::new(body.to_vec());
        let len = self
            .subkey(identity)?
            .open_in_place(nonce, associated_data(header, identity), &mut plaintext)
            .map_err(|_| SealError::Rejected)?
            .len();
        plaintext.truncate(len);
        Ok(plaintext)
    }

    fn from_boxed(bytes: Box<Zeroizing<[u8; MASTER_KEY_LEN]>>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(KEY_ID_CONTEXT);
        context.update(bytes.as_slice());
        let digest = context.finish();
        let mut id = [0; MASTER_KEY_ID_LEN];
        id.copy_from_slice(&digest.as_ref()[..MASTER_KEY_ID_LEN]);
        Self { bytes, id }
    }

    /// The AES key of one identity.
    fn subkey(&self, identity: &str) -> Result<LessSafeKey, SealError> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, SUBKEY_SALT).extract(self.bytes.as_slice());
        let info = [identity.as_bytes()];
        let okm = prk.expand(&info, &AES_256_GCM).map_err(|_| SealError::Library)?;
        Ok(LessSafeKey::new(UnboundKey::from(okm)))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &hex::encode(self.id)).finish_non_exhaustive()
    }
}

/// The header has a fixed length, so that header and identity cannot run into each other.
fn associated_data(header: &[u8], identity: &str) -> Aad<Vec<u8>> {
    Aad::from([header, identity.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: &str = "private_keys/0192b7c0-0000-7000-8000-000000000001";
    const SECRET: &[u8] = b"a private key in PKCS#8";

    fn key() -> MasterKey {
        MasterKey::from_bytes(&[7; MASTER_KEY_LEN])
    }

    #[test]
    fn opens_what_it_sealed() {
        for plaintext in [SECRET, b"", &[0; 5000]] {
            let sealed = key().seal(IDENTITY, plaintext).unwrap();
            assert_eq!(sealed.len(), plaintext.len() + 37);
            assert_eq!(key().open(IDENTITY, &sealed).unwrap().as_slice(), plaintext);
        }
    }

    #[test]
    fn two_seals_of_one_key_differ() {
        assert_ne!(key().seal(IDENTITY, SECRET).unwrap(), key().seal(IDENTITY, SECRET).unwrap());
    }

    #[test]
    fn ciphertext_does_not_contain_the_plaintext() {
        let sealed = key().seal(IDENTITY, SECRET).unwrap();
        assert!(!sealed.windows(8).any(|window| SECRET.windows(8).any(|secret| secret == window)));
    }

    #[test]
    fn another_identity_is_rejected() {
        let sealed = key().seal(IDENTITY, SECRET).unwrap();
        assert_eq!(key().open("private_keys/other", &sealed), Err(SealError::Rejected));
        assert_eq!(key().open("", &sealed), Err(SealError::Rejected));
    }

    #[test]
    fn another_master_key_is_named() {
        let other = MasterKey::from_bytes(&[8; MASTER_KEY_LEN]);
        let sealed = key().seal(IDENTITY, SECRET).unwrap();
        let expected = SealError::WrongKey { sealed_under: key().id(), this: other.id() };
        assert_eq!(other.open(IDENTITY, &sealed), Err(expected));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let sealed = key().seal(IDENTITY, SECRET).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let error = key().open(IDENTITY, &altered).unwrap_err();
            match bit / 8 {
                0 => assert_eq!(error, SealError::Malformed("unknown version")),
                1..=8 => assert!(matches!(error, SealError::WrongKey { .. }), "{error}"),
                _ => assert_eq!(error, SealError::Rejected),
            }
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        let sealed = key().seal(IDENTITY, SECRET).unwrap();
        for len in 0..sealed.len() {
            let error = key().open(IDENTITY, &sealed[..len]).unwrap_err();
            let expected = if len < 37 { SealError::Malformed("too short") } else { SealError::Rejected };
            assert_eq!(error, expected, "{len} bytes");
        }
    }

    #[test]
    fn the_format_does_not_change() {
        // Made by another implementation (Python, cryptography 48). Every later version must go on opening it.
        let sealed = hex::decode(KNOWN).unwrap();
        assert_eq!(key().open(IDENTITY, &sealed).unwrap().as_slice(), SECRET);
    }
    const KNOWN: &str = "014ecdbf1e7254e6d1000102030405060708090a0ba4198e8118227da7e03b630f654599c61f7a3d7423d758d3ce805ffc08701bfddb84cdada1e143";

    #[test]
    fn the_master_key_survives_its_file() {
        let key = MasterKey::generate().unwrap();
        let again = MasterKey::from_hex(&format!("{}\r\n", key.to_hex().to_uppercase())).unwrap();
        assert_eq!(again.id(), key.id());
        assert_eq!(again.to_hex(), key.to_hex());
        assert_ne!(MasterKey::generate().unwrap().id(), key.id());
        for bad in ["", "00", "zz", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            assert_eq!(MasterKey::from_hex(bad).unwrap_err(), SealError::MalformedKey);
        }
    }

    #[test]
    fn debug_shows_the_id_alone() {
        let text = format!("{:?}", key());
        assert!(text.contains(&hex::encode(key().id())));
        assert!(!text.contains("0707") && !text.contains("7, 7"), "{text}");
    }
}
