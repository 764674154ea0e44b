use crate::{Contact, NodeId};

/// The result of [`RoutingTable::insert`](crate::RoutingTable::insert).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// The contact was added.
    Added {
        /// The id of a removed contact with the same address: the node there has changed its id.
        replaced: Option<NodeId>,
    },
    /// The contact was in the table. It is the most recently seen of its k-bucket now.
    AlreadyPresent,
    /// The k-bucket is full. The contact was put in the replacement cache.
    BucketFull {
        /// The least recently seen contact of the k-bucket, if it should be pinged.
        to_ping: Option<Contact>,
    },
    /// The table has the id at another address.
    IdConflict {
        /// The contact that has the id. It should be pinged, and keeps the id if it responds.
        holder: Contact,
    },
    /// The contact's subnet has reached its limit in the k-bucket.
    SubnetFull,
    /// The contact has this node's own id.
    LocalId,
}

/// The result of [`RoutingTable::mark_failed`](crate::RoutingTable::mark_failed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether the contact was removed from the table.
    pub is_removed: bool,
    /// A contact from the replacement cache, to be validated and then inserted.
    pub replacement: Option<Contact>,
}
