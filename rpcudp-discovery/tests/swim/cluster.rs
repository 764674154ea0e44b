//! Clusters on the simulated network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::{Endpoint, Peers};
use rpcudp_discovery::{Swim, SwimBuilder};
use tokio::time::{Instant, sleep};

/// A node, whose endpoint is a process of its own.
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) swim: Swim,
}

/// The nodes of a cluster by their numbers, on one network.
pub(crate) struct Cluster {
    pub(crate) network: Network,
    pub(crate) nodes: BTreeMap<u8, Node>,
    seed: u64,
}

impl Cluster {
    pub(crate) fn new(seed: u64) -> Self {
        Self { network: Network::new(seed), nodes: BTreeMap::new(), seed }
    }

    /// Starts nodes with these numbers, which have the first two nodes as seeds.
    pub(crate) fn start(&mut self, numbers: impl IntoIterator<Item = u8>) {
        for number in numbers {
            let node = self.node(number, |builder| builder);
            self.nodes.insert(number, node);
        }
    }

    pub(crate) fn node(&mut self, number: u8, configure: impl FnOnce(SwimBuilder) -> SwimBuilder) -> Node {
        self.seed += 1;
        let builder = Swim::builder("test").seeds(Peers::fixed([addr(1), addr(2)])).random_seed(self.seed);
        let builder = configure(builder);
        let transport = self.network.bind(addr(number)).expect("the address is free");
        let endpoint = Endpoint::builder().serve(builder.service()).bind_transport(transport).expect("it binds");
        let swim = builder.join(&endpoint).expect("it joins");
        Node { endpoint, swim }
    }

    /// Ends a node without a word to the others.
    pub(crate) async fn kill(&mut self, number: u8) {
        let node = self.nodes.remove(&number).expect("the node runs");
        node.endpoint.close(Duration::ZERO).await;
    }

    /// Whether all nodes know all others and no more, with nobody under suspicion.
    fn has_converged(&self) -> bool {
        let all: BTreeSet<SocketAddr> = self.nodes.keys().map(|number| addr(*number)).collect();
        self.nodes.values().all(|node| {
            let members = node.swim.members();
            let known: BTreeSet<SocketAddr> = members.iter().map(|member| member.addr).collect();
            let expected = all.iter().copied().filter(|addr| *addr != node.swim.addr()).collect();
            known == expected && members.iter().all(|member| !member.is_suspect)
        })
    }

    /// Waits until all nodes agree, and returns the virtual time that it took.
    pub(crate) async fn converge(&self, within: Duration) -> Duration {
        let start = Instant::now();
        while !self.has_converged() {
            assert!(start.elapsed() <= within, "seed {}: not within {within:?}: {}", self.seed, self.describe());
            sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    }

    fn describe(&self) -> String {
        let node = |(number, node): (&u8, &Node)| format!("{number} knows {:?}; ", node.swim.members());
        self.nodes.iter().map(node).collect()
    }
}

pub(crate) fn addr(number: u8) -> SocketAddr {
    ([10, 0, 0, number], 7_000).into()
}
