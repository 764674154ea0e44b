//! Measures legitimate callers of an async method beside one source that takes as many handlers as
//! it can.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rpcudp::{Endpoint, Limits};
use tokio::runtime;

use super::callers::{CallSummary, Callers};
use super::flooder::{Condition, Flood, Flooder};
use super::socket_flood::SocketFlood;
use super::target::{TargetServer, TargetService};
use crate::measuring::{BoxError, Clock, Phase};

/// The calls beside a greedy source.
#[derive(Debug)]
pub(super) struct GreedySource {
    pub(super) seconds: f64,
    /// The handlers that ran before the legitimate calls.
    pub(super) running: u64,
    pub(super) lookups: CallSummary,
}

impl GreedySource {
    /// The requests at first: more than the handlers of an endpoint.
    pub(super) const FIRST_COUNT: u32 = 1_536;

    /// The requests per second after that: enough to take the handlers that become free.
    pub(super) const RATE: u32 = 205;

    /// Measures for this time, with an endpoint that has default settings, except that loopback is
    /// limited like any source.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound.
    pub(super) fn measure(time: Duration, seed: u64) -> Result<Self, BoxError> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let builder = Endpoint::builder().serve(TargetServer::new(TargetService));
        let builder = builder.limits(Limits::default().limit_loopback(true));
        let target = runtime.block_on(async { builder.bind("127.0.0.1:0").await })?;
        let addr = target.local_addr();
        let mut first = SocketFlood::with_hanging_calls(addr, seed)?;
        let mut sent = 0;
        while sent < Self::FIRST_COUNT as usize {
            sent += first.send_batch()?;
        }
        sleep(Duration::from_millis(200));
        let running = target.stats().requests.running;

        let rate = Some(Self::RATE);
        let mut flooder =
            Flooder::new(Condition::Flooded, rate, move || SocketFlood::with_hanging_calls(addr, seed + 1));
        flooder.begin();
        let clock = Arc::new(Clock::default());
        let callers = runtime.block_on(async { Callers::looking_up(addr, &clock).await })?;
        let begin = Instant::now();
        clock.set(Phase::Measured);
        sleep(time);
        clock.set(Phase::Over);
        let elapsed = begin.elapsed();
        let lookups = runtime.block_on(callers.finish(elapsed))?;
        flooder.stop()?;
        // The handlers would otherwise run to their end.
        runtime.shutdown_background();
        Ok(Self { seconds: elapsed.as_secs_f64(), running, lookups })
    }

    /// Returns the share of the legitimate calls that succeeded.
    pub(super) fn success(&self) -> f64 {
        let CallSummary { per_second, refused_per_second, failed, .. } = &self.lookups;
        let all = per_second + refused_per_second + *failed as f64 / self.seconds;
        per_second / all.max(f64::MIN_POSITIVE)
    }

    /// Returns whether the calls succeed as documented.
    pub(super) fn is_fair(&self) -> bool {
        self.success() >= 0.9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_beside_a_greedy_source_succeed() {
        let greedy = GreedySource::measure(Duration::from_millis(500), 7).unwrap();
        assert!(greedy.is_fair(), "{greedy:?}");
        assert!(greedy.lookups.per_second > 0.0 && greedy.running > 100, "{greedy:?}");
    }
}
