use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rpcudp::Endpoint;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use crate::contacts::is_worth_a_datagram;
use crate::node::rpc_client::{Peers, Want};
use crate::node::shared::Local;
use crate::stats::{Count, Stats};
use crate::storage::Record;
use crate::{BootstrapError, Config, Contact, GetError, Key, NodeId, Search, SetError, State, Value};

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
    peers: Peers,
    /// Where to look for the network that was there before.
    restored: Vec<Contact>,
    joined: Arc<Notify>,
    tasks: Vec<AbortHandle>,
}

impl Node {
    pub(crate) fn new(peers: Peers, restored: Vec<Contact>, joined: Arc<Notify>, tasks: Vec<AbortHandle>) -> Self {
        Self { handle: Arc::new(Handle { peers, restored, joined, tasks }) }
    }

    /// Comes into a network through nodes at these addresses, and through those that a
    /// [restored](Builder::restore) node knew: makes itself known to its neighbours. Returns how many nodes it knows then.
    ///
    /// # Errors
    ///
    /// Where there is no address, where one cannot be that of a node, and where nobody answers.
    pub async fn bootstrap(&self, addrs: &[SocketAddr]) -> Result<usize, BootstrapError> {
        let Handle { peers, restored, joined, .. } = &*self.handle;
        if let Some(addr) = addrs.iter().find(|addr| !is_worth_a_datagram(**addr, None)) {
            return Err(BootstrapError::NoNodeAddress { addr: *addr });
        }
        let restored = restored.iter().map(|contact| contact.addr);
        let mut asked: Vec<_> = addrs.iter().map(|addr| rpcudp::transport::canonical(*addr)).chain(restored).collect();
        asked.sort_unstable();
        asked.dedup();
        let mut pings = JoinSet::new();
        for addr in asked {
            let peers = peers.clone();
            pings.spawn(async move { peers.knock(addr).await });
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
            Some(error) => return Err(BootstrapError::NobodyAnswers { source: error }),
            None => return Err(BootstrapError::NoAddress),
        }
        peers.search(self.id().into(), Want::Nodes).await;
        joined.notify_one();
        Ok(peers.local.table().len())
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
        if let Some(value) = self.handle.peers.local.shelf.find(&key) {
            return Ok(Some(value));
        }
        if self.neighbour_count() == 0 {
            return Err(GetError::Alone);
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
        let Handle { peers, .. } = &*self.handle;
        let Peers { local, .. } = peers;
        if !value.fits() {
            return Err(SetError::TooLarge { size: value.encoded_len(), limit: Value::MAX_LEN });
        }
        if self.neighbour_count() == 0 {
            return Err(SetError::Alone);
        }
        let closest = self.lookup(key).await.closest;
        let distance = local.id.distance(&key);
        if closest.len() < local.config.k || closest.iter().any(|contact| distance < contact.id.distance(&key)) {
            let (expires, _) = local.terms(&key);
            let record = Record { value: value.clone(), origin: None, expires };
            local.shelf.keep(key, record, Some(local.republish_at())).await;
        }
        match peers.store_at_all(&closest, key, &value).await {
            0 => Err(SetError::NobodyKeeps { asked: closest.len() }),
            count => Ok(count),
        }
    }

    /// Looks for the nodes nearest to a key.
    pub async fn lookup(&self, key: Key) -> Search {
        self.handle.peers.search(key, Want::Nodes).await
    }

    /// Looks for a value among other nodes, and says on which way it was found. As with [`get`](Self::get), the nearest
    /// node that did not have it gets a copy.
    pub async fn find(&self, key: Key) -> Search {
        let Handle { peers, .. } = &*self.handle;
        let search = peers.search(key, Want::Value).await;
        if let (Some(value), Some(nearest)) = (search.value.clone(), search.closest.first().copied()) {
            let peers = peers.clone();
            // Nobody has to wait for that.
            tokio::spawn(async move {
                let is_cached = peers.store_at(&nearest, key, &value).await;
                peers.local.counters.add(Count::Cached, usize::from(is_cached));
            });
        }
        search
    }

    /// The address that another node sees this one at, behind a NAT for example.
    ///
    /// # Errors
    ///
    /// Where it does not answer.
    pub async fn seen_by(&self, addr: SocketAddr) -> Result<SocketAddr, rpcudp::CallError> {
        let Peers { local, endpoint } = &self.handle.peers;
        let stun = crate::KademliaClient::new(endpoint, addr).stun();
        Ok(stun.timeout(local.config.timeout).await?.0)
    }

    /// Who this node is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.local().id
    }

    /// Where it is bound. The IP is unspecified where it is bound to all of them.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.handle.peers.endpoint.local_addr()
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.local().config
    }

    /// How many other nodes it knows.
    #[must_use]
    pub fn neighbour_count(&self) -> usize {
        self.local().table().len()
    }

    /// How many values it keeps.
    #[must_use]
    pub fn value_count(&self) -> usize {
        self.local().shelf.records().count()
    }

    /// How many bytes of values, overhead included, it keeps for others.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.local().shelf.records().stored_len()
    }

    /// What it has refused and done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.local().counters.snapshot()
    }

    /// The endpoint that it speaks through.
    pub fn endpoint(&self) -> &Endpoint {
        &self.handle.peers.endpoint
    }

    /// Who it is and whom it knows, to be [restored](Builder::restore) later.
    #[must_use]
    pub fn state(&self) -> State {
        let neighbours = self.local().table().contacts().collect();
        State { id: self.id(), neighbours }
    }

    /// Ends the node: requests under way may be finished for so long.
    pub async fn close(&self, grace: Duration) {
        self.handle.tasks.iter().for_each(AbortHandle::abort);
        self.endpoint().close(grace).await;
    }

    fn local(&self) -> &Local {
        &self.handle.peers.local
    }
}

impl Peers {
    /// Asks who is at an address, and takes it into the table.
    async fn knock(&self, addr: SocketAddr) -> Result<(), rpcudp::CallError> {
        let Self { local, endpoint } = self;
        let ping = crate::KademliaClient::new(endpoint, addr).ping(local.id);
        // There may be nobody else to ask: worth more patience than one node of many.
        let id = ping.timeout(3 * local.config.timeout).await?;
        local.welcome(Contact::new(id, addr));
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}
