use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A value that can be stored under a key: any type that Python's `kademlia` stores.
///
/// ```
/// use rpcudp_kademlia::Value;
///
/// assert_eq!(Value::from("text"), Value::Text("text".into()));
/// assert_eq!(Value::from(7_u64), Value::Int(7));
/// assert_eq!(Value::from(u64::MAX), Value::Unsigned(u64::MAX));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A Python `bool`.
    Bool(bool),
    /// A Python `int` that fits into an `i64`.
    Int(i64),
    /// A Python `int` above `i64::MAX`. A smaller number decodes as [`Int`](Self::Int).
    Unsigned(u64),
    /// A Python `float`.
    Float(f64),
    /// A Python `str`.
    Text(String),
    /// A Python `bytes`.
    Bytes(Vec<u8>),
}

impl Value {
    /// The largest encoded length of a value in bytes: 8,140.
    ///
    /// A `store` request has at most 8,192 bytes. An array of two, the method name `store`, an
    /// array of three, and an id and a key of 20 bytes each with their headers take 52 of them.
    pub const MAX_LEN: usize = 8_192 - (1 + 6 + 1 + 2 * 22);

    /// Returns the length of the encoded value in bytes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Bool(_) => 1,
            Self::Int(-32..=127) => 1,
            Self::Int(number) => int_len(number.unsigned_abs() - u64::from(*number < 0), *number < 0),
            Self::Unsigned(number) => int_len(*number, false).min(if *number < 128 { 1 } else { 9 }),
            Self::Float(_) => 9,
            Self::Text(text) => text.len() + if text.len() < 32 { 1 } else { header_len(text.len()) },
            Self::Bytes(bytes) => bytes.len() + header_len(bytes.len()),
        }
    }

    /// Returns whether the value fits into a `store` request.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.encoded_len() <= Self::MAX_LEN
    }
}

/// Returns the encoded length of an integer that takes more than one byte: 2, 3, 5 or 9.
///
/// `magnitude` is the integer, or its complement if it is negative.
fn int_len(magnitude: u64, negative: bool) -> usize {
    // The sign takes one bit.
    let bits = 64 - magnitude.leading_zeros() + u32::from(negative);
    match bits {
        0..=8 => 2,
        9..=16 => 3,
        17..=32 => 5,
        _ => 9,
    }
}

/// Returns the length of the header of text or bytes that do not fit into a short form.
fn header_len(len: usize) -> usize {
    match len {
        0..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    }
}

impl<'de> Deserialize<'de> for Value {
    /// Decodes a value. serde's derive for untagged enums would accept a list of small numbers as
    /// bytes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;

        impl Visitor<'_> for AnyValue {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an int, a float, a bool, a str or bytes")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Int(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Float(value))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.into()))
            }

            fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Value, E> {
                Ok(Value::Bytes(value.into()))
            }
        }

        deserializer.deserialize_any(AnyValue)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Unsigned(value), Self::Int)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.into())
    }
}

impl fmt::Display for Value {
    /// Writes the value for people: bytes as hexadecimal digits after `0x`, and text with its
    /// control characters escaped, because a peer could have stored terminal escape sequences.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => text.chars().try_for_each(|char| match char {
                '\n' | '\t' => write!(f, "{char}"),
                char if char.is_control() => write!(f, "{}", char.escape_default()),
                char => write!(f, "{char}"),
            }),
            Self::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rpcudp_core::codec::{decode, encode};

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<i16>().prop_map(|number| Value::Int(number.into())),
            (i64::MAX as u64 + 1..).prop_map(Value::Unsigned),
            any::<f64>().prop_map(Value::Float),
            "\\PC{0,300}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..70_000).prop_map(Value::Bytes),
        ]
    }

    fn encode_to_vec(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&mut bytes, value).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn values_round_trip_and_have_their_encoded_len(value in value()) {
            let bytes = encode_to_vec(&value);
            prop_assert_eq!(bytes.len(), value.encoded_len(), "{:?}", value);
            prop_assert_eq!(decode::<Value>(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn encoded_len_of_integers_is_exact() {
        let edges = [0, 1, 127, 128, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, i64::MAX as u64, u64::MAX];
        let values =
            edges.into_iter().map(Value::from).chain(edges.map(|number| Value::Int((number as i64).wrapping_neg())));
        for value in values.chain([Value::Int(-32), Value::Int(-33), Value::Int(-129), Value::Int(i64::MIN)]) {
            assert_eq!(encode_to_vec(&value).len(), value.encoded_len(), "{value:?}");
        }
    }

    #[test]
    fn nil_lists_maps_and_extensions_are_refused() {
        for bytes in [&b"\xc0"[..], b"\x90", b"\x93\x01\x02\x03", b"\x80", b"\xc7\x01\x00\x00"] {
            assert!(decode::<Value>(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn display_escapes_control_characters() {
        assert_eq!(Value::from("a\x1b[2Jb\nc").to_string(), "a\\u{1b}[2Jb\nc");
        assert_eq!(Value::from(vec![0, 255]).to_string(), "0x00ff");
        assert_eq!(Value::from(1.0).to_string(), "1.0");
    }
}
