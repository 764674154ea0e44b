use std::fmt;
use std::time::Duration;

use super::drop_reason::DropReason;

/// A snapshot of an endpoint's counters since it was bound.
///
/// Counters only grow. [`CallStats::in_flight`], [`RequestStats::stored_bytes`] and
/// [`RequestStats::running`] are current values.
/// The counters are read one after another while the endpoint works, so two of them may differ by a
/// datagram that was processed between the reads. `{:?}` prints all counters, and the reasons for
/// drops that occurred.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The calls that this endpoint made.
    pub calls: CallStats,
    /// The requests that it received.
    pub requests: RequestStats,
    /// The datagrams of its socket.
    pub datagrams: DatagramStats,
    /// The sessions that peers hold at it.
    pub sessions: SessionStats,
    pub(crate) dropped: [u64; DropReason::ALL.len()],
}

/// The calls that an endpoint made, and their outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallStats {
    /// Calls that were passed to the socket, including oneway calls.
    pub started: u64,
    /// Calls that ended with a value or with an error of the application.
    pub completed: u64,
    /// Calls that the peer refused: unknown method, malformed arguments, busy, panicked, response
    /// too large or unencodable, closing, stopped or rejected.
    pub refused: u64,
    /// Calls that ended at their deadline without a response.
    pub timed_out: u64,
    /// Calls that ended because the peer is unreachable.
    pub unreachable: u64,
    /// Calls with a response that did not decode as the declared type.
    pub undecodable: u64,
    /// Calls with a request that could not be sent: too large, or the socket failed.
    pub unsendable: u64,
    /// Oneway calls that were sent. They have no other outcome.
    pub oneway: u64,
    /// Calls that their caller dropped before they ended.
    pub cancelled: u64,
    /// Retransmissions of requests.
    pub retransmitted: u64,
    /// Requests of calls to a group that were sent to another peer of it, because a peer did not
    /// run them or did not respond.
    pub moved: u64,
    /// Requests of hedged calls that were sent to a second peer.
    pub hedged: u64,
    /// Retransmissions, moves and hedges that were withheld because the network or the peers must
    /// be down: there were more than 1,000 of them in about ten seconds, and more than three for
    /// each call.
    pub withheld: u64,
    /// Cancel frames that were sent or queued for calls that their caller dropped.
    pub cancels_sent: u64,
    /// Running frames that were received for a call in flight: the peer dropped a duplicate of its
    /// request, because the handler is still running.
    pub running_received: u64,
    /// Calls in flight now.
    pub in_flight: u64,
}

/// The requests that an endpoint received, and their outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestStats {
    /// Well-formed requests that were received.
    pub received: u64,
    /// Requests that ended with a value or with an error of the application, without the ones whose
    /// response was withheld because of [`Limits`](crate::Limits). The latter are counted by
    /// [`DropReason::ResponseBudget`].
    pub completed: u64,
    /// Requests that were refused: unknown method, malformed arguments, busy, panicked, response
    /// too large or unencodable, closing, stopped or rejected.
    pub refused: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Requests whose handler was dropped, or did not begin, because their caller cancelled them.
    pub cancelled: u64,
    /// Cancel frames that were received for a request whose handler was waiting. One for a request
    /// whose handler has not begun, or has ended, is counted by [`DropReason::UnmatchedCancel`].
    pub cancels_received: u64,
    /// The time that the driver spent on requests, mostly in sync methods. It receives no datagrams
    /// meanwhile. If this grows nearly as fast as time passes, a sync method is too slow and should
    /// be async or `blocking`.
    pub handling: Duration,
    /// Duplicates of at-most-once requests that got the stored response.
    pub replayed: u64,
    /// Stored responses of at-most-once requests that were evicted early because their memory was
    /// full. A later duplicate runs the method again.
    pub evicted: u64,
    /// Running frames that were sent in response to duplicates of a request whose handler is still
    /// running.
    pub running_sent: u64,
    /// Memory that stored responses and the records of running requests take now, in bytes.
    pub stored_bytes: u64,
    /// Async handlers that are running now.
    pub running: u64,
    /// Handlers of `#[rpc(blocking)]` methods that run, or wait for a thread, now.
    pub blocking: u64,
}

/// The datagrams of an endpoint's socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatagramStats {
    /// Datagrams that were received, including dropped ones.
    pub received: u64,
    /// Datagrams that the socket accepted.
    pub sent: u64,
    /// Reports that a destination is unreachable, including reports that belong to no call.
    pub unreachable: u64,
    /// Errors of receiving. None of them ends the endpoint.
    pub receive_errors: u64,
}

/// The sessions that peers hold at an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Members now, in all pools.
    pub members: u64,
    /// Peers that wait in line now.
    pub waiting: u64,
    /// Peers that have become members.
    pub joined: u64,
    /// Members whose sessions have ended.
    pub ended: u64,
    /// Requests to join, or to keep a session from a new address, whose peers had to show first
    /// that they receive at their addresses.
    pub challenged: u64,
    /// Requests to keep a session or to leave it that named no known session: forged, or of a peer
    /// that was away for long. They change nothing.
    pub unknown: u64,
}

impl Stats {
    /// Returns the number of datagrams dropped for a reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Returns the number of datagrams dropped for any reason.
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
            .field("sessions", &self.sessions)
            .field("dropped", &Dropped(self))
            .finish()
    }
}

/// Prints the reasons with drops, and their counts.
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
