use crate::{Contact, NodeId};

/// What has become of a contact that was to be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// It is in the table now.
    Added {
        /// Another that was known at this address, and is gone: the address has changed its id.
        instead: Option<NodeId>,
    },
    /// It was in the table.
    Known,
    /// Its bucket is full. It is remembered for when a place gets free.
    Full {
        /// The least recently seen, if it is time to ask whether it is still there.
        ask: Option<Contact>,
    },
    /// Another address has this id. It keeps it if it still answers.
    Taken {
        /// Whom to ask.
        by: Contact,
    },
    /// Its neighbourhood has its share of the bucket.
    Crowded,
    /// It is ourselves.
    Own,
}

/// What has become of a contact that did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Whether it has left the table.
    pub is_gone: bool,
    /// Who would take its place, and has to prove itself first.
    pub replacement: Option<Contact>,
}
