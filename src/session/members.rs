use std::fmt;
use std::sync::Arc;

use super::effects::{carry_out, group};
use super::events::SessionEvents;
use super::roster::Roster;
use super::roster::end_reason::{EndReason, bounded_text};
use super::roster::member::Member;
use super::roster::session_id::SessionId;
use crate::client::Client;
use crate::client::stub::Stub;
use crate::endpoint::Endpoint;

/// The members of one pool of an endpoint. Made by [`Endpoint::sessions`].
///
/// Like a client, it holds a handle to the endpoint.
#[derive(Clone)]
pub struct Members {
    endpoint: Endpoint,
    pool: usize,
}

impl Endpoint {
    /// Returns the members of the default pool. [`Members::pool`] returns those of another.
    ///
    /// ```
    /// use rpcudp::Endpoint;
    /// use rpcudp::session::{SessionEvent, Sessions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Endpoint::builder().sessions(Sessions::new().capacity(5)).bind("127.0.0.1:0").await?;
    /// let mut events = server.sessions().events();
    ///
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let session = endpoint.join(server.local_addr()).await?;
    /// assert!(matches!(events.next().await, Some(SessionEvent::Joined(_))));
    /// let member = &server.sessions().list()[0];
    /// assert_eq!((member.id(), member.addr()), (session.id().unwrap(), endpoint.local_addr()));
    ///
    /// server.sessions().evict(member.id(), "the game is over");
    /// assert_eq!(session.ended().await.to_string(), "evicted: the game is over");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the endpoint has no default pool: its builder has no
    /// [`sessions`](crate::Builder::sessions).
    #[must_use]
    #[track_caller]
    pub fn sessions(&self) -> Members {
        Members { endpoint: self.clone(), pool: index(self, "") }
    }
}

impl Members {
    /// Returns the members of the pool of this name.
    ///
    /// # Panics
    ///
    /// If the endpoint has no such pool.
    #[must_use]
    #[track_caller]
    pub fn pool(&self, name: &str) -> Self {
        Self { pool: index(&self.endpoint, name), endpoint: self.endpoint.clone() }
    }

    fn roster(&self) -> &Arc<Roster> {
        self.endpoint.shared().sessions.roster.get().expect("`index` has found the pool")
    }

    /// Returns the members, ordered by id.
    #[must_use]
    pub fn list(&self) -> Vec<Member> {
        self.roster().table().members(self.pool)
    }

    /// Returns the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster().table().pool_population(self.pool).0
    }

    /// Returns whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of peers that wait in line.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.roster().table().pool_population(self.pool).1
    }

    /// Returns a member by its id.
    #[must_use]
    pub fn get(&self, id: SessionId) -> Option<Member> {
        self.roster().table().get(self.pool, id).cloned()
    }

    /// Ends a session, and tells the peer the reason, of which it gets up to 200 bytes. Returns
    /// whether there was such a session, in the pool or in its line.
    ///
    /// The peer can join again. A server that must keep it out remembers it, and refuses it in the
    /// hook [`on_join`](super::Sessions::on_join).
    pub fn evict(&self, id: SessionId, reason: impl Into<String>) -> bool {
        let roster = self.roster();
        let reason = EndReason::Evicted(bounded_text(reason.into()));
        let is_evicted = roster.table().evict(self.pool, id, reason);
        carry_out(self.endpoint.shared(), roster);
        is_evicted
    }

    /// Subscribes to the events from now on.
    pub fn events(&self) -> SessionEvents {
        let pool = Arc::clone(&self.roster().table().limits(self.pool).name);
        SessionEvents::new(self.roster().subscribe(), pool)
    }

    /// Returns a client that calls one member back, at its present address: over a link to its key
    /// if it joined over a link. `None` if there is no such member.
    #[must_use]
    pub fn client<C: Client>(&self, id: SessionId) -> Option<C> {
        self.get(id).map(|member| {
            #[cfg(feature = "secure")]
            if let Some(key) = member.peer_id() {
                return C::secure(&self.endpoint, member.addr(), key);
            }
            C::new(&self.endpoint, member.addr())
        })
    }

    /// Returns a client that calls the members as a [group](Client::group), which follows their
    /// comings and goings. Members that joined over a link are called over links to their keys.
    /// [`Call::all`](crate::Call::all) calls them all:
    ///
    /// ```
    /// use rpcudp::session::Sessions;
    /// use rpcudp::{Context, Endpoint, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Events {
    ///     #[rpc(oneway)]
    ///     fn started(&self, game: u32);
    /// }
    ///
    /// async fn start(server: &Endpoint) {
    ///     let mut all = server.sessions().group::<EventsClient>().started(7).all();
    ///     while all.next().await.is_some() {}
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpcudp::BindError> {
    /// # start(&Endpoint::builder().sessions(Sessions::new()).bind("127.0.0.1:0").await?).await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn group<C: Client>(&self) -> C {
        let group = group(self.endpoint.shared(), self.roster(), self.pool);
        C::from_stub(Stub::of_shared_group(self.endpoint.clone(), &group))
    }
}

/// Returns the index of a pool.
#[track_caller]
fn index(endpoint: &Endpoint, name: &str) -> usize {
    let roster = endpoint.shared().sessions.roster.get();
    match roster.and_then(|roster| roster.table().pool(name)) {
        Some(pool) => pool,
        None if name.is_empty() => {
            panic!("the endpoint has no default pool of sessions: pass `Sessions::new()` to `Builder::sessions`")
        }
        None => {
            panic!("the endpoint has no pool `{name}`: pass `Sessions::pool(\"{name}\")` to `Builder::sessions`")
        }
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("len", &self.len()).field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
