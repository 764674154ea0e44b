use std::net::SocketAddr;

use crate::{Key, Timestamp, Value};

/// A value with the data that is stored beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The value.
    pub value: Value,
    /// The node that stored the value, or `None` if this node's own user has set it.
    pub origin: Option<SocketAddr>,
    /// The time at which the record expires.
    pub expires_at: Timestamp,
}

/// A change to a storage.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Stores a record under a key, in place of the present one.
    Put(Key, Record),
    /// Removes the record under a key.
    Remove(Key),
}
