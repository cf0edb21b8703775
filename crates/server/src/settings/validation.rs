//! How domain names are verified.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{anyhow, bail};
use openccm_core::{AlternativeName, AlternativeNameType};
use openccm_service::ssl::validation::ValidationOptions;
use serde::Deserialize;

use super::list;

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// The section `[domain_validation]`.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct DomainValidation {
    #[serde(deserialize_with = "list")]
    resolvers: Vec<String>,
    file_port: u16,
    #[serde(deserialize_with = "list")]
    own_zones: Vec<String>,
    timeout_seconds: u64,
}

impl Default for DomainValidation {
    fn default() -> Self {
        Self { resolvers: Vec::new(), file_port: 80, own_zones: Vec::new(), timeout_seconds: 10 }
    }
}

impl DomainValidation {
    /// What the service is made with.
    pub(crate) fn options(&self) -> anyhow::Result<ValidationOptions> {
        if self.file_port == 0 {
            bail!("domain_validation.file_port must be 1 to 65535");
        }
        if !(1..=60).contains(&self.timeout_seconds) {
            bail!("domain_validation.timeout_seconds must be 1 to 60");
        }
        Ok(ValidationOptions {
            resolvers: self.resolvers.iter().map(|text| resolver(text)).collect::<Result<_, _>>()?,
            file_port: self.file_port,
            own_zones: self.own_zones.iter().map(|text| zone(text)).collect::<Result<_, _>>()?,
            timeout: Duration::from_secs(self.timeout_seconds),
        })
    }
}

/// An address with a port, or without where it is that of DNS.
fn resolver(text: &str) -> anyhow::Result<SocketAddr> {
    let alone = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
    text.parse::<SocketAddr>()
        .or_else(|_| alone())
        .map_err(|_| anyhow!("domain_validation.resolvers: {text:?} is no address, with or without a port"))
}

/// A zone as names are compared with it: in ASCII and lower case, without a full stop at either end.
fn zone(text: &str) -> anyhow::Result<String> {
    match AlternativeName::parse(AlternativeNameType::Dns, text.trim().trim_matches('.'), "own_zones") {
        Ok(AlternativeName::Dns(name)) if !name.starts_with("*.") => Ok(name),
        _ => bail!("domain_validation.own_zones: {text:?} is no domain name (a zone contains all names below it)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_zones_are_read_in_the_forms_that_people_write() {
        let settings = DomainValidation {
            resolvers: vec!["127.0.0.1:5353".into(), "192.0.2.1".into(), "2001:db8::1".into(), "[::1]:54".into()],
            own_zones: vec!["Example.COM.".into(), ".corp".into(), "例子.cn".into()],
            ..DomainValidation::default()
        };
        let options = settings.options().unwrap();
        let resolvers: Vec<String> = options.resolvers.iter().map(ToString::to_string).collect();
        assert_eq!(resolvers, ["127.0.0.1:5353", "192.0.2.1:53", "[2001:db8::1]:53", "[::1]:54"]);
        assert_eq!(options.own_zones, ["example.com", "corp", "xn--fsqu00a.cn"]);
        assert_eq!((options.file_port, options.timeout), (80, Duration::from_secs(10)));
    }

    #[test]
    fn mistakes_are_named() {
        let refused = |settings: DomainValidation| settings.options().unwrap_err().to_string();
        let default = DomainValidation::default;
        assert!(
            refused(DomainValidation { resolvers: vec!["dns.example".into()], ..default() }).contains("dns.example")
        );
        for zone in ["*.example.com", "", "a_b.com", "192.0.2.1"] {
            let settings = DomainValidation { own_zones: vec![zone.into()], ..default() };
            assert!(refused(settings).contains("own_zones"), "{zone}");
        }
        assert!(refused(DomainValidation { file_port: 0, ..default() }).contains("file_port"));
        assert!(refused(DomainValidation { timeout_seconds: 0, ..default() }).contains("timeout_seconds"));
    }
}
