//! Values whose types nobody declared: as msgpack on the wire, and as JSON for people and scripts.
//!
//! JSON has fewer types than msgpack. What it lacks is a string with a tag in front, in arguments as in answers, so that
//! whatever was answered can be given back: `"hex:00ff"` is bytes, `"float:nan"` a float that JSON cannot write, and
//! `"json:7"` a key of a map that is a number. A map with arrays or maps for keys is `{"map:": [[key, value], ...]}`. A text
//! that begins like one of these is written behind `str:`.

mod argument;
mod numbers;
mod tags;

use std::fmt;

pub(crate) use argument::parse;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
pub(crate) use tags::hex;

use crate::output::escape_controls;

/// Any value of msgpack, extension types apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    /// One that is no `i64`.
    Unsigned(u64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Array(Vec<Self>),
    /// In the order of the wire. Nothing keeps a peer from sending a key twice.
    Map(Vec<(Self, Self)>),
}

impl Value {
    fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Map(_))
    }
}

impl fmt::Display for Value {
    /// As JSON in one line, in which nothing reaches a terminal unescaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&escape_controls(&json))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_json = serializer.is_human_readable();
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) if value.is_finite() || !is_json => serializer.serialize_f64(*value),
            Self::Text(text) if !is_json => serializer.serialize_str(text),
            Self::Bytes(bytes) if !is_json => serializer.serialize_bytes(bytes),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Map(entries) if is_json && entries.iter().any(|(key, _)| key.is_container()) => {
                // As keys they would have to be JSON within a string, which doubles its escapes with each level.
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(tags::MAP, entries)?;
                map.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    if is_json {
                        map.serialize_entry(&*tags::written(key), value)?;
                    } else {
                        map.serialize_entry(key, value)?;
                    }
                }
                map.end()
            }
            Self::Float(_) | Self::Text(_) | Self::Bytes(_) => serializer.serialize_str(&tags::written(self)),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_json = deserializer.is_human_readable();
        deserializer.deserialize_any(AnyValue { is_json })
    }
}

struct AnyValue {
    is_json: bool,
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Unsigned(value), Value::Int))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        if self.is_json { tags::read(text).map_err(E::custom) } else { Ok(Value::Text(text.into())) }
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        // What a peer claims is not reserved for.
        let mut items = Vec::new();
        while let Some(item) = elements.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        if !self.is_json {
            while let Some(entry) = elements.next_entry()? {
                entries.push(entry);
            }
            return Ok(Value::Map(entries));
        }
        while let Some(key) = elements.next_key::<String>()? {
            if key != tags::MAP {
                entries.push((tags::read(&key).map_err(de::Error::custom)?, elements.next_value()?));
                continue;
            }
            let pairs = elements.next_value()?;
            if !entries.is_empty() || elements.next_key::<String>()?.is_some() {
                return Err(de::Error::custom("\"map:\" is not alone in its object; the text is written \"str:map:\""));
            }
            return Ok(Value::Map(pairs));
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rpcudp_core::codec::{decode, encode};

    use super::*;

    /// Values that are equal to themselves, which NaN is not.
    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (i64::MAX as u64 + 1..).prop_map(Value::Unsigned),
            prop_oneof![any::<f64>(), Just(f64::INFINITY), Just(f64::NEG_INFINITY)].prop_map(Value::Float),
            "(hex:|str:|float:|json:|map:|@)?.{0,12}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
        ];
        scalar.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((inner.clone(), inner), 0..5).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_comes_back_from_the_wire(value in value()) {
            let mut bytes = Vec::new();
            encode(&mut bytes, &value).unwrap();
            prop_assert_eq!(decode::<Value>(&bytes).unwrap(), value);
        }

        #[test]
        fn what_is_printed_can_be_given_back(value in value()) {
            prop_assert_eq!(parse(&value.to_string()).unwrap(), value);
        }
    }

    #[test]
    fn what_json_lacks_has_a_tag() {
        for (value, printed) in [
            (Value::Bytes(vec![0, 255]), r#""hex:00ff""#),
            (Value::Text("hex:00ff".into()), r#""str:hex:00ff""#),
            (Value::Text("str:".into()), r#""str:str:""#),
            (Value::Text("@home".into()), r#""@home""#),
            (Value::Float(f64::NEG_INFINITY), r#""float:-inf""#),
            (Value::Float(1.0), "1.0"),
            (
                Value::Map(vec![(Value::Int(7), Value::Nil), (Value::Text("7".into()), Value::Nil)]),
                r#"{"json:7":null,"7":null}"#,
            ),
            (
                Value::Map(vec![(Value::Array(vec![Value::Bytes(vec![1])]), Value::Nil), (Value::Int(2), Value::Nil)]),
                r#"{"map:":[[["hex:01"],null],[2,null]]}"#,
            ),
            (Value::Map(vec![(Value::Text("map:".into()), Value::Nil)]), r#"{"str:map:":null}"#),
        ] {
            assert_eq!(value.to_string(), printed);
        }
        assert_eq!(Value::Float(f64::NAN).to_string(), r#""float:nan""#);
        assert!(matches!(parse(r#""float:nan""#).unwrap(), Value::Float(value) if value.is_nan()));
    }

    #[test]
    fn maps_within_keys_of_maps_are_printed_in_proportion_to_their_size() {
        // As deep as a body nests.
        let value = (0..32).fold(Value::Nil, |key, _| Value::Map(vec![(key, Value::Nil)]));
        let printed = value.to_string();
        assert!(printed.len() < 32 * 32, "{printed}");
        assert_eq!(parse(&printed).unwrap(), value);
    }

    #[test]
    fn a_stranger_s_text_reaches_no_terminal_unescaped() {
        let text = Value::Text("a\x1b[2J\u{9b}b\u{202e}c\x7f".into());
        assert_eq!(text.to_string(), r#""a\u001b[2J\u009bb\u202ec\u007f""#);
        assert_eq!(parse(&text.to_string()).unwrap(), text);
    }
}
