//! What certificates are pushed to, behind one trait.

use async_trait::async_trait;
use openccm_core::PushService;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    failure::Fault, folder::Folder, options::TargetKind, registry::Registry, vendor::VendorService, webhook::Webhook,
};
use crate::OpenCcm;

/// What is pushed.
pub(super) struct Pushed {
    pub(super) account_id: String,
    pub(super) certificate_id: String,
    pub(super) name: String,
    pub(super) domains: Vec<String>,
    /// The certificate, DER.
    pub(super) certificate: Vec<u8>,
    /// SHA-256 of it, in hexadecimal digits.
    pub(super) digest: String,
    /// PEM, with LF.
    pub(super) certificate_pem: String,
    /// PEM, with LF; empty where nothing is above the certificate.
    pub(super) chain_pem: String,
    /// PEM, with LF.
    pub(super) private_key_pem: Zeroizing<String>,
    pub(super) not_after_ms: i64,
    pub(super) service: PushService,
    /// Empty for CDN.
    pub(super) region: String,
    pub(super) now_ms: i64,
}

/// What a certificate is deployed to.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// Its id; of CDN, the domain name.
    pub id: String,
    /// Of WAF: `premium` or `cloud`; empty otherwise.
    pub kind: String,
    /// Of WAF: the enterprise project.
    pub enterprise_project_id: Option<String>,
}

/// Something that takes certificates.
#[async_trait]
pub(super) trait PushTarget: Send + Sync {
    /// Puts the certificate there: in the place of the copy with the id `copy`, where it has one. Gives its id there.
    async fn push(&self, pushed: &Pushed, copy: Option<&str>) -> Result<String, Fault>;

    /// Has a resource serve the copy with the id `copy`.
    async fn bind(&self, pushed: &Pushed, copy: &str, resource: &Resource) -> Result<(), Fault>;

    /// Whether there are copies, which resources then serve. Elsewhere a certificate goes to each resource by itself.
    fn keeps_copies(&self) -> bool {
        true
    }
}

/// What these options stand for.
pub(super) fn open(ccm: &OpenCcm, service: PushService, kind: TargetKind) -> Box<dyn PushTarget> {
    match kind {
        TargetKind::Registry => Box::new(Registry { ccm: ccm.clone() }),
        TargetKind::Vendor(options) => Box::new(VendorService { service, options }),
        TargetKind::Folder(options) => Box::new(Folder { ccm: ccm.clone(), options }),
        TargetKind::Webhook(options) => Box::new(Webhook { options }),
    }
}

impl Pushed {
    /// The certificate and those above it, PEM, with LF at the end.
    pub(super) fn full_chain_pem(&self) -> String {
        [self.certificate_pem.as_str(), &self.chain_pem].concat()
    }
}
