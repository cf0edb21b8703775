use openccm_core::{AuthorityOperation, CaId, Invalid, KeyUsage, KeyUsages, Subject};
use openccm_pki::Certificate;
use openccm_store::{
    Session, StoreError, agencies, buckets,
    certificate_authorities::{self, CertificateAuthority, CrlColumns},
    revocation_lists::{self, ListKey, NewRevocationList},
};

use super::{publish_all_of, reconciliation::is_taken};
use crate::{Caller, Error, OpenCcm, authorities::find_for};

/// The most partitions that a list can be split into.
const MAX_PARTITIONS: i64 = 1024;

/// How an authority is to publish its revocation list.
#[derive(Clone, Debug)]
pub struct CrlConfiguration {
    /// Whether it is to publish any. The rest counts only if so.
    pub enabled: bool,
    /// The list's name; the authority's id where it is left open.
    pub name: Option<String>,
    /// The bucket.
    pub bucket: Option<String>,
    /// How many days a list is valid, 7 to 30.
    pub valid_days: Option<i64>,
    /// Into how many lists the certificates are spread, beside the complete one, 1 to 1024; 1 where it is left open.
    pub partitions: Option<i64>,
}

/// A configuration that was checked, apart from its authority.
#[derive(Clone, Debug)]
pub(crate) struct CrlPlan {
    name: Option<String>,
    bucket: String,
    valid_days: i64,
    partitions: i64,
}

impl CrlConfiguration {
    /// Checks the configuration for this caller; gives nothing where publishing is not enabled.
    ///
    /// # Errors
    /// A value that is missing or out of its limits; no agency ([`Error::NoAgency`]); a bucket that does not exist; a name
    /// under which another authority's list is still published.
    async fn plan(
        &self,
        ccm: &OpenCcm,
        caller: &Caller,
        authority: Option<&Certificate>,
    ) -> Result<Option<CrlPlan>, Error> {
        if !self.enabled {
            return Ok(None);
        }
        let plan = self.check()?;
        let mut session = ccm.database().read().await?;
        if agencies::find(&mut session, &caller.account_id).await?.is_none() {
            return Err(Error::NoAgency);
        }
        if !buckets::exists(&mut session, &plan.bucket).await? {
            return Err(invalid("obs_bucket_name", "names a bucket that does not exist").into());
        }
        drop(session);
        if let Some(name) = &plan.name
            && is_taken(ccm, &plan.bucket, &format!("{}.crl", stem(name)), authority).await
        {
            return Err(name_is_taken().into());
        }
        Ok(Some(plan))
    }

    /// As [`Self::plan`], for an authority that is yet to get its certificate, by the member `crl_configuration` of a request.
    pub(crate) async fn plan_first(
        member: Option<&Self>,
        ccm: &OpenCcm,
        caller: &Caller,
    ) -> Result<Option<CrlPlan>, Error> {
        let Some(configuration) = member else { return Ok(None) };
        configuration.plan(ccm, caller, None).await.map_err(|error| error.inside("crl_configuration"))
    }

    fn check(&self) -> Result<CrlPlan, Invalid> {
        let valid_days = self.valid_days.ok_or_else(|| invalid("valid_days", "is mandatory"))?;
        if !(7..=30).contains(&valid_days) {
            return Err(invalid("valid_days", "must be 7 to 30"));
        }
        let bucket = self.bucket.clone().ok_or_else(|| invalid("obs_bucket_name", "is mandatory"))?;
        if !(3..=63).contains(&bucket.chars().count()) {
            return Err(invalid("obs_bucket_name", "must have 3 to 63 characters"));
        }
        let partitions = self.partitions.unwrap_or(1);
        if !(1..=MAX_PARTITIONS).contains(&partitions) {
            return Err(invalid("partitions", &format!("must be 1 to {MAX_PARTITIONS}")));
        }
        if let Some(name) = &self.name {
            check_name(name)?;
        }
        Ok(CrlPlan { name: self.name.clone(), bucket, valid_days, partitions })
    }
}

/// A list's name becomes part of its address: what needs no escaping there (RFC 3986 §2.3), and no trick of a path. Its
/// partitions are kept in a folder of this name, which must not be called as another list's file is.
fn check_name(name: &str) -> Result<(), Invalid> {
    let characters_fit = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if (1..=64).contains(&name.len()) && characters_fit && !name.starts_with('.') && !stem(name).ends_with(".crl") {
        return Ok(());
    }
    Err(invalid("crl_name", "must be 1 to 64 letters, digits, '-', '_' or '.', and not begin with '.'"))
}

/// A list's name without the `.crl` that its file gets, whether or not the name has it already.
fn stem(name: &str) -> &str {
    name.strip_suffix(".crl").unwrap_or(name)
}

fn name_is_taken() -> Invalid {
    invalid("crl_name", "is the name of another authority's list in this bucket")
}

fn invalid(field: &str, reason: &str) -> Invalid {
    Invalid::new(Subject::CrlConfiguration, field, reason)
}

impl CrlPlan {
    /// Checks that a key with these usages may sign revocation lists (RFC 5280 §4.2.1.3).
    pub(crate) fn check_key_usages(&self, usages: KeyUsages) -> Result<(), Invalid> {
        if usages.contains(KeyUsage::CrlSign) {
            return Ok(());
        }
        Err(invalid("enabled", "the authority's key usages do not include cRLSign"))
    }

    /// Notes the configuration with the authority, and asks for its first lists.
    ///
    /// # Errors
    /// A name that another list of the bucket has.
    pub(crate) async fn store(
        &self,
        ccm: &OpenCcm,
        session: &mut Session,
        ca_id: &str,
        partitions_made: i64,
    ) -> Result<(), Error> {
        let name = self.name.as_deref().unwrap_or(ca_id);
        let stem = stem(name);
        let object = |partition| match partition {
            0 => format!("{stem}.crl"),
            partition => format!("{stem}/{partition}.crl"),
        };
        // Certificates that were issued while there were more partitions than now still name them.
        let partitions = if self.partitions > 1 { self.partitions } else { 0 }.max(partitions_made);
        let lists: Vec<NewRevocationList> = (0..=partitions)
            .map(|crl_partition| NewRevocationList {
                key: ListKey { ca_id: ca_id.to_owned(), crl_partition },
                bucket: self.bucket.clone(),
                object: object(crl_partition),
                address: ccm.crl_address(&self.bucket, &object(crl_partition)),
                valid_days: self.valid_days,
            })
            .collect();
        let columns = CrlColumns {
            name: name.to_owned(),
            bucket: self.bucket.clone(),
            valid_days: self.valid_days,
            address: ccm.crl_address(&self.bucket, &object(0)),
            partitions: self.partitions,
        };
        certificate_authorities::update_crl(session, ca_id, Some(&columns)).await?;
        revocation_lists::delete(session, ca_id).await?;
        match revocation_lists::insert_all(session, &lists).await {
            Err(StoreError::Duplicate) => Err(name_is_taken().into()),
            outcome => Ok(outcome?),
        }
    }

    fn is_that_of(&self, authority: &CertificateAuthority) -> bool {
        authority.crl_bucket.as_ref() == Some(&self.bucket)
            && authority.crl_name.as_deref() == Some(self.name.as_deref().unwrap_or(&authority.id))
            && authority.crl_valid_days == Some(self.valid_days)
            && authority.crl_partitions == Some(self.partitions)
    }
}

/// The address of a partition, from that of its complete list.
pub(crate) fn partition_address(complete: &str, partition: i64) -> String {
    format!("{}/{partition}.crl", complete.strip_suffix(".crl").unwrap_or(complete))
}

/// Begins to publish the authority's revocation list, as `configuration` says. The first list is out when this returns,
/// unless the bucket cannot be reached; then it follows as soon as it can.
///
/// # Errors
/// A configuration that is not allowed, an authority whose status does not allow it, or one that publishes otherwise
/// already: clients change a configuration by disabling it first.
pub async fn enable_crl(
    ccm: &OpenCcm,
    caller: &Caller,
    id: CaId,
    configuration: CrlConfiguration,
) -> Result<(), Error> {
    let mut session = ccm.database().read().await?;
    find_for(ccm, &mut session, caller, id, AuthorityOperation::EnableCrl).await?;
    let certificate = certificate_authorities::find_der(&mut session, &id.to_string()).await?;
    drop(session);
    let certificate = certificate.map(|der| Certificate::from_der(&der)).transpose()?;
    let Some(plan) = configuration.plan(ccm, caller, certificate.as_ref()).await? else {
        return Err(invalid("enabled", "must be true").into());
    };
    let mut session = ccm.database().write().await?;
    lock_configuration(&mut session, id).await?;
    let (authority, _) = find_for(ccm, &mut session, caller, id, AuthorityOperation::EnableCrl).await?;
    plan.check_key_usages(KeyUsages::parse(&authority.key_usages))?;
    if authority.crl_bucket.is_some() {
        if plan.is_that_of(&authority) {
            return Ok(());
        }
        let reason = "the list is published with another configuration: disable the CRL first";
        return Err(Error::StatusConflict(reason.into()));
    }
    plan.store(ccm, &mut session, &authority.id, authority.crl_partitions_made).await?;
    session.commit().await?;
    publish_all_of(ccm, &authority.id).await;
    Ok(())
}

/// Publishes the authority's revocation list no longer. What is published stays where it is until it ends.
///
/// # Errors
/// An authority whose status does not allow it.
pub async fn disable_crl(ccm: &OpenCcm, caller: &Caller, id: CaId) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    lock_configuration(&mut session, id).await?;
    let (authority, _) = find_for(ccm, &mut session, caller, id, AuthorityOperation::DisableCrl).await?;
    certificate_authorities::update_crl(&mut session, &authority.id, None).await?;
    revocation_lists::delete(&mut session, &authority.id).await?;
    Ok(session.commit().await?)
}

/// Of two callers who configure the same authority's list at once, one waits here for the other: its rows and what the
/// authority says of them change together.
async fn lock_configuration(session: &mut Session, id: CaId) -> Result<(), Error> {
    Ok(session.lock(&format!("crl-configuration:{id}")).await?)
}
