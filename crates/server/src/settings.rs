//! The settings: a TOML file, overridden by the environment.

mod acme;
mod buckets;
mod mail;
mod notifications;
mod push;
mod ssl;
mod validation;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use config::{Config, Environment, File, FileFormat};
use openccm_auth::Secret;
use openccm_service::{
    bucket_store::{BucketSettings, check_bucket_name},
    ssl::SslOptions,
};
use serde::{Deserialize, Deserializer};

use self::{buckets::Buckets, mail::Mail, notifications::Notifications, validation::DomainValidation};

const DEFAULT_FILE: &str = "openccm.toml";
const PREFIX: &str = "OPENCCM_";

/// Everything that can be set.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Where to listen: address and port; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Where files are kept.
    pub(crate) data_dir: PathBuf,
    database_url: Option<Redacted>,
    database_url_file: Option<PathBuf>,
    /// Where clients reach the server.
    pub(crate) public_url: Option<String>,
    /// Where to listen, with plain HTTP, for what relying parties ask: revocation lists and OCSP.
    pub(crate) revocation_listen: Option<SocketAddr>,
    /// Where relying parties get revocation lists and OCSP answers.
    revocation_url: Option<String>,
    /// Whether plain HTTP may be spoken on an address that is not loopback.
    allow_plain_http: bool,
    master_key_file: Option<PathBuf>,
    /// The first account's name.
    pub(crate) bootstrap_domain_name: String,
    /// The first project's name.
    pub(crate) bootstrap_project_name: String,
    /// The first user's name.
    pub(crate) bootstrap_user_name: String,
    bootstrap_password: Option<Redacted>,
    bootstrap_password_file: Option<PathBuf>,
    bootstrap_ak: Option<String>,
    bootstrap_ak_file: Option<PathBuf>,
    bootstrap_sk: Option<Redacted>,
    bootstrap_sk_file: Option<PathBuf>,
    /// How many authorities an account may have.
    pub(crate) quota_cas: i64,
    /// How many certificates an account may have.
    pub(crate) quota_certificates: i64,
    /// How far the time of a signed request may be off, in seconds.
    pub(crate) signature_window_seconds: u32,
    /// How many RSA keys of 2048 bits are kept ready.
    pub(crate) key_pool_rsa2048: usize,
    /// How many RSA keys of 4096 bits are kept ready.
    pub(crate) key_pool_rsa4096: usize,
    /// How logs are written.
    pub(crate) log_format: LogFormat,
    /// What is logged: a level, or directives such as `info,sqlx=debug`.
    pub(crate) log_level: String,
    /// How long requests under way may take after a signal to stop, in seconds.
    pub(crate) shutdown_grace_seconds: u64,
    /// TLS.
    pub(crate) tls: Tls,
    /// Where revocation lists are published.
    pub(crate) buckets: Buckets,
    /// SSL certificates: what can be ordered, and who issues it.
    ssl: ssl::Ssl,
    /// How domain names are verified.
    domain_validation: DomainValidation,
    /// How mails are sent.
    mail: Mail,
    /// Where notices about the end of certificates go.
    notifications: Notifications,
    /// ACME services that issue SSL certificates, by name.
    acme: BTreeMap<String, acme::Acme>,
    /// Where SSL certificates are pushed to.
    push_targets: Vec<push::PushTarget>,
    /// Variables of the environment that look like settings and are none.
    #[serde(skip)]
    pub(crate) unknown_variables: BTreeSet<String>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the server's own certificate comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tls {
    /// The certificate and its chain, PEM.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub(crate) private_key: Option<PathBuf>,
    /// Whether to make a certificate under a root of the server's own.
    pub(crate) auto: bool,
    /// The names and addresses in that certificate.
    #[serde(deserialize_with = "list")]
    pub(crate) names: Vec<String>,
}

/// A setting that must not be printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
struct Redacted(String);

impl std::fmt::Debug for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A list in TOML, or a text with commas from the environment.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Items(Vec<String>),
        Text(String),
    }
    Ok(match List::deserialize(deserializer)? {
        List::Items(items) => items,
        List::Text(text) => {
            text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
        }
    })
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data_dir: "data".into(),
            database_url: None,
            database_url_file: None,
            public_url: None,
            revocation_listen: None,
            revocation_url: None,
            allow_plain_http: false,
            master_key_file: None,
            bootstrap_domain_name: "openccm".into(),
            bootstrap_project_name: "cn-north-4".into(),
            bootstrap_user_name: "admin".into(),
            bootstrap_password: None,
            bootstrap_password_file: None,
            bootstrap_ak: None,
            bootstrap_ak_file: None,
            bootstrap_sk: None,
            bootstrap_sk_file: None,
            quota_cas: 100,
            quota_certificates: 100_000,
            signature_window_seconds: 15 * 60,
            key_pool_rsa2048: 8,
            key_pool_rsa4096: 2,
            log_format: LogFormat::Text,
            log_level: "info".into(),
            shutdown_grace_seconds: 30,
            tls: Tls::default(),
            buckets: Buckets::default(),
            ssl: ssl::Ssl::default(),
            domain_validation: DomainValidation::default(),
            mail: Mail::default(),
            notifications: Notifications::default(),
            acme: BTreeMap::new(),
            push_targets: Vec::new(),
            unknown_variables: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Reads `file`, or `openccm.toml` where it exists, and the environment.
    ///
    /// A name in the file that is no setting is refused, for it is a mistake; one in the environment is only remembered, for
    /// it may be meant for something else.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let environment = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX));
        Self::read(file, environment.collect())
    }

    fn read(file: Option<&Path>, environment: Vec<(String, String)>) -> anyhow::Result<Self> {
        let file_source = match file {
            Some(path) => File::from(path).format(FileFormat::Toml).required(true),
            None => File::new(DEFAULT_FILE, FileFormat::Toml).required(false),
        };
        let shown = file.unwrap_or(Path::new(DEFAULT_FILE)).display().to_string();
        let from_file = Config::builder().add_source(file_source.clone()).build();
        let from_file = from_file.with_context(|| format!("the settings in {shown} cannot be read"))?;
        let (_, unknown) = deserialize(from_file).with_context(|| format!("the settings in {shown} cannot be used"))?;
        if let Some(name) = unknown.first() {
            bail!("{shown}: {name} is no setting");
        }
        let variables = Environment::with_prefix("OPENCCM")
            .prefix_separator("_")
            .separator("__")
            .ignore_empty(true)
            .source(Some(environment.into_iter().collect()));
        let all = Config::builder().add_source(file_source).add_source(variables).build()?;
        let (mut settings, unknown) = deserialize(all).context("the settings in the environment cannot be used")?;
        let variable = |name: String| format!("{PREFIX}{}", name.replace('.', "__").to_uppercase());
        settings.unknown_variables = unknown.into_iter().map(variable).collect();
        settings.check()?;
        Ok(settings)
    }

    /// Checks what does not hold for a single setting.
    fn check(&self) -> anyhow::Result<()> {
        if self.tls.certificate.is_some() != self.tls.private_key.is_some() {
            bail!("tls.certificate and tls.private_key go together");
        }
        if self.tls.auto && self.tls.certificate.is_some() {
            bail!("tls.auto makes a certificate of its own: leave tls.certificate and tls.private_key out");
        }
        if !self.has_tls() && !self.allow_plain_http && !self.listen.ip().is_loopback() {
            bail!(
                "plain HTTP is for loopback only, and listen is {}: set tls.certificate and tls.private_key, or tls.auto, \
                 or allow_plain_http = true where something in front speaks TLS",
                self.listen
            );
        }
        let urls = [
            ("public_url", &self.public_url),
            ("revocation_url", &self.revocation_url),
            ("buckets.public_url", &self.buckets.public_url),
        ];
        for (name, url) in urls {
            if url.as_ref().is_some_and(|url| !(url.starts_with("http://") || url.starts_with("https://"))) {
                bail!("{name} must begin with http:// or https://");
            }
        }
        for name in &self.buckets.names {
            check_bucket_name(name).map_err(|reason| anyhow!("buckets.names: {name}: {reason}"))?;
        }
        if self.quota_cas < 0 || self.quota_certificates < 0 {
            bail!("quotas must not be negative");
        }
        let key = (self.bootstrap_ak()?, self.bootstrap_sk()?);
        if key.0.is_some() != key.1.is_some() {
            bail!("bootstrap_ak and bootstrap_sk go together");
        }
        self.ssl_options().map(drop)
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.tls.auto || self.tls.certificate.is_some()
    }

    /// The database's address: a SQLite file in the data folder where none is set.
    pub(crate) fn database_url(&self) -> anyhow::Result<String> {
        match secret(self.database_url.as_ref(), self.database_url_file.as_deref())? {
            Some(url) => Ok(url.expose().to_owned()),
            None => Ok(format!("sqlite://{}", self.data_dir.join("openccm.db").display())),
        }
    }

    pub(crate) fn master_key_file(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    pub(crate) fn bootstrap_password(&self) -> anyhow::Result<Option<Secret>> {
        secret(self.bootstrap_password.as_ref(), self.bootstrap_password_file.as_deref())
    }

    pub(crate) fn bootstrap_ak(&self) -> anyhow::Result<Option<Secret>> {
        secret(self.bootstrap_ak.clone().map(Redacted).as_ref(), self.bootstrap_ak_file.as_deref())
    }

    pub(crate) fn bootstrap_sk(&self) -> anyhow::Result<Option<Secret>> {
        secret(self.bootstrap_sk.as_ref(), self.bootstrap_sk_file.as_deref())
    }

    /// The address at which clients reach a server that listens on `address`.
    pub(crate) fn public_url(&self, address: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => self.url_of(address),
        }
    }

    /// The address at which relying parties reach a server that listens for them on `address`, where it does so apart.
    pub(crate) fn revocation_url(&self, public_url: &str, address: Option<SocketAddr>) -> String {
        match (&self.revocation_url, address) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(address)) => format!("http://{}", reachable(address)),
            (None, None) => public_url.to_owned(),
        }
    }

    /// Where what is in buckets is read, where that is not this server.
    pub(crate) fn bucket_url(&self) -> Option<String> {
        self.buckets.public_url.as_ref().map(|url| url.trim_end_matches('/').to_owned())
    }

    /// Where buckets are.
    pub(crate) fn bucket_settings(&self) -> anyhow::Result<BucketSettings> {
        self.buckets.settings(&self.data_dir)
    }

    /// What the service of SSL certificates is made with.
    pub(crate) fn ssl_options(&self) -> anyhow::Result<SslOptions> {
        let mail = self.mail.options()?;
        let mut options = SslOptions {
            validation: self.domain_validation.options()?,
            notifications: self.notifications.options(mail.is_some())?,
            mail,
            acme: acme::options(&self.acme)?,
            push: push::options(&self.push_targets)?,
            ..SslOptions::default()
        };
        self.ssl.apply(&mut options)?;
        Ok(options)
    }

    /// The address at which this machine reaches the server.
    pub(crate) fn own_url(&self) -> String {
        self.url_of(self.listen)
    }

    fn url_of(&self, address: SocketAddr) -> String {
        let scheme = if self.has_tls() { "https" } else { "http" };
        format!("{scheme}://{}", reachable(address))
    }

    /// What would be used, without secrets.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::from("the settings are good\n");
        let database = match (&self.database_url, &self.database_url_file) {
            (None, None) => self.database_url().unwrap_or_default(),
            (Some(Redacted(url)), _) => format!("{}://…", url.split(':').next().unwrap_or_default()),
            (None, Some(file)) => format!("as in {}", file.display()),
        };
        let _ =
            writeln!(text, "  listen       {} ({})", self.listen, if self.has_tls() { "TLS" } else { "plain HTTP" });
        let _ = writeln!(text, "  public_url   {}", self.public_url(self.listen));
        let public_url = self.public_url(self.listen);
        let _ = writeln!(text, "  CRL, OCSP    {}", self.revocation_url(&public_url, self.revocation_listen));
        let _ = writeln!(text, "  data_dir     {}", self.data_dir.display());
        let _ = writeln!(text, "  database     {database}");
        let buckets = match self.bucket_settings() {
            Ok(BucketSettings::Folder(folder)) => format!("folders in {}", folder.display()),
            Ok(BucketSettings::S3(service)) => format!("at {}", service.endpoint),
            Err(error) => error.to_string(),
        };
        let _ = writeln!(text, "  buckets      {buckets}");
        for (name, service) in &self.acme {
            let _ = writeln!(text, "  acme         {name}: {}", service.describe());
        }
        let _ = writeln!(text, "  master key   {}", self.master_key_file().display());
        let _ = writeln!(text, "  quotas       {} CAs, {} certificates", self.quota_cas, self.quota_certificates);
        for name in &self.unknown_variables {
            let _ = writeln!(text, "  warning      the environment variable {name} is no setting");
        }
        text
    }
}

/// A server that listens everywhere is reached, from here, at the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn deserialize(config: Config) -> anyhow::Result<(Settings, Vec<String>)> {
    let mut unknown = Vec::new();
    let settings = serde_ignored::deserialize(config, |path| unknown.push(path.to_string()))?;
    Ok((settings, unknown))
}

/// A secret that is set, or stands in a file without the blanks around it.
fn secret(value: Option<&Redacted>, file: Option<&Path>) -> anyhow::Result<Option<Secret>> {
    match (value, file) {
        (Some(Redacted(value)), _) => Ok(Some(Secret::new(value.clone()))),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
            Ok(Some(Secret::new(text.trim().to_owned())))
        }
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str, environment: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("openccm.toml");
        std::fs::write(&file, toml).unwrap();
        let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Settings::read(Some(&file), environment)
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let toml = "listen = \"127.0.0.1:1\"\nquota_cas = 5\n[tls]\nauto = true\nnames = [\"a\"]\n";
        let environment =
            [("OPENCCM_LISTEN", "127.0.0.1:2"), ("OPENCCM_TLS__NAMES", "b, c"), ("OPENCCM_QUOTA_CERTIFICATES", "7")];
        let settings = read(toml, &environment).unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.tls.names, ["b", "c"]);
        assert_eq!((settings.quota_cas, settings.quota_certificates), (5, 7));
    }

    #[test]
    fn a_credential_of_digits_stays_as_it_is() {
        let environment = [
            ("OPENCCM_BOOTSTRAP_AK", "0012"),
            ("OPENCCM_BOOTSTRAP_SK", "0034"),
            ("OPENCCM_BOOTSTRAP_PASSWORD", "true"),
            ("OPENCCM_DATABASE_URL", ""),
        ];
        let settings = read("", &environment).unwrap();
        assert_eq!(settings.bootstrap_ak().unwrap().unwrap().expose(), "0012");
        assert_eq!(settings.bootstrap_sk().unwrap().unwrap().expose(), "0034");
        assert_eq!(settings.bootstrap_password().unwrap().unwrap().expose(), "true");
        assert_eq!(settings.database_url().unwrap(), "sqlite://data/openccm.db");
        assert!(!format!("{settings:?}").contains("0034"));
    }

    #[test]
    fn mistakes_are_refused_with_their_names() {
        let refused = |toml: &str| format!("{:#}", read(toml, &[]).unwrap_err());
        assert!(refused("listn = \"127.0.0.1:1\"").contains("listn is no setting"));
        assert!(refused("[tls]\ncertificat = \"a\"").contains("tls.certificat is no setting"));
        assert!(refused("listen = \"nowhere\"").contains("listen"));
        assert!(refused("listen = \"0.0.0.0:8080\"").contains("plain HTTP is for loopback only"));
        assert!(refused("[tls]\ncertificate = \"a\"").contains("go together"));
        assert!(refused("bootstrap_ak = \"a\"").contains("go together"));
        assert!(refused("quota_cas = -1").contains("negative"));
        assert!(refused("public_url = \"ccm.example.com\"").contains("public_url"));
        assert!(refused("revocation_url = \"ldap://x\"").contains("revocation_url"));
        assert!(refused("[buckets]\nnames = [\"UPPER\"]").contains("buckets.names: UPPER"));
        let settings = read("", &[("OPENCCM_LISTN", "x")]).unwrap();
        assert!(settings.unknown_variables.contains("OPENCCM_LISTN"));
    }

    #[test]
    fn addresses_other_than_loopback_need_tls_or_consent() {
        assert!(read("listen = \"[::1]:8080\"", &[]).is_ok());
        assert!(read("listen = \"0.0.0.0:8080\"\nallow_plain_http = true", &[]).is_ok());
        let settings = read("listen = \"0.0.0.0:8080\"\n[tls]\nauto = true", &[]).unwrap();
        assert_eq!(settings.own_url(), "https://127.0.0.1:8080");
    }
}
