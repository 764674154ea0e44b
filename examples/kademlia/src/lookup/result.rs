use std::time::Duration;

use serde::Serialize;

use crate::{Contact, Distance, Value};

/// What a lookup has found, and on which way.
#[derive(Clone, Debug)]
pub struct LookupResult {
    /// The value, where one was looked for and somebody had it.
    pub value: Option<Value>,
    /// The nodes nearest to the key that answered without a value, the nearest first, at most k.
    pub closest: Vec<Contact>,
    /// The nodes that were asked, in that order.
    pub queried: Vec<QueriedNode>,
    /// How many nodes were asked, one after the other, to get to the one that had the value, or to the nearest. Zero if
    /// nobody answered.
    pub hops: u32,
    /// How long it response_time.
    pub elapsed: Duration,
}

/// A node that was asked during a lookup.
#[derive(Clone, Debug)]
pub struct QueriedNode {
    /// Who.
    pub contact: Contact,
    /// How far it is from the key.
    pub distance: Distance,
    /// How many nodes were asked, one after the other, to get to it, itself included.
    pub hops: u32,
    /// When it was asked, from the start of the lookup.
    pub queried_after: Duration,
    /// How long the answer response_time; none if it was not waited for.
    pub response_time: Option<Duration>,
    /// What came of it.
    pub outcome: QueryOutcome,
}

/// What came of asking a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryOutcome {
    /// It told of so many contacts that may be nodes.
    Contacts(usize),
    /// It had the value.
    Value,
    /// It did not answer, or not as the one that it was said to be.
    Failed,
    /// The lookup ended before it answered.
    Late,
}
