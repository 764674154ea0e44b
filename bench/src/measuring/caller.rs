use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

/// Why a call failed.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Something that makes one call at a time.
pub(crate) trait Caller: Send + 'static {
    /// Sends the payload, and gives what came back.
    fn call(&mut self, payload: &[u8]) -> impl Future<Output = Result<impl AsRef<[u8]> + Send, BoxError>> + Send;
}

/// Which part of a cell's time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    WarmUp,
    Measured,
    Over,
}

/// The clock on the wall of those who call.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU8);

impl Clock {
    pub(crate) fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::WarmUp,
            1 => Phase::Measured,
            _ => Phase::Over,
        }
    }
}

/// What a caller's calls came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Of each measured call, in nanoseconds; anything above four seconds counts as that.
    ///
    /// Kept rather than put into a histogram at once: appending touches one cache line, where a histogram for each of
    /// 512 tasks would push everything else out of the cache, and a shared one would be fought for.
    pub(crate) latencies: Vec<u32>,
    /// Those of the warm-up are counted too.
    pub(crate) failures: Failures,
}

/// Calls that gave no answer, or a wrong one.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    pub(crate) first: Option<BoxError>,
}

impl Failures {
    pub(crate) fn add(&mut self, fault: impl Into<BoxError>) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some(fault.into());
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.take().or(other.first);
    }
}

/// Calls in sequence until the time is over.
///
/// A call belongs to the phase that it began in: of the calls in flight when a phase ends, those at the end of the
/// measured one are counted and those at its beginning are not.
pub(crate) async fn call_until_over(mut caller: impl Caller, number: u32, size: usize, clock: Arc<Clock>) -> Tally {
    let mut tally = Tally::default();
    // Half of the bytes are above 127, and no two calls in flight carry the same.
    let mut payload: Vec<u8> = (0..size).map(|index| (index * 8) as u8).collect();
    payload[..4].copy_from_slice(&number.to_be_bytes());
    let mut begin = Instant::now();
    for count in 0_u32.. {
        let phase = clock.phase();
        if phase == Phase::Over {
            break;
        }
        payload[4..8].copy_from_slice(&count.to_be_bytes());
        let echoed = caller.call(&payload).await.map(|answer| answer.as_ref() == payload);
        let end = Instant::now();
        match echoed {
            Ok(true) if phase == Phase::Measured => {
                let nanos = (end - begin).as_nanos();
                tally.latencies.push(u32::try_from(nanos).unwrap_or(u32::MAX));
            }
            Ok(true) => {}
            Ok(false) => tally.failures.add("the answer is not what was sent"),
            Err(fault) => {
                tally.failures.add(fault);
                // A call that fails at once would keep others from the worker.
                tokio::task::yield_now().await;
            }
        }
        begin = end;
    }
    tally
}
