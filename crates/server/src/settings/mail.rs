//! How mails are sent.

use std::{net::IpAddr, path::PathBuf};

use anyhow::{anyhow, bail};
use openccm_service::mail::{MailOptions, MailTls};
use serde::Deserialize;

use super::{Redacted, secret};

/// The section `[mail]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Mail {
    server: Option<String>,
    port: Option<u16>,
    tls: TlsMode,
    user: Option<String>,
    password: Option<Redacted>,
    password_file: Option<PathBuf>,
    from: Option<String>,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TlsMode {
    None,
    #[default]
    StartTls,
    Tls,
}

impl Mail {
    /// What the service is made with: none where no server is set.
    pub(crate) fn options(&self) -> anyhow::Result<Option<MailOptions>> {
        let password = secret(self.password.as_ref(), self.password_file.as_deref())?;
        let Some(server) = self.server.clone() else {
            if self.from.is_some() || self.user.is_some() || password.is_some() || self.port.is_some() {
                bail!("mail.server is missing: without it, no mail is sent");
            }
            return Ok(None);
        };
        let credentials = match (self.user.clone(), password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            _ => bail!("mail.user and mail.password (or mail.password_file) go together"),
        };
        let (tls, port) = match self.tls {
            TlsMode::None => (MailTls::None, 25),
            TlsMode::StartTls => (MailTls::StartTls, 587),
            TlsMode::Tls => (MailTls::Implicit, 465),
        };
        if credentials.is_some() && tls == MailTls::None && !is_loopback(&server) {
            bail!("mail.password would be sent unencrypted: mail.tls must be \"starttls\" or \"tls\"");
        }
        let from = self.from.clone().ok_or_else(|| anyhow!("mail.from is missing: the sender's address"))?;
        let options = MailOptions { server, port: self.port.unwrap_or(port), tls, credentials, from };
        options.check().map_err(|error| anyhow!("mail: {error}"))?;
        Ok(Some(options))
    }
}

fn is_loopback(server: &str) -> bool {
    server == "localhost" || server.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> anyhow::Result<Option<MailOptions>> {
        let source = config::File::from_str(toml, config::FileFormat::Toml);
        config::Config::builder().add_source(source).build()?.try_deserialize::<Mail>()?.options()
    }

    #[test]
    fn the_way_of_tls_says_the_port() {
        assert!(read("").unwrap().is_none());
        let common = "server = \"localhost\"\nfrom = \"a@b.example\"\n";
        for (tls, mode, port) in
            [("none", MailTls::None, 25), ("starttls", MailTls::StartTls, 587), ("tls", MailTls::Implicit, 465)]
        {
            let options = read(&format!("{common}tls = \"{tls}\"")).unwrap().unwrap();
            assert_eq!((options.tls, options.port), (mode, port));
        }
        let options = read(&format!("{common}port = 2525\nuser = \"u\"\npassword = \"0012\"")).unwrap().unwrap();
        assert_eq!((options.tls, options.port), (MailTls::StartTls, 2525));
        let (user, password) = options.credentials.as_ref().unwrap();
        assert_eq!((user.as_str(), password.expose()), ("u", "0012"));
        assert!(!format!("{options:?}").contains("0012"));
    }

    #[test]
    fn mistakes_are_named() {
        let refused = |toml: &str| read(toml).unwrap_err().to_string();
        assert!(refused("from = \"a@b.example\"").contains("mail.server"));
        assert!(refused("server = \"h\"").contains("mail.from"));
        assert!(refused("server = \"h\"\nfrom = \"nobody\"").contains("mail: "));
        assert!(refused("server = \"h\"\nfrom = \"a@b.example\"\nuser = \"u\"").contains("go together"));
        assert!(refused("server = \"h\"\ntls = \"ssl\"").contains("ssl"));
        let plain = "from = \"a@b.example\"\ntls = \"none\"\nuser = \"u\"\npassword = \"p\"\n";
        assert!(refused(&format!("server = \"mail.example\"\n{plain}")).contains("unencrypted"));
        assert!(read(&format!("server = \"127.0.0.1\"\n{plain}")).is_ok());
    }
}
