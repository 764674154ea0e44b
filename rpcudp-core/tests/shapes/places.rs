//! The places in which a value can be: alone, in containers, and in types of serde's derive.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Newtype<T>(pub(crate) T);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Field<T> {
    pub(crate) first: u8,
    pub(crate) value: T,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum External<T> {
    Newtype(T),
    Tuple(u8, T),
    Struct { value: T },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Internal<T> {
    Newtype(Field<T>),
    Struct { value: T },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content")]
pub(crate) enum Adjacent<T> {
    Newtype(T),
    Tuple(u8, T),
    Struct { value: T },
}

/// The same as an `Adjacent::Newtype` with its fields in the other order, which serde must buffer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ContentFirst<T> {
    pub(crate) content: T,
    pub(crate) kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged<T> {
    Value(T),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inner<T> {
    pub(crate) value: T,
    pub(crate) more: Vec<T>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FlattenedStruct<T> {
    pub(crate) first: u8,
    #[serde(flatten)]
    pub(crate) inner: Inner<T>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: serde::de::DeserializeOwned"))]
pub(crate) struct FlattenedMap<T> {
    pub(crate) first: u8,
    #[serde(flatten)]
    pub(crate) entries: BTreeMap<String, T>,
}
