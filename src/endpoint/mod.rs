pub(crate) mod close;
pub(crate) mod close_guard;
pub(crate) mod config;
pub(crate) mod handlers;
pub(crate) mod lifecycle;
pub(crate) mod send_queue;
pub(crate) mod send_queues;
pub(crate) mod shared;

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rpcudp_core::Stats;
use rpcudp_core::contract::Contract;

use crate::endpoint::shared::Shared;
use crate::introspection::query::{ContractQuery, Differences};
use crate::{Bind, Builder, Close};

/// A socket that both calls and answers.
///
/// A clone is another handle to the same endpoint. It works as long as there is one: clients and calls have theirs, so
/// that an endpoint may be dropped while its clients are used. Dropping the last one closes it at once: a program that
/// serves keeps one, and waits for [`closed`](Self::closed) or for its own end.
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

/// What all handles of an endpoint share, and which closes it when the last of them is dropped.
pub(crate) struct Handle {
    shared: Arc<Shared>,
}

impl Endpoint {
    /// A handle, the same as the others if there are any.
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let handle = shared.handle().upgrade().unwrap_or_else(|| {
            let handle = Arc::new(Handle { shared: Arc::clone(shared) });
            shared.set_handle(Arc::downgrade(&handle));
            handle
        });
        Self { handle }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Binds an endpoint that only calls; port 0 takes a free port. `.await` it, or [`Bind::wait`] outside async code.
    ///
    /// Short for [`Endpoint::builder()`](Self::builder)[`.bind(addr)`](Builder::bind).
    pub fn bind(addr: impl ToSocketAddrs) -> Bind {
        Self::builder().bind(addr)
    }

    /// Starts an endpoint that serves something or behaves in its own way.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The address that the endpoint is bound to, with the port that it got; the IP is unspecified where it is bound to
    /// all of them.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared().local_addr
    }

    /// What the endpoint has done so far.
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

    /// Asks a peer for the contracts of the services that it tells of ([`Builder::serve_described`]): `.await` it, or
    /// [`ContractQuery::wait`] outside async code.
    ///
    /// ```
    /// # #[rpcudp::rpc_service]
    /// # trait Clock {
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
    /// # let server = rpcudp::Endpoint::builder().serve_described(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    /// # let peer = server.local_addr();
    /// let endpoint = rpcudp::Endpoint::bind("127.0.0.1:0").await?;
    /// for contract in endpoint.describe(peer).await? {
    ///     println!("{contract}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What comes is the peer's word, checked as far as it goes: names are names, types have balanced brackets and no
    /// comments, and nothing in it moves a terminal's cursor. At most 1 MiB and 16,384 methods or
    /// pieces of documentation are read.
    ///
    /// Each page of 1,200 bytes is a call, which is sent again until it is answered. The first waits as long as the
    /// endpoint's calls do, and all together at most twelve times as long, a minute by default. It ends with
    /// [`Refused`](crate::CallError::Refused) and [`UnknownMethod`](crate::Refusal::UnknownMethod) where the peer does not
    /// tell, or with [`Timeout`](crate::CallError::Timeout) if it is a Python peer, and with
    /// [`Decode`](crate::CallError::Decode) where what it says is no description.
    pub fn describe(&self, peer: SocketAddr) -> ContractQuery<Vec<Contract>> {
        ContractQuery::describe(self, peer)
    }

    /// Asks a peer whether it serves what this contract says, without fetching its own: `.await` it, or [`ContractQuery::wait`]
    /// outside async code.
    ///
    /// [Fingerprints](crate::contract::Method::fingerprint) of methods are compared, so that methods which the contract does
    /// not have do not matter. A method that differs may serve a caller all the same, as one with another optional argument
    /// does: `describe` says how it differs.
    ///
    /// ```
    /// use rpcudp::{Endpoint, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self) -> u8;
    /// }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Endpoint::builder().serve_described(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    /// # let peer = server.local_addr();
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let differences = endpoint.compare(peer, ClockClient::CONTRACT).await?;
    /// assert!(differences.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It ends as [`describe`](Self::describe) does.
    pub fn compare(&self, peer: SocketAddr, contract: &Contract) -> ContractQuery<Differences> {
        ContractQuery::compare(self, peer, contract)
    }

    /// Closes the endpoint: `.await` it, or [`Close::wait`] outside async code. Asks at once, awaited or not.
    ///
    /// Requests are refused from now on. Handlers that run may finish and answer for up to `grace`, and may call others
    /// meanwhile; then they are stopped. In the end every call that still waits ends with
    /// [`CallError::Closed`](crate::CallError::Closed), the services are dropped and the address is free.
    ///
    /// A handler may close its own endpoint; one that waits for the end of that waits for itself, until the grace has passed.
    pub fn close(&self, grace: Duration) -> Close {
        self.shared().close(grace);
        self.closed()
    }

    /// Waits until the endpoint is closed, without closing it: what a program does that only serves.
    ///
    /// This keeps no handle: an endpoint whose last handle is dropped is closed.
    pub fn closed(&self) -> Close {
        Close::new(Arc::clone(self.shared()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // One that is closing keeps the grace that it was given.
        if !self.shared.lifecycle.is_closing() {
            self.shared.close(Duration::ZERO);
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("local_addr", &self.local_addr()).finish_non_exhaustive()
    }
}
