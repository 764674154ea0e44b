use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};

use rand::Rng;
use rand::rngs::StdRng;
use rpcudp_core::MessageId;
use rpcudp_secure::{Expected, Identity, LinkOptions, LinkStats, LinkStatus, PeerId};
use tokio::sync::oneshot;

use super::command::Command;
use super::command_queue::CommandQueue;
pub(crate) use super::command_queue::QueueFull;
use super::flow::Flow;
use super::large_frames::LargeFrames;
use super::link_config::LinkConfig;
use super::linked_peer::LinkedPeer;
use super::ready_queue::ReadyQueue;
use super::secure_peer::{Route, SecurePeer};
use super::source;
use crate::lock::Lock;
use crate::telemetry::progress::Progress;
use crate::wake_flag::WakeFlag;

/// The links of an endpoint, as its clients, calls and handlers see them: a queue to the driver
/// that owns them.
#[derive(Debug)]
pub(crate) struct EndpointLinks {
    pub(crate) identity: Identity,
    pub(crate) options: LinkOptions,
    /// The seed of the links.
    pub(crate) seed: [u8; 32],
    secret: u64,
    /// The commands to the driver.
    pub(crate) commands: CommandQueue,
    targets: Lock<Targets>,
    /// The targets to which a link is up, with the proven keys.
    up: Lock<HashMap<SocketAddr, PeerId>>,
    /// The memory of requests that handlers have released.
    pub(crate) large_frames: Arc<LargeFrames>,
    /// The counts of the links, as of the driver's last work.
    pub(crate) stats: Lock<LinkStats>,
    /// The streams that have work for the driver.
    pub(crate) ready_flows: Arc<ReadyQueue<Arc<Flow>>>,
}

/// The targets of clients by the address that stands for them, for retransmissions.
#[derive(Debug)]
struct Targets {
    by_source: HashMap<SocketAddr, Vec<Weak<SecurePeer>>>,
    /// The number of addresses at which those without a client are removed.
    prune_at: usize,
}

impl Targets {
    /// Addresses below which none is removed.
    const KEPT: usize = 1_024;

    /// Removes the addresses without a client once as many were added as were left the last time.
    fn prune(&mut self) {
        if self.by_source.len() < self.prune_at {
            return;
        }
        self.by_source.retain(|_, same_source| same_source.iter().any(|target| target.strong_count() > 0));
        self.prune_at = Self::KEPT.max(2 * self.by_source.len());
    }
}

/// The counts of the links, for metrics.
pub(crate) type LinkCounts = LinkStats;

impl EndpointLinks {
    /// The bytes of a frame besides its body, at most: the header and the trailer.
    const MAX_OVERHEAD: usize = 1_024;

    /// Returns the links of an endpoint that has an identity. Takes no random number for another.
    pub(crate) fn new(config: &LinkConfig, rng: &mut StdRng, driver: &Arc<WakeFlag>) -> Option<Arc<Self>> {
        let identity = config.identity.clone()?;
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Some(Arc::new(Self {
            identity,
            options: config.options(),
            seed,
            secret: rng.next_u64(),
            commands: CommandQueue::new(driver),
            targets: Lock::new(Targets { by_source: HashMap::new(), prune_at: Targets::KEPT }),
            up: Lock::default(),
            large_frames: LargeFrames::new(driver),
            stats: Lock::default(),
            ready_flows: Arc::new(ReadyQueue::new(driver)),
        }))
    }

    /// Returns the target of a client that calls the peer with the expected key at an address.
    pub(crate) fn target(&self, addr: SocketAddr, expected: Expected) -> Arc<SecurePeer> {
        let source = match expected {
            Expected::Key(key) => self.source_of(key),
            Expected::Any => source::of_any_key_at(addr, self.secret),
        };
        self.add_target(SecurePeer::new(addr, source, Route::Open(expected)))
    }

    /// Returns the target of a client that calls the sender of a request back.
    pub(crate) fn target_back(&self, addr: SocketAddr, link: &LinkedPeer) -> Arc<SecurePeer> {
        // The source in a context that a test has made is the sender's address.
        let source = self.source_of(link.peer_id);
        self.add_target(SecurePeer::new(addr, source, Route::Back(link.link, link.peer_id)))
    }

    fn add_target(&self, target: SecurePeer) -> Arc<SecurePeer> {
        let mut targets = self.targets.lock();
        targets.prune();
        let same_source = targets.by_source.entry(target.source()).or_default();
        let is_same = |known: &Arc<SecurePeer>| known.addr() == target.addr() && known.route == target.route;
        if let Some(known) = same_source.iter().filter_map(Weak::upgrade).find(is_same) {
            return known;
        }
        same_source.retain(|known| known.strong_count() > 0);
        let target = Arc::new(target);
        same_source.push(Arc::downgrade(&target));
        target
    }

    /// Returns the newest target that an address stands for, if a client or call has one. A target
    /// that may open a link goes before others, and serves all retransmissions to the key.
    pub(crate) fn find(&self, source: SocketAddr) -> Option<Arc<SecurePeer>> {
        let targets = self.targets.lock();
        let known = || targets.by_source.get(&source).into_iter().flatten().rev().filter_map(Weak::upgrade);
        known().find(|target| matches!(target.route, Route::Open(_))).or_else(|| known().next())
    }

    /// Returns the length of the longest body, in bytes.
    pub(crate) fn max_body_len(&self) -> usize {
        self.options.largest_message_len().saturating_sub(Self::MAX_OVERHEAD)
    }

    /// Returns the address that stands for a key.
    pub(crate) fn source_of(&self, peer: PeerId) -> SocketAddr {
        source::of_key(peer, self.secret)
    }

    /// Queues a request.
    ///
    /// # Errors
    ///
    /// If the queue is full.
    pub(crate) fn send_call(
        &self,
        peer: &Arc<SecurePeer>,
        frame: &[u8],
        call: Option<MessageId>,
    ) -> Result<(), QueueFull> {
        self.commands.push_call(peer, frame, call)
    }

    /// Queues the wish to record the progress of a call, before its request.
    ///
    /// # Errors
    ///
    /// If the queue is full.
    pub(crate) fn track(&self, id: MessageId, progress: &Progress) -> Result<(), QueueFull> {
        self.commands.push(Command::Track { id, progress: progress.clone() })
    }

    /// Queues the cancellation of a call. `frame` is the cancel frame, or empty if the peer is not
    /// to be told.
    ///
    /// # Errors
    ///
    /// If the queue is full.
    pub(crate) fn cancel_call(&self, peer: &Arc<SecurePeer>, id: MessageId, frame: Vec<u8>) -> Result<(), QueueFull> {
        self.commands.push(Command::Cancel { peer: Arc::clone(peer), id, frame })
    }

    /// Returns the state of a stream that is not open yet.
    pub(crate) fn new_flow(&self) -> Arc<Flow> {
        Flow::new(&self.ready_flows)
    }

    /// Queues the opening of the stream of a call.
    ///
    /// # Errors
    ///
    /// If the queue is full.
    pub(crate) fn open_stream(&self, peer: &Arc<SecurePeer>, call: MessageId) -> Result<(), QueueFull> {
        self.commands.push(Command::Open { peer: Arc::clone(peer), call })
    }

    /// Queues a response.
    ///
    /// # Errors
    ///
    /// If the queue is full.
    pub(crate) fn respond(&self, link: &Arc<LinkedPeer>, frame: &[u8]) -> Result<(), QueueFull> {
        if link.respond(frame) {
            return Ok(());
        }
        self.commands.push(Command::Respond { link: Arc::clone(link), frame: frame.to_vec() })
    }

    /// Queues a datagram that another socket has received.
    ///
    /// # Errors
    ///
    /// If the queue is full.
    pub(crate) fn receive(&self, source: SocketAddr, local: Option<IpAddr>, datagram: &[u8]) -> Result<(), QueueFull> {
        self.commands.push(Command::Receive { source, local, datagram: datagram.to_vec() })
    }

    /// Asks the driver for the links that are up.
    pub(crate) fn list(&self) -> oneshot::Receiver<Vec<LinkStatus>> {
        let (send, listed) = oneshot::channel();
        // If the queue is full, the sender is dropped.
        let _ = self.commands.push(Command::List(send));
        listed
    }

    /// Returns the counts, as of the driver's last work.
    pub(crate) fn counts(&self) -> LinkCounts {
        *self.stats.lock()
    }

    /// Records that a link to a target is up, or that none is left.
    pub(crate) fn set_up(&self, source: SocketAddr, peer: Option<PeerId>) {
        let mut up = self.up.lock();
        match peer {
            Some(peer) => _ = up.insert(source, peer),
            None => _ = up.remove(&source),
        }
    }

    /// Returns the key that the peer of a target has proven on the link that is up.
    pub(crate) fn proven(&self, source: SocketAddr) -> Option<PeerId> {
        self.up.lock().get(&source).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use rand::SeedableRng;
    use rpcudp_secure::LinkEnd;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;
    use crate::links::call_flow::CallFlow;
    use crate::links::flow::FlowEnd;

    #[test]
    fn commands_that_no_driver_executes_end_with_it() {
        let config = LinkConfig { identity: Some(Identity::from_seed([1; 32])), ..LinkConfig::default() };
        let links = EndpointLinks::new(&config, &mut StdRng::seed_from_u64(1), &Arc::default()).unwrap();
        let flow = links.new_flow();
        let peer = SecurePeer::new(([10, 0, 0, 1], 7_000).into(), ([10, 0, 0, 1], 7_000).into(), Route::Plain);
        let peer = Arc::new(peer.with_stream(CallFlow::new(Arc::clone(&flow), None)));
        links.open_stream(&peer, MessageId::from_bytes([7; 20])).unwrap();
        let mut listed = links.list();
        links.commands.close();
        assert_eq!(Arc::strong_count(&peer), 1);
        assert!(links.commands.is_empty() && listed.try_recv() == Err(TryRecvError::Closed));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(matches!(flow.poll_room(cx), Poll::Ready(Err(_))));
        assert_eq!(flow.poll_chunk(cx), Poll::Ready(Err(FlowEnd::Link(LinkEnd::Closed))));
        // And none is queued after that.
        assert!(links.open_stream(&peer, MessageId::from_bytes([8; 20])).is_err() && links.commands.is_empty());
        assert_eq!(links.list().try_recv(), Err(TryRecvError::Closed));
    }

    #[test]
    fn targets_of_clients_that_are_dropped_are_forgotten() {
        let config = LinkConfig { identity: Some(Identity::from_seed([1; 32])), ..LinkConfig::default() };
        let links = EndpointLinks::new(&config, &mut StdRng::seed_from_u64(1), &Arc::default()).unwrap();
        let addr = ([10, 0, 0, 1], 7_000).into();
        for number in 0..20_000_u64 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            let peer_id = PeerId::from_bytes(key);
            let link = LinkedPeer::new(None, peer_id, links.source_of(peer_id), true);
            drop(links.target_back(addr, &link));
        }
        assert!(links.targets.lock().by_source.len() <= Targets::KEPT);
    }
}
