use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::node::rpc_client::RpcClient;
use crate::stats::Counter;
use crate::{Contact, Key, NodeId, Value};

/// Hands values over to new contacts, to up to [`MAX_CONCURRENT`] at a time, so that a slow one
/// does not hold up the others.
pub(crate) async fn hand_over(rpc: RpcClient, mut new_contacts: mpsc::Receiver<Contact>) {
    let mut in_flight = JoinSet::new();
    while let Some(new_contact) = new_contacts.recv().await {
        while in_flight.len() >= MAX_CONCURRENT {
            in_flight.join_next().await;
        }
        while in_flight.try_join_next().is_some() {}
        let rpc = rpc.clone();
        // The contact gets the rest when the values are republished.
        in_flight.spawn(async move { timeout(LIMIT, rpc.hand_over_to(new_contact)).await.is_ok() });
    }
}

/// The number of contacts that are handed their values at a time.
const MAX_CONCURRENT: usize = 64;

/// The time limit for one contact. With a round trip of 200 ms it receives 1,600 values.
const LIMIT: Duration = Duration::from_secs(20);

/// The number of values that are sent to one contact at a time.
const WINDOW: usize = 16;

/// The number of keys that are examined before the task yields.
const KEYS_PER_PAGE: usize = 256;

impl RpcClient {
    /// Stores at a new contact each value to whose key the contact is among the k closest.
    ///
    /// Only the node that is closest to the key, of those that this node knows, hands the value
    /// over (section 2.5 of the paper).
    async fn hand_over_to(&self, new_contact: Contact) {
        let Self { shared, .. } = self;
        let mut after = None;
        let mut stores = FuturesUnordered::new();
        loop {
            let keys = shared.store.index().keys_after(after, KEYS_PER_PAGE);
            let Some(last) = keys.last() else { break };
            after = Some(*last);
            for key in keys.into_iter().filter(|key| self.should_hand_over(key, &new_contact)).collect::<Vec<_>>() {
                let Some(value) = shared.store.get(&key, shared.now()).confirmed() else { continue };
                if stores.len() >= WINDOW && stores.next().await == Some(false) {
                    // The contact is offline, or refuses further values.
                    return;
                }
                stores.push(self.hand_over_value(&new_contact, key, value));
            }
            tokio::task::yield_now().await;
        }
        while stores.next().await == Some(true) {}
    }

    async fn hand_over_value(&self, new_contact: &Contact, key: Key, value: Value) -> bool {
        let is_stored = self.store_at(new_contact, key, &value).await;
        self.shared.counters.add(Counter::HandedOver, usize::from(is_stored));
        is_stored
    }

    fn should_hand_over(&self, key: &Key, new_contact: &Contact) -> bool {
        let Self { shared, .. } = self;
        let mut others = shared.table().closest(key, shared.config.k + 1);
        others.retain(|contact| contact != new_contact);
        others.truncate(shared.config.k);
        let is_closer =
            |id: NodeId, other: Option<&Contact>| other.is_none_or(|other| id.distance(key) < other.id.distance(key));
        let kth = others.get(shared.config.k - 1);
        is_closer(shared.id, others.first()) && is_closer(new_contact.id, kth)
    }
}
