pub(crate) mod busy_poll;
pub(crate) mod close;
pub(crate) mod close_guard;
pub(crate) mod config;
pub(crate) mod cork;
pub(crate) mod handlers;
pub(crate) mod lifecycle;
pub(crate) mod send_queue;
pub(crate) mod send_queues;
pub(crate) mod shared;
pub(crate) mod weak;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rpcudp_core::Stats;
use rpcudp_transport::canonical;

use self::close::Close;
use self::cork::Cork;
use self::shared::{Handle, Shared};

/// A socket that both calls and serves.
///
/// Bind one with [`Endpoint::bind`] if it only calls, or with [`Endpoint::builder`] if it serves.
///
/// A clone is another handle to the same endpoint. Clients and calls hold handles of their own, so
/// an `Endpoint` may be dropped while its clients are in use. Dropping the last handle begins
/// to close the endpoint without a grace: a program that only serves keeps one and awaits
/// [`closed`](Self::closed) or its own end. The address is free when the future of
/// [`close`](Self::close) or [`closed`](Self::closed) has completed, a moment after the drop. A
/// service that needs its own endpoint holds a [`WeakEndpoint`](crate::WeakEndpoint).
///
/// ```
/// use rpcudp::Endpoint;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
/// assert_ne!(endpoint.local_addr().port(), 0);
/// # Ok(())
/// # }
/// ```
#[must_use = "an endpoint closes when its last handle is dropped"]
#[derive(Clone)]
pub struct Endpoint {
    handle: Arc<Handle>,
}

impl Endpoint {
    /// Returns a new handle.
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { handle: shared.handle() }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Returns the bound address with the actual port. The IP is unspecified if the endpoint is
    /// bound to all addresses of the host.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared().local_addr
    }

    /// Returns the endpoint's own key, by which peers pin it. `None` without a
    /// [`Builder::identity`](crate::Builder::identity).
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    #[must_use]
    pub fn peer_id(&self) -> Option<crate::PeerId> {
        self.shared().links.as_ref().map(|links| links.identity.peer_id())
    }

    /// Returns the counts of the endpoint's links. All are zero without an identity.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpcudp::{Endpoint, Identity};
    ///
    /// let endpoint = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await?;
    /// assert_eq!((endpoint.link_stats().up, endpoint.link_stats().failed), (0, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    #[must_use]
    pub fn link_stats(&self) -> crate::LinkStats {
        self.shared().link_counts()
    }

    /// Returns the statistics since the endpoint was bound.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = rpcudp::Endpoint::bind("127.0.0.1:0").await?;
    /// let stats = endpoint.stats();
    /// assert_eq!((stats.calls.started, stats.dropped_in_all()), (0, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared().stats()
    }

    /// Returns the smoothed round trip to a peer, without the time of its handlers, if the peer
    /// reports that. `None` if no call of a retransmitted method has measured it, or if 1,024 other
    /// peers have been measured since.
    ///
    /// ```
    /// # #[rpcudp::rpc_service]
    /// # trait Clock {
    /// #     #[rpc(at_least_once)]
    /// #     fn hour(&self) -> u8;
    /// # }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = rpcudp::Endpoint::builder().serve(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    /// # let peer = server.local_addr();
    /// let endpoint = rpcudp::Endpoint::bind("127.0.0.1:0").await?;
    /// assert_eq!(endpoint.round_trip(peer), None);
    /// ClockClient::new(&endpoint, peer).hour().await?;
    /// assert!(endpoint.round_trip(peer).is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn round_trip(&self, peer: SocketAddr) -> Option<Duration> {
        self.shared().calls.round_trip(canonical(peer))
    }

    /// Receives and handles the datagrams that have arrived, on the calling thread, and returns
    /// their number. Never waits.
    ///
    /// For a thread that had better look for a response for some microseconds than sleep and be
    /// woken, for example that of an event loop. The calls that the datagrams complete are woken,
    /// and sync methods run, before this returns.
    ///
    /// 0 if no datagram has arrived, if the endpoint's driver is running on another thread, if the
    /// endpoint has several sockets, or without [`Builder::busy_poll`](crate::Builder::busy_poll).
    ///
    /// ```
    /// use std::future::Future;
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    /// use std::thread::yield_now;
    /// use std::time::{Duration, Instant};
    ///
    /// use rpcudp::{DynamicMethod, Endpoint};
    ///
    /// # #[rpcudp::rpc_service]
    /// # trait Echo {
    /// #     fn echo(&self, text: String) -> String;
    /// # }
    /// # struct Echoing;
    /// # impl Echo for Echoing {
    /// #     fn echo(&self, text: String) -> String {
    /// #         text
    /// #     }
    /// # }
    /// # let server = Endpoint::builder().serve(EchoServer::new(Echoing)).bind("127.0.0.1:0").wait()?;
    /// # let peer = server.local_addr();
    /// let endpoint = Endpoint::builder().busy_poll(true).bind("127.0.0.1:0").wait()?;
    /// let mut call = pin!(DynamicMethod::new("echo").call::<String>(&endpoint, peer, &["hello"]));
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let end = Instant::now() + Duration::from_secs(5);
    /// let result = loop {
    ///     if let Poll::Ready(result) = call.as_mut().poll(&mut cx) {
    ///         break result;
    ///     }
    ///     assert!(Instant::now() < end, "no response");
    ///     if endpoint.busy_poll() == 0 {
    ///         yield_now();
    ///     }
    /// };
    /// assert_eq!(result?, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn busy_poll(&self) -> usize {
        let driver = self.shared().polled_driver.get().and_then(Weak::upgrade);
        driver.map_or(0, |driver| driver.receive_now())
    }

    /// Holds back datagrams that the endpoint would queue, until the returned value is dropped, so
    /// that they leave with fewer system calls.
    ///
    /// For a thread outside the runtime that is about to make many calls: the endpoint cannot know
    /// that more will follow the first, and sends it at once. The first calls in flight, which
    /// their caller's thread sends, are not held back.
    ///
    /// The datagrams of all other callers are held back too, so a cork is meant for less than a
    /// millisecond. After that time it ends by itself.
    ///
    /// ```
    /// use std::future::Future;
    /// use std::pin::Pin;
    /// use std::task::{Context, Waker};
    ///
    /// use rpcudp::{Call, CallError, DynamicMethod, Endpoint};
    ///
    /// # #[rpcudp::rpc_service]
    /// # trait Echo {
    /// #     fn echo(&self, number: u32) -> u32;
    /// # }
    /// # struct Echoing;
    /// # impl Echo for Echoing {
    /// #     fn echo(&self, number: u32) -> u32 {
    /// #         number
    /// #     }
    /// # }
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Endpoint::builder().serve(EchoServer::new(Echoing)).bind("127.0.0.1:0").await?;
    /// # let peer = server.local_addr();
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let echo = DynamicMethod::new("echo");
    /// let mut calls: Vec<Call<u32>> = (0..100).map(|number| echo.call(&endpoint, peer, &[number])).collect();
    ///
    /// let cork = endpoint.cork();
    /// for call in &mut calls {
    ///     // The first poll sends the request.
    ///     let _ = Pin::new(call).poll(&mut Context::from_waker(Waker::noop()));
    /// }
    /// drop(cork);
    ///
    /// for (number, call) in (0..).zip(calls) {
    ///     assert_eq!(call.await?, number);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn cork(&self) -> Cork {
        Cork::new(self.shared())
    }

    /// Closes the endpoint. Takes effect at once; `.await` the returned [`Close`], or call
    /// [`Close::wait`] outside async code, to know when the endpoint is closed.
    ///
    /// The endpoint refuses requests from now on. Running handlers may finish, respond and make
    /// calls for up to `grace`, and are aborted after that. The last responses over links have a
    /// round trip of that time to arrive. Streams of the endpoint's methods go on for as long,
    /// until their last items have arrived; after that they end at both ends with
    /// `InflowError::Link(LinkEnd::Closed)` or `OutflowError::Closed`. The streams of its own calls
    /// are not waited for. At the end, every call in flight ends with
    /// [`CallError::Closed`](crate::CallError::Closed), the services are dropped and the address is
    /// free.
    ///
    /// A handler may close its own endpoint. If it also awaits the `Close`, it waits for itself
    /// until `grace` has passed.
    pub fn close(&self, grace: Duration) -> Close {
        self.shared().close(grace);
        self.closed()
    }

    /// Returns a future that completes when the endpoint is closed, without closing it. A program
    /// that only serves awaits it.
    ///
    /// The future holds no handle: if the last handle is dropped, the endpoint closes.
    pub fn closed(&self) -> Close {
        Close::new(Arc::clone(&self.shared().lifecycle))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("local_addr", &self.local_addr()).finish_non_exhaustive()
    }
}
