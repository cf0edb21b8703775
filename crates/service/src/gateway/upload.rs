//! What someone brings for a gateway: a certificate, its key, and the CAs whose clients are to be let in.

use std::fmt;

use openccm_core::{COMMON_INSTANCE, GatewayAlgorithm, GatewayScope, Invalid, Subject};
use openccm_pki::{Certificate, KeyKind, KeyReadError, PkiError, ServerKey, build_chain};
use openccm_store::gateway_certificates::Replacement;
use zeroize::Zeroizing;

use crate::Error;

/// The longest text of certificates, in bytes: some 40 of them. Each has to be parsed.
const CERTIFICATES_MAX: usize = 100_000;
/// The longest text of a key, in bytes: three times what an RSA key of 8192 bits takes.
const KEY_MAX: usize = 20_000;
/// How many CAs may be trusted.
const TRUSTED_ROOTS_MAX: usize = 16;

/// A certificate and its key, as they were sent.
pub struct CertificateForm {
    /// Its name: 4 to 50 letters, digits, underscores and Chinese characters, a letter or Chinese character first.
    pub name: String,
    /// The certificate (PEM); those above it may follow.
    pub certificate: String,
    /// Its key (PEM).
    pub private_key: Zeroizing<String>,
    /// Whether it is for every gateway or for one.
    pub scope: GatewayScope,
    /// The gateway, where it is for one.
    pub instance_id: Option<String>,
    /// The CAs whose clients are let in (PEM); only where it is for one gateway.
    pub trusted_root_ca: Option<String>,
    /// The kind of its key, where that is said.
    pub algorithm: Option<GatewayAlgorithm>,
}

impl fmt::Debug for CertificateForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateForm").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What stands in a certificate, beside what lists show.
#[derive(Clone, Debug)]
pub struct Details {
    /// Its version, 1 to 3.
    pub version: u8,
    /// The organizations in its subject.
    pub organizations: Vec<String>,
    /// The organizational units in its subject.
    pub organizational_units: Vec<String>,
    /// The localities in its subject.
    pub localities: Vec<String>,
    /// The states in its subject.
    pub states: Vec<String>,
    /// The countries in its subject.
    pub countries: Vec<String>,
    /// When it begins (ms since the epoch).
    pub not_before: i64,
    /// Its serial number in decimal digits.
    pub serial_number: String,
    /// The organizations in its issuer's name.
    pub issuer_organizations: Vec<String>,
}

/// A form that was read and found good.
pub(super) struct Upload {
    /// What is stored of it.
    pub(super) content: Replacement,
    /// The key (PKCS#8 DER).
    pub(super) private_key: Zeroizing<Vec<u8>>,
}

/// Reads a form and checks it at `now_ms`, on a thread of its own: large RSA keys take their time.
///
/// A certificate that is not yet valid is accepted, and so is one that signed itself, or whose chain is not sent; one that has
/// expired is not.
///
/// # Errors
/// The first that is wrong with it: the name, the certificate, its key, its chain, and what it is for.
pub(super) async fn read(form: CertificateForm, now_ms: i64) -> Result<Upload, Error> {
    tokio::task::spawn_blocking(move || check(&form, now_ms)).await.map_err(Error::key)?.map_err(Error::from)
}

fn check(form: &CertificateForm, now_ms: i64) -> Result<Upload, Refusal> {
    check_name(&form.name)?;
    let mut certificates = read_certificates(&form.certificate, "cert_content")?.into_iter();
    let leaf = certificates.next().ok_or_else(|| unfit("cert_content", "there is no certificate in it"))?;
    if leaf.signature_scheme().is_none() {
        return Err(unfit("cert_content", PkiError::UnsupportedSignature));
    }
    // `openssl req -x509` sets the CA bit unless it is told otherwise.
    if leaf.is_authority() && !leaf.is_self_signed() {
        return Err(unfit("cert_content", "the first certificate is an authority's"));
    }
    if leaf.period().not_after_ms() <= now_ms {
        return Err(Invalid::new(Subject::ExpiredCertificate, "cert_content", "it is past its end").into());
    }
    let key = read_key(&form.private_key)?;
    if !key.public_key().is_same_key(leaf.public_key()) {
        return Err(Refusal::KeyMismatch);
    }
    let chain = build_chain(&leaf, certificates.collect())
        .map_err(|error| Invalid::new(Subject::CertificateChain, "cert_content", error))?;
    let algorithm = match leaf.public_key().kind() {
        KeyKind::Rsa { .. } => GatewayAlgorithm::Rsa,
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::Ed25519 => GatewayAlgorithm::Ecc,
    };
    if form.algorithm.is_some_and(|said| said != algorithm) {
        let reason = format!("the key of the certificate is {algorithm}");
        return Err(Invalid::new(Subject::Parameter, "algorithm_type", reason).into());
    }
    let common_name = leaf.distinguished_name().common_name.unwrap_or_default();
    let names = leaf.alternative_names();
    // They are kept a line each, and shown on terminals.
    if names.iter().chain([&common_name]).any(|name| name.contains(char::is_control)) {
        return Err(unfit("cert_content", "there are control characters in its names"));
    }
    let content = Replacement {
        name: form.name.clone(),
        scope: form.scope,
        instance_id: instance_id(form)?,
        certificate: leaf.der().to_vec(),
        chain: der_of(&chain),
        trusted_roots: der_of(&read_trusted_roots(form)?),
        common_name,
        alternative_names: names.join("\n"),
        algorithm_type: algorithm.to_string(),
        signature_algorithm: leaf.go_signature_name(),
        not_after: leaf.period().not_after_ms(),
        updated_at: now_ms,
    };
    Ok(Upload { content, private_key: key.pkcs8().clone() })
}

/// What stands in a certificate (DER).
pub(super) fn details(der: &[u8]) -> Result<Details, PkiError> {
    let certificate = Certificate::from_der(der)?;
    Ok(Details {
        version: certificate.version(),
        organizations: certificate.organizations(),
        organizational_units: certificate.organizational_units(),
        localities: certificate.localities(),
        states: certificate.states(),
        countries: certificate.countries(),
        not_before: certificate.period().not_before_ms(),
        serial_number: certificate.serial_number_decimal(),
        issuer_organizations: certificate.issuer_organizations(),
    })
}

/// Why a form is not accepted.
enum Refusal {
    Invalid(Invalid),
    KeyMismatch,
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(invalid) => Self::Invalid(invalid),
            Refusal::KeyMismatch => Self::KeyMismatch,
        }
    }
}

fn unfit(field: &str, reason: impl fmt::Display) -> Refusal {
    Invalid::new(Subject::Certificate, field, reason).into()
}

fn check_name(name: &str) -> Result<(), Invalid> {
    // CJK unified ideographs: the block itself, and extension A.
    let letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}');
    let known = name.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '_');
    if known && name.chars().next().is_some_and(letter) && (4..=50).contains(&name.chars().count()) {
        return Ok(());
    }
    let reason = "must be 4 to 50 letters, digits, underscores and Chinese characters, and begin with a letter or a Chinese \
                  character";
    Err(Invalid::new(Subject::Parameter, "name", reason))
}

fn read_certificates(text: &str, field: &str) -> Result<Vec<Certificate>, Refusal> {
    if text.len() > CERTIFICATES_MAX {
        return Err(unfit(field, format!("must have {CERTIFICATES_MAX} bytes at most")));
    }
    Certificate::all_from_pem(text).map_err(|error| unfit(field, error))
}

fn read_key(text: &str) -> Result<ServerKey, Invalid> {
    if text.len() > KEY_MAX {
        let reason = format!("must have {KEY_MAX} bytes at most");
        return Err(Invalid::new(Subject::PrivateKey, "private_key", reason));
    }
    ServerKey::from_pem(text).map_err(|error| {
        let subject = match error {
            KeyReadError::Encrypted => Subject::EncryptedPrivateKey,
            _ => Subject::PrivateKey,
        };
        Invalid::new(subject, "private_key", error)
    })
}

fn read_trusted_roots(form: &CertificateForm) -> Result<Vec<Certificate>, Refusal> {
    const FIELD: &str = "trusted_root_ca";
    let Some(text) = form.trusted_root_ca.as_deref().filter(|text| !text.trim().is_empty()) else {
        return Ok(Vec::new());
    };
    if form.scope == GatewayScope::Global {
        return Err(Invalid::new(Subject::Parameter, FIELD, "is for certificates of type instance").into());
    }
    let roots = read_certificates(text, FIELD)?;
    if roots.len() > TRUSTED_ROOTS_MAX {
        return Err(unfit(FIELD, format!("must have {TRUSTED_ROOTS_MAX} certificates at most")));
    }
    if !roots.iter().all(Certificate::can_issue) {
        return Err(unfit(FIELD, "must be certificates of authorities"));
    }
    Ok(roots)
}

/// The gateway that a certificate is for, in the form in which it is kept.
fn instance_id(form: &CertificateForm) -> Result<String, Invalid> {
    match (form.scope, &form.instance_id) {
        (GatewayScope::Global, _) => Ok(COMMON_INSTANCE.to_owned()),
        (GatewayScope::Instance, Some(id)) => Ok(id.clone()),
        (GatewayScope::Instance, None) => Err(Invalid::missing(Subject::MissingParameter, "instance_id")),
    }
}

fn der_of(certificates: &[Certificate]) -> Vec<u8> {
    certificates.iter().flat_map(|certificate| certificate.der()).copied().collect()
}
