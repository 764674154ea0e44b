//! JSON to values and back. Values that JSON lacks are objects with one key:
//!
//! | value | JSON |
//! | --- | --- |
//! | bytes | `{"$hex": "00ff"}` |
//! | a map with keys other than text | `{"$map": [[1, "one"]]}` |
//! | a timestamp | `{"$time": "2018-01-02T03:04:05Z"}`, in responses only |
//! | another extension value | `{"$ext": "ext 5 hex:00ff"}`, in responses only |
//! | an infinite number or no number | `{"$float": "inf"}`, in responses only |

use std::fmt::Write as _;

use rpcudp::value::Value;
use serde_json::{Map, json};

/// Converts an argument.
///
/// # Errors
///
/// The reason for which it is no value.
pub(crate) fn to_value(json: &serde_json::Value) -> Result<Value, String> {
    Ok(match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => (*value).into(),
        serde_json::Value::Number(number) => number_to_value(number),
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(elements) => Value::Array(elements.iter().map(to_value).collect::<Result<_, _>>()?),
        serde_json::Value::Object(entries) => object_to_value(entries)?,
    })
}

fn number_to_value(number: &serde_json::Number) -> Value {
    if let Some(number) = number.as_i64() {
        return Value::Int(number);
    }
    match number.as_u64() {
        Some(number) => Value::Unsigned(number),
        None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn object_to_value(entries: &Map<String, serde_json::Value>) -> Result<Value, String> {
    let only = entries.iter().next().filter(|_| entries.len() == 1);
    match only.map(|(key, value)| (key.as_str(), value)) {
        Some(("$hex", serde_json::Value::String(digits))) => {
            parse_hex(digits).map(Value::Bytes).ok_or_else(|| format!("`{digits}` is not hexadecimal"))
        }
        Some(("$map", pairs)) => {
            let pairs: Vec<(serde_json::Value, serde_json::Value)> =
                serde::Deserialize::deserialize(pairs).map_err(|error| format!("`$map`: {error}"))?;
            pairs
                .iter()
                .map(|(key, value)| Ok((to_value(key)?, to_value(value)?)))
                .collect::<Result<_, _>>()
                .map(Value::Map)
        }
        Some((key, _)) if key.starts_with('$') => Err(format!("`{key}` is no kind of value that can be sent")),
        _ => {
            let entry = |(key, value): (&String, _)| Ok((key.as_str().into(), to_value(value)?));
            entries.iter().map(entry).collect::<Result<_, String>>().map(Value::Map)
        }
    }
}

/// Converts a value of a peer.
pub(crate) fn from_value(value: &Value) -> serde_json::Value {
    match value {
        Value::Nil => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Unsigned(value) => (*value).into(),
        Value::Float(value) if value.is_finite() => (*value).into(),
        Value::Float(value) => json!({ "$float": value.to_string() }),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => json!({ "$hex": hex(bytes) }),
        Value::Array(elements) => elements.iter().map(from_value).collect(),
        Value::Map(entries) => map_to_json(entries),
        Value::Timestamp(time) => json!({ "$time": time.to_string() }),
        Value::Ext(ext) => json!({ "$ext": ext.to_string() }),
    }
}

fn map_to_json(entries: &[(Value, Value)]) -> serde_json::Value {
    let mut object = Map::new();
    for (key, value) in entries {
        // A key that would be read as one of this table, or that occurs twice, needs `$map`.
        let Some(key) = key.as_str().filter(|key| !key.starts_with('$') && !object.contains_key(*key)) else {
            let pairs = entries.iter().map(|(key, value)| json!([from_value(key), from_value(value)]));
            return json!({ "$map": pairs.collect::<Vec<_>>() });
        };
        object.insert(key.into(), from_value(value));
    }
    object.into()
}

fn parse_hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(*pair.get(1)?)?).ok();
    digits.chunks(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_trip() {
        for json in [
            json!(null),
            json!([true, -1, u64::MAX, 1.5, "text"]),
            json!({ "key": { "$hex": "00ff" }, "empty": {} }),
            json!({ "$map": [[1, "one"], [null, [2]]] }),
            json!({ "$map": [["$hex", "text"]] }),
        ] {
            assert_eq!(from_value(&to_value(&json).unwrap()), json);
        }
    }

    #[test]
    fn invalid_forms_are_errors() {
        for json in [json!({ "$hex": "0" }), json!({ "$hex": "xy" }), json!({ "$map": 1 }), json!({ "$time": "now" })] {
            assert!(to_value(&json).is_err(), "{json}");
        }
    }
}
