use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::Value;
use super::display::write_hex;
use crate::codec::raw::RAW_NAME;
use crate::codec::{self, DecodeError, EncodeError};
use crate::msgpack::{self, Fault};

/// A value that is already encoded, or not decoded yet: one msgpack value.
///
/// It travels as the value itself. Use it as an argument, a result or a field to pass values on
/// without decoding them, or to decode them later, elsewhere or with another decoder.
///
/// It can be deserialized from msgpack only, and not inside an untagged or internally tagged enum
/// or a flattened struct. Other formats of serde serialize it as bytes.
///
/// ```
/// use rpcudp_core::codec;
/// use rpcudp_core::value::Encoded;
///
/// let encoded = Encoded::of(&("two", 2))?;
/// assert_eq!(encoded.bytes(), b"\x92\xa3two\x02");
///
/// let mut bytes = Vec::new();
/// codec::encode(&mut bytes, &[encoded])?;
/// assert_eq!(codec::decode::<Vec<(String, u8)>>(&bytes)?, [("two".into(), 2)]);
///
/// let encoded: Vec<Encoded> = codec::decode(&bytes)?;
/// assert_eq!(encoded[0].decode::<(&str, u8)>()?, ("two", 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Encoded {
    bytes: Vec<u8>,
}

impl Encoded {
    /// Creates a value from bytes in msgpack.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not exactly one value, or if it nests deeper than
    /// [`MAX_DEPTH`](crate::limits::MAX_DEPTH) levels.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, DecodeError> {
        let bytes = bytes.into();
        match msgpack::checked_len(&bytes) {
            Ok(len) if len == bytes.len() => Ok(Self { bytes }),
            Ok(len) => Err(error(format_args!("{} bytes follow the value, which has {len}", bytes.len() - len))),
            Err(Fault::TooDeep) => Err(error(format_args!("it nests deeper than {} levels", crate::limits::MAX_DEPTH))),
            Err(Fault::Invalid) => Err(error("it is incomplete or no msgpack")),
        }
    }

    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// As [`codec::encode`].
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let mut bytes = Vec::new();
        codec::encode(&mut bytes, value)?;
        Ok(Self { bytes })
    }

    /// Decodes the value. Borrows from these bytes if `T` can.
    ///
    /// # Errors
    ///
    /// As [`codec::decode`].
    pub fn decode<'de, T: Deserialize<'de>>(&'de self) -> Result<T, DecodeError> {
        codec::decode(&self.bytes)
    }

    /// Returns the value in msgpack.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the value in msgpack.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl fmt::Display for Encoded {
    /// Formats the value like a decoded [`Value`], or as `hex:c1` if it cannot be decoded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decode::<Value>() {
            Ok(value) => value.fmt(f),
            Err(_) => write_hex(f, &self.bytes),
        }
    }
}

fn error(reason: impl fmt::Display) -> DecodeError {
    DecodeError::new("Encoded", reason)
}

impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(RAW_NAME, &Bytes(&self.bytes))
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RAW_NAME, EncodedVisitor)
    }
}

struct EncodedVisitor;

impl<'de> Visitor<'de> for EncodedVisitor {
    type Value = Encoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value in msgpack")
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Encoded, E> {
        Ok(Encoded { bytes: bytes.into() })
    }

    /// Only other deserializers pass a newtype struct: serde's buffer, which has no bytes of the
    /// value any more, and other formats.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Encoded, D::Error> {
        Err(de::Error::custom(
            "an `Encoded` is read from msgpack only, and not inside an untagged or internally tagged enum or a \
             flattened struct",
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::limits::MAX_DEPTH;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Letter {
        to: String,
        text: Encoded,
    }

    #[test]
    fn bytes_that_are_not_one_value_are_refused() {
        let message = |bytes: &[u8]| Encoded::new(bytes).unwrap_err().to_string();
        assert_eq!(message(b""), "not a `Encoded`: it is incomplete or no msgpack");
        assert_eq!(message(b"\x92\x01"), "not a `Encoded`: it is incomplete or no msgpack");
        assert_eq!(message(b"\x01\x02\x03"), "not a `Encoded`: 2 bytes follow the value, which has 1");
        let deep = |levels: usize| [&b"\x91".repeat(levels)[..], b"\xc0"].concat();
        assert_eq!(message(&deep(MAX_DEPTH + 1)), "not a `Encoded`: it nests deeper than 32 levels");
        assert!(Encoded::new(deep(MAX_DEPTH)).is_ok());
    }

    #[test]
    fn value_travels_as_itself_inside_others() {
        let letter = Letter { to: "Ada".into(), text: Encoded::of(&vec![1.5_f32]).unwrap() };
        let mut bytes = Vec::new();
        codec::encode(&mut bytes, &letter).unwrap();
        assert_eq!(bytes, b"\x82\xa2to\xa3Ada\xa4text\x91\xca\x3f\xc0\0\0");
        assert_eq!(codec::decode::<Letter>(&bytes).unwrap(), letter);
    }

    #[test]
    fn value_is_printed_like_a_decoded_one() {
        assert_eq!(Encoded::of(&("two", vec![2_u8])).unwrap().to_string(), r#"["two", hex:02]"#);
        assert_eq!(Encoded::new(b"\xa1\xff").unwrap().to_string(), "hex:a1ff", "no UTF-8");
    }

    #[test]
    fn levels_of_an_encoded_value_count() {
        let deepest = Encoded::of(&Encoded::new([&b"\x91".repeat(MAX_DEPTH - 2)[..], b"\xc0"].concat()).unwrap());
        let error = codec::encode(&mut Vec::new(), &[deepest.unwrap()]).unwrap_err();
        assert_eq!(error, EncodeError::TooDeep { limit: MAX_DEPTH - 2 });
    }

    #[test]
    fn buffered_value_is_an_error_that_says_so() {
        #[derive(Debug, Deserialize)]
        #[serde(untagged)]
        enum Either {
            #[expect(dead_code, reason = "it is never decoded")]
            One(Encoded),
        }
        assert!(codec::decode::<Either>(b"\x01").is_err());
        let error = serde_json::from_str::<Encoded>("1").unwrap_err().to_string();
        assert!(error.starts_with("an `Encoded` is read from msgpack only"), "{error}");
    }
}
