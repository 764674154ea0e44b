use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rpcudp::Endpoint;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use crate::contacts::is_contactable;
use crate::node::rpc_client::{LookupKind, RpcClient};
use crate::node::shared::Shared;
use crate::stats::{Counter, Stats};
use crate::storage::Record;
use crate::{BootstrapError, Config, Contact, GetError, Key, LookupResult, NodeId, SetError, State, Value};

/// A node of a Kademlia network: it keeps values with others, and finds them again.
///
/// A clone is another handle to the same node. Dropping the last one, or [`close`](Self::close), ends it.
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
    handle: Arc<Handle>,
}

/// What all handles of a node share.
#[derive(Debug)]
struct Handle {
    rpc: RpcClient,
    /// Where to look for the network that was there before.
    restored: Vec<Contact>,
    joined: Arc<Notify>,
    tasks: Vec<AbortHandle>,
}

impl Node {
    pub(crate) fn new(rpc: RpcClient, restored: Vec<Contact>, joined: Arc<Notify>, tasks: Vec<AbortHandle>) -> Self {
        Self { handle: Arc::new(Handle { rpc, restored, joined, tasks }) }
    }

    /// Comes into a network through nodes at these addresses, and through those that a
    /// [restored](Builder::restore) node knew: makes itself known to its neighbours. Returns how many nodes it knows then.
    ///
    /// # Errors
    ///
    /// Where there is no address, where one cannot be that of a node, and where nobody answers.
    pub async fn bootstrap(&self, addrs: &[SocketAddr]) -> Result<usize, BootstrapError> {
        let Handle { rpc, restored, joined, .. } = &*self.handle;
        if let Some(addr) = addrs.iter().find(|addr| !is_contactable(**addr, None)) {
            return Err(BootstrapError::UnusableAddress { addr: *addr });
        }
        let restored = restored.iter().map(|contact| contact.addr);
        let mut asked: Vec<_> = addrs.iter().map(|addr| rpcudp::transport::canonical(*addr)).chain(restored).collect();
        asked.sort_unstable();
        asked.dedup();
        let mut pings = JoinSet::new();
        for addr in asked {
            let rpc = rpc.clone();
            pings.spawn(async move { rpc.ping_addr(addr).await });
        }
        let mut failed = None;
        let mut is_answered = false;
        while let Some(ended) = pings.join_next().await {
            match ended.expect("a ping does not panic and is not aborted") {
                Ok(()) => is_answered = true,
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            _ if is_answered => {}
            Some(error) => return Err(BootstrapError::NoResponse { source: error }),
            None => return Err(BootstrapError::NoAddress),
        }
        rpc.lookup(self.id().into(), LookupKind::Nodes).await;
        joined.notify_one();
        Ok(rpc.shared.table().len())
    }

    /// The value under a key, from this node or from the network; `None` if none of the nodes nearest to the key has it.
    ///
    /// Nobody vouches for a value: it is what the first node says that has one. The nearest node that did not have it
    /// gets a copy.
    ///
    /// # Errors
    ///
    /// Where the node knows no other and does not have the value itself.
    pub async fn get(&self, key: Key) -> Result<Option<Value>, GetError> {
        if let Some(value) = self.handle.rpc.shared.store.get(&key) {
            return Ok(Some(value));
        }
        if self.contact_count() == 0 {
            return Err(GetError::NoContacts);
        }
        Ok(self.find(key).await.value)
    }

    /// Stores a value under a key at the k nodes nearest to it, this one included if it is one of them. Returns how many
    /// others keep it.
    ///
    /// # Errors
    ///
    /// Where the value is too large, the node knows no other, or none of the nearest keeps it.
    pub async fn set(&self, key: Key, value: impl Into<Value>) -> Result<usize, SetError> {
        let value = value.into();
        let Handle { rpc, .. } = &*self.handle;
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

    /// Looks for the nodes nearest to a key.
    pub async fn lookup(&self, key: Key) -> LookupResult {
        self.handle.rpc.lookup(key, LookupKind::Nodes).await
    }

    /// Looks for a value among other nodes, and says on which way it was found. As with [`get`](Self::get), the nearest
    /// node that did not have it gets a copy.
    pub async fn find(&self, key: Key) -> LookupResult {
        let Handle { rpc, .. } = &*self.handle;
        let search = rpc.lookup(key, LookupKind::Value).await;
        if let (Some(value), Some(nearest)) = (search.value.clone(), search.closest.first().copied()) {
            let rpc = rpc.clone();
            // Nobody has to wait for that.
            tokio::spawn(async move {
                let is_cached = rpc.store_at(&nearest, key, &value).await;
                rpc.shared.counters.add(Counter::Cached, usize::from(is_cached));
            });
        }
        search
    }

    /// The address that another node sees this one at, behind a NAT for example.
    ///
    /// # Errors
    ///
    /// Where it does not answer.
    pub async fn observed_addr(&self, addr: SocketAddr) -> Result<SocketAddr, rpcudp::CallError> {
        let RpcClient { shared, endpoint } = &self.handle.rpc;
        let stun = crate::KademliaClient::new(endpoint, addr).stun();
        Ok(stun.timeout(shared.config.timeout).await?.0)
    }

    /// Who this node is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.shared().id
    }

    /// Where it is bound. The IP is unspecified where it is bound to all of them.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.handle.rpc.endpoint.local_addr()
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared().config
    }

    /// How many other nodes it knows.
    #[must_use]
    pub fn contact_count(&self) -> usize {
        self.shared().table().len()
    }

    /// How many values it keeps.
    #[must_use]
    pub fn value_count(&self) -> usize {
        self.shared().store.index().count()
    }

    /// How many bytes of values, overhead included, it keeps for others.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.shared().store.index().stored_len()
    }

    /// What it has refused and done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared().counters.snapshot()
    }

    /// The endpoint that it speaks through.
    pub fn endpoint(&self) -> &Endpoint {
        &self.handle.rpc.endpoint
    }

    /// Who it is and whom it knows, to be [restored](Builder::restore) later.
    #[must_use]
    pub fn state(&self) -> State {
        let contacts = self.shared().table().contacts().collect();
        State { id: self.id(), contacts }
    }

    /// Ends the node: requests under way may be finished for so long.
    pub async fn close(&self, grace: Duration) {
        self.handle.tasks.iter().for_each(AbortHandle::abort);
        self.endpoint().close(grace).await;
    }

    fn shared(&self) -> &Shared {
        &self.handle.rpc.shared
    }
}

impl RpcClient {
    /// Asks who is at an address, and takes it into the table.
    async fn ping_addr(&self, addr: SocketAddr) -> Result<(), rpcudp::CallError> {
        let Self { shared, endpoint } = self;
        let ping = crate::KademliaClient::new(endpoint, addr).ping(shared.id);
        // There may be nobody else to ask: worth more patience than one node of many.
        let id = ping.timeout(3 * shared.config.timeout).await?;
        shared.handle_validated(Contact::new(id, addr));
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}
