use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rpcudp_core::MessageId;
use rpcudp_secure::{LinkEnd, LinkId, Links, PeerId};

use crate::endpoint::shared::Shared;
use crate::links::linked_peer::LinkedPeer;
use crate::links::source::is_link;

/// A link that calls or requests use.
#[derive(Default)]
pub(super) struct KnownLink {
    /// The peer, once the link is up.
    pub(super) peer: Option<Arc<LinkedPeer>>,
    /// The address that stands for the target that the link was opened for.
    pub(super) target: Option<SocketAddr>,
    /// The key that the target must have.
    pub(super) key: Option<PeerId>,
    /// The calls whose requests wait until the link is up. Some are kept after that, because the
    /// peer may still refuse the link, and has then run none of them.
    pub(super) waiting: BTreeSet<MessageId>,
    /// The calls that would be retransmitted, and are not because their request or response is
    /// under way on a stream.
    carried: Vec<MessageId>,
    /// The number of these at which the ones that have ended are removed.
    prune_at: usize,
}

impl KnownLink {
    /// Calls that are kept in [`waiting`](Self::waiting) when the link is up, for about 2 KB.
    pub(super) const MAX_KEPT: usize = 64;

    /// Carried calls below which none is removed.
    const KEPT: usize = 64;

    /// Notes that a large request or response of a call is under way on the link.
    pub(super) fn carry(&mut self, call: MessageId, shared: &Shared) {
        if !shared.calls.carry(&call) {
            return;
        }
        if self.carried.len() >= self.prune_at {
            self.carried.retain(|call| shared.calls.is_carried(call));
            self.prune_at = Self::KEPT.max(2 * self.carried.len());
        }
        self.carried.push(call);
    }

    /// Retransmits the calls again that the link has carried to its end.
    pub(super) fn resume(&self, reason: LinkEnd, shared: &Shared) {
        if !self.carried.is_empty() {
            shared.calls.resume(&self.carried, reason);
        }
    }

    /// Returns whether one of these addresses stands for the link.
    fn is_used(&self, sources: &HashSet<SocketAddr>) -> bool {
        let Some(peer) = &self.peer else { return false };
        sources.contains(&peer.source) || self.target.is_some_and(|target| sources.contains(&target))
    }
}

/// Shows the peers of links that are in use that this end is alive.
pub(super) fn keep_alive(links: &mut Links, known: &HashMap<LinkId, KnownLink>, shared: &Shared, now: Instant) {
    // Of the calls in flight, and of the requests that are handled.
    let mut sources = if shared.calls.len() == 0 { HashSet::new() } else { shared.calls.peers(is_link) };
    shared.handlers.add_sources(&mut sources, is_link);
    let used = known.iter().filter(|(_, link)| link.is_used(&sources));
    let mut used: Vec<_> = used.map(|(id, _)| *id).collect();
    // In the same order in each run in virtual time.
    used.sort_unstable();
    used.into_iter().for_each(|link| links.ping(now, link));
}
