//! JSON that is looked at once: texts stay where they were read, objects are lists of their fields.
//!
//! It reads what `serde_json::Value` reads, with the same errors at the same places, in a fraction of the
//! allocations. Of a field given twice the last counts, as there.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Any JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Json<'a> {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// A number, as far as it matters: whole and not negative, or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Whole(u64),
    Other,
}

/// The fields of an object, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// The field's value.
    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl Json<'_> {
    /// Its text, if it is one.
    pub(super) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// A text that stays where it is, unless an escape had to be resolved.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText;
        impl<'de> Visitor<'de> for OfText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(OfText)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfJson)
    }
}

struct OfJson;

impl<'de> Visitor<'de> for OfJson {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(bool))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Whole(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(u64::try_from(number).map_or(Number::Other, Number::Whole)))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Other))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(Text(key)) = entries.next_key()? {
            fields.push((key, entries.next_value()?));
        }
        Ok(Json::Object(Object(fields)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn same(json: &Json<'_>, value: &Value) -> bool {
        match (json, value) {
            (Json::Null, Value::Null) => true,
            (Json::Bool(one), Value::Bool(other)) => one == other,
            (Json::Number(Number::Whole(one)), Value::Number(other)) => other.as_u64() == Some(*one),
            (Json::Number(Number::Other), Value::Number(other)) => other.as_u64().is_none(),
            (Json::Text(one), Value::String(other)) => one == other,
            (Json::List(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
            }
            (Json::Object(one), Value::Object(other)) => {
                one.0.iter().all(|(key, _)| other.contains_key(key.as_ref()))
                    && other.iter().all(|(key, value)| one.get(key).is_some_and(|one| same(one, value)))
            }
            (_, _) => false,
        }
    }

    fn check(text: &str) {
        match (serde_json::from_str::<Json<'_>>(text), serde_json::from_str::<Value>(text)) {
            (Ok(json), Ok(value)) => assert!(same(&json, &value), "{text}"),
            (Err(one), Err(other)) => {
                assert_eq!((one.line(), one.column()), (other.line(), other.column()), "{text}");
                assert_eq!(one.classify(), other.classify(), "{text}");
            }
            (one, other) => panic!("{text}: {one:?}, {other:?}"),
        }
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in [
            r#"{"a":1,"a":[2,-3,4.5,1e400],"\u0061b":"\ud83d\ude00\n","c":{"d":null,"e":[true,false]}}"#,
            r#"{"a":1,"a":[2,-3,4.5,18446744073709551616,-0,-1],"\u0061b":"\ud83d\ude00\n","c":{"d":null}}"#,
            r#"["\ud800"]"#,
            r#"{"\ud800":1}"#,
            "[1,]",
            "{1:2}",
            "\"a\u{1}\"",
            "nul",
            "",
        ] {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn whatever_it_is_given(text in r#"[\[\]{}",:\\u0-9a-e.\- tn]{0,40}"#) {
            check(&text);
        }

        #[test]
        fn and_where_a_good_one_was_bent(at in any::<prop::sample::Index>(), with in any::<char>()) {
            let good = r#"{"a":[1,2.5,{"b":"c\u00e9","d":null}],"e":true}"#;
            let at = at.index(good.len());
            if good.is_char_boundary(at) {
                let (head, tail) = good.split_at(at);
                check(&format!("{head}{with}{}", tail.get(1..).unwrap_or_default()));
            }
        }
    }
}
