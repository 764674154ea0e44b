use tokio::sync::mpsc;

use crate::node::rpc_client::RpcClient;
use crate::stats::Counter;
use crate::{Contact, Key, NodeId};

/// Hands values over to new contacts, one contact at a time.
pub(crate) async fn hand_over(rpc: RpcClient, mut new_contacts: mpsc::Receiver<Contact>) {
    while let Some(new_contact) = new_contacts.recv().await {
        rpc.hand_over_to(new_contact).await;
    }
}

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
        loop {
            let keys = shared.store.index().keys_after(after, KEYS_PER_PAGE);
            let Some(last) = keys.last() else { return };
            after = Some(*last);
            for key in keys.into_iter().filter(|key| self.should_hand_over(key, &new_contact)).collect::<Vec<_>>() {
                let Some(value) = shared.store.get(&key) else { continue };
                if !self.store_at(&new_contact, key, &value).await {
                    // The contact is offline, or refuses further values.
                    return;
                }
                shared.counters.increment(Counter::HandedOver);
            }
            tokio::task::yield_now().await;
        }
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
