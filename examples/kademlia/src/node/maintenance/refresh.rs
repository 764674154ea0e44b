use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::node::rpc_client::{LookupKind, RpcClient};
use crate::node::shared::Check;
use crate::stats::Counter;
use crate::{Key, Value};

/// Keeps the table and the values fresh, for ever. `joined` is told when the node has come into a network.
pub(crate) async fn refresh(rpc: RpcClient, joined: Arc<Notify>) {
    let RpcClient { shared, .. } = &rpc;
    let config = &shared.config;
    let shortest = config.refresh_after.min(config.republish_after).min(config.expire_after);
    let tick = (shortest / 8).clamp(MIN_TICK, MAX_TICK);
    loop {
        tokio::select! {
            () = sleep(shared.with_jitter(tick)) => rpc.refresh().await,
            () = joined.notified() => rpc.announce().await,
        }
    }
}

/// How often a node looks for what is to be done, at the most and at the least.
const MIN_TICK: Duration = Duration::from_secs(1);
const MAX_TICK: Duration = Duration::from_secs(60);

impl RpcClient {
    /// Looks through the parts of the network that are farther than our nearest neighbour: we get to know them, and they
    /// us.
    async fn announce(&self) {
        let keys = self.shared.table().join_targets(&mut *self.shared.rng());
        self.look_up_all(keys).await;
    }

    async fn refresh(&self) {
        let Self { shared, .. } = self;
        let now = shared.now();
        shared.counters.add(Counter::Expired, shared.store.expire(now));

        let idle = shared.table().refresh_targets(now, shared.config.refresh_after, &mut *shared.rng());
        if !idle.is_empty() {
            // Whoever was silent may have come back, and a part of the network with it.
            let stale: Vec<_> = shared.table().stale_contacts().collect();
            stale.into_iter().for_each(|stale| shared.schedule_check(Check::Questionable(stale)));
        }
        self.look_up_all(idle).await;

        let due = shared.store.index().take_due(now, shared.republish_at());
        for key in due {
            if let Some(value) = shared.store.get(&key) {
                self.republish(key, &value).await;
            }
        }
    }

    async fn look_up_all(&self, keys: Vec<Key>) {
        for key in keys {
            self.lookup(key, LookupKind::Nodes).await;
        }
    }

    /// Stores a value at the k nearest again, if we are one of them.
    async fn republish(&self, key: Key, value: &Value) {
        let Self { shared, .. } = self;
        let closest = self.lookup(key, LookupKind::Nodes).await.closest;
        let is_ours = closest.len() < shared.config.k
            || closest.last().is_none_or(|last| shared.id.distance(&key) < last.id.distance(&key));
        if is_ours && self.store_at_all(&closest, key, value).await > 0 {
            shared.counters.increment(Counter::Republished);
        }
    }
}
