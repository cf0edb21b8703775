//! ACME services that issue SSL certificates: `[acme.<name>]`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{anyhow, bail};
use openccm_service::ssl::issuers::acme::{AcmeOptions, ChallengeOptions, ExternalAccount};
use serde::Deserialize;

use super::{Redacted, list, secret};

/// The longest name of a service, in characters.
const NAME_MAX: usize = 32;
/// The name of the issuer that is always there: an authority of this server.
const RESERVED: &str = "own";

/// An ACME service.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Acme {
    directory_url: String,
    #[serde(deserialize_with = "list")]
    contact: Vec<String>,
    eab_key_id: Option<String>,
    eab_hmac_key: Option<Redacted>,
    eab_hmac_key_file: Option<PathBuf>,
    challenge: Challenge,
    #[serde(deserialize_with = "list")]
    dns_hook: Vec<String>,
    dns_wait_seconds: u64,
    trusted_roots_file: Option<PathBuf>,
}

/// How domain names are verified.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum Challenge {
    #[serde(rename = "http-01")]
    Http01,
    #[serde(rename = "dns-01")]
    Dns01,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory_url: String::new(),
            contact: Vec::new(),
            eab_key_id: None,
            eab_hmac_key: None,
            eab_hmac_key_file: None,
            challenge: Challenge::Http01,
            dns_hook: Vec::new(),
            dns_wait_seconds: 30,
            trusted_roots_file: None,
        }
    }
}

/// The services as they are used, by name. Reads the files that the settings name.
///
/// # Errors
/// The first setting that cannot work.
pub(super) fn options(services: &BTreeMap<String, Acme>) -> anyhow::Result<BTreeMap<String, AcmeOptions>> {
    let options = |(name, service): (&String, &Acme)| -> anyhow::Result<(String, AcmeOptions)> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > NAME_MAX || name == RESERVED || !name.bytes().all(fits) {
            bail!("acme.{name}: a name has 1 to {NAME_MAX} of a-z, 0-9 and -, and is not {RESERVED}");
        }
        let options = service.options().map_err(|error| anyhow!("acme.{name}: {error:#}"))?;
        options.check().map_err(|reason| anyhow!("acme.{name}: {reason}"))?;
        Ok((name.clone(), options))
    };
    services.iter().map(options).collect()
}

impl Acme {
    fn options(&self) -> anyhow::Result<AcmeOptions> {
        let key = secret(self.eab_hmac_key.as_ref(), self.eab_hmac_key_file.as_deref())?;
        let external_account = match (self.eab_key_id.clone(), key) {
            (Some(key_id), Some(hmac_key)) => Some(ExternalAccount { key_id, hmac_key }),
            (None, None) => None,
            _ => bail!("eab_key_id and eab_hmac_key (or eab_hmac_key_file) go together"),
        };
        let challenge = match self.challenge {
            Challenge::Http01 if !self.dns_hook.is_empty() => bail!("dns_hook is for challenge = \"dns-01\""),
            Challenge::Http01 => ChallengeOptions::Http01,
            Challenge::Dns01 => ChallengeOptions::Dns01 {
                hook: self.dns_hook.clone(),
                wait: Duration::from_secs(self.dns_wait_seconds),
            },
        };
        // As people write it, and as ACME wants it.
        let contact = |text: &String| if text.contains(':') { text.clone() } else { format!("mailto:{text}") };
        Ok(AcmeOptions {
            directory_url: self.directory_url.clone(),
            contact: self.contact.iter().map(contact).collect(),
            external_account,
            challenge,
            trusted_roots_file: self.trusted_roots_file.clone(),
        })
    }

    /// What is used, in a line, without secrets.
    pub(super) fn describe(&self) -> String {
        let challenge = match self.challenge {
            Challenge::Http01 => "HTTP-01",
            Challenge::Dns01 => "DNS-01",
        };
        format!("{} ({challenge})", self.directory_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> anyhow::Result<BTreeMap<String, AcmeOptions>> {
        let source = config::File::from_str(toml, config::FileFormat::Toml);
        let services = config::Config::builder().add_source(source).build()?.try_deserialize()?;
        options(&services)
    }

    #[test]
    fn services_are_read_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wE\n").unwrap();
        let services = read(&format!(
            r#"
            [letsencrypt]
            directory_url = "https://acme-v02.api.letsencrypt.org/directory"
            contact = ["pki@example.com", "mailto:security@example.com"]
            [internal-2]
            directory_url = "https://ca.example.com/acme/acme/directory"
            challenge = "dns-01"
            dns_hook = ["/bin/sh", "-c", "true"]
            eab_key_id = "kid-1"
            eab_hmac_key_file = "{}"
            "#,
            key_file.display()
        ))
        .unwrap();
        let public = &services["letsencrypt"];
        assert_eq!(public.contact, ["mailto:pki@example.com", "mailto:security@example.com"]);
        assert_eq!(public.challenge, ChallengeOptions::Http01);
        assert!(public.external_account.is_none());
        let internal = &services["internal-2"];
        let hook = ["/bin/sh", "-c", "true"].map(str::to_owned).to_vec();
        assert_eq!(internal.challenge, ChallengeOptions::Dns01 { hook, wait: Duration::from_secs(30) });
        assert_eq!(internal.external_account.as_ref().unwrap().key_id, "kid-1");
        assert!(!format!("{services:?}").contains("zWND"));
    }

    #[test]
    fn mistakes_are_refused_with_the_services_name() {
        let url = "directory_url = \"https://ca.example.com/directory\"";
        for (toml, reason) in [
            ("[own]".to_owned(), "not own"),
            ("[a_b]".to_owned(), "acme.a_b"),
            ("[ca]".to_owned(), "acme.ca: directory_url"),
            ("[ca]\ndirectory_url = \"http://ca.example.com/\"".to_owned(), "https://"),
            (format!("[ca]\n{url}\nchallenge = \"dns-01\""), "dns_hook"),
            (format!("[ca]\n{url}\ndns_hook = [\"/bin/sh\"]"), "dns-01"),
            (format!("[ca]\n{url}\nchallenge = \"tls-alpn-01\""), "tls-alpn-01"),
            (format!("[ca]\n{url}\neab_key_id = \"a\""), "go together"),
            (format!("[ca]\n{url}\neab_hmac_key = \"a\""), "go together"),
            (format!("[ca]\n{url}\neab_key_id = \"a\"\neab_hmac_key_file = \"/nowhere/key\""), "/nowhere/key"),
            (format!("[ca]\n{url}\ncontact = [\"nobody\"]"), "contact"),
            (format!("[ca]\n{url}\ntrusted_roots_file = \"/nowhere/roots.pem\""), "/nowhere/roots.pem"),
        ] {
            let refused = format!("{:#}", read(&toml).unwrap_err());
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
