use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rpcudp_core::Counters;
use rpcudp_transport::Transport;

use crate::outbox::Outbox;

/// The ways out of an endpoint: one for each of its sockets, which all have one address.
#[derive(Debug)]
pub(crate) struct Outboxes(Box<[Outbox]>);

impl Outboxes {
    pub(crate) fn new(transports: &[Arc<dyn Transport>], counters: &Arc<Counters>) -> Self {
        let outbox = |transport| Outbox::new(Arc::downgrade(transport), Arc::clone(counters));
        Self(transports.iter().map(outbox).collect())
    }

    /// The way out to a peer: always the same, so that requests to it leave together.
    pub(crate) fn to(&self, peer: SocketAddr) -> &Outbox {
        if let [only] = &*self.0 {
            return only;
        }
        let ip = match peer.ip() {
            IpAddr::V4(ip) => ip.to_bits(),
            IpAddr::V6(ip) => ip.segments().into_iter().fold(0, |hash, part| hash * 31 + u32::from(part)),
        };
        // Multiplied by the golden ratio's bits, so that addresses that follow each other are far apart.
        let hash = (ip ^ u32::from(peer.port()) << 8).wrapping_mul(0x9e37_79b9);
        self.at((hash >> 16) as usize % self.0.len())
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

    /// The socket whose driver keeps the time.
    pub(crate) const TIMEKEEPER: usize = 0;
}
