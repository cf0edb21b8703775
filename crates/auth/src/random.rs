//! Randomness from aws-lc-rs, and unbiased text made of it.

use zeroize::Zeroizing;

/// The cryptographic random generator failed; no credential can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the random generator failed")]
pub struct RandomError;

/// Fills `bytes` from the cryptographic random generator.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), RandomError> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| RandomError)
}

/// A text of `length` characters, each drawn uniformly from `alphabet` (ASCII, 1 to 256 characters).
///
/// A byte beyond the largest multiple of the alphabet's size is drawn again: reducing it would favour the first
/// characters of the alphabet.
///
/// # Errors
/// The random generator fails.
pub fn text(alphabet: &[u8], length: usize) -> Result<Zeroizing<String>, RandomError> {
    debug_assert!(alphabet.is_ascii() && (1..=256).contains(&alphabet.len()));
    let fair = 256 - 256 % alphabet.len();
    // The capacity is final, so that growing leaves no copy of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0; 64]);
    while text.len() < length {
        fill(bytes.as_mut_slice())?;
        let drawn = bytes.iter().map(|&byte| usize::from(byte)).filter(|&byte| byte < fair);
        let missing = length - text.len();
        text.extend(drawn.take(missing).map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_drawn_evenly() {
        // 62 does not divide 256: without the redraw the first 8 characters would come up 25 % more often.
        let alphabet: Vec<u8> = (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z').collect();
        let draws = 62 * 10_000;
        let text = text(&alphabet, draws).unwrap();
        assert_eq!(text.len(), draws);
        for character in alphabet {
            let count = text.bytes().filter(|&byte| byte == character).count();
            // Ten standard deviations of the binomial distribution (about 99 each).
            assert!((9_000..=11_000).contains(&count), "{} came up {count} times", char::from(character));
        }
    }
}
