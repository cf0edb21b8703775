//! An OCSP client of our own (RFC 6960 appendix B), which shares no code with the server's side.

use aws_lc_rs::digest;
use base64ct::{Base64, Encoding};
use const_oid::{
    ObjectIdentifier,
    db::{
        rfc5912::{ID_SHA_1, ID_SHA_256},
        rfc6960::{ID_PKIX_OCSP_BASIC, ID_PKIX_OCSP_NONCE},
    },
};
use der::{
    Any, Choice, Decode, Encode, Enumerated, Sequence,
    asn1::{BitString, ContextSpecific, GeneralizedTime, Int, Null, OctetString},
};
use openccm_pki::Certificate;
use spki::AlgorithmIdentifierOwned;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::world::{Answer, Caller};

#[derive(Sequence)]
struct OcspRequest {
    tbs_request: TbsRequest,
}

#[derive(Sequence)]
struct TbsRequest {
    request_list: Vec<Request>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    request_extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct Request {
    req_cert: CertId,
}

/// Which certificate is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct CertId {
    hash_algorithm: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: Int,
}

#[derive(Sequence)]
struct Extension {
    extn_id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    critical: bool,
    extn_value: OctetString,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Sequence)]
struct OcspResponse {
    response_status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    response_bytes: Option<ResponseBytes>,
}

#[derive(Sequence)]
struct ResponseBytes {
    response_type: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct BasicResponse {
    tbs_response_data: Any,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certs: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct ResponseData {
    /// `[2]`: the SHA-1 hash of the responder's key.
    responder_id: Any,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    response_extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct SingleResponse {
    cert_id: CertId,
    cert_status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
}

#[derive(Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Sequence)]
struct RevokedInfo {
    revocation_time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    revocation_reason: Option<ReasonCode>,
}

#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum ReasonCode {
    Unspecified = 0,
    KeyCompromise = 1,
    CaCompromise = 2,
    AffiliationChanged = 3,
    Superseded = 4,
    CessationOfOperation = 5,
    CertificateHold = 6,
    RemoveFromCrl = 8,
    PrivilegeWithdrawn = 9,
    AaCompromise = 10,
}

/// What is said of a certificate; times in seconds since the epoch, the reason a CRLReason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    Revoked { at: i64, reason: Option<u8> },
    Unknown,
}

/// A signed response that holds: its signature, its responder's certificate, its times.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) statuses: Vec<Status>,
    pub(crate) this_update: i64,
    pub(crate) next_update: i64,
    pub(crate) nonce: Option<Vec<u8>>,
    /// The certificate of the responder that signed it.
    pub(crate) responder: Certificate,
    pub(crate) der: Vec<u8>,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) certificates: Vec<CertId>,
    pub(crate) nonce: Option<Vec<u8>>,
}

impl CertId {
    /// The certificate of `issuer` with this serial number (hexadecimal), named with SHA-1.
    pub(crate) fn new(issuer: &Certificate, serial_number: &str) -> Self {
        Self::hashed(issuer, serial_number, ID_SHA_1, &digest::SHA1_FOR_LEGACY_USE_ONLY)
    }

    /// As [`Self::new`], named with SHA-256.
    pub(crate) fn sha256(issuer: &Certificate, serial_number: &str) -> Self {
        Self::hashed(issuer, serial_number, ID_SHA_256, &digest::SHA256)
    }

    fn hashed(
        issuer: &Certificate,
        serial_number: &str,
        oid: ObjectIdentifier,
        algorithm: &'static digest::Algorithm,
    ) -> Self {
        let (_, issuer) = X509Certificate::from_der(issuer.der()).unwrap();
        let hash = |bytes: &[u8]| OctetString::new(digest::digest(algorithm, bytes).as_ref()).unwrap();
        let mut serial = hex::decode(serial_number).unwrap();
        if serial[0] >= 0x80 {
            serial.insert(0, 0);
        }
        Self {
            hash_algorithm: AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) },
            issuer_name_hash: hash(issuer.subject().as_raw()),
            issuer_key_hash: hash(&issuer.public_key().subject_public_key.data),
            serial_number: Int::new(&serial).unwrap(),
        }
    }

    /// The same, named with a hash that has this identifier.
    pub(crate) fn claiming(mut self, oid: ObjectIdentifier) -> Self {
        self.hash_algorithm.oid = oid;
        self
    }
}

impl Query {
    /// A request about one certificate.
    pub(crate) fn about(certificate: CertId) -> Self {
        Self { certificates: vec![certificate], nonce: None }
    }

    /// The same with a nonce.
    pub(crate) fn nonce(self, nonce: &[u8]) -> Self {
        Self { nonce: Some(nonce.to_vec()), ..self }
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        let request_list = self.certificates.iter().map(|id| Request { req_cert: id.clone() }).collect();
        let request_extensions = self.nonce.as_ref().map(|nonce| {
            let value = OctetString::new(nonce.as_slice()).unwrap().to_der().unwrap();
            let extn_value = OctetString::new(value).unwrap();
            vec![Extension { extn_id: ID_PKIX_OCSP_NONCE, critical: false, extn_value }]
        });
        OcspRequest { tbs_request: TbsRequest { request_list, request_extensions } }.to_der().unwrap()
    }

    /// The request in base64, as it stands in a path apart from its encoding there.
    pub(crate) fn base64(&self) -> String {
        Base64::encode_string(&self.to_der())
    }

    /// Posts the request to the responder of the authority `ca_id`; the answer is one of OCSP, whatever it says.
    pub(crate) async fn post(&self, caller: &Caller, ca_id: &str) -> Answer {
        post(caller, ca_id, self.to_der()).await
    }

    /// Posts the request, which must be answered by a responder of `issuer`.
    pub(crate) async fn ask(&self, caller: &Caller, ca_id: &str, issuer: &Certificate) -> Reply {
        Reply::read(&self.post(caller, ca_id).await, issuer, &self.certificates)
    }

    /// As [`Self::ask`], about one certificate: gives what is said of it.
    pub(crate) async fn status(&self, caller: &Caller, ca_id: &str, issuer: &Certificate) -> Status {
        self.ask(caller, ca_id, issuer).await.statuses[0]
    }
}

/// Posts any bytes to the responder of the authority `ca_id`.
pub(crate) async fn post(caller: &Caller, ca_id: &str, body: Vec<u8>) -> Answer {
    let headers = [("content-type", "application/ocsp-request".to_owned())];
    caller.send("POST", &format!("/ocsp/{ca_id}"), &headers, body).await
}

/// The number of the OCSPResponseStatus of an answer, which is 0 where it is signed.
#[track_caller]
pub(crate) fn response_status(answer: &Answer) -> u8 {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/ocsp-response");
    let response = OcspResponse::from_der(&answer.body).unwrap();
    let status = response.response_status;
    assert_eq!(response.response_bytes.is_some(), status == ResponseStatus::Successful);
    if status != ResponseStatus::Successful {
        assert_eq!(answer.header("cache-control"), "no-store", "{status:?}");
    }
    status as u8
}

/// Checks for an answer that says so, without a signature.
#[track_caller]
pub(crate) fn refused(answer: &Answer, expected: &str) {
    let name = match response_status(answer) {
        0 => "successful",
        1 => "malformed",
        2 => "internal error",
        3 => "try later",
        6 => "unauthorized",
        other => panic!("{other}"),
    };
    assert_eq!(name, expected);
}

impl Reply {
    /// Reads an answer about `asked`, and checks what a client checks: RFC 6960 §3.2.
    #[track_caller]
    pub(crate) fn read(answer: &Answer, issuer: &Certificate, asked: &[CertId]) -> Self {
        refused(answer, "successful");
        let response = OcspResponse::from_der(&answer.body).unwrap();
        let bytes = response.response_bytes.unwrap();
        assert_eq!(bytes.response_type, ID_PKIX_OCSP_BASIC);
        let basic = BasicResponse::from_der(bytes.response.as_bytes()).unwrap();
        let certificates = basic.certs.unwrap();
        let responder = Certificate::from_der(&certificates[0].to_der().unwrap()).unwrap();
        assert_eq!(certificates.len(), 1);
        responder.verify_issued_by(issuer).unwrap();
        let signed = basic.tbs_response_data.to_der().unwrap();
        let signature = basic.signature.as_bytes().unwrap();
        responder.public_key().verify(basic.signature_algorithm.oid, &signed, signature).unwrap();

        let data = ResponseData::from_der(&signed).unwrap();
        let by_key = ContextSpecific::<OctetString>::from_der(&data.responder_id.to_der().unwrap()).unwrap();
        assert_eq!(by_key.value.as_bytes(), responder.key_identifier());
        let ids: Vec<&CertId> = data.responses.iter().map(|single| &single.cert_id).collect();
        assert_eq!(ids, asked.iter().collect::<Vec<_>>());
        let seconds = |time: &GeneralizedTime| i64::try_from(time.to_unix_duration().as_secs()).unwrap();
        let first = &data.responses[0];
        let (this_update, next_update) = (seconds(&first.this_update), seconds(first.next_update.as_ref().unwrap()));
        assert!(this_update < next_update && seconds(&data.produced_at) == this_update);
        let period = responder.period();
        assert!(period.not_before <= this_update && next_update <= period.not_after);
        let mut nonce = None;
        for extension in data.response_extensions.iter().flatten() {
            assert_eq!((extension.extn_id, extension.critical), (ID_PKIX_OCSP_NONCE, false));
            nonce = Some(OctetString::from_der(extension.extn_value.as_bytes()).unwrap().into_bytes().into());
        }
        let statuses = data.responses.iter().map(|single| match &single.cert_status {
            CertStatus::Good(_) => Status::Good,
            CertStatus::Unknown(_) => Status::Unknown,
            CertStatus::Revoked(info) => Status::Revoked {
                at: seconds(&info.revocation_time),
                reason: info.revocation_reason.map(|reason| reason as u8),
            },
        });
        Self { statuses: statuses.collect(), this_update, next_update, nonce, responder, der: answer.body.clone() }
    }
}
