use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::{Value, tags};

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
                // Keys of objects would have to be JSON within a string, and each level of nesting
                // would double the escapes.
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(tags::MAP, entries)?;
                map.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    if is_json {
                        map.serialize_entry(&*tags::to_tagged_text(key), value)?;
                    } else {
                        map.serialize_entry(key, value)?;
                    }
                }
                map.end()
            }
            Self::Float(_) | Self::Text(_) | Self::Bytes(_) => serializer.serialize_str(&tags::to_tagged_text(self)),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_json = deserializer.is_human_readable();
        deserializer.deserialize_any(ValueVisitor { is_json })
    }
}

struct ValueVisitor {
    is_json: bool,
}

impl<'de> Visitor<'de> for ValueVisitor {
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
        if self.is_json { tags::from_tagged_text(text).map_err(E::custom) } else { Ok(Value::Text(text.into())) }
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        // No capacity is reserved, because the claimed length comes from the peer.
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
                entries.push((tags::from_tagged_text(&key).map_err(de::Error::custom)?, elements.next_value()?));
                continue;
            }
            let pairs = elements.next_value()?;
            if !entries.is_empty() || elements.next_key::<String>()?.is_some() {
                return Err(de::Error::custom(
                    "\"map:\" must be the only key of its object; to pass it as text, write \"str:map:\"",
                ));
            }
            return Ok(Value::Map(pairs));
        }
        Ok(Value::Map(entries))
    }
}
