use std::future::Future;
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::time::{Instant as TokioInstant, timeout_at};

use super::caller::call_until_over;
use super::{BoxError, Caller, Clock, Failures, Latencies, Phase, ProcessorTime};

/// How many threads run both ends.
const WORKER_COUNT: usize = 2;

/// What is measured at one go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) in_flight: usize,
    /// Bytes that are sent and come back, at least [`MIN_SIZE`](Self::MIN_SIZE).
    pub(crate) size: usize,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

/// What came of a cell.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) calls_per_second: f64,
    /// User and system time of both ends for each call.
    pub(crate) cpu_per_call: Duration,
    /// How much of one core others took meanwhile.
    pub(crate) others: f64,
    pub(crate) latencies: Latencies,
    pub(crate) failures: Failures,
}

/// The part of a cell's time that counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) elapsed: Duration,
    /// What the contender used.
    pub(crate) ours: Duration,
    /// What everyone else on the machine used.
    pub(crate) others: Duration,
}

impl Cell {
    /// A payload begins with its caller's number and the call's.
    pub(crate) const MIN_SIZE: usize = 8;

    /// How long calls may take to end when the time is over: longer than rpcudp's timeout of five seconds.
    const PATIENCE: Duration = Duration::from_secs(6);

    /// Lets each of these call in a task of its own, on a runtime of two workers that both ends share.
    ///
    /// The runtime is new and ends with the cell, so that nothing is left over for the next.
    ///
    /// # Errors
    ///
    /// Where a socket or a thread cannot be had.
    pub(crate) fn on_workers<C: Caller>(
        self,
        callers: impl Future<Output = Result<Vec<C>, BoxError>>,
    ) -> Result<Measured, BoxError> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(WORKER_COUNT).enable_all().build()?;
        let clock = Arc::new(Clock::default());
        let tasks: Vec<_> = (0..)
            .zip(runtime.block_on(callers)?)
            .map(|(number, caller)| runtime.spawn(call_until_over(caller, number, self.size, Arc::clone(&clock))))
            .collect();
        let window = self.pass(&clock);

        let mut latencies = Latencies::default();
        let mut failures = Failures::default();
        runtime.block_on(async {
            let deadline = TokioInstant::now() + Self::PATIENCE;
            for task in tasks {
                match timeout_at(deadline, task).await {
                    Ok(tally) => {
                        let tally = tally.expect("a caller does not panic");
                        tally.latencies.into_iter().for_each(|nanos| latencies.record(nanos.into(), 1));
                        failures.merge(tally.failures);
                    }
                    // The bare socket has no timeout: a lost datagram shows here, together with all that its task did.
                    Err(_) => failures.add("a call has not ended"),
                }
            }
        });
        Ok(Measured::new(window, latencies, failures))
    }

    /// Lets two threads work, one for each end, until the clock says that it is over.
    ///
    /// # Errors
    ///
    /// What either of them gives.
    pub(crate) fn on_threads(
        self,
        client: impl FnOnce(&Clock) -> Result<(Latencies, Failures), BoxError> + Send,
        server: impl FnOnce(&Clock) -> Result<(), BoxError> + Send,
    ) -> Result<Measured, BoxError> {
        let clock = Clock::default();
        thread::scope(|scope| {
            let server = scope.spawn(|| server(&clock));
            let client = scope.spawn(|| client(&clock));
            let window = self.pass(&clock);
            let (latencies, failures) = client.join().expect("the client does not panic")?;
            server.join().expect("the server does not panic")?;
            Ok(Measured::new(window, latencies, failures))
        })
    }

    /// Lets the cell's time pass. The thread that this runs on is none of those that work: it sleeps while they do.
    fn pass(self, clock: &Clock) -> Window {
        sleep(self.warm_up);
        let (begin, cpu_begin) = (Instant::now(), ProcessorTime::now());
        clock.set(Phase::Measured);
        sleep(self.window);
        clock.set(Phase::Over);
        let (elapsed, cpu_end) = (begin.elapsed(), ProcessorTime::now());
        Window { elapsed, ours: cpu_end.ours_since(cpu_begin), others: cpu_end.others_since(cpu_begin) }
    }
}

impl Measured {
    pub(crate) fn new(window: Window, latencies: Latencies, failures: Failures) -> Self {
        let Window { elapsed, ours, others } = window;
        let calls = latencies.count() as f64;
        Self {
            calls_per_second: calls / elapsed.as_secs_f64(),
            cpu_per_call: ours.div_f64(calls.max(1.0)),
            others: others.div_duration_f64(elapsed),
            latencies,
            failures,
        }
    }

    /// Nothing, because of this.
    pub(crate) fn failed(fault: BoxError) -> Self {
        let mut measured = Self::default();
        measured.failures.add(fault);
        measured
    }
}
