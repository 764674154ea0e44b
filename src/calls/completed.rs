use std::net::SocketAddr;
use std::task::Waker;

use rpcudp_core::MessageId;

/// Calls that one batch of datagrams completed, with the wakers of their tasks.
#[derive(Debug, Default)]
pub(crate) struct CompletedCalls {
    calls: Vec<(MessageId, Waker)>,
    last_peer: Option<SocketAddr>,
    /// Runs of calls to one peer. A peer that comes again after another counts again.
    peer_run_count: usize,
}

impl CompletedCalls {
    pub(crate) fn push(&mut self, id: MessageId, peer: SocketAddr, waker: Waker) {
        self.calls.push((id, waker));
        if self.last_peer != Some(peer) {
            self.last_peer = Some(peer);
            self.peer_run_count += 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Returns whether the callers' next requests are likely to go to one peer and leave in one
    /// system call. If each takes a system call of its own, there is enough work for another
    /// worker.
    pub(crate) fn have_few_peers(&self) -> bool {
        self.calls.len() >= 2 * self.peer_run_count
    }

    /// Removes and returns the calls whose waker satisfies the condition.
    pub(crate) fn extract_if(
        &mut self,
        condition: impl Fn(&Waker) -> bool,
    ) -> impl Iterator<Item = (MessageId, Waker)> {
        self.calls.extract_if(.., move |(_, waker)| condition(waker))
    }

    /// Wakes all tasks at once.
    pub(crate) fn wake_all(&mut self) {
        self.calls.drain(..).for_each(|(_, waker)| waker.wake());
        (self.last_peer, self.peer_run_count) = (None, 0);
    }
}
