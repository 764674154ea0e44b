use rpcudp_core::codec::{decode, encode};

use crate::value::Value;
use crate::value::argument::parse;

/// Reads the input as a word of the command line, and as a value from the network. A value that is
/// printed contains no control characters, and parses to the same value again.
pub fn command_line(bytes: &[u8]) {
    if let Ok(word) = str::from_utf8(bytes)
        // Files are not part of the input.
        && !word.starts_with('@')
        && let Ok(value) = parse(word, 0)
    {
        assert_prints(&value);
    }
    if let Ok(value) = decode::<Value>(bytes) {
        assert_prints(&value);
    }
}

fn assert_prints(value: &Value) {
    let printed = value.to_string();
    assert!(!printed.contains(char::is_control), "{printed:?}");
    let Some(expected) = encoded(value) else { return };
    let again = parse(&printed, 0).unwrap_or_else(|error| panic!("{printed} {error}"));
    // Compared as bytes, because NaN does not equal itself as a value.
    assert_eq!(encoded(&again), Some(expected), "{printed}");
}

/// Encodes a value, with one NaN for all. Returns `None` if it nests deeper than a datagram may.
fn encoded(value: &Value) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    encode(&mut bytes, &with_one_nan(value)).ok()?;
    Some(bytes)
}

fn with_one_nan(value: &Value) -> Value {
    match value {
        Value::Float(float) if float.is_nan() => Value::Float(f64::NAN),
        Value::Array(items) => Value::Array(items.iter().map(with_one_nan).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (with_one_nan(key), with_one_nan(value))).collect())
        }
        other => other.clone(),
    }
}
