//! Values in JSON, for people and scripts: the module above describes the form.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::{Value, tags};
use crate::output::escape_controls;

/// A value to write to JSON.
pub(crate) struct ToJson<'a>(pub(crate) &'a Value);

impl Serialize for ToJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Nil => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Unsigned(value) => serializer.serialize_u64(*value),
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Array(items) => serializer.collect_seq(items.iter().map(ToJson)),
            Value::Map(entries) if entries.iter().any(|(key, _)| key.is_container()) => {
                // Keys of objects would have to be JSON within a string, and each level of nesting
                // would double the escapes.
                let mut map = serializer.serialize_map(Some(1))?;
                let entries: Vec<_> = entries.iter().map(|(key, value)| (ToJson(key), ToJson(value))).collect();
                map.serialize_entry(tags::MAP, &entries)?;
                map.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(&*tags::to_tagged_text(key), &ToJson(value))?;
                }
                map.end()
            }
            Value::Float(_) | Value::Text(_) | Value::Bytes(_) | Value::Ext(_) => {
                serializer.serialize_str(&tags::to_tagged_text(self.0))
            }
        }
    }
}

/// A value read from JSON.
pub(super) struct FromJson(pub(super) Value);

impl<'de> Deserialize<'de> for FromJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
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
        tags::from_tagged_text(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(FromJson(item)) = elements.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = elements.next_key::<String>()? {
            if key != tags::MAP {
                let FromJson(value) = elements.next_value()?;
                entries.push((tags::from_tagged_text(&key).map_err(de::Error::custom)?, value));
                continue;
            }
            let pairs: Vec<(FromJson, FromJson)> = elements.next_value()?;
            if !entries.is_empty() || elements.next_key::<String>()?.is_some() {
                return Err(de::Error::custom(
                    "\"map:\" must be the only key of its object; to pass it as text, write \"str:map:\"",
                ));
            }
            return Ok(Value::Map(pairs.into_iter().map(|(FromJson(key), FromJson(value))| (key, value)).collect()));
        }
        Ok(Value::Map(entries))
    }
}

impl fmt::Display for Value {
    /// Formats the value as one line of JSON, with all control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string(&ToJson(self)).map_err(|_| fmt::Error)?;
        f.write_str(&escape_controls(&json))
    }
}
