use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp_core::Counters;
use rpcudp_transport::Transport;

use super::send_queue::SendQueue;
use crate::wake_flag::WakeFlag;

/// The send queues of an endpoint, one for each of its sockets. All sockets have one address.
#[derive(Debug)]
pub(crate) struct SendQueues(Box<[SendQueue]>);

impl SendQueues {
    /// The socket whose driver handles retransmissions and timeouts.
    pub(crate) const TIMEKEEPER: usize = 0;

    pub(crate) fn new(transports: &[Arc<dyn Transport>], counters: &Arc<Counters>) -> Self {
        let queue = |transport| SendQueue::new(Arc::downgrade(transport), Arc::clone(counters));
        Self(transports.iter().map(queue).collect())
    }

    /// Returns the queue for requests to a peer. Always the same, so that they can leave together.
    pub(crate) fn for_peer(&self, peer: SocketAddr) -> &SendQueue {
        if let [only] = &*self.0 {
            return only;
        }
        let mut hasher = DefaultHasher::new();
        peer.hash(&mut hasher);
        self.at(hasher.finish() as usize % self.0.len())
    }

    /// Returns whether a queue has enough to be flushed without waiting for more.
    pub(crate) fn has_flush_len(&self) -> bool {
        self.0.iter().any(SendQueue::has_flush_len)
    }

    /// Returns the number of sockets.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the queue of a socket.
    pub(crate) fn at(&self, socket: usize) -> &SendQueue {
        &self.0[socket]
    }

    /// Returns the flags that wake the drivers.
    pub(crate) fn drivers(&self) -> Box<[Arc<WakeFlag>]> {
        self.0.iter().map(|queue| Arc::clone(queue.driver())).collect()
    }

    /// Holds back the datagrams that are queued from now on.
    pub(crate) fn cork(&self) {
        self.0.iter().for_each(SendQueue::cork);
    }

    /// Has the drivers send the datagrams that were held back, and holds back the next ones.
    pub(crate) fn flush_corked(&self) {
        self.0.iter().for_each(SendQueue::flush_corked);
    }

    /// Has the drivers send the datagrams that were held back.
    pub(crate) fn uncork(&self) {
        self.0.iter().for_each(SendQueue::uncork);
    }

    /// Wakes the driver that handles retransmissions and timeouts.
    pub(crate) fn wake_timekeeper(&self) {
        self.at(Self::TIMEKEEPER).driver().set();
    }

    /// Wakes the drivers of all sockets.
    pub(crate) fn wake_all(&self) {
        self.0.iter().for_each(|queue| queue.driver().set());
    }
}
