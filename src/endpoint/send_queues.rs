use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp_core::Counters;
use rpcudp_transport::Transport;

use crate::endpoint::send_queue::Outbox;

/// The ways out of an endpoint: one for each of its sockets, which all have one address.
#[derive(Debug)]
pub(crate) struct Outboxes(Box<[Outbox]>);

impl Outboxes {
    /// The socket whose driver keeps the time.
    pub(crate) const TIMEKEEPER: usize = 0;

    pub(crate) fn new(transports: &[Arc<dyn Transport>], counters: &Arc<Counters>) -> Self {
        let outbox = |transport| Outbox::new(Arc::downgrade(transport), Arc::clone(counters));
        Self(transports.iter().map(outbox).collect())
    }

    /// The way out to a peer: always the same, so that requests to it leave together.
    pub(crate) fn to(&self, peer: SocketAddr) -> &Outbox {
        if let [only] = &*self.0 {
            return only;
        }
        let mut hasher = DefaultHasher::new();
        peer.hash(&mut hasher);
        self.at(hasher.finish() as usize % self.0.len())
    }

    /// How many sockets there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The way out through one of the sockets.
    pub(crate) fn at(&self, socket: usize) -> &Outbox {
        &self.0[socket]
    }

    /// Wakes the driver that keeps the time.
    pub(crate) fn wake_timekeeper(&self) {
        self.at(Self::TIMEKEEPER).driver().raise();
    }

    /// Wakes the drivers of all sockets.
    pub(crate) fn wake_all(&self) {
        self.0.iter().for_each(|outbox| outbox.driver().raise());
    }
}
