//! SSL certificates: imported or ordered, verified, issued, exported, pushed to the servers that serve them.

pub mod certificates;
pub mod import;
pub mod issuers;
pub mod notifications;
pub mod orders;
pub mod products;
pub mod push;
pub mod signing_requests;
pub mod validation;

use std::collections::BTreeMap;

use self::{
    issuers::{AuthorityOptions, acme::AcmeOptions},
    notifications::NotificationOptions,
    products::{Catalogue, OWN_ISSUER},
    push::PushOptions,
    validation::ValidationOptions,
};
use crate::mail::MailOptions;

/// How many free certificates an account may have, where nothing else is set.
const FREE_CERTIFICATES: i64 = 20;

/// What the service of SSL certificates is made with.
#[derive(Clone, Debug)]
pub struct SslOptions {
    /// What can be ordered.
    pub products: Catalogue,
    /// How many free certificates an account may have.
    pub free_certificates: i64,
    /// The authorities of this server that issue, by the names that products know them by.
    pub authorities: BTreeMap<String, AuthorityOptions>,
    /// The ACME services that issue, by the names that products know them by.
    pub acme: BTreeMap<String, AcmeOptions>,
    /// How domain names are verified.
    pub validation: ValidationOptions,
    /// How mails are sent; none where they cannot be.
    pub mail: Option<MailOptions>,
    /// Where notices about the end of certificates go.
    pub notifications: NotificationOptions,
    /// Where certificates are pushed to.
    pub push: PushOptions,
}

impl Default for SslOptions {
    fn default() -> Self {
        Self {
            products: Catalogue::default(),
            free_certificates: FREE_CERTIFICATES,
            authorities: BTreeMap::new(),
            acme: BTreeMap::new(),
            validation: ValidationOptions::default(),
            mail: None,
            notifications: NotificationOptions::default(),
            push: PushOptions::default(),
        }
    }
}

impl SslOptions {
    /// Whether there is an issuer of this name.
    pub fn has_issuer(&self, issuer: &str) -> bool {
        self.authority(issuer).is_some() || self.acme.contains_key(issuer)
    }

    /// The authority that products know by this name; `own` is always there.
    fn authority(&self, issuer: &str) -> Option<&AuthorityOptions> {
        const OWN: &AuthorityOptions = &AuthorityOptions { ca_id: None };
        self.authorities.get(issuer).or_else(|| (issuer == OWN_ISSUER).then_some(OWN))
    }
}
