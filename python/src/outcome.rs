use rpcudp_kademlia::{Contact, Value};

/// The result of an operation of a node.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The nodes closest to an id.
    Contacts(Vec<Contact>),
    /// The value of each key.
    Values(Vec<Option<Value>>),
    /// The number of nodes that have stored each value.
    Counts(Vec<usize>),
    /// An argument cannot be used.
    Unusable(String),
    /// The node was closed.
    Closed,
}
