//! The number of ICMP messages that a socket reads in a second.

use std::time::{Duration, Instant};

/// A token bucket of messages.
#[derive(Debug, Default)]
pub(super) struct ErrorBudget {
    /// The messages that were read and not given back by time.
    spent: f64,
    /// The time of the last change.
    since: Option<Instant>,
}

impl ErrorBudget {
    /// The messages that may be read at once: as many calls can learn in one moment that their
    /// peers are unreachable.
    pub(super) const BURST: usize = 4_096;

    /// The messages that may be read in a second, in the long run. At 2.4 us each, that is a
    /// fiftieth of a core. Linux sends no more than 10,000 in a second from one host.
    pub(super) const PER_SECOND: usize = 8_192;

    /// Takes messages that were read. Returns `false` if the budget is spent.
    pub(super) fn spend(&mut self, count: usize, now: Instant) -> bool {
        self.refill(now);
        self.spent += count as f64;
        self.spent < Self::BURST as f64
    }

    /// Whether half of the budget is there again, a quarter of a second after it was spent.
    pub(super) fn has_recovered(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.spent <= Self::BURST as f64 / 2.0
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.since = Some(now);
        self.spent = (self.spent - elapsed.as_secs_f64() * Self::PER_SECOND as f64).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_is_a_burst_and_a_rate() {
        let start = Instant::now();
        let mut budget = ErrorBudget::default();
        assert!(budget.spend(ErrorBudget::BURST - 1, start));
        assert!(!budget.spend(1, start));
        assert!(!budget.has_recovered(start + Duration::from_millis(249)));
        assert!(budget.has_recovered(start + Duration::from_millis(250)));
        // In the long run, the rate counts.
        let mut now = start + Duration::from_secs(60);
        let mut read = 0;
        while now < start + Duration::from_secs(70) {
            if budget.has_recovered(now) {
                while budget.spend(64, now) {
                    read += 64;
                }
            }
            now += Duration::from_millis(1);
        }
        assert!((80_000..=86_100).contains(&read), "{read} in ten seconds");
    }
}
