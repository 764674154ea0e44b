use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::{StdRng, SysRng};
use rand::{RngExt, SeedableRng};
use rpcudp::transport::canonical;
use rpcudp::{Endpoint, Peers, Service};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::contract::{Inbox, MembershipServer, Received};
use super::engine::{Engine, EngineOptions};
use super::error::SwimError;
use super::handle::Swim;
use super::local_node::LocalNode;
use super::node::Node;
use super::publisher::Publisher;
use super::task::{Seeds, Task};

/// The number of packets that wait for the protocol's task. More are dropped.
const PACKETS: usize = 256;

const MAX_CLUSTER_LEN: usize = 64;

/// The options of a node before it joins a cluster. Made by [`Swim::builder`].
#[must_use = "a node joins when `join` is called"]
pub struct SwimBuilder {
    cluster: Arc<str>,
    local: Arc<LocalNode>,
    packets: (Sender<Received>, Receiver<Received>),
    is_served: AtomicBool,
    seeds: Option<Peers>,
    advertised: Option<SocketAddr>,
    options: EngineOptions,
    random_seed: Option<u64>,
}

impl Swim {
    /// Begins to configure a node. The name keeps clusters apart that reach each other by mistake.
    pub fn builder(cluster: &str) -> SwimBuilder {
        SwimBuilder::new(cluster)
    }
}

impl SwimBuilder {
    const PROBE_INTERVAL: Duration = Duration::from_secs(1);
    /// Twice the time of a probe, which must be longer than a round trip and the kernel's delays.
    const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);
    const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
    const MAX_MEMBERS: usize = 256;

    fn new(cluster: &str) -> Self {
        Self {
            cluster: cluster.into(),
            local: Arc::default(),
            packets: channel(PACKETS),
            is_served: AtomicBool::new(false),
            seeds: None,
            advertised: None,
            options: EngineOptions {
                probe_interval: Self::PROBE_INTERVAL,
                max_members: Self::MAX_MEMBERS,
                filter: Arc::new(|_| true),
            },
            random_seed: None,
        }
    }

    /// Returns the service that the endpoint must serve.
    pub fn service(&self) -> impl Service + use<> {
        self.is_served.store(true, Ordering::Relaxed);
        let (cluster, node) = (Arc::clone(&self.cluster), Arc::clone(&self.local));
        MembershipServer::new(Inbox { cluster, node, packets: self.packets.0.clone() })
    }

    /// Sets the peers at which the node finds its first members: a list with some members, or a
    /// source, of which up to 64 are used. Default: none, for the first node of a cluster, which
    /// others find. The address of this node among them does no harm.
    pub fn seeds(self, seeds: Peers) -> Self {
        Self { seeds: Some(seeds), ..self }
    }

    /// Sets the address at which others reach this node, which must be the source of its datagrams.
    /// Default: the endpoint's address, which then must not be unspecified.
    pub fn advertise(self, addr: SocketAddr) -> Self {
        Self { advertised: Some(addr), ..self }
    }

    /// Sets the time between two probes, to which all other times are in proportion: the time to
    /// suspect a member, and to give it up. Must be above twice the round trip between members.
    /// Default: 1 s; at least 20 ms, at most 60 s.
    pub fn probe_interval(mut self, interval: Duration) -> Self {
        self.options.probe_interval = interval.clamp(Self::SHORTEST_INTERVAL, Self::LONGEST_INTERVAL);
        self
    }

    /// Sets the number of members that this node takes, itself not among them. Others are ignored.
    /// As many that have left are remembered. Default: 256.
    pub fn max_members(mut self, count: usize) -> Self {
        self.options.max_members = count;
        self
    }

    /// Sets the addresses that may be members, such as those of a private network. Default: all.
    pub fn allow(mut self, filter: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        self.options.filter = Arc::new(filter);
        self
    }

    /// Sets the seed of the protocol's random decisions, for tests that repeat. Default: random.
    pub fn random_seed(self, seed: u64) -> Self {
        Self { random_seed: Some(seed), ..self }
    }

    /// Joins the cluster, in a task of the current runtime. It goes on to try until a seed
    /// responds.
    ///
    /// # Errors
    ///
    /// Returns an error if the endpoint is closed or does not serve [`service`](Self::service), or
    /// if its address or the cluster's name is unusable.
    ///
    /// # Panics
    ///
    /// Outside a runtime of tokio.
    pub fn join(self, endpoint: &Endpoint) -> Result<Swim, SwimError> {
        if !(1..=MAX_CLUSTER_LEN).contains(&self.cluster.len()) {
            return Err(SwimError::ClusterName((*self.cluster).into()));
        }
        if !self.is_served.load(Ordering::Relaxed) {
            return Err(SwimError::NotServed);
        }
        let addr = canonical(self.advertised.unwrap_or_else(|| endpoint.local_addr()));
        if !is_usable(addr) {
            return Err(SwimError::UnusableAddress(addr));
        }
        let weak = endpoint.downgrade();
        if weak.upgrade().is_none() {
            return Err(SwimError::Closed);
        }
        let mut random = match self.random_seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::try_from_rng(&mut SysRng).expect("the system has random numbers"),
        };
        let node = Node { addr, run: random.random() };
        let seeds_random = StdRng::seed_from_u64(random.random());
        self.local.set(Some(node));
        let (publisher, subscription) = Publisher::new();
        let task = Task {
            engine: Engine::new(node, &self.options, random),
            endpoint: weak,
            cluster: Arc::clone(&self.cluster),
            local: self.local,
            packets: self.packets.1,
            publisher,
            seeds: Seeds { source: self.seeds, addrs: BTreeSet::new(), next: Instant::now(), random: seeds_random },
            calls: JoinSet::new(),
            probe_interval: self.options.probe_interval,
            warned_at: None,
        };
        let (leave, left) = oneshot::channel();
        Ok(Swim { subscription, addr, cluster: self.cluster, leave, task: tokio::spawn(task.run(left)) })
    }
}

/// Whether other nodes can reach an address. A link-local one means something else on each host.
fn is_usable(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    let is_link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    addr.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_link_local
}

impl fmt::Debug for SwimBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, seeds, advertised, .. } = self;
        let mut debug = f.debug_struct("SwimBuilder");
        debug.field("cluster", cluster).field("seeds", seeds).field("advertised", advertised).finish_non_exhaustive()
    }
}
