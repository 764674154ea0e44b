use std::net::ToSocketAddrs;
use std::sync::Arc;

use rand::rngs::{StdRng, SysRng};
use rand::{RngExt, SeedableRng};
use rpcudp::transport::Transport;
use rpcudp::{BindError, Endpoint};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use crate::node::maintenance;
use crate::node::rpc_client::RpcClient;
use crate::node::service::Service;
use crate::node::shared::Shared;
use crate::protocol::KademliaServer;
use crate::records::RecordIndex;
use crate::storage::RecordStore;
use crate::storage::{MemoryStorage, Storage};
use crate::timestamp::Clock;
use crate::{Config, Contact, Node, NodeId, StartError, State};

/// Says what a node is like, and binds it.
///
/// ```
/// use rpcudp_kademlia::{Config, Node, NodeId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config { k: 8, ..Config::default() };
/// let node = Node::builder().id(NodeId::from_bytes([7; 20])).config(config).bind("127.0.0.1:0").await?;
/// assert_eq!(node.id().to_string(), "07".repeat(20));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "a node is there once it is bound"]
pub struct Builder {
    id: Option<NodeId>,
    config: Config,
    storage: Option<Arc<dyn Storage>>,
    restored: Vec<Contact>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Who the node is. Default: a random id.
    pub fn id(mut self, id: NodeId) -> Self {
        self.id = Some(id);
        self
    }

    /// How it behaves.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config.clamped();
        self
    }

    /// Where it keeps values. Default: [`MemoryStorage`].
    pub fn storage(mut self, storage: impl Storage) -> Self {
        self.storage = Some(Arc::new(storage));
        self
    }

    /// The node that it was before: it has the same id, and [`Node::bootstrap`] asks its old neighbours.
    pub fn restore(mut self, state: State) -> Self {
        self.id = Some(state.id);
        self.restored = state.contacts;
        self
    }

    /// Binds a UDP socket; port 0 takes a free port, and `[::]` serves both IPv6 and IPv4.
    ///
    /// # Errors
    ///
    /// Where the address cannot be bound, or the storage cannot be read.
    pub async fn bind(self, addr: impl ToSocketAddrs) -> Result<Node, StartError> {
        let addr = addr.to_socket_addrs().map_err(|source| BindError::Resolve { source })?.next();
        let addr = addr.ok_or_else(|| BindError::Resolve { source: std::io::ErrorKind::NotFound.into() })?;
        let udp = rpcudp::transport::Udp::bind(addr, &rpcudp::transport::UdpOptions::default());
        let udp = udp.map_err(|source| BindError::Bind { addr, source })?;
        self.bind_transport(udp)
    }

    /// Speaks through a transport of your own, for example a node of a [simulated network](rpcudp::sim).
    ///
    /// # Errors
    ///
    /// Where the storage cannot be read.
    ///
    /// # Panics
    ///
    /// Outside the context of a tokio runtime with its timer enabled.
    pub fn bind_transport(self, transport: impl Transport) -> Result<Node, StartError> {
        let config = self.config.clamped();
        let mut rng = match config.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::try_from_rng(&mut SysRng).expect("the operating system has randomness"),
        };
        let id = self.id.unwrap_or_else(|| NodeId::from_bytes(rng.random()));
        let storage = self.storage.unwrap_or_else(|| Arc::new(MemoryStorage::default()));
        let counters = Arc::default();
        let records = RecordIndex::new(config.max_stored_len, config.max_stored_len_per_subnet);
        let now = Clock::start().now();
        let republish = || now + config.republish_after.mul_f64(rng.random_range(0.0..1.0));
        let store = RecordStore::open(records, storage, Arc::clone(&counters), republish)?;
        let (checks, queued_checks) = mpsc::channel(MAX_QUEUED_CHECKS);
        let (newcomers, queued_newcomers) = mpsc::channel(MAX_QUEUED_NEWCOMERS);
        let addr = transport.local_addr();
        let shared = Shared::new(id, addr, config, store, counters, rng, (checks, newcomers));
        let shared = Arc::new(shared);
        let service = KademliaServer::new(Service(Arc::clone(&shared)));
        let rpc = RpcClient::new(shared, Endpoint::builder().serve(service).bind_transport(transport)?);
        let joined = Arc::new(Notify::new());
        let tasks = [
            tokio::spawn(maintenance::run_checks(rpc.clone(), queued_checks)),
            tokio::spawn(maintenance::hand_over(rpc.clone(), queued_newcomers)),
            tokio::spawn(maintenance::refresh(rpc.clone(), Arc::clone(&joined))),
        ];
        let tasks = tasks.iter().map(tokio::task::JoinHandle::abort_handle).collect::<Vec<AbortHandle>>();
        Ok(Node::new(rpc, self.restored, joined, tasks))
    }
}

impl Node {
    /// Binds a node with all its defaults; port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// See [`Builder::bind`].
    pub async fn bind(addr: impl ToSocketAddrs) -> Result<Self, StartError> {
        Self::builder().bind(addr).await
    }

    /// Starts a node that behaves in its own way, keeps values on disk, or has been there before.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

/// How many strangers may wait for being asked who they are; what comes on top is left out, and may come again.
const MAX_QUEUED_CHECKS: usize = 256;

/// How many newcomers may wait for their values.
const MAX_QUEUED_NEWCOMERS: usize = 256;
