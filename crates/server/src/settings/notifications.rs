//! Where notices about the end of certificates go.

use std::path::PathBuf;

use anyhow::bail;
use openccm_service::ssl::notifications::NotificationOptions;
use serde::Deserialize;

use super::{Redacted, list, secret};

/// The section `[notifications]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Notifications {
    webhook_url: Option<Redacted>,
    webhook_secret: Option<Redacted>,
    webhook_secret_file: Option<PathBuf>,
    #[serde(deserialize_with = "list")]
    email_to: Vec<String>,
}

impl Notifications {
    /// What the service is made with.
    pub(crate) fn options(&self, sends_mail: bool) -> anyhow::Result<NotificationOptions> {
        let webhook_url = self.webhook_url.clone().map(|Redacted(url)| url);
        let webhook_secret = secret(self.webhook_secret.as_ref(), self.webhook_secret_file.as_deref())?;
        match (&webhook_url, &webhook_secret) {
            (Some(url), _) if !(url.starts_with("http://") || url.starts_with("https://")) => {
                bail!("notifications.webhook_url must begin with http:// or https://")
            }
            (Some(_), None) => bail!(
                "notifications.webhook_secret (or webhook_secret_file) is missing: without it, the receiver cannot tell \
                 who posts"
            ),
            (None, Some(_)) => bail!("notifications.webhook_url is missing"),
            _ => {}
        }
        if !self.email_to.is_empty() && !sends_mail {
            bail!("notifications.email_to needs [mail]");
        }
        let mut email_to = self.email_to.clone();
        if let Some(address) = email_to.iter().find(|address| !address.contains('@')) {
            bail!("notifications.email_to: {address:?} is no mail address");
        }
        email_to.sort();
        email_to.dedup();
        Ok(NotificationOptions { webhook_url, webhook_secret, email_to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str, sends_mail: bool) -> anyhow::Result<NotificationOptions> {
        let source = config::File::from_str(toml, config::FileFormat::Toml);
        config::Config::builder().add_source(source).build()?.try_deserialize::<Notifications>()?.options(sends_mail)
    }

    #[test]
    fn recipients_need_what_they_are_reached_by() {
        let options = read("email_to = \"b@x.example, a@x.example,b@x.example\"", true).unwrap();
        assert_eq!(options.email_to, ["a@x.example", "b@x.example"]);
        let webhook = "webhook_url = \"https://x.example/hook?token=1234\"\n";
        let options = read(&format!("{webhook}webhook_secret = \"s\""), false).unwrap();
        assert_eq!(options.webhook_secret.unwrap().expose(), "s");
        let refused = |toml: &str| read(toml, false).unwrap_err().to_string();
        assert!(refused(webhook).contains("webhook_secret"));
        assert!(refused("webhook_secret = \"s\"").contains("webhook_url is missing"));
        assert!(refused("webhook_url = \"ftp://x\"\nwebhook_secret = \"s\"").contains("must begin"));
        assert!(refused("email_to = [\"a@x.example\"]").contains("needs [mail]"));
        assert!(read("email_to = [\"ops\"]", true).unwrap_err().to_string().contains("no mail address"));
    }
}
