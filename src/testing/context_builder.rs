use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rpcudp_core::{MessageId, Metadata};
use rpcudp_transport::sim::Network;
use rpcudp_transport::{Transport, canonical};
use tokio::runtime::{self, Handle, Runtime};

use crate::clock::{later, now};
use crate::endpoint::Endpoint;
use crate::endpoint::config::Config;
use crate::endpoint::handlers::running_handler::RunningHandler;
use crate::endpoint::lifecycle::Lifecycle;
use crate::endpoint::shared::Shared;
#[cfg(feature = "secure")]
use crate::links::linked_peer::LinkedPeer;
use crate::server::context::Context;
use crate::session::roster::member::{Data, Member};
use crate::session::roster::session_id::{Credential, SessionId};

/// The builder of a [`Context`] for a unit test.
///
/// Made by [`Context::for_test`].
#[must_use = "a context is made by `build`"]
#[derive(Clone, Debug)]
pub struct ContextBuilder {
    endpoint: Option<Endpoint>,
    sender: SocketAddr,
    local_addr: SocketAddr,
    message_id: Option<MessageId>,
    remaining: Option<Duration>,
    is_cancelled: bool,
    metadata: Metadata,
    #[cfg(feature = "secure")]
    peer_id: Option<crate::PeerId>,
    /// The data of the caller's session.
    session: Option<Data>,
}

impl Context {
    /// Returns a builder of a context, for a unit test of a handler. It needs no endpoint, no
    /// network and no runtime.
    ///
    /// Without settings, the sender is `192.0.2.1:7000`, which no host has, the request was sent to
    /// `192.0.2.2:7000`, each context has a message id of its own, and the caller sent no deadline.
    /// The endpoint is closed: calls that a handler makes through the context end with
    /// [`CallError::Closed`](crate::CallError::Closed), unless
    /// [`ContextBuilder::endpoint`] sets another.
    ///
    /// ```
    /// use rpcudp::{Context, rpc_service};
    /// use std::time::Duration;
    ///
    /// #[rpc_service]
    /// trait Greeter {
    ///     fn sayhi(&self, cx: &Context, name: &str) -> String;
    ///     async fn lookup(&self, cx: &Context, key: &[u8]) -> Option<Vec<u8>>;
    /// }
    ///
    /// struct Hello;
    ///
    /// impl Greeter for Hello {
    ///     fn sayhi(&self, cx: &Context, name: &str) -> String {
    ///         format!("Hello {name} you live at {}", cx.sender())
    ///     }
    ///     async fn lookup(&self, cx: &Context, key: &[u8]) -> Option<Vec<u8>> {
    ///         // Searches only if the caller waits for long enough.
    ///         let waits = cx.remaining().is_none_or(|remaining| remaining > Duration::from_secs(1));
    ///         waits.then(|| key.to_vec())
    ///     }
    /// }
    ///
    /// // In a test: #[test]
    /// fn greets_with_the_address() {
    ///     let cx = Context::for_test().sender(([10, 0, 0, 7], 9000).into()).build();
    ///     assert_eq!(Hello.sayhi(&cx, "Snake"), "Hello Snake you live at 10.0.0.7:9000");
    /// }
    /// # greets_with_the_address();
    ///
    /// // In a test: #[tokio::test]
    /// # #[tokio::main(flavor = "current_thread")]
    /// async fn does_not_search_for_a_caller_in_a_hurry() {
    ///     let cx = Context::for_test().remaining(Duration::from_millis(100)).build();
    ///     assert_eq!(Hello.lookup(&cx, b"key").await, None);
    /// }
    /// # does_not_search_for_a_caller_in_a_hurry();
    /// ```
    pub fn for_test() -> ContextBuilder {
        ContextBuilder {
            endpoint: None,
            sender: SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 7000)),
            local_addr: SocketAddr::from((Ipv4Addr::new(192, 0, 2, 2), 7000)),
            message_id: None,
            remaining: None,
            is_cancelled: false,
            metadata: Metadata::new(),
            #[cfg(feature = "secure")]
            peer_id: None,
            session: None,
        }
    }
}

impl ContextBuilder {
    /// Sets the address of the caller: [`Context::sender`].
    pub fn sender(mut self, sender: SocketAddr) -> Self {
        self.sender = canonical(sender);
        self
    }

    /// Sets the address that the request was sent to: [`Context::local_addr`]. No effect together
    /// with [`endpoint`](Self::endpoint), which has an address.
    pub fn local_addr(mut self, local_addr: SocketAddr) -> Self {
        self.local_addr = canonical(local_addr);
        self
    }

    /// Sets the message id: [`Context::message_id`]. Default: a new one for each context, as for
    /// requests that are not duplicates.
    pub fn message_id(mut self, message_id: MessageId) -> Self {
        self.message_id = Some(message_id);
        self
    }

    /// Sets the time that the caller waits, from [`build`](Self::build) on:
    /// [`Context::remaining`]. Default: `None`, as for a request from Python.
    pub fn remaining(mut self, remaining: Duration) -> Self {
        self.remaining = Some(remaining);
        self
    }

    /// Cancels the request on behalf of the caller: [`Context::is_cancelled`] and
    /// [`Context::cancelled`]. Default: it is not cancelled.
    ///
    /// ```
    /// let cx = rpcudp::Context::for_test().cancelled().build();
    /// assert!(cx.is_cancelled());
    /// ```
    pub fn cancelled(mut self) -> Self {
        self.is_cancelled = true;
        self
    }

    /// Adds a text that the caller sent beside the arguments: [`Context::metadata`]. Default: none,
    /// as for a request from Python.
    ///
    /// ```
    /// let cx = rpcudp::Context::for_test().metadata("tenant", "acme").build();
    /// assert_eq!(cx.metadata("tenant"), Some("acme"));
    /// ```
    ///
    /// # Panics
    ///
    /// If no call can send the text: [`Call::metadata`](crate::Call::metadata) has the limits.
    #[track_caller]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        if let Err(error) = self.metadata.set(key, value) {
            panic!("{key:?} cannot travel in the metadata: {error}");
        }
        self
    }

    /// Gives the caller a session with this data, for [`Context::session`], which has an example.
    /// Default: the caller has none.
    pub fn session<T: Send + Sync + 'static>(mut self, data: T) -> Self {
        self.session = Some(Arc::new(data));
        self
    }

    /// Sets the endpoint that received the request, for handlers that make calls through the
    /// context. Default: a closed endpoint.
    ///
    /// ```
    /// use rpcudp::testing::MockPeer;
    /// use rpcudp::{Context, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Peer {
    ///     fn name(&self) -> String;
    ///     async fn welcome(&self, cx: &Context) -> String;
    /// }
    ///
    /// struct Node(&'static str);
    ///
    /// impl Peer for Node {
    ///     fn name(&self) -> String {
    ///         self.0.into()
    ///     }
    ///     async fn welcome(&self, cx: &Context) -> String {
    ///         let caller = PeerClient::new(cx, cx.sender());
    ///         caller.name().await.map_or("Welcome, stranger".into(), |name| format!("Welcome, {name}"))
    ///     }
    /// }
    ///
    /// // In a test: #[tokio::test]
    /// # #[tokio::main(flavor = "current_thread")]
    /// async fn asks_the_caller_for_its_name() {
    ///     let caller = MockPeer::new(PeerServer::new(Node("Ada")));
    ///     let cx = Context::for_test().endpoint(caller.endpoint()).sender(caller.addr()).build();
    ///     assert_eq!(Node("Bob").welcome(&cx).await, "Welcome, Ada");
    ///
    ///     assert_eq!(Node("Bob").welcome(&Context::for_test().build()).await, "Welcome, stranger");
    /// }
    /// # asks_the_caller_for_its_name();
    /// ```
    pub fn endpoint(mut self, endpoint: &Endpoint) -> Self {
        self.endpoint = Some(endpoint.clone());
        self
    }

    /// Sets the key that the sender has proven ([`Context::peer_id`]). Default: none, as of a
    /// request over the plain wire.
    ///
    /// ```
    /// use rpcudp::{Context, Identity};
    ///
    /// let alice = Identity::generate().peer_id();
    /// let cx = Context::for_test().peer_id(alice).build();
    /// assert_eq!(cx.peer_id(), Some(alice));
    /// ```
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    pub fn peer_id(mut self, peer_id: crate::PeerId) -> Self {
        self.peer_id = Some(peer_id);
        self
    }

    /// Returns the context.
    ///
    /// Like the context of a request, it keeps the endpoint's state in memory, but not the endpoint
    /// open.
    #[must_use]
    pub fn build(self) -> Context {
        let shared = match &self.endpoint {
            Some(endpoint) => Arc::clone(endpoint.shared()),
            None => closed(self.local_addr),
        };
        let handler = Arc::new(RunningHandler::default());
        if self.is_cancelled {
            handler.cancel();
        }
        Context {
            shared,
            socket: 0,
            sender: self.sender,
            local: self.endpoint.is_none().then(|| self.local_addr.ip()),
            id: self.message_id.unwrap_or_else(new_message_id),
            deadline: self.remaining.map(|remaining| later(now(), remaining)),
            handler: Some(handler),
            session: self.session.map(|data| {
                let credential = Credential { id: SessionId(1), key: 0 };
                let member = Member::new(credential, "".into(), self.sender, None);
                member.set_data(data);
                member
            }),
            metadata: (!self.metadata.is_empty()).then(|| Arc::new(self.metadata)),
            #[cfg(feature = "secure")]
            link: self.peer_id.map(|peer_id| Arc::new(LinkedPeer::new(None, peer_id, self.sender, true))),
            #[cfg(not(feature = "secure"))]
            link: None,
        }
    }
}

/// Returns the state of an endpoint that is closed.
fn closed(local_addr: SocketAddr) -> Arc<Shared> {
    let lifecycle = Arc::new(Lifecycle::default());
    lifecycle.set_closed();
    let node = Network::new(0).bind(local_addr).or_else(|_| Network::new(0).bind((Ipv4Addr::LOCALHOST, 0)));
    let transport: Arc<dyn Transport> = Arc::new(node.expect("an address of a new network is free"));
    let shared = Shared::new(&[transport], lifecycle, Config::default(), runtime());
    shared.calls.close();
    shared
}

/// Returns the current runtime, or one that runs nothing: a closed endpoint starts no task.
fn runtime() -> Handle {
    static IDLE: LazyLock<Runtime> = LazyLock::new(|| {
        runtime::Builder::new_current_thread().build().expect("a runtime without drivers can be built")
    });
    Handle::try_current().unwrap_or_else(|_| IDLE.handle().clone())
}

fn new_message_id() -> MessageId {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let number = u128::from(COUNT.fetch_add(1, Ordering::Relaxed));
    MessageId::without_slot(number.to_be_bytes())
}
