use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use super::conditions::Conditions;
use super::node::Node;
use super::stats::NetworkStats;
use super::switch::Switch;
use crate::address::canonical;

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
    switch: Switch,
}

impl Network {
    /// A network without fault, whose chances follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { switch: Switch::new(seed) }
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
        Node::bind(&self.switch, addr)
    }

    /// Changes how every datagram travels that is sent from now on, where its link has no conditions of its own.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.switch.lock().conditions = conditions;
    }

    /// Changes how datagrams travel that are sent from one host to another from now on; the way back is a link of its
    /// own.
    pub fn set_link(&self, from: IpAddr, to: IpAddr, conditions: Conditions) {
        self.switch.lock().links.insert((from, to), conditions);
    }

    /// Cuts these hosts off from all others: they reach each other alone. May be called again for other hosts.
    pub fn partition(&self, hosts: impl IntoIterator<Item = IpAddr>) {
        let mut state = self.switch.lock();
        state.partition_count += 1;
        let partition = state.partition_count;
        state.partitions.extend(hosts.into_iter().map(|host| (host, partition)));
    }

    /// Ends every partition.
    pub fn heal(&self) {
        self.switch.lock().partitions.clear();
    }

    /// Whether a datagram to an address that no node is bound to comes back, as on a host whose ICMP messages get
    /// through, or vanishes. Default: it vanishes, as behind most firewalls.
    pub fn return_undeliverable(&self, comes_back: bool) {
        self.switch.lock().returns_undeliverable = comes_back;
    }

    /// What has become of the datagrams so far.
    #[must_use]
    pub fn stats(&self) -> NetworkStats {
        self.switch.lock().stats.clone()
    }
}
