use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::drop_reason::DropReason;
use super::snapshot::{CallStats, DatagramStats, RequestStats, SessionStats, Stats};
use super::stripe::StripeIndex;

/// A counter of [`Counters`]. Dropped datagrams are counted by [`Counters::dropped`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented on the field of `Stats` that shows it")]
pub enum Counter {
    CallsStarted,
    CallsCompleted,
    CallsRefused,
    CallsTimedOut,
    CallsUnreachable,
    CallsUndecodable,
    CallsUnsendable,
    CallsOneway,
    CallsCancelled,
    CallsRetransmitted,
    CallsMoved,
    CallsHedged,
    CancelsSent,
    RunningReceived,
    RequestsReceived,
    RequestsCompleted,
    RequestsRefused,
    RequestsPanicked,
    RequestsCancelled,
    CancelsReceived,
    HandlingNanos,
    RequestsReplayed,
    RequestsEvicted,
    RunningSent,
    DatagramsReceived,
    DatagramsSent,
    DatagramsUnreachable,
    ReceiveErrors,
}

const COUNTER_COUNT: usize = Counter::ReceiveErrors as usize + 1;

/// The counters behind [`Stats`]. All threads of an endpoint share them without a lock.
///
/// ```
/// use rpcudp_core::{Counter, Counters, DropReason};
///
/// let counters = Counters::default();
/// counters.add(Counter::DatagramsReceived, 2);
/// counters.dropped(DropReason::TooShort);
/// let stats = counters.snapshot();
/// assert_eq!(stats.datagrams.received, 2);
/// assert_eq!(stats.dropped(DropReason::TooShort), 1);
/// ```
#[derive(Debug, Default)]
pub struct Counters {
    stripes: [Stripe; StripeIndex::COUNT],
}

/// The counters of one or some of the threads.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    counts: [AtomicU64; COUNTER_COUNT],
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Counters {
    /// Adds `count` to a counter.
    #[inline]
    pub fn add(&self, counter: Counter, count: u64) {
        let index = StripeIndex::of_thread();
        index.add(&self.stripes[index.get()].counts[counter as usize], count);
    }

    /// Counts a dropped datagram.
    pub fn dropped(&self, reason: DropReason) {
        let index = StripeIndex::of_thread();
        index.add(&self.stripes[index.get()].dropped[reason as usize], 1);
    }

    /// Reads all counters. Leaves `sessions`, and `withheld`, `in_flight`, `stored_bytes` and
    /// `running`, zero for the caller to fill in.
    #[must_use]
    pub fn snapshot(&self) -> Stats {
        let sum = |count: &dyn Fn(&Stripe) -> &AtomicU64| -> u64 {
            self.stripes.iter().map(|stripe| count(stripe).load(Ordering::Relaxed)).sum()
        };
        let count = |counter: Counter| sum(&|stripe| &stripe.counts[counter as usize]);
        Stats {
            calls: CallStats {
                started: count(Counter::CallsStarted),
                completed: count(Counter::CallsCompleted),
                refused: count(Counter::CallsRefused),
                timed_out: count(Counter::CallsTimedOut),
                unreachable: count(Counter::CallsUnreachable),
                undecodable: count(Counter::CallsUndecodable),
                unsendable: count(Counter::CallsUnsendable),
                oneway: count(Counter::CallsOneway),
                cancelled: count(Counter::CallsCancelled),
                retransmitted: count(Counter::CallsRetransmitted),
                moved: count(Counter::CallsMoved),
                hedged: count(Counter::CallsHedged),
                withheld: 0,
                cancels_sent: count(Counter::CancelsSent),
                running_received: count(Counter::RunningReceived),
                in_flight: 0,
            },
            requests: RequestStats {
                received: count(Counter::RequestsReceived),
                completed: count(Counter::RequestsCompleted),
                refused: count(Counter::RequestsRefused),
                panicked: count(Counter::RequestsPanicked),
                cancelled: count(Counter::RequestsCancelled),
                cancels_received: count(Counter::CancelsReceived),
                handling: Duration::from_nanos(count(Counter::HandlingNanos)),
                replayed: count(Counter::RequestsReplayed),
                evicted: count(Counter::RequestsEvicted),
                running_sent: count(Counter::RunningSent),
                stored_bytes: 0,
                running: 0,
                blocking: 0,
            },
            datagrams: DatagramStats {
                received: count(Counter::DatagramsReceived),
                sent: count(Counter::DatagramsSent),
                unreachable: count(Counter::DatagramsUnreachable),
                receive_errors: count(Counter::ReceiveErrors),
            },
            sessions: SessionStats::default(),
            dropped: DropReason::ALL.map(|reason| sum(&|stripe| &stripe.dropped[reason as usize])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_with_drops_are_printed_by_name() {
        let counters = Counters::default();
        assert!(format!("{:?}", counters.snapshot()).ends_with("dropped: {} }"));
        counters.dropped(DropReason::TooShort);
        counters.dropped(DropReason::SendFailed);
        counters.dropped(DropReason::SendFailed);
        let stats = format!("{:?}", counters.snapshot());
        assert!(stats.ends_with("dropped: {too_short: 1, send_failed: 2} }"), "{stats}");
    }
}
