//! Signing requests of servers: made here with their keys, or uploaded.

use std::collections::HashSet;

use openccm_auth::Secret;
use openccm_core::{
    AlternativeName, CsrUsage, DistinguishedName, HashAlgorithm, Invalid, KeyAlgorithm, ServerName, SigningRequestId,
    SslKeyAlgorithm, Subject,
};
use openccm_pki::{KeyKind, PublicKey, ServerKey, Signer, SigningRequest, export, make_server_request};
use openccm_store::{
    Session, private_keys,
    ssl_signing_requests::{self as store, SslSigningRequest},
};
use zeroize::Zeroizing;

use crate::{Caller, Error, OpenCcm};

/// The longest common name (RFC 5280 appendix A.1, ub-common-name); a longer domain name is an alternative name alone.
const MAX_COMMON_NAME: usize = 64;
/// The longest name of an organization (RFC 5280 appendix A.1, ub-organization-name).
const MAX_ORGANIZATION: usize = 64;
/// The longest name of a province or a city (RFC 5280 appendix A.1, ub-state-name, ub-locality-name).
const MAX_PLACE: usize = 128;
/// The longest name of a signing request.
const MAX_NAME: usize = 255;
/// The longest signing request, in bytes: one with a key of 8192 bits and 250 names of 253 characters has 90,000.
const REQUEST_LIMIT: usize = 100_000;
/// How many domain names the certificates on sale may have.
const MAX_DOMAINS: usize = 250;

/// A signing request that is to be made.
#[derive(Clone, Debug, Default)]
pub struct NewRequest {
    /// Its name.
    pub name: Option<String>,
    /// The first domain name, or an address.
    pub domain_name: Option<String>,
    /// The others, with semicolons between them.
    pub sans: Option<String>,
    /// The algorithm of its key.
    pub private_key_algo: Option<String>,
    /// What it is for.
    pub usage: Option<String>,
    /// The company that asks.
    pub company: Company,
}

/// The company that asks for a certificate.
#[derive(Clone, Debug, Default)]
pub struct Company {
    /// Its country, two letters.
    pub country: Option<String>,
    /// Its province.
    pub province: Option<String>,
    /// Its city.
    pub city: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// A signing request that was made elsewhere.
#[derive(Debug, Default)]
pub struct Upload {
    /// Its name.
    pub name: Option<String>,
    /// The request (PEM).
    pub csr: Option<String>,
    /// Its key (PEM, not encrypted), where it is to be kept here.
    pub private_key: Option<Secret>,
}

/// Makes a key and a signing request with it.
///
/// # Errors
/// What of it cannot be accepted; nothing is made then.
pub async fn create(ccm: &OpenCcm, caller: &Caller, new: NewRequest) -> Result<SslSigningRequest, Error> {
    let name = check_name(new.name)?;
    let domain = new.domain_name.ok_or_else(|| Invalid::missing(Subject::Domain, "domain_name"))?;
    let domain = ServerName::parse(&domain, "domain_name")?;
    let sans = distinct(ServerName::parse_list(new.sans.as_deref().unwrap_or_default(), "sans")?);
    if sans.len() > MAX_DOMAINS {
        return Err(Invalid::new(Subject::Domain, "sans", format!("more than {MAX_DOMAINS} domain names")).into());
    }
    let algorithm = check_algorithm(new.private_key_algo)?;
    let usage = new.usage.ok_or_else(|| Invalid::missing(Subject::Parameter, "usage"))?;
    let usage = CsrUsage::parse(&usage)
        .ok_or_else(|| Invalid::new(Subject::Parameter, "usage", format!("must be one of {}", CsrUsage::choices())))?;
    let company = new.company.check(usage)?;

    let names: Vec<AlternativeName> = distinct(std::iter::once(domain.clone()).chain(sans.iter().cloned()))
        .iter()
        .map(ServerName::to_alternative_name)
        .collect();
    let key = ccm.key_pool().take(algorithm.into()).await?;
    let subject = company.clone().subject(&domain);
    let csr = make_server_request(&subject, &names, &key, hash_for(algorithm.into())).await?;

    let now_ms = ccm.now_ms();
    let row = SslSigningRequest {
        id: ccm.ids().next::<SigningRequestId>().to_string(),
        account_id: caller.account_id.clone(),
        name,
        // As it will be read back: what cannot be read is not kept.
        csr: SigningRequest::from_pem(&csr)?.pem(),
        key_digest: key.public_key().digest()?,
        private_key_algo: algorithm.to_string(),
        usage: usage.to_string(),
        domain_name: domain.to_string(),
        sans: ServerName::join(&sans),
        company_country: company.country,
        company_province: company.province,
        company_city: company.city,
        company_name: company.name,
        created_at: now_ms,
        updated_at: now_ms,
    };
    let sealed = ccm.keys().seal_key(&row.id, &key)?;
    let mut session = ccm.database().write().await?;
    store::insert(&mut session, &row).await?;
    private_keys::insert_all(&mut session, &[sealed]).await?;
    session.commit().await?;
    Ok(row)
}

/// Keeps a signing request that was made elsewhere, and its key where it comes along.
///
/// # Errors
/// A request that cannot be read or has no domain name, or a key that cannot be read or is another one's; nothing is kept
/// then.
pub async fn upload(ccm: &OpenCcm, caller: &Caller, new: Upload) -> Result<SslSigningRequest, Error> {
    let name = check_name(new.name)?;
    let csr = new.csr.ok_or_else(|| Invalid::missing(Subject::Csr, "csr"))?;
    let private_key = new.private_key;
    // Large RSA keys take milliseconds.
    let read = move || -> Result<_, Error> {
        let (request, domains) = read(&csr)?;
        let key = private_key.map(|key| read_key(&key, request.public_key())).transpose()?;
        Ok((request, domains, key))
    };
    let (request, domains, key) = tokio::task::spawn_blocking(read).await.map_err(Error::key)??;

    let now_ms = ccm.now_ms();
    let subject = request.distinguished_name();
    let usage = if subject.organization.is_some() { CsrUsage::Enterprise } else { CsrUsage::Personal };
    let (domain, sans) = domains.split_first().ok_or_else(without_domain)?;
    let row = SslSigningRequest {
        id: ccm.ids().next::<SigningRequestId>().to_string(),
        account_id: caller.account_id.clone(),
        name,
        csr: request.pem(),
        key_digest: request.public_key().digest()?,
        private_key_algo: algorithm_name(request.public_key().kind()),
        usage: usage.to_string(),
        domain_name: domain.to_string(),
        sans: ServerName::join(sans),
        company_country: storable(subject.country),
        company_province: storable(subject.state),
        company_city: storable(subject.locality),
        company_name: storable(subject.organization),
        created_at: now_ms,
        updated_at: now_ms,
    };
    let sealed = key.map(|key| ccm.keys().seal_pkcs8(&row.id, key.pkcs8())).transpose()?;
    let mut session = ccm.database().write().await?;
    store::insert(&mut session, &row).await?;
    private_keys::insert_all(&mut session, sealed.as_slice()).await?;
    session.commit().await?;
    Ok(row)
}

/// The key of a signing request as PEM in the traditional format of its kind (PKCS#1, SEC1; PKCS#8 for Ed25519).
///
/// # Errors
/// [`Error::SigningRequestNotFound`], or a request whose key is not here.
pub async fn export_key(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<Zeroizing<String>, Error> {
    let mut session = ccm.database().read().await?;
    if store::find(&mut session, &caller.account_id, id).await?.is_none() {
        return Err(Error::SigningRequestNotFound);
    }
    match ccm.keys().find_pkcs8(&mut session, id).await? {
        Some(key) => Ok(export::private_key_pem(&key, None)?),
        None => Err(Invalid::new(Subject::MissingPrivateKey, "id", "the key of this CSR is not kept here").into()),
    }
}

/// Changes the name of a signing request.
///
/// # Errors
/// A name that is not allowed, or [`Error::SigningRequestNotFound`].
pub async fn rename(
    ccm: &OpenCcm,
    caller: &Caller,
    id: &str,
    name: Option<String>,
) -> Result<SslSigningRequest, Error> {
    let account_id = &caller.account_id;
    let mut session = ccm.database().write().await?;
    if store::find(&mut session, account_id, id).await?.is_none() {
        return Err(Error::SigningRequestNotFound);
    }
    store::set_name(&mut session, account_id, id, &check_name(name)?, ccm.now_ms()).await?;
    let row = store::find(&mut session, account_id, id).await?.ok_or(Error::SigningRequestNotFound)?;
    session.commit().await?;
    Ok(row)
}

/// Deletes a signing request and destroys its key.
///
/// # Errors
/// [`Error::SigningRequestNotFound`], or the database fails.
pub async fn delete(ccm: &OpenCcm, caller: &Caller, id: &str) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    if !store::delete(&mut session, &caller.account_id, id).await? {
        return Err(Error::SigningRequestNotFound);
    }
    ccm.keys().delete(&mut session, id).await?;
    Ok(session.commit().await?)
}

/// The key (PKCS#8 DER) that belongs to `public_key`, where the account keeps it here with a signing request.
pub(crate) async fn find_key(
    ccm: &OpenCcm,
    session: &mut Session,
    account_id: &str,
    public_key: &PublicKey,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    // The same request may have been uploaded twice, once without its key.
    for id in store::list_by_key(session, account_id, &public_key.digest()?).await? {
        if let Some(key) = ccm.keys().find_pkcs8(session, &id).await? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// The domain names of a signing request (PEM): at least one, the common name first where it is one.
///
/// # Errors
/// A request that cannot be read, is not signed by its own key, or has no domain name.
pub fn check(csr: &str) -> Result<Vec<ServerName>, Error> {
    Ok(read(csr)?.1)
}

/// A signing request (PEM) and its domain names, as [`check`].
pub(crate) fn read(csr: &str) -> Result<(SigningRequest, Vec<ServerName>), Invalid> {
    if csr.len() > REQUEST_LIMIT {
        return Err(Invalid::new(Subject::Csr, "csr", format!("must not be longer than {REQUEST_LIMIT} bytes")));
    }
    let request = SigningRequest::from_pem(csr).map_err(|error| Invalid::new(Subject::Csr, "csr", error))?;
    let names = request.domain_names().map_err(|error| Invalid::new(Subject::CsrWithoutDomain, "csr", error))?;
    let names = names.iter().map(|name| ServerName::parse(name, "csr")).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() { Err(without_domain()) } else { Ok((request, names)) }
}

fn without_domain() -> Invalid {
    Invalid::new(Subject::CsrWithoutDomain, "csr", "has no domain name")
}

fn read_key(pem: &Secret, of: &PublicKey) -> Result<ServerKey, Error> {
    let key =
        ServerKey::from_pem(pem.expose()).map_err(|error| Invalid::new(Subject::PrivateKey, "private_key", error))?;
    if key.public_key().is_same_key(of) { Ok(key) } else { Err(Error::KeyMismatch) }
}

fn check_name(name: Option<String>) -> Result<String, Invalid> {
    let name = name.ok_or_else(|| Invalid::missing(Subject::Name, "name"))?;
    if (1..=MAX_NAME).contains(&name.chars().count()) && !name.trim().is_empty() && !name.contains(char::is_control) {
        return Ok(name);
    }
    Err(Invalid::new(Subject::Name, "name", format!("must be 1 to {MAX_NAME} characters without control characters")))
}

fn check_algorithm(text: Option<String>) -> Result<SslKeyAlgorithm, Invalid> {
    const FIELD: &str = "private_key_algo";
    let text = text.ok_or_else(|| Invalid::missing(Subject::KeyAlgorithm, FIELD))?;
    SslKeyAlgorithm::parse(&text).ok_or_else(|| {
        let choices = SslKeyAlgorithm::choices();
        let reason = if text.trim().eq_ignore_ascii_case("SM2") {
            format!("SM2 is not supported: it must be one of {choices}")
        } else {
            format!("must be one of {choices}")
        };
        Invalid::new(Subject::KeyAlgorithm, FIELD, reason)
    })
}

/// The hash that is as strong as the key (RFC 5480 §4); for RSA the one that everything knows.
fn hash_for(algorithm: KeyAlgorithm) -> HashAlgorithm {
    match algorithm {
        KeyAlgorithm::Ec384 => HashAlgorithm::Sha384,
        _ => HashAlgorithm::Sha256,
    }
}

/// The API's name of an algorithm, and one in its style for kinds that it has none for (`EC_P521`, `RSA_8192`).
fn algorithm_name(kind: KeyKind) -> String {
    match kind {
        KeyKind::Rsa { bits } => format!("RSA_{bits}"),
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => format!("EC_P{}", kind.bits()),
        KeyKind::Ed25519 => "ED25519".to_owned(),
    }
}

/// PostgreSQL keeps no NUL in texts; the request itself has what its subject says.
fn storable(text: Option<String>) -> Option<String> {
    text.map(|text| text.replace('\0', "")).filter(|text| !text.is_empty())
}

fn distinct(names: impl IntoIterator<Item = ServerName>) -> Vec<ServerName> {
    let mut seen = HashSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

impl Company {
    /// What is there must fit into a name; a request of an enterprise needs all of it.
    fn check(self, usage: CsrUsage) -> Result<Self, Invalid> {
        let fields = [
            ("company_country", &self.country, 2),
            ("company_province", &self.province, MAX_PLACE),
            ("company_city", &self.city, MAX_PLACE),
            ("company_name", &self.name, MAX_ORGANIZATION),
        ];
        for (field, value, max) in fields {
            match value {
                None if usage == CsrUsage::Enterprise => return Err(Invalid::missing(Subject::Parameter, field)),
                None => {}
                Some(text)
                    if text.chars().count() > max || text.trim().is_empty() || text.contains(char::is_control) =>
                {
                    let reason = format!("must be 1 to {max} characters without control characters");
                    return Err(Invalid::new(Subject::Parameter, field, reason));
                }
                Some(_) => {}
            }
        }
        if self.country.as_ref().is_some_and(|text| text.len() != 2 || !text.bytes().all(|b| b.is_ascii_alphabetic())) {
            return Err(Invalid::new(Subject::Parameter, "company_country", "must be two letters"));
        }
        Ok(self)
    }

    fn subject(self, domain: &ServerName) -> DistinguishedName {
        DistinguishedName {
            common_name: Some(domain.to_string()).filter(|name| name.len() <= MAX_COMMON_NAME),
            // ISO 3166 writes them in capitals.
            country: self.country.map(|country| country.to_ascii_uppercase()),
            state: self.province,
            locality: self.city,
            organization: self.name,
            organizational_unit: None,
        }
    }
}
