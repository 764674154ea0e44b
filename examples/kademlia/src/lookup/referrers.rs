/// The credibility of the nodes whose responses gave a lookup its candidates.
///
/// A referrer is no longer credible if `MAX_FAILURES` of its contacts failed and none responded.
#[derive(Clone, Debug, Default)]
pub(super) struct Referrers {
    tallies: Vec<Tally>,
}

/// The index of a node that has responded to a lookup.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReferrerId(usize);

/// The outcomes of the queries to one referrer's contacts.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    responses: usize,
    failures: usize,
}

impl Referrers {
    /// The number of failed contacts after which a referrer without a responding contact is not
    /// credible. If half of a network is offline, an honest referrer loses its credibility once in
    /// 16 times, and other referrers return the same contacts.
    const MAX_FAILURES: usize = 4;

    /// Adds a node that has responded. A lookup accepts one response of each node.
    pub(super) fn add(&mut self) -> ReferrerId {
        self.tallies.push(Tally::default());
        ReferrerId(self.tallies.len() - 1)
    }

    /// Counts a response of one of the referrer's contacts.
    pub(super) fn count_response(&mut self, referrer: ReferrerId) {
        self.tallies[referrer.0].responses += 1;
    }

    /// Counts a failed query to one of the referrer's contacts.
    pub(super) fn count_failure(&mut self, referrer: ReferrerId) {
        self.tallies[referrer.0].failures += 1;
    }

    pub(super) fn is_credible(&self, referrer: ReferrerId) -> bool {
        let tally = self.tallies[referrer.0];
        tally.responses > 0 || tally.failures < Self::MAX_FAILURES
    }
}
