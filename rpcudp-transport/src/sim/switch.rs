use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;

use super::conditions::Conditions;
use super::receive_queue::{Packet, ReceiveQueue};
use super::stats::NetworkStats;
use crate::datagram::Datagram;

/// The switch between the nodes: carries each datagram to the receive queue of its destination,
/// under the conditions of the link. A clone is another handle to the same switch.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
pub(super) struct State {
    rng: StdRng,
    pub(super) conditions: Conditions,
    /// The conditions of single links, by sender and receiver.
    pub(super) links: BTreeMap<(IpAddr, IpAddr), Conditions>,
    /// The partition of each host. Hosts without an entry are in one partition together.
    pub(super) partitions: BTreeMap<IpAddr, u32>,
    pub(super) partition_count: u32,
    pub(super) returns_undeliverable: bool,
    // Ordered, like every collection here, because a seed must give the same run.
    queues: BTreeMap<SocketAddr, Arc<ReceiveQueue>>,
    packet_count: u64,
    pub(super) stats: NetworkStats,
}

impl Switch {
    /// The lowest port that a node bound to port 0 gets: the first dynamic port of RFC 6335.
    const FIRST_FREE_PORT: u16 = 49_152;

    /// Creates a switch without nodes. All random decisions derive from `seed`.
    pub(super) fn new(seed: u64) -> Self {
        let state = State {
            rng: StdRng::seed_from_u64(seed),
            conditions: Conditions::default(),
            links: BTreeMap::new(),
            partitions: BTreeMap::new(),
            partition_count: 0,
            returns_undeliverable: false,
            queues: BTreeMap::new(),
            packet_count: 0,
            stats: NetworkStats::default(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Binds an address, with a free port if the port is 0. Returns the address, its receive queue,
    /// and a seed for the node.
    pub(super) fn bind(&self, addr: SocketAddr) -> io::Result<(SocketAddr, Arc<ReceiveQueue>, u64)> {
        let mut state = self.lock();
        let addr = if addr.port() == 0 { state.free_port(addr.ip())? } else { addr };
        if state.queues.contains_key(&addr) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let queue = Arc::new(ReceiveQueue::default());
        state.queues.insert(addr, Arc::clone(&queue));
        let seed = state.rng.next_u64();
        Ok((addr, queue, seed))
    }

    /// Frees an address. Packets to it are dropped.
    pub(super) fn unbind(&self, addr: SocketAddr) {
        self.lock().queues.remove(&addr);
    }

    /// Sends a datagram to the node at its destination, or a report back if there is none.
    pub(super) fn send(&self, source: SocketAddr, datagram: &Datagram<'_>) {
        let now = Instant::now();
        let mut state = self.lock();
        let packets = state.packets(now, source, datagram);
        let is_bound = state.queues.contains_key(&datagram.destination);
        let receiver = if is_bound { datagram.destination } else { source };
        let queue = state.queues.get(&receiver).cloned();
        drop(state);
        if let Some(queue) = queue {
            packets.into_iter().flatten().for_each(|packet| queue.push(packet));
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No user code runs while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Decides the fate of a datagram: returns the packets that arrive, none, one or two.
    fn packets(&mut self, now: Instant, source: SocketAddr, datagram: &Datagram<'_>) -> [Option<Packet>; 2] {
        let hosts = (source.ip(), datagram.destination.ip());
        let conditions = self.links.get(&hosts).unwrap_or(&self.conditions);
        let is_bound = self.queues.contains_key(&datagram.destination);
        let rng = &mut self.rng;
        self.stats.sent += 1;
        let fate = if self.partitions.get(&hosts.0) != self.partitions.get(&hosts.1) {
            &mut self.stats.cut_off
        } else if !conditions.carries(datagram.contents.len()) {
            &mut self.stats.oversized
        } else if conditions.loses(rng) {
            &mut self.stats.lost
        } else if is_bound {
            let copies = if conditions.duplicates(rng) { 2 } else { 1 };
            self.stats.duplicated += copies - 1;
            self.stats.delivered += copies;
            return [0, 1].map(|copy| {
                (copy < copies).then(|| {
                    let (travel_time, held_back) = conditions.travel_time(rng);
                    self.stats.held_back += u64::from(held_back);
                    self.packet_count += 1;
                    Packet {
                        arrives: now + travel_time,
                        number: self.packet_count,
                        peer: source,
                        is_unreachable: false,
                        contents: datagram.contents.to_vec(),
                    }
                })
            });
        } else {
            self.stats.unreachable += 1;
            let returned = self.returns_undeliverable.then(|| {
                self.packet_count += 1;
                Packet {
                    // The way to the destination and the way back.
                    arrives: now + conditions.travel_time(rng).0 + conditions.travel_time(rng).0,
                    number: self.packet_count,
                    peer: datagram.destination,
                    is_unreachable: true,
                    contents: datagram.contents.to_vec(),
                }
            });
            return [returned, None];
        };
        *fate += 1;
        [None, None]
    }

    fn free_port(&self, ip: IpAddr) -> io::Result<SocketAddr> {
        let mut candidates = (Switch::FIRST_FREE_PORT..=u16::MAX).map(|port| SocketAddr::from((ip, port)));
        candidates.find(|addr| !self.queues.contains_key(addr)).ok_or_else(|| io::ErrorKind::AddrInUse.into())
    }
}
