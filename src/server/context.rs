use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_core::{MessageId, Metadata};

use crate::client::as_endpoint::{AsEndpoint, sealed};
use crate::clock::now;
use crate::endpoint::Endpoint;
use crate::endpoint::handlers::running_handler::RunningHandler;
use crate::endpoint::shared::Shared;
use crate::links::linked_peer::LinkedPeer;
use crate::session::roster::member::Member;

/// The context of a request: its sender, its deadline, and the endpoint that received it.
///
/// A method that needs it has a parameter `cx: &Context`, which its callers do not see. A handler
/// can call its caller back:
///
/// ```
/// use rpcudp::{CallError, Context, rpc_service};
///
/// #[rpc_service]
/// trait Peer {
///     async fn greet(&self, cx: &Context) -> String;
///     fn name(&self) -> String;
/// }
///
/// struct Node(&'static str);
///
/// impl Peer for Node {
///     async fn greet(&self, cx: &Context) -> String {
///         let caller = PeerClient::new(cx, cx.sender());
///         match caller.name().await {
///             Ok(name) => format!("Hello {name}"),
///             Err(_) => "Hello stranger".into(),
///         }
///     }
///     fn name(&self) -> String {
///         self.0.into()
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bind = |name| rpcudp::Endpoint::builder().serve(PeerServer::new(Node(name))).bind("127.0.0.1:0").into_future();
/// # use std::future::IntoFuture;
/// # let (one, other) = (bind("one").await?, bind("other").await?);
/// # assert_eq!(PeerClient::new(&one, other.local_addr()).greet().await?, "Hello one");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Context {
    pub(crate) shared: Arc<Shared>,
    /// The index of the endpoint's socket that received the request.
    pub(crate) socket: u16,
    pub(crate) sender: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) id: MessageId,
    /// The time at which the caller stops waiting, if it sent one.
    pub(crate) deadline: Option<Instant>,
    /// The state of the handler, if it runs as a task.
    pub(crate) handler: Option<Arc<RunningHandler>>,
    /// The metadata, if the caller sent some.
    pub(crate) metadata: Option<Arc<Metadata>>,
    /// The peer at the other end of the link that the request came over.
    pub(crate) link: Option<Arc<LinkedPeer>>,
    /// The session of the caller, if the method requires one.
    pub(crate) session: Option<Member>,
}

impl Context {
    /// Returns the address under which the endpoint's tables keep the sender.
    pub(crate) fn source(&self) -> SocketAddr {
        LinkedPeer::source_of(self.link.as_ref(), self.sender)
    }

    /// Returns the source address of the request.
    ///
    /// A sender of UDP can claim any address. A response to one of our calls proves that the peer
    /// receives at its address. The sender of a request over a link has that address now, and may
    /// move.
    #[must_use]
    pub fn sender(&self) -> SocketAddr {
        self.sender
    }

    /// Returns the key that the sender has proven. `None` if the request came over the plain wire,
    /// whose senders prove nothing.
    ///
    /// ```
    /// use rpcudp::{Context, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Notes {
    ///     fn mine(&self, cx: &Context) -> Option<String>;
    /// }
    ///
    /// struct Files;
    ///
    /// impl Notes for Files {
    ///     fn mine(&self, cx: &Context) -> Option<String> {
    ///         let owner = cx.peer_id()?;
    ///         Some(format!("the notes of {owner}"))
    ///     }
    /// }
    /// ```
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    #[must_use]
    pub fn peer_id(&self) -> Option<crate::PeerId> {
        self.link.as_ref().map(|link| link.peer_id)
    }

    /// Returns the address that the request was sent to, if the system reports it, else the bound
    /// address. On a host with several addresses, the response leaves from it.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        let bound = self.shared.local_addr;
        SocketAddr::new(self.local.unwrap_or_else(|| bound.ip()), bound.port())
    }

    /// Returns the message id, which the caller chose. Duplicates of a request have the same id.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        self.id
    }

    /// Returns the caller's session, with its id and its data: in the pool that the method requires
    /// (`#[rpc(session)]`), else in the default pool. `None` if the caller has none. A request over
    /// a link belongs to the session that its key has joined over a link, and one over the plain
    /// wire to that of its address.
    ///
    /// A method that requires a session has one here, even if the session ends while the method
    /// runs.
    ///
    /// ```
    /// use rpcudp::{Context, rpc_service};
    ///
    /// struct Player {
    ///     name: String,
    /// }
    ///
    /// #[rpc_service]
    /// trait Lobby {
    ///     #[rpc(session)]
    ///     fn whoami(&self, cx: &Context) -> Option<String>;
    /// }
    ///
    /// struct Game;
    ///
    /// impl Lobby for Game {
    ///     fn whoami(&self, cx: &Context) -> Option<String> {
    ///         Some(cx.session()?.data::<Player>().name.clone())
    ///     }
    /// }
    ///
    /// let cx = Context::for_test().session(Player { name: "Ada".into() }).build();
    /// assert_eq!(Game.whoami(&cx).as_deref(), Some("Ada"));
    /// ```
    #[must_use]
    pub fn session(&self) -> Option<Member> {
        if let Some(session) = &self.session {
            return Some(session.clone());
        }
        let roster = self.shared.sessions.roster.get()?;
        let pool = roster.table().pool("")?;
        roster.sender(pool, self.sender, self.link.as_ref())
    }

    /// Returns a handle to the endpoint that received the request.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.shared)
    }

    /// Returns the time until the caller's deadline, or `None` if the caller sent none. Callers of
    /// this crate send one; Python's do not.
    ///
    /// The request's time on the network and in the receive buffer of the kernel is unknown, so the
    /// caller may stop waiting earlier. After a pause of the process (`SIGSTOP`, a laptop's sleep),
    /// the requests in that buffer may run although their callers wait no more. A client made
    /// [with this context](crate::Client::new) waits no longer than this.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(now()))
    }

    /// Returns a text that the caller sent beside the arguments, with
    /// [`Call::metadata`](crate::Call::metadata). `None` if it sent no value for the key. Python's
    /// callers send none.
    ///
    /// The caller chooses keys and values. Do not trust them more than an argument.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(key)
    }

    /// Completes when the caller's deadline passes; a response sent later is ignored. Never
    /// completes if the caller sent no deadline.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be dropped and called again.
    ///
    /// ```
    /// use rpcudp::{Context, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Search {
    ///     async fn search(&self, cx: &Context, text: String) -> Vec<String>;
    /// }
    ///
    /// struct Library;
    ///
    /// impl Search for Library {
    ///     async fn search(&self, cx: &Context, text: String) -> Vec<String> {
    ///         tokio::select! {
    ///             found = look_everywhere(text) => found,
    ///             () = cx.deadline_passed() => Vec::new(),
    ///         }
    ///     }
    /// }
    /// # async fn look_everywhere(text: String) -> Vec<String> { vec![text] }
    /// ```
    pub async fn deadline_passed(&self) {
        match self.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    }

    /// Returns whether the caller has cancelled the request: it dropped its call before the
    /// response arrived.
    ///
    /// Always `false` in a sync method, in a oneway method, and for a caller that sends no cancel
    /// frames, as [`cancelled`](Self::cancelled) lists them.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.handler.as_ref().is_some_and(|handler| handler.is_cancelled())
    }

    /// Completes when the caller cancels the request: it drops its call before the response has
    /// arrived.
    ///
    /// The handler of an `at_most_once` method runs on then, because its effects might be
    /// incomplete otherwise; it can use this to stop at a place of its choice. Its response is
    /// stored as usual. The handler of any other async method that is not oneway is dropped at its
    /// next await point, so this is of use to it only in a task that it has spawned with a clone of
    /// the context.
    ///
    /// Never completes in a sync or oneway method, or if the caller sends no cancel frames:
    /// Python's callers, callers with [`send_cancels`](crate::Builder::send_cancels) off or
    /// [`omit_deadline`](crate::Call::omit_deadline), and callers in the storj dialect. A cancel
    /// frame may be lost, and is not retransmitted. A call that ends at its timeout sends none; see
    /// [`deadline_passed`](Self::deadline_passed).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be dropped and called again.
    ///
    /// ```
    /// use rpcudp::{Context, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Import {
    ///     /// Returns the number of rows that were imported.
    ///     #[rpc(at_most_once, timeout = "60s")]
    ///     async fn import(&self, cx: &Context, rows: Vec<String>) -> u64;
    /// }
    ///
    /// struct Database;
    ///
    /// impl Import for Database {
    ///     async fn import(&self, cx: &Context, rows: Vec<String>) -> u64 {
    ///         let mut count = 0;
    ///         for row in rows {
    ///             if cx.is_cancelled() {
    ///                 break;
    ///             }
    ///             insert(row).await;
    ///             count += 1;
    ///         }
    ///         count
    ///     }
    /// }
    /// # async fn insert(row: String) {}
    /// ```
    pub async fn cancelled(&self) {
        match &self.handler {
            Some(handler) => handler.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut context = f.debug_struct("Context");
        context.field("sender", &self.sender).field("local_addr", &self.local_addr()).field("message_id", &self.id);
        if let Some(peer_id) = &self.link {
            context.field("peer_id", peer_id);
        }
        if let Some(remaining) = &self.remaining() {
            context.field("remaining", remaining);
        }
        if let Some(metadata) = &self.metadata {
            context.field("metadata", metadata);
        }
        context.finish_non_exhaustive()
    }
}

impl sealed::Sealed for Context {}

impl AsEndpoint for Context {
    fn as_endpoint(&self) -> Endpoint {
        self.endpoint()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

/// The bound on a parameter whose type is named `Context`: it must be [`Context`] under some alias.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `rpcudp::Context`",
    label = "taken for the context of the request",
    note = "a parameter of a type named `Context` is the context of the request: write `&rpcudp::Context`, or mark the parameter \
            with `#[rpc(argument)]` if callers pass it"
)]
pub trait IsContext {
    /// Returns the same value under its real name.
    fn as_context(cx: &Context) -> &Self;
}

impl IsContext for Context {
    fn as_context(cx: &Context) -> &Self {
        cx
    }
}

/// Lends the context to a method with a context parameter.
#[doc(hidden)]
pub fn as_context<T: IsContext>(cx: &Context) -> &T {
    T::as_context(cx)
}
