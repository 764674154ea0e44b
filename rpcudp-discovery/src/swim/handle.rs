use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rpcudp::{Change, Peers};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::engine::Table;
use super::error::SwimError;
use super::event::SwimEvents;
use super::publisher::Subscription;
use crate::source;

/// The membership of a node in a cluster, by the SWIM protocol.
///
/// Each member probes another one, at random, once per interval. A member that responds neither to
/// it nor to three others is suspected, and has left if it does not refute that in time. Members
/// pass on such changes in the packets that they send anyway. The load on a node does not grow with
/// the cluster. The protocol runs on the endpoint's own socket, as a contract in the namespace
/// `swim.`.
///
/// ```
/// use rpcudp::{Endpoint, Peers};
/// use rpcudp_discovery::{Swim, SwimEvent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let first = Swim::builder("shop");
/// # let other = Endpoint::builder().serve(first.service()).bind("127.0.0.1:0").await?;
/// # let _first = first.join(&other)?;
/// # let seed = other.local_addr();
/// // The address of any member, or a source such as `Dns::new("shop.internal:7000")?.peers()`.
/// let builder = Swim::builder("shop").seeds(Peers::fixed([seed]));
/// let endpoint = Endpoint::builder().serve(builder.service()).bind("127.0.0.1:0").await?;
/// let swim = builder.join(&endpoint)?;
///
/// let mut events = swim.events();
/// assert_eq!(events.next().await, Some(SwimEvent::Joined(seed)));
/// assert_eq!(swim.members()[0].addr, seed);
/// let peers: Peers = swim.peers();
/// swim.leave().await;
/// # Ok(())
/// # }
/// ```
///
/// # Times
///
/// In units of the [probe interval](crate::SwimBuilder::probe_interval), which is 1 s by default:
///
/// | after | all members know it within |
/// | --- | --- |
/// | a node joins | 2 up to 30 members, 10 with 100 |
/// | a member leaves | 3 |
/// | a member is killed or cut off | 15 up to 100 members; 6 to 10 are usual |
/// | a partition of the cluster ends | 70, or 30 if each part has a seed of the other |
///
/// # Security
///
/// The protocol has no encryption and no authentication. A node becomes a member only after it has
/// responded to a call at its address, so forged sources add no members and direct no traffic at
/// others. Packets count only from the address that they name, and between members only if they
/// name the random numbers that both drew at their start. But each host that can reach the socket
/// and knows the cluster's name can become a member, and a member can claim that others have left:
/// they join again, at most once per second. Use it in a private network, or with
/// [`SwimBuilder::allow`](crate::SwimBuilder::allow).
///
/// Memory is bounded by [`SwimBuilder::max_members`](crate::SwimBuilder::max_members). At most 256
/// packets wait, and more are dropped.
#[must_use = "a node leaves the cluster when its handle is dropped"]
pub struct Swim {
    pub(super) subscription: Subscription,
    pub(super) addr: SocketAddr,
    pub(super) cluster: Arc<str>,
    pub(super) leave: oneshot::Sender<()>,
    pub(super) task: JoinHandle<()>,
}

/// A member of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SwimMember {
    /// The address of its endpoint.
    pub addr: SocketAddr,
    /// Whether it did not respond, and has not refuted that yet.
    pub is_suspect: bool,
}

impl Swim {
    /// Returns the address that this node advertises.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the members, in the order of their addresses. This node is not among them.
    #[must_use]
    pub fn members(&self) -> Vec<SwimMember> {
        let table = self.subscription.table.borrow();
        table.iter().map(|(addr, (_, is_suspect))| SwimMember { addr: *addr, is_suspect: *is_suspect }).collect()
    }

    /// Returns the events from now on.
    #[must_use]
    pub fn events(&self) -> SwimEvents {
        let events = self.subscription.events.upgrade();
        // Without a sender, the task has ended, and so have the events.
        let receiver = events.map_or_else(|| tokio::sync::broadcast::channel(1).1, |events| events.subscribe());
        SwimEvents { receiver }
    }

    /// Returns the members as peers of a group, suspected ones too. This node is not among them.
    ///
    /// The peers follow the cluster as long as this node is a member. Afterwards the last ones
    /// stay.
    #[must_use]
    pub fn peers(&self) -> Peers {
        let table = self.subscription.table.clone();
        source::peers(&format!("swim:{}", self.cluster), |changes| follow(table, changes))
    }

    /// Leaves the cluster, and completes when a few members have been told, after a tenth of a
    /// second. Dropping the handle leaves too, without waiting for it.
    pub async fn leave(self) {
        let Self { leave, task, .. } = self;
        // An error only says that the task has ended, because the endpoint is closed.
        let _ = leave.send(());
        let _ = task.await;
    }
}

/// Reports the members of each new table, and the time at which they are known to be members.
async fn follow(mut table: watch::Receiver<Arc<Table>>, changes: tokio::sync::mpsc::Sender<Change>) {
    /// The time after which all members are reported again, which renews their ages.
    const RENEWAL: Duration = Duration::from_secs(10);
    let mut before = Arc::<Table>::default();
    loop {
        let current = Arc::clone(&table.borrow_and_update());
        let inserted = current.keys().map(|addr| Change::Insert(*addr));
        let removed = before.keys().filter(|addr| !current.contains_key(addr)).map(|addr| Change::Remove(*addr));
        for change in inserted.chain(removed) {
            if changes.send(change).await.is_err() {
                return;
            }
        }
        // A group must not wait for members that may never join.
        if current.is_empty() && changes.send(Change::failed(SwimError::NoMembers)).await.is_err() {
            return;
        }
        before = current;
        if let Ok(Err(_ended)) = timeout(RENEWAL, table.changed()).await {
            return;
        }
    }
}

impl fmt::Debug for Swim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addr, cluster, .. } = self;
        f.debug_struct("Swim").field("addr", addr).field("cluster", cluster).finish_non_exhaustive()
    }
}
