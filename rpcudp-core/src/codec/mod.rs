//! Conversion of values to and from msgpack, compatible with Python.
//!
//! | Rust | msgpack | Python |
//! | --- | --- | --- |
//! | `Vec<u8>`, `&[u8]` and other sequences of `u8`, `serde_bytes` types | bin | `bytes` |
//! | `String`, `&str`, `char` | str | `str` |
//! | addresses, `Uuid` and other types with a form for people | str | `str` |
//! | integers | the shortest form | `int` |
//! | `f32`, `f64` | float 32, float 64 | `float` |
//! | `Option` | nil or the value; `Some(None)` and `Some(())` are nil too | `None` or the value |
//! | `()`, unit structs | nil | `None` |
//! | tuples, `[T; N]` (serde: up to 32), sequences | array | `list` |
//! | structs, maps | map, structs by field name | `dict` |
//! | enums | str, or a map from the variant's name to its data | `str`, `dict` |
//! | `#[serde(untagged)]` enums | the form of the variant | its Python type |
//! | [`Timestamp`](crate::value::Timestamp), [`Ext`](crate::value::Ext) | ext | `datetime`, `umsgpack.Ext` |
//! | [`Encoded`](crate::value::Encoded) | the value that it contains | its Python type |
//!
//! Decoding accepts more forms than encoding produces: a struct is also decoded from an array, and
//! a `Vec<u8>` from an array of integers. Text is not accepted for bytes, nor bytes for text.
//! `&[u8]` and `&str` borrow from the datagram without a copy.
//!
//! The codec is human-readable (`is_human_readable` is true), because serde's buffer for untagged
//! and internally tagged enums and flattened structs is: a type that asks would otherwise not
//! decode there.
//!
//! A 128-bit integer that does not fit into 64 bits is encoded as a bin of 16 bytes, most
//! significant first. A negative one has a byte 0xff in front.
//!
//! ```
//! use rpcudp_core::codec;
//!
//! let mut bytes = Vec::new();
//! codec::encode(&mut bytes, &(vec![1_u8, 2], "two", None::<u8>))?;
//! assert_eq!(bytes, b"\x93\xc4\x02\x01\x02\xa3two\xc0");
//! assert_eq!(codec::decode::<(Vec<u8>, String, Option<u8>)>(&bytes)?, (vec![1, 2], "two".into(), None));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod arguments;
mod attempts;
mod buffered_bytes;
mod byte_access;
mod bytes;
mod container;
mod decode;
mod decoder;
mod encode;
mod encode_error;
pub(crate) mod extension;
mod missing_argument;
pub(crate) mod raw;
mod reader;
mod specialize;
mod value_error;
mod wide;

pub use arguments::{ArgumentError, Arguments};
pub use bytes::{as_bytes, decode_bytes};
pub use decode::{DecodeError, decode};
pub use encode::encode;
pub use encode_error::EncodeError;

#[cfg(test)]
mod tests;
