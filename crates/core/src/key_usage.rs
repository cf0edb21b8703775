use std::fmt;

use crate::text_enum::text_enum;

text_enum! {
    /// One use of a key (RFC 5280 §4.2.1.3). The order is that of the bits.
    pub enum KeyUsage {
        /// Signatures other than those on certificates and revocation lists.
        DigitalSignature = "digitalSignature",
        /// Signatures that cannot be denied later (contentCommitment).
        NonRepudiation = "nonRepudiation",
        /// Encryption of keys.
        KeyEncipherment = "keyEncipherment",
        /// Encryption of data.
        DataEncipherment = "dataEncipherment",
        /// Key agreement.
        KeyAgreement = "keyAgreement",
        /// Signatures on certificates.
        KeyCertSign = "keyCertSign",
        /// Signatures on revocation lists.
        CrlSign = "cRLSign",
        /// With key agreement: only encryption.
        EncipherOnly = "encipherOnly",
        /// With key agreement: only decryption.
        DecipherOnly = "decipherOnly",
    }
}

/// A set of key usages.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyUsages(u16);

impl KeyUsages {
    /// What an authority's key is for unless asked otherwise.
    pub const AUTHORITY: Self = Self::of(&[KeyUsage::DigitalSignature, KeyUsage::KeyCertSign, KeyUsage::CrlSign]);

    /// The set of `usages`.
    pub const fn of(usages: &[KeyUsage]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < usages.len() {
            bits |= 1 << usages[index] as u16;
            index += 1;
        }
        Self(bits)
    }

    /// Whether `usage` is in the set.
    pub const fn contains(self, usage: KeyUsage) -> bool {
        self.0 & (1 << usage as u16) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The usages of the set, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = KeyUsage> {
        KeyUsage::ALL.iter().copied().filter(move |usage| self.contains(*usage))
    }

    /// Reads what `Display` writes; unknown names are left out.
    pub fn parse(text: &str) -> Self {
        text.split(',').filter_map(KeyUsage::parse).collect()
    }
}

impl FromIterator<KeyUsage> for KeyUsages {
    fn from_iter<I: IntoIterator<Item = KeyUsage>>(usages: I) -> Self {
        Self(usages.into_iter().fold(0, |bits, usage| bits | 1 << usage as u16))
    }
}

impl fmt::Display for KeyUsages {
    /// Comma-separated names, as they are stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(KeyUsage::as_str).collect();
        f.write_str(&names.join(","))
    }
}

impl fmt::Debug for KeyUsages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

text_enum! {
    /// One extended use of a key (RFC 5280 §4.2.1.12), by the vendor's field names.
    pub enum ExtendedKeyUsage {
        /// TLS servers.
        ServerAuth = "server_auth",
        /// TLS clients.
        ClientAuth = "client_auth",
        /// Signing code.
        CodeSigning = "code_signing",
        /// S/MIME.
        EmailProtection = "email_protection",
        /// Time stamps (RFC 3161).
        TimeStamping = "time_stamping",
        /// Microsoft smart card log-on.
        SmartCardLogon = "smart_card_logon",
    }
}

impl ExtendedKeyUsage {
    /// The object identifier in the certificate.
    pub const fn oid(self) -> &'static str {
        match self {
            Self::ServerAuth => "1.3.6.1.5.5.7.3.1",
            Self::ClientAuth => "1.3.6.1.5.5.7.3.2",
            Self::CodeSigning => "1.3.6.1.5.5.7.3.3",
            Self::EmailProtection => "1.3.6.1.5.5.7.3.4",
            Self::TimeStamping => "1.3.6.1.5.5.7.3.8",
            Self::SmartCardLogon => "1.3.6.1.4.1.311.20.2.2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_stored_by_name() {
        assert_eq!(KeyUsages::AUTHORITY.to_string(), "digitalSignature,keyCertSign,cRLSign");
        assert_eq!(KeyUsages::parse("digitalSignature,keyCertSign,cRLSign"), KeyUsages::AUTHORITY);
        assert!(KeyUsages::parse("").is_empty());
    }
}
