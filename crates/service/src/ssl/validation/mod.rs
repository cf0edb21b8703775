//! Domain names: are they the applicant's? What is looked at is the world itself: DNS, web servers, and the mail of those
//! who administer the domain. The rules are those of CA/Browser Forum Baseline Requirements §3.2.2.4.
//!
//! Each name that is applied for has one proof, a row of `domain_proofs`; a name and its wildcard share theirs. Proofs are
//! looked at on a schedule, at first every few seconds, later every hour, for 30 days.

mod dns;
mod email;
mod file;
mod rules;

use std::{net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream};
use openccm_auth::Token;
use openccm_core::{ProofStatus, ValidationMethod};
use openccm_store::{
    Session,
    domain_proofs::{self as store, DomainProof},
    ssl_certificates::{self, SslCertificate},
};
use tokio::time::{Instant, timeout};

pub use self::email::{Confirmation, confirm, find_confirmation};
use self::{dns::Dns, email::Sender, file::Web};
use crate::{Error, OpenCcm};

/// After how many milliseconds a proof is looked at again, by the number of looks that were in vain; then every hour.
const DELAYS_MS: [i64; 7] = [15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000];
const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// After how long mails are due again of which nothing was heard, for their server ended: longer than all five can take.
const MAILS_TAKE_MS: i64 = 6 * 60_000;
/// The same of other looks, beyond the time that they may take: soon, for two at once do no harm.
const LOOK_MARGIN_MS: i64 = 1_000;
/// How long a proof is looked for (Baseline Requirements §3.2.2.4: a random value may be used for 30 days).
const OPEN_FOR_MS: i64 = 30 * DAY_MS;
/// How long a proof counts for another application for the same certificate (Baseline Requirements §4.2.1, from March 2027).
const COUNTS_FOR_MS: i64 = 100 * DAY_MS;
/// How many proofs are looked at in one go, how many of them may be one account's, and how many are looked at at the same time.
const BATCH: i64 = 256;
const BATCH_OF_ACCOUNT: i64 = 32;
const CONCURRENT: usize = 16;
/// After how long no further look is begun in one go: orders wait for it.
const TURN: Duration = Duration::from_secs(60);
/// The longest text that is kept of what went wrong, in characters.
const ERROR_LIMIT: usize = 500;

/// How domain names are verified.
#[derive(Clone, Debug)]
pub struct ValidationOptions {
    /// The resolvers that are asked; the system's where there are none.
    pub resolvers: Vec<SocketAddr>,
    /// The port at which files are looked for: 80, except in odd networks.
    pub file_port: u16,
    /// The operator's own zones (in ASCII and lower case): names in them need no proof.
    pub own_zones: Vec<String>,
    /// How long one look may take.
    pub timeout: Duration,
}

impl Default for ValidationOptions {
    fn default() -> Self {
        Self { resolvers: Vec::new(), file_port: 80, own_zones: Vec::new(), timeout: Duration::from_secs(10) }
    }
}

/// Asks for the proofs that an application for `domains` needs, in the transaction in which the application is made. From
/// now on the certificate's proofs are those for these names: others are forgotten, and what was proven by the same method
/// not long ago counts on. Names in the operator's own zones are approved at once. Where nothing is left to prove, the
/// order is to be looked at at once.
///
/// # Errors
/// [`Error::Invalid`] about [`openccm_core::Subject::UnfitDomains`] for a method that cannot prove one of the names, about
/// [`openccm_core::Subject::Parameter`] for mails where none can be sent; or the database fails.
pub async fn open(
    ccm: &OpenCcm,
    session: &mut Session,
    certificate: &SslCertificate,
    domains: &[String],
    method: ValidationMethod,
) -> Result<(), Error> {
    let options = &ccm.ssl().validation;
    let names = rules::names_to_prove(domains, method, ccm.ssl().mail.is_some())?;
    let now_ms = ccm.now_ms();
    let id = certificate.id.as_str();
    store::hold_certificate(session, id).await?;
    let mut counting = Vec::new();
    for proof in store::list(session, id).await? {
        let counts = proof.checked_at.is_some_and(|at| at > now_ms - COUNTS_FOR_MS)
            && proof.status() == ProofStatus::Verified
            && proof.method() == method;
        if counts && names.contains(&proof.domain) {
            counting.push(proof.domain);
        } else {
            store::delete(session, id, &proof.domain).await?;
        }
    }
    for (position, name) in (0..).zip(&names) {
        if counting.contains(name) {
            store::set_position(session, id, name, position).await?;
            continue;
        }
        let own = options.own_zones.iter().any(|zone| rules::is_within(name, zone));
        let proof = new_proof(id, name, position, method, own, now_ms)?;
        store::insert(session, &proof).await?;
        if method == ValidationMethod::Email && !own {
            for address in email::addresses(name) {
                store::insert_mail(session, id, name, &address).await?;
            }
        }
    }
    wake_order(session, id, now_ms).await
}

/// Forgets the proofs of a certificate that are still looked for, or were not found: its application was taken back, or
/// refused.
///
/// # Errors
/// The database fails.
pub async fn close(session: &mut Session, certificate_id: &str) -> Result<(), Error> {
    store::hold_certificate(session, certificate_id).await?;
    for proof in store::list(session, certificate_id).await? {
        if proof.status() != ProofStatus::Verified {
            store::delete(session, certificate_id, &proof.domain).await?;
        }
    }
    Ok(())
}

/// Whether everything is proven that the certificate's application needs. Without an application, nothing is.
///
/// # Errors
/// The database fails.
pub async fn is_proven(session: &mut Session, certificate_id: &str) -> Result<bool, Error> {
    let proofs = store::list(session, certificate_id).await?;
    Ok(!proofs.is_empty() && proofs.iter().all(|proof| proof.status() == ProofStatus::Verified))
}

/// Why the names of the certificate's application will never be proven: none while they are, or may yet be.
///
/// # Errors
/// The database fails.
pub async fn has_failed(session: &mut Session, certificate_id: &str) -> Result<Option<String>, Error> {
    let proofs = store::list(session, certificate_id).await?;
    let expired = proofs.into_iter().find(|proof| proof.status() == ProofStatus::Expired);
    Ok(expired.map(|proof| {
        let reason = proof.last_error.unwrap_or_default();
        format!("{} was not verified within 30 days: {reason}", proof.domain)
    }))
}

/// Looks at the world for what is due, as far as nobody else is at it. Gives how many proofs were looked at.
///
/// # Errors
/// The database fails; the other proofs were looked at. What the world does wrong is noted with the proof.
pub async fn check_due(ccm: &OpenCcm) -> Result<u64, Error> {
    let due = store::list_due(&mut ccm.database().read().await?, ccm.now_ms(), BATCH, BATCH_OF_ACCOUNT).await?;
    if due.is_empty() {
        return Ok(0);
    }
    // Made anew each time: nothing is remembered of what the world said before, and the system's resolvers may have changed.
    let world = World::new(ccm);
    let until = Instant::now() + TURN;
    let looks = due.into_iter().map(|proof| look_alone(ccm, &world, proof, until));
    let mut looks = stream::iter(looks).buffer_unordered(CONCURRENT);
    let (mut looked, mut failed) = (0, None);
    while let Some(outcome) = looks.next().await {
        match outcome {
            Ok(one) => looked += u64::from(one),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(looked), Err)
}

/// What the world is looked at with; or why it cannot be.
struct World {
    dns: Result<Dns, String>,
    web: Result<Web, String>,
    sender: Result<Sender, String>,
}

impl World {
    fn new(ccm: &OpenCcm) -> Self {
        let options = &ccm.ssl().validation;
        let dns = Dns::new(options);
        let web = dns.clone().and_then(|dns| Web::new(options, dns));
        Self { dns, web, sender: Sender::new(ccm.ssl().mail.as_ref()) }
    }
}

/// What a look at the world showed.
enum Seen {
    /// The proof.
    Proof,
    /// None, and why.
    None(String),
    /// Nothing, and nothing more can be done but wait.
    Asked,
}

/// Looks for a proof, unless it is too late in this turn or somebody else is at it. Says whether it did. Two that ask by mail
/// at the same time would each make the other's links useless.
async fn look_alone(ccm: &OpenCcm, world: &World, proof: DomainProof, until: Instant) -> Result<bool, Error> {
    if Instant::now() >= until {
        return Ok(false);
    }
    let left_alone_ms = match proof.method() {
        ValidationMethod::Email => MAILS_TAKE_MS,
        ValidationMethod::Dns | ValidationMethod::File => {
            i64::try_from(ccm.ssl().validation.timeout.as_millis()).unwrap_or(MAILS_TAKE_MS) + LOOK_MARGIN_MS
        }
    };
    let mut session = ccm.database().write().await?;
    let claimed = store::claim(&mut session, &proof, ccm.now_ms() + left_alone_ms).await?;
    session.commit().await?;
    if claimed {
        look(ccm, world, proof).await?;
    }
    Ok(claimed)
}

async fn look(ccm: &OpenCcm, world: &World, proof: DomainProof) -> Result<(), Error> {
    let limit = ccm.ssl().validation.timeout;
    let late = || format!("there was no answer within {} ms", limit.as_millis());
    let found = match proof.method() {
        ValidationMethod::Dns => match &world.dns {
            Ok(dns) => timeout(limit, dns.find_text(&proof.record_name, &proof.record_value)).await,
            Err(reason) => Ok(Err(reason.clone())),
        },
        ValidationMethod::File => match &world.web {
            Ok(web) => timeout(limit, web.find_file(&proof.domain, &proof.record_name, &proof.record_value)).await,
            Err(reason) => Ok(Err(reason.clone())),
        },
        ValidationMethod::Email => {
            let seen = email::ask(ccm, &world.sender, &proof).await?;
            return note(ccm, &proof, seen).await;
        }
    };
    let seen = match found {
        Ok(Ok(())) => Seen::Proof,
        Ok(Err(reason)) => Seen::None(reason),
        Err(_) => Seen::None(late()),
    };
    note(ccm, &proof, seen).await
}

/// Notes what a look showed, unless the proof was settled or forgotten meanwhile.
async fn note(ccm: &OpenCcm, proof: &DomainProof, seen: Seen) -> Result<(), Error> {
    let now_ms = ccm.now_ms();
    let id = proof.certificate_id.as_str();
    let mut session = ccm.database().write().await?;
    // Whoever notes the last proof must see the others. Here and in all that opens, closes and confirms, it is the
    // certificate's row that is held, and nothing beside it: whatever changes an order has it already, and a lock of
    // another kind, taken by some before the row and by others after it, would have them wait for each other for ever.
    store::hold_certificate(&mut session, id).await?;
    let reason = match seen {
        Seen::Proof => return settle(session, proof, now_ms).await.map(drop),
        Seen::None(reason) => Some(reason.chars().take(ERROR_LIMIT).collect::<String>()),
        Seen::Asked => None,
    };
    let expired = now_ms >= proof.expires_at;
    let next_check_at = match &reason {
        _ if expired => None,
        Some(_) => Some((now_ms + delay_ms(proof.attempts)).min(proof.expires_at)),
        None => Some(proof.expires_at),
    };
    let attempts = proof.attempts + i64::from(reason.is_some());
    let noted = store::set_checked(&mut session, proof, reason.as_deref(), attempts, next_check_at, now_ms).await?;
    if noted && expired {
        store::delete_mails(&mut session, id, &proof.domain).await?;
        ssl_certificates::set_next_step(&mut session, id, Some(now_ms), 0).await?;
    }
    tracing::debug!(certificate_id = id, domain = proof.domain, method = proof.method, reason, "not proven yet");
    Ok(session.commit().await?)
}

/// Notes that a proof is there, and commits. Says whether it was still looked for.
async fn settle(mut session: Session, proof: &DomainProof, now_ms: i64) -> Result<bool, Error> {
    let id = proof.certificate_id.as_str();
    if !store::set_verified(&mut session, proof, now_ms).await? {
        return Ok(false);
    }
    store::delete_mails(&mut session, id, &proof.domain).await?;
    wake_order(&mut session, id, now_ms).await?;
    session.commit().await?;
    tracing::info!(certificate_id = id, domain = proof.domain, method = proof.method, "a domain name is verified");
    Ok(true)
}

/// Has the order looked at where nothing is left to prove.
async fn wake_order(session: &mut Session, certificate_id: &str, now_ms: i64) -> Result<(), Error> {
    if is_proven(session, certificate_id).await? {
        ssl_certificates::set_next_step(session, certificate_id, Some(now_ms), 0).await?;
    }
    Ok(())
}

/// How long to wait after one more look in vain, when there were `attempts` before it.
fn delay_ms(attempts: i64) -> i64 {
    usize::try_from(attempts).ok().and_then(|attempts| DELAYS_MS.get(attempts)).copied().unwrap_or(HOUR_MS)
}

fn new_proof(
    certificate_id: &str,
    domain: &str,
    position: i64,
    method: ValidationMethod,
    own: bool,
    now_ms: i64,
) -> Result<DomainProof, Error> {
    // 256 random bits in hexadecimal digits.
    let random = || Token::generate().map(|token| token.hash().as_str().to_owned()).map_err(Error::key);
    let (record_name, record_type, record_value) = match method {
        ValidationMethod::Dns => (dns::record_name(domain), "TXT", random()?),
        ValidationMethod::File => (file::path(&random()?), "FILE", random()?),
        ValidationMethod::Email => (String::new(), "EMAIL", String::new()),
    };
    Ok(DomainProof {
        certificate_id: certificate_id.to_owned(),
        domain: domain.to_owned(),
        position,
        method: method.to_string(),
        record_name,
        record_type: record_type.to_owned(),
        record_value,
        status: if own { ProofStatus::Verified } else { ProofStatus::Pending }.to_string(),
        last_error: None,
        attempts: 0,
        opened_at: now_ms,
        expires_at: now_ms + OPEN_FOR_MS,
        next_check_at: (!own).then_some(now_ms),
        checked_at: None,
        verified_at: own.then_some(now_ms),
    })
}

/// The addresses that are asked for a proof by mail, with semicolons between them: none for the other methods.
pub fn mail_addresses(proof: &DomainProof) -> Option<String> {
    (proof.method() == ValidationMethod::Email).then(|| email::addresses(&proof.domain).join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rarer_until_there_is_one_an_hour() {
        let minutes: Vec<i64> = (0..10).map(delay_ms).map(|ms| ms / 1000).collect();
        assert_eq!(minutes, [15, 30, 60, 120, 300, 600, 1800, 3600, 3600, 3600]);
        assert_eq!(delay_ms(i64::MAX), HOUR_MS);
    }
}
