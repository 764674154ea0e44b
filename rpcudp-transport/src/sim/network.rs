use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use super::conditions::Conditions;
use super::nat::Nat;
use super::node::Node;
use super::stats::NetworkStats;
use super::switch::Switch;
use crate::address::canonical;

/// A simulated network in memory. A clone is another handle to the same network.
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
    switch: Switch,
}

impl Network {
    /// Creates a network without faults. All random decisions derive from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { switch: Switch::new(seed) }
    }

    /// Binds a node to an address of your choice. Port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is in use, or if its IP address is unspecified: a node has
    /// one address, the one that its peers use.
    pub fn bind(&self, addr: impl ToSocketAddrs) -> io::Result<Node> {
        let addr = addr.to_socket_addrs()?.next().ok_or(io::ErrorKind::InvalidInput)?;
        let addr = canonical(addr);
        if addr.ip().is_unspecified() {
            let message =
                "a node of a simulated network cannot be bound to all addresses: give the one that its peers use";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Node::bind(&self.switch, addr)
    }

    /// Sets the conditions of all links without conditions of their own. Applies to datagrams sent
    /// from now on.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.switch.lock().conditions = conditions;
    }

    /// Sets the conditions of the link from one host to another. Applies to datagrams sent from now
    /// on. The opposite direction is a link of its own.
    pub fn set_link(&self, from: IpAddr, to: IpAddr, conditions: Conditions) {
        self.switch.lock().link_conditions.insert((from, to), conditions);
    }

    /// Partitions the network: these hosts reach each other, and no other host. A second call with
    /// other hosts makes another partition.
    pub fn partition(&self, hosts: impl IntoIterator<Item = IpAddr>) {
        let mut state = self.switch.lock();
        state.partition_count += 1;
        let partition = state.partition_count;
        state.partitions.extend(hosts.into_iter().map(|host| (host, partition)));
    }

    /// Ends all partitions.
    pub fn heal(&self) {
        self.switch.lock().partitions.clear();
    }

    /// Puts a router with network address translation in front of hosts, with one public address
    /// for all of them. A mapping expires if its node sends no datagram for `mapping_timeout`; home
    /// routers have 30 seconds to a few minutes. See [`Nat`].
    ///
    /// A host is behind one router: a second call with the same host moves it there.
    pub fn nat(&self, public: IpAddr, hosts: impl IntoIterator<Item = IpAddr>, mapping_timeout: Duration) -> Nat {
        let index = self.switch.lock().routers.add(public, hosts, mapping_timeout);
        Nat { switch: self.switch.clone(), index }
    }

    /// Pauses the node at an address, as a process that is stopped or a virtual machine that is
    /// suspended looks to its peers: datagrams arrive, and the node receives them when it
    /// [resumes](Self::resume). Datagrams that it sends meanwhile leave when it resumes.
    ///
    /// The timers of the program run on. [`sim`](super#pauses) shows a pause in which they are
    /// late.
    ///
    /// # Panics
    ///
    /// Panics if no node is bound to the address.
    pub fn pause(&self, addr: SocketAddr) {
        assert!(self.switch.pause(addr), "no node is bound to {addr}");
    }

    /// Resumes a paused node.
    ///
    /// # Panics
    ///
    /// Panics if no node is bound to the address.
    pub fn resume(&self, addr: SocketAddr) {
        assert!(self.switch.resume(addr), "no node is bound to {addr}");
    }

    /// Sets whether a datagram to an address without a node is reported to its sender as
    /// unreachable, as by a host whose ICMP messages get through. Default: `false`, the datagram is
    /// dropped without a report, as by most firewalls.
    pub fn return_undeliverable(&self, enabled: bool) {
        self.switch.lock().returns_undeliverable = enabled;
    }

    /// Returns the counts of sent, delivered and dropped datagrams so far.
    #[must_use]
    pub fn stats(&self) -> NetworkStats {
        self.switch.lock().stats.clone()
    }
}
