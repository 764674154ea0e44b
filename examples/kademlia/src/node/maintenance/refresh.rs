use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::node::rpc_client::{LookupKind, RpcClient};
use crate::node::shared::Check;
use crate::stats::Counter;
use crate::storage::StoredValue;
use crate::{Key, Value};

/// Refreshes buckets, and republishes and expires records. Never completes.
///
/// `joined` is notified when the node has joined a network.
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

/// The shortest and the longest interval between two refreshes.
const MIN_TICK: Duration = Duration::from_secs(1);
const MAX_TICK: Duration = Duration::from_secs(60);

impl RpcClient {
    /// Looks up keys in all buckets that are farther away than the closest contact, so that the
    /// nodes there and this node learn of each other.
    async fn announce(&self) {
        let keys = self.shared.table().join_targets(&mut *self.shared.rng());
        self.lookup_all(keys).await;
    }

    async fn refresh(&self) {
        let Self { shared, .. } = self;
        let now = shared.now();
        shared.counters.add(Counter::Expired, shared.store.expire(now));

        let targets = shared.table().refresh_targets(now, shared.config.refresh_after, &mut *shared.rng());
        if !targets.is_empty() {
            // Stale contacts may be online again, for example after a partition.
            let stale: Vec<_> = shared.table().stale_contacts().collect();
            stale.into_iter().for_each(|stale| shared.schedule_check(Check::Questionable(stale)));
        }
        self.lookup_all(targets).await;

        let due = shared.store.index().take_due(now, shared.republish_at());
        for key in due {
            if shared.store.get(&key, shared.now()) == StoredValue::Restored {
                self.confirm(key, None).await;
            }
            if let StoredValue::Confirmed(value) = shared.store.get(&key, shared.now()) {
                self.republish(key, &value).await;
            }
        }
    }

    async fn lookup_all(&self, keys: Vec<Key>) {
        for key in keys {
            self.lookup(key, LookupKind::Nodes).await;
        }
    }

    /// Republishes a value to the k closest nodes if this node is one of them.
    async fn republish(&self, key: Key, value: &Value) {
        let Self { shared, .. } = self;
        let closest = self.lookup(key, LookupKind::Nodes).await.closest;
        let is_among_closest = closest.len() < shared.config.k
            || closest.last().is_none_or(|last| shared.id.distance(&key) < last.id.distance(&key));
        if is_among_closest && self.store_at_all(&closest, key, value).await > 0 {
            shared.counters.increment(Counter::Republished);
        }
    }
}
