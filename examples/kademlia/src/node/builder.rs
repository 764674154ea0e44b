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
use crate::node::shared::{MAX_WAITING_REQUESTS, Shared};
use crate::protocol::ServedKademliaServer;
use crate::records::RecordIndex;
use crate::storage::{MemoryStorage, RecordStore, Storage};
use crate::timestamp::Clock;
use crate::{Config, Contact, Node, NodeId, StartError, State};

/// A builder that configures a node and binds it to a socket.
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
#[derive(Debug)]
#[must_use = "a builder starts no node until it is bound"]
pub struct Builder {
    id: Option<NodeId>,
    config: Config,
    storage: Option<Arc<dyn Storage>>,
    restored: Vec<Contact>,
    endpoint: rpcudp::Builder,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let (config, endpoint) = (Config::default(), Endpoint::builder());
        Self { id: None, config, storage: None, restored: Vec::new(), endpoint }
    }

    /// Sets the node's id. Default: a random id.
    pub fn id(mut self, id: NodeId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the configuration. Default: [`Config::default`].
    pub fn config(mut self, config: Config) -> Self {
        self.config = config.clamped();
        self
    }

    /// Sets the storage for values. Default: [`MemoryStorage`].
    pub fn storage(mut self, storage: impl Storage) -> Self {
        self.storage = Some(Arc::new(storage));
        self
    }

    /// Restores a saved node: sets its id, and lets [`Node::bootstrap`] ping its former contacts.
    pub fn restore(mut self, state: State) -> Self {
        self.id = Some(state.id);
        self.restored = state.contacts;
        self
    }

    /// Serves a contract of your own on the node's socket, for [`Node::nearest`]. May be called for
    /// several. Its methods must have other names than the five of [`Kademlia`](crate::Kademlia),
    /// so give it a namespace. Its async handlers share the node's limit with those of the node.
    pub fn serve(mut self, service: impl rpcudp::Service) -> Self {
        self.endpoint = self.endpoint.serve(service);
        self
    }

    /// Serves methods that are known at run time only, beside those of the node, like
    /// [`serve`](Self::serve).
    pub fn serve_dynamic(mut self, service: impl rpcudp::DynamicService) -> Self {
        self.endpoint = self.endpoint.serve_dynamic(service);
        self
    }

    /// Changes the options of the node's endpoint, for example to give it an identity, so that its
    /// contracts of your own are called over links. The node itself sets the limit of handlers.
    ///
    /// ```
    /// use rpcudp_kademlia::Node;
    ///
    /// let builder = Node::builder().endpoint(|endpoint| endpoint.max_calls(1_000));
    /// ```
    pub fn endpoint(mut self, change: impl FnOnce(rpcudp::Builder) -> rpcudp::Builder) -> Self {
        self.endpoint = change(self.endpoint);
        self
    }

    /// Binds the node to a UDP address. Port 0 takes a free port, and `[::]` serves both IPv6 and
    /// IPv4.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be bound, or the storage cannot be read.
    pub async fn bind(self, addr: impl ToSocketAddrs) -> Result<Node, StartError> {
        let addr = addr.to_socket_addrs().map_err(|source| BindError::Resolve { source })?.next();
        let addr = addr.ok_or_else(|| BindError::Resolve { source: std::io::ErrorKind::NotFound.into() })?;
        let udp = rpcudp::transport::Udp::bind(addr, &rpcudp::transport::UdpOptions::default());
        let udp = udp.map_err(|source| BindError::Bind { addr, source })?;
        self.bind_transport(udp)
    }

    /// Binds the node to a transport, for example to a node of a [simulated network](rpcudp::sim).
    ///
    /// # Errors
    ///
    /// Returns an error if the storage cannot be read.
    ///
    /// # Panics
    ///
    /// Panics outside the context of a tokio runtime with its timer enabled.
    pub fn bind_transport(self, transport: impl Transport) -> Result<Node, StartError> {
        let config = self.config.clamped();
        let mut rng = match config.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::try_from_rng(&mut SysRng).expect("the operating system has randomness"),
        };
        let id = self.id.unwrap_or_else(|| NodeId::from_bytes(rng.random()));
        let storage = self.storage.unwrap_or_else(|| Arc::new(MemoryStorage::default()));
        let counters = Arc::default();
        let index = RecordIndex::new(config.max_stored_len, config.max_stored_len_per_subnet);
        let now = Clock::start().now();
        let republish_at = || now + config.republish_after.mul_f64(rng.random_range(0.0..1.0));
        let times = (now, now + config.expire_after);
        let store = RecordStore::open(index, storage, Arc::clone(&counters), times, republish_at)?;
        let (checks, queued_checks) = mpsc::channel(MAX_QUEUED_CHECKS);
        let (new_contacts, queued_contacts) = mpsc::channel(MAX_QUEUED_NEW_CONTACTS);
        let addr = transport.local_addr();
        let shared = Shared::new(id, addr, config, store, counters, rng, (checks, new_contacts));
        let shared = Arc::new(shared);
        let service = ServedKademliaServer::new(Service(Arc::clone(&shared)));
        let endpoint = self.endpoint.serve(service).max_handlers(MAX_HANDLERS);
        let rpc = RpcClient::new(shared, endpoint.bind_transport(transport)?);
        let joined = Arc::new(Notify::new());
        let tasks = [
            tokio::spawn(maintenance::run_checks(rpc.clone(), queued_checks)),
            tokio::spawn(maintenance::run_introductions(rpc.clone())),
            tokio::spawn(maintenance::hand_over(rpc.clone(), queued_contacts)),
            tokio::spawn(maintenance::refresh(rpc.clone(), Arc::clone(&joined))),
        ];
        let tasks = tasks.iter().map(tokio::task::JoinHandle::abort_handle).collect::<Vec<AbortHandle>>();
        Ok(Node::new(rpc, self.restored, joined, tasks))
    }
}

impl Node {
    /// Binds a node with the default configuration to a UDP address. Port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// See [`Builder::bind`].
    pub async fn bind(addr: impl ToSocketAddrs) -> Result<Self, StartError> {
        Self::builder().bind(addr).await
    }

    /// Returns a builder, for a node with another configuration or storage, or with a restored
    /// state.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

/// The number of handlers that run at a time: those that wait for the validation of their caller,
/// and as many that write or read values.
const MAX_HANDLERS: usize = 2 * MAX_WAITING_REQUESTS;

/// The number of queued checks. Further checks are dropped, and may be scheduled again.
const MAX_QUEUED_CHECKS: usize = 256;

/// The number of new contacts that wait for their values.
const MAX_QUEUED_NEW_CONTACTS: usize = 256;
