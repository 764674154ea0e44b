use std::net::SocketAddr;

use crate::{Key, Timestamp, Value};

/// A value and what is kept with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The value.
    pub value: Value,
    /// Who stored it; none for what this node's own user has set.
    pub origin: Option<SocketAddr>,
    /// When it is to be forgotten.
    pub expires_at: Timestamp,
}

/// A change of a storage.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Keep this under the key, instead of what is there.
    Put(Key, Record),
    /// Keep nothing under the key.
    Remove(Key),
}
