use std::sync::Arc;

use rpcudp::Context;

use crate::node::rpc_client::RpcClient;
use crate::node::shared::Shared;
use crate::protocol::{FindValueResponse, Kademlia, ObservedAddr};
use crate::stats::Counter;
use crate::storage::Record;
use crate::{Contact, Contacts, Key, NodeId, Value};

/// The handlers of the requests that a node serves.
#[derive(Debug)]
pub(crate) struct Service(pub(crate) Arc<Shared>);

impl Kademlia for Service {
    fn stun(&self, cx: &Context) -> ObservedAddr {
        ObservedAddr(cx.sender())
    }

    fn ping(&self, cx: &Context, id: NodeId) -> NodeId {
        self.0.handle_caller(Contact::new(id, cx.sender()));
        self.0.id
    }

    async fn store(&self, cx: &Context, id: NodeId, key: Key, value: Value) -> bool {
        let Self(shared) = self;
        let caller = Contact::new(id, cx.sender());
        if !value.fits() {
            shared.counters.increment(Counter::OversizedValue);
            return false;
        }
        // A forged source address must not use up the storage limit of another subnet.
        let rpc = RpcClient::new(Arc::clone(shared), cx.endpoint());
        if !shared.is_validated(&caller) && !rpc.validate_caller(caller).await {
            shared.counters.increment(Counter::UnvalidatedStore);
            return false;
        }
        let (expires_at, republish_at) = shared.expiry(&key);
        let record = Record { value, origin: Some(cx.sender()), expires_at };
        let is_stored = shared.store.insert(key, record, republish_at).await;
        shared.counters.add(Counter::Stored, usize::from(is_stored));
        is_stored
    }

    fn find_node(&self, cx: &Context, id: NodeId, key: Key) -> Contacts {
        let Self(shared) = self;
        let caller = Contact::new(id, cx.sender());
        shared.handle_caller(caller);
        // One more than k, because the caller itself is left out.
        let mut closest = shared.table().closest(&key, shared.config.k + 1);
        closest.retain(|contact| contact.addr != caller.addr && contact.id != caller.id);
        closest.truncate(shared.config.k);
        closest.into()
    }

    fn find_value(&self, cx: &Context, id: NodeId, key: Key) -> FindValueResponse {
        match self.0.store.get(&key) {
            Some(value) => {
                self.0.handle_caller(Contact::new(id, cx.sender()));
                FindValueResponse::Value { value }
            }
            None => FindValueResponse::Contacts(self.find_node(cx, id, key)),
        }
    }
}
