use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// What can be stored under a key: what Python's `kademlia` takes for a value.
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
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// An `int` above the greatest `i64`; a smaller one is an [`Int`](Self::Int) when it comes back.
    Unsigned(u64),
    /// `float`
    Float(f64),
    /// `str`
    Text(String),
    /// `bytes`
    Bytes(Vec<u8>),
}

impl Value {
    /// How large a value may be on the wire, in bytes: what a `store` request has left of its 8,192 after the method's
    /// name, an id and a key (array of two, `store`, array of three, twice 20 bytes with their heads).
    pub const MAX_LEN: usize = 8_192 - (1 + 6 + 1 + 2 * 22);

    /// How many bytes it takes on the wire.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Bool(_) => 1,
            Self::Int(-32..=127) => 1,
            Self::Int(number) => int_len(number.unsigned_abs() - u64::from(*number < 0), *number < 0),
            Self::Unsigned(number) => int_len(*number, false).min(if *number < 128 { 1 } else { 9 }),
            Self::Float(_) => 9,
            Self::Text(text) => text.len() + if text.len() < 32 { 1 } else { head_len(text.len()) },
            Self::Bytes(bytes) => bytes.len() + head_len(bytes.len()),
        }
    }

    /// Whether it fits into a request.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.encoded_len() <= Self::MAX_LEN
    }
}

/// A number that is not written in one byte: the smallest of 2, 3, 5 and 9 bytes that has room for it. `magnitude` is
/// the number, or for a negative one its complement.
fn int_len(magnitude: u64, negative: bool) -> usize {
    // A sign takes a bit.
    let bits = 64 - magnitude.leading_zeros() + u32::from(negative);
    match bits {
        0..=8 => 2,
        9..=16 => 3,
        17..=32 => 5,
        _ => 9,
    }
}

fn head_len(len: usize) -> usize {
    match len {
        0..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    }
}

impl<'de> Deserialize<'de> for Value {
    /// By hand, because serde's untagged enums take a list of small numbers for bytes.
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
    /// For people: text as it is but for control characters, which a stranger may have put there for a terminal, and
    /// bytes as hexadecimal digits behind `0x`.
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
