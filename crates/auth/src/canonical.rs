//! The canonical form of a request: what client and server hash instead of the request itself, so that harmless
//! changes on the way (order of the query, blanks around header values) do not matter.

use std::borrow::Cow;
use std::fmt::Write;

use crate::scheme::Algorithm;
use crate::signature::{SignatureError, SignedRequest};

/// The digest header's value by which a client declares that the body is not signed.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The canonical request:
///
/// ```text
/// METHOD \n URI \n query \n (name:value \n)… \n signed header names \n payload hash
/// ```
///
/// The parts that a client may form in more than one way are parameters.
pub(crate) struct CanonicalRequest {
    method: String,
    query: String,
    headers: Vec<u8>,
    signed_headers: String,
}

impl CanonicalRequest {
    /// Prepares the parts that have one form. `signed_headers` are lower-case names, in the order of the
    /// `Authorization` header.
    pub(crate) fn new(request: &SignedRequest<'_>, signed_headers: &[String]) -> Result<Self, SignatureError> {
        Ok(Self {
            method: request.method.to_owned(),
            query: canonical_query(request.query),
            headers: canonical_headers(request.headers, signed_headers)?,
            signed_headers: signed_headers.join(";"),
        })
    }

    /// The canonical request with one form of the path and of the payload hash.
    pub(crate) fn render(&self, uri: &str, payload_hash: &str) -> Vec<u8> {
        [
            self.method.as_bytes(),
            uri.as_bytes(),
            self.query.as_bytes(),
            &self.headers,
            self.signed_headers.as_bytes(),
            payload_hash.as_bytes(),
        ]
        .join(&b'\n')
    }
}

/// The forms of the path that clients sign, most usual first. `path` is the raw one of the request target: dot
/// segments and empty segments stay.
///
/// Python and Terraform sign the decoded path. The Go and Java SDKs escape the path that already has its parameters
/// escaped in it, so an escape in a parameter is signed as `%25…`; that form exists only if the path has escapes.
pub(crate) fn canonical_uris(path: &str) -> Vec<String> {
    let mut uris = vec![canonical_uri(&percent_decode(path.as_bytes(), false))];
    if path.contains('%') {
        uris.push(canonical_uri(path.as_bytes()));
    }
    uris
}

/// Escapes each segment and ends the path with a slash.
fn canonical_uri(path: &[u8]) -> String {
    let mut uri = String::with_capacity(path.len() + 1);
    for (index, segment) in path.split(|&byte| byte == b'/').enumerate() {
        if index > 0 {
            uri.push('/');
        }
        percent_encode(segment, &mut uri);
    }
    if !uri.ends_with('/') {
        uri.push('/');
    }
    uri
}

/// Sorts the decoded pairs by key and value and escapes them again. A key without `=` has an empty value.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key.as_bytes(), true), percent_decode(value.as_bytes(), true))
        })
        .collect();
    pairs.sort();
    let mut canonical = String::with_capacity(query.len());
    for (key, value) in pairs {
        if !canonical.is_empty() {
            canonical.push('&');
        }
        percent_encode(&key, &mut canonical);
        canonical.push('=');
        percent_encode(&value, &mut canonical);
    }
    canonical
}

/// A line `name:value` for each signed header; a repeated header has a line for each value, sorted. Refuses a name
/// that the request does not carry.
fn canonical_headers(headers: &[(&str, &[u8])], signed_headers: &[String]) -> Result<Vec<u8>, SignatureError> {
    let mut lines = Vec::new();
    for name in signed_headers {
        let mut values: Vec<_> = header_values(headers, name).collect();
        if values.is_empty() {
            return Err(SignatureError::MissingSignedHeader(name.clone()));
        }
        values.sort_unstable();
        for value in values {
            lines.extend_from_slice(name.as_bytes());
            lines.push(b':');
            lines.extend_from_slice(value);
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// The payload hashes that the client may have signed, most usual first.
///
/// A digest stated in a header must be the body's, unless it says that the body is unsigned; the header's text is
/// what is signed. With an empty body the Python client signs the empty digest even if it states the body to be
/// unsigned.
pub(crate) fn payload_hashes<'a>(
    request: &SignedRequest<'a>,
    algorithm: Algorithm,
) -> Result<Vec<Cow<'a, str>>, SignatureError> {
    let body_hash = || Cow::Owned(algorithm.digest_hex(request.body));
    match single_header(request.headers, algorithm.content_digest_header())? {
        None => Ok(vec![body_hash()]),
        Some(stated) => {
            let stated = std::str::from_utf8(stated).map_err(|_| SignatureError::PayloadHashMismatch)?;
            if stated == UNSIGNED_PAYLOAD {
                let mut hashes = vec![Cow::Borrowed(stated)];
                if request.body.is_empty() {
                    hashes.push(body_hash());
                }
                Ok(hashes)
            } else if stated.eq_ignore_ascii_case(&body_hash()) {
                Ok(vec![Cow::Borrowed(stated)])
            } else {
                Err(SignatureError::PayloadHashMismatch)
            }
        }
    }
}

/// The value of a header that must not be repeated, without the blanks around it; nothing if it is absent.
/// `name` is lower-case.
pub(crate) fn single_header<'a>(
    headers: &[(&str, &'a [u8])],
    name: &'static str,
) -> Result<Option<&'a [u8]>, SignatureError> {
    let mut values = header_values(headers, name);
    let value = values.next();
    if values.next().is_some() {
        return Err(SignatureError::DuplicateHeader(name));
    }
    Ok(value)
}

fn header_values<'a>(headers: &[(&str, &'a [u8])], name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_ascii())
}

/// Undoes percent-encoding (RFC 3986 section 2.1), and `+` for a blank if asked. A `%` that starts no escape stays.
fn percent_decode(text: &[u8], plus_is_blank: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hex_digit(*high) << 4 | hex_digit(*low));
                rest = after;
            }
            (b'+', _) if plus_is_blank => decoded.push(b' '),
            _ => decoded.push(*first),
        }
    }
    decoded
}

/// The value of an ASCII hex digit.
fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase() - b'a' + 10,
    }
}

/// Escapes all but the unreserved characters of RFC 3986 section 2.3, with upper-case digits.
fn percent_encode(bytes: &[u8], encoded: &mut String) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_canonicalised_from_the_raw_target() {
        for (path, decoded, escaped) in [
            ("", "/", None),
            ("/", "/", None),
            ("/a", "/a/", None),
            ("/a/", "/a/", None),
            ("//a//../b/.", "//a//../b/./", None),
            ("/a%2Fb%20c%2b%C3%A9~", "/a/b%20c%2B%C3%A9~/", Some("/a%252Fb%2520c%252b%25C3%25A9~/")),
            ("/a+b*", "/a%2Bb%2A/", None),
            ("/%7Ea", "/~a/", Some("/%257Ea/")),
            ("/%zz%4", "/%25zz%254/", Some("/%25zz%254/")),
            ("/%ff", "/%FF/", Some("/%25ff/")),
            ("/\u{e9}", "/%C3%A9/", None),
        ] {
            let expected: Vec<_> = std::iter::once(decoded).chain(escaped).collect();
            assert_eq!(canonical_uris(path), expected, "{path}");
        }
    }

    #[test]
    fn queries_are_sorted_and_escaped_anew() {
        for (query, canonical) in [
            ("", ""),
            ("limit=10&a=b", "a=b&limit=10"),
            ("a=2&a=10&a=", "a=&a=10&a=2"),
            ("flag&x=1", "flag=&x=1"),
            ("&&a=1&", "a=1"),
            ("name=a+b%2Bc", "name=a%20b%2Bc"),
            ("k=a=b", "k=a%3Db"),
            ("=v", "=v"),
            ("a%20b=1&a+b=0", "a%20b=0&a%20b=1"),
            // The order is that of the decoded bytes: `~` is above `a`, and `%2D` is `-`, below it.
            ("~=1&a=1&%2D=1", "-=1&a=1&~=1"),
            ("ab=1&a=2", "a=2&ab=1"),
        ] {
            assert_eq!(canonical_query(query), canonical, "{query}");
        }
    }

    #[test]
    fn repeated_headers_have_a_sorted_line_each() {
        let headers: &[(&str, &[u8])] = &[("X-B", b" 2\t"), ("x-a", b""), ("X-b", b"1"), ("other", b"3")];
        let signed = ["x-a", "x-b"].map(str::to_owned);
        assert_eq!(canonical_headers(headers, &signed).unwrap(), b"x-a:\nx-b:1\nx-b:2\n");
        let absent = ["x-c".to_owned()];
        assert_eq!(canonical_headers(headers, &absent), Err(SignatureError::MissingSignedHeader("x-c".to_owned())));
    }
}
