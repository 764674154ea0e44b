use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard, OnceLock, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use rpcudp_core::{Counters, Limiter, Stats, StoredResponses};
use rpcudp_transport::Transport;
use tokio::runtime;

use super::busy_poll::PolledDriver;
use super::config::Config;
use super::handlers::{HandlerKind, Handlers};
use super::lifecycle::Lifecycle;
use super::send_queues::SendQueues;
use crate::calls::in_flight::InFlightCalls;
use crate::clock::now;
use crate::links::endpoint_links::{EndpointLinks, LinkCounts};
#[cfg(feature = "secure")]
use crate::links::flow::Flow;
#[cfg(feature = "secure")]
use crate::links::pump::{Source, pump};
use crate::lock::Lock;
use crate::session::link::EndpointSessions;
use crate::telemetry::log_limit::LogLimits;

/// The state that an endpoint's handles, calls, handlers and drivers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) local_addr: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) calls: InFlightCalls,
    pub(crate) send_queues: SendQueues,
    pub(crate) handlers: Arc<Handlers>,
    /// The links, if the endpoint has an identity.
    pub(crate) links: Option<Arc<EndpointLinks>>,
    pub(crate) log_limits: LogLimits,
    pub(crate) runtime: runtime::Handle,
    /// The thread of the watchdog, if it watches this endpoint.
    pub(crate) watchdog: OnceLock<Thread>,
    /// The driver, if threads of the program may run it.
    pub(crate) polled_driver: OnceLock<Weak<dyn PolledDriver>>,
    /// The services, which the drivers own: a `server::services::Services`, a type that knows this
    /// one.
    pub(crate) services: OnceLock<Weak<dyn Any + Send + Sync>>,
    /// The secret of the hashes that recognize duplicates of requests.
    pub(crate) request_secret: u64,
    pub(crate) sessions: EndpointSessions,
    stored_responses: Lock<StoredResponses>,
    limiter: Lock<Limiter>,
    handle: Lock<Weak<Handle>>,
}

/// The value that all handles of an endpoint share. Closes the endpoint when the last of them is
/// dropped.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
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
        let secret = rng.next_u64();
        let counters = Arc::new(Counters::default());
        let send_queues = SendQueues::new(transports, &counters);
        let timekeeper = send_queues.at(SendQueues::TIMEKEEPER).driver();
        let links = EndpointLinks::new(&config.links, &mut rng, timekeeper);
        Arc::new(Self {
            local_addr: transport.local_addr(),
            handlers: Handlers::new(
                [config.max_handlers, config.max_blocking_handlers],
                secret,
                Arc::clone(&lifecycle),
                send_queues.drivers(),
            ),
            lifecycle,
            limiter: Lock::new(Limiter::new(config.limits.clone(), now(), secret)),
            request_secret: secret,
            sessions: EndpointSessions::default(),
            calls: InFlightCalls::new(now(), rng, &config.calls),
            links,
            send_queues,
            counters,
            log_limits: LogLimits::default(),
            runtime,
            watchdog: OnceLock::new(),
            polled_driver: OnceLock::new(),
            services: OnceLock::new(),
            stored_responses: Lock::new(StoredResponses::new(config.response_memory_len, config.response_retention)),
            handle: Lock::default(),
            config,
        })
    }

    /// Locks the stored responses of at-most-once methods.
    pub(crate) fn stored_responses(&self) -> MutexGuard<'_, StoredResponses> {
        self.stored_responses.lock()
    }

    /// Locks the limits of sources.
    pub(crate) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock()
    }

    /// Returns the handle that other handles share, or a new one if none is left.
    pub(crate) fn handle(self: &Arc<Self>) -> Arc<Handle> {
        let mut handle = self.handle.lock();
        handle.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Handle { shared: Arc::clone(self) });
            *handle = Arc::downgrade(&new);
            new
        })
    }

    /// Returns the endpoint's statistics.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.counters.snapshot();
        stats.calls.in_flight = self.calls.len() as u64;
        stats.calls.withheld = self.calls.withheld();
        let stored = self.stored_responses();
        (stats.requests.evicted, stats.requests.stored_bytes) = (stored.evicted(), stored.bytes() as u64);
        drop(stored);
        stats.requests.running = self.handlers.running(HandlerKind::Task) as u64;
        if let Some(roster) = self.sessions.roster.get() {
            roster.fill(&mut stats.sessions);
        }
        stats.requests.blocking = self.handlers.running(HandlerKind::Blocking) as u64;
        stats
    }

    /// Returns the counts of the links.
    pub(crate) fn link_counts(&self) -> LinkCounts {
        self.links.as_ref().map_or_else(LinkCounts::default, |links| links.counts())
    }

    /// Wakes the driver that handles due calls, because a call is due before all others.
    pub(crate) fn wake_timekeeper(&self) {
        self.send_queues.wake_timekeeper();
        if let Some(watchdog) = self.watchdog.get() {
            watchdog.unpark();
        }
    }

    /// Logs that responses to `peer` are dropped because of the limits, at most once per second.
    pub(crate) fn warn_of_response_budget(&self, peer: SocketAddr, now: Instant) {
        let Some(suppressed) = self.log_limits.response_budget.pass(now) else { return };
        let suppressed = (suppressed > 0).then_some(suppressed);
        tracing::warn!(
            target: "rpcudp",
            %peer,
            suppressed,
            "a response was dropped: the peer was sent as many response bytes as `Limits` allow (a peer that responds to \
             a call of this endpoint is validated, and is allowed more)"
        );
    }

    /// Sends the items of a stream in a task. Logs an item that cannot be sent, at most once per
    /// second.
    #[cfg(feature = "secure")]
    pub(crate) fn send_items(self: &Arc<Self>, items: Source, stream: &Arc<Flow>) {
        let shared = Arc::clone(self);
        self.runtime.spawn(pump(items, Arc::clone(stream), move |reason| {
            let Some(suppressed) = shared.log_limits.unencodable_item.pass(now()) else { return };
            let suppressed = (suppressed > 0).then_some(suppressed);
            tracing::error!(target: "rpcudp", reason, suppressed, "a stream was cut short: an item cannot be sent");
        }));
    }

    /// Begins to close the endpoint and wakes its drivers.
    pub(crate) fn close(&self, grace: Duration) {
        self.lifecycle.close(now(), grace);
        if let Some(close_sessions) = self.sessions.on_close.get() {
            close_sessions();
        }
        self.send_queues.wake_all();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // An endpoint that is already closing keeps its grace.
        if !self.shared.lifecycle.is_closing() {
            self.shared.close(Duration::ZERO);
        }
    }
}
