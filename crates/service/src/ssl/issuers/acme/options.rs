//! How an ACME service is used.

use std::{path::PathBuf, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use openccm_auth::Secret;
use openccm_core::ServerName;
use openccm_pki::Certificate;

/// The longest time that a TXT record may be waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// The shortest key of an external account that is taken, in bytes. Services give 32 or more.
const SHORTEST_KEY: usize = 16;

/// An ACME service, and how this server uses it.
#[derive(Clone, Debug)]
pub struct AcmeOptions {
    /// The service's directory (`https` URL, RFC 8555 §7.1.1).
    pub directory_url: String,
    /// Whom the service may write to (URLs such as `mailto:pki@example.com`).
    pub contact: Vec<String>,
    /// The account elsewhere that the ACME account is bound to, where the service wants one (RFC 8555 §7.3.4).
    pub external_account: Option<ExternalAccount>,
    /// How it is proven that the domain names are in the applicant's hands.
    pub challenge: ChallengeOptions,
    /// The roots (PEM) that the service's own TLS certificate must be under, for services of one's own; those of the system
    /// where there are none.
    pub trusted_roots_file: Option<PathBuf>,
}

/// An account that the service's operator gave, without ACME.
#[derive(Clone, Debug)]
pub struct ExternalAccount {
    /// Its key's identifier.
    pub key_id: String,
    /// Its MAC key, as services print it: base64url (RFC 4648 §5).
    pub hmac_key: Secret,
}

/// How challenges are met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChallengeOptions {
    /// By this server, which must be reached at port 80 of each domain name under `/.well-known/acme-challenge/` (RFC 8555
    /// §8.3). Not for wildcards.
    Http01,
    /// By TXT records (RFC 8555 §8.4).
    Dns01 {
        /// The program that makes and removes them, and its first arguments.
        hook: Vec<String>,
        /// How long after the program ended they can be asked for.
        wait: Duration,
    },
}

impl ChallengeOptions {
    /// Whether they can verify this name: wildcards need DNS-01 (RFC 8555 §8.3), addresses must not have it (RFC 8738 §7).
    pub(in crate::ssl::issuers) fn can_verify(&self, name: &ServerName) -> bool {
        match self {
            Self::Http01 => !name.is_wildcard(),
            Self::Dns01 { .. } => !name.is_address(),
        }
    }
}

impl AcmeOptions {
    /// Checks what can be checked without asking anybody.
    ///
    /// # Errors
    /// Which setting cannot work, and why. Names no secret.
    pub fn check(&self) -> Result<(), String> {
        let directory = url::Url::parse(&self.directory_url).map_err(|error| format!("directory_url: {error}"))?;
        if directory.scheme() != "https" || directory.host_str().is_none() {
            return Err("directory_url must begin with https://".into());
        }
        for contact in &self.contact {
            if !contact.strip_prefix("mailto:").is_some_and(|address| address.contains('@')) {
                return Err(format!("contact: {contact} is no address such as mailto:pki@example.com"));
            }
        }
        if let Some(account) = &self.external_account {
            if account.key_id.is_empty() {
                return Err("eab_key_id is empty".into());
            }
            account.mac_key()?;
        }
        if let ChallengeOptions::Dns01 { hook, wait } = &self.challenge {
            let program = hook.first().map(PathBuf::from).unwrap_or_default();
            if !program.is_absolute() {
                return Err("dns_hook must begin with the program's absolute path".into());
            }
            if !program.is_file() {
                return Err(format!("dns_hook: there is no program {}", program.display()));
            }
            if *wait > LONGEST_WAIT {
                return Err(format!("dns_wait_seconds must be at most {}", LONGEST_WAIT.as_secs()));
            }
        }
        self.trusted_roots().map(drop)
    }

    /// The roots (DER) of the service's own TLS certificate; none where those of the system count.
    pub(super) fn trusted_roots(&self) -> Result<Option<Vec<Vec<u8>>>, String> {
        let Some(file) = &self.trusted_roots_file else { return Ok(None) };
        let unusable = |reason: String| format!("trusted_roots_file: {}: {reason}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
        let roots = Certificate::all_from_pem(&text).map_err(|error| unusable(error.to_string()))?;
        if roots.is_empty() {
            return Err(unusable("holds no certificate".into()));
        }
        Ok(Some(roots.iter().map(|root| root.der().to_vec()).collect()))
    }
}

impl ExternalAccount {
    /// The MAC key's bytes.
    pub(super) fn mac_key(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
        let text = self.hmac_key.expose().trim().trim_end_matches('=');
        let key = Base64UrlUnpadded::decode_vec(text).map_err(|_| "eab_hmac_key is not base64url".to_owned())?;
        let key = zeroize::Zeroizing::new(key);
        if key.len() < SHORTEST_KEY {
            return Err(format!("eab_hmac_key has less than {SHORTEST_KEY} bytes"));
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> AcmeOptions {
        AcmeOptions {
            directory_url: "https://acme.example.com/directory".into(),
            contact: vec!["mailto:pki@example.com".into()],
            external_account: Some(ExternalAccount {
                key_id: "kid-1".into(),
                hmac_key: Secret::new("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W".into()),
            }),
            challenge: ChallengeOptions::Http01,
            trusted_roots_file: None,
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert_eq!(options().check(), Ok(()));
        let refused = |change: fn(&mut AcmeOptions)| {
            let mut options = options();
            change(&mut options);
            options.check().unwrap_err()
        };
        let key = |options: &mut AcmeOptions, key: &str| {
            options.external_account.as_mut().unwrap().hmac_key = Secret::new(key.into());
        };
        let hook = |options: &mut AcmeOptions, hook: &[&str], seconds: u64| {
            let hook = hook.iter().map(|&argument| argument.to_owned()).collect();
            options.challenge = ChallengeOptions::Dns01 { hook, wait: Duration::from_secs(seconds) };
        };
        assert!(refused(|options| options.directory_url = "http://acme.example.com/".into()).contains("https://"));
        assert!(refused(|options| options.directory_url = "acme.example.com".into()).contains("directory_url"));
        assert!(refused(|options| options.contact = vec!["pki@example.com".into()]).contains("contact"));
        let mut without_secret = options();
        key(&mut without_secret, "no base64!");
        assert_eq!(without_secret.check().unwrap_err(), "eab_hmac_key is not base64url");
        key(&mut without_secret, "c2hvcnQ");
        assert!(without_secret.check().unwrap_err().contains("16 bytes"));
        key(&mut without_secret, "MDEyMzQ1Njc4OTAxMjM0NTY=");
        assert_eq!(without_secret.check(), Ok(()));
        let mut with_hook = options();
        for (arguments, seconds, reason) in [
            (&[][..], 0, "absolute path"),
            (&["sh"], 0, "absolute path"),
            (&["/nowhere/hook"], 0, "no program"),
            (&["/bin"], 0, "no program"),
            (&["/bin/sh"], 3601, "3600"),
        ] {
            hook(&mut with_hook, arguments, seconds);
            let refused = with_hook.check().unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
        hook(&mut with_hook, &["/bin/sh", "-c", "true"], 3600);
        assert_eq!(with_hook.check(), Ok(()));
        for roots in ["/nowhere/roots.pem", "/dev/null"] {
            let options = AcmeOptions { trusted_roots_file: Some(roots.into()), ..options() };
            assert!(options.check().unwrap_err().contains(roots));
        }
        assert!(!format!("{:?}", options()).contains("zWND"));
    }
}
