//! A TXT record (Baseline Requirements §3.2.2.4.7): CNAMEs are followed, so that a zone may leave its proofs to another.

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig},
    lookup::Lookup,
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
};

use super::ValidationOptions;

/// The name of the record that proves `domain`.
pub(super) fn record_name(domain: &str) -> String {
    format!("_dnsauth.{domain}")
}

/// Asks resolvers. It remembers no answer.
#[derive(Clone)]
pub(super) struct Dns(TokioResolver);

impl Dns {
    pub(super) fn new(options: &ValidationOptions) -> Result<Self, String> {
        let mut builder = if options.resolvers.is_empty() {
            TokioResolver::builder_tokio().map_err(|error| format!("the system's resolvers are not known: {error}"))?
        } else {
            let servers = options.resolvers.iter().map(|address| {
                let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for connection in &mut connections {
                    connection.port = address.port();
                }
                NameServerConfig::new(address.ip(), true, connections)
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let resolver = builder.options_mut();
        resolver.cache_size = 0;
        resolver.use_hosts_file = ResolveHosts::Never;
        resolver.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        resolver.try_tcp_on_error = true;
        // Time enough for a second server, and for TCP, within the limit of a look.
        resolver.timeout = options.timeout / 3;
        resolver.attempts = 1;
        builder.build().map(Self).map_err(|error| error.to_string())
    }

    /// Finds `value` as the text of a TXT record of `name`. Says why there is none.
    pub(super) async fn find_text(&self, name: &str, value: &str) -> Result<(), String> {
        let asked = fully_qualified(name)?;
        let lookup =
            self.0.lookup(asked.clone(), RecordType::TXT).await.map_err(|error| explain(name, "TXT", &error))?;
        let end = end_of_chain(&lookup, asked);
        let texts: Vec<String> = lookup
            .answers()
            .iter()
            .filter(|record| record.name == end)
            .filter_map(|record| match &record.data {
                RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
                _ => None,
            })
            .collect();
        match texts.len() {
            _ if texts.iter().any(|text| text.trim() == value) => Ok(()),
            0 => Err(format!("there is no TXT record {name}")),
            1 => Err(format!("the TXT record {name} has another value")),
            count => Err(format!("none of the {count} TXT records {name} has the value")),
        }
    }

    /// The addresses of `host`.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<std::net::IpAddr>, String> {
        let lookup = self.0.lookup_ip(fully_qualified(host)?).await;
        let lookup = lookup.map_err(|error| explain(host, "A or AAAA", &error))?;
        Ok(lookup.iter().collect())
    }
}

/// Search domains are for people: a name that is verified is complete.
fn fully_qualified(name: &str) -> Result<Name, String> {
    let mut name = Name::from_ascii(name).map_err(|error| format!("{name} is no name in DNS: {error}"))?;
    name.set_fqdn(true);
    Ok(name)
}

/// Where the CNAMEs of an answer lead from `name`.
fn end_of_chain(lookup: &Lookup, name: Name) -> Name {
    let mut end = name;
    // Each of them once at most, for they may go in a circle.
    for _ in lookup.answers() {
        let next = lookup.answers().iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == end => Some(target.0.clone()),
            _ => None,
        });
        match next {
            Some(next) => end = next,
            None => break,
        }
    }
    end
}

fn explain(name: &str, kind: &str, error: &NetError) -> String {
    match error {
        error if error.is_nx_domain() => format!("there is no {kind} record {name}: the name does not exist"),
        error if error.is_no_records_found() => format!("there is no {kind} record {name}"),
        NetError::Timeout => format!("no resolver answered for {name} in time"),
        error => format!("{name} cannot be looked up: {error}"),
    }
}
