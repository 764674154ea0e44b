//! Times calls that two threads begin and end at the same time.

use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::operations::PendingCalls;
use super::timer::Timer;

/// The number of measurements here.
pub(super) const COUNT: usize = 3;

/// The number of calls of each thread in a run: tens of milliseconds, because the scheduler takes a
/// few to put the threads on a processor each.
const CALL_COUNT: u32 = 500_000;

/// Times a call of one thread, of two threads with a table each, and of two threads with one table.
///
/// The table is locked twice for each call, to begin it and to end it, as an endpoint does.
pub(super) fn time_all(timer: &mut Timer) {
    for (name, thread_count, table_count) in [
        ("table: a call of one thread, with a lock", 1, 1),
        ("table: a call of each of two threads, a table for each", 2, 2),
        ("table: a call of each of two threads, one table for both", 2, 1),
    ] {
        let tables: Vec<_> = (0..table_count).map(|_| LockedTable::default()).collect();
        timer.record(name, || nanos_per_call(&tables, thread_count));
    }
}

/// A table with its lock, in cache lines of its own.
#[repr(align(128))]
struct LockedTable(Mutex<PendingCalls>);

impl Default for LockedTable {
    fn default() -> Self {
        Self(Mutex::new(PendingCalls::of(1_000)))
    }
}

/// Returns the time of a call, as a thread measures it. The slowest thread counts.
fn nanos_per_call(tables: &[LockedTable], thread_count: usize) -> f64 {
    let barrier = Barrier::new(thread_count);
    let measure = |index: usize| {
        let table = &tables[index % tables.len()].0;
        barrier.wait();
        let begin = Instant::now();
        for _ in 0..CALL_COUNT {
            let id = table.lock().unwrap_or_else(PoisonError::into_inner).begin();
            table.lock().unwrap_or_else(PoisonError::into_inner).end(&id);
        }
        begin.elapsed()
    };
    // This thread is one of them, because the scheduler places threads that are spawned by an idle
    // one on the same processor.
    let slowest = thread::scope(|scope| {
        let measure = &measure;
        let others: Vec<_> = (1..thread_count).map(|index| scope.spawn(move || measure(index))).collect();
        let first = measure(0);
        others.into_iter().map(|thread| thread.join().expect("the thread does not panic")).fold(first, Duration::max)
    });
    slowest.as_nanos() as f64 / f64::from(CALL_COUNT)
}
