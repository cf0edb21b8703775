//! Reading what clients send: they differ in how they write absent values, numbers and booleans.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A text; null and the empty text mean that there is none. A NUL is refused: no field has a use for it, and not every
/// database can store it.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Lenient::<String>(PhantomData))
}

/// A number, or a text of digits; null and the empty text mean that there is none.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Lenient::<i64>(PhantomData))
}

/// A boolean, or `"true"` or `"false"` in any case; null and the empty text mean that there is none.
pub(crate) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    deserializer.deserialize_any(Lenient::<bool>(PhantomData))
}

/// An object; null means that there is none. Nothing else: a structure could be read from an array as well.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(value)| value))
}

/// A list of objects; null means that there is none.
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let list = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(|Object(value)| value).collect()))
}

struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// What may be written in more than one way.
trait Value: Sized {
    const EXPECTED: &'static str;

    fn from_text(text: &str) -> Option<Self>;

    fn from_integer(_: i64) -> Option<Self> {
        None
    }

    fn from_boolean(_: bool) -> Option<Self> {
        None
    }
}

impl Value for String {
    const EXPECTED: &'static str = "a text without NUL";

    fn from_text(text: &str) -> Option<Self> {
        (!text.contains('\0')).then(|| text.to_owned())
    }
}

impl Value for i64 {
    const EXPECTED: &'static str = "an integer";

    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn from_integer(value: i64) -> Option<Self> {
        Some(value)
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(text: &str) -> Option<Self> {
        match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    fn from_boolean(value: bool) -> Option<Self> {
        Some(value)
    }
}

struct Lenient<T>(PhantomData<T>);

impl<T: Value> Visitor<'_> for Lenient<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() {
            return Ok(None);
        }
        // The text itself may be a secret, and stays out of the message.
        T::from_text(text).map(Some).ok_or_else(|| E::custom(format_args!("must be {}", T::EXPECTED)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        T::from_integer(value).map(Some).ok_or_else(|| E::custom(format_args!("must be {}", T::EXPECTED)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        let value = i64::try_from(value).ok().and_then(T::from_integer);
        value.map(Some).ok_or_else(|| E::custom(format_args!("must be {}", T::EXPECTED)))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        T::from_boolean(value).map(Some).ok_or_else(|| E::custom(format_args!("must be {}", T::EXPECTED)))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Fields {
        #[serde(deserialize_with = "super::text")]
        text: Option<String>,
        #[serde(deserialize_with = "super::integer")]
        integer: Option<i64>,
        #[serde(deserialize_with = "super::boolean")]
        boolean: Option<bool>,
        #[serde(deserialize_with = "super::object")]
        object: Option<Box<Fields>>,
        #[serde(deserialize_with = "super::objects")]
        objects: Option<Vec<Fields>>,
    }

    #[test]
    fn values_may_be_written_in_several_ways() {
        let read = |value| serde_json::from_value::<Fields>(value).unwrap();
        let expected = Fields { text: Some("7".into()), integer: Some(7), boolean: Some(true), ..Fields::default() };
        assert_eq!(read(json!({"text": "7", "integer": 7, "boolean": true})), expected);
        assert_eq!(read(json!({"text": "7", "integer": "7", "boolean": "True"})), expected);
        for absent in [
            json!({}),
            json!({"text": null, "integer": null, "boolean": null}),
            json!({"text": "", "integer": "", "boolean": ""}),
            json!({"object": null, "objects": null}),
        ] {
            assert_eq!(read(absent), Fields::default());
        }
        let inner = || Fields { integer: Some(7), ..Fields::default() };
        let expected = Fields { object: Some(Box::new(inner())), objects: Some(vec![inner()]), ..Fields::default() };
        assert_eq!(read(json!({"object": {"integer": 7}, "objects": [{"integer": 7}]})), expected);
    }

    #[test]
    fn other_types_are_refused() {
        for bad in [
            json!({"text": 7}),
            json!({"text": "a\u{0}b"}),
            json!({"text": []}),
            json!({"integer": 7.5}),
            json!({"integer": "seven"}),
            json!({"integer": true}),
            json!({"integer": u64::MAX}),
            json!({"boolean": 1}),
            json!({"boolean": "yes"}),
            json!({"boolean": {}}),
            json!({"object": []}),
            json!({"object": ["7", 7, true]}),
            json!({"object": "7"}),
            json!({"objects": {}}),
            json!({"objects": [[]]}),
            json!({"objects": [null]}),
        ] {
            assert!(serde_json::from_value::<Fields>(bad.clone()).is_err(), "{bad}");
        }
    }
}
