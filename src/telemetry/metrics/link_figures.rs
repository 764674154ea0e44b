//! The figures of links.

use std::sync::atomic::AtomicI64;

use metrics::{Unit, counter, describe_counter};

use super::super::metric_names as names;
use super::figures::{CounterSpec, GaugeSpec, label};
use crate::links::endpoint_links::LinkCounts;

static GAUGES: [GaugeSpec<LinkCounts>; 4] = [
    GaugeSpec {
        name: names::LINKS,
        description: "Links that are up.",
        unit: Unit::Count,
        value: |counts| counts.up,
        sum: AtomicI64::new(0),
    },
    GaugeSpec {
        name: names::LINKS_HANDSHAKING,
        description: "Links that peers have begun and that wait for the end of their handshake.",
        unit: Unit::Count,
        value: |counts| counts.handshaking,
        sum: AtomicI64::new(0),
    },
    GaugeSpec {
        name: names::LINKS_ARRIVING,
        description: "Memory that is reserved for large frames that arrive.",
        unit: Unit::Bytes,
        value: |counts| counts.arriving_bytes,
        sum: AtomicI64::new(0),
    },
    GaugeSpec {
        name: names::LINKS_UNSENT,
        description: "Memory of frames that wait, or are large and not acknowledged.",
        unit: Unit::Bytes,
        value: |counts| counts.unsent_bytes,
        sum: AtomicI64::new(0),
    },
];

const COUNTERS: [CounterSpec<LinkCounts>; 5] = [
    CounterSpec {
        name: names::LINKS_ESTABLISHED,
        description: "Links that came up.",
        label: None,
        unit: Unit::Count,
        value: |counts| counts.established,
    },
    CounterSpec {
        name: names::LINKS_EVICTED,
        description: "Links closed because there were too many.",
        label: None,
        unit: Unit::Count,
        value: |counts| counts.evicted,
    },
    CounterSpec {
        name: names::LINK_RETRIES,
        description: "Handshakes answered with a Retry, which proves the caller's address.",
        label: None,
        unit: Unit::Count,
        value: |counts| counts.retried,
    },
    CounterSpec {
        name: names::LINK_DATAGRAMS_IGNORED,
        description: "Datagrams with the first byte of a link that were ignored.",
        label: None,
        unit: Unit::Count,
        value: |counts| counts.ignored,
    },
    CounterSpec {
        name: names::LINK_PANICS,
        description: "Panics of the QUIC or TLS implementation. Each ended all links of its endpoint.",
        label: None,
        unit: Unit::Count,
        value: |counts| counts.panics,
    },
];

pub(super) fn record(new: &LinkCounts, recorded: &LinkCounts) {
    GAUGES.iter().for_each(|gauge| gauge.record(new, recorded));
    COUNTERS.iter().for_each(|counter| counter.record(new, recorded));
    for ((reason, count), (_, before)) in new.ends.by_reason().into_iter().zip(recorded.ends.by_reason()) {
        let added = count.saturating_sub(before);
        if added > 0 {
            counter!(names::LINKS_ENDED, vec![label((names::REASON_LABEL, reason))]).increment(added);
        }
    }
}

pub(super) fn describe() {
    GAUGES.iter().for_each(GaugeSpec::describe);
    COUNTERS.iter().for_each(CounterSpec::describe);
    describe_counter!(names::LINKS_ENDED, Unit::Count, "Links that have ended, and handshakes that failed.");
}

/// Returns the counts of an endpoint that has closed and has no links.
pub(super) fn without_links(counts: LinkCounts) -> LinkCounts {
    let mut counts = counts;
    (counts.up, counts.handshaking, counts.arriving_bytes, counts.unsent_bytes) = (0, 0, 0, 0);
    counts
}
