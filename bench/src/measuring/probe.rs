use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::pace::pace;

/// The state of the two processors at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// The time that a cache line takes from one to the other and back.
    pub(crate) round_trip: Duration,
    /// The time of a fixed amount of arithmetic on the slower of them.
    pub(crate) pace: Duration,
}

impl Probe {
    /// Probes the processors for 70 ms.
    pub(crate) fn now() -> Self {
        Self { round_trip: round_trip(), pace: pace() }
    }
}

/// The duration of a probe.
const LENGTH: Duration = Duration::from_millis(50);

/// The number of round trips that are timed together: enough to hide the cost of reading the clock,
/// and few enough that a batch is short even if both threads share a core.
const BATCH: u32 = 32;

/// The value that ends the other thread.
const END: u64 = u64::MAX;

/// Returns the time that a cache line takes from one core to another and back. Two threads pass a
/// number back and forth for 50 ms.
///
/// The result is the tenth percentile of the batches, because disturbances only lengthen a batch.
/// The cores of a virtual machine may move on their host; samples are comparable if this time is
/// the same.
fn round_trip() -> Duration {
    let line = AtomicU64::new(0);
    let mut batches = thread::scope(|scope| {
        scope.spawn(|| pong(&line));
        let batches = ping(&line);
        line.store(END, Ordering::Release);
        batches
    });
    batches.sort_unstable();
    batches[batches.len() / 10] / BATCH
}

/// Writes odd numbers, waits for the even number that follows each, and returns the time of each
/// batch.
fn ping(line: &AtomicU64) -> Vec<Duration> {
    let begin = Instant::now();
    let mut batches = Vec::new();
    let mut number = 0;
    while batches.is_empty() || begin.elapsed() < LENGTH {
        let batch = Instant::now();
        for _ in 0..BATCH {
            line.store(number + 1, Ordering::Release);
            number += 2;
            while line.load(Ordering::Acquire) != number {
                spin_loop();
            }
        }
        batches.push(batch.elapsed());
    }
    batches
}

/// Writes the next number after each odd one.
fn pong(line: &AtomicU64) {
    let mut expected = 1;
    loop {
        match line.load(Ordering::Acquire) {
            END => return,
            number if number == expected => {
                line.store(number + 1, Ordering::Release);
                expected += 2;
            }
            _ => spin_loop(),
        }
    }
}
