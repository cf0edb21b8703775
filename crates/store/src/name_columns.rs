use openccm_core::DistinguishedName;
use sqlx::FromRow;

/// The six columns of a distinguished name.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct NameColumns {
    common_name: Option<String>,
    country: Option<String>,
    state: Option<String>,
    locality: Option<String>,
    organization: Option<String>,
    organizational_unit: Option<String>,
}

impl From<NameColumns> for DistinguishedName {
    fn from(columns: NameColumns) -> Self {
        Self {
            common_name: columns.common_name,
            country: columns.country,
            state: columns.state,
            locality: columns.locality,
            organization: columns.organization,
            organizational_unit: columns.organizational_unit,
        }
    }
}

/// The common name in the form in which it is searched.
pub(crate) fn search_name(name: &DistinguishedName) -> String {
    name.common_name.as_deref().unwrap_or_default().to_lowercase()
}
