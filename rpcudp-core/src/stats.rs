use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::DropReason;

/// What an endpoint has done since it was bound: a snapshot of its counters.
///
/// Counters only grow; [`CallStats::waiting`] and [`RequestStats::running`] are what is there now. They are read one after
/// the other while the endpoint works, so that two of them may differ by a datagram that was under way between the
/// readings. `{:?}` prints them all, of the reasons for drops those that there were.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that this endpoint made.
    pub calls: CallStats,
    /// Requests that it was sent.
    pub requests: RequestStats,
    /// Datagrams that went through its socket.
    pub datagrams: DatagramStats,
    dropped: [u64; DropReason::ALL.len()],
}

/// The calls that an endpoint made, and how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallStats {
    /// Calls whose request was handed to the socket, oneway calls included.
    pub started: u64,
    /// Ended with a value or with the application's own error.
    pub answered: u64,
    /// Ended with the peer's refusal: unknown method, malformed arguments, busy, panicked, response too large or
    /// unencodable.
    pub refused: u64,
    /// Ended without an answer in time.
    pub timed_out: u64,
    /// Ended because the network says that nobody is there.
    pub unreachable: u64,
    /// Ended with an answer that is not of the declared type.
    pub undecodable: u64,
    /// Ended because the request could not be sent: too large, or refused by the socket.
    pub unsendable: u64,
    /// Oneway calls that were sent: nobody waits for their end.
    pub oneway: u64,
    /// Dropped by their caller before they had ended.
    pub cancelled: u64,
    /// Requests that were sent again because no answer had come.
    pub resent: u64,
    /// Calls that wait for an answer now.
    pub waiting: u64,
}

/// The requests that reached an endpoint, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestStats {
    /// Well-formed requests that arrived.
    pub received: u64,
    /// Answered with a value or with the application's own error.
    pub answered: u64,
    /// Refused: unknown method, malformed arguments, busy, panicked, response too large or unencodable.
    pub refused: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Copies of an at-most-once request that were answered from memory.
    pub replayed: u64,
    /// At-most-once replies that were forgotten before their time because the memory was full. A copy that comes
    /// after that runs the method again.
    pub forgotten: u64,
    /// Async handlers that run now.
    pub running: u64,
}

/// The datagrams that went through an endpoint's socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatagramStats {
    /// Datagrams that arrived, dropped ones included.
    pub received: u64,
    /// Datagrams that the socket took.
    pub sent: u64,
    /// Datagrams that came back because nobody is there, those that no call waits for included.
    pub bounced: u64,
    /// Errors that receiving gave. None of them ends the endpoint.
    pub receive_errors: u64,
}

impl Stats {
    /// How many datagrams were dropped for this reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// How many datagrams were dropped for any reason.
    #[must_use]
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped.iter().sum()
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stats")
            .field("calls", &self.calls)
            .field("requests", &self.requests)
            .field("datagrams", &self.datagrams)
            .field("dropped", &Dropped(self))
            .finish()
    }
}

/// The reasons that datagrams were dropped for, and how many.
struct Dropped<'a>(&'a Stats);

impl fmt::Debug for Dropped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = DropReason::ALL.map(|reason| (reason.name(), self.0.dropped(reason)));
        let mut map = f.debug_map();
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            map.key(&format_args!("{name}")).value(&count);
        }
        map.finish()
    }
}

/// What [`Counters`] count, datagrams dropped apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented on the field of `Stats` that shows it")]
pub enum Counter {
    CallsStarted,
    CallsAnswered,
    CallsRefused,
    CallsTimedOut,
    CallsUnreachable,
    CallsUndecodable,
    CallsUnsendable,
    CallsOneway,
    CallsCancelled,
    CallsResent,
    RequestsReceived,
    RequestsAnswered,
    RequestsRefused,
    RequestsPanicked,
    RequestsReplayed,
    RequestsForgotten,
    DatagramsReceived,
    DatagramsSent,
    DatagramsBounced,
    ReceiveErrors,
}

const COUNTER_COUNT: usize = Counter::ReceiveErrors as usize + 1;

/// The counters behind [`Stats`]: shared by all threads of an endpoint, never locked.
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
    counts: [AtomicU64; COUNTER_COUNT],
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Counters {
    /// Counts `count` more.
    pub fn add(&self, counter: Counter, count: u64) {
        self.counts[counter as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// Counts a datagram that was dropped.
    pub fn dropped(&self, reason: DropReason) {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Reads every counter. What waits and runs is for those to say who know it.
    #[must_use]
    pub fn snapshot(&self) -> Stats {
        let count = |counter: Counter| self.counts[counter as usize].load(Ordering::Relaxed);
        Stats {
            calls: CallStats {
                started: count(Counter::CallsStarted),
                answered: count(Counter::CallsAnswered),
                refused: count(Counter::CallsRefused),
                timed_out: count(Counter::CallsTimedOut),
                unreachable: count(Counter::CallsUnreachable),
                undecodable: count(Counter::CallsUndecodable),
                unsendable: count(Counter::CallsUnsendable),
                oneway: count(Counter::CallsOneway),
                cancelled: count(Counter::CallsCancelled),
                resent: count(Counter::CallsResent),
                waiting: 0,
            },
            requests: RequestStats {
                received: count(Counter::RequestsReceived),
                answered: count(Counter::RequestsAnswered),
                refused: count(Counter::RequestsRefused),
                panicked: count(Counter::RequestsPanicked),
                replayed: count(Counter::RequestsReplayed),
                forgotten: count(Counter::RequestsForgotten),
                running: 0,
            },
            datagrams: DatagramStats {
                received: count(Counter::DatagramsReceived),
                sent: count(Counter::DatagramsSent),
                bounced: count(Counter::DatagramsBounced),
                receive_errors: count(Counter::ReceiveErrors),
            },
            dropped: DropReason::ALL.map(|reason| self.dropped[reason as usize].load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_printed_by_name_where_there_were_any() {
        let counters = Counters::default();
        assert!(format!("{:?}", counters.snapshot()).ends_with("dropped: {} }"));
        counters.dropped(DropReason::TooShort);
        counters.dropped(DropReason::SendFailed);
        counters.dropped(DropReason::SendFailed);
        let stats = format!("{:?}", counters.snapshot());
        assert!(stats.ends_with("dropped: {too_short: 1, send_failed: 2} }"), "{stats}");
    }
}
