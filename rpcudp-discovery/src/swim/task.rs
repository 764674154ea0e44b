use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rpcudp::{Change, Endpoint, Peers, WeakEndpoint};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::contract::{MembershipClient, Received};
use super::engine::{Engine, Ignored};
use super::local_node::LocalNode;
use super::node::Node;
use super::publisher::Publisher;

/// The longest run of packets that delays timers. After a pause of the process, the packets that
/// arrived meanwhile must be handled before the timers that they would have stopped.
const PACKETS_BEFORE_TIMERS: usize = 64;

/// The number of seeds to which this node announces itself at a time.
const SEEDS_AT_A_TIME: usize = 3;

/// The number of seeds that are remembered.
const MAX_SEEDS: usize = 64;

/// The rounds in which a node tells others that it has left, and the time between them.
const LEAVE_ROUNDS: u32 = 3;
const LEAVE_INTERVAL: Duration = Duration::from_millis(50);

const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The task of a node: gives the engine packets and time, and does what it asks for.
pub(crate) struct Task {
    pub(crate) engine: Engine,
    pub(crate) endpoint: WeakEndpoint,
    pub(crate) cluster: Arc<str>,
    pub(crate) local: Arc<LocalNode>,
    pub(crate) packets: Receiver<Received>,
    pub(crate) publisher: Publisher,
    pub(crate) seeds: Seeds,
    pub(crate) calls: JoinSet<(SocketAddr, Option<Node>)>,
    pub(crate) probe_interval: Duration,
    pub(crate) warned_at: Option<Instant>,
}

/// The addresses at which this node finds its first members.
pub(crate) struct Seeds {
    pub(crate) source: Option<Peers>,
    pub(crate) addrs: BTreeSet<SocketAddr>,
    pub(crate) next: Instant,
    pub(crate) random: StdRng,
}

impl Task {
    /// Runs until the node leaves or its endpoint closes. `leave` ends when the program leaves or
    /// drops its handle.
    pub(crate) async fn run(mut self, mut leave: oneshot::Receiver<()>) {
        let Some(closed) = self.endpoint.upgrade().map(|endpoint| endpoint.closed()) else { return };
        tokio::pin!(closed);
        let mut packets_in_row = 0;
        while self.flush().await {
            let timer = self.engine.next_timer().map_or(self.seeds.next, |timer| timer.min(self.seeds.next));
            let has_source = self.seeds.source.is_some();
            tokio::select! {
                biased;
                () = &mut closed => return,
                _ = &mut leave => break,
                Some((sender, packet)) = self.packets.recv() => {
                    self.receive(sender, &packet);
                    packets_in_row += 1;
                }
                Some(called) = self.calls.join_next() => {
                    let (addr, node) = called.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
                    if self.engine.validated(addr, node, Instant::now()) {
                        self.warn(|| format!("{addr} is no member: there are too many members"));
                    }
                }
                change = next_seed(&mut self.seeds.source), if has_source => self.handle_seed(change),
                () = sleep_until(timer) => packets_in_row = PACKETS_BEFORE_TIMERS,
            }
            if self.packets.is_empty() || packets_in_row >= PACKETS_BEFORE_TIMERS {
                packets_in_row = 0;
                let now = Instant::now();
                self.engine.fire(now);
                self.announce(now);
            }
        }
        self.leave().await;
    }

    fn receive(&mut self, sender: SocketAddr, packet: &[u8]) {
        match self.engine.receive(sender, packet, Instant::now()) {
            Ok(()) | Err(Ignored::Stale | Ignored::Candidate) => {}
            Err(Ignored::Source(claimed)) => self.warn(|| {
                format!("a packet from {sender} is ignored: its sender advertises {claimed}, another address")
            }),
            Err(Ignored::NotAllowed) => self.warn(|| format!("{sender} is ignored: it is not allowed to be a member")),
            Err(Ignored::Malformed(error)) => self.warn(|| format!("a packet from {sender} is ignored: {error}")),
        }
    }

    /// Sends packets, starts calls to candidates, and publishes changes. Returns whether the
    /// endpoint is open.
    async fn flush(&mut self) -> bool {
        let Some(endpoint) = self.endpoint.upgrade() else { return false };
        self.local.set(Some(self.engine.node()));
        self.send_packets(&endpoint).await;
        while let Some(addr) = self.engine.next_to_call() {
            let client = MembershipClient::new(&endpoint, addr);
            let cluster = Arc::clone(&self.cluster);
            self.calls.spawn(async move {
                let node = client.identity(&cluster).await.ok().flatten();
                (addr, node.map(|(addr, run)| Node { addr, run }))
            });
        }
        self.publisher.publish(self.engine.table());
        true
    }

    async fn send_packets(&mut self, endpoint: &Endpoint) {
        for (addr, packet) in self.engine.take_packets() {
            let client = MembershipClient::new(endpoint, addr);
            if let Err(error) = client.packet(&self.cluster, &packet).await {
                // As good as lost, which the protocol detects.
                tracing::debug!(target: "rpcudp", %addr, %error, "swim: cannot send");
            }
        }
    }

    fn handle_seed(&mut self, change: Option<Change>) {
        match change {
            Some(Change::Insert(addr)) => {
                if self.seeds.addrs.len() < MAX_SEEDS && self.seeds.addrs.insert(addr) && self.publisher.is_empty() {
                    self.seeds.next = Instant::now();
                }
            }
            Some(Change::Remove(addr)) => drop(self.seeds.addrs.remove(&addr)),
            Some(Change::Failed(error)) => self.warn(|| format!("cannot refresh the seeds: {error}")),
            Some(_) => {}
            None => self.seeds.source = None,
        }
    }

    /// Announces this node to a few seeds, if it is time: often while it has no member, and else
    /// now and then, which ends a partition of the cluster.
    fn announce(&mut self, now: Instant) {
        if now < self.seeds.next {
            return;
        }
        let is_alone = self.publisher.is_empty();
        self.seeds.next = now + if is_alone { self.probe_interval } else { 30 * self.probe_interval };
        let table = Arc::clone(&self.publisher.table.borrow());
        let strangers = self.seeds.addrs.iter().copied().filter(|addr| !table.contains_key(addr));
        let mut chosen = [self.engine.node().addr; SEEDS_AT_A_TIME];
        let count = strangers.sample_fill(&mut self.seeds.random, &mut chosen);
        for addr in &chosen[..count] {
            self.engine.announce(*addr, now);
        }
    }

    /// Tells others that this node has left, in a few rounds, as packets may be lost.
    async fn leave(&mut self) {
        self.local.set(None);
        self.engine.leave(Instant::now());
        for round in 0..LEAVE_ROUNDS {
            if round > 0 {
                sleep(LEAVE_INTERVAL).await;
                self.engine.gossip(Instant::now());
            }
            let Some(endpoint) = self.endpoint.upgrade() else { return };
            self.send_packets(&endpoint).await;
        }
    }

    /// Writes a warning, at most one per minute.
    fn warn(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.warned_at.is_none_or(|at| now.saturating_duration_since(at) >= WARNING_INTERVAL) {
            self.warned_at = Some(now);
            tracing::warn!(target: "rpcudp", cluster = &*self.cluster, "swim: {}", text());
        }
    }
}

async fn next_seed(source: &mut Option<Peers>) -> Option<Change> {
    match source {
        Some(source) => source.next_change().await,
        None => None,
    }
}
