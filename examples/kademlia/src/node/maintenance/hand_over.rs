use tokio::sync::mpsc;

use crate::node::rpc_client::RpcClient;
use crate::stats::Counter;
use crate::{Contact, Key, NodeId};

/// Hands newcomers what they are nearer to than we are, one newcomer after the other.
pub(crate) async fn hand_over(rpc: RpcClient, mut newcomers: mpsc::Receiver<Contact>) {
    while let Some(newcomer) = newcomers.recv().await {
        rpc.hand_over_to(newcomer).await;
    }
}

/// How many keys are looked at before others get their turn.
const KEYS_AT_ONCE: usize = 256;

impl RpcClient {
    /// Stores at a newcomer what it is among the k nearest to and we are the nearest to, of those that we know: one of
    /// those that have a value hands it over, and not all of them (section 2.5 of the paper).
    async fn hand_over_to(&self, newcomer: Contact) {
        let Self { shared, .. } = self;
        let mut after = None;
        loop {
            let keys = shared.store.index().keys_after(after, KEYS_AT_ONCE);
            let Some(last) = keys.last() else { return };
            after = Some(*last);
            for key in keys.into_iter().filter(|key| self.should_hand_over(key, &newcomer)).collect::<Vec<_>>() {
                let Some(value) = shared.store.get(&key) else { continue };
                if !self.store_at(&newcomer, key, &value).await {
                    // It is gone, or wants no more.
                    return;
                }
                shared.counters.increment(Counter::HandedOver);
            }
            tokio::task::yield_now().await;
        }
    }

    fn should_hand_over(&self, key: &Key, newcomer: &Contact) -> bool {
        let Self { shared, .. } = self;
        let mut others = shared.table().closest(key, shared.config.k + 1);
        others.retain(|contact| contact != newcomer);
        others.truncate(shared.config.k);
        let is_nearer_than =
            |id: NodeId, other: Option<&Contact>| other.is_none_or(|other| id.distance(key) < other.id.distance(key));
        let farthest = others.get(shared.config.k - 1);
        is_nearer_than(shared.id, others.first()) && is_nearer_than(newcomer.id, farthest)
    }
}
