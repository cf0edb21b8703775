use std::{fmt, net::IpAddr};

use crate::{AlternativeName, AlternativeNameType, Invalid, Subject};

/// The name of a server that a certificate can be for: a host name in ASCII and lower case, whose first label may be `*`, or
/// an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerName(String);

impl ServerName {
    /// Reads a name, which stands in the request at `field`. Internationalised labels become their ASCII form.
    ///
    /// # Errors
    /// What is neither a host name nor an address.
    pub fn parse(text: &str, field: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        match AlternativeName::parse(AlternativeNameType::Dns, text, field) {
            Ok(AlternativeName::Dns(name)) => Ok(Self(name)),
            _ => {
                let shown: String = text.chars().take(64).collect::<String>().escape_debug().to_string();
                Err(Invalid::new(Subject::Domain, field, format!("{shown} is no domain name")))
            }
        }
    }

    /// The most names that are read at a time.
    pub const MAX_NAMES: usize = 1000;

    /// Reads several names with semicolons between them, as the API writes them; commas and blanks do too. Empty ones are
    /// passed over.
    ///
    /// # Errors
    /// As [`Self::parse`]; more than [`Self::MAX_NAMES`].
    pub fn parse_list(text: &str, field: &str) -> Result<Vec<Self>, Invalid> {
        let names = text.split(|c: char| matches!(c, ';' | ',') || c.is_whitespace());
        let mut read = Vec::new();
        for name in names.filter(|name| !name.is_empty()) {
            if read.len() == Self::MAX_NAMES {
                let reason = format!("must not have more than {} names", Self::MAX_NAMES);
                return Err(Invalid::new(Subject::DomainNumber, field, reason));
            }
            read.push(Self::parse(name, field)?);
        }
        Ok(read)
    }

    /// Several names as the API writes them, with semicolons between them.
    pub fn join(names: &[Self]) -> String {
        names.iter().map(Self::as_str).collect::<Vec<_>>().join(";")
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for all hosts of a domain.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Whether it is an IP address.
    pub fn is_address(&self) -> bool {
        self.address().is_some()
    }

    fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// What a certificate for it carries (RFC 6125 §6.4, RFC 5280 §4.2.1.6).
    pub fn to_alternative_name(&self) -> AlternativeName {
        match self.address() {
            Some(address) => AlternativeName::Ip(address),
            None => AlternativeName::Dns(self.0.clone()),
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lists_of_names() {
        let names =
            ServerName::parse_list("A.example.com; *.example.com,例子.cn\t192.0.2.1;;2001:DB8::1", "sans").unwrap();
        assert_eq!(ServerName::join(&names), "a.example.com;*.example.com;xn--fsqu00a.cn;192.0.2.1;2001:db8::1");
        assert!(names[1].is_wildcard() && !names[0].is_wildcard());
        assert!(names[3].is_address() && names[4].is_address() && !names[2].is_address());
        assert!(ServerName::parse_list(" ", "sans").unwrap().is_empty());
        let many = "a.example.com;".repeat(ServerName::MAX_NAMES);
        assert_eq!(ServerName::parse_list(&many, "sans").unwrap().len(), ServerName::MAX_NAMES);
        let subject = ServerName::parse_list(&format!("{many};b.example.com"), "sans").unwrap_err().subject;
        assert_eq!(subject, Subject::DomainNumber);
        for bad in ["*", "a_b.com", "a..b", "-a.com", "*.*.a.com", "1.2.3", "http://a.com", ""] {
            assert_eq!(ServerName::parse(bad, "domain").unwrap_err().subject, Subject::Domain, "{bad}");
        }
    }
}
