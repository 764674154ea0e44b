use std::collections::HashMap;

use crate::NodeId;

/// What came of what each peer has told a lookup.
#[derive(Clone, Debug, Default)]
pub(super) struct Informants {
    records: HashMap<NodeId, Record>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    answered: usize,
    silent: usize,
}

impl Informants {
    /// How many silent contacts it takes to stop believing an informant none of whose contacts has answered. Where half
    /// of a network is gone, an honest one is taken for a liar once in sixteen times, and others know the same nodes.
    const DISBELIEVED_AFTER: usize = 4;

    /// Notes that a contact has answered that this one told of.
    pub(super) fn praise(&mut self, informant: NodeId) {
        self.records.entry(informant).or_default().answered += 1;
    }

    /// Notes that a contact has not answered that this one told of.
    pub(super) fn blame(&mut self, informant: NodeId) {
        self.records.entry(informant).or_default().silent += 1;
    }

    /// Whether it is worth asking those that it told of.
    pub(super) fn is_believed(&self, informant: &NodeId) -> bool {
        let record = self.records.get(informant).copied().unwrap_or_default();
        record.answered > 0 || record.silent < Self::DISBELIEVED_AFTER
    }
}
