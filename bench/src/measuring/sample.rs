use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use super::{Measured, Probe, Timing, grouped, micros};

/// The result of a cell in one round. The key identifies the cell.
#[derive(Debug)]
pub(crate) struct Sample<K> {
    pub(crate) key: K,
    pub(crate) round: usize,
    pub(crate) measured: Measured,
    /// The state of the processors before and after the cell.
    pub(crate) probes: [Probe; 2],
    pub(crate) placement: Placement,
    /// Whether other processes left the cores idle. Both workers are busy all the time, so a sample
    /// that shares a core measures the other process as well.
    pub(crate) quiet: bool,
}

/// The largest ratio of two paces that count as the same.
const MAX_PACE_RATIO: f64 = 1.1;

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
    pub(crate) fn new(key: K, round: usize, measured: Measured, probes: [Probe; 2], timing: &Timing) -> Self {
        let placement = Placement::of(probes.map(|probe| probe.round_trip), timing.near_below());
        let quiet = measured.others <= timing.max_others();
        Self { key, round, measured, probes, placement, quiet }
    }

    /// Whether the sample counts: it is comparable with others of its placement and pace.
    pub(crate) fn counts(&self) -> bool {
        let [before, after] = self.probes.map(|probe| probe.pace);
        self.quiet
            && self.placement != Placement::Unsettled
            && is_same_pace(before, after)
            && self.latencies.count() > 0
    }

    /// Whether the processors had the same pace as during another sample, so that a ratio of the
    /// two shows a difference between their keys.
    pub(crate) fn has_pace_of<L>(&self, other: &Sample<L>) -> bool {
        is_same_pace(self.pace(), other.pace())
    }

    /// Returns the time of the probe's arithmetic, the mean of before and after.
    fn pace(&self) -> Duration {
        let [before, after] = self.probes.map(|probe| probe.pace);
        (before + after) / 2
    }

    /// Returns the round trip between the cores in nanoseconds, the mean of before and after.
    pub(crate) fn between_cores(&self) -> f64 {
        let [before, after] = self.probes.map(|probe| probe.round_trip);
        (before + after).as_nanos() as f64 / 2.0
    }

    /// Returns a quantile of the latencies in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        micros(self.latencies.quantile(share))
    }

    /// Formats the sample as one line.
    pub(crate) fn line(&self) -> String {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| grouped(self.quantile(share), 1));
        let [before, after] = self.probes.map(|probe| probe.round_trip.as_nanos());
        let [pace_before, pace_after] = self.probes.map(|probe| micros(probe.pace));
        format!(
            "{:>9} calls/s  p50 {p50:>8} us  p99 {p99:>8}  p99.9 {p999:>8}  CPU {:>6.2} us  others {:>3.0} %  \
             cores {before} -> {after} ns  pace {pace_before:.1} -> {pace_after:.1} us{}{}",
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

/// Whether two paces differ by no more than an undisturbed processor's do.
fn is_same_pace(one: Duration, other: Duration) -> bool {
    one.max(other) <= one.min(other).mul_f64(MAX_PACE_RATIO)
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
    fn sample_counts_if_the_pace_was_the_same_before_and_after() {
        let sample = |paces: [u64; 2]| {
            let mut measured = Measured::default();
            measured.latencies.record(1_000, 1);
            let probe = |micros| Probe { round_trip: Duration::from_nanos(50), pace: Duration::from_micros(micros) };
            Sample::new((), 1, measured, paces.map(probe), &Timing::default())
        };
        assert!(sample([100, 109]).counts() && !sample([100, 120]).counts() && !sample([150, 100]).counts());
        assert!(sample([100, 100]).has_pace_of(&sample([105, 110])));
        assert!(!sample([100, 100]).has_pace_of(&sample([150, 150])));
    }

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
