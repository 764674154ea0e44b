use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use super::{Measured, Timing, grouped, micros};

/// The result of a cell in one round. The key identifies the cell.
#[derive(Debug)]
pub(crate) struct Sample<K> {
    pub(crate) key: K,
    pub(crate) round: usize,
    pub(crate) measured: Measured,
    /// The round trips of a cache line between the cores, before and after the cell.
    pub(crate) probes: [Duration; 2],
    pub(crate) placement: Placement,
    /// Whether other processes left the cores idle. Both workers are busy all the time, so a sample
    /// that shares a core measures the other process as well.
    pub(crate) quiet: bool,
}

/// The placement of the two cores by the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// The cores share a cache.
    Near,
    /// The cores share no cache.
    Far,
    /// The cores moved while the cell ran, or the threads of the probe shared a core.
    Unsettled,
}

impl Placement {
    /// The placements in which samples count.
    pub(crate) const SETTLED: [Self; 2] = [Self::Near, Self::Far];

    /// A round trip longer than any between two cores: the two threads shared a core.
    const SHARED: Duration = Duration::from_micros(5);

    pub(crate) fn of(probes: [Duration; 2], near_below: Duration) -> Self {
        let [before, after] = probes.map(|probe| (probe < near_below, probe < Self::SHARED));
        match (before, after) {
            ((true, _), (true, _)) => Self::Near,
            ((false, true), (false, true)) => Self::Far,
            _ => Self::Unsettled,
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Near => "near",
            Self::Far => "far",
            Self::Unsettled => "unsettled",
        })
    }
}

impl<K> Sample<K> {
    pub(crate) fn new(key: K, round: usize, measured: Measured, probes: [Duration; 2], timing: &Timing) -> Self {
        let placement = Placement::of(probes, timing.near_below());
        let quiet = measured.others <= timing.max_others();
        Self { key, round, measured, probes, placement, quiet }
    }

    /// Whether the sample counts: it is comparable with others of its placement.
    pub(crate) fn counts(&self) -> bool {
        self.quiet && self.placement != Placement::Unsettled && self.latencies.count() > 0
    }

    /// Returns the round trip between the cores in nanoseconds, the mean of before and after.
    pub(crate) fn between_cores(&self) -> f64 {
        let [before, after] = self.probes;
        (before + after).as_nanos() as f64 / 2.0
    }

    /// Returns a quantile of the latencies in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        micros(self.latencies.quantile(share))
    }

    /// Formats the sample as one line.
    pub(crate) fn line(&self) -> String {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| grouped(self.quantile(share), 1));
        let [before, after] = self.probes.map(|probe| probe.as_nanos());
        format!(
            "{:>9} calls/s  p50 {p50:>8} us  p99 {p99:>8}  p99.9 {p999:>8}  CPU {:>6.2} us  others {:>3.0} %  \
             cores {before} -> {after} ns{}{}",
            grouped(self.calls_per_second, 0),
            micros(self.cpu_per_call),
            self.others * 100.0,
            if self.counts() { "" } else { "  left out" },
            match &self.failures.first {
                Some(error) => format!("  {} FAILED, the first: {error}", self.failures.count),
                None => String::new(),
            },
        )
    }
}

impl<K> Deref for Sample<K> {
    type Target = Measured;

    fn deref(&self) -> &Measured {
        &self.measured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placement_is_near_far_or_unsettled() {
        let place = |probes: [u64; 2]| Placement::of(probes.map(Duration::from_nanos), Duration::from_nanos(200));
        assert_eq!(place([56, 120]), Placement::Near);
        assert_eq!(place([200, 365]), Placement::Far);
        assert_eq!(place([56, 365]), Placement::Unsettled);
        assert_eq!(place([365, 56]), Placement::Unsettled);
        assert_eq!(place([365, 3_000_000]), Placement::Unsettled);
    }
}
