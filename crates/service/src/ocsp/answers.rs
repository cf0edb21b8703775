use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use moka::sync::Cache;
use openccm_core::{CaId, RevocationReason};
use openccm_pki::{
    CertId, Certificate, OcspFailure, OcspRequest, OcspResponder, OcspStatus, ocsp_entity_tag, ocsp_response,
};
use openccm_store::{
    Session, certificate_authorities,
    ocsp_responders::{self, Delegation},
    revocations,
};

use super::responders;
use crate::{Error, OpenCcm, key_vault::OPEN_FOR};

/// How long an answer is good, in seconds.
const VALID_SECONDS: i64 = 60 * 60;
/// How long an answer is given again before a new one is signed, in seconds.
const REUSED_SECONDS: i64 = VALID_SECONDS / 2;
/// How long a server may take to learn of a revocation that another one has recorded.
const STALE_AT_MOST: Duration = Duration::from_millis(200);
/// How much of signed answers is kept, in bytes.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;
const KEPT_AUTHORITIES: u64 = 1024;
/// About what an entry of the cache takes besides the answer itself.
const ENTRY_BYTES: usize = 256;

/// What this server remembers for answering.
pub(crate) struct Ocsp {
    delegations: Cache<String, Option<Arc<Delegation>>>,
    responders: Cache<(String, String), Arc<Responder>>,
    answers: Cache<AnswerKey, Signed>,
}

/// An authority's certificate and the responder that answers for it.
pub(super) struct Responder {
    pub(super) authority: Certificate,
    pub(super) responder: OcspResponder,
}

/// What an answer is about, and what it was based on: a revocation below the authority changes the number.
#[derive(Clone, PartialEq, Eq, Hash)]
struct AnswerKey {
    ca_id: String,
    revocations_made: i64,
    certificate: Vec<u8>,
}

/// An answer that was signed.
#[derive(Clone)]
struct Signed {
    der: Bytes,
    freshness: Freshness,
}

/// What tells how long an answer is good, and one answer from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// When it was made (seconds since the epoch).
    pub this_update: i64,
    /// Until when it is good (seconds since the epoch).
    pub next_update: i64,
    /// Its entity tag, without quotes.
    pub tag: Arc<str>,
}

/// An answer to an OCSP request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The OCSPResponse in DER.
    pub der: Bytes,
    /// How long whoever is in between may keep it; none where nobody may: it says that there is no answer, repeats a nonce,
    /// or says that the certificate is unknown.
    pub freshness: Option<Freshness>,
}

impl Ocsp {
    pub(crate) fn new() -> Self {
        let weight = |_: &AnswerKey, signed: &Signed| u32::try_from(signed.der.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self {
            delegations: Cache::builder().max_capacity(KEPT_AUTHORITIES).time_to_live(STALE_AT_MOST).build(),
            responders: Cache::builder().max_capacity(KEPT_AUTHORITIES).time_to_live(OPEN_FOR).build(),
            answers: Cache::builder().max_capacity(KEPT_BYTES).weigher(weight).build(),
        }
    }

    /// Forgets how the authority stands, for it has just changed.
    pub(crate) fn forget(&self, ca_id: &str) {
        self.delegations.invalidate(ca_id);
    }
}

/// Answers a request (DER) about certificates of the authority with this id.
///
/// It always gives an answer: where there is nothing to say, one of the unsigned ones of RFC 6960 §4.2.1.
pub async fn answer(ccm: &OpenCcm, ca_id: Option<CaId>, request: &[u8]) -> Answer {
    let outcome = match OcspRequest::from_der(request) {
        Ok(request) => match ca_id {
            Some(ca_id) => respond(ccm, &ca_id.to_string(), &request).await,
            None => Err(OcspFailure::Unauthorized.into()),
        },
        Err(_) => Err(OcspFailure::MalformedRequest.into()),
    };
    let (answer, label) = match outcome {
        Ok(answer) => (answer, "successful"),
        Err(refusal) => {
            let label = match refusal.failure {
                OcspFailure::MalformedRequest => "malformed_request",
                OcspFailure::InternalError => "internal_error",
                OcspFailure::TryLater => "try_later",
                OcspFailure::Unauthorized => "unauthorized",
            };
            if let Some(cause) = refusal.cause {
                tracing::error!(%cause, "an OCSP request could not be answered");
            }
            let der = refusal.failure.to_der().unwrap_or_default();
            (Answer { der: der.into(), freshness: None }, label)
        }
    };
    metrics::counter!("openccm_ocsp_responses_total", "status" => label).increment(1);
    answer
}

/// Why a request gets no signed answer.
struct Refusal {
    failure: OcspFailure,
    cause: Option<Error>,
}

impl From<OcspFailure> for Refusal {
    fn from(failure: OcspFailure) -> Self {
        Self { failure, cause: None }
    }
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self { failure: OcspFailure::InternalError, cause: Some(error.into()) }
    }
}

async fn respond(ccm: &OpenCcm, ca_id: &str, request: &OcspRequest) -> Result<Answer, Refusal> {
    let ocsp = ccm.ocsp();
    let now_ms = ccm.now_ms();
    let delegation = find_delegation(ccm, ca_id).await?.ok_or(OcspFailure::Unauthorized)?;
    if !delegation.answers_at(now_ms) {
        return Err(OcspFailure::Unauthorized.into());
    }
    let now = now_ms.div_euclid(1000);
    // One certificate and no nonce is what RFC 5019 §2.1 asks clients for: such answers can be given again.
    let key = match (request.certificates.as_slice(), &request.nonce) {
        ([certificate], None) => Some(AnswerKey {
            ca_id: ca_id.to_owned(),
            revocations_made: delegation.revocations_made,
            certificate: certificate.to_der()?,
        }),
        _ => None,
    };
    if let Some(signed) = key.as_ref().and_then(|key| ocsp.answers.get(key))
        && (signed.freshness.this_update..signed.freshness.this_update + REUSED_SECONDS).contains(&now)
        && now < signed.freshness.next_update
    {
        return Ok(Answer { der: signed.der, freshness: Some(signed.freshness) });
    }

    let responder = find_responder(ccm, &delegation).await?.ok_or(OcspFailure::TryLater)?;
    let period = responder.responder.certificate().period();
    let next_update = (now + VALID_SECONDS).min(period.not_after);
    if now < period.not_before || next_update <= now {
        return Err(OcspFailure::TryLater.into());
    }
    if !request.certificates.iter().all(|certificate| certificate.is_issued_by(&responder.authority)) {
        return Err(OcspFailure::Unauthorized.into());
    }
    let mut session = ccm.database().read().await?;
    let mut answers = Vec::with_capacity(request.certificates.len());
    for certificate in &request.certificates {
        let status = find_status(&mut session, ca_id, certificate).await?;
        answers.push((certificate.clone(), status));
    }
    drop(session);
    let nonce = request.nonce.as_deref();
    let der = Bytes::from(ocsp_response(&responder.responder, &answers, now, next_update, nonce).await?);
    // A number that is unknown now may be issued in the next moment.
    let known = answers.iter().all(|(_, status)| *status != OcspStatus::Unknown);
    let freshness = Freshness { this_update: now, next_update, tag: ocsp_entity_tag(&der).into() };
    match key.filter(|_| known) {
        Some(key) => {
            ocsp.answers.insert(key, Signed { der: der.clone(), freshness: freshness.clone() });
            Ok(Answer { der, freshness: Some(freshness) })
        }
        None => Ok(Answer { der, freshness: None }),
    }
}

/// How the authority with this id stands; none where there is none, or its OCSP is off.
async fn find_delegation(ccm: &OpenCcm, ca_id: &str) -> Result<Option<Arc<Delegation>>, Error> {
    if let Some(delegation) = ccm.ocsp().delegations.get(ca_id) {
        return Ok(delegation);
    }
    let delegation = ocsp_responders::find_delegation(&mut ccm.database().read().await?, ca_id).await?.map(Arc::new);
    ccm.ocsp().delegations.insert(ca_id.to_owned(), delegation.clone());
    Ok(delegation)
}

async fn find_responder(ccm: &OpenCcm, delegation: &Delegation) -> Result<Option<Arc<Responder>>, Error> {
    let Some(serial_number) = &delegation.responder_serial_number else { return Ok(None) };
    let key = (delegation.ca_id.clone(), serial_number.clone());
    if let Some(responder) = ccm.ocsp().responders.get(&key) {
        return Ok(Some(responder));
    }
    let mut session = ccm.database().read().await?;
    let der = certificate_authorities::find_der(&mut session, &delegation.ca_id).await?;
    let row = ocsp_responders::find(&mut session, &delegation.ca_id).await?;
    let (Some(der), Some(row)) = (der, row) else { return Ok(None) };
    let responder = responders::open(ccm, &row)?;
    let responder = Arc::new(Responder { authority: Certificate::from_der(&der)?, responder });
    ccm.ocsp().responders.insert((row.ca_id, row.serial_number), Arc::clone(&responder));
    Ok(Some(responder))
}

async fn find_status(session: &mut Session, ca_id: &str, certificate: &CertId) -> Result<OcspStatus, Error> {
    let status = revocations::find_status(session, ca_id, &certificate.serial_number()).await?;
    Ok(match status.revoked_at {
        Some(revoked_at) => OcspStatus::Revoked {
            at: revoked_at.div_euclid(1000),
            reason: status.reason.as_deref().and_then(RevocationReason::parse).unwrap_or(RevocationReason::Unspecified),
        },
        None if status.issued > 0 => OcspStatus::Good,
        None => OcspStatus::Unknown,
    })
}
