//! What several requests and responses of PCA have in common.

use openccm_core::{
    CaId, DistinguishedName, HashAlgorithm, Invalid, KeyAlgorithm, KeyUsage, KeyUsages, PATH_LENGTH_MAX,
    RevocationReason, Subject, Validity, ValidityUnit,
};
use openccm_service::revocation::{Cause, CrlConfiguration};
use serde::{Deserialize, Serialize};

use crate::{extract::Body, lenient};

/// What a field of a PCA request is about, by the first part of its path.
pub(super) fn subject(path: &str) -> Subject {
    let field = path.split(['.', '[']).next().unwrap_or_default();
    match field {
        "distinguished_name" => Subject::DistinguishedName,
        "key_algorithm" => Subject::KeyAlgorithm,
        "signature_algorithm" => Subject::HashAlgorithm,
        "validity" => Subject::Validity,
        "issuer_id" => Subject::CaId,
        "path_length" => Subject::PathLength,
        "crl_configuration" => Subject::CrlConfiguration,
        "subject_alternative_names" => Subject::AlternativeNameType,
        "csr" => Subject::Csr,
        "certificate" => Subject::Certificate,
        "certificate_chain" => Subject::CertificateChain,
        _ => Subject::Parameter,
    }
}

/// A name, with both spellings of the organizational unit that the vendor's documents use.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NameRequest {
    #[serde(deserialize_with = "lenient::text")]
    common_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    country: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    state: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    locality: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    organization: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    organizational_unit: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    organization_unit: Option<String>,
}

impl From<NameRequest> for DistinguishedName {
    fn from(name: NameRequest) -> Self {
        Self {
            common_name: name.common_name,
            country: name.country,
            state: name.state,
            locality: name.locality,
            organization: name.organization,
            organizational_unit: name.organizational_unit.or(name.organization_unit),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct NameResponse {
    common_name: Option<String>,
    country: Option<String>,
    state: Option<String>,
    locality: Option<String>,
    organization: Option<String>,
    organizational_unit: Option<String>,
}

impl From<DistinguishedName> for NameResponse {
    fn from(name: DistinguishedName) -> Self {
        Self {
            common_name: name.common_name,
            country: name.country,
            state: name.state,
            locality: name.locality,
            organization: name.organization,
            organizational_unit: name.organizational_unit,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ValidityRequest {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    unit: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    value: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    start_from: Option<i64>,
}

impl TryFrom<ValidityRequest> for Validity {
    type Error = Invalid;

    fn try_from(validity: ValidityRequest) -> Result<Self, Invalid> {
        let unit = validity.unit.ok_or_else(|| Invalid::missing(Subject::Validity, "validity.type"))?;
        let unit = ValidityUnit::parse(&unit).ok_or_else(|| {
            Invalid::new(Subject::Validity, "validity.type", format!("must be one of {}", ValidityUnit::choices()))
        })?;
        let value = validity.value.ok_or_else(|| Invalid::missing(Subject::Validity, "validity.value"))?;
        Ok(Self { unit, value, start_from_ms: validity.start_from })
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CrlConfigurationRequest {
    #[serde(deserialize_with = "lenient::boolean")]
    enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    crl_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    obs_bucket_name: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    valid_days: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    partitions: Option<i64>,
}

impl TryFrom<CrlConfigurationRequest> for CrlConfiguration {
    type Error = Invalid;

    fn try_from(configuration: CrlConfigurationRequest) -> Result<Self, Invalid> {
        let missing = || Invalid::missing(Subject::CrlConfiguration, "crl_configuration.enabled");
        Ok(Self {
            enabled: configuration.enabled.ok_or_else(missing)?,
            name: configuration.crl_name,
            bucket: configuration.obs_bucket_name,
            valid_days: configuration.valid_days,
            partitions: configuration.partitions,
        })
    }
}

/// Why something is revoked. Nothing, `{}`, `null` and `{"reason": null}` all mean that no reason is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RevokeRequest {
    #[serde(deserialize_with = "lenient::text")]
    reason: Option<String>,
    /// OpenCCM's own: since when the key or content is suspect, in milliseconds since the epoch.
    #[serde(deserialize_with = "lenient::integer")]
    invalidity_date: Option<i64>,
}

impl Body for RevokeRequest {
    fn subject(path: &str) -> Subject {
        subject(path)
    }
}

impl RevokeRequest {
    pub(super) fn cause(&self) -> Result<Cause, Invalid> {
        let reason = match &self.reason {
            None => RevocationReason::Unspecified,
            Some(text) => RevocationReason::parse(text).ok_or_else(|| {
                let choices = RevocationReason::choices();
                Invalid::new(Subject::Parameter, "reason", format!("must be one of {choices}"))
            })?,
        };
        Ok(Cause { reason, invalid_since_ms: self.invalidity_date })
    }
}

pub(super) fn issuer_id(text: Option<String>) -> Result<Option<CaId>, Invalid> {
    let invalid = || Invalid::new(Subject::CaId, "issuer_id", "must be the 36 characters of an authority's id");
    text.map(|text| CaId::parse(text.trim()).ok_or_else(invalid)).transpose()
}

pub(super) fn mandatory_issuer_id(text: Option<String>) -> Result<CaId, Invalid> {
    issuer_id(text)?.ok_or_else(|| Invalid::missing(Subject::CaId, "issuer_id"))
}

pub(super) fn key_algorithm(text: Option<String>) -> Result<Option<KeyAlgorithm>, Invalid> {
    let invalid = |text: &str| {
        let choices = KeyAlgorithm::PRIVATE.map(KeyAlgorithm::as_str).join(", ");
        Invalid::new(Subject::KeyAlgorithm, "key_algorithm", format!("must be one of {choices}, not {}", shown(text)))
    };
    let parse = |text: &str| KeyAlgorithm::parse(text).filter(|algorithm| KeyAlgorithm::PRIVATE.contains(algorithm));
    text.map(|text| parse(&text).ok_or_else(|| invalid(&text))).transpose()
}

pub(super) fn hash_algorithm(text: Option<String>) -> Result<Option<HashAlgorithm>, Invalid> {
    let invalid = |text: &str| {
        let choices = HashAlgorithm::choices();
        let reason = format!("must be one of {choices}, not {}", shown(text));
        Invalid::new(Subject::HashAlgorithm, "signature_algorithm", reason)
    };
    text.map(|text| HashAlgorithm::parse(&text).ok_or_else(|| invalid(&text))).transpose()
}

/// The beginning of what a client sent, for a message.
fn shown(text: &str) -> String {
    text.chars().take(32).collect::<String>().escape_debug().to_string()
}

/// The key usages of a request; none where it names none.
pub(super) fn key_usages(names: Option<Vec<String>>) -> Result<Option<KeyUsages>, Invalid> {
    let names = names.unwrap_or_default();
    let parse = |(index, name): (usize, &String)| {
        KeyUsage::parse(name).ok_or_else(|| {
            let choices = KeyUsage::choices();
            Invalid::new(Subject::Parameter, format!("key_usages[{index}]"), format!("must be one of {choices}"))
        })
    };
    let usages = names.iter().enumerate().map(parse).collect::<Result<KeyUsages, _>>()?;
    Ok((!usages.is_empty()).then_some(usages))
}

pub(super) fn path_length(value: Option<i64>) -> Result<Option<u8>, Invalid> {
    let invalid = || Invalid::new(Subject::PathLength, "path_length", format!("must be 0 to {PATH_LENGTH_MAX}"));
    let check = |value| u8::try_from(value).ok().filter(|length| *length <= PATH_LENGTH_MAX).ok_or_else(invalid);
    value.map(check).transpose()
}
