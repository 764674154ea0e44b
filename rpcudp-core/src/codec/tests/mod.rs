use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;
use crate::msgpack;

mod attempts;
mod buffered;
mod bytes;
mod errors;
mod nesting;
mod properties;
mod values;

fn encoded<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes, value).unwrap();
    assert_eq!(msgpack::value_len(&bytes), Some(bytes.len()), "one complete value");
    bytes
}

fn assert_round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
    let bytes = encoded(&value);
    assert_eq!(decode::<T>(&bytes).unwrap(), value, "{bytes:x?}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: Option<i32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    first: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}
