//! Tags of resources.

use openccm_core::{Invalid, Subject};
use openccm_store::{
    Session,
    tags::{self as store, ResourceType, Tag},
};

use crate::{Caller, Error, OpenCcm};

/// How many tags a resource may have.
pub const TAGS_MAX: usize = 20;
/// The longest key, in characters.
pub const KEY_MAX: usize = 128;
/// The longest value, in characters.
pub const VALUE_MAX: usize = 255;
/// What the vendor's own tags begin with.
const RESERVED: &str = "_sys_";
/// What keys and values may have besides letters and digits of any script, and blanks.
const SPECIAL: &[char] = &['_', '.', ':', '/', '=', '+', '-', '@'];

/// A tag that is to be taken away.
#[derive(Clone, Debug)]
pub struct TagToDelete {
    /// Its key.
    pub key: String,
    /// Its value; none where that does not matter.
    pub value: Option<String>,
}

/// Gives a resource these tags. One takes the place of the tag with the same key, where there is one.
///
/// # Errors
/// [`Error::NotFound`]; a tag against the rules; [`Error::TooManyTags`] where the resource would have too many. Then none is
/// given.
pub async fn create(
    ccm: &OpenCcm,
    caller: &Caller,
    resource_type: ResourceType,
    resource_id: &str,
    tags: &[Tag],
) -> Result<(), Error> {
    check(tags)?;
    let mut session = ccm.database().write().await?;
    // Two at the same time must not exceed the limit together.
    session.lock(&format!("tags:{resource_id}")).await?;
    if !store::has_resource(&mut session, &caller.account_id, resource_type, resource_id).await? {
        return Err(Error::NotFound);
    }
    put(&mut session, &caller.account_id, resource_type, resource_id, tags).await?;
    Ok(session.commit().await?)
}

/// Takes these tags from a resource. What it does not have is no matter.
///
/// # Errors
/// [`Error::NotFound`], or the database fails.
pub async fn delete(
    ccm: &OpenCcm,
    caller: &Caller,
    resource_type: ResourceType,
    resource_id: &str,
    tags: &[TagToDelete],
) -> Result<(), Error> {
    let account_id = &caller.account_id;
    let mut session = ccm.database().write().await?;
    if !store::has_resource(&mut session, account_id, resource_type, resource_id).await? {
        return Err(Error::NotFound);
    }
    for tag in tags {
        let value = tag.value.as_deref();
        store::delete(&mut session, account_id, resource_type, resource_id, &tag.key, value).await?;
    }
    Ok(session.commit().await?)
}

/// Checks the tags of one request: each by the vendor's rules, no key twice, not too many.
///
/// # Errors
/// What is wrong with which.
pub fn check(tags: &[Tag]) -> Result<(), Invalid> {
    if tags.len() > TAGS_MAX {
        return Err(Invalid::new(Subject::TagList, "tags", format!("must have at most {TAGS_MAX} elements")));
    }
    for (index, tag) in tags.iter().enumerate() {
        let (key, value) = (format!("tags[{index}].key"), format!("tags[{index}].value"));
        check_key(&tag.key, &key)?;
        check_value(&tag.value, &value)?;
        if tags[..index].iter().any(|other| other.key == tag.key) {
            return Err(Invalid::new(Subject::TagKeyList, key, "is there twice"));
        }
    }
    Ok(())
}

/// Gives a resource tags that were checked, within a transaction.
pub(crate) async fn put(
    session: &mut Session,
    account_id: &str,
    resource_type: ResourceType,
    resource_id: &str,
    tags: &[Tag],
) -> Result<(), Error> {
    let present = store::list(session, account_id, resource_type, resource_id).await?;
    let new = tags.iter().filter(|tag| present.iter().all(|present| present.key != tag.key));
    if present.len() + new.count() > TAGS_MAX {
        return Err(Error::TooManyTags);
    }
    for tag in tags {
        store::put(session, account_id, resource_type, resource_id, tag).await?;
    }
    Ok(())
}

fn check_key(key: &str, field: &str) -> Result<(), Invalid> {
    if key.is_empty() || key.chars().count() > KEY_MAX {
        let reason = format!("must have 1 to {KEY_MAX} characters");
        return Err(Invalid::new(Subject::TagKeyLength, field, reason));
    }
    if key.starts_with(RESERVED) {
        return Err(Invalid::new(Subject::TagKey, field, format!("must not begin with {RESERVED}")));
    }
    check_characters(key, Subject::TagKey, field)
}

fn check_value(value: &str, field: &str) -> Result<(), Invalid> {
    if value.chars().count() > VALUE_MAX {
        let reason = format!("must have at most {VALUE_MAX} characters");
        return Err(Invalid::new(Subject::TagValueLength, field, reason));
    }
    check_characters(value, Subject::TagValue, field)
}

fn check_characters(text: &str, subject: Subject, field: &str) -> Result<(), Invalid> {
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(Invalid::new(subject, field, "must not begin or end with a blank"));
    }
    if text.chars().all(|c| c.is_alphanumeric() || c == ' ' || SPECIAL.contains(&c)) {
        return Ok(());
    }
    let special: String = SPECIAL.iter().collect();
    Err(Invalid::new(subject, field, format!("may have letters, digits, blanks and {special}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(key: &str, value: &str) -> Option<Subject> {
        check(&[Tag { key: key.into(), value: value.into() }]).err().map(|invalid| invalid.subject)
    }

    #[test]
    fn tags_keep_to_the_vendors_rules() {
        for (key, value) in
            [("cost", ""), ("a b", "100"), ("部门", "研发 一"), ("ключ.1", "a_.:/=+-@Z"), ("sys_", "_sys_")]
        {
            assert_eq!(subject(key, value), None, "{key}={value}");
        }
        assert_eq!(subject(&"é".repeat(128), &"é".repeat(255)), None);
        assert_eq!(subject(&"é".repeat(129), ""), Some(Subject::TagKeyLength));
        assert_eq!(subject("", ""), Some(Subject::TagKeyLength));
        assert_eq!(subject("a", &"é".repeat(256)), Some(Subject::TagValueLength));
        for key in [" a", "a ", "a\tb", "a*b", "_sys_a", "a,b", "<a>", "a\u{0}"] {
            assert_eq!(subject(key, ""), Some(Subject::TagKey), "{key:?}");
        }
        for value in [" a", "a ", "a\nb", "100%", "a#b"] {
            assert_eq!(subject("a", value), Some(Subject::TagValue), "{value:?}");
        }
    }

    #[test]
    fn a_request_names_each_key_once_and_not_too_many() {
        let tags = |keys: std::ops::Range<usize>| -> Vec<Tag> {
            keys.map(|index| Tag { key: format!("key{index}"), value: String::new() }).collect()
        };
        assert_eq!(check(&tags(0..20)), Ok(()));
        assert_eq!(check(&tags(0..21)).unwrap_err().subject, Subject::TagList);
        assert_eq!(check(&[tags(0..1), tags(0..1)].concat()).unwrap_err().subject, Subject::TagKeyList);
    }
}
