use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use rpcudp_core::{Counters, Limiter, Stats, StoredResponses};
use rpcudp_transport::Transport;
use tokio::runtime;

use crate::calls::table::WaitingCalls;
use crate::endpoint::Handle;
use crate::endpoint::config::Config;
use crate::endpoint::handlers::Handlers;
use crate::endpoint::lifecycle::Lifecycle;
use crate::endpoint::send_queues::Outboxes;
use crate::telemetry::log_limit::LogLimits;

/// What the handles of an endpoint, its calls, its handlers and its driver have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) local_addr: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) calls: WaitingCalls,
    pub(crate) outboxes: Outboxes,
    pub(crate) handlers: Handlers,
    pub(crate) log_limits: LogLimits,
    pub(crate) runtime: runtime::Handle,
    replies: Mutex<StoredResponses>,
    limiter: Mutex<Limiter>,
    handle: Mutex<Weak<Handle>>,
}

impl Shared {
    pub(crate) fn new(
        transports: &[Arc<dyn Transport>],
        lifecycle: Arc<Lifecycle>,
        config: Config,
        runtime: runtime::Handle,
    ) -> Arc<Self> {
        let transport = &*transports[0];
        let mut rng = match transport.seed() {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::try_from_rng(&mut SysRng).expect("the operating system has randomness"),
        };
        let counters = Arc::new(Counters::default());
        Arc::new(Self {
            local_addr: transport.local_addr(),
            lifecycle,
            limiter: Mutex::new(Limiter::new(config.limits.clone(), now(), rng.next_u64())),
            calls: WaitingCalls::new(now(), rng, &config),
            outboxes: Outboxes::new(transports, &counters),
            counters,
            handlers: Handlers::new(config.max_handlers),
            log_limits: LogLimits::default(),
            runtime,
            replies: Mutex::new(StoredResponses::new(config.response_memory_len, config.response_retention)),
            handle: Mutex::default(),
            config,
        })
    }

    /// The memory of at-most-once.
    pub(crate) fn stored_responses(&self) -> MutexGuard<'_, StoredResponses> {
        // No code of a user's runs while it is held.
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What strangers may ask for.
    pub(crate) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        // No code of a user's runs while it is held.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the endpoint's handles share, if there are any.
    pub(crate) fn handle(&self) -> Weak<Handle> {
        Weak::clone(&self.handle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_handle(&self, handle: Weak<Handle>) {
        *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    /// What the endpoint has done so far.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.counters.snapshot();
        stats.calls.in_flight = self.calls.len() as u64;
        stats.calls.withheld = self.calls.withheld();
        stats.requests.evicted = self.stored_responses().evicted();
        stats.requests.running = self.handlers.running() as u64;
        stats
    }

    /// Asks the driver to close the endpoint.
    pub(crate) fn close(&self, grace: Duration) {
        self.lifecycle.close(now(), grace);
        self.outboxes.wake_all();
    }
}

/// The time: tokio's, which a test may pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
