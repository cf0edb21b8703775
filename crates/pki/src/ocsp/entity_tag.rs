use aws_lc_rs::digest;

/// What tells a response (DER) from another in HTTP: its SHA-1 in hexadecimal digits (RFC 5019 §6.2).
pub fn ocsp_entity_tag(response: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, response))
}
