//! `[[push_targets]]`: where SSL certificates are pushed to.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use openccm_auth::Secret;
use openccm_core::PushService;
use openccm_service::ssl::push::{
    FolderOptions, ProbeOptions, PushOptions, TargetKind, TargetOptions, VendorOptions, WebhookOptions,
};
use serde::Deserialize;

use super::{Redacted, secret};

/// How long a reload may take, and a probe waits, unless it is set.
const RELOAD_TIMEOUT_SECONDS: u64 = 30;
const PROBE_PATIENCE_SECONDS: u64 = 10;
/// A call waits so long at most.
const LONGEST_WAIT_SECONDS: u64 = 60;

/// What takes the certificates for a service in a region.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PushTarget {
    service: String,
    region: Option<String>,
    accounts: Vec<String>,
    kind: String,
    probe: Option<String>,
    probe_patience_seconds: Option<u64>,
    auto_deploy: bool,

    // vendor
    endpoint: Option<String>,
    project_id: Option<String>,
    ak: Option<String>,
    sk: Option<Redacted>,
    sk_file: Option<PathBuf>,

    // webhook
    url: Option<String>,
    secret: Option<Redacted>,
    secret_file: Option<PathBuf>,

    // vendor and webhook
    ca_file: Option<PathBuf>,

    // folder
    path: Option<String>,
    owner: Option<String>,
    group: Option<String>,
    mode: Option<String>,
    key_mode: Option<String>,
    combined: Option<bool>,
    reload: Option<Vec<String>>,
    reload_timeout_seconds: Option<u64>,
}

/// The options that `targets` stand for. Reads the files that they name.
pub(super) fn options(targets: &[PushTarget]) -> anyhow::Result<PushOptions> {
    let mut options = PushOptions::default();
    for (index, target) in targets.iter().enumerate() {
        let made = target.options().with_context(|| format!("push_targets[{index}]"))?;
        let same = |other: &TargetOptions| other.service == made.service && other.region == made.region;
        if options.targets.iter().any(same) {
            let region = made.region.as_deref().unwrap_or("every region");
            bail!("push_targets[{index}]: there is a target for {} in {region} already", made.service);
        }
        options.targets.push(made);
    }
    Ok(options)
}

impl PushTarget {
    fn options(&self) -> anyhow::Result<TargetOptions> {
        let service = PushService::parse(&self.service)
            .ok_or_else(|| anyhow!("service must be one of {}", PushService::choices()))?;
        if service == PushService::Cdn && self.region.is_some() {
            bail!("CDN has no regions: leave region out");
        }
        if self.region.as_deref().is_some_and(|region| region.trim() != region || region.is_empty()) {
            bail!("region must not be empty, nor begin or end with a blank");
        }
        if self.accounts.iter().any(|account| account.trim() != account || account.is_empty()) {
            bail!("accounts must be names or ids that are not empty, and neither begin nor end with a blank");
        }
        let kind = self.kind()?;
        Ok(TargetOptions {
            service,
            region: self.region.clone(),
            accounts: self.accounts.clone(),
            kind: self.target(kind, service).with_context(|| format!("kind {kind}"))?,
            probe: self.probe()?,
            auto_deploy: self.auto_deploy,
        })
    }

    /// Checks that nothing is set that belongs to another kind; gives the kind.
    fn kind(&self) -> anyhow::Result<&'static str> {
        const KINDS: [&str; 4] = ["registry", "vendor", "folder", "webhook"];
        let kind = KINDS.into_iter().find(|kind| *kind == self.kind);
        let kind = kind.ok_or_else(|| anyhow!("kind must be one of {}", KINDS.join(", ")))?;
        let members = [
            ("endpoint", self.endpoint.is_some(), &["vendor"][..]),
            ("project_id", self.project_id.is_some(), &["vendor"]),
            ("ak", self.ak.is_some(), &["vendor"]),
            ("sk", self.sk.is_some(), &["vendor"]),
            ("sk_file", self.sk_file.is_some(), &["vendor"]),
            ("url", self.url.is_some(), &["webhook"]),
            ("secret", self.secret.is_some(), &["webhook"]),
            ("secret_file", self.secret_file.is_some(), &["webhook"]),
            ("ca_file", self.ca_file.is_some(), &["vendor", "webhook"]),
            ("path", self.path.is_some(), &["folder"]),
            ("owner", self.owner.is_some(), &["folder"]),
            ("group", self.group.is_some(), &["folder"]),
            ("mode", self.mode.is_some(), &["folder"]),
            ("key_mode", self.key_mode.is_some(), &["folder"]),
            ("combined", self.combined.is_some(), &["folder"]),
            ("reload", self.reload.is_some(), &["folder"]),
            ("reload_timeout_seconds", self.reload_timeout_seconds.is_some(), &["folder"]),
        ];
        match members.into_iter().find(|(_, set, kinds)| *set && !kinds.contains(&kind)) {
            Some((name, ..)) => bail!("{name} is nothing for the kind {kind}"),
            None => Ok(kind),
        }
    }

    fn target(&self, kind: &str, service: PushService) -> anyhow::Result<TargetKind> {
        match kind {
            "vendor" => Ok(TargetKind::Vendor(VendorOptions {
                endpoint: private_url(self.endpoint.as_deref(), "endpoint")?.trim_end_matches('/').to_owned(),
                project_id: match (&self.project_id, service) {
                    (None, PushService::Elb | PushService::Waf) => bail!("project_id is missing"),
                    (project_id, _) => project_id.clone(),
                },
                ak: self.ak.clone().filter(|ak| !ak.is_empty()).ok_or_else(|| anyhow!("ak is missing"))?,
                sk: needed(self.sk.as_ref(), self.sk_file.as_deref(), "sk, or sk_file,")?,
                roots: self.roots()?,
            })),
            "webhook" => Ok(TargetKind::Webhook(WebhookOptions {
                url: private_url(self.url.as_deref(), "url")?,
                secret: needed(self.secret.as_ref(), self.secret_file.as_deref(), "secret, or secret_file,")?,
                roots: self.roots()?,
            })),
            "folder" => Ok(TargetKind::Folder(self.folder()?)),
            _ => Ok(TargetKind::Registry),
        }
    }

    fn folder(&self) -> anyhow::Result<FolderOptions> {
        let path = self.path.as_deref().ok_or_else(|| anyhow!("path is missing"))?;
        if !Path::new(path).is_absolute() {
            bail!("path must begin with /");
        }
        let rest = path.replace("{domain}", "").replace("{name}", "");
        if rest.contains(['{', '}']) {
            bail!("path knows {{domain}} and {{name}} alone");
        }
        let reload = self.reload.clone().unwrap_or_default();
        if reload.first().is_some_and(String::is_empty) {
            bail!("reload must begin with a program");
        }
        let defaults = FolderOptions::new(path);
        let key_mode = mode(self.key_mode.as_deref(), "key_mode")?.unwrap_or(defaults.key_mode);
        if key_mode & 0o007 != 0 {
            bail!("key_mode {key_mode:04o} shows the key to everybody");
        }
        Ok(FolderOptions {
            owner: self.owner.as_deref().map(|owner| number_of(owner, "/etc/passwd")).transpose().context("owner")?,
            group: self.group.as_deref().map(|group| number_of(group, "/etc/group")).transpose().context("group")?,
            mode: mode(self.mode.as_deref(), "mode")?.unwrap_or(defaults.mode),
            key_mode,
            combined: self.combined.unwrap_or_default(),
            reload,
            reload_timeout: wait(self.reload_timeout_seconds, RELOAD_TIMEOUT_SECONDS, "reload_timeout_seconds")?,
            ..defaults
        })
    }

    fn probe(&self) -> anyhow::Result<Option<ProbeOptions>> {
        let Some(address) = &self.probe else {
            return match self.probe_patience_seconds {
                None => Ok(None),
                Some(_) => bail!("probe_patience_seconds is nothing without probe"),
            };
        };
        let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if !parts.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0)) {
            bail!("probe must be host:port");
        }
        let patience = wait(self.probe_patience_seconds, PROBE_PATIENCE_SECONDS, "probe_patience_seconds")?;
        Ok(Some(ProbeOptions { address: address.clone(), patience }))
    }

    fn roots(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.ca_file else { return Ok(None) };
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        if reqwest::Certificate::from_pem_bundle(text.as_bytes()).is_ok_and(|roots| !roots.is_empty()) {
            Ok(Some(text))
        } else {
            bail!("ca_file: there is no certificate in {}", file.display())
        }
    }
}

/// A URL to which a private key may be sent: with TLS, or on this machine.
fn private_url(url: Option<&str>, name: &str) -> anyhow::Result<String> {
    let text = url.ok_or_else(|| anyhow!("{name} is missing"))?;
    let url = reqwest::Url::parse(text).with_context(|| format!("{name} is no URL"))?;
    let host = url.host_str().unwrap_or_default();
    let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let here = host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => Ok(text.to_owned()),
        "http" if here => Ok(text.to_owned()),
        "http" => bail!("{name}: private keys are not sent over plain HTTP; use https://"),
        _ => bail!("{name} must begin with https://"),
    }
}

fn needed(value: Option<&Redacted>, file: Option<&Path>, name: &str) -> anyhow::Result<Secret> {
    let secret = secret(value, file)?.filter(|secret| !secret.expose().is_empty());
    secret.ok_or_else(|| anyhow!("{name} is missing"))
}

fn wait(seconds: Option<u64>, default: u64, name: &str) -> anyhow::Result<Duration> {
    match seconds.unwrap_or(default) {
        seconds if seconds <= LONGEST_WAIT_SECONDS => Ok(Duration::from_secs(seconds)),
        _ => bail!("{name} must be at most {LONGEST_WAIT_SECONDS}"),
    }
}

/// A mode in octal digits.
fn mode(text: Option<&str>, name: &str) -> anyhow::Result<Option<u32>> {
    let Some(text) = text else { return Ok(None) };
    match u32::from_str_radix(text, 8) {
        // Whoever owns the file must be able to read it.
        Ok(mode) if mode <= 0o777 && mode & 0o400 != 0 => Ok(Some(mode)),
        _ => bail!("{name} must be a mode in octal digits, such as \"0640\""),
    }
}

/// The number of a user or group that is given by name or number.
fn number_of(name: &str, file: &str) -> anyhow::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
    let number = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)).flatten()?.parse().ok()
    });
    number.ok_or_else(|| anyhow!("{name} is not in {file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> anyhow::Result<PushOptions> {
        #[derive(Deserialize)]
        struct File {
            push_targets: Vec<PushTarget>,
        }
        let source = config::File::from_str(toml, config::FileFormat::Toml);
        let file: File = config::Config::builder().add_source(source).build()?.try_deserialize()?;
        options(&file.push_targets)
    }

    #[test]
    fn targets_of_every_kind_are_read() {
        let options = read(
            "[[push_targets]]\nservice = \"elb\"\nkind = \"folder\"\npath = \"/etc/nginx/tls/{domain}\"\nowner = \"root\"\n\
             group = \"0\"\nmode = \"0640\"\ncombined = true\nreload = [\"systemctl\", \"reload\", \"nginx\"]\n\
             probe = \"[::1]:443\"\nauto_deploy = true\naccounts = [\"shop\"]\n\
             [[push_targets]]\nservice = \"ELB\"\nregion = \"cn-north-4\"\nkind = \"vendor\"\n\
             endpoint = \"https://elb.cn-north-4.example.com/\"\nproject_id = \"p\"\nak = \"a\"\nsk = \"s\"\n\
             [[push_targets]]\nservice = \"CDN\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1/x\"\nsecret = \"s\"\n\
             [[push_targets]]\nservice = \"WAF\"\nkind = \"registry\"\n",
        );
        let targets = options.unwrap().targets;
        assert_eq!(targets.len(), 4);
        match &targets[0].kind {
            TargetKind::Folder(folder) => {
                assert_eq!(
                    (folder.owner, folder.group, folder.mode, folder.key_mode),
                    (Some(0), Some(0), 0o640, 0o600)
                );
                assert_eq!(folder.reload, ["systemctl", "reload", "nginx"]);
                assert!(folder.combined && targets[0].auto_deploy);
                assert_eq!(targets[0].accounts, ["shop"]);
            }
            other => panic!("{other:?}"),
        }
        match &targets[1].kind {
            TargetKind::Vendor(vendor) => assert_eq!(vendor.endpoint, "https://elb.cn-north-4.example.com"),
            other => panic!("{other:?}"),
        }
        assert!(targets[3].probe.is_none() && !targets[3].auto_deploy);
        assert!(!format!("{:?}", targets[1]).contains("\"s\""));
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_name() {
        for (members, said) in [
            ("service = \"OBS\"\nkind = \"registry\"", "service must be one of"),
            ("service = \"ELB\"\nkind = \"ftp\"", "kind must be one of"),
            ("service = \"ELB\"", "kind must be one of"),
            ("service = \"CDN\"\nregion = \"x\"\nkind = \"registry\"", "CDN has no regions"),
            ("service = \"ELB\"\nregion = \"\"\nkind = \"registry\"", "region"),
            ("service = \"ELB\"\nkind = \"registry\"\npath = \"/x\"", "path is nothing for the kind registry"),
            ("service = \"ELB\"\nkind = \"registry\"\naccounts = [\"\"]", "accounts must be"),
            ("service = \"ELB\"\nkind = \"folder\"", "path is missing"),
            ("service = \"ELB\"\nkind = \"folder\"\npath = \"tls\"", "path must begin with /"),
            ("service = \"ELB\"\nkind = \"folder\"\npath = \"/x/{host}\"", "{domain}"),
            ("service = \"ELB\"\nkind = \"folder\"\npath = \"/x\"\nmode = \"rw\"", "octal"),
            ("service = \"ELB\"\nkind = \"folder\"\npath = \"/x\"\nkey_mode = \"0644\"", "shows the key"),
            ("service = \"ELB\"\nkind = \"folder\"\npath = \"/x\"\nowner = \"no-such-user\"", "no-such-user"),
            ("service = \"ELB\"\nkind = \"folder\"\npath = \"/x\"\nreload = [\"\"]", "reload"),
            ("service = \"ELB\"\nkind = \"folder\"\npath = \"/x\"\nreload_timeout_seconds = 600", "at most"),
            ("service = \"ELB\"\nkind = \"registry\"\nprobe = \"example.com\"", "host:port"),
            ("service = \"ELB\"\nkind = \"registry\"\nprobe = \":443\"", "host:port"),
            ("service = \"ELB\"\nkind = \"registry\"\nprobe_patience_seconds = 1", "without probe"),
            ("service = \"ELB\"\nkind = \"webhook\"\nsecret = \"s\"", "url is missing"),
            ("service = \"ELB\"\nkind = \"webhook\"\nurl = \"https://x\"", "secret"),
            ("service = \"ELB\"\nkind = \"webhook\"\nurl = \"http://x\"\nsecret = \"s\"", "plain HTTP"),
            ("service = \"ELB\"\nkind = \"webhook\"\nurl = \"ftp://x\"\nsecret = \"s\"", "https://"),
            ("service = \"ELB\"\nkind = \"vendor\"\nendpoint = \"https://x\"\nak = \"a\"\nsk = \"s\"", "project_id"),
            ("service = \"CDN\"\nkind = \"vendor\"\nendpoint = \"https://x\"\nsk = \"s\"", "ak is missing"),
            ("service = \"CDN\"\nkind = \"vendor\"\nendpoint = \"https://x\"\nak = \"a\"", "sk"),
            (
                "service = \"CDN\"\nkind = \"vendor\"\nendpoint = \"https://x\"\nak = \"a\"\nsk_file = \"/none\"",
                "/none",
            ),
            (
                "service = \"CDN\"\nkind = \"vendor\"\nendpoint = \"https://x\"\nak = \"a\"\nsk = \"s\"\nca_file = \"/dev/null\"",
                "no certificate",
            ),
        ] {
            let refusal = format!("{:#}", read(&format!("[[push_targets]]\n{members}")).unwrap_err());
            assert!(refusal.contains(said) && refusal.contains("push_targets[0]"), "{members}: {refusal}");
        }
        let twice = "[[push_targets]]\nservice = \"ELB\"\nkind = \"registry\"\n".repeat(2);
        assert!(read(&twice).unwrap_err().to_string().contains("already"));
    }
}
