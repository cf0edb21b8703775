//! The server's own certificate: from files, or made under a root of its own; read again when it changes.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use axum_server::tls_rustls::RustlsConfig;
use openccm_core::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;
use x509_parser::pem::parse_x509_pem;

use crate::{
    files::{make_private_folder, write_private},
    settings::Settings,
};

/// How often the files are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const DAY: i64 = 24 * 60 * 60;
const ROOT_DAYS: i64 = 3650;
const SERVER_DAYS: i64 = 90;
/// A certificate of our own is made anew when it has so long left.
const RENEW_DAYS: i64 = 30;

/// The certificate and key that are served.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    private_key: PathBuf,
}

/// Chooses the library that does TLS's cryptography. Doing it twice does no harm.
pub(crate) fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Checks that the files in the settings can be used.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<()> {
    install_provider();
    match Files::in_settings(settings) {
        Some(files) => files.load().await.map(drop),
        None => Ok(()),
    }
}

/// What TLS is spoken with; none where the settings have none. From now on it follows the files.
pub(crate) async fn start(settings: &Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Option<RustlsConfig>> {
    install_provider();
    let own = settings.tls.auto.then(|| OwnCertificate::new(settings));
    let files = match &own {
        Some(own) => {
            own.renew(clock.now_ms() / 1000)?;
            Some(own.files.clone())
        }
        None => Files::in_settings(settings),
    };
    let Some(files) = files else { return Ok(None) };
    let config = files.load().await?;
    tokio::spawn(follow(config.clone(), files, own, clock));
    Ok(Some(config))
}

/// Reads the files again when they change. Files that cannot be used leave everything as it is.
async fn follow(config: RustlsConfig, files: Files, own: Option<OwnCertificate>, clock: Arc<dyn Clock>) {
    let mut seen = files.changed_at();
    let mut ticks = tokio::time::interval(LOOK_AGAIN);
    loop {
        ticks.tick().await;
        if let Some(own) = &own
            && let Err(error) = own.renew(clock.now_ms() / 1000)
        {
            tracing::error!(%error, "the server's own certificate cannot be renewed");
        }
        let changed = files.changed_at();
        if changed == seen {
            continue;
        }
        seen = changed;
        match config.reload_from_pem_file(&files.certificate, &files.private_key).await {
            Ok(()) => tracing::info!(certificate = %files.certificate.display(), "read the TLS certificate again"),
            Err(error) => tracing::error!(%error, "the changed TLS certificate cannot be used; the old one stays"),
        }
    }
}

impl Files {
    fn in_settings(settings: &Settings) -> Option<Self> {
        let (certificate, private_key) = settings.tls.certificate.as_ref().zip(settings.tls.private_key.as_ref())?;
        Some(Self { certificate: certificate.clone(), private_key: private_key.clone() })
    }

    async fn load(&self) -> anyhow::Result<RustlsConfig> {
        RustlsConfig::from_pem_file(&self.certificate, &self.private_key).await.with_context(|| {
            format!("{} and {} cannot be used for TLS", self.certificate.display(), self.private_key.display())
        })
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [modified(&self.certificate), modified(&self.private_key)]
    }
}

/// A certificate that the server makes for itself, under a root that clients are told to trust.
struct OwnCertificate {
    root: Files,
    files: Files,
    names: Vec<String>,
}

impl OwnCertificate {
    fn new(settings: &Settings) -> Self {
        let folder = settings.data_dir.join("tls");
        let files = |name: &str| Files {
            certificate: folder.join(format!("{name}.pem")),
            private_key: folder.join(format!("{name}.key")),
        };
        let mut names = settings.tls.names.clone();
        for name in ["localhost".to_owned(), "127.0.0.1".into(), "::1".into()] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Self { root: files("root"), files: files("server"), names }
    }

    /// Makes what is missing, about to end, or for other names. `now` is in seconds since the epoch.
    fn renew(&self, now: i64) -> anyhow::Result<()> {
        if let Some(folder) = self.files.certificate.parent() {
            make_private_folder(folder)?;
        }
        let root_end = end_of(&self.root.certificate).unwrap_or(0);
        if !self.root.private_key.exists() || root_end - now < (SERVER_DAYS + RENEW_DAYS) * DAY {
            self.make_root(now)?;
        }
        if self.is_good(now) { Ok(()) } else { self.make_server_certificate(now) }
    }

    fn is_good(&self, now: i64) -> bool {
        let names = fs::read_to_string(self.names_file()).unwrap_or_default();
        let end = end_of(&self.files.certificate).unwrap_or(0);
        // A certificate under an earlier root must go with it.
        let made_after_root = modified(&self.files.certificate) >= modified(&self.root.certificate);
        self.files.private_key.exists()
            && made_after_root
            && names == self.names.join("\n")
            && end - now > RENEW_DAYS * DAY
    }

    /// Which names the certificate was made for.
    fn names_file(&self) -> PathBuf {
        self.files.certificate.with_extension("names")
    }

    fn make_root(&self, now: i64) -> anyhow::Result<()> {
        let mut params = params("OpenCCM server root", now, ROOT_DAYS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        write_private(&self.root.private_key, key.serialize_pem().as_bytes())?;
        write_private(&self.root.certificate, certificate.pem().as_bytes())?;
        tracing::info!(root = %self.root.certificate.display(), "made a root for TLS: give it to clients to trust");
        Ok(())
    }

    fn make_server_certificate(&self, now: i64) -> anyhow::Result<()> {
        let root_key = KeyPair::from_pem(&fs::read_to_string(&self.root.private_key)?)?;
        let root_pem = fs::read_to_string(&self.root.certificate)?;
        let issuer = Issuer::from_ca_cert_pem(&root_pem, root_key)?;
        let mut params = params("OpenCCM server", now, SERVER_DAYS)?;
        params.subject_alt_names = CertificateParams::new(self.names.clone())?.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        write_private(&self.files.private_key, key.serialize_pem().as_bytes())?;
        write_private(&self.files.certificate, format!("{}{root_pem}", certificate.pem()).as_bytes())?;
        write_private(&self.names_file(), self.names.join("\n").as_bytes())?;
        Ok(())
    }
}

fn params(common_name: &str, now: i64, days: i64) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    // A little in the past, for clients whose clocks are behind.
    params.not_before = OffsetDateTime::from_unix_timestamp(now - 300)?;
    params.not_after = OffsetDateTime::from_unix_timestamp(now + days * DAY)?;
    Ok(params)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// When a certificate ends, in seconds since the epoch.
fn end_of(path: &Path) -> anyhow::Result<i64> {
    let pem = fs::read(path)?;
    let Ok((_, block)) = parse_x509_pem(&pem) else { bail!("{} holds no certificate", path.display()) };
    let certificate = block.parse_x509()?;
    Ok(certificate.validity().not_after.timestamp())
}
