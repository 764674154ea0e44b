use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;

use super::receive_queue::{Inbox, Letter};
use super::{Conditions, Node};
use crate::{Datagram, canonical};

/// A network in memory. A clone is another handle to the same network.
///
/// ```
/// use rpcudp::sim::{Conditions, Network};
/// use std::time::Duration;
///
/// let network = Network::new(7);
/// network.set_conditions(Conditions::default().loss(0.3).latency(Duration::from_millis(20)));
/// let node = network.bind("10.0.0.1:7000")?;
/// network.partition(["10.0.0.1".parse().unwrap()]);
/// network.heal();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    state: Arc<Mutex<State>>,
}

/// What has become of the datagrams that were sent on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkStats {
    /// Datagrams that nodes sent.
    pub sent: u64,
    /// Those that were put on their way to a node, copies included.
    pub delivered: u64,
    /// Those that were lost by chance.
    pub lost: u64,
    /// Copies that were made.
    pub duplicated: u64,
    /// Those that were held back for others to overtake.
    pub held_back: u64,
    /// Those that were larger than the MTU.
    pub oversized: u64,
    /// Those that a partition stopped.
    pub cut_off: u64,
    /// Those to an address that no node is bound to.
    pub unreachable: u64,
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    conditions: Conditions,
    /// Conditions of their own, by sender and receiver.
    links: BTreeMap<(IpAddr, IpAddr), Conditions>,
    /// Which part of a partitioned network a host is in: 0 where nothing is said.
    parts: BTreeMap<IpAddr, u32>,
    part_count: u32,
    returns_undeliverable: bool,
    // Ordered, as everything here: a seed must give the same run.
    nodes: BTreeMap<SocketAddr, Arc<Inbox>>,
    sent_count: u64,
    stats: NetworkStats,
}

impl Network {
    /// The port that a node gets which is bound to port 0, if it is free: the first of those that systems hand out.
    const FIRST_FREE_PORT: u16 = 49_152;

    /// A network without fault, whose chances follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            rng: StdRng::seed_from_u64(seed),
            conditions: Conditions::default(),
            links: BTreeMap::new(),
            parts: BTreeMap::new(),
            part_count: 0,
            returns_undeliverable: false,
            nodes: BTreeMap::new(),
            sent_count: 0,
            stats: NetworkStats::default(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A place on the network, at an address of your choice; port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// Where the address is taken, or is unspecified: a node has one address, the one that its peers use.
    pub fn bind(&self, addr: impl ToSocketAddrs) -> io::Result<Node> {
        let addr = addr.to_socket_addrs()?.next().ok_or(io::ErrorKind::InvalidInput)?;
        let addr = canonical(addr);
        if addr.ip().is_unspecified() {
            let message = "a node of a simulated network needs the address that its peers use";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut state = self.lock();
        let addr = if addr.port() == 0 { state.free_port(addr.ip())? } else { addr };
        if state.nodes.contains_key(&addr) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let inbox = Arc::new(Inbox::default());
        state.nodes.insert(addr, Arc::clone(&inbox));
        let seed = state.rng.next_u64();
        drop(state);
        Ok(Node::new(self.clone(), addr, inbox, seed))
    }

    /// Changes how every datagram travels that is sent from now on, where its link has no conditions of its own.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.lock().conditions = conditions;
    }

    /// Changes how datagrams travel that are sent from one host to another from now on; the way back is a link of its
    /// own.
    pub fn set_link(&self, from: IpAddr, to: IpAddr, conditions: Conditions) {
        self.lock().links.insert((from, to), conditions);
    }

    /// Cuts these hosts off from all others: they reach each other alone. May be called again for other hosts.
    pub fn partition(&self, hosts: impl IntoIterator<Item = IpAddr>) {
        let mut state = self.lock();
        state.part_count += 1;
        let part = state.part_count;
        state.parts.extend(hosts.into_iter().map(|host| (host, part)));
    }

    /// Ends every partition.
    pub fn heal(&self) {
        self.lock().parts.clear();
    }

    /// Whether a datagram to an address that no node is bound to comes back, as on a host whose ICMP messages get
    /// through, or vanishes. Default: it vanishes, as behind most firewalls.
    pub fn return_undeliverable(&self, comes_back: bool) {
        self.lock().returns_undeliverable = comes_back;
    }

    /// What has become of the datagrams so far.
    #[must_use]
    pub fn stats(&self) -> NetworkStats {
        self.lock().stats.clone()
    }

    pub(super) fn send(&self, source: SocketAddr, datagram: &Datagram<'_>) {
        let now = Instant::now();
        let mut state = self.lock();
        let letters = state.letters(now, source, datagram);
        let is_there = state.nodes.contains_key(&datagram.destination);
        let receiver = if is_there { datagram.destination } else { source };
        let inbox = state.nodes.get(&receiver).cloned();
        drop(state);
        if let Some(inbox) = inbox {
            letters.into_iter().flatten().for_each(|letter| inbox.put(letter));
        }
    }

    pub(super) fn unbind(&self, addr: SocketAddr) {
        self.lock().nodes.remove(&addr);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of a user's runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What arrives of a datagram: nothing, itself, or itself and a copy.
    fn letters(&mut self, now: Instant, source: SocketAddr, datagram: &Datagram<'_>) -> [Option<Letter>; 2] {
        let hosts = (source.ip(), datagram.destination.ip());
        let conditions = self.links.get(&hosts).unwrap_or(&self.conditions);
        let is_there = self.nodes.contains_key(&datagram.destination);
        let rng = &mut self.rng;
        self.stats.sent += 1;
        let fate = if self.parts.get(&hosts.0) != self.parts.get(&hosts.1) {
            &mut self.stats.cut_off
        } else if !conditions.carries(datagram.contents.len()) {
            &mut self.stats.oversized
        } else if conditions.loses(rng) {
            &mut self.stats.lost
        } else if is_there {
            let copies = if conditions.doubles(rng) { 2 } else { 1 };
            self.stats.duplicated += copies - 1;
            self.stats.delivered += copies;
            return [0, 1].map(|copy| {
                (copy < copies).then(|| {
                    let (travel_time, held_back) = conditions.travel_time(rng);
                    self.stats.held_back += u64::from(held_back);
                    self.sent_count += 1;
                    Letter {
                        arrives: now + travel_time,
                        number: self.sent_count,
                        source,
                        has_bounced: false,
                        contents: datagram.contents.to_vec(),
                    }
                })
            });
        } else {
            self.stats.unreachable += 1;
            let returned = self.returns_undeliverable.then(|| {
                self.sent_count += 1;
                Letter {
                    // There and back.
                    arrives: now + conditions.travel_time(rng).0 + conditions.travel_time(rng).0,
                    number: self.sent_count,
                    source: datagram.destination,
                    has_bounced: true,
                    contents: datagram.contents.to_vec(),
                }
            });
            return [returned, None];
        };
        *fate += 1;
        [None, None]
    }

    fn free_port(&self, ip: IpAddr) -> io::Result<SocketAddr> {
        let mut candidates = (Network::FIRST_FREE_PORT..=u16::MAX).map(|port| SocketAddr::from((ip, port)));
        candidates.find(|addr| !self.nodes.contains_key(addr)).ok_or_else(|| io::ErrorKind::AddrInUse.into())
    }
}
