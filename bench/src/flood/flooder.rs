//! The flooding thread.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::measuring::BoxError;

/// The condition of a sample: the target of the flooding thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
pub(super) enum Condition {
    /// No thread floods.
    Quiet,
    /// The thread floods another socket of the process, which a task drains. This shows the share
    /// of the machine that is left after sending, delivering and receiving the flood.
    Elsewhere,
    /// The thread floods the endpoint.
    Flooded,
}

impl Condition {
    pub(super) const ALL: [Self; 3] = [Self::Quiet, Self::Elsewhere, Self::Flooded];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Elsewhere => "elsewhere",
            Self::Flooded => "flooded",
        }
    }
}

/// A source of flooding datagrams.
pub(super) trait Flood {
    /// Sends the next datagrams, and returns their number.
    ///
    /// # Errors
    ///
    /// Returns an error if they cannot be sent.
    fn send_batch(&mut self) -> Result<usize, BoxError>;
}

/// The handle of the flooding thread.
#[derive(Debug)]
pub(super) struct Flooder {
    control: Arc<Control>,
    thread: Option<JoinHandle<Result<Duration, BoxError>>>,
    begin: Instant,
}

#[derive(Debug, Default)]
struct Control {
    has_begun: AtomicBool,
    is_over: AtomicBool,
    sent: AtomicU64,
}

impl Flooder {
    /// Starts the thread, which will send `rate` datagrams per second, or as many as it can.
    ///
    /// `flood` is called on the thread, because nix's headers for a batch are not `Send`.
    pub(super) fn new<F: Flood>(
        condition: Condition,
        rate: Option<u32>,
        flood: impl FnOnce() -> Result<F, BoxError> + Send + 'static,
    ) -> Self {
        let control = Arc::new(Control::default());
        let of_thread = Arc::clone(&control);
        let thread = match condition {
            Condition::Quiet => None,
            Condition::Elsewhere | Condition::Flooded => {
                Some(thread::spawn(move || of_thread.run(&mut flood()?, rate)))
            }
        };
        Self { control, thread, begin: Instant::now() }
    }

    /// Begins the flood. From then on, the thread never sleeps.
    pub(super) fn begin(&mut self) {
        self.begin = Instant::now();
        self.control.has_begun.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Returns the number of datagrams sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.control.sent.load(Ordering::Relaxed)
    }

    /// Stops the thread, and returns the share of a core that it used since the flood began.
    ///
    /// # Errors
    ///
    /// Returns the error of the flood, if it could not send.
    pub(super) fn stop(self) -> Result<f64, BoxError> {
        let Self { control, thread, begin } = self;
        control.is_over.store(true, Ordering::Relaxed);
        let Some(thread) = thread else { return Ok(0.0) };
        let used = thread.join().expect("the flooding thread does not panic")?;
        Ok(used.div_duration_f64(begin.elapsed()))
    }
}

impl Control {
    /// Floods until it is stopped, and returns the processor time that the thread used.
    fn run(&self, flood: &mut impl Flood, rate: Option<u32>) -> Result<Duration, BoxError> {
        while !self.has_begun.load(Ordering::Acquire) {
            thread::park();
        }
        let (begin, used) = (Instant::now(), used_by_this_thread()?);
        let mut sent = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let due = rate.map_or(f64::INFINITY, |rate| begin.elapsed().as_secs_f64() * f64::from(rate));
            if sent as f64 >= due {
                spin_loop();
                continue;
            }
            sent += flood.send_batch()? as u64;
            self.sent.store(sent, Ordering::Relaxed);
        }
        Ok(used_by_this_thread()?.saturating_sub(used))
    }
}

fn used_by_this_thread() -> Result<Duration, BoxError> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    let micros = [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(micros.iter().sum::<i64>().unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flood that sends no datagram.
    struct CountingFlood;

    impl Flood for CountingFlood {
        fn send_batch(&mut self) -> Result<usize, BoxError> {
            Ok(10)
        }
    }

    #[test]
    fn flood_is_sent_at_its_rate_under_each_condition() {
        for condition in Condition::ALL {
            let sends = condition != Condition::Quiet;
            let mut flooder = Flooder::new(condition, Some(1_000), || Ok(CountingFlood));
            let begin = Instant::now();
            flooder.begin();
            thread::sleep(Duration::from_millis(20));
            while sends && flooder.sent() == 0 {
                thread::yield_now();
            }
            let control = Arc::clone(&flooder.control);
            flooder.stop().unwrap();
            let sent = control.sent.load(Ordering::Relaxed);
            assert_eq!(sent > 0, sends, "{condition:?}");
            assert!(sent <= begin.elapsed().as_millis() as u64 + 10, "{sent} in {:?}", begin.elapsed());
        }
    }

    #[test]
    fn error_of_a_flood_is_returned() {
        let mut flooder = Flooder::new(Condition::Flooded, None, || Err::<CountingFlood, _>("no socket".into()));
        flooder.begin();
        assert_eq!(flooder.stop().unwrap_err().to_string(), "no socket");
    }
}
