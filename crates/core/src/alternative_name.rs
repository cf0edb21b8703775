use std::net::IpAddr;

use crate::{Invalid, Subject, text_enum::text_enum};

text_enum! {
    /// The kind of an alternative name.
    pub enum AlternativeNameType {
        /// A host name.
        Dns = "DNS",
        /// An IPv4 or IPv6 address.
        Ip = "IP",
        /// A mail address.
        Email = "EMAIL",
        /// A URI.
        Uri = "URI",
    }
}

/// A subject alternative name (RFC 5280 §4.2.1.6), in the form in which a certificate carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternativeName {
    /// A host name of letters, digits and hyphens; internationalised labels in their ASCII form; the first label may be
    /// `*`.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A mail address in ASCII.
    Email(String),
    /// An absolute URI in ASCII.
    Uri(String),
}

impl AlternativeName {
    /// Reads the `value` of an alternative name of `kind`, which stands in the request at `field`.
    ///
    /// # Errors
    /// A value that is empty, too long (253 characters; 39 for addresses; 256 for mail) or not of its kind.
    pub fn parse(kind: AlternativeNameType, value: &str, field: &str) -> Result<Self, Invalid> {
        let value = value.trim();
        let (subject, max) = match kind {
            AlternativeNameType::Dns => (Subject::DomainName, 253),
            AlternativeNameType::Ip => (Subject::IpAddress, 39),
            AlternativeNameType::Email => (Subject::Parameter, 256),
            AlternativeNameType::Uri => (Subject::Parameter, 253),
        };
        let invalid = |reason: &str| Invalid::new(subject, field, reason);
        if value.is_empty() || value.chars().count() > max {
            return Err(invalid(&format!("must have 1 to {max} characters")));
        }
        match kind {
            AlternativeNameType::Dns => host(value, true).map(Self::Dns).ok_or_else(|| invalid("is no host name")),
            AlternativeNameType::Ip => {
                value.parse().map(Self::Ip).map_err(|_| invalid("is neither an IPv4 nor an IPv6 address"))
            }
            AlternativeNameType::Email => email(value).map(Self::Email).ok_or_else(|| invalid("is no mail address")),
            AlternativeNameType::Uri => uri(value).map(Self::Uri).ok_or_else(|| invalid("is no absolute URI")),
        }
    }
}

/// A host name in ASCII (RFC 5280 §7.2: internationalised labels become A-labels), with a wildcard where allowed
/// (RFC 6125 §6.4.3: the whole of the leftmost label, and something below it).
fn host(value: &str, wildcard: bool) -> Option<String> {
    let (prefix, name) = match value.strip_prefix("*.") {
        Some(name) if wildcard => ("*.", name),
        Some(_) => return None,
        None => ("", value),
    };
    let ascii = idna::domain_to_ascii_strict(name).ok()?;
    let last_label = ascii.rsplit('.').next()?;
    // A last label of digits reads as an IPv4 address.
    let numeric = !last_label.is_empty() && last_label.bytes().all(|byte| byte.is_ascii_digit());
    let short_enough = prefix.len() + ascii.len() <= 253;
    (!numeric && short_enough).then(|| format!("{prefix}{ascii}"))
}

/// A mail address in ASCII (RFC 5280 §4.2.1.6: rfc822Name has no display name and no comments).
fn email(value: &str) -> Option<String> {
    let (local, domain) = value.rsplit_once('@')?;
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let local_ok = local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
    local_ok.then(|| host(domain, false).map(|domain| format!("{local}@{domain}"))).flatten()
}

/// An absolute URI, left as it was written (RFC 5280 §4.2.1.6: a scheme and a scheme-specific part, in ASCII).
fn uri(value: &str) -> Option<String> {
    let plain =
        value.is_ascii() && !value.bytes().any(|byte| byte <= b' ' || byte == 0x7f || b"<>\"\\^`{|}".contains(&byte));
    let (_, rest) = value.split_once(':')?;
    (plain && !rest.is_empty() && url::Url::parse(value).is_ok()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: AlternativeNameType, value: &str) -> Result<AlternativeName, Invalid> {
        AlternativeName::parse(kind, value, "subject_alternative_names[0].value")
    }

    #[test]
    fn host_names() {
        let dns = |value: &str| {
            parse(AlternativeNameType::Dns, value).map(|name| match name {
                AlternativeName::Dns(name) => name,
                other => panic!("{other:?}"),
            })
        };
        for good in ["localhost", "a.example.com", "*.example.com", "xn--fsqu00a.cn", "1.example"] {
            assert_eq!(dns(good).unwrap(), good);
        }
        assert_eq!(dns("例子.cn").unwrap(), "xn--fsqu00a.cn");
        assert_eq!(dns("*.例子.cn").unwrap(), "*.xn--fsqu00a.cn");
        assert_eq!(dns("EXAMPLE.com").unwrap(), "example.com");
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = format!("{}com", "abcdefgh.".repeat(28));
        for bad in [
            "",
            " ",
            "*",
            "a.*.com",
            "*.*.com",
            "f*.example.com",
            "a..b",
            ".a",
            "a.",
            "-a.com",
            "a-.com",
            "a_b.com",
            "a b.com",
            "192.168.1.1",
            "a.1",
            "xn--a.com",
            "a\0.com",
            "a@b.com",
            "http://a.com",
            &long_label,
            &long_name,
        ] {
            assert_eq!(dns(bad).unwrap_err().subject, Subject::DomainName, "{bad:?}");
        }
    }

    #[test]
    fn addresses() {
        for good in ["192.168.0.1", "::1", "2001:db8::ff00:42:8329", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"] {
            assert!(matches!(parse(AlternativeNameType::Ip, good), Ok(AlternativeName::Ip(_))), "{good}");
        }
        for bad in ["", "256.1.1.1", "1.2.3", "1.2.3.4/24", "::g", "fe80::1%eth0", "example.com"] {
            assert_eq!(parse(AlternativeNameType::Ip, bad).unwrap_err().subject, Subject::IpAddress, "{bad:?}");
        }
    }

    #[test]
    fn mail_addresses_and_uris() {
        for good in ["a@example.com", "first.last+tag@例子.cn"] {
            assert!(parse(AlternativeNameType::Email, good).is_ok(), "{good}");
        }
        for bad in ["a", "@example.com", "a@", "a..b@example.com", "名@example.com", "a b@example.com", "a@*.com"] {
            assert!(parse(AlternativeNameType::Email, bad).is_err(), "{bad:?}");
        }
        for good in ["spiffe://example.org/ns/default", "https://example.com/a?b=c", "urn:uuid:f81d4fae-7dec"] {
            assert!(parse(AlternativeNameType::Uri, good).is_ok(), "{good}");
        }
        for bad in ["example.com", "/path", "http:", "http://例子.cn", "http://a b", "1http://a"] {
            assert!(parse(AlternativeNameType::Uri, bad).is_err(), "{bad:?}");
        }
    }
}
