use std::borrow::Cow;

use rpcudp_core::value::Ext;

use super::{Value, hex, numbers};

const HEX: &str = "hex:";
const STR: &str = "str:";
const FLOAT: &str = "float:";
const JSON: &str = "json:";
const EXT: &str = "ext:";
/// The single key of an object that lists the entries of a map.
pub(super) const MAP: &str = "map:";

/// Returns the JSON string that represents a value which JSON lacks, or any value as the key of an
/// object.
pub(super) fn to_tagged_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) if [HEX, STR, FLOAT, JSON, EXT, MAP].iter().any(|tag| text.starts_with(tag)) => {
            format!("{STR}{text}").into()
        }
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => format!("{HEX}{}", hex::encode(bytes)).into(),
        Value::Ext(Ext { kind, data }) => format!("{EXT}{kind}:{}", hex::encode(data)).into(),
        Value::Float(value) if value.is_nan() => format!("{FLOAT}nan").into(),
        Value::Float(value) if value.is_infinite() => format!("{FLOAT}{value}").into(),
        other => format!("{JSON}{other}").into(),
    }
}

/// Returns the value that a JSON string represents.
///
/// # Errors
///
/// Returns a message if the text after the tag is invalid.
pub(super) fn from_tagged_text(text: &str) -> Result<Value, String> {
    let invalid = |reason: &str| Err(format!("{reason}; to pass this as text, write \"{STR}{text}\""));
    if let Some(text) = text.strip_prefix(STR) {
        Ok(Value::Text(text.into()))
    } else if let Some(digits) = text.strip_prefix(HEX) {
        match hex::decode(digits) {
            Some(bytes) => Ok(Value::Bytes(bytes)),
            None => invalid(&format!("`{digits}` is not an even number of hexadecimal digits")),
        }
    } else if let Some(number) = text.strip_prefix(FLOAT) {
        match number {
            "nan" => Ok(Value::Float(f64::NAN)),
            "inf" => Ok(Value::Float(f64::INFINITY)),
            "-inf" => Ok(Value::Float(f64::NEG_INFINITY)),
            _ => invalid(&format!("`{number}` is not nan, inf or -inf")),
        }
    } else if let Some(json) = text.strip_prefix(JSON) {
        match scalar(json) {
            Some(value) if numbers::find_oversized_integer(json).is_none() => Ok(value),
            _ => invalid(&format!("`{json}` is not a number, true, false or null")),
        }
    } else if let Some(ext) = text.strip_prefix(EXT) {
        let parts = ext.split_once(':').and_then(|(kind, digits)| Some((kind.parse().ok()?, hex::decode(digits)?)));
        match parts {
            Some((kind, data)) => Ok(Value::Ext(Ext { kind, data })),
            None => invalid(&format!("`{ext}` is not a type from -128 to 127, a colon and hexadecimal digits")),
        }
    } else if text.starts_with(MAP) {
        invalid("\"map:\" may only be the key of an object")
    } else {
        Ok(Value::Text(text.into()))
    }
}

/// Returns the value of a JSON text without text, arrays and objects.
fn scalar(json: &str) -> Option<Value> {
    Some(match serde_json::from_str(json).ok()? {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::Unsigned(value),
            (None, None) => Value::Float(number.as_f64()?),
        },
        _ => return None,
    })
}
