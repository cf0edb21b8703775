//! PEM (RFC 7468): read with tolerance, written exactly.
//!
//! What clients send has gone through consoles, JSON escapes and shell variables. So the reader takes CRLF, LF, and the
//! two characters `\n` (or the four of `\r\n`) for line breaks, blanks anywhere among the base64 text, quotes around
//! the whole, any text between blocks, and blanks missing from the label of a last line (`-----END RSA PRIVATEKEY-----`,
//! as the vendor's own example has it). The base64 text itself is read strictly: padded, canonical, nothing else.

use base64ct::{Base64, Encoding};
use zeroize::{Zeroize, Zeroizing};

/// Label of a certificate.
pub const CERTIFICATE: &str = "CERTIFICATE";

/// Labels of a certificate request: the one of RFC 7468 and the one that old tools write.
pub const CERTIFICATE_REQUEST: &[&str] = &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const LINE_ENDING: &str = "\r\n";
/// Bytes in a line: 48 bytes are 64 characters of base64.
const LINE_BYTES: usize = 48;
const LINE_CHARS: usize = 64;
/// Longer than any label in use; keeps what is quoted in errors short.
const MAX_LABEL: usize = 64;

/// Why a text could not be read as PEM. No message repeats the content of a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// There is no block of the wanted kind, nor of another.
    #[error("no PEM block found")]
    Missing,
    /// There are blocks, but none of the wanted kind.
    #[error("the PEM block is a {0}, not what is expected here")]
    OtherLabel(String),
    /// One block is wanted, and there are more.
    #[error("more than one PEM block found where one is expected")]
    MoreThanOne,
    /// A `-----BEGIN` or `-----END` line is damaged, missing, or does not match its other half.
    #[error("damaged PEM boundary line")]
    Boundary,
    /// The block has header lines, as keys encrypted in OpenSSL's old format do (`Proc-Type: 4,ENCRYPTED`).
    #[error("the PEM block has header lines; keys encrypted in this way are not supported")]
    Headers,
    /// The text between the boundaries is empty or not base64.
    #[error("the content of the PEM block is not base64")]
    Base64,
}

/// Writes one block with lines of 64 characters and CRLF between them, without a line ending after the last.
///
/// The text is built in one allocation, so that wrapping the result in [`Zeroizing`] covers a private key.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    let mut text = String::with_capacity(max_len(label, der.len()));
    text.extend([BEGIN, label, DASHES, LINE_ENDING]);
    let mut line = [0; LINE_CHARS];
    for chunk in der.chunks(LINE_BYTES) {
        // Cannot fail: the buffer has room for the longest line.
        text.push_str(Base64::encode(chunk, &mut line).unwrap_or_default());
        text.push_str(LINE_ENDING);
    }
    line.zeroize();
    text.extend([END, label, DASHES]);
    text
}

/// At least as long as the block that [`encode`] makes.
fn max_len(label: &str, der_len: usize) -> usize {
    let boundaries = BEGIN.len() + END.len() + 2 * (label.len() + DASHES.len());
    boundaries + (1 + der_len.div_ceil(LINE_BYTES)) * (LINE_CHARS + LINE_ENDING.len())
}

/// Writes one block for each DER document in turn, CRLF between them, without a line ending after the last.
#[must_use]
pub fn encode_all<D: AsRef<[u8]>>(label: &str, ders: impl IntoIterator<Item = D>) -> String {
    let blocks: Vec<String> = ders.into_iter().map(|der| encode(label, der.as_ref())).collect();
    blocks.join(LINE_ENDING)
}

/// Reads the one block whose label is among `labels`, and gives that label and the DER content. Blocks with other
/// labels (such as `EC PARAMETERS` before a key) are passed over.
///
/// # Errors
/// [`PemError`] if there is no such block, or more than one, or it is damaged.
pub fn decode_one<'l>(text: &str, labels: &[&'l str]) -> Result<(&'l str, Vec<u8>), PemError> {
    let mut found = None;
    let mut other = None;
    for block in Blocks(text) {
        let block = block?;
        match labels.iter().find(|label| **label == block.label) {
            Some(_) if found.is_some() => return Err(PemError::MoreThanOne),
            Some(label) => found = Some((*label, block)),
            None => other = other.or(Some(block.label)),
        }
    }
    match (found, other) {
        (Some((label, block)), _) => Ok((label, block.content()?)),
        (None, Some(other)) => Err(PemError::OtherLabel(other.to_owned())),
        (None, None) => Err(PemError::Missing),
    }
}

/// Reads every block with the given label, in the order of the text, and gives their DER contents. Blocks with other
/// labels are passed over. A text of nothing but blanks gives an empty list.
///
/// # Errors
/// [`PemError`] if the text is not blank and has no such block, or a block is damaged.
pub fn decode_all(text: &str, label: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let mut contents = Vec::new();
    let mut other = None;
    for block in Blocks(text) {
        let block = block?;
        if block.label == label {
            contents.push(block.content()?);
        } else {
            other = other.or(Some(block.label));
        }
    }
    match other {
        _ if !contents.is_empty() || text.trim().is_empty() => Ok(contents),
        Some(other) => Err(PemError::OtherLabel(other.to_owned())),
        None => Err(PemError::Missing),
    }
}

/// A block as it stands in the text, not yet decoded.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl Block<'_> {
    fn content(&self) -> Result<Vec<u8>, PemError> {
        if self.body.contains(':') {
            return Err(PemError::Headers);
        }
        let mut base64 = Zeroizing::new(String::with_capacity(self.body.len()));
        let mut chars = self.body.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                ' ' | '\t' | '\r' | '\n' => {}
                // A backslash is not in the base64 alphabet, so an escape cannot be mistaken for content.
                '\\' if chars.next_if(|next| matches!(next, 'r' | 'n')).is_some() => {}
                other => base64.push(other),
            }
        }
        if base64.is_empty() {
            return Err(PemError::Base64);
        }
        Base64::decode_vec(&base64).map_err(|_| PemError::Base64)
    }
}

/// Walks over the blocks of a text; holds what is not yet read.
struct Blocks<'a>(&'a str);

impl<'a> Blocks<'a> {
    /// Reads the rest of a boundary line, `LABEL-----`, and gives the label and what follows.
    fn boundary(text: &'a str) -> Option<(&'a str, &'a str)> {
        let (label, rest) = text.split_once(DASHES)?;
        let printable = label.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        (!label.is_empty() && label.len() <= MAX_LABEL && printable).then_some((label, rest))
    }

    fn block(after_begin: &'a str) -> Option<(Block<'a>, &'a str)> {
        let (label, rest) = Self::boundary(after_begin)?;
        let (body, rest) = rest.split_once(END)?;
        let (end_label, rest) = Self::boundary(rest)?;
        // Dashes inside mean that the block's own end is missing and this is the end of the next.
        (same_label(label, end_label) && !body.contains(DASHES)).then_some((Block { label, body }, rest))
    }
}

/// Whether two labels differ in blanks at most. RFC 7468 §3: a parser may disregard the label of the last line.
fn same_label(begin: &str, end: &str) -> bool {
    begin.split(' ').flat_map(str::chars).eq(end.split(' ').flat_map(str::chars))
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, after_begin) = self.0.split_once(BEGIN)?;
        match Self::block(after_begin) {
            Some((block, rest)) => {
                self.0 = rest;
                Some(Ok(block))
            }
            None => {
                self.0 = "";
                Some(Err(PemError::Boundary))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"];

    fn der() -> Vec<u8> {
        (0..=255).chain(0..100).collect()
    }

    #[test]
    fn writes_64_columns_and_crlf() {
        let text = encode(CERTIFICATE, &[0; 50]);
        let expected =
            format!("-----BEGIN CERTIFICATE-----\r\n{}\r\nAAA=\r\n-----END CERTIFICATE-----", "A".repeat(64));
        assert_eq!(text, expected);
        assert!(encode("X", &[0; 48]).ends_with("A\r\n-----END X-----"));
        assert_eq!(encode_all("X", [[0], [1]]).matches("-----\r\n-----BEGIN X").count(), 1);
        assert_eq!(encode_all::<&[u8]>("X", []), "");
    }

    #[test]
    fn is_built_in_one_allocation() {
        for len in 0..200 {
            let label = "RSA PRIVATE KEY";
            assert!(encode(label, &vec![1; len]).len() <= max_len(label, len), "{len} bytes");
        }
    }

    #[test]
    fn reads_what_it_writes_at_every_length() {
        for len in 1..200 {
            let der = vec![0xA5; len];
            assert_eq!(decode_one(&encode("X", &der), &["X"]), Ok(("X", der)));
        }
    }

    #[test]
    fn tolerates_what_clients_do_to_pem() {
        let text = encode(CERTIFICATE, &der());
        let lf = text.replace("\r\n", "\n");
        let variants = [
            lf.clone(),
            text.replace("\r\n", "\\n"),
            text.replace("\r\n", "\\r\\n"),
            text.replace("\r\n", "\r"),
            text.replace("\r\n", ""),
            text.replace("\r\n", " \t\r\n\r\n  "),
            text.replace("\r\n", "\n\n"),
            format!("\"{text}\""),
            format!("'{}'\n", text.replace("\r\n", "\\n")),
            format!("\u{feff}subject=CN = example\n{lf}\ntrailing words - and - dashes\n"),
            format!("{text}\r\n{}", encode("X509 CRL", b"other")),
            text.replace("END CERTIFICATE", "END CERTIFI CATE"),
        ];
        for variant in variants {
            assert_eq!(decode_one(&variant, &[CERTIFICATE]), Ok((CERTIFICATE, der())), "{variant:?}");
            assert_eq!(decode_all(&variant, CERTIFICATE), Ok(vec![der()]), "{variant:?}");
        }
    }

    #[test]
    fn gives_the_label_that_was_found() {
        for label in CERTIFICATE_REQUEST {
            assert_eq!(decode_one(&encode(label, &der()), CERTIFICATE_REQUEST), Ok((*label, der())));
        }
        let misspelt = encode("RSA PRIVATE KEY", &der()).replace("END RSA PRIVATE KEY", "END RSA PRIVATEKEY");
        assert_eq!(decode_one(&misspelt, KEYS), Ok(("RSA PRIVATE KEY", der())));
        let with_parameters = format!("{}\n{}", encode("EC PARAMETERS", &[6]), encode("EC PRIVATE KEY", &der()));
        assert_eq!(decode_one(&with_parameters, KEYS), Ok(("EC PRIVATE KEY", der())));
    }

    #[test]
    fn keeps_the_order_of_a_chain() {
        let text = encode_all(CERTIFICATE, [[1], [2], [3]]).replace("\r\n", "\\n");
        assert_eq!(decode_all(&text, CERTIFICATE), Ok(vec![vec![1], vec![2], vec![3]]));
    }

    #[test]
    fn blank_text_is_an_empty_chain_but_not_a_block() {
        assert_eq!(decode_all(" \r\n", CERTIFICATE), Ok(vec![]));
        assert_eq!(decode_all("words", CERTIFICATE), Err(PemError::Missing));
        assert_eq!(decode_one("", &[CERTIFICATE]), Err(PemError::Missing));
    }

    #[test]
    fn refuses_the_wrong_number_and_kind() {
        let two = encode_all(CERTIFICATE, [[1], [2]]);
        assert_eq!(decode_one(&two, &[CERTIFICATE]), Err(PemError::MoreThanOne));
        let mixed = format!("{}{}", encode("RSA PRIVATE KEY", &[1]), encode("PRIVATE KEY", &[2]));
        assert_eq!(decode_one(&mixed, KEYS), Err(PemError::MoreThanOne));
        let other = PemError::OtherLabel("CERTIFICATE".into());
        assert_eq!(decode_one(&two, KEYS), Err(other.clone()));
        assert_eq!(decode_all(&two, "X509 CRL"), Err(other));
    }

    #[test]
    fn refuses_damage() {
        let good = encode(CERTIFICATE, &[1, 2, 3, 4]);
        for (bad, error) in [
            (good.replace("-----END CERTIFICATE-----", ""), PemError::Boundary),
            (good.replace("END CERTIFICATE", "END X"), PemError::Boundary),
            (good.replace("END CERTIFICATE-----", "END CERTIFICATE---"), PemError::Boundary),
            (good.replace("BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE\n"), PemError::Boundary),
            (format!("-----BEGIN CERTIFICATE-----\nAQ\n{good}"), PemError::Boundary),
            (good.replace("AQIDBA==", "AQIDBA="), PemError::Base64),
            (good.replace("AQIDBA==", "AQIDBA"), PemError::Base64),
            (good.replace("AQIDBA==", "AQIDBB=="), PemError::Base64), // not canonical: bits beyond the last byte
            (good.replace("AQIDBA==", "AQ%DBA=="), PemError::Base64),
            (good.replace("AQIDBA==", "AQ\\tDBA=="), PemError::Base64),
            (good.replace("AQIDBA==", "AQ证BA=="), PemError::Base64),
            (good.replace("AQIDBA==", ""), PemError::Base64),
            (good.replace("AQID", "Proc-Type: 4,ENCRYPTED\r\n\r\nAQID"), PemError::Headers),
            (good.replace("AQID", "Version: 1\r\n\r\nAQID"), PemError::Headers),
        ] {
            assert_eq!(decode_one(&bad, &[CERTIFICATE]), Err(error.clone()), "{bad}");
            assert_eq!(decode_all(&bad, CERTIFICATE), Err(error), "{bad}");
        }
    }

    #[test]
    fn never_panics() {
        let good = format!("证{}\\r\\n书{}", encode(CERTIFICATE, &der()), encode("X", &[1]));
        for start in (0..good.len()).filter(|at| good.is_char_boundary(*at)) {
            for text in [&good[start..], &good[..start]] {
                let _ = decode_one(text, &[CERTIFICATE]);
                let _ = decode_all(text, CERTIFICATE);
            }
        }
        let many = "-----BEGIN A-----".repeat(20_000);
        assert_eq!(decode_all(&many, "A"), Err(PemError::Boundary));
        assert_eq!(decode_one(&format!("-----BEGIN {}-----", "A".repeat(100_000)), &["A"]), Err(PemError::Boundary));
    }
}
