use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

/// The error of a call or of a measurement.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A caller, which makes one call at a time.
pub(crate) trait Caller: Send + 'static {
    /// Sends the payload, and returns the payload of the response.
    fn call(&mut self, payload: &[u8]) -> impl Future<Output = Result<impl AsRef<[u8]> + Send, BoxError>> + Send;
}

/// A part of a cell's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    WarmUp,
    Measured,
    Over,
}

/// The current phase, which all callers of a cell read.
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

/// The results of a caller's calls.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The latency of each measured call in nanoseconds. Latencies above four seconds count as four
    /// seconds.
    ///
    /// A list rather than a histogram: appending touches one cache line, while 512 histograms would
    /// evict everything else from the cache, and a shared histogram would be contended.
    pub(crate) latencies: Vec<u32>,
    /// The failed calls, those of the warm-up included.
    pub(crate) failures: Failures,
}

/// Calls that got no response or a wrong one.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    pub(crate) first: Option<BoxError>,
}

impl Failures {
    pub(crate) fn add(&mut self, error: impl Into<BoxError>) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some(error.into());
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.take().or(other.first);
    }
}

/// Makes one call after the other until the phase is `Over`.
///
/// A call belongs to the phase in which it began. So the calls in flight at the end of the measured
/// phase count, and those in flight at its beginning do not.
pub(crate) async fn call_until_over(mut caller: impl Caller, number: u32, size: usize, clock: Arc<Clock>) -> Tally {
    let mut tally = Tally::default();
    // Half of the bytes are above 127, and no two calls in flight have the same payload.
    let mut payload: Vec<u8> = (0..size).map(|index| (index * 8) as u8).collect();
    payload[..4].copy_from_slice(&number.to_be_bytes());
    let mut begin = Instant::now();
    for count in 0_u32.. {
        let phase = clock.phase();
        if phase == Phase::Over {
            break;
        }
        payload[4..8].copy_from_slice(&count.to_be_bytes());
        let echoed = caller.call(&payload).await.map(|response| response.as_ref() == payload);
        let end = Instant::now();
        match echoed {
            Ok(true) if phase == Phase::Measured => {
                let nanos = (end - begin).as_nanos();
                tally.latencies.push(u32::try_from(nanos).unwrap_or(u32::MAX));
            }
            Ok(true) => {}
            Ok(false) => tally.failures.add("the response differs from the request"),
            Err(error) => {
                tally.failures.add(error);
                // Calls that fail at once would never let another task run on this worker.
                tokio::task::yield_now().await;
            }
        }
        begin = end;
    }
    tally
}
