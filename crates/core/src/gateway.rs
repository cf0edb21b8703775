//! What the certificates of the API gateway are for.

use crate::text_enum::text_enum;

/// What stands for the gateway of a certificate that is for every one.
pub const COMMON_INSTANCE: &str = "common";

text_enum! {
    /// Whether a certificate of the API gateway is for every gateway of the account, or for one.
    pub enum GatewayScope {
        /// For every one.
        Global = "global",
        /// For one.
        Instance = "instance",
    }
}

text_enum! {
    /// The kind of key in a certificate of the API gateway.
    pub enum GatewayAlgorithm {
        /// RSA.
        Rsa = "RSA",
        /// Elliptic curves: P-256, P-384, P-521, Ed25519.
        Ecc = "ECC",
        /// The SM2 curve, which this server has not.
        Sm2 = "SM2",
    }
}

/// Whether a certificate with these `names` is for `domain`: one of them is the same, or a wildcard in the place of its
/// first label (RFC 9525 §6.3). A domain that is a wildcard itself needs a name that is the same. Case does not matter.
pub fn covers<'n>(names: impl IntoIterator<Item = &'n str>, domain: &str) -> bool {
    let above = domain.split_once('.').map(|(_, above)| above);
    names.into_iter().any(|name| {
        let wildcard = name.strip_prefix("*.").zip(above).is_some_and(|(base, above)| base.eq_ignore_ascii_case(above));
        name.eq_ignore_ascii_case(domain) || wildcard
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let names = ["www.example.com", "*.api.example.com"];
        for domain in ["www.example.com", "WWW.Example.com", "a.api.example.com", "*.api.example.com"] {
            assert!(covers(names, domain), "{domain}");
        }
        for domain in
            ["example.com", "api.example.com", "a.b.api.example.com", "*.example.com", "a.www.example.com", ""]
        {
            assert!(!covers(names, domain), "{domain}");
        }
        assert!(!covers([], "example.com"));
        assert!(!covers(["com", "*."], "example.com"));
    }
}
