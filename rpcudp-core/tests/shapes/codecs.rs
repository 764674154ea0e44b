//! The codec, and those it is compared with.

use std::fmt::Debug;

use rmp_serde::config::BytesMode;
use rmp_serde::{Deserializer, Serializer};
use rpcudp_core::codec;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can be in a cell of the matrix.
pub(crate) trait Shape: Serialize + DeserializeOwned + PartialEq + Clone + Debug {}

impl<T: Serialize + DeserializeOwned + PartialEq + Clone + Debug> Shape for T {}

/// The outcome of a codec for a value: the bytes, and whether they decode to an equal value.
pub(crate) struct Outcome {
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) round_trips: bool,
    pub(crate) error: String,
}

impl Outcome {
    fn new<In: Serialize, Out: DeserializeOwned + PartialEq + Debug>(
        value: &In,
        expected: &Out,
        encode: impl FnOnce(&In) -> Result<Vec<u8>, String>,
        decode: impl FnOnce(&[u8]) -> Result<Out, String>,
    ) -> Self {
        let bytes = match encode(value) {
            Ok(bytes) => bytes,
            Err(error) => return Self { bytes: None, round_trips: false, error },
        };
        let (round_trips, error) = match decode(&bytes) {
            Ok(decoded) if decoded == *expected => (true, String::new()),
            Ok(decoded) => (false, format!("decoded as {decoded:?}")),
            Err(error) => (false, error),
        };
        Self { bytes: Some(bytes), round_trips, error }
    }
}

pub(crate) fn ours<In: Serialize, Out: DeserializeOwned + PartialEq + Debug>(value: &In, expected: &Out) -> Outcome {
    let encode = |value: &In| {
        let mut bytes = Vec::new();
        codec::encode(&mut bytes, value).map(|()| bytes).map_err(|error| error.to_string())
    };
    Outcome::new(value, expected, encode, |bytes| codec::decode(bytes).map_err(|error| error.to_string()))
}

pub(crate) fn json<In: Serialize, Out: DeserializeOwned + PartialEq + Debug>(value: &In, expected: &Out) -> Outcome {
    let encode = |value: &In| serde_json::to_vec(value).map_err(|error| error.to_string());
    Outcome::new(value, expected, encode, |bytes| serde_json::from_slice(bytes).map_err(|error| error.to_string()))
}

/// `rmp-serde` with structs as maps, as a human-readable format, and in a mode for bytes. More
/// configurations would be compiled for each cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RmpSerde(pub(crate) BytesMode);

impl RmpSerde {
    /// The first is the configuration whose encoding the codec shares.
    pub(crate) const ALL: [Self; 2] = [Self(BytesMode::ForceIterables), Self(BytesMode::Normal)];

    pub(crate) fn outcome<In: Serialize, Out: DeserializeOwned + PartialEq + Debug>(
        self,
        value: &In,
        expected: &Out,
    ) -> Outcome {
        let encode = |value: &In| {
            let mut bytes = Vec::new();
            let serializer = Serializer::new(&mut bytes).with_struct_map().with_bytes(self.0);
            let encoded = value.serialize(&mut serializer.with_human_readable());
            encoded.map(|()| bytes).map_err(|error| error.to_string())
        };
        let decode = |bytes: &[u8]| {
            let mut deserializer = Deserializer::from_read_ref(bytes).with_human_readable();
            Out::deserialize(&mut deserializer).map_err(|error| error.to_string())
        };
        Outcome::new(value, expected, encode, decode)
    }
}
