//! Text that must not be shown.

use std::fmt;

use zeroize::Zeroizing;

/// A secret text: wiped when dropped, and never shown by `Debug`. It has no `Display` on purpose.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a plaintext into keeping.
    pub fn new(plaintext: String) -> Self {
        Self(Zeroizing::new(plaintext))
    }

    /// The plaintext. The caller sees to it that it reaches neither a log nor an error.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(plaintext: Zeroizing<String>) -> Self {
        Self(plaintext)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
