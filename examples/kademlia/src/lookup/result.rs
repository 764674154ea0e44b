use std::time::Duration;

use serde::Serialize;

use crate::{Contact, Distance, Value};

/// The result of a lookup, with each query that led to it.
#[derive(Clone, Debug)]
pub struct LookupResult {
    /// The value, if the lookup was for a value and a node returned it.
    pub value: Option<Value>,
    /// The nodes closest to the key that responded without a value, the closest first, at most k.
    pub closest: Vec<Contact>,
    /// The queried nodes, in the order of the queries.
    pub queried: Vec<QueriedNode>,
    /// The number of successive queries that led to the node with the value, or to the closest
    /// node. Zero if no node responded.
    pub hops: u32,
    /// The duration of the lookup.
    pub elapsed: Duration,
}

/// A node that a lookup has queried.
#[derive(Clone, Debug)]
pub struct QueriedNode {
    /// The node.
    pub contact: Contact,
    /// The node's distance from the key.
    pub distance: Distance,
    /// The number of successive queries that led to the node, its own included.
    pub hops: u32,
    /// The time from the start of the lookup to the query.
    pub queried_after: Duration,
    /// The time from the query to its outcome, or `None` if the lookup ended before.
    pub response_time: Option<Duration>,
    /// The outcome of the query.
    pub outcome: QueryOutcome,
}

/// The outcome of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryOutcome {
    /// The node returned this number of contacts with usable addresses.
    Contacts(usize),
    /// The node returned the value.
    Value,
    /// The node did not respond, or has another id than expected.
    Failed,
    /// The lookup ended before the node responded.
    Late,
}
