//! Many nodes in one process, for `kad swarm` and for tests.

mod error;
mod find_report;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use error::GrowError;
pub use find_report::FindReport;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::sim::Network;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::{BootstrapError, Config, Key, Node, SetError, StartError, Value};

/// Nodes of one network in one process.
///
/// ```
/// use rpcudp::sim::Network;
/// use rpcudp_kademlia::{Config, swarm::Swarm};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut swarm = Swarm::simulated(Network::new(7), 7, Config::default());
/// swarm.grow(30, |_| ()).await?;
/// swarm.set(0..10, |_| ()).await?;
/// let report = swarm.find(0..10, |_| ()).await;
/// assert_eq!((report.found_count(), report.missing.len()), (10, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Swarm {
    /// The nodes, in the order in which they joined.
    pub nodes: Vec<Node>,
    network: SwarmNetwork,
    config: Config,
    rng: StdRng,
    started_count: u32,
}

/// The network that the nodes are on.
#[derive(Clone, Debug)]
enum SwarmNetwork {
    Loopback,
    Simulated(Network),
}

impl Swarm {
    /// The number of nodes that join, and of keys that are set or looked up, at the same time.
    const MAX_CONCURRENT: usize = 32;

    /// The number of nodes that each node bootstraps from. With 20 % loss, one node in a thousand
    /// is temporarily unreachable.
    const BOOTSTRAP_NODE_COUNT: usize = 3;

    /// Creates an empty swarm on sockets of 127.0.0.1. `seed` determines the choices of nodes.
    #[must_use]
    pub fn loopback(seed: u64, config: Config) -> Self {
        Self::new(SwarmNetwork::Loopback, seed, config)
    }

    /// Creates an empty swarm on a simulated network, with each node in its own subnet of the
    /// internet. On one thread, the two seeds determine everything that happens.
    #[must_use]
    pub fn simulated(network: Network, seed: u64, config: Config) -> Self {
        Self::new(SwarmNetwork::Simulated(network), seed, config)
    }

    fn new(network: SwarmNetwork, seed: u64, config: Config) -> Self {
        Self { nodes: Vec::new(), network, config, rng: StdRng::seed_from_u64(seed), started_count: 0 }
    }

    /// Adds nodes, which bootstrap from random nodes of the swarm. Calls `on_join` with the number
    /// of nodes that have joined so far.
    ///
    /// # Errors
    ///
    /// Returns an error if a node cannot be started or cannot join.
    pub async fn grow(&mut self, count: usize, mut on_join: impl FnMut(usize)) -> Result<(), GrowError> {
        let mut joined = 0;
        while joined < count {
            // At most as many as the swarm has, so that the first nodes are not overloaded.
            let join_count = self.nodes.len().clamp(1, Self::MAX_CONCURRENT).min(count - joined);
            let mut joining = JoinSet::new();
            for _ in 0..join_count {
                let node = self.start().await?;
                let bootstrap: Vec<_> =
                    (0..Self::BOOTSTRAP_NODE_COUNT).filter_map(|_| Some(self.random_node()?.local_addr())).collect();
                joining.spawn(async move {
                    if !bootstrap.is_empty() {
                        node.bootstrap(&bootstrap).await?;
                    }
                    Ok::<_, BootstrapError>(node)
                });
            }
            while let Some(node) = joining.join_next().await {
                self.nodes.push(node.expect("bootstrapping does not panic")?);
                joined += 1;
                on_join(joined);
            }
        }
        Ok(())
    }

    /// Starts a node that has joined no network.
    ///
    /// # Errors
    ///
    /// Returns an error if the node cannot be bound.
    pub async fn start(&mut self) -> Result<Node, StartError> {
        let config = Config { seed: Some(self.rng.random()), ..self.config.clone() };
        let builder = Node::builder().config(config);
        match &self.network {
            SwarmNetwork::Loopback => builder.bind("127.0.0.1:0").await,
            SwarmNetwork::Simulated(network) => {
                self.started_count += 1;
                let node = network.bind(addr(self.started_count)).expect("no address is used twice");
                builder.bind_transport(node)
            }
        }
    }

    /// Sets the keys of these numbers, each from a random node. Calls `on_set` with the number of
    /// keys that are set so far.
    ///
    /// # Errors
    ///
    /// Returns the first error if a key cannot be set.
    pub async fn set(
        &mut self,
        numbers: impl IntoIterator<Item = u32>,
        mut on_set: impl FnMut(usize),
    ) -> Result<(), SetError> {
        let mut setting = JoinSet::new();
        let permits = Arc::new(Semaphore::new(Self::MAX_CONCURRENT));
        for number in numbers {
            let Some(node) = self.random_node() else { return Err(SetError::NoContacts) };
            let permits = Arc::clone(&permits);
            setting.spawn(async move {
                let _permit = permits.acquire_owned().await;
                node.set(key(number), value(number)).await
            });
        }
        let mut count = 0;
        while let Some(set) = setting.join_next().await {
            set.expect("setting does not panic")?;
            count += 1;
            on_set(count);
        }
        Ok(())
    }

    /// Looks up the keys of these numbers, each from a random node. Calls `on_end` with the number
    /// of lookups that have ended so far.
    pub async fn find(&mut self, numbers: impl IntoIterator<Item = u32>, on_end: impl FnMut(usize)) -> FindReport {
        let from: Vec<_> = numbers.into_iter().filter_map(|number| Some((self.random_node()?, number))).collect();
        Self::find_from(from, on_end).await
    }

    /// Looks up the keys of these numbers, each from the given node.
    pub async fn find_from(from: impl IntoIterator<Item = (Node, u32)>, mut on_end: impl FnMut(usize)) -> FindReport {
        let mut finding = JoinSet::new();
        let permits = Arc::new(Semaphore::new(Self::MAX_CONCURRENT));
        for (node, number) in from {
            let permits = Arc::clone(&permits);
            finding.spawn(async move {
                let _permit = permits.acquire_owned().await;
                let result = node.find(key(number)).await;
                (number, result.value == Some(value(number)), result.hops, result.elapsed)
            });
        }
        let mut report = FindReport::default();
        let mut count = 0;
        while let Some(found) = finding.join_next().await {
            let (number, is_found, hops, time) = found.expect("a lookup does not panic");
            if is_found {
                report.hops.push(hops);
                report.times.push(time);
            } else {
                report.missing.push(number);
            }
            count += 1;
            on_end(count);
        }
        report
    }

    /// Looks up `count` random keys, each from a random node. Returns the hops of each lookup, and
    /// calls `on_end` after each.
    pub async fn lookup_random(&mut self, count: usize, on_end: impl Fn() + Clone + Send + 'static) -> Vec<u32> {
        let mut looking = JoinSet::new();
        for share in split_evenly(count, Self::MAX_CONCURRENT) {
            let from: Vec<_> =
                (0..share).filter_map(|_| Some((self.random_node()?, Key::from_bytes(self.rng.random())))).collect();
            let on_end = on_end.clone();
            looking.spawn(async move {
                let mut hops = Vec::with_capacity(from.len());
                for (node, key) in from {
                    hops.push(node.lookup(key).await.hops);
                    on_end();
                }
                hops
            });
        }
        looking.join_all().await.concat()
    }

    /// Returns a random node, or `None` if the swarm is empty.
    pub fn random_node(&mut self) -> Option<Node> {
        if self.nodes.is_empty() {
            return None;
        }
        Some(self.nodes[self.rng.random_range(0..self.nodes.len())].clone())
    }
}

/// Returns the key of a number.
#[must_use]
pub fn key(number: u32) -> Key {
    Key::of(format!("key {number}"))
}

/// Returns the value that [`Swarm::set`] sets under the key of a number.
#[must_use]
pub fn value(number: u32) -> Value {
    Value::Text(format!("value {number}"))
}

/// Splits a number into parts that differ by at most one.
fn split_evenly(count: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |part| count / parts + usize::from(part < count % parts))
}

/// Returns the address of a node, each in its own /24: 11.0.1.1, 11.0.2.1, and so on.
fn addr(number: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from((11 << 24) + (number << 8) + 1), 8_468))
}
