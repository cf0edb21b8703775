//! The host names and addresses that a certificate or a request is for.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use openccm_core::{AlternativeName, AlternativeNameType};
use x509_cert::ext::pkix::name::GeneralName;

/// A name that stands where a host name or an address belongs, and is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is neither a host name nor an address")]
pub struct MalformedDomainName(String);

impl MalformedDomainName {
    /// Quotes the name as far as a message can bear.
    fn new(name: &str) -> Self {
        const QUOTED: usize = 100;
        Self(name.escape_debug().take(QUOTED).collect())
    }

    /// For alternative names whose encoding is broken.
    pub(crate) fn unreadable() -> Self {
        Self::new("what stands among the alternative names")
    }
}

/// The names of a certificate with this common name and these alternative names, in lower case and each once: the common
/// name first, where it is a host name or an address, then the alternative names in their order. Empty where there is
/// none.
///
/// # Errors
/// An alternative name for a host or an address that is none; without any, a common name that was meant to be one.
pub(crate) fn domain_names(
    common_name: Option<&str>,
    alternative_names: &[GeneralName],
) -> Result<Vec<String>, MalformedDomainName> {
    let alternatives =
        alternative_names.iter().filter_map(|name| alternative(name).transpose()).collect::<Result<Vec<_>, _>>()?;
    let common_name = common_name.map(|name| (name, host_name(name)));
    let first = match common_name {
        Some((_, Some(name))) if alternatives.contains(&name) || is_unmistakable(&name) => Some(name),
        // Clients look at the common name only where there is nothing else (RFC 6125 §6.4.4).
        Some((name, None)) if alternatives.is_empty() && name.contains('.') && !name.contains(char::is_whitespace) => {
            return Err(MalformedDomainName::new(name));
        }
        _ => None,
    };
    let mut seen = HashSet::new();
    let names = first.into_iter().chain(alternatives);
    Ok(names.filter(|name| seen.insert(name.clone())).collect())
}

/// A host name of one label could as well be the name of a person.
fn is_unmistakable(name: &str) -> bool {
    name.contains(['.', ':']) || name == "localhost"
}

fn alternative(name: &GeneralName) -> Result<Option<String>, MalformedDomainName> {
    match name {
        // A name of digits and dots is no host name, and an address has a type of its own.
        GeneralName::DnsName(name) => match dns(name.as_str()) {
            Some(name) => Ok(Some(name)),
            None => Err(MalformedDomainName::new(name.as_str())),
        },
        GeneralName::IpAddress(bytes) => match address(bytes.as_bytes()) {
            Some(address) => Ok(Some(address.to_string())),
            None => Err(MalformedDomainName::new("an address that has neither 4 nor 16 bytes")),
        },
        _ => Ok(None),
    }
}

/// A common name as a host name, its labels in ASCII, or an address.
fn host_name(name: &str) -> Option<String> {
    name.parse::<IpAddr>().ok().map(|address| address.to_string()).or_else(|| dns(name))
}

fn dns(name: &str) -> Option<String> {
    let unpadded = name.trim() == name;
    match AlternativeName::parse(AlternativeNameType::Dns, name, "domain name") {
        Ok(AlternativeName::Dns(name)) if unpadded => Some(name),
        _ => None,
    }
}

pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).into())
}
