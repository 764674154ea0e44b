use std::fmt::Write;

use super::comparison::{Comparison, Key};
use crate::measuring::micros;

/// Renders one line for each sample, in the order of measurement. Samples that do not count are
/// included.
pub(super) fn render(comparison: &Comparison) -> String {
    let mut text = String::from(
        "round,size_bytes,in_flight,contender,placement,counts,cores_before_ns,cores_after_ns,pace_before_ns,pace_after_ns,others_percent,\
         calls_per_second,p50_us,p99_us,p999_us,max_us,cpu_us_per_call,failed\n",
    );
    for sample in &comparison.samples {
        let Key { size, in_flight, contender } = sample.key;
        let [before, after] = sample.probes.map(|probe| probe.round_trip.as_nanos());
        let [pace_before, pace_after] = sample.probes.map(|probe| probe.pace.as_nanos());
        let [p50, p99, p999, max] = [0.5, 0.99, 0.999, 1.0].map(|share| sample.quantile(share));
        writeln!(
            text,
            "{},{size},{in_flight},{contender},{},{},{before},{after},{pace_before},{pace_after},{:.1},{:.1},{p50:.3},{p99:.3},{p999:.3},{max:.3},\
             {:.4},{}",
            sample.round,
            sample.placement,
            sample.counts(),
            sample.others * 100.0,
            sample.calls_per_second,
            micros(sample.cpu_per_call),
            sample.failures.count,
        )
        .expect("a write to a string succeeds");
    }
    text
}
