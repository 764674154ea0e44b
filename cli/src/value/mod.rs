//! Values whose types nobody declared: as msgpack on the wire, and as JSON for people and scripts.
//!
//! JSON has fewer types than msgpack. What it lacks is a string with a tag in front, in arguments as in answers, so that
//! whatever was answered can be given back: `"hex:00ff"` is bytes, `"float:nan"` a float that JSON cannot write, and
//! `"json:7"` a key of a map that is a number. A map with arrays or maps for keys is `{"map:": [[key, value], ...]}`. A text
//! that begins like one of these is written behind `str:`.

pub(crate) mod argument;
mod codec;
pub(crate) mod hex;
mod numbers;
mod tags;

use std::fmt;

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

#[cfg(test)]
mod tests;
