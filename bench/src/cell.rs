use std::ops::Deref;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::runtime::{self, Runtime};
use tokio::time::{Instant as TokioInstant, timeout_at};

use crate::caller::{Caller, Clock, Failures, Fault, Phase, call_until_over};
use crate::processor_time::ProcessorTime;
use crate::statistics::Latencies;
use crate::{bare_echo, rpc_echo};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    Rpcudp,
    Bare,
}

impl Contestant {
    pub(crate) const ALL: [Self; 2] = [Self::Rpcudp, Self::Bare];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rpcudp => "rpcudp",
            Self::Bare => "bare",
        }
    }
}

/// What is measured at one go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) contestant: Contestant,
    pub(crate) in_flight: usize,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

/// What came of a cell.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) calls_per_second: f64,
    /// User and system time of the whole process, that is of both ends, for each call.
    pub(crate) cpu_per_call: Duration,
    /// How much of one core others took meanwhile.
    pub(crate) others: f64,
    pub(crate) latencies: Latencies,
    pub(crate) failures: Failures,
}

/// What came of a cell in one of the rounds.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) contestant: Contestant,
    pub(crate) in_flight: usize,
    pub(crate) measured: Measured,
    /// The way between the cores, before and after.
    pub(crate) probes: [Duration; 2],
}

impl Sample {
    /// How much of one core others may take.
    const QUIET: f64 = 0.05;

    /// Whether the cores were ours. Both workers are needed all the time: who shares them measures others' work.
    pub(crate) fn is_quiet(&self) -> bool {
        self.others <= Self::QUIET
    }
}

impl Deref for Sample {
    type Target = Measured;

    fn deref(&self) -> &Measured {
        &self.measured
    }
}

impl Cell {
    /// How many threads run both ends.
    const WORKER_COUNT: usize = 2;

    /// How long calls may take to end when the time is over: longer than rpcudp's timeout of five seconds.
    const PATIENCE: Duration = Duration::from_secs(6);

    /// Measures the cell on a runtime of its own, so that nothing is left over for the next.
    ///
    /// # Errors
    ///
    /// Where a socket or a thread cannot be had.
    pub(crate) fn run(self) -> Result<Measured, Fault> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(Self::WORKER_COUNT).enable_all().build()?;
        Ok(match (self.contestant, self.in_flight) {
            (Contestant::Rpcudp, count) => self.measure(&runtime, runtime.block_on(rpc_echo::callers(count))?),
            (Contestant::Bare, 1) => self.measure(&runtime, vec![runtime.block_on(bare_echo::lone_caller())?]),
            (Contestant::Bare, count) => self.measure(&runtime, runtime.block_on(bare_echo::callers(count))?),
        })
    }

    fn measure(self, runtime: &Runtime, callers: Vec<impl Caller>) -> Measured {
        let clock = Arc::new(Clock::default());
        let tasks: Vec<_> = (0..)
            .zip(callers)
            .map(|(number, caller)| runtime.spawn(call_until_over(caller, number, Arc::clone(&clock))))
            .collect();

        // This thread is none of the workers: it sleeps while they work.
        sleep(self.warm_up);
        let (begin, cpu_begin) = (Instant::now(), ProcessorTime::now());
        clock.set(Phase::Measured);
        sleep(self.window);
        clock.set(Phase::Over);
        let (elapsed, cpu_end) = (begin.elapsed(), ProcessorTime::now());

        let mut latencies = Latencies::default();
        let mut failures = Failures::default();
        runtime.block_on(async {
            let deadline = TokioInstant::now() + Self::PATIENCE;
            for task in tasks {
                match timeout_at(deadline, task).await {
                    Ok(tally) => {
                        let tally = tally.expect("a caller does not panic");
                        tally.latencies.into_iter().for_each(|nanos| latencies.record(nanos));
                        failures.merge(tally.failures);
                    }
                    // The bare socket has no timeout: a lost datagram shows here, together with all that its task did.
                    Err(_) => failures.add("a call has not ended".into()),
                }
            }
        });
        let calls = latencies.count();
        Measured {
            calls_per_second: calls as f64 / elapsed.as_secs_f64(),
            cpu_per_call: cpu_end.ours_since(cpu_begin).div_f64(calls.max(1) as f64),
            others: cpu_end.others_since(cpu_begin).div_duration_f64(elapsed),
            latencies,
            failures,
        }
    }
}
