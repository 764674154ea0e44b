use std::any::{Any, type_name};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use super::end_reason::EndReason;
use super::session_id::{Credential, SessionId};
use crate::links::linked_peer::LinkedPeer;
#[cfg(feature = "secure")]
use crate::links::session_streams::SessionStreams;
use crate::lock::Lock;

/// The data of a session, which the hook for joining has made.
pub(crate) type Data = Arc<dyn Any + Send + Sync>;

/// A member of an endpoint's sessions, as the server sees it.
///
/// A handler gets it from [`Context::session`](crate::Context::session), a server from
/// [`Endpoint::sessions`](crate::Endpoint::sessions) and from events. A clone is another handle to
/// the same member. A handle stays valid after the session has ended.
#[derive(Clone)]
pub struct Member {
    state: Arc<State>,
}

struct State {
    credential: Credential,
    pool: Arc<str>,
    addr: Lock<SocketAddr>,
    /// The link that the peer joined over: the session belongs to its key.
    link: Option<Arc<LinkedPeer>>,
    data: OnceLock<Data>,
    end: OnceLock<EndReason>,
    /// The streams of its requests that need the session.
    #[cfg(feature = "secure")]
    streams: SessionStreams,
}

impl Member {
    pub(crate) fn new(credential: Credential, pool: Arc<str>, addr: SocketAddr, link: Option<Arc<LinkedPeer>>) -> Self {
        let state = State {
            credential,
            pool,
            addr: Lock::new(addr),
            link,
            data: OnceLock::new(),
            end: OnceLock::new(),
            #[cfg(feature = "secure")]
            streams: SessionStreams::default(),
        };
        Self { state: Arc::new(state) }
    }

    /// Returns the id of the session, which stays the same if the address changes.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.state.credential.id
    }

    /// Returns the name of the pool, which is empty for the default pool.
    #[must_use]
    pub fn pool(&self) -> &str {
        &self.state.pool
    }

    /// Returns the current address of the member, to call it back. For a member that joined over a
    /// link, it is the address of its last request that kept the session alive:
    /// [`Members::client`](super::super::Members::client) calls it over a link.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        *self.state.addr.lock()
    }

    /// Returns the key that the member has proven, to which the session belongs: no request over
    /// the plain wire, or over a link of another key, counts as the member's. `None` if it joined
    /// over the plain wire.
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    #[must_use]
    pub fn peer_id(&self) -> Option<crate::PeerId> {
        self.state.link.as_ref().map(|link| link.peer_id)
    }

    /// Returns the data that the hook [`on_join`](super::super::Sessions::on_join) has made for
    /// this session. Without a hook it is `()`.
    ///
    /// The data is shared by all requests of the member, which may run at the same time: put what
    /// changes into a lock or an atomic.
    ///
    /// # Panics
    ///
    /// If `T` is not the type that the hook returns.
    #[must_use]
    #[track_caller]
    pub fn data<T: Any>(&self) -> &T {
        let data = self.state.data.get().map_or(&() as &dyn Any, |data| &**data);
        match data.downcast_ref() {
            Some(data) => data,
            None => panic!(
                "the data of a session in {} is no `{}`: name the type that the closure of `Sessions::on_join` returns",
                pool_name(&self.state.pool),
                type_name::<T>()
            ),
        }
    }

    /// Returns the reason if the session has ended.
    #[must_use]
    pub fn end(&self) -> Option<&EndReason> {
        self.state.end.get()
    }

    pub(crate) fn credential(&self) -> Credential {
        self.state.credential
    }

    pub(crate) fn link(&self) -> Option<&Arc<LinkedPeer>> {
        self.state.link.as_ref()
    }

    /// Returns the address under which the table keeps the session: the one that stands for the key
    /// of its link, or that of the member.
    pub(crate) fn source(&self) -> SocketAddr {
        LinkedPeer::source_of(self.link(), self.addr())
    }

    /// Returns whether a request over this link, or over the plain wire, may be the member's.
    pub(crate) fn admits(&self, link: Option<&Arc<LinkedPeer>>) -> bool {
        match (self.link(), link) {
            (None, None) => true,
            (Some(own), Some(other)) => own.is_same_peer(other),
            _ => false,
        }
    }

    /// Returns the streams that end with the session.
    #[cfg(feature = "secure")]
    pub(crate) fn streams(&self) -> &SessionStreams {
        &self.state.streams
    }

    pub(crate) fn set_addr(&self, addr: SocketAddr) {
        *self.state.addr.lock() = addr;
    }

    pub(crate) fn set_data(&self, data: Data) {
        // A member enters once.
        let _ = self.state.data.set(data);
    }

    pub(crate) fn set_end(&self, reason: EndReason) {
        let _ = self.state.end.set(reason);
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }
}

impl Eq for Member {}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut member = f.debug_struct("Member");
        member.field("id", &self.id()).field("pool", &self.pool()).field("addr", &self.addr());
        if let Some(peer_id) = self.link() {
            member.field("peer_id", peer_id);
        }
        if let Some(end) = self.end() {
            member.field("end", end);
        }
        member.finish_non_exhaustive()
    }
}

/// Returns the name of a pool for messages.
pub(crate) fn pool_name(pool: &str) -> String {
    if pool.is_empty() { "the default pool".into() } else { format!("the pool `{pool}`") }
}
