use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::node::rpc_client::{Peers, Want};
use crate::node::shared::Doubt;
use crate::stats::Count;
use crate::{Key, Value};

/// Keeps the table and the values fresh, for ever. `joined` is told when the node has come into a network.
pub(crate) async fn refresh(peers: Peers, joined: Arc<Notify>) {
    let Peers { local, .. } = &peers;
    let config = &local.config;
    let shortest = config.refresh_after.min(config.republish_after).min(config.expire_after);
    let tick = (shortest / 8).clamp(MIN_TICK, MAX_TICK);
    loop {
        tokio::select! {
            () = sleep(local.vary(tick)) => peers.refresh().await,
            () = joined.notified() => peers.explore().await,
        }
    }
}

/// How often a node looks for what is to be done, at the most and at the least.
const MIN_TICK: Duration = Duration::from_secs(1);
const MAX_TICK: Duration = Duration::from_secs(60);

impl Peers {
    /// Looks through the parts of the network that are farther than our nearest neighbour: we get to know them, and they
    /// us.
    async fn explore(&self) {
        let keys = self.local.table().beyond_the_nearest(&mut *self.local.rng());
        self.look_up_all(keys).await;
    }

    async fn refresh(&self) {
        let Self { local, .. } = self;
        let now = local.now();
        local.counters.add(Count::Expired, local.shelf.expire(now));

        let idle = local.table().idle(now, local.config.refresh_after, &mut *local.rng());
        if !idle.is_empty() {
            // Whoever was silent may have come back, and a part of the network with it.
            let suspects: Vec<_> = local.table().suspects().collect();
            suspects.into_iter().for_each(|suspect| local.doubt(Doubt::Old(suspect)));
        }
        self.look_up_all(idle).await;

        let due = local.shelf.records().republish(now, local.republish_at());
        for key in due {
            if let Some(value) = local.shelf.find(&key) {
                self.republish(key, &value).await;
            }
        }
    }

    async fn look_up_all(&self, keys: Vec<Key>) {
        for key in keys {
            self.search(key, Want::Nodes).await;
        }
    }

    /// Stores a value at the k nearest again, if we are one of them.
    async fn republish(&self, key: Key, value: &Value) {
        let Self { local, .. } = self;
        let closest = self.search(key, Want::Nodes).await.closest;
        let is_ours = closest.len() < local.config.k
            || closest.last().is_none_or(|last| local.id.distance(&key) < last.id.distance(&key));
        if is_ours && self.store_at_all(&closest, key, value).await > 0 {
            local.counters.one(Count::Republished);
        }
    }
}
