use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use metrics::{Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use rpcudp_core::{DropReason, Stats};
use tokio::time::timeout;

use super::method::{Method, Timed};
use crate::endpoint::shared::Shared;
use crate::telemetry::metric_names as names;

/// Tells the recorder once a second what the endpoint has done, and what all methods have.
///
/// Whatever the recorder does, and however long it takes, it is not on a call's way; one that is installed later, or that
/// forgets what was idle, hears of everything that happens from then on.
pub(crate) fn publish(shared: &Arc<Shared>) {
    let lifecycle = Arc::clone(&shared.lifecycle);
    let mut publisher = Publisher::new(Arc::clone(shared));
    shared.runtime.spawn(async move {
        let mut closed = pin!(lifecycle.closed());
        while timeout(INTERVAL, closed.as_mut()).await.is_err() {
            publisher.publish();
        }
        publisher.close();
        // Calls that ended with the endpoint are about to notice.
        tokio::time::sleep(INTERVAL).await;
    });
}

/// How late the recorder hears of something, at most.
const INTERVAL: Duration = Duration::from_secs(1);

/// Tells the rest when it is dropped: with the endpoint, or with its runtime.
struct Publisher {
    shared: Arc<Shared>,
    told: Stats,
    room: Vec<Timed>,
}

/// A counter of an endpoint's.
struct Count {
    name: &'static str,
    about: &'static str,
    /// What tells it apart from another of the same name.
    label: Option<(&'static str, &'static str)>,
    unit: Unit,
    of: fn(&Stats) -> u64,
}

/// A gauge: what is there now, at all endpoints of the process.
struct Level {
    name: &'static str,
    about: &'static str,
    of: fn(&Stats) -> u64,
    /// What it is at all of them.
    all: AtomicI64,
}

impl Publisher {
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, told: Stats::default(), room: Method::room() }
    }

    fn publish(&mut self) {
        self.tell(self.shared.stats());
    }

    /// Nothing waits or runs any more, whatever has not been cleared away.
    fn close(&mut self) {
        let mut stats = self.shared.stats();
        (stats.calls.in_flight, stats.requests.running) = (0, 0);
        self.tell(stats);
    }

    fn tell(&mut self, stats: Stats) {
        describe();
        for count in &COUNTS {
            let new = (count.of)(&stats).saturating_sub((count.of)(&self.told));
            if new > 0 {
                counter!(count.name, Vec::from_iter(count.label.map(label))).increment(new);
            }
        }
        for reason in DropReason::ALL {
            let new = stats.dropped(reason).saturating_sub(self.told.dropped(reason));
            if new > 0 {
                counter!(names::DATAGRAMS_DROPPED, vec![label((names::REASON_LABEL, reason.name()))]).increment(new);
            }
        }
        for level in &LEVELS {
            let more = (level.of)(&stats) as i64 - (level.of)(&self.told) as i64;
            let all = level.all.fetch_add(more, Ordering::Relaxed) + more;
            gauge!(level.name).set(all as f64);
        }
        self.told = stats;
        Method::all().into_iter().for_each(|method| method.publish(&mut self.room));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // One that goes because the recorder panicked does not ask it again: that would end the process.
        if !std::thread::panicking() {
            self.close();
        }
    }
}

static LEVELS: [Level; 2] = [
    Level {
        name: names::CLIENT_ACTIVE_CALLS,
        about: "Calls that wait for an answer.",
        of: |stats| stats.calls.in_flight,
        all: AtomicI64::new(0),
    },
    Level {
        name: names::SERVER_ACTIVE_CALLS,
        about: "Async handlers that run.",
        of: |stats| stats.requests.running,
        all: AtomicI64::new(0),
    },
];

const COUNTS: [Count; 9] = [
    Count {
        name: names::CLIENT_RESENDS,
        about: "Requests that were sent again because no answer had come.",
        label: None,
        unit: Unit::Count,
        of: |stats| stats.calls.retransmitted,
    },
    Count {
        name: names::CLIENT_RESENDS_WITHHELD,
        about: "Resends that were left out because so many calls were sent again.",
        label: None,
        unit: Unit::Count,
        of: |stats| stats.calls.withheld,
    },
    Count {
        name: names::SERVER_REPLAYS,
        about: "Copies of at-most-once requests that were answered from memory.",
        label: None,
        unit: Unit::Count,
        of: |stats| stats.requests.replayed,
    },
    Count {
        name: names::SERVER_REPLIES_FORGOTTEN,
        about: "At-most-once replies that were forgotten before their time because the memory was full.",
        label: None,
        unit: Unit::Count,
        of: |stats| stats.requests.evicted,
    },
    Count {
        name: names::SERVER_HANDLING,
        about: "How long receiving tasks were busy with requests, above all in sync methods.",
        label: None,
        unit: Unit::Microseconds,
        of: |stats| stats.requests.handling.as_micros() as u64,
    },
    Count {
        name: names::DATAGRAMS,
        about: DATAGRAMS_ABOUT,
        label: Some((names::DIRECTION_LABEL, "receive")),
        unit: Unit::Count,
        of: |stats| stats.datagrams.received,
    },
    Count {
        name: names::DATAGRAMS,
        about: DATAGRAMS_ABOUT,
        label: Some((names::DIRECTION_LABEL, "transmit")),
        unit: Unit::Count,
        of: |stats| stats.datagrams.sent,
    },
    Count {
        name: names::DATAGRAMS_BOUNCED,
        about: "Datagrams that came back because nobody is there.",
        label: None,
        unit: Unit::Count,
        of: |stats| stats.datagrams.unreachable,
    },
    Count {
        name: names::RECEIVE_ERRORS,
        about: "Errors that receiving gave; none of them ends an endpoint.",
        label: None,
        unit: Unit::Count,
        of: |stats| stats.datagrams.receive_errors,
    },
];

const DATAGRAMS_ABOUT: &str = "Datagrams that arrived, dropped ones included, and those that the socket took.";

/// Says what the names mean, and in which units: each time, for the recorder may have come since the last.
fn describe() {
    describe_histogram!(names::CLIENT_CALL_DURATION, Unit::Seconds, "Measures the duration of an outgoing RPC.");
    describe_histogram!(names::SERVER_CALL_DURATION, Unit::Seconds, "Measures the duration of an incoming RPC.");
    describe_counter!(names::CLIENT_CALLS, Unit::Count, "Calls that have ended.");
    describe_counter!(names::SERVER_CALLS, Unit::Count, "Requests that were answered, refused or stopped.");
    describe_counter!(names::DATAGRAMS_DROPPED, Unit::Count, "Datagrams that were dropped.");
    COUNTS.iter().for_each(|count| describe_counter!(count.name, count.unit, count.about));
    LEVELS.iter().for_each(|level| describe_gauge!(level.name, Unit::Count, level.about));
}

fn label((name, value): (&'static str, &'static str)) -> Label {
    Label::from_static_parts(name, value)
}
