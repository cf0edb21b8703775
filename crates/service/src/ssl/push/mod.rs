//! Pushing SSL certificates to the servers that serve them.
//!
//! Which those are is configured by service (ELB, WAF, CDN) and region. A push is a row (`ssl_pushes`): the call that wishes
//! for it makes the first attempt itself; what failed for a reason that may pass is tried again by the job `retry_pushes`,
//! ever more slowly, for a day. What was accepted is looked at, where a probe is configured: the server that should now
//! serve the certificate either does or does not, and is looked at again in the latter case.
//!
//! A service has one copy of a certificate (`ssl_push_copies`), which is updated by later pushes and taken over by the
//! certificate that renews it, so that what it is bound to there goes on serving.

mod attempt;
mod failure;
mod folder;
mod history;
mod http;
mod operations;
mod options;
mod place;
mod probe;
pub mod registry;
mod renewal;
mod target;
mod text;
mod vendor;
mod webhook;

pub use attempt::retry_due;
pub use failure::{FailureKind, PushFailure};
pub use history::{Deployed, HistoryEntry, PushState, RegionResources, ServiceDeployment, history, list_deployed};
pub use operations::{BatchResult, DeployFailure, batch_push, deploy, push};
pub use options::{FolderOptions, ProbeOptions, PushOptions, TargetKind, TargetOptions, VendorOptions, WebhookOptions};
pub use renewal::{reissued, renewed};
pub use target::Resource;
