//! Passwords, kept as argon2id strings.

use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::random::{self, RandomError};

/// What one hash costs (RFC 9106 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB, at least 8 for each lane.
    pub memory_kib: u32,
    /// Passes over the memory, at least 1.
    pub iterations: u32,
    /// Lanes, at least 1.
    pub parallelism: u32,
}

impl PasswordCost {
    /// What OWASP advises: 19 MiB, 2 passes, 1 lane. Tens of milliseconds a hash.
    pub const OWASP: Self = Self { memory_kib: 19_456, iterations: 2, parallelism: 1 };

    /// The least that argon2 allows. Only for tests: such hashes fall to a search.
    pub const CHEAPEST: Self = Self { memory_kib: 8, iterations: 1, parallelism: 1 };
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self::OWASP
    }
}

/// Why a password could not be hashed or compared. Never says anything about the password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The [`PasswordCost`] is outside what argon2 allows.
    #[error("the password cost is out of range")]
    Cost,
    /// The stored hash is not a PHC string of argon2.
    #[error("the stored password hash is malformed")]
    MalformedHash,
    /// No salt could be drawn.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// argon2 failed, for example because the password is longer than 4 GiB.
    #[error("the password could not be hashed")]
    Hashing,
}

/// Hashes and verifies passwords with argon2id (RFC 9106).
///
/// [`hash`](Self::hash), [`verify`](Self::verify) and [`verify_unknown`](Self::verify_unknown) **block** for tens of
/// milliseconds and take 19 MiB each: never call them on an async worker thread.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
}

impl PasswordHasher {
    /// A hasher whose new hashes cost `cost`.
    pub fn new(cost: PasswordCost) -> Result<Self, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None);
        let params = params.map_err(|_| PasswordError::Cost)?;
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params) })
    }

    /// Hashes a password under a new random salt; gives a PHC string (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`).
    /// Blocks.
    pub fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let mut salt = [0; argon2::RECOMMENDED_SALT_LEN];
        random::fill(&mut salt)?;
        let hash = self.argon2.hash_password_with_salt(password.as_bytes(), &salt);
        Ok(hash.map_err(|_| PasswordError::Hashing)?.to_string())
    }

    /// Whether `password` is the one that `phc` (from [`hash`](Self::hash)) was made of. The cost is the one written
    /// in `phc`. Blocks.
    pub fn verify(&self, password: &str, phc: &str) -> Result<bool, PasswordError> {
        let phc = password_hash::phc::PasswordHash::new(phc).map_err(|_| PasswordError::MalformedHash)?;
        // The verification below treats a PHC string without salt or hash as a wrong password.
        if phc.salt.is_none() || phc.hash.is_none() {
            return Err(PasswordError::MalformedHash);
        }
        match self.argon2.verify_password(password.as_bytes(), &phc) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(_) => Err(PasswordError::MalformedHash),
        }
    }

    /// Does the work of [`verify`](Self::verify) for a user that does not exist, so that the time of an answer does
    /// not tell which users do. Always `false`. Blocks.
    pub fn verify_unknown(&self, password: &str) -> bool {
        let mut output = Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
        // A failure here would be one in `verify` as well; there is nothing to compare with either way.
        let _ = self.argon2.hash_password_into(password.as_bytes(), b"no user, no salt", output.as_mut_slice());
        false
    }
}

impl Default for PasswordHasher {
    /// Hashes at [`PasswordCost::OWASP`].
    fn default() -> Self {
        Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_owasp_cost() {
        let hasher = PasswordHasher::default();
        let phc = hasher.hash("correct horse").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(hasher.verify("correct horse", &phc).unwrap());
        assert!(!hasher.verify("correct horsf", &phc).unwrap());
        assert!(!hasher.verify_unknown("correct horse"));
    }

    #[test]
    fn the_cost_of_a_stored_hash_is_the_one_written_in_it() {
        let cheap = PasswordHasher::new(PasswordCost::CHEAPEST).unwrap();
        let phc = cheap.hash("p\u{e4}ssw\u{f6}rt\0").unwrap();
        assert_ne!(phc, cheap.hash("p\u{e4}ssw\u{f6}rt\0").unwrap(), "salts differ");
        assert!(PasswordHasher::default().verify("p\u{e4}ssw\u{f6}rt\0", &phc).unwrap());
        assert!(!cheap.verify("", &phc).unwrap());
        assert!(cheap.verify("", &cheap.hash("").unwrap()).unwrap());
    }

    #[test]
    fn odd_hashes_and_costs_are_errors() {
        let hasher = PasswordHasher::new(PasswordCost::CHEAPEST).unwrap();
        let phc = hasher.hash("x").unwrap();
        for end in 0..phc.len() - 1 {
            // A shorter hash may parse, but never verifies.
            assert!(!hasher.verify("x", &phc[..end]).is_ok_and(|same| same), "{}", &phc[..end]);
        }
        assert!(matches!(hasher.verify("x", "$argon2id$v=19$m=8,t=1,p=1"), Err(PasswordError::MalformedHash)));
        assert!(matches!(
            hasher.verify("x", "$scrypt$ln=1,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"),
            Err(PasswordError::MalformedHash)
        ));
        let none = PasswordCost { memory_kib: 0, iterations: 0, parallelism: 0 };
        assert!(matches!(PasswordHasher::new(none), Err(PasswordError::Cost)));
    }
}
