/// What came of what each peer has told a lookup.
#[derive(Clone, Debug, Default)]
pub(super) struct Referrers {
    tallies: Vec<Tally>,
}

/// One that has told a lookup of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReferrerId(usize);

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    responses: usize,
    failures: usize,
}

impl Referrers {
    /// How many failures contacts it takes to stop believing an referrer none of whose contacts has responses. Where half
    /// of a network is gone, an honest one is taken for a liar once in sixteen times, and others know the same nodes.
    const MAX_FAILURES: usize = 4;

    /// Begins the tally of another. (A node answers a lookup once.)
    pub(super) fn add(&mut self) -> ReferrerId {
        self.tallies.push(Tally::default());
        ReferrerId(self.tallies.len() - 1)
    }

    /// Notes that a contact has responses that this one told of.
    pub(super) fn count_response(&mut self, referrer: ReferrerId) {
        self.tallies[referrer.0].responses += 1;
    }

    /// Notes that a contact has not responses that this one told of.
    pub(super) fn count_failure(&mut self, referrer: ReferrerId) {
        self.tallies[referrer.0].failures += 1;
    }

    /// Whether it is worth asking those that it told of.
    pub(super) fn is_credible(&self, referrer: ReferrerId) -> bool {
        let tally = self.tallies[referrer.0];
        tally.responses > 0 || tally.failures < Self::MAX_FAILURES
    }
}
