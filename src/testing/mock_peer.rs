use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rpcudp_transport::sim::Network;
use tokio::runtime::Handle;

use super::fault::{Fault, Faults};
use crate::builder::Builder;
use crate::client::Client;
use crate::client::refusal::Refusal;
use crate::endpoint::Endpoint;
use crate::lock::Lock;
use crate::server::service::Service;

/// A peer in memory that serves any implementation of a contract, for unit tests of code that takes
/// a generated client.
///
/// It needs no socket, and no time passes in a call. It works in every tokio runtime with a timer,
/// as that of `#[tokio::test]`, with a paused clock or not. The peer is an endpoint that its
/// clients call through itself. So [`Context::sender`](crate::Context::sender) is the peer's own
/// address, and a handler that calls its caller back reaches the peer's services.
///
/// A oneway call ends when its request is sent; the handler runs when the test awaits something
/// else, such as a sleep of a millisecond or the next call.
///
/// A clone is another handle to the same peer. The peer lives until its last handle and its last
/// client are dropped.
///
/// ```
/// use rpcudp::testing::MockPeer;
/// use rpcudp::{CallError, rpc_service};
///
/// #[rpc_service]
/// trait Bank {
///     #[rpc(at_most_once)]
///     async fn withdraw(&self, cents: u64) -> Result<u64, String>;
/// }
///
/// /// The code under test.
/// async fn pay(bank: &BankClient, cents: u64) -> String {
///     match bank.withdraw(cents).await {
///         Ok(left) => format!("paid, {left} cents are left"),
///         Err(CallError::Application(reason)) => format!("not paid: {reason}"),
///         Err(_) => "try again later".into(),
///     }
/// }
///
/// struct RichBank;
///
/// impl Bank for RichBank {
///     async fn withdraw(&self, cents: u64) -> Result<u64, String> {
///         1_000_u64.checked_sub(cents).ok_or_else(|| "too much".into())
///     }
/// }
///
/// // In a test: #[tokio::test]
/// # #[tokio::main(flavor = "current_thread")]
/// async fn pays_if_there_is_enough() {
///     let bank: BankClient = MockPeer::new(BankServer::new(RichBank)).client();
///     assert_eq!(pay(&bank, 300).await, "paid, 700 cents are left");
///     assert_eq!(pay(&bank, 2_000).await, "not paid: too much");
/// }
/// # pays_if_there_is_enough();
/// ```
///
/// # Errors of calls
///
/// | a call ends with | if the test |
/// | --- | --- |
/// | `Application(E)` | returns `Err` from the method |
/// | `Timeout` | calls [`drop_requests`](Self::drop_requests), or awaits `std::future::pending` in an async method. With `#[tokio::test(start_paused = true)]` the timeout passes at once |
/// | `Refused` | calls [`refuse_requests`](Self::refuse_requests), or panics in the method |
/// | `Unreachable` | calls another address: `client.with_peer(addr)` |
/// | `Closed` | closes the endpoint: `peer.endpoint().close(Duration::ZERO)` |
/// | `TooLarge`, `TooManyCalls` | sets a limit: [`with_builder`](Self::with_builder) |
///
/// A single method may fail, wait or panic depending on the state of the implementation. For lost
/// and delayed datagrams, and for several peers, use [`sim`](crate::sim).
#[derive(Clone)]
pub struct MockPeer {
    endpoint: Endpoint,
    fault: Arc<Lock<Option<Fault>>>,
}

impl MockPeer {
    /// Starts a peer that serves this implementation of a contract.
    ///
    /// # Panics
    ///
    /// Outside the context of a tokio runtime with its timer enabled. A test outside async code
    /// enters a runtime of several threads first (`Runtime::enter`), and ends its calls with
    /// [`Call::wait`](crate::Call::wait).
    #[track_caller]
    pub fn new(service: impl Service) -> Self {
        Self::with_builder(Endpoint::builder().serve(service))
    }

    /// Starts a peer with several services, or with limits for the calls of its clients.
    ///
    /// ```
    /// # use rpcudp::testing::MockPeer;
    /// # use rpcudp::{CallError, Endpoint, rpc_service};
    /// # #[rpc_service]
    /// # trait Log {
    /// #     fn append(&self, line: &str);
    /// # }
    /// # struct Lines;
    /// # impl Log for Lines {
    /// #     fn append(&self, _: &str) {}
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let peer = MockPeer::with_builder(Endpoint::builder().serve(LogServer::new(Lines)).max_request_len(100));
    /// let log: LogClient = peer.client();
    /// assert!(matches!(log.append(&"x".repeat(100)).await, Err(CallError::TooLarge { .. })));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new), and if two services have a method with the same wire name.
    #[track_caller]
    pub fn with_builder(builder: Builder) -> Self {
        if Handle::try_current().is_err() {
            panic!("a `MockPeer` needs a tokio runtime: start it in `#[tokio::test]`, or within `Runtime::enter`");
        }
        let fault = Arc::<Lock<Option<Fault>>>::default();
        let current = Arc::clone(&fault);
        #[cfg(feature = "secure")]
        let builder = builder.with_any_identity();
        let builder = builder.wrap_middleware(|inner| Box::new(Faults { current, inner }));
        let network = Network::new(0);
        network.return_undeliverable(true);
        let node =
            network.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 7000))).expect("a new network has free addresses");
        match builder.bind_transport(node) {
            Ok(endpoint) => Self { endpoint, fault },
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns a client that calls this peer.
    #[must_use]
    pub fn client<C: Client>(&self) -> C {
        C::new(&self.endpoint, self.addr())
    }

    /// Returns a client that calls this peer over a link, for methods that need one. Its key is
    /// pinned.
    ///
    /// The peer has the identity of its builder, or a new one. Since its endpoint also makes the
    /// calls, the key of the caller is the same ([`Endpoint::peer_id`]).
    ///
    /// ```
    /// use rpcudp::testing::MockPeer;
    /// use rpcudp::{SecureContext, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Notes {
    ///     fn owner(&self, cx: &SecureContext) -> String;
    /// }
    ///
    /// struct Files;
    ///
    /// impl Notes for Files {
    ///     fn owner(&self, cx: &SecureContext) -> String {
    ///         cx.peer_id().to_string()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let peer = MockPeer::new(NotesServer::new(Files));
    /// let notes: NotesClient = peer.secure_client();
    /// assert_eq!(Some(notes.owner().await?.parse()?), peer.endpoint().peer_id());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    #[must_use]
    pub fn secure_client<C: Client>(&self) -> C {
        let peer_id = self.endpoint.peer_id().expect("the builder of a mock peer has an identity");
        C::secure(&self.endpoint, self.addr(), peer_id)
    }

    /// Returns the address of the peer: `127.0.0.1:7000`, on a network of its own.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.endpoint.local_addr()
    }

    /// Returns the endpoint, which both serves and makes the calls of the clients. Its
    /// [`stats`](Endpoint::stats) count both.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Drops requests from now on, as a silent peer: calls end with
    /// [`CallError::Timeout`](crate::CallError::Timeout). Oneway calls succeed, and do nothing.
    pub fn drop_requests(&self) {
        self.set_fault(Some(Fault::Silence));
    }

    /// Refuses requests for this reason from now on: calls end with
    /// [`CallError::Refused`](crate::CallError::Refused). Oneway calls succeed, and do nothing. In
    /// the dialect [`Storj`](crate::Dialect::Storj), which has no refusals, calls time out.
    ///
    /// A call that [waits for its peer](crate::Call::wait_for_ready) outlasts `Busy` and `Closing`,
    /// if the peer [serves](Self::serve_requests) again within the timeout.
    ///
    /// ```
    /// # use rpcudp::rpc_service;
    /// # #[rpc_service]
    /// # trait Clock {
    /// #     fn hour(&self) -> u8;
    /// # }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// # }
    /// use rpcudp::testing::MockPeer;
    /// use rpcudp::{CallError, Refusal};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let peer = MockPeer::new(ClockServer::new(Noon));
    /// let clock: ClockClient = peer.client();
    /// peer.refuse_requests(Refusal::Busy);
    /// assert!(matches!(clock.hour().await, Err(CallError::Refused { reason: Refusal::Busy, .. })));
    ///
    /// let call = tokio::spawn(clock.hour().wait_for_ready());
    /// tokio::time::sleep(Duration::from_secs(1)).await;
    /// peer.serve_requests();
    /// assert_eq!(call.await??, 12);
    /// # Ok(())
    /// # }
    /// ```
    pub fn refuse_requests(&self, reason: Refusal) {
        self.set_fault(Some(Fault::Refusal(reason)));
    }

    /// Serves requests again, after [`drop_requests`](Self::drop_requests) or
    /// [`refuse_requests`](Self::refuse_requests).
    pub fn serve_requests(&self) {
        self.set_fault(None);
    }

    fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock() = fault;
    }
}

impl fmt::Debug for MockPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = self.fault.lock().clone();
        f.debug_struct("MockPeer").field("addr", &self.addr()).field("fault", &fault).finish_non_exhaustive()
    }
}
