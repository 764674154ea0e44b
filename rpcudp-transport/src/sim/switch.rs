use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::time::Instant;

use super::conditions::Conditions;
use super::link::{Link, Loss};
use super::receive_queue::{Packet, ReceiveQueue};
use super::routers::{Routers, Translated};
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
    pub(super) link_conditions: BTreeMap<(IpAddr, IpAddr), Conditions>,
    links: BTreeMap<(IpAddr, IpAddr), Link>,
    pub(super) routers: Routers,
    /// The partition of each host. Hosts without an entry are in one partition together.
    pub(super) partitions: BTreeMap<IpAddr, u32>,
    pub(super) partition_count: u32,
    pub(super) returns_undeliverable: bool,
    // Ordered, like every collection here, because a seed must give the same run.
    queues: BTreeMap<SocketAddr, Arc<ReceiveQueue>>,
    /// The members of each multicast group with each port.
    pub(super) members: BTreeMap<(IpAddr, u16), BTreeSet<SocketAddr>>,
    /// The datagrams that paused nodes have sent, in order: destination and contents.
    paused: BTreeMap<SocketAddr, Vec<(SocketAddr, Vec<u8>)>>,
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
            link_conditions: BTreeMap::new(),
            links: BTreeMap::new(),
            routers: Routers::default(),
            partitions: BTreeMap::new(),
            partition_count: 0,
            returns_undeliverable: false,
            queues: BTreeMap::new(),
            members: BTreeMap::new(),
            paused: BTreeMap::new(),
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
        let mut state = self.lock();
        state.queues.remove(&addr);
        state.paused.remove(&addr);
        for members in state.members.values_mut() {
            members.remove(&addr);
        }
    }

    /// Pauses the node at an address. Returns `false` if there is none.
    pub(super) fn pause(&self, addr: SocketAddr) -> bool {
        let mut state = self.lock();
        let Some(queue) = state.queues.get(&addr).cloned() else { return false };
        state.paused.entry(addr).or_default();
        drop(state);
        queue.set_paused(true);
        true
    }

    /// Resumes the node at an address. Returns `false` if there is none.
    pub(super) fn resume(&self, addr: SocketAddr) -> bool {
        let mut state = self.lock();
        let Some(queue) = state.queues.get(&addr).cloned() else { return false };
        let held = state.paused.remove(&addr).unwrap_or_default();
        drop(state);
        for (destination, contents) in held {
            self.send(addr, &Datagram { destination, source: None, contents: &contents });
        }
        queue.set_paused(false);
        true
    }

    /// Drops the mappings of a router, and the packets on their way to them.
    pub(super) fn rebind(&self, router: usize, public: Option<IpAddr>) {
        let now = Instant::now();
        let mut state = self.lock();
        let hosts = state.routers.rebind(router, public);
        let queues = state.queues.iter().filter(|(addr, _)| hosts.contains(&addr.ip()));
        let dropped_count: u64 = queues.map(|(_, queue)| queue.drop_mapped(now)).sum();
        state.stats.delivered -= dropped_count;
        state.stats.unmapped += dropped_count;
    }

    /// Sends a datagram to the node at its destination, or a report back if there is none. Sends it
    /// to all members of a multicast group.
    pub(super) fn send(&self, source: SocketAddr, datagram: &Datagram<'_>) {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(held) = state.paused.get_mut(&source) {
            held.push((datagram.destination, datagram.contents.to_vec()));
            return;
        }
        if let Some(members) = state.members_of(datagram.destination) {
            drop(state);
            return self.send_to_all(source, datagram, members);
        }
        let (receiver, packets) = state.packets(now, source, datagram);
        let queue = state.queues.get(&receiver).cloned();
        drop(state);
        if let Some(queue) = queue {
            packets.into_iter().flatten().for_each(|packet| queue.push(packet));
        }
    }

    /// Sends a datagram to each member of a multicast group, over a link of its own.
    fn send_to_all(&self, source: SocketAddr, datagram: &Datagram<'_>, members: Vec<SocketAddr>) {
        let now = Instant::now();
        self.lock().stats.sent += 1;
        for destination in members {
            let mut state = self.lock();
            let (receiver, mut packets) = state.packets(now, source, &Datagram { destination, ..*datagram });
            // It is one datagram for its sender.
            state.stats.sent -= 1;
            let queue = state.queues.get(&receiver).cloned();
            drop(state);
            if let Some(queue) = queue.filter(|_| receiver == destination) {
                packets.iter_mut().flatten().for_each(|packet| packet.group = Some(datagram.destination.ip()));
                packets.into_iter().flatten().for_each(|packet| queue.push(packet));
            }
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No user code runs while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Decides the fate of a datagram: returns the node that receives packets, and the packets,
    /// none, one or two.
    fn packets(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &Datagram<'_>,
    ) -> (SocketAddr, [Option<Packet>; 2]) {
        let &Datagram { destination, contents, .. } = datagram;
        self.stats.sent += 1;
        let Some(translated) = self.routers.translate(now, source, destination) else {
            self.stats.unmapped += 1;
            return (source, [None, None]);
        };
        let Translated { source: seen_source, destination: receiver, is_mapped } = translated;
        let hosts = (source.ip(), receiver.ip());
        let conditions = self.link_conditions.get(&hosts).unwrap_or(&self.conditions);
        if self.partitions.get(&hosts.0) != self.partitions.get(&hosts.1) {
            self.stats.cut_off += 1;
            return (receiver, [None, None]);
        }
        if contents.len() > conditions.mtu {
            self.stats.oversized += 1;
            return (receiver, [None, None]);
        }
        let link = self.links.entry(hosts).or_default();
        let transmitted = match link.transmit(conditions, now, contents.len(), &mut self.rng) {
            Ok(transmitted) => transmitted,
            Err(loss) => {
                match loss {
                    Loss::Random => self.stats.lost += 1,
                    Loss::QueueFull => self.stats.overflowed += 1,
                }
                return (receiver, [None, None]);
            }
        };
        if !self.queues.contains_key(&receiver) {
            self.stats.unreachable += 1;
            let report = self.returns_undeliverable.then(|| {
                self.packet_count += 1;
                // The way to the destination and the way back.
                let [there, back] = [(); 2].map(|()| link.travel(conditions, now, &mut self.rng).time);
                Packet {
                    arrives: transmitted + there + back,
                    number: self.packet_count,
                    peer: destination,
                    group: None,
                    is_unreachable: true,
                    is_mapped: false,
                    contents: contents.to_vec(),
                }
            });
            return (source, [report, None]);
        }
        let copy_count = if self.rng.random_bool(conditions.duplication) { 2 } else { 1 };
        self.stats.duplicated += copy_count - 1;
        self.stats.delivered += copy_count;
        let packets = [0, 1].map(|copy| {
            (copy < copy_count).then(|| {
                let travel = link.travel(conditions, now, &mut self.rng);
                self.stats.held_back += u64::from(travel.is_held_back);
                self.packet_count += 1;
                Packet {
                    arrives: transmitted + travel.time,
                    number: self.packet_count,
                    peer: seen_source,
                    group: None,
                    is_unreachable: false,
                    is_mapped,
                    contents: contents.to_vec(),
                }
            })
        });
        (receiver, packets)
    }

    /// Returns the nodes that a datagram to a multicast or broadcast address reaches. `None` for
    /// the address of one node.
    fn members_of(&self, destination: SocketAddr) -> Option<Vec<SocketAddr>> {
        let port = destination.port();
        match destination.ip() {
            IpAddr::V4(Ipv4Addr::BROADCAST) => {
                let nodes = self.queues.keys().filter(|node| node.is_ipv4() && node.port() == port);
                Some(nodes.copied().collect())
            }
            ip if ip.is_multicast() => {
                let members = self.members.get(&(ip, port));
                Some(members.into_iter().flatten().copied().collect())
            }
            _ => None,
        }
    }

    fn free_port(&self, ip: IpAddr) -> io::Result<SocketAddr> {
        let mut candidates = (Switch::FIRST_FREE_PORT..=u16::MAX).map(|port| SocketAddr::from((ip, port)));
        candidates.find(|addr| !self.queues.contains_key(addr)).ok_or_else(|| io::ErrorKind::AddrInUse.into())
    }
}
