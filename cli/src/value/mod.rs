//! Values without a declared type: msgpack on the wire, JSON for people and scripts.
//!
//! JSON has fewer types than msgpack. A tagged string represents each type that JSON lacks, in
//! arguments and in responses, so a printed response can be passed as an argument: `"hex:00ff"` is
//! bytes, `"ext:5:00ff"` is a value of the extension type 5, `"float:nan"` is a float that JSON
//! cannot represent, and `"json:7"` is the key 7 of a map. A map with arrays or maps as keys is
//! `{"map:": [[key, value], ...]}`. Text that begins with one of these tags is prefixed with
//! `str:`.

pub(crate) mod argument;
mod codec;
pub(crate) mod hex;
pub(crate) mod json;
mod numbers;
mod tags;

use rpcudp_core::value::Ext;

/// A value of any msgpack type. Unlike `rpcudp::value::Value`, it keeps the bytes of a timestamp as
/// they travel, and its text is JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    /// An integer above `i64::MAX`.
    Unsigned(u64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Array(Vec<Self>),
    /// The entries in the order of the wire. A key may occur twice.
    Map(Vec<(Self, Self)>),
    /// A value of an extension type, of which -1 is a timestamp.
    Ext(Ext),
}

impl Value {
    fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Map(_))
    }
}

#[cfg(test)]
mod tests;
