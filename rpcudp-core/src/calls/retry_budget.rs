use super::wheel::Tick;

/// A budget that keeps an outage from causing a storm of retransmissions. It limits the ratio of
/// retransmissions to calls.
///
/// If half of all datagrams are lost, a call takes three retransmissions on average. Without a
/// budget, each call to an unreachable peer would take as many as fit into its timeout.
#[derive(Debug, Default)]
pub(crate) struct RetryBudget {
    /// The number of the current half of the window.
    half: Tick,
    current: Counts,
    previous: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u64,
    retransmissions: u64,
}

impl RetryBudget {
    /// The window in milliseconds. The budget considers between a half and all of it.
    const WINDOW: Tick = 20_000;

    /// The number of retransmissions allowed for each call in the window.
    const RETRANSMISSIONS_PER_CALL: u64 = 3;

    /// The number of retransmissions always allowed in the window.
    const MIN_RETRANSMISSIONS: u64 = 1_000;

    /// Records a call that may be retransmitted.
    pub(crate) fn record_call(&mut self, now: Tick) {
        self.advance(now);
        self.current.calls += 1;
    }

    /// Records a retransmission and returns `true` if the budget allows one.
    pub(crate) fn try_retransmit(&mut self, now: Tick) -> bool {
        self.advance(now);
        let calls = self.current.calls + self.previous.calls;
        let is_allowed = self.current.retransmissions + self.previous.retransmissions
            < Self::MIN_RETRANSMISSIONS + Self::RETRANSMISSIONS_PER_CALL * calls;
        self.current.retransmissions += u64::from(is_allowed);
        is_allowed
    }

    fn advance(&mut self, now: Tick) {
        let half = now / (Self::WINDOW / 2);
        if half > self.half {
            self.previous = if half == self.half + 1 { self.current } else { Counts::default() };
            self.current = Counts::default();
            self.half = half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of retransmissions allowed out of `count` attempts at the same time.
    fn allowed(budget: &mut RetryBudget, now: Tick, count: u64) -> u64 {
        (0..count).map(|_| u64::from(budget.try_retransmit(now))).sum()
    }

    #[test]
    fn minimum_is_always_allowed_and_calls_add_to_it() {
        let mut budget = RetryBudget::default();
        assert_eq!(allowed(&mut budget, 0, 5_000), 1_000);
        (0..100).for_each(|_| budget.record_call(1));
        assert_eq!(allowed(&mut budget, 2, 5_000), 300);
    }

    #[test]
    fn calls_before_the_window_do_not_count() {
        let mut budget = RetryBudget::default();
        (0..1_000).for_each(|_| budget.record_call(0));
        assert_eq!(allowed(&mut budget, 0, 10_000), 4_000);
        assert_eq!(allowed(&mut budget, 15_000, 10_000), 0);
        assert_eq!(allowed(&mut budget, 25_000, 10_000), 1_000);
        assert_eq!(allowed(&mut budget, 1_000_000, 10_000), 1_000);
    }
}
