use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rand::RngExt;
use rpcudp::{Change, Peers};
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::sleep;

use crate::Key;
use crate::node::rpc_client::{LookupKind, RpcClient};

/// The time between two lookups of a key. Nodes that fail meanwhile are ejected by the group.
const REFRESH: Duration = Duration::from_secs(60);

/// The time to the next lookup after one that found no node. It doubles, up to [`REFRESH`].
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// A lookup that found no node.
#[derive(Debug)]
struct NoNodes {
    key: Key,
}

impl fmt::Display for NoNodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no node responded to a lookup of {}: bootstrap this node first", self.key)
    }
}

impl std::error::Error for NoNodes {}

/// Returns the nodes closest to a key, as peers of a group.
pub(crate) fn peers(rpc: RpcClient, key: Key) -> Peers {
    let (lookups, mut receiver) = channel::<VecDeque<Change>>(1);
    tokio::spawn(async move {
        tokio::select! {
            // The group is gone.
            () = lookups.closed() => {}
            _ = follow(&rpc, key, &lookups) => {}
        }
    });
    // The changes of a lookup are ready together, so that the first call to all nodes finds all.
    let mut changes = VecDeque::new();
    let source = move |cx: &mut Context<'_>| {
        while changes.is_empty() {
            let Some(lookup) = ready!(receiver.poll_recv(cx)) else { return Poll::Ready(None) };
            changes = lookup;
        }
        Poll::Ready(changes.pop_front())
    };
    Peers::changes(source).named(format!("the nodes closest to {key}"))
}

async fn follow(
    rpc: &RpcClient,
    key: Key,
    lookups: &Sender<VecDeque<Change>>,
) -> Result<(), SendError<VecDeque<Change>>> {
    let mut known = BTreeSet::new();
    let mut retry = FIRST_RETRY;
    loop {
        let found = rpc.lookup(key, LookupKind::Nodes).await.closest;
        let current: BTreeSet<_> = found.iter().map(|contact| contact.addr).collect();
        let wait = if current.is_empty() {
            lookups.send([Change::failed(NoNodes { key })].into()).await?;
            let wait = retry;
            retry = (2 * retry).min(REFRESH);
            wait
        } else {
            // New nodes first, so that the group is not empty in between.
            let inserted = current.iter().map(|addr| Change::Insert(*addr));
            let removed = known.difference(&current).map(|addr| Change::Remove(*addr));
            lookups.send(inserted.chain(removed).collect()).await?;
            (known, retry) = (current, FIRST_RETRY);
            REFRESH
        };
        let jitter = rpc.shared.rng().random_range(1.0..1.1);
        sleep(wait.mul_f64(jitter)).await;
    }
}
