//! Where certificates are pushed to.

use std::{path::PathBuf, time::Duration};

use openccm_auth::Secret;
use openccm_core::PushService;

/// Where certificates are pushed to. Where nothing is set, the embedded registry takes every service.
#[derive(Clone, Debug, Default)]
pub struct PushOptions {
    /// The targets: at most one for a service and region.
    pub targets: Vec<TargetOptions>,
}

/// What takes the certificates for a service in a region.
#[derive(Clone, Debug)]
pub struct TargetOptions {
    /// The service.
    pub service: PushService,
    /// The region; none for every region that has no target of its own. CDN has no regions.
    pub region: Option<String>,
    /// The accounts, by name or id, whose certificates go there; those of all where there are none.
    pub accounts: Vec<String>,
    /// What it is.
    pub kind: TargetKind,
    /// Where it can be seen whether the certificate is served.
    pub probe: Option<ProbeOptions>,
    /// Whether a certificate is pushed again when it was renewed.
    pub auto_deploy: bool,
}

/// The kinds of targets.
#[derive(Clone, Debug)]
pub enum TargetKind {
    /// The registry in this server's own database.
    Registry,
    /// The vendor's own service.
    Vendor(VendorOptions),
    /// A folder of this machine.
    Folder(FolderOptions),
    /// Somebody's web server.
    Webhook(WebhookOptions),
}

/// The vendor's own service on any endpoint.
#[derive(Clone, Debug)]
pub struct VendorOptions {
    /// Where it is (URL without a slash at the end).
    pub endpoint: String,
    /// The project there; CDN needs none.
    pub project_id: Option<String>,
    /// The access key.
    pub ak: String,
    /// Its secret.
    pub sk: Secret,
    /// The roots (PEM) that its certificate may stand under, beside those of the system.
    pub roots: Option<String>,
}

/// A folder for `fullchain.pem` and `privkey.pem`.
#[derive(Clone, Debug)]
pub struct FolderOptions {
    /// Its path. `{domain}` stands for the first domain name (`*` becomes `_`), `{name}` for the certificate's name.
    pub path: String,
    /// The user that the files belong to, by number.
    pub owner: Option<u32>,
    /// The group that the files belong to, by number.
    pub group: Option<u32>,
    /// The mode of `fullchain.pem`.
    pub mode: u32,
    /// The mode of `privkey.pem` and `combined.pem`.
    pub key_mode: u32,
    /// Whether chain and key are written into `combined.pem` too, as HAProxy before 3.0 wants them.
    pub combined: bool,
    /// The program, and its arguments, that has the server read the files again; empty for none.
    pub reload: Vec<String>,
    /// How long that may take.
    pub reload_timeout: Duration,
}

/// Somebody's web server.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// Its URL.
    pub url: String,
    /// The shared secret.
    pub secret: Secret,
    /// The roots (PEM) that its certificate may stand under, beside those of the system.
    pub roots: Option<String>,
}

/// Where it can be seen whether a certificate is served.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// Host and port.
    pub address: String,
    /// How long to wait for the certificate to be served.
    pub patience: Duration,
}

impl FolderOptions {
    /// A folder for the user that the server runs as, without a reload.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into().to_string_lossy().into_owned(),
            owner: None,
            group: None,
            mode: 0o644,
            key_mode: 0o600,
            combined: false,
            reload: Vec::new(),
            reload_timeout: Duration::from_secs(30),
        }
    }
}

impl TargetOptions {
    /// Whether certificates of this account go there.
    pub(super) fn admits(&self, account_id: &str, account_name: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|account| account == account_id || account == account_name)
    }
}

impl PushOptions {
    /// Whether nothing is set, so that the embedded registry takes every service.
    pub(super) fn is_default(&self) -> bool {
        self.targets.is_empty()
    }

    /// The targets of a service.
    pub(super) fn of(&self, service: PushService) -> impl Iterator<Item = &TargetOptions> {
        self.targets.iter().filter(move |target| target.service == service)
    }

    /// The target for a service and region: the one that names the region before the one that names none.
    pub(super) fn find(&self, service: PushService, region: &str) -> Option<TargetOptions> {
        if self.is_default() {
            return Some(TargetOptions {
                service,
                region: None,
                accounts: Vec::new(),
                kind: TargetKind::Registry,
                probe: None,
                auto_deploy: false,
            });
        }
        let named = self.of(service).find(|target| target.region.as_deref() == Some(region));
        named.or_else(|| self.of(service).find(|target| target.region.is_none())).cloned()
    }
}
