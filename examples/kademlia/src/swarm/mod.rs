//! Many nodes in one process: what `kad swarm` runs and the tests stand on.

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

/// Nodes that were started together.
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
/// let findings = swarm.find(0..10, |_| ()).await;
/// assert_eq!((findings.found_count(), findings.missing.len()), (10, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Swarm {
    /// The nodes, in the order in which they came.
    pub nodes: Vec<Node>,
    network: SwarmNetwork,
    config: Config,
    rng: StdRng,
    started_count: u32,
}

/// Where the nodes are.
#[derive(Clone, Debug)]
enum SwarmNetwork {
    Loopback,
    Simulated(Network),
}

impl Swarm {
    /// How many nodes come in, and how many keys are set or looked for, at once.
    const MAX_CONCURRENT: usize = 32;

    /// Through how many nodes each comes in: one of a thousand is out of reach for a while where a fifth of everything is
    /// lost.
    const BOOTSTRAP_NODE_COUNT: usize = 3;

    /// Nodes on sockets of 127.0.0.1. Which of them does what follows from `seed`.
    #[must_use]
    pub fn loopback(seed: u64, config: Config) -> Self {
        Self::new(SwarmNetwork::Loopback, seed, config)
    }

    /// Nodes of a simulated network, each in a neighbourhood of its own on the internet. Everything follows from the
    /// seeds, on one thread.
    #[must_use]
    pub fn simulated(network: Network, seed: u64, config: Config) -> Self {
        Self::new(SwarmNetwork::Simulated(network), seed, config)
    }

    fn new(network: SwarmNetwork, seed: u64, config: Config) -> Self {
        Self { nodes: Vec::new(), network, config, rng: StdRng::seed_from_u64(seed), started_count: 0 }
    }

    /// Adds nodes; each comes in through some that are there. `on_join` is told how many have.
    ///
    /// # Errors
    ///
    /// Where a node cannot be started or does not come in.
    pub async fn grow(&mut self, count: usize, mut on_join: impl FnMut(usize)) -> Result<(), GrowError> {
        let mut joined = 0;
        while joined < count {
            // One first, then as many as there are to ask: a swarm of one is not stormed by thirty.
            let at_once = self.nodes.len().clamp(1, Self::MAX_CONCURRENT).min(count - joined);
            let mut joining = JoinSet::new();
            for _ in 0..at_once {
                let node = self.start().await?;
                let through: Vec<_> =
                    (0..Self::BOOTSTRAP_NODE_COUNT).filter_map(|_| Some(self.random_node()?.local_addr())).collect();
                joining.spawn(async move {
                    if !through.is_empty() {
                        node.bootstrap(&through).await?;
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

    /// Starts a node that is alone.
    ///
    /// # Errors
    ///
    /// Where it cannot be bound.
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

    /// Sets these keys from random nodes. Returns the first error, if there is one. `on_set` is told how many are set.
    ///
    /// # Errors
    ///
    /// Where one cannot be set.
    pub async fn set(
        &mut self,
        numbers: impl IntoIterator<Item = u32>,
        mut on_set: impl FnMut(usize),
    ) -> Result<(), SetError> {
        let mut setting = JoinSet::new();
        let places = Arc::new(Semaphore::new(Self::MAX_CONCURRENT));
        for number in numbers {
            let Some(node) = self.random_node() else { return Err(SetError::NoContacts) };
            let places = Arc::clone(&places);
            setting.spawn(async move {
                let _place = places.acquire_owned().await;
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

    /// Looks for these keys, each from a random node. `on_end` is told how many were looked for.
    pub async fn find(&mut self, numbers: impl IntoIterator<Item = u32>, on_end: impl FnMut(usize)) -> FindReport {
        let from: Vec<_> = numbers.into_iter().filter_map(|number| Some((self.random_node()?, number))).collect();
        Self::find_from(from, on_end).await
    }

    /// Looks for keys from these nodes.
    pub async fn find_from(from: impl IntoIterator<Item = (Node, u32)>, mut on_end: impl FnMut(usize)) -> FindReport {
        let mut finding = JoinSet::new();
        let places = Arc::new(Semaphore::new(Self::MAX_CONCURRENT));
        for (node, number) in from {
            let places = Arc::clone(&places);
            finding.spawn(async move {
                let _place = places.acquire_owned().await;
                let search = node.find(key(number)).await;
                (number, search.value == Some(value(number)), search.hops, search.elapsed)
            });
        }
        let mut findings = FindReport::default();
        let mut count = 0;
        while let Some(found) = finding.join_next().await {
            let (number, is_found, hops, time) = found.expect("looking does not panic");
            if is_found {
                findings.hops.push(hops);
                findings.times.push(time);
            } else {
                findings.missing.push(number);
            }
            count += 1;
            on_end(count);
        }
        findings
    }

    /// Looks for the nodes nearest to so many random keys, each from a random node, and says how many hops each was away.
    /// `on_end` is called for each that was looked for.
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

    /// A random node, if there is one.
    pub fn random_node(&mut self) -> Option<Node> {
        if self.nodes.is_empty() {
            return None;
        }
        Some(self.nodes[self.rng.random_range(0..self.nodes.len())].clone())
    }
}

/// The key of a number.
#[must_use]
pub fn key(number: u32) -> Key {
    Key::of(format!("key {number}"))
}

/// The value that belongs to it.
#[must_use]
pub fn value(number: u32) -> Value {
    Value::Text(format!("value {number}"))
}

/// So many parts of a number, none larger than another by more than one.
fn split_evenly(count: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |part| count / parts + usize::from(part < count % parts))
}

/// Addresses from 11.0.0.1 on, each in a /24 of its own.
fn addr(number: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from((11 << 24) + (number << 8) + 1), 8_468))
}
