use super::wheel::Tick;

/// Keeps an outage from becoming a storm: requests are sent again only so much more often than they are sent at all.
///
/// Where half of all datagrams are lost, a call takes three resends in the mean; where nobody answers, each would take
/// as many as its timeout has room for.
#[derive(Debug, Default)]
pub(crate) struct RetryBudget {
    /// Which half of the window this is.
    half: Tick,
    now: Counts,
    before: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u64,
    resends: u64,
}

impl RetryBudget {
    /// How many milliseconds are looked at, from one half of that to all of it.
    const WINDOW: Tick = 20_000;

    /// How many resends there may be for each call.
    const PER_CALL: u64 = 3;

    /// How many there may be in any case.
    const FREE: u64 = 1_000;

    /// Notes a call that may be sent again.
    pub(crate) fn call(&mut self, now: Tick) {
        self.advance(now);
        self.now.calls += 1;
    }

    /// Whether a request may be sent again; one that may is counted.
    pub(crate) fn retransmit(&mut self, now: Tick) -> bool {
        self.advance(now);
        let calls = self.now.calls + self.before.calls;
        let may = self.now.resends + self.before.resends < Self::FREE + Self::PER_CALL * calls;
        self.now.resends += u64::from(may);
        may
    }

    fn advance(&mut self, now: Tick) {
        let half = now / (Self::WINDOW / 2);
        if half > self.half {
            self.before = if half == self.half + 1 { self.now } else { Counts::default() };
            self.now = Counts::default();
            self.half = half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `count` resends are allowed at a time.
    fn allowed(budget: &mut RetryBudget, now: Tick, count: u64) -> u64 {
        (0..count).map(|_| u64::from(budget.retransmit(now))).sum()
    }

    #[test]
    fn a_few_are_free_and_more_come_with_calls() {
        let mut budget = RetryBudget::default();
        assert_eq!(allowed(&mut budget, 0, 5_000), 1_000);
        (0..100).for_each(|_| budget.call(1));
        assert_eq!(allowed(&mut budget, 2, 5_000), 300);
    }

    #[test]
    fn what_is_long_past_counts_no_more() {
        let mut budget = RetryBudget::default();
        (0..1_000).for_each(|_| budget.call(0));
        assert_eq!(allowed(&mut budget, 0, 10_000), 4_000);
        assert_eq!(allowed(&mut budget, 15_000, 10_000), 0);
        assert_eq!(allowed(&mut budget, 25_000, 10_000), 1_000);
        assert_eq!(allowed(&mut budget, 1_000_000, 10_000), 1_000);
    }
}
