use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

/// The routers of a network.
#[derive(Debug, Default)]
pub(super) struct Routers {
    routers: Vec<Router>,
    /// The index of the router in front of each host behind one.
    by_host: BTreeMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Router {
    public: IpAddr,
    timeout: Duration,
    /// The mappings by the addresses of nodes.
    mappings: BTreeMap<SocketAddr, Mapping>,
    /// The nodes by their ports of the public address.
    nodes: BTreeMap<u16, SocketAddr>,
    last_port: u16,
}

#[derive(Debug)]
struct Mapping {
    port: u16,
    expires: Instant,
    /// The hosts that the node has sent to.
    peers: BTreeSet<IpAddr>,
}

/// A datagram's addresses behind the routers on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Translated {
    /// The sender's address as the receiver sees it.
    pub(super) source: SocketAddr,
    /// The address of the receiving node.
    pub(super) destination: SocketAddr,
    /// Whether the datagram reaches the receiver through a mapping.
    pub(super) is_mapped: bool,
}

impl Routers {
    pub(super) fn add(&mut self, public: IpAddr, hosts: impl IntoIterator<Item = IpAddr>, timeout: Duration) -> usize {
        let index = self.routers.len();
        for host in hosts {
            if let Some(earlier) = self.by_host.insert(host, index).filter(|earlier| *earlier < index) {
                self.routers[earlier].remove(host);
            }
        }
        let (mappings, nodes) = (BTreeMap::new(), BTreeMap::new());
        self.routers.push(Router { public, timeout, mappings, nodes, last_port: Router::FIRST_PORT - 1 });
        index
    }

    /// Drops the mappings of a router, and returns the hosts behind it.
    pub(super) fn rebind(&mut self, index: usize, public: Option<IpAddr>) -> Vec<IpAddr> {
        let router = &mut self.routers[index];
        router.public = public.unwrap_or(router.public);
        router.mappings.clear();
        router.nodes.clear();
        self.by_host.iter().filter(|(_, router)| **router == index).map(|(host, _)| *host).collect()
    }

    /// Translates the addresses of a datagram. Returns `None` if a router drops it.
    pub(super) fn translate(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Option<Translated> {
        let unchanged = Translated { source, destination, is_mapped: false };
        if self.routers.is_empty() {
            return Some(unchanged);
        }
        let router_of = |host| self.by_host.get(&host).copied();
        let (sender, receiver) = (router_of(source.ip()), router_of(destination.ip()));
        if receiver.is_some() {
            return (sender == receiver).then_some(unchanged);
        }
        let source = match sender {
            Some(router) => self.routers[router].outgoing(now, source, destination.ip()),
            None => source,
        };
        match self.routers.iter().find(|router| router.public == destination.ip()) {
            Some(router) => {
                let destination = router.incoming(now, source.ip(), destination.port())?;
                Some(Translated { source, destination, is_mapped: true })
            }
            None => Some(Translated { source, ..unchanged }),
        }
    }
}

impl Router {
    /// The first port of a public address: the lowest that needs no privilege.
    const FIRST_PORT: u16 = 1_024;

    /// Drops the mappings of a host.
    fn remove(&mut self, host: IpAddr) {
        self.mappings.retain(|node, _| node.ip() != host);
        self.nodes.retain(|_, node| node.ip() != host);
    }

    /// Returns the public address of a node that sends to a host.
    fn outgoing(&mut self, now: Instant, node: SocketAddr, peer: IpAddr) -> SocketAddr {
        if let Some(expired) = self.mappings.get(&node).filter(|mapping| mapping.expires <= now) {
            self.nodes.remove(&expired.port);
            self.mappings.remove(&node);
        }
        if !self.mappings.contains_key(&node) {
            let port = self.free_port();
            self.nodes.insert(port, node);
            self.mappings.insert(node, Mapping { port, expires: now, peers: BTreeSet::new() });
        }
        let mapping = self.mappings.get_mut(&node).expect("the mapping exists or was just made");
        mapping.expires = now + self.timeout;
        mapping.peers.insert(peer);
        (self.public, mapping.port).into()
    }

    /// Returns the node that a datagram to a public port reaches.
    fn incoming(&self, now: Instant, peer: IpAddr, port: u16) -> Option<SocketAddr> {
        let node = self.nodes.get(&port)?;
        let mapping = self.mappings.get(node)?;
        (now < mapping.expires && mapping.peers.contains(&peer)).then_some(*node)
    }

    /// Returns the next port that no mapping has: another one for each mapping, so that peers see a
    /// node's address change.
    fn free_port(&mut self) -> u16 {
        loop {
            self.last_port = self.last_port.checked_add(1).unwrap_or(Self::FIRST_PORT);
            if !self.nodes.contains_key(&self.last_port) {
                return self.last_port;
            }
        }
    }
}
