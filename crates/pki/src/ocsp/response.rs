use const_oid::db::rfc6960::ID_PKIX_OCSP_BASIC;
use der::{
    Any, Decode, Encode,
    asn1::{BitString, Null, OctetString},
};

use super::{
    CertId, OcspResponder, OcspStatus,
    asn1::{
        BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus, ResponderId, ResponseBytes, ResponseData,
        RevokedInfo, SingleResponse,
    },
    nonce_extension,
};
use crate::{PkiError, crl::to_crl_reason, timestamp::generalized_time, unfit};

/// Why a request gets no answer (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspFailure {
    /// It is no request.
    MalformedRequest,
    /// The responder failed.
    InternalError,
    /// The responder cannot answer at the moment.
    TryLater,
    /// The responder does not answer for that authority (RFC 5019 §2.2.3).
    Unauthorized,
}

impl OcspFailure {
    /// The DER of the response that says so. It is not signed.
    ///
    /// # Errors
    /// None in practice: each is a constant.
    pub fn to_der(self) -> Result<Vec<u8>, PkiError> {
        let response_status = match self {
            Self::MalformedRequest => OcspResponseStatus::MalformedRequest,
            Self::InternalError => OcspResponseStatus::InternalError,
            Self::TryLater => OcspResponseStatus::TryLater,
            Self::Unauthorized => OcspResponseStatus::Unauthorized,
        };
        Ok(OcspResponse { response_status, response_bytes: None }.to_der()?)
    }
}

/// Signs a response with `answers`, made at `this_update` and good until `next_update` (seconds since the epoch), and
/// gives the DER of the `OCSPResponse`. It names the responder by its key, carries its certificate, and repeats `nonce`
/// and the certificates' ids as they came. Before it leaves it is decoded again and its signature verified.
///
/// # Errors
/// No answers, an update outside the period of the responder's certificate or not before the next one, a nonce that does
/// not have 1 to 128 octets (RFC 9654 §2.1), or a failure of the key.
pub async fn ocsp_response(
    responder: &OcspResponder,
    answers: &[(CertId, OcspStatus)],
    this_update: i64,
    next_update: i64,
    nonce: Option<&[u8]>,
) -> Result<Vec<u8>, PkiError> {
    if answers.is_empty() {
        return unfit("a response without answers");
    }
    if next_update <= this_update {
        return unfit("the next update is not after this one");
    }
    if !(responder.period().not_before..=responder.period().not_after).contains(&this_update) {
        return unfit("the responder's certificate is not valid at that time");
    }
    let data = ResponseData {
        responder_id: ResponderId::ByKey(responder.key_hash.clone()),
        produced_at: generalized_time(this_update)?,
        responses: answers
            .iter()
            .map(|(id, status)| single_response(id, *status, this_update, next_update))
            .collect::<Result<_, _>>()?,
        response_extensions: nonce.map(|nonce| Ok::<_, PkiError>(vec![nonce_extension(nonce)?])).transpose()?,
    };
    let to_be_signed = data.to_der()?;
    let signature = responder.sign(to_be_signed.clone()).await?;
    let basic = BasicOcspResponse {
        tbs_response_data: Any::from_der(&to_be_signed)?,
        signature_algorithm: responder.algorithm.clone(),
        signature: BitString::from_bytes(&signature)?,
        certs: Some(vec![responder.encoded_certificate.clone()]),
    };
    let bytes = ResponseBytes { response_type: ID_PKIX_OCSP_BASIC, response: OctetString::new(basic.to_der()?)? };
    let response = OcspResponse { response_status: OcspResponseStatus::Successful, response_bytes: Some(bytes) };
    let der = response.to_der()?;
    check(&der, &data, responder)?;
    Ok(der)
}

fn single_response(
    id: &CertId,
    status: OcspStatus,
    this_update: i64,
    next_update: i64,
) -> Result<SingleResponse, PkiError> {
    Ok(SingleResponse {
        cert_id: id.0.clone(),
        cert_status: match status {
            OcspStatus::Good => CertStatus::Good(Null),
            OcspStatus::Revoked { at, reason } => CertStatus::Revoked(RevokedInfo {
                revocation_time: generalized_time(at)?,
                revocation_reason: to_crl_reason(reason),
            }),
            OcspStatus::Unknown => CertStatus::Unknown(Null),
        },
        this_update: generalized_time(this_update)?,
        next_update: Some(generalized_time(next_update)?),
    })
}

/// Decodes the response again, compares it with what was to be said, and verifies its signature. Nothing that fails may
/// leave: a responder's mistake is signed too.
fn check(der: &[u8], data: &ResponseData, responder: &OcspResponder) -> Result<(), PkiError> {
    let came_out_wrong = || unfit("the response came out wrong");
    let response = OcspResponse::from_der(der)?;
    let Some(bytes) = response.response_bytes else { return came_out_wrong() };
    let basic = BasicOcspResponse::from_der(bytes.response.as_bytes())?;
    let signed = basic.tbs_response_data.to_der()?;
    let holds = response.response_status == OcspResponseStatus::Successful
        && bytes.response_type == ID_PKIX_OCSP_BASIC
        && ResponseData::from_der(&signed)? == *data
        && basic.signature_algorithm == responder.algorithm
        && basic.certs.as_deref() == Some(std::slice::from_ref(&responder.encoded_certificate));
    if !holds {
        return came_out_wrong();
    }
    let signature = basic.signature.as_bytes().ok_or(PkiError::BadSignature)?;
    responder.public_key().verify(basic.signature_algorithm.oid, &signed, signature)
}
