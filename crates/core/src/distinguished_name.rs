use crate::{Invalid, Subject};

/// The name of an authority or certificate: the six attributes that the API knows.
///
/// Authorities carry all six; a certificate made from a signing request carries those of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistinguishedName {
    /// CN, 1 to 64 characters.
    pub common_name: Option<String>,
    /// C, two letters.
    pub country: Option<String>,
    /// ST, 1 to 128 characters.
    pub state: Option<String>,
    /// L, 1 to 128 characters.
    pub locality: Option<String>,
    /// O, 1 to 64 characters.
    pub organization: Option<String>,
    /// OU, 1 to 64 characters.
    pub organizational_unit: Option<String>,
}

impl DistinguishedName {
    /// Checks a name that an authority asks for: all six attributes, each within its limits.
    ///
    /// # Errors
    /// The first attribute that is missing or out of its limits.
    pub fn validate_complete(&self) -> Result<(), Invalid> {
        self.attributes().into_iter().try_for_each(|attribute| attribute.validate(true))
    }

    /// Checks a name that a certificate asks for: a common name, and whatever else is given within its limits.
    ///
    /// # Errors
    /// The first attribute that is missing or out of its limits.
    pub fn validate_partial(&self) -> Result<(), Invalid> {
        self.attributes().into_iter().try_for_each(|attribute| attribute.validate(attribute.name == "common_name"))
    }

    /// This name, with what it leaves open taken from `parent`.
    pub fn inherit(self, parent: &Self) -> Self {
        Self {
            common_name: self.common_name,
            country: self.country.or_else(|| parent.country.clone()),
            state: self.state.or_else(|| parent.state.clone()),
            locality: self.locality.or_else(|| parent.locality.clone()),
            organization: self.organization.or_else(|| parent.organization.clone()),
            organizational_unit: self.organizational_unit.or_else(|| parent.organizational_unit.clone()),
        }
    }

    fn attributes(&self) -> [Attribute<'_>; 6] {
        const PUNCTUATION: &str = "-_.,";
        [
            Attribute { name: "common_name", value: &self.common_name, max: 64, punctuation: "-_.,*" },
            Attribute { name: "country", value: &self.country, max: 2, punctuation: "" },
            Attribute { name: "state", value: &self.state, max: 128, punctuation: PUNCTUATION },
            Attribute { name: "locality", value: &self.locality, max: 128, punctuation: PUNCTUATION },
            Attribute { name: "organization", value: &self.organization, max: 64, punctuation: PUNCTUATION },
            Attribute {
                name: "organizational_unit",
                value: &self.organizational_unit,
                max: 64,
                punctuation: PUNCTUATION,
            },
        ]
    }
}

struct Attribute<'a> {
    name: &'static str,
    value: &'a Option<String>,
    /// In characters, not bytes (RFC 5280 appendix A.1, upper bounds).
    max: usize,
    /// What may stand in it besides letters and digits of any script and the blank.
    punctuation: &'static str,
}

impl Attribute<'_> {
    fn validate(&self, mandatory: bool) -> Result<(), Invalid> {
        let invalid = |reason: &str| {
            let field = format!("distinguished_name.{}", self.name);
            Err(Invalid::new(Subject::DistinguishedName, field, reason))
        };
        let Some(value) = self.value else {
            return if mandatory { invalid("is mandatory") } else { Ok(()) };
        };
        if self.name == "country" {
            let two_letters = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_alphabetic());
            return if two_letters { Ok(()) } else { invalid("must be two letters") };
        }
        if value.trim().is_empty() {
            return invalid("must not be blank");
        }
        if value.chars().count() > self.max {
            return invalid(&format!("must have 1 to {} characters", self.max));
        }
        if !value.chars().all(|c| c.is_alphanumeric() || c == ' ' || self.punctuation.contains(c)) {
            return invalid(&format!("may contain only letters, digits, blanks and any of {}", self.punctuation));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> DistinguishedName {
        DistinguishedName {
            common_name: Some("演示 Root-1_a.b,*".into()),
            country: Some("CN".into()),
            state: Some("四川".into()),
            locality: Some("成都".into()),
            organization: Some("示例科技有限公司".into()),
            organizational_unit: Some("IT".into()),
        }
    }

    #[test]
    fn chinese_names_count_in_characters() {
        complete().validate_complete().unwrap();
        let name = DistinguishedName { common_name: Some("演".repeat(64)), ..complete() };
        name.validate_complete().unwrap();
        let name = DistinguishedName { common_name: Some("演".repeat(65)), ..complete() };
        assert_eq!(name.validate_complete().unwrap_err().field, "distinguished_name.common_name");
    }

    #[test]
    fn each_attribute_has_its_limits() {
        let bad = [
            DistinguishedName { common_name: None, ..complete() },
            DistinguishedName { common_name: Some(" ".into()), ..complete() },
            DistinguishedName { common_name: Some("a\0b".into()), ..complete() },
            DistinguishedName { common_name: Some("a/b".into()), ..complete() },
            DistinguishedName { country: Some("C1".into()), ..complete() },
            DistinguishedName { country: Some("CHN".into()), ..complete() },
            DistinguishedName { state: Some("s".repeat(129)), ..complete() },
            DistinguishedName { locality: Some("*".into()), ..complete() },
            DistinguishedName { organization: Some("o".repeat(65)), ..complete() },
            DistinguishedName { organizational_unit: Some(String::new()), ..complete() },
        ];
        for name in bad {
            assert_eq!(name.validate_complete().unwrap_err().subject, Subject::DistinguishedName, "{name:?}");
        }
    }

    #[test]
    fn a_certificate_inherits_what_it_leaves_open() {
        let name = DistinguishedName { common_name: Some("leaf".into()), ..Default::default() };
        name.validate_partial().unwrap();
        let inherited = name.inherit(&complete());
        assert_eq!(inherited, DistinguishedName { common_name: Some("leaf".into()), ..complete() });
    }
}
