/// What came of what each peer has told a lookup.
#[derive(Clone, Debug, Default)]
pub(super) struct Informants {
    records: Vec<Record>,
}

/// One that has told a lookup of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Informant(usize);

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    answered: usize,
    silent: usize,
}

impl Informants {
    /// How many silent contacts it takes to stop believing an informant none of whose contacts has answered. Where half
    /// of a network is gone, an honest one is taken for a liar once in sixteen times, and others know the same nodes.
    const DISBELIEVED_AFTER: usize = 4;

    /// Begins the record of another. (A node answers a lookup once.)
    pub(super) fn add(&mut self) -> Informant {
        self.records.push(Record::default());
        Informant(self.records.len() - 1)
    }

    /// Notes that a contact has answered that this one told of.
    pub(super) fn praise(&mut self, informant: Informant) {
        self.records[informant.0].answered += 1;
    }

    /// Notes that a contact has not answered that this one told of.
    pub(super) fn blame(&mut self, informant: Informant) {
        self.records[informant.0].silent += 1;
    }

    /// Whether it is worth asking those that it told of.
    pub(super) fn is_believed(&self, informant: Informant) -> bool {
        let record = self.records[informant.0];
        record.answered > 0 || record.silent < Self::DISBELIEVED_AFTER
    }
}
