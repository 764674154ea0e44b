//! Values without a declared type: every value that travels, msgpack's extension types and
//! timestamps included.
//!
//! Use [`Value`] as an argument, a result or a field whose type is known at run time only, for
//! example in a gateway, and [`Encoded`] to pass a value on without decoding it. [`Timestamp`] is
//! the type of a Python `datetime`, and [`Ext`] the type of a value that only applications
//! understand.
//!
//! ```
//! use rpcudp_core::codec;
//! use rpcudp_core::value::{Ext, Timestamp, Value};
//!
//! let value: Value = [
//!     ("name", Value::from("Snake")),
//!     ("key", Value::from(b"\x00\xff")),
//!     ("seen", Timestamp::new(1_514_862_245, 0).into()), // an `Option`: `None` is nil
//!     ("place", Ext::new(5, b"\x01\x02").into()),
//! ]
//! .into_iter()
//! .collect();
//!
//! let mut bytes = Vec::new();
//! codec::encode(&mut bytes, &value)?;
//! let decoded: Value = codec::decode(&bytes)?;
//! assert_eq!(decoded, value);
//! assert_eq!(decoded.get("name").and_then(Value::as_str), Some("Snake"));
//! assert_eq!(
//!     decoded.to_string(),
//!     r#"{"name": "Snake", "key": hex:00ff, "seen": 2018-01-02T03:04:05Z, "place": ext 5 hex:0102}"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod convert;
mod display;
mod encoded;
mod ext;
mod serialization;
mod timestamp;

pub use encoded::Encoded;
pub use ext::Ext;
pub use timestamp::{Timestamp, TimestampOutOfRange};

/// Any value that travels.
///
/// The conversions with `From` choose the variant. Encoding a value and decoding it yields an equal
/// value.
///
/// In other formats of serde, an extension value and a timestamp are a pair of a type and bytes,
/// which does not decode as an extension value there.
#[derive(Clone, Debug)]
pub enum Value {
    /// Python's `None`, and Rust's `None` and `()`.
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer that fits into an `i64`.
    Int(i64),
    /// An integer above `i64::MAX`. Equal to the [`Int`](Self::Int) of the same number, if there is
    /// one, which the decoder prefers.
    Unsigned(u64),
    /// A floating-point number. One of 32 bits is widened.
    Float(f64),
    /// Text: Python's `str`.
    Text(String),
    /// Bytes: Python's `bytes`.
    Bytes(Vec<u8>),
    /// An array: Python's `list`.
    Array(Vec<Self>),
    /// The entries of a map in the order of the wire: Python's `dict`. A key may occur twice.
    Map(Vec<(Self, Self)>),
    /// A point in time: Python's `datetime`.
    Timestamp(Timestamp),
    /// A value of an extension type other than a timestamp.
    Ext(Ext),
}

impl Value {
    /// Returns whether the value is [`Nil`](Self::Nil).
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Returns the boolean, if the value is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = *self { Some(value) } else { None }
    }

    /// Returns the integer, if the value is one that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Int(value) => Some(value),
            Self::Unsigned(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// Returns the integer, if the value is one that fits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Int(value) => value.try_into().ok(),
            Self::Unsigned(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the number, if the value is a floating-point number or an integer. An integer beyond
    /// 53 bits is rounded.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Int(value) => Some(value as f64),
            Self::Unsigned(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the text, if the value is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the bytes, if the value is bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// Returns the elements, if the value is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// Returns the entries, if the value is a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        if let Self::Map(entries) = self { Some(entries) } else { None }
    }

    /// Returns the point in time, if the value is a timestamp.
    #[must_use]
    pub fn as_timestamp(&self) -> Option<Timestamp> {
        if let Self::Timestamp(timestamp) = *self { Some(timestamp) } else { None }
    }

    /// Returns the value of the first entry with the text `key`, if the value is a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.iter().find(|(candidate, _)| candidate.as_str() == Some(key)).map(|(_, value)| value)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Unsigned(a), Self::Unsigned(b)) => a == b,
            (Self::Int(a), Self::Unsigned(b)) | (Self::Unsigned(b), Self::Int(a)) => u64::try_from(*a) == Ok(*b),
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Ext(a), Self::Ext(b)) => a == b,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
