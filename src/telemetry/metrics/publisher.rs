use std::future::Future;
use std::pin::pin;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram};
use rpcudp_core::{DropReason, Stats};
use tokio::runtime;
use tokio::time::timeout;

use super::super::metric_names as names;
use super::figures::{CounterSpec, GaugeSpec, label};
use super::link_figures;
use super::method::{Method, Sample};
use crate::links::endpoint_links::LinkCounts;

/// Starts a task that passes the endpoint's statistics and all methods' figures to the recorder
/// once a second, and once more after `closed`.
///
/// A slow recorder delays no call. A recorder that is installed late, or that drops idle metrics,
/// receives everything from then on.
pub(crate) fn publish(
    runtime: &runtime::Handle,
    closed: impl Future<Output = ()> + Send + 'static,
    stats: impl Fn() -> (Stats, LinkCounts) + Send + 'static,
) {
    let mut publisher = Publisher { stats, recorded: Default::default(), buffer: Method::sample_buffer() };
    runtime.spawn(async move {
        let mut closed = pin!(closed);
        while timeout(INTERVAL, closed.as_mut()).await.is_err() {
            publisher.publish();
        }
        publisher.publish_last();
        // Calls that the endpoint's end has completed are counted when their tasks run.
        tokio::time::sleep(INTERVAL).await;
    });
}

/// The time between two publications.
const INTERVAL: Duration = Duration::from_secs(1);

/// The publisher of one endpoint. Publishes the rest when it is dropped, by the end of the endpoint
/// or of its runtime.
struct Publisher<F: Fn() -> (Stats, LinkCounts)> {
    stats: F,
    /// The statistics that the recorder has.
    recorded: (Stats, LinkCounts),
    buffer: Vec<Sample>,
}

impl<F: Fn() -> (Stats, LinkCounts)> Publisher<F> {
    fn publish(&mut self) {
        self.record((self.stats)());
    }

    /// Publishes with the gauges at 0, because a closed endpoint has no calls, no handlers and no
    /// links.
    fn publish_last(&mut self) {
        let (mut stats, links) = (self.stats)();
        (stats.calls.in_flight, stats.requests.running) = (0, 0);
        self.record((stats, link_figures::without_links(links)));
    }

    fn record(&mut self, (stats, links): (Stats, LinkCounts)) {
        describe();
        let (recorded, recorded_links) = &self.recorded;
        COUNTERS.iter().for_each(|counter| counter.record(&stats, recorded));
        for reason in DropReason::ALL {
            let new = stats.dropped(reason).saturating_sub(recorded.dropped(reason));
            if new > 0 {
                counter!(names::DATAGRAMS_DROPPED, vec![label((names::REASON_LABEL, reason.name()))]).increment(new);
            }
        }
        GAUGES.iter().for_each(|gauge| gauge.record(&stats, recorded));
        link_figures::record(&links, recorded_links);
        self.recorded = (stats, links);
        Method::all().into_iter().for_each(|method| method.publish(&mut self.buffer));
    }
}

impl<F: Fn() -> (Stats, LinkCounts)> Drop for Publisher<F> {
    fn drop(&mut self) {
        // If the recorder panicked, calling it again would abort the process.
        if !std::thread::panicking() {
            self.publish_last();
        }
    }
}

static GAUGES: [GaugeSpec<Stats>; 3] = [
    GaugeSpec {
        name: names::CLIENT_ACTIVE_CALLS,
        description: "Calls in flight.",
        unit: Unit::Count,
        value: |stats| stats.calls.in_flight,
        sum: AtomicI64::new(0),
    },
    GaugeSpec {
        name: names::SERVER_ACTIVE_CALLS,
        description: "Async handlers that are running.",
        unit: Unit::Count,
        value: |stats| stats.requests.running,
        sum: AtomicI64::new(0),
    },
    GaugeSpec {
        name: names::SERVER_BLOCKING_CALLS,
        description: "Handlers that may block and are running, or wait for a thread.",
        unit: Unit::Count,
        value: |stats| stats.requests.blocking,
        sum: AtomicI64::new(0),
    },
];

const COUNTERS: [CounterSpec<Stats>; 15] = [
    CounterSpec {
        name: names::CLIENT_RETRANSMISSIONS,
        description: "Requests retransmitted because no response had arrived.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.calls.retransmitted,
    },
    CounterSpec {
        name: names::CLIENT_RETRANSMISSIONS_WITHHELD,
        description: "Retransmissions withheld because the retry budget was spent.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.calls.withheld,
    },
    CounterSpec {
        name: names::CLIENT_MOVES,
        description: "Requests sent again to another peer of a group, because the first could not serve them.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.calls.moved,
    },
    CounterSpec {
        name: names::CLIENT_HEDGES,
        description: "Requests sent to a second peer of a group, because the first was slow.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.calls.hedged,
    },
    CounterSpec {
        name: names::CLIENT_CANCEL_FRAMES,
        description: "Cancel frames sent for calls that were dropped.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.calls.cancels_sent,
    },
    CounterSpec {
        name: names::CLIENT_RUNNING_FRAMES,
        description: "Running frames received for calls in flight.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.calls.running_received,
    },
    CounterSpec {
        name: names::SERVER_CANCEL_FRAMES,
        description: "Cancel frames received for handlers that wait.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.requests.cancels_received,
    },
    CounterSpec {
        name: names::SERVER_RUNNING_FRAMES,
        description: "Running frames sent for duplicates of requests whose handler is still running.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.requests.running_sent,
    },
    CounterSpec {
        name: names::SERVER_REPLAYS,
        description: "Duplicates of at-most-once requests that were sent the stored response.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.requests.replayed,
    },
    CounterSpec {
        name: names::SERVER_RESPONSES_EVICTED,
        description: "Stored at-most-once responses evicted early because the memory was full.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.requests.evicted,
    },
    CounterSpec {
        name: names::SERVER_HANDLING,
        description: "Time that the drivers spent on requests, mostly in sync methods.",
        label: None,
        unit: Unit::Microseconds,
        value: |stats| stats.requests.handling.as_micros() as u64,
    },
    CounterSpec {
        name: names::DATAGRAMS,
        description: DATAGRAMS_DESCRIPTION,
        label: Some((names::DIRECTION_LABEL, "receive")),
        unit: Unit::Count,
        value: |stats| stats.datagrams.received,
    },
    CounterSpec {
        name: names::DATAGRAMS,
        description: DATAGRAMS_DESCRIPTION,
        label: Some((names::DIRECTION_LABEL, "transmit")),
        unit: Unit::Count,
        value: |stats| stats.datagrams.sent,
    },
    CounterSpec {
        name: names::DATAGRAMS_UNREACHABLE,
        description: "Datagrams that the network reported as undeliverable.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.datagrams.unreachable,
    },
    CounterSpec {
        name: names::RECEIVE_ERRORS,
        description: "Errors of receiving. None of them closes an endpoint.",
        label: None,
        unit: Unit::Count,
        value: |stats| stats.datagrams.receive_errors,
    },
];

const DATAGRAMS_DESCRIPTION: &str =
    "Datagrams received, dropped ones included, and datagrams that the socket accepted.";

/// Describes all metrics. Repeated each time, because the recorder may have been installed since.
fn describe() {
    describe_histogram!(names::CLIENT_CALL_DURATION, Unit::Seconds, "Measures the duration of an outgoing RPC.");
    describe_histogram!(names::SERVER_CALL_DURATION, Unit::Seconds, "Measures the duration of an incoming RPC.");
    describe_counter!(names::CLIENT_CALLS, Unit::Count, "Calls that have ended.");
    describe_counter!(names::SERVER_CALLS, Unit::Count, "Requests that were completed, refused, cancelled or aborted.");
    describe_counter!(names::DATAGRAMS_DROPPED, Unit::Count, "Datagrams that were dropped.");
    COUNTERS.iter().for_each(CounterSpec::describe);
    GAUGES.iter().for_each(GaugeSpec::describe);
    link_figures::describe();
}
