//! A file on the web server (Baseline Requirements §3.2.2.4.18, and §3.2.2.5.1 for IP addresses).

use std::net::{IpAddr, SocketAddr};

use http::StatusCode;
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::{Attempt, Policy},
};

use super::{ValidationOptions, dns::Dns};
use crate::causes::with_causes;

/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// The longest file that is read, in bytes: the value with room for blanks.
const FILE_LIMIT: usize = 4096;

/// The path of the file with this name.
pub(super) fn path(random: &str) -> String {
    let name = random.get(..32).unwrap_or(random);
    format!("/.well-known/pki-validation/{name}.txt")
}

/// Asks web servers, whose addresses come from the same resolvers as everything else.
pub(super) struct Web {
    client: Client,
    port: u16,
}

impl Web {
    pub(super) fn new(options: &ValidationOptions, dns: Dns) -> Result<Self, String> {
        let port = options.file_port;
        let client = Client::builder()
            .user_agent(concat!("openccm/", env!("CARGO_PKG_VERSION"), " (domain validation)"))
            .dns_resolver(Resolver(dns))
            .redirect(Policy::custom(move |attempt| follow(attempt, port)))
            // What is verified is the way to the domain, not the way that somebody has set up for browsers.
            .no_proxy()
            // The certificate that is there may have expired, or be the reason for the application.
            .tls_danger_accept_invalid_certs(true)
            .timeout(options.timeout)
            .pool_max_idle_per_host(0)
            .build();
        Ok(Self { client: client.map_err(|error| with_causes(&error))?, port })
    }

    /// Finds `value` as the content of the file `path` at `host`, a name or an address. Says why it is not there.
    pub(super) async fn find_file(&self, host: &str, path: &str, value: &str) -> Result<(), String> {
        let host = match host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => host.to_owned(),
        };
        let url = match self.port {
            80 => format!("http://{host}{path}"),
            port => format!("http://{host}:{port}{path}"),
        };
        let unreadable = |error: reqwest::Error| format!("{url} cannot be read: {}", with_causes(&error.without_url()));
        let mut response = self.client.get(&url).send().await.map_err(unreadable)?;
        if !response.status().is_success() {
            return Err(format!("{url} answers {}", response.status()));
        }
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreadable)? {
            content.extend_from_slice(&chunk);
            if content.len() > FILE_LIMIT {
                return Err(format!("{url} is longer than {FILE_LIMIT} bytes"));
            }
        }
        // What else may be there is nobody's business, and stays out of the message.
        match content.trim_ascii() == value.as_bytes() {
            true => Ok(()),
            false => Err(format!("{url} has another content")),
        }
    }
}

/// Redirects lead to web servers at their usual ports, and are meant as such (Baseline Requirements §3.2.2.4.18).
fn follow(attempt: Attempt<'_>, file_port: u16) -> reqwest::redirect::Action {
    const STATUSES: [StatusCode; 4] = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    let url = attempt.url();
    let port_allowed = url.port_or_known_default().is_some_and(|port| [80, 443, file_port].contains(&port));
    if attempt.previous().len() > REDIRECTS {
        attempt.error("too many redirects")
    } else if !matches!(url.scheme(), "http" | "https") || !port_allowed {
        attempt.error("a redirect leads to something else than a web server at its usual port")
    } else if !STATUSES.contains(&attempt.status()) {
        attempt.stop()
    } else {
        attempt.follow()
    }
}

struct Resolver(Dns);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = self.0.clone();
        Box::pin(async move {
            let addresses = dns.addresses(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
