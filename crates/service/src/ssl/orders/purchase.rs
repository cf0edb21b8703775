//! Buying: an order of certificates that are still to be applied for.

use openccm_core::{CertificateBrand, CertificateType, DomainType, Invalid, SslOperation, SslStatus, Subject};
use openccm_store::{
    Session,
    ssl_certificates::{self as store, NewSslCertificate},
    ssl_orders,
    tags::{ResourceType, Tag},
};

use super::{change, event};
use crate::{
    Caller, Error, OpenCcm,
    ssl::{certificates, products::FREE_MONTHS},
    tags,
};

/// The most domain names of a certificate for several.
const MAX_DOMAINS: i64 = 250;

/// What is bought.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// The brand.
    pub brand: CertificateBrand,
    /// What is verified.
    pub certificate_type: CertificateType,
    /// For which domain names.
    pub domain_type: DomainType,
    /// Of several domain names: whether the first one is a wildcard.
    pub primary_domain_type: Option<DomainType>,
    /// For how many years; 0 for three months, free.
    pub years: i64,
    /// How many domain names each certificate may have.
    pub domain_count: i64,
    /// How many of the others may be plain names, where that is said.
    pub single_count: Option<i64>,
    /// How many of the others may be wildcards.
    pub wildcard_count: Option<i64>,
    /// How many certificates.
    pub order_number: i64,
    /// How many certificates an order may have.
    pub max_order_number: i64,
    /// The enterprise project.
    pub enterprise_project_id: String,
    /// The certificate that is renewed.
    pub origin_id: Option<String>,
    /// The tags that each certificate is given.
    pub tags: Vec<Tag>,
}

/// An order.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// Its certificates.
    pub certificate_ids: Vec<String>,
}

impl Purchase {
    fn check(&self) -> Result<(), Invalid> {
        if !(1..=self.max_order_number).contains(&self.order_number) {
            let reason = format!("must be 1 to {}", self.max_order_number);
            return Err(Invalid::new(Subject::OrderNumber, "order_number", reason));
        }
        let wrong = |field: &str, reason: &str| Err(Invalid::new(Subject::DomainNumber, field, reason));
        let others = (self.single_count.unwrap_or(0), self.wildcard_count.unwrap_or(0));
        if ![others.0, others.1].iter().all(|count| (0..MAX_DOMAINS).contains(count)) {
            return wrong("single_domain_number", "must be 0 to 249, and so must wildcard_domain_number");
        }
        if self.domain_type != DomainType::Multi {
            return if self.domain_count == 1 && others.1 == 0 {
                Ok(())
            } else {
                wrong("domain_numbers", "must be 1, without more wildcards")
            };
        }
        if !(2..=MAX_DOMAINS).contains(&self.domain_count) {
            return wrong("domain_numbers", "must be 2 to 250");
        }
        let said = self.single_count.is_some() && self.wildcard_count.is_some();
        if others.1 >= self.domain_count || (said && 1 + others.0 + others.1 != self.domain_count) {
            return wrong("domain_numbers", "must be one more than single_domain_number and wildcard_domain_number");
        }
        Ok(())
    }
}

/// Buys certificates. They are paid: what a certificate costs is between the operator and the users.
///
/// # Errors
/// What the catalogue does not have, numbers out of their range, a certificate to renew that is not there, or more free
/// certificates than an account may have ([`Error::TooManyFreeCertificates`]).
pub async fn buy(ccm: &OpenCcm, caller: &Caller, purchase: Purchase) -> Result<Order, Error> {
    purchase.check()?;
    tags::check(&purchase.tags)?;
    let catalogue = &ccm.ssl().products;
    let product =
        catalogue.find(purchase.brand, purchase.certificate_type, purchase.domain_type, purchase.years)?.clone();
    let now_ms = ccm.now_ms();
    let order_id = order_id(ccm)?;
    let mut session = ccm.database().write().await?;
    if let Some(origin_id) = &purchase.origin_id {
        certificates::find(&mut session, &caller.account_id, origin_id).await?;
    }
    if product.months() == FREE_MONTHS {
        session.lock(&format!("free-certificates:{}", caller.account_id)).await?;
        let used = store::count_free(&mut session, &caller.account_id, FREE_MONTHS).await?;
        if used + purchase.order_number > ccm.ssl().free_certificates {
            return Err(Error::TooManyFreeCertificates { quota: ccm.ssl().free_certificates });
        }
    }
    let mut certificate_ids = Vec::new();
    for _ in 0..purchase.order_number {
        let new = NewSslCertificate {
            id: String::new(),
            account_id: caller.account_id.clone(),
            enterprise_project_id: purchase.enterprise_project_id.clone(),
            name: String::new(),
            status: SslStatus::Paid,
            order_id: Some(order_id.clone()),
            brand: Some(product.brand.to_string()),
            certificate_type: Some(product.certificate_type.to_string()),
            domain_type: product.domain_type.to_string(),
            primary_domain_type: (product.domain_type == DomainType::Multi)
                .then(|| purchase.primary_domain_type.unwrap_or(DomainType::Single).to_string()),
            domain_count: purchase.domain_count,
            wildcard_count: purchase.wildcard_count.unwrap_or(0),
            validity_months: product.months(),
            issuer: Some(product.issuer.clone()),
            origin_id: purchase.origin_id.clone(),
            created_at: now_ms,
        };
        let id = insert(ccm, &mut session, new).await?;
        tags::put(&mut session, &caller.account_id, ResourceType::SslCertificate, &id, &purchase.tags).await?;
        ssl_orders::insert_event(&mut session, &id, event::BOUGHT, &caller.user_name, &product.name(), now_ms).await?;
        certificate_ids.push(id);
    }
    session.commit().await?;
    Ok(Order { id: order_id, certificate_ids })
}

/// Gives an order back: its certificate is gone.
///
/// # Errors
/// A certificate that is not there or whose status does not allow it.
pub async fn unsubscribe(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    let row = certificates::find(&mut session, &caller.account_id, id).await?;
    let status = certificates::check_allowed(&row, SslOperation::Unsubscribe, ccm.now_ms())?;
    if row.order_id.is_none() {
        return Err(Error::StatusConflict("an imported certificate was not ordered".into()));
    }
    change(ccm, &mut session, &row, status, status).await?;
    certificates::remove(ccm, &mut session, &caller.account_id, id).await?;
    let user = &caller.user_name;
    ssl_orders::insert_event(&mut session, id, event::UNSUBSCRIBED, user, "", ccm.now_ms()).await?;
    Ok(session.commit().await?)
}

/// Adds a certificate under the next free id, `scs` and 13 digits of milliseconds; one without a name is named by its id.
pub(crate) async fn insert(ccm: &OpenCcm, session: &mut Session, new: NewSslCertificate) -> Result<String, Error> {
    loop {
        let id = format!("scs{:013}", ccm.next_ssl_certificate_ms());
        let name = if new.name.is_empty() { id.clone() } else { new.name.clone() };
        if store::insert(session, &NewSslCertificate { id: id.clone(), name, ..new.clone() }).await? {
            return Ok(id);
        }
    }
}

/// An order's id in the form of the vendor's: `CS`, year to minute, five characters.
fn order_id(ccm: &OpenCcm) -> Result<String, Error> {
    let now = time::OffsetDateTime::from_unix_timestamp(ccm.now_ms() / 1000).map_err(Error::key)?;
    let random = openccm_auth::random_text(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 5).map_err(Error::key)?;
    Ok(format!(
        "CS{:02}{:02}{:02}{:02}{:02}{}",
        now.year().rem_euclid(100),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        *random
    ))
}
