/// The times and the budget of the hedged calls of a group.
#[derive(Debug, Default)]
pub(super) struct Hedging {
    methods: Vec<MethodTimes>,
    /// Hedged calls since the last hedge that is not paid for, at most [`Self::MAX_CREDIT`].
    credit: u32,
}

/// The last times of a method.
#[derive(Debug)]
struct MethodTimes {
    method: &'static str,
    /// Times in ticks. The oldest is replaced.
    times: [u32; Self::LEN],
    count: usize,
    /// The 95th percentile when it was last computed.
    percentile: Option<u32>,
}

impl Hedging {
    /// Hedged calls for each hedge, so that hedges add at most a tenth to the load.
    const CALLS_PER_HEDGE: u32 = 10;

    /// The credit of the largest burst: ten hedges.
    const MAX_CREDIT: u32 = 10 * Self::CALLS_PER_HEDGE;

    /// Counts a hedged call, and returns the time in ticks after which it is hedged. `None` if too
    /// few calls of the method have been measured.
    pub(super) fn begin(&mut self, method: &'static str) -> Option<u32> {
        self.credit = (self.credit + 1).min(Self::MAX_CREDIT);
        // A tick more, so that a call that takes as long as most is not hedged.
        self.methods.iter().find(|times| times.method == method)?.percentile.map(|ticks| ticks.saturating_add(1))
    }

    /// Pays for a hedge. Returns whether the budget allows it.
    pub(super) fn try_hedge(&mut self) -> bool {
        let is_allowed = self.credit >= Self::CALLS_PER_HEDGE;
        if is_allowed {
            self.credit -= Self::CALLS_PER_HEDGE;
        }
        is_allowed
    }

    /// Records the time of a hedged call that ended with a response.
    pub(super) fn measure(&mut self, method: &'static str, ticks: u32) {
        // A program has few methods, so a search is fast.
        let at = self.methods.iter().position(|times| times.method == method).unwrap_or_else(|| {
            self.methods.push(MethodTimes::new(method));
            self.methods.len() - 1
        });
        self.methods[at].add(ticks);
    }
}

impl MethodTimes {
    const LEN: usize = 128;

    /// Measurements between computations of the percentile.
    const STEP: usize = 16;

    fn new(method: &'static str) -> Self {
        Self { method, times: [0; Self::LEN], count: 0, percentile: None }
    }

    fn add(&mut self, ticks: u32) {
        self.times[self.count % Self::LEN] = ticks;
        self.count += 1;
        if self.count.is_multiple_of(Self::STEP) {
            let mut times = self.times;
            let times = &mut times[..self.count.min(Self::LEN)];
            let at = times.len() * 95 / 100;
            self.percentile = Some(*times.select_nth_unstable(at).1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hedges_come_after_the_95th_percentile_of_the_method() {
        let mut hedging = Hedging::default();
        assert_eq!(hedging.begin("a"), None);
        (0..15).for_each(|_| hedging.measure("a", 10));
        assert_eq!(hedging.begin("a"), None, "too few measurements");
        (0..85).for_each(|at| hedging.measure("a", if at % 10 == 0 { 500 } else { 10 }));
        assert_eq!(hedging.begin("a"), Some(501));
        assert_eq!(hedging.begin("b"), None);
        (0..128).for_each(|_| hedging.measure("a", 7));
        assert_eq!(hedging.begin("a"), Some(8));
    }

    #[test]
    fn hedges_add_at_most_a_tenth_to_the_load() {
        let mut hedging = Hedging::default();
        assert!(!hedging.try_hedge());
        let mut hedge_count = 0;
        for _ in 0..1_000 {
            hedging.begin("a");
            hedge_count += u32::from(hedging.try_hedge());
        }
        assert_eq!(hedge_count, 100);
        (0..1_000).for_each(|_| {
            hedging.begin("a");
        });
        assert_eq!((0..100).filter(|_| hedging.try_hedge()).count(), 10, "the burst is bounded");
    }
}
