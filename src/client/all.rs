use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::vec;

use rpcudp_core::contract::Delivery;

use super::call::Call;
use super::call_result::Decode;
use super::detour::{Timer, Wait};
use super::error::CallError;
use super::no_error::NoError;
use super::pending::PendingCall;
use super::target::{GroupTarget, Target};
use crate::calls::collector::Collector;
use crate::clock::{later, now};

/// A call to all peers of a group: a stream of the peers' results, in the order of their arrival.
/// Returned by [`Call::all`].
///
/// The first poll decides about the peers: all of the group, also the ejected ones. An empty group
/// gives no result. Each peer gets the same request, which is encoded once, and ends as a call to
/// that peer alone does. 64 of them are in flight at once.
///
/// # Multicast and broadcast
///
/// A client whose peer is a multicast address or `255.255.255.255` sends one request, which reaches
/// all members of the multicast group, or all hosts of the network that have the port. The stream
/// gives the response of each, by the address that it comes from, until the window ends: that of
/// [`within`](Self::within), or the call's timeout. Peers that do not respond give no result. The
/// request is never retransmitted, so a peer that it does not reach is missing. Peers of this crate
/// wait for a random part of half of the window before they respond ([`spread`](Self::spread)), and
/// do not respond at all if they do not have the method. At most 4,096 peers are heard, each once.
///
/// Any host that sees the request can respond, under any number of addresses: a result is as
/// trustworthy as the network.
///
/// The socket must be allowed to send to a broadcast address
/// ([`UdpOptions::broadcast`](crate::UdpOptions::broadcast)), and a server joins a multicast group
/// with [`UdpOptions::join_multicast_v4`](crate::UdpOptions::join_multicast_v4):
///
/// ```
/// use std::net::Ipv4Addr;
/// use std::time::Duration;
///
/// use rpcudp::{Endpoint, UdpOptions, rpc_service};
///
/// #[rpc_service]
/// trait Printer {
///     fn name(&self) -> String;
/// }
///
/// struct Hall;
///
/// impl Printer for Hall {
///     fn name(&self) -> String {
///         "the printer in the hall".into()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let group = Ipv4Addr::new(239, 1, 2, 3);
/// // On a real network: the address of an interface, or `Ipv4Addr::UNSPECIFIED` for the default.
/// let interface = Ipv4Addr::LOCALHOST;
/// let udp = UdpOptions::default().join_multicast_v4(group, interface);
/// let printer = Endpoint::builder().udp(udp).serve(PrinterServer::new(Hall)).bind("0.0.0.0:0").await?;
///
/// let udp = UdpOptions::default().multicast_interface_v4(interface);
/// let endpoint = Endpoint::builder().udp(udp).bind("0.0.0.0:0").await?;
/// let printers = PrinterClient::new(&endpoint, (group, printer.local_addr().port()).into());
/// let mut all = printers.name().all().within(Duration::from_millis(100));
/// while let Some((peer, result)) = all.next().await {
///     println!("{peer}: {}", result?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// No result is lost if the future of [`next`](Self::next) is dropped. Dropping the stream drops
/// its calls in flight. A multicast request is followed by one cancel frame, after which peers that
/// have not responded do not.
#[must_use = "the peers are called when the first result is awaited"]
pub struct All<T, E = NoError> {
    pub(super) call: PendingCall,
    pub(super) decode: Decode<T, E>,
    limit: usize,
    pub(super) window: Option<Duration>,
    pub(super) spread: Option<Duration>,
    pub(super) is_broadcast: bool,
    pub(super) progress: Progress,
    in_flight: Vec<Call<T, E>>,
    pub(super) ended: VecDeque<PeerResult<T, E>>,
}

/// A peer, and its result.
pub(super) type PeerResult<T, E> = (SocketAddr, Result<T, CallError<E>>);

/// The peers that are still to be called.
pub(super) enum Progress {
    /// The stream has not been polled.
    Ready,
    /// The source of the group has not reported anything yet.
    Waits(Box<(Wait, Timer, Instant)>),
    /// The other peers, and the end of the window.
    Started(vec::IntoIter<Target>, Option<Instant>),
    /// One request is in flight to all peers, of which this many have responded.
    Multicast { response_count: usize },
}

impl Progress {
    /// Returns the progress of a stream that calls no other peer.
    pub(super) fn over() -> Self {
        Self::Started(Vec::new().into_iter(), None)
    }
}

impl<T, E, D> Call<T, E, D> {
    /// Calls all peers of the group, and returns a stream of their results.
    ///
    /// [`All::within`] bounds the time of all of them together; [`All::quorum`] waits for a value
    /// that several agree on. A client of one peer calls that peer, and one of a multicast or
    /// broadcast address [all peers that it reaches](All#multicast-and-broadcast).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpcudp::rpc_service;
    ///
    /// #[rpc_service]
    /// trait Sensor {
    ///     #[rpc(at_least_once)]
    ///     fn celsius(&self) -> f64;
    /// }
    ///
    /// async fn print(sensors: &SensorClient) {
    ///     let mut all = sensors.celsius().all().within(Duration::from_millis(500));
    ///     while let Some((peer, result)) = all.next().await {
    ///         match result {
    ///             Ok(celsius) => println!("{peer}: {celsius} degrees"),
    ///             Err(error) => println!("{error}"),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the call was polled before.
    pub fn all(self) -> All<T, E> {
        let Self { pending, decode, .. } = self;
        assert!(pending.is_ready(), "a call was polled before `all`");
        let progress = Progress::Ready;
        let (limit, window, spread) = (All::<T, E>::DEFAULT_LIMIT, None, None);
        let (in_flight, ended) = (Vec::new(), VecDeque::new());
        All { call: pending, decode, limit, window, spread, is_broadcast: false, progress, in_flight, ended }
    }
}

impl<T, E> All<T, E> {
    /// Calls in flight at once. As many responses of 1,200 bytes fit into the receive buffer of a
    /// socket with the smallest default.
    const DEFAULT_LIMIT: usize = 64;

    /// The resolution of the endpoint's timers.
    const RESOLUTION: Duration = Duration::from_millis(1);

    /// Sets the time of all calls together, from the first poll. Default: each call has its own
    /// timeout.
    ///
    /// A peer that has not responded by then ends with [`CallError::Timeout`].
    pub fn within(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// Sets the number of calls in flight at once, at least one. Default: 64.
    pub fn concurrency(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Sets the time over which the peers that a multicast or broadcast request reaches spread
    /// their responses. Default: half of the window. A peer waits 5 s at most.
    ///
    /// A thousand peers that respond at once fill the receive buffer of a socket with a small
    /// default. With a few peers, or with zero, responses arrive earlier. No effect on other calls.
    pub fn spread(mut self, window: Duration) -> Self {
        self.spread = Some(window);
        self
    }

    /// Treats the address of the client as the broadcast address of a network, such as
    /// `192.168.1.255`, which the address itself does not show. No effect on a client of a group.
    pub fn broadcast(mut self) -> Self {
        self.is_broadcast = true;
        self
    }

    /// Waits for the next result. Returns `None` after the last.
    pub async fn next(&mut self) -> Option<(SocketAddr, Result<T, CallError<E>>)> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next result, as the `Stream` trait of the crate `futures` does. Ready with
    /// `None` after the last.
    #[expect(clippy::type_complexity, reason = "a name for the type would hide the parts that a caller matches")]
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(SocketAddr, Result<T, CallError<E>>)>> {
        if !self.start(cx) {
            return Poll::Pending;
        }
        if self.is_multicast() {
            return self.poll_members(cx);
        }
        loop {
            if self.is_ahead_of_the_socket() {
                // The driver flushes before this task goes on.
                cx.waker().wake_by_ref();
                break;
            }
            self.call_more();
            let Self { in_flight, ended, .. } = self;
            in_flight.retain_mut(|call| match Pin::new(&mut *call).poll(cx) {
                Poll::Pending => true,
                Poll::Ready(result) => {
                    ended.push_back((call.pending.peer(), result));
                    false
                }
            });
            // Calls that end make room for others, which are sent before the caller takes a result.
            if self.in_flight.len() == self.limit || !self.has_rest() {
                break;
            }
        }
        if let Some(result) = self.ended.pop_front() {
            return Poll::Ready(Some(result));
        }
        if self.in_flight.is_empty() && !self.has_rest() { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Whether enough oneway requests are queued for a batch. They end when they are queued, so no
    /// limit of calls in flight holds them up.
    fn is_ahead_of_the_socket(&self) -> bool {
        let call = &self.call;
        call.spec.delivery == Delivery::OneWay && self.has_rest() && call.endpoint.shared().send_queues.has_flush_len()
    }

    /// Whether there are peers that were not called.
    fn has_rest(&self) -> bool {
        matches!(&self.progress, Progress::Started(rest, _) if rest.len() > 0)
    }

    /// Drops all calls in flight, and calls no other peer.
    pub(super) fn end(&mut self) {
        self.in_flight.clear();
        self.ended.clear();
        self.call.end_early();
        self.progress = Progress::over();
    }

    /// Returns the number of peers without a result, or the largest possible one if it is unknown.
    /// `None` before the first poll.
    pub(super) fn outstanding(&self) -> Option<usize> {
        match &self.progress {
            Progress::Started(rest, _) => Some(rest.len() + self.in_flight.len() + self.ended.len()),
            Progress::Multicast { response_count } => Some(Collector::MAX_SOURCES.saturating_sub(*response_count)),
            Progress::Ready | Progress::Waits(_) => None,
        }
    }

    /// Decides about the peers at the first poll. Returns `false` while the group waits for the
    /// first news of its source.
    pub(super) fn start(&mut self, cx: &mut Context<'_>) -> bool {
        let started = match &self.progress {
            Progress::Started(..) | Progress::Multicast { .. } => return true,
            Progress::Waits(wait) => wait.2,
            Progress::Ready if self.is_multicast() => {
                self.start_multicast(cx);
                return true;
            }
            Progress::Ready => now(),
        };
        let targets = match &self.call.target {
            target @ (Target::Peer(_) | Target::Secure(_)) => vec![target.of_call()],
            Target::Group(_) => {
                if !self.call.view().group.is_known() && !self.is_over(started, cx) {
                    return false;
                }
                let target = |member| GroupTarget { member: Some(member), detour: None };
                let members = self.call.view().group.members().into_iter();
                members.map(|member| Target::Group(target(member))).collect()
            }
        };
        self.stop_waiting();
        self.progress = Progress::Started(targets.into_iter(), self.window.map(|window| later(started, window)));
        true
    }

    /// Waits for the first news of the group's source. Returns whether the wait is over.
    fn is_over(&mut self, started: Instant, cx: &mut Context<'_>) -> bool {
        let endpoint = Arc::clone(&self.call.endpoint);
        let (shared, group) = (endpoint.shared(), &endpoint.view().group);
        let limit = self.window.unwrap_or_else(|| self.call.timeout());
        if let Progress::Ready = self.progress {
            self.progress = Progress::Waits(Box::new((Wait::default(), Timer::default(), started)));
        }
        let Progress::Waits(waits) = &mut self.progress else { return true };
        let (wait, timer, _) = &mut **waits;
        wait.registration = Some(group.register(wait.registration, cx.waker().clone()));
        loop {
            // Also before the timer is polled, which needs the runtime.
            if group.is_known() || shared.calls.is_closed() {
                return true;
            }
            let at = now();
            if at.saturating_duration_since(started) >= limit {
                return true;
            }
            // Often enough to see that the endpoint has closed.
            if !timer.is_set() {
                timer.set(&shared.runtime, later(started, limit).min(at + Wait::FIRST_INTERVAL));
            }
            if timer.poll(cx).is_pending() {
                return false;
            }
        }
    }

    fn stop_waiting(&mut self) {
        if let Progress::Waits(waits) = &self.progress
            && let Some(registration) = waits.0.registration
        {
            self.call.view().group.unregister(registration);
        }
    }

    /// Makes calls up to the limit. They are sent when they are polled.
    fn call_more(&mut self) {
        let Self { call, decode, limit, window, progress, in_flight, ended, .. } = self;
        let Progress::Started(rest, end) = progress else { return };
        let at = now();
        while in_flight.len() < *limit {
            let Some(target) = rest.next() else { return };
            let mut fork = call.fork(target);
            if let (Some(end), Some(window)) = (*end, *window) {
                let remaining = end.saturating_duration_since(at);
                if remaining.is_zero() {
                    let (method, peer) = (call.spec.name, fork.peer());
                    ended.push_back((peer, Err(CallError::Timeout { method, peer, after: window, source: None })));
                    continue;
                }
                // Errors name the window, not the microseconds that are left of it.
                let remaining = if window.saturating_sub(remaining) < Self::RESOLUTION { window } else { remaining };
                fork.set_timeout(fork.timeout().min(remaining));
            }
            in_flight.push(Call::of_pending(fork, *decode));
        }
    }
}

impl<T, E> Drop for All<T, E> {
    fn drop(&mut self) {
        self.stop_waiting();
    }
}

impl<T, E> fmt::Debug for All<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("All").field("method", &self.call.spec.name).finish_non_exhaustive()
    }
}
