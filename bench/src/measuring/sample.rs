use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use super::{Measured, Timing, grouped, micros};

/// What came of a cell in one of the rounds. The key says which cell it was.
#[derive(Debug)]
pub(crate) struct Sample<K> {
    pub(crate) key: K,
    pub(crate) round: usize,
    pub(crate) measured: Measured,
    /// A cache line's way from one core to the other and back, before and after.
    pub(crate) probes: [Duration; 2],
    pub(crate) placement: Placement,
    /// Whether others left the cores to us. Both workers are needed all the time: who shares them measures others'
    /// work.
    pub(crate) quiet: bool,
}

/// Where the host has put the two cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// They share a cache.
    Near,
    Far,
    /// They were moved while the cell ran, or the probe's threads had to share a core.
    Unsettled,
}

impl Placement {
    /// Where samples count.
    pub(crate) const SETTLED: [Self; 2] = [Self::Near, Self::Far];

    /// A round trip that no two cores need: the two threads waited for each other's turn.
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

    /// Whether it is comparable with others of the same placement.
    pub(crate) fn counts(&self) -> bool {
        self.quiet && self.placement != Placement::Unsettled && self.latencies.count() > 0
    }

    /// The way between the cores in nanoseconds, as the mean of before and after.
    pub(crate) fn between_cores(&self) -> f64 {
        let [before, after] = self.probes;
        (before + after).as_nanos() as f64 / 2.0
    }

    /// A latency in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        micros(self.latencies.quantile(share))
    }

    /// What it came to, in a line.
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
                Some(fault) => format!("  {} FAILED, the first: {fault}", self.failures.count),
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
    fn cores_are_near_or_far_or_cannot_be_told() {
        let place = |probes: [u64; 2]| Placement::of(probes.map(Duration::from_nanos), Duration::from_nanos(200));
        assert_eq!(place([56, 120]), Placement::Near);
        assert_eq!(place([200, 365]), Placement::Far);
        assert_eq!(place([56, 365]), Placement::Unsettled);
        assert_eq!(place([365, 56]), Placement::Unsettled);
        assert_eq!(place([365, 3_000_000]), Placement::Unsettled);
    }
}
