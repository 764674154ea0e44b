use std::future::Future;
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::time::{Instant as TokioInstant, timeout_at};

use super::caller::call_until_over;
use super::{BoxError, Caller, Clock, Failures, Latencies, Phase, ProcessorTime};

/// The number of threads that run client and server together.
const WORKER_COUNT: usize = 2;

/// The parameters of one measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) in_flight: usize,
    /// The length of the echoed payload in bytes, at least [`MIN_SIZE`](Self::MIN_SIZE).
    pub(crate) size: usize,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

/// The result of a cell.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) calls_per_second: f64,
    /// The user and system time per call, of client and server together.
    pub(crate) cpu_per_call: Duration,
    /// The processor time that other processes used meanwhile, as a share of one core.
    pub(crate) others: f64,
    pub(crate) latencies: Latencies,
    pub(crate) failures: Failures,
}

/// The measured part of a cell's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) elapsed: Duration,
    /// The processor time that the contender used.
    pub(crate) ours: Duration,
    /// The processor time that all others on the machine used.
    pub(crate) others: Duration,
}

impl Cell {
    /// The minimum payload: the numbers of the caller and of the call.
    pub(crate) const MIN_SIZE: usize = 8;

    /// The time that pending calls get to end after the measurement: longer than rpcudp's timeout
    /// of five seconds.
    const PATIENCE: Duration = Duration::from_secs(6);

    /// Runs each caller in a task of its own, on a runtime with two workers that client and server
    /// share.
    ///
    /// The runtime is new and ends with the cell, so that cells do not affect each other.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket or a thread cannot be created.
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
                        let tally = tally.expect("callers do not panic");
                        tally.latencies.into_iter().for_each(|nanos| latencies.record(nanos.into(), 1));
                        failures.merge(tally.failures);
                    }
                    // The bare socket has no timeout. A lost datagram shows here, and the results
                    // of its task are lost.
                    Err(_) => failures.add("a call has not ended"),
                }
            }
        });
        Ok(Measured::new(window, latencies, failures))
    }

    /// Runs a client thread and a server thread until the phase is `Over`.
    ///
    /// # Errors
    ///
    /// Returns the error of either thread.
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

    /// Waits through the phases of the cell. The calling thread sleeps while the measured threads
    /// work.
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

    /// Returns the result of a cell that could not be measured: one failure.
    pub(crate) fn failed(error: BoxError) -> Self {
        let mut measured = Self::default();
        measured.failures.add(error);
        measured
    }
}
