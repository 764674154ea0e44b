use crate::{Contact, NodeId};

/// What has become of a contact that was to be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// It is in the table now.
    Added {
        /// Another that was known at this address, and is gone: the address has changed its id.
        replaced: Option<NodeId>,
    },
    /// It was in the table.
    AlreadyPresent,
    /// Its bucket is full. It is remembered for when a place gets free.
    BucketFull {
        /// The least recently seen, if it is time to ask whether it is still there.
        to_ping: Option<Contact>,
    },
    /// Another address has this id. It keeps it if it still answers.
    IdConflict {
        /// Whom to ask.
        holder: Contact,
    },
    /// Its subnet has its share of the bucket.
    SubnetFull,
    /// It is ourselves.
    LocalId,
}

/// What has become of a contact that did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether it has left the table.
    pub is_removed: bool,
    /// Who would take its place, and has to prove itself first.
    pub replacement: Option<Contact>,
}
