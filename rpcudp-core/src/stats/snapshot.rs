use std::fmt;
use std::time::Duration;

use super::drop_reason::DropReason;

/// What an endpoint has done since it was bound: a snapshot of its counters.
///
/// Counters only grow; [`CallStats::in_flight`] and [`RequestStats::running`] are what is there now. They are read one after
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
    pub(crate) dropped: [u64; DropReason::ALL.len()],
}

/// The calls that an endpoint made, and how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallStats {
    /// Calls whose request was handed to the socket, oneway calls included.
    pub started: u64,
    /// Ended with a value or with the application's own error.
    pub completed: u64,
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
    pub retransmitted: u64,
    /// Resends that were left out because so many calls were sent again that the network, or the peers, must be down: more
    /// than 1,000 in some ten seconds, and more than three for each call.
    pub withheld: u64,
    /// Calls that wait for an answer now.
    pub in_flight: u64,
}

/// The requests that reached an endpoint, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestStats {
    /// Well-formed requests that arrived.
    pub received: u64,
    /// Answered with a value or with the application's own error.
    pub completed: u64,
    /// Refused: unknown method, malformed arguments, busy, panicked, response too large or unencodable.
    pub refused: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// How long the receiving task was busy with requests, above all in sync methods. While it is, nothing else is
    /// received: where this grows nearly as fast as the time, a method is too slow to be sync.
    pub handling: Duration,
    /// Copies of an at-most-once request that were answered from memory.
    pub replayed: u64,
    /// At-most-once replies that were forgotten before their time because the memory was full. A copy that comes
    /// after that runs the method again.
    pub evicted: u64,
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
    pub unreachable: u64,
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
