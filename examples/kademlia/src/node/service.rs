use std::sync::Arc;

use rpcudp::Context;

use crate::node::rpc_client::RpcClient;
use crate::node::shared::Shared;
use crate::protocol::{FindValueResponse, Kademlia, ObservedAddr};
use crate::stats::Counter;
use crate::storage::Record;
use crate::{Contact, Contacts, Key, NodeId, Value};

/// What this node answers.
#[derive(Debug)]
pub(crate) struct Service(pub(crate) Arc<Shared>);

impl Kademlia for Service {
    fn stun(&self, cx: &Context) -> ObservedAddr {
        ObservedAddr(cx.sender())
    }

    fn ping(&self, cx: &Context, id: NodeId) -> NodeId {
        self.0.note_caller(Contact::new(id, cx.sender()));
        self.0.id
    }

    async fn store(&self, cx: &Context, id: NodeId, key: Key, value: Value) -> bool {
        let Self(shared) = self;
        let caller = Contact::new(id, cx.sender());
        if !value.fits() {
            shared.counters.increment(Counter::OversizedValue);
            return false;
        }
        // Whoever can store under a false address can fill this node in the name of others.
        let rpc = RpcClient::new(Arc::clone(shared), cx.endpoint());
        if !shared.is_validated(&caller) && !rpc.validate_caller(caller).await {
            shared.counters.increment(Counter::UnvalidatedStore);
            return false;
        }
        let (expires_at, republish_at) = shared.expiry(&key);
        let record = Record { value, origin: Some(cx.sender()), expires_at };
        let is_kept = shared.store.insert(key, record, republish_at).await;
        shared.counters.add(Counter::Stored, usize::from(is_kept));
        is_kept
    }

    fn find_node(&self, cx: &Context, id: NodeId, key: Key) -> Contacts {
        let Self(shared) = self;
        let caller = Contact::new(id, cx.sender());
        shared.note_caller(caller);
        // One more, for the caller, who knows itself.
        let mut closest = shared.table().closest(&key, shared.config.k + 1);
        closest.retain(|contact| contact.addr != caller.addr && contact.id != caller.id);
        closest.truncate(shared.config.k);
        closest.into()
    }

    fn find_value(&self, cx: &Context, id: NodeId, key: Key) -> FindValueResponse {
        match self.0.store.get(&key) {
            Some(value) => {
                self.0.note_caller(Contact::new(id, cx.sender()));
                FindValueResponse::Value { value }
            }
            None => FindValueResponse::Contacts(self.find_node(cx, id, key)),
        }
    }
}
