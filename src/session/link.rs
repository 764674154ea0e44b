use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Notify, watch};

use super::roster::Roster;
use super::roster::end_reason::EndReason;
use super::roster::session_id::Credential;
use super::session_state::SessionState;
use crate::links::linked_peer::LinkedPeer;
use crate::links::secure_peer::SecurePeer;
use crate::lock::Lock;

/// The part of an endpoint's state that concerns sessions: those of its peers, and those that it
/// holds at other endpoints.
#[derive(Default)]
pub(crate) struct EndpointSessions {
    /// The sessions of peers, if the endpoint has a pool.
    pub(crate) roster: OnceLock<Arc<Roster>>,
    pub(crate) joined: JoinedSessions,
    /// Ends all sessions when the endpoint begins to close. Set by the first pool or session.
    pub(crate) on_close: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// The sessions that an endpoint holds at others.
#[derive(Debug, Default)]
pub(crate) struct JoinedSessions {
    /// In an order that is the same in each run from a seed, because one that closes ends all.
    links: Lock<BTreeMap<u64, Arc<Link>>>,
    /// Whether the endpoint serves the notices of servers.
    listens: AtomicBool,
}

/// A session as its peer's endpoint sees it: shared by the program's handle, the task that keeps
/// the session alive, and the service that receives notices.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: SocketAddr,
    /// The target of the requests, if they go over a link to the server.
    pub(crate) secure: Option<Arc<SecurePeer>>,
    pub(crate) pool: Arc<str>,
    credential: Lock<Option<Credential>>,
    pub(crate) state: watch::Sender<SessionState>,
    inbox: Lock<Inbox>,
    pub(crate) on_inbox: Notify,
}

/// The news for the task that keeps a session alive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    /// The program leaves.
    pub(crate) leaves: bool,
    /// The server has sent the end of the session.
    pub(crate) ended: Option<EndReason>,
    /// The server has sent that the session is a member.
    pub(crate) joined: bool,
    /// The server has refused a call for want of a session, so it may not know the address.
    pub(crate) is_lost: bool,
}

impl Inbox {
    /// Whether the news are a reason not to wait for a response.
    pub(crate) fn is_urgent(&self) -> bool {
        self.leaves || self.ended.is_some() || self.joined
    }

    pub(crate) fn has_any(&self) -> bool {
        self.is_urgent() || self.is_lost
    }
}

impl JoinedSessions {
    /// Returns whether the endpoint must begin to serve the notices of servers. Once `true`.
    pub(crate) fn begin_to_listen(&self) -> bool {
        !self.listens.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn insert(&self, key: u64, link: &Arc<Link>) {
        let replaced = self.links.lock().insert(key, Arc::clone(link));
        drop(replaced);
    }

    pub(crate) fn remove(&self, key: u64) {
        let removed = self.links.lock().remove(&key);
        drop(removed);
    }

    /// Returns the session with this key at the sender of a request, from an address or over a
    /// link.
    pub(crate) fn find(&self, key: u64, sender: SocketAddr, over: Option<&LinkedPeer>) -> Option<Arc<Link>> {
        let links = self.links.lock();
        let is_sender = |link: &&Arc<Link>| match (&link.secure, over) {
            (None, None) => link.peer == sender,
            (Some(server), Some(over)) => server.is_at(over, sender),
            _ => false,
        };
        links.get(&key).filter(is_sender).cloned()
    }

    /// Returns all sessions, ordered by key.
    pub(crate) fn all(&self) -> Vec<Arc<Link>> {
        self.links.lock().values().cloned().collect()
    }

    /// Notes that a peer has refused a call for want of a session.
    pub(crate) fn note_lost(&self, peer: SocketAddr) {
        let links = self.all().into_iter().filter(|link| link.peer == peer);
        links.for_each(|link| link.tell(|inbox| inbox.is_lost = true));
    }
}

impl Link {
    pub(crate) fn new(peer: SocketAddr, secure: Option<Arc<SecurePeer>>, pool: Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            peer,
            secure,
            pool,
            credential: Lock::default(),
            state: watch::channel(SessionState::Joining).0,
            inbox: Lock::default(),
            on_inbox: Notify::new(),
        })
    }

    /// Returns the address under which the endpoint's tables keep the server.
    pub(crate) fn source(&self) -> SocketAddr {
        self.secure.as_ref().map_or(self.peer, |server| server.source())
    }

    pub(crate) fn credential(&self) -> Option<Credential> {
        *self.credential.lock()
    }

    pub(crate) fn set_credential(&self, credential: Option<Credential>) {
        *self.credential.lock() = credential;
    }

    /// Sets the state, and wakes the tasks that wait for a change if it is another one.
    pub(crate) fn set_state(&self, state: SessionState) {
        self.state.send_if_modified(|current| {
            // The end is final.
            let is_changed = *current != state && !matches!(current, SessionState::Ended(_));
            if is_changed {
                *current = state;
            }
            is_changed
        });
    }

    /// Puts news into the inbox.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Inbox)) {
        change(&mut self.inbox.lock());
        self.on_inbox.notify_one();
    }

    pub(crate) fn has_news(&self, is_awaited: fn(&Inbox) -> bool) -> bool {
        is_awaited(&self.inbox.lock())
    }

    /// Takes the news. The program's wish to leave stays.
    pub(crate) fn take_inbox(&self) -> Inbox {
        let mut inbox = self.inbox.lock();
        let leaves = inbox.leaves;
        std::mem::replace(&mut *inbox, Inbox { leaves, ..Inbox::default() })
    }
}

impl std::fmt::Debug for EndpointSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointSessions").field("roster", &self.roster).finish_non_exhaustive()
    }
}
