//! Probes the pace of the two processors.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// The duration of a probe.
const LENGTH: Duration = Duration::from_millis(20);

/// The number of rounds that are timed together: some ten microseconds.
const BATCH: u64 = 4_096;

/// Returns the time that a fixed amount of arithmetic takes on the slower of two processors, which
/// work at the same time.
///
/// A processor of a virtual machine may share a core of its host with the processor of another
/// machine, and then has a part of the core's units. The arithmetic keeps several units busy, so
/// that this shows. The result is the tenth percentile of the batches, because interruptions only
/// lengthen a batch.
pub(crate) fn pace() -> Duration {
    thread::scope(|scope| {
        let other = scope.spawn(batch_time);
        batch_time().max(other.join().expect("the probe does not panic"))
    })
}

fn batch_time() -> Duration {
    let begin = Instant::now();
    let mut batches = Vec::new();
    let mut lanes = black_box([1_u64, 2, 3, 4, 5, 6]);
    while batches.is_empty() || begin.elapsed() < LENGTH {
        let batch = Instant::now();
        for round in 0..BATCH {
            for lane in &mut lanes {
                *lane = lane.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (*lane >> 7) ^ round;
            }
        }
        batches.push(batch.elapsed());
    }
    black_box(lanes);
    batches.sort_unstable();
    batches[batches.len() / 10]
}
