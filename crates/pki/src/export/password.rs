//! Passwords that protect an export: the rules for a client's, and the making of one where the client gives none.

use zeroize::Zeroizing;

use super::{ExportError, random};

/// Longest password in bytes.
pub const MAX_PASSWORD_LEN: usize = 32;

/// Shortest password of a Java keystore: `keytool` makes none with a shorter one, and the format protects it poorly.
pub const MIN_JKS_PASSWORD_LEN: usize = 6;

const GENERATED_LEN: usize = 24;
/// 64 characters, so that six random bits choose one without bias. None needs quoting in a shell or in XML (Tomcat's
/// `server.xml`), and none could start an option.
const GENERATED_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/// Which rule a password breaks. The password itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// An empty password protects nothing. (An absent one is `None`.)
    #[error("the password is empty")]
    Empty,
    /// More than [`MAX_PASSWORD_LEN`] bytes.
    #[error("the password is longer than {MAX_PASSWORD_LEN} bytes")]
    TooLong,
    /// A character other than the printable ASCII ones, or a blank, quote, backquote or backslash.
    #[error("the password may consist of letters, digits and special characters such as ,.+-_# only")]
    Character,
    /// Less than [`MIN_JKS_PASSWORD_LEN`] bytes for a Java keystore.
    #[error("the password of a Java keystore (TOMCAT) needs at least {MIN_JKS_PASSWORD_LEN} characters")]
    TooShortForJks,
}

/// Checks a client's password: 1 to 32 printable ASCII characters, without blanks, quotes, backquotes and backslashes.
///
/// The API reference allows "letters, digits and special characters (such as `,.+-_#`)", at most 32 bytes, and gives no
/// full list. ASCII is a hard limit: Java reads non-ASCII PKCS#12 passwords in another encoding than OpenSSL.
/// What is left out needs quoting wherever the password is typed or configured.
///
/// # Errors
/// The first rule that is broken. [`bundle`](super::bundle) also wants six characters for [`super::ServerType::Tomcat`].
pub fn validate_password(password: &str) -> Result<(), PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    if password.len() > MAX_PASSWORD_LEN {
        return Err(PasswordError::TooLong);
    }
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    if password.bytes().all(allowed) { Ok(()) } else { Err(PasswordError::Character) }
}

/// Checks the additional rule of a Java keystore.
pub(super) fn validate_jks_password(password: &str) -> Result<(), PasswordError> {
    if password.len() < MIN_JKS_PASSWORD_LEN { Err(PasswordError::TooShortForJks) } else { Ok(()) }
}

/// Makes a password of 24 characters (144 random bits).
pub(super) fn generate() -> Result<Zeroizing<String>, ExportError> {
    let bytes = Zeroizing::new(random::<GENERATED_LEN>()?);
    let mut password = Zeroizing::new(String::with_capacity(GENERATED_LEN));
    password.extend(bytes.iter().map(|byte| char::from(GENERATED_ALPHABET[usize::from(byte % 64)])));
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_printable_ascii() {
        for good in ["a", "Pa55,.+-_#", "<&>!$%^*()[]{}|;:?/~=@", &"x".repeat(32)] {
            assert_eq!(validate_password(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn names_the_broken_rule() {
        assert_eq!(validate_password(""), Err(PasswordError::Empty));
        assert_eq!(validate_password(&"x".repeat(33)), Err(PasswordError::TooLong));
        for bad in ["a b", "a\tb", "a\"b", "a'b", "a`b", "a\\b", "密码", "é", "a\0b", "a\u{7f}"] {
            assert_eq!(validate_password(bad), Err(PasswordError::Character), "{bad}");
        }
        assert_eq!(validate_jks_password("12345"), Err(PasswordError::TooShortForJks));
        assert_eq!(validate_jks_password("123456"), Ok(()));
    }

    #[test]
    fn generated_passwords_obey_the_rules_and_differ() {
        let first = generate().unwrap();
        assert_eq!(first.len(), GENERATED_LEN);
        assert_eq!(validate_password(&first), Ok(()));
        assert_eq!(validate_jks_password(&first), Ok(()));
        assert_ne!(first, generate().unwrap());
    }
}
