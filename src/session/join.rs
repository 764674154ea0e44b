use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rpcudp_transport::canonical;
use tokio::sync::oneshot;

use super::close::close_with;
use super::contract::NoticesServer;
use super::join_error::JoinError;
use super::keeper::Keeper;
use super::link::Link;
use super::notices::NoticeReceiver;
use super::rejoin::Rejoin;
use super::session::Session;
use crate::block_on::block_on;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::links::secure_peer::SecurePeer;

/// A session that is about to begin: a future of the [`Session`].
///
/// Returned by [`Endpoint::join`]. `.await` it, or call [`wait`](Self::wait) outside async code.
/// The server is asked at the first poll.
///
/// # Cancel safety
///
/// Dropping the future leaves the server, and gives up a place in line.
#[must_use = "the server is asked when this is awaited"]
pub struct Join {
    pub(super) endpoint: Endpoint,
    pub(super) state: State,
}

pub(super) enum State {
    Ready(Box<Plan>),
    Asked(Arc<Link>, oneshot::Receiver<Result<(), JoinError>>),
    Ended,
}

/// The options of a session.
pub(super) struct Plan {
    pub(super) peer: SocketAddr,
    /// The target of requests over a link, if the session is over one.
    pub(super) secure: Option<Arc<SecurePeer>>,
    pool: Arc<str>,
    required: Vec<&'static rpcudp_core::contract::Contract>,
    rejoin: Option<Rejoin>,
    waits_for_turn: bool,
}

impl Endpoint {
    /// Joins another endpoint that has [`Sessions`](crate::session::Sessions). The returned future
    /// completes when the session is a member: a full pool that has a line makes it wait.
    ///
    /// The session keeps itself alive until it is dropped. The server may call this endpoint back,
    /// if it serves something. An endpoint has one session in each pool of a server: the server
    /// tells callers apart by their addresses. A second one ends the first, which is evicted. With
    /// the feature `secure`, `Join::secure` joins over a link, and the server tells callers apart
    /// by their keys.
    ///
    /// ```
    /// use rpcudp::Endpoint;
    /// use rpcudp::session::Sessions;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = Sessions::pool("operator").exclusive();
    /// # let server = Endpoint::builder().sessions(pool).bind("127.0.0.1:0").await?;
    /// # let addr = server.local_addr();
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let session = endpoint.join(addr).pool("operator").await?;
    /// assert_eq!(session.position(), 0);
    /// session.leave().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`JoinError`] with the reason: the pool is full, the server refuses, has no sessions, or
    /// has another contract than a [required](Join::require) one, or does not respond.
    pub fn join(&self, peer: SocketAddr) -> Join {
        let plan = Plan {
            peer: canonical(peer),
            secure: None,
            pool: "".into(),
            required: Vec::new(),
            rejoin: None,
            waits_for_turn: true,
        };
        Join { endpoint: self.clone(), state: State::Ready(Box::new(plan)) }
    }
}

impl Join {
    /// Joins the pool of this name. Default: the default pool, whose name is empty.
    pub fn pool(mut self, name: impl Into<Arc<str>>) -> Self {
        if let State::Ready(plan) = &mut self.state {
            plan.pool = name.into();
        }
        self
    }

    /// Joins only if the server serves this contract unchanged: the request carries the
    /// [fingerprints](crate::contract::Method::fingerprint) of its methods. May be called for
    /// several contracts, with 150 methods in all.
    ///
    /// A mismatch ends the join with [`JoinError::ContractMismatch`], which prints both signatures
    /// of each method. The server tells them to every peer that joins.
    ///
    /// ```
    /// use rpcudp::session::{JoinError, Sessions};
    /// use rpcudp::{Endpoint, rpc_service};
    ///
    /// mod old {
    ///     #[rpcudp::rpc_service]
    ///     pub trait Lobby {
    ///         fn say(&self, text: &str);
    ///     }
    /// }
    ///
    /// #[rpc_service]
    /// trait Lobby {
    ///     fn say(&self, text: &str, volume: u8);
    /// }
    /// # struct Game;
    /// # impl Lobby for Game {
    /// #     fn say(&self, _: &str, _: u8) {}
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let builder = Endpoint::builder().sessions(Sessions::new()).serve(LobbyServer::new(Game));
    /// # let server = builder.bind("127.0.0.1:0").await?;
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let Err(JoinError::ContractMismatch { source, .. }) =
    ///     endpoint.join(server.local_addr()).require::<old::LobbyClient>().await
    /// else {
    ///     panic!("the contracts differ")
    /// };
    /// assert_eq!(source.changed[0].ours, "fn say(&self, text: &str)");
    /// assert_eq!(source.changed[0].theirs, "fn say(&self, text: &str, volume: u8)");
    /// # Ok(())
    /// # }
    /// ```
    pub fn require<C: Client>(mut self) -> Self {
        if let State::Ready(plan) = &mut self.state {
            plan.required.push(C::CONTRACT);
        }
        self
    }

    /// Tries again if the server cannot be joined at first, and joins again if the session ends
    /// because the server restarts or is out of reach. Default: neither.
    ///
    /// The session has another id then. [`Session::changed`] reports each step.
    pub fn rejoin(mut self, policy: Rejoin) -> Self {
        if let State::Ready(plan) = &mut self.state {
            plan.rejoin = Some(policy);
        }
        self
    }

    /// Completes as soon as the server has put the session in line, and not only when its turn has
    /// come. [`Session::position`] and [`Session::changed`] tell how far it is, and
    /// [`Session::turn`] waits.
    pub fn without_waiting(mut self) -> Self {
        if let State::Ready(plan) = &mut self.state {
            plan.waits_for_turn = false;
        }
        self
    }

    /// Joins, and blocks the thread until the session is a member.
    ///
    /// # Errors
    ///
    /// As for awaiting it.
    ///
    /// # Panics
    ///
    /// In async code. Await it there.
    #[track_caller]
    pub fn wait(self) -> Result<Session, JoinError> {
        block_on(self)
    }
}

impl Future for Join {
    type Output = Result<Session, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { endpoint, state } = &mut *self;
        if let State::Ready(_) = state
            && let State::Ready(plan) = std::mem::replace(state, State::Ended)
        {
            *state = start(endpoint, *plan);
        }
        let State::Asked(link, first) = state else { panic!("a `Join` was polled after it had ended") };
        let Poll::Ready(result) = Pin::new(first).poll(cx) else { return Poll::Pending };
        let link = Arc::clone(link);
        *state = State::Ended;
        // The task sends a result before it ends, unless its runtime ends.
        Poll::Ready(match result {
            Ok(Ok(())) => Ok(Session::new(endpoint.clone(), link)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(JoinError::Call(crate::client::error::CallError::Closed)),
        })
    }
}

/// Starts the task of a session.
fn start(endpoint: &Endpoint, plan: Plan) -> State {
    let Plan { peer, secure, pool, required, rejoin, waits_for_turn } = plan;
    let (first, result) = oneshot::channel();
    let link = Link::new(peer, secure, pool);
    let shared = endpoint.shared();
    close_with(shared);
    if shared.sessions.joined.begin_to_listen() {
        // Fails if the program has such methods of its own, or if the endpoint closes: notices only
        // spare the peer some time.
        let _ = endpoint.add_service(NoticesServer::new(NoticeReceiver));
    }
    let keeper = Keeper {
        endpoint: endpoint.downgrade(),
        link: Arc::clone(&link),
        required,
        rejoin,
        waits_for_turn,
        first: Some(first),
        listed: None,
    };
    drop(shared.runtime.spawn(keeper.run()));
    State::Asked(link, result)
}

impl Drop for Join {
    fn drop(&mut self) {
        if let State::Asked(link, _) = &self.state {
            link.tell(|inbox| inbox.leaves = true);
        }
    }
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut join = f.debug_struct("Join");
        match &self.state {
            State::Ready(plan) => join.field("peer", &plan.peer).field("pool", &plan.pool),
            State::Asked(link, _) => join.field("peer", &link.peer).field("pool", &link.pool),
            State::Ended => &mut join,
        }
        .finish_non_exhaustive()
    }
}
