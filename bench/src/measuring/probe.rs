use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a probe takes.
const LENGTH: Duration = Duration::from_millis(50);

/// How many round trips are timed together: enough that reading the clock does not show, and not so many that a batch
/// takes long where both threads have to share a core.
const BATCH: u32 = 32;

/// What tells the other thread to end.
const END: u64 = u64::MAX;

/// How long a cache line takes from one core to another and back: two threads hand a number to and fro for 50 ms.
///
/// The batch that a tenth of all are faster than: what disturbs a batch makes it longer. A virtual machine's cores may
/// move about on their host; samples are comparable where this is the same.
pub(crate) fn round_trip() -> Duration {
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

/// Hands over odd numbers, waits for the even ones that follow them, and says how long each batch took.
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
