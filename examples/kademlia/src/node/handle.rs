use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rpcudp::Endpoint;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use crate::contacts::is_contactable;
use crate::node::nearest;
use crate::node::rpc_client::{LookupKind, RpcClient};
use crate::node::shared::Shared;
use crate::stats::{Counter, Stats};
use crate::storage::{Record, StoredValue};
use crate::{BootstrapError, Config, Contact, GetError, Key, LookupResult, NodeId, SetError, State, Value};

/// A handle to a node of a Kademlia network, which stores values at other nodes and finds them.
///
/// A clone is another handle to the same node. The node ends when the last handle is dropped, or by
/// [`close`](Self::close).
///
/// ```
/// use rpcudp_kademlia::{Key, Node, Value};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let one = Node::bind("127.0.0.1:0").await?;
/// let other = Node::bind("127.0.0.1:0").await?;
/// other.bootstrap(&[one.local_addr()]).await?;
///
/// other.set(Key::of("answer"), Value::Int(42)).await?;
/// assert_eq!(one.get(Key::of("answer")).await?, Some(Value::Int(42)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Node {
    inner: Arc<Inner>,
}

/// The state that all handles of a node share.
#[derive(Debug)]
struct Inner {
    rpc: RpcClient,
    /// The contacts of the restored state.
    restored: Vec<Contact>,
    joined: Arc<Notify>,
    tasks: Vec<AbortHandle>,
}

impl Node {
    pub(crate) fn new(rpc: RpcClient, restored: Vec<Contact>, joined: Arc<Notify>, tasks: Vec<AbortHandle>) -> Self {
        Self { inner: Arc::new(Inner { rpc, restored, joined, tasks }) }
    }

    /// Joins a network through the nodes at these addresses, and through the contacts of a
    /// [restored](crate::Builder::restore) state. Returns the number of contacts in the routing
    /// table.
    ///
    /// The node pings the addresses, then looks up its own id. Afterwards a background task looks
    /// up random keys, so that distant nodes learn of this node as well.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no address, an address cannot be that of a node, or no node
    /// responds.
    pub async fn bootstrap(&self, addrs: &[SocketAddr]) -> Result<usize, BootstrapError> {
        let Inner { rpc, restored, joined, .. } = &*self.inner;
        if let Some(addr) = addrs.iter().find(|addr| !is_contactable(**addr, None)) {
            return Err(BootstrapError::UnusableAddress { addr: *addr });
        }
        let restored = restored.iter().map(|contact| contact.addr);
        let mut addrs: Vec<_> = addrs.iter().map(|addr| rpcudp::transport::canonical(*addr)).chain(restored).collect();
        addrs.sort_unstable();
        addrs.dedup();
        let mut pings = JoinSet::new();
        for addr in addrs {
            let rpc = rpc.clone();
            pings.spawn(async move { rpc.ping_addr(addr).await });
        }
        let mut failed = None;
        let mut has_response = false;
        while let Some(outcome) = pings.join_next().await {
            match outcome.expect("a ping does not panic and is not aborted") {
                Ok(()) => has_response = true,
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            _ if has_response => {}
            Some(error) => return Err(BootstrapError::NoResponse { source: error }),
            None => return Err(BootstrapError::NoAddress),
        }
        rpc.lookup(self.id().into(), LookupKind::Nodes).await;
        joined.notify_one();
        Ok(rpc.shared.table().len())
    }

    /// Returns the value under a key, from this node's storage or from the network. Returns `None`
    /// if none of the nodes closest to the key has it.
    ///
    /// The value is that of the first node that returns one, and is not authenticated. A copy is
    /// cached at the closest node that did not have the value. A value that this node's storage had
    /// when the node started is returned only after a lookup: if another node returns a value, that
    /// one counts, because this node may have missed it.
    ///
    /// # Errors
    ///
    /// Returns an error if the routing table is empty and this node's storage does not have the
    /// value, or had it when the node started.
    pub async fn get(&self, key: Key) -> Result<Option<Value>, GetError> {
        let Inner { rpc, .. } = &*self.inner;
        let get_local = || rpc.shared.store.get(&key, rpc.shared.now());
        let local = get_local();
        if let StoredValue::Confirmed(value) = local {
            return Ok(Some(value));
        }
        if self.contact_count() == 0 {
            return Err(GetError::NoContacts);
        }
        if local == StoredValue::Restored {
            rpc.confirm(key, None).await;
            if let StoredValue::Confirmed(value) = get_local() {
                return Ok(Some(value));
            }
        }
        Ok(self.find(key).await.value)
    }

    /// Stores a value under a key at the k nodes closest to the key, this node included if it is
    /// one of them. Returns the number of other nodes that have stored it.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is too large, the routing table is empty, or none of the
    /// closest nodes has stored the value.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some nodes may have stored the value.
    pub async fn set(&self, key: Key, value: impl Into<Value>) -> Result<usize, SetError> {
        let value = value.into();
        let Inner { rpc, .. } = &*self.inner;
        let RpcClient { shared, .. } = rpc;
        if !value.fits() {
            return Err(SetError::TooLarge { size: value.encoded_len(), limit: Value::MAX_LEN });
        }
        if self.contact_count() == 0 {
            return Err(SetError::NoContacts);
        }
        let closest = self.lookup(key).await.closest;
        let distance = shared.id.distance(&key);
        if closest.len() < shared.config.k || closest.iter().any(|contact| distance < contact.id.distance(&key)) {
            let (expires_at, _) = shared.expiry(&key);
            let record = Record { value: value.clone(), origin: None, expires_at };
            shared.store.insert(key, record, Some(shared.republish_at())).await;
        }
        match rpc.store_at_all(&closest, key, &value).await {
            0 => Err(SetError::NotStored { node_count: closest.len() }),
            count => Ok(count),
        }
    }

    /// Looks up the nodes closest to a key.
    pub async fn lookup(&self, key: Key) -> LookupResult {
        self.inner.rpc.lookup(key, LookupKind::Nodes).await
    }

    /// Looks up the value under a key at other nodes, and returns each query of the lookup.
    ///
    /// As with [`get`](Self::get), a copy is cached at the closest node that did not have the
    /// value.
    pub async fn find(&self, key: Key) -> LookupResult {
        let Inner { rpc, .. } = &*self.inner;
        let result = rpc.lookup(key, LookupKind::Value).await;
        if let (Some(value), Some(closest)) = (result.value.clone(), result.closest.first().copied()) {
            let rpc = rpc.clone();
            // The caller does not wait for the copy.
            tokio::spawn(async move {
                let is_cached = rpc.store_at(&closest, key, &value).await;
                rpc.shared.counters.add(Counter::Cached, usize::from(is_cached));
            });
        }
        result
    }

    /// Returns a client that calls the nodes closest to a key, in a contract of your own, which
    /// they [serve](crate::Builder::serve).
    ///
    /// A node that does not serve it refuses calls; one in Python does not respond.
    ///
    /// The client is that of a group: a call goes to one of the k nodes, and `.all()` and
    /// `.quorum(n)` call all of them. This node is not among them. The first call waits for a
    /// lookup of the key; a further lookup each minute follows nodes that join and leave, until the
    /// client and its clones are dropped. If a lookup finds no node, the nodes found before stay,
    /// and it is made again after 1, 2, 4 s and so on, up to a minute.
    ///
    /// ```
    /// use rpcudp::rpc_service;
    /// use rpcudp_kademlia::{Key, Node};
    ///
    /// #[rpc_service(namespace = "notes.")]
    /// trait Notes {
    ///     #[rpc(at_least_once)]
    ///     fn count(&self, key: &[u8]) -> u64;
    /// }
    ///
    /// struct Empty;
    ///
    /// impl Notes for Empty {
    ///     fn count(&self, _: &[u8]) -> u64 {
    ///         0
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bind = || Node::builder().serve(NotesServer::new(Empty)).bind("127.0.0.1:0");
    /// let (one, other) = (bind().await?, bind().await?);
    /// other.bootstrap(&[one.local_addr()]).await?;
    ///
    /// let key = Key::of("colour");
    /// assert_eq!(other.nearest::<NotesClient>(key).count(key.as_bytes()).await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn nearest<C: rpcudp::Client>(&self, key: Key) -> C {
        C::group(self.endpoint(), nearest::peers(self.inner.rpc.clone(), key))
    }

    /// Returns this node's address as another node sees it, for example behind a NAT.
    ///
    /// # Errors
    ///
    /// Returns an error if the other node does not respond.
    pub async fn observed_addr(&self, addr: SocketAddr) -> Result<SocketAddr, rpcudp::CallError> {
        let RpcClient { shared, endpoint } = &self.inner.rpc;
        let stun = crate::KademliaClient::new(endpoint, addr).stun();
        Ok(stun.timeout(shared.config.timeout).await?.0)
    }

    /// Returns this node's id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.shared().id
    }

    /// Returns the bound address. The IP address is unspecified if the node is bound to all
    /// interfaces.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.inner.rpc.endpoint.local_addr()
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared().config
    }

    /// Returns the number of contacts in the routing table.
    #[must_use]
    pub fn contact_count(&self) -> usize {
        self.shared().table().len()
    }

    /// Returns the number of values in this node's storage.
    #[must_use]
    pub fn value_count(&self) -> usize {
        self.shared().store.index().count()
    }

    /// Returns the number of bytes that values of other nodes take in this node's storage, overhead
    /// included.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.shared().store.index().stored_len()
    }

    /// Returns the counters of this node.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared().counters.snapshot()
    }

    /// Returns the endpoint that the node calls and serves through.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.rpc.endpoint
    }

    /// Returns the node's id and contacts, to be [restored](crate::Builder::restore) later.
    #[must_use]
    pub fn state(&self) -> State {
        let contacts = self.shared().table().contacts().collect();
        State { id: self.id(), contacts }
    }

    /// Ends the node. Requests in flight may complete within `grace`.
    pub async fn close(&self, grace: Duration) {
        self.inner.tasks.iter().for_each(AbortHandle::abort);
        self.endpoint().close(grace).await;
    }

    fn shared(&self) -> &Shared {
        &self.inner.rpc.shared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}
