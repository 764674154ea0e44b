use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::sync::watch;

use super::contract::HostingClient;
use super::link::Link;
use super::roster::end_reason::EndReason;
use super::roster::session_id::SessionId;
use super::session_state::SessionState;
use crate::client::Client;
use crate::client::as_endpoint::{AsEndpoint, sealed};
use crate::endpoint::Endpoint;

/// A session that this endpoint holds at another, from [`Endpoint::join`].
///
/// A task of the endpoint's runtime keeps it alive. If the address of this endpoint changes, as
/// behind a router that restarts, the session goes on under its id: the next request of that task
/// moves it, after the server has sent a token to the new address. Calls in between are refused
/// with [`NoSession`](crate::Refusal::NoSession), which makes the task ask at once.
///
/// Dropping the session leaves the server in the background: a request is sent at once, and
/// retransmitted if the endpoint stays open. [`leave`](Self::leave) waits for the server.
///
/// ```
/// use rpcudp::session::Sessions;
/// use rpcudp::{Endpoint, Session, rpc_service};
///
/// #[rpc_service]
/// trait Lobby {
///     #[rpc(session)]
///     fn ready(&self);
/// }
/// # struct Game;
/// # impl Lobby for Game {
/// #     fn ready(&self) {}
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = Endpoint::builder().sessions(Sessions::new()).serve(LobbyServer::new(Game));
/// # let server = builder.bind("127.0.0.1:0").await?;
/// # let addr = server.local_addr();
/// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
/// let session: Session = endpoint.join(addr).await?;
/// let lobby: LobbyClient = session.client();
/// lobby.ready().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a session leaves the server when it is dropped"]
pub struct Session {
    endpoint: Endpoint,
    link: Arc<Link>,
    states: watch::Receiver<SessionState>,
}

impl Session {
    pub(super) fn new(endpoint: Endpoint, link: Arc<Link>) -> Self {
        Self { endpoint, states: link.state.subscribe(), link }
    }

    /// Returns the address of the server.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.link.peer
    }

    /// Returns the name of the pool, which is empty for the default pool.
    #[must_use]
    pub fn pool(&self) -> &str {
        &self.link.pool
    }

    /// Returns the id of the session, which the server has too. `None` after the end, and while the
    /// session is joined again.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.link.credential().map(|credential| credential.id)
    }

    /// Returns a client that calls the server: over a link to its key, if the session is over one.
    /// Clients stay usable after the end of the session;
    /// methods that need one then refuse.
    #[must_use]
    pub fn client<C: Client>(&self) -> C {
        self.link.client(&self.endpoint)
    }

    /// Returns the key that the server must have, or has proven on the link that is up. `None` if
    /// the session is not [over a link](super::Join::secure).
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    #[must_use]
    pub fn peer_id(&self) -> Option<crate::PeerId> {
        self.client::<HostingClient>().peer_id()
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.link.state.borrow().clone()
    }

    /// Returns the position in line, counted from 1, or 0 if the session does not wait in line.
    #[must_use]
    pub fn position(&self) -> usize {
        match self.state() {
            SessionState::Waiting { position } => position,
            _ => 0,
        }
    }

    /// Waits until the state is another one, and returns it. States that follow one another quickly
    /// may be left out, except the last. `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be dropped and called again.
    pub async fn changed(&mut self) -> Option<SessionState> {
        let is_seen = !self.states.has_changed().unwrap_or(false);
        if is_seen && let SessionState::Ended(_) = *self.states.borrow() {
            return None;
        }
        self.states.changed().await.ok()?;
        Some(self.states.borrow_and_update().clone())
    }

    /// Waits until the session is a member.
    ///
    /// # Errors
    ///
    /// The reason if the session ends in line.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be dropped and called again.
    pub async fn turn(&self) -> Result<(), EndReason> {
        let mut states = self.link.state.subscribe();
        let is_over = |state: &SessionState| matches!(state, SessionState::Member | SessionState::Ended(_));
        let state = states.wait_for(is_over).await.map(|state| state.clone());
        match state {
            Ok(SessionState::Ended(reason)) => Err(reason),
            Ok(_) => Ok(()),
            Err(_) => Err(EndReason::Closing),
        }
    }

    /// Waits until the session has ended for good, and returns the reason.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be dropped and called again.
    pub async fn ended(&self) -> EndReason {
        let mut states = self.link.state.subscribe();
        let state = states.wait_for(|state| matches!(state, SessionState::Ended(_))).await.map(|state| state.clone());
        match state {
            Ok(SessionState::Ended(reason)) => reason,
            _ => EndReason::Closing,
        }
    }

    /// Leaves the server, and waits until it has confirmed that, for up to 2 s. Returns the reason
    /// for which the session has ended: another one than [`EndReason::Left`] if the session had
    /// ended before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves too.
    pub async fn leave(self) -> EndReason {
        self.link.tell(|inbox| inbox.leaves = true);
        self.ended().await
    }

    /// Sends the request to leave, without waiting for the server.
    fn send_leave(&self) {
        let Some(credential) = self.link.credential() else { return };
        // A call without a deadline is not cancelled when it is dropped.
        let mut call = self.client::<HostingClient>().leave(credential).omit_deadline();
        let _ = Future::poll(Pin::new(&mut call), &mut Context::from_waker(Waker::noop()));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let SessionState::Ended(_) = *self.states.borrow() {
            return;
        }
        // At once, because the endpoint or the runtime may end with the program's next line.
        self.send_leave();
        self.link.tell(|inbox| inbox.leaves = true);
    }
}

impl sealed::Sealed for Session {}

impl AsEndpoint for Session {
    fn as_endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("peer", &self.link.peer)
            .field("pool", &self.link.pool)
            .field("id", &self.id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
