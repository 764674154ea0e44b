use std::sync::Arc;

use rpcudp::Context;

use crate::node::rpc_client::Peers;
use crate::node::shared::Local;
use crate::protocol::{Found, Kademlia, Seen};
use crate::stats::Count;
use crate::storage::Record;
use crate::{Contact, Contacts, Key, NodeId, Value};

/// What this node answers.
#[derive(Debug)]
pub(crate) struct Service(pub(crate) Arc<Local>);

impl Kademlia for Service {
    fn stun(&self, cx: &Context) -> Seen {
        Seen(cx.sender())
    }

    fn ping(&self, cx: &Context, id: NodeId) -> NodeId {
        self.0.meet(Contact::new(id, cx.sender()));
        self.0.id
    }

    async fn store(&self, cx: &Context, id: NodeId, key: Key, value: Value) -> bool {
        let Self(local) = self;
        let caller = Contact::new(id, cx.sender());
        if !value.fits() {
            local.counters.one(Count::OversizedValue);
            return false;
        }
        // Whoever can store under a false address can fill this node in the name of others.
        let peers = Peers::new(Arc::clone(local), cx.endpoint());
        if !local.is_proven(&caller) && !peers.prove_stranger(caller).await {
            local.counters.one(Count::UnprovenStore);
            return false;
        }
        let (expires, republish) = local.terms(&key);
        let record = Record { value, origin: Some(cx.sender()), expires };
        let is_kept = local.shelf.keep(key, record, republish).await;
        local.counters.add(Count::Stored, usize::from(is_kept));
        is_kept
    }

    fn find_node(&self, cx: &Context, id: NodeId, key: Key) -> Contacts {
        let Self(local) = self;
        let caller = Contact::new(id, cx.sender());
        local.meet(caller);
        // One more, for the caller, who knows itself.
        let mut closest = local.table().closest(&key, local.config.k + 1);
        closest.retain(|contact| contact.addr != caller.addr && contact.id != caller.id);
        closest.truncate(local.config.k);
        closest.into()
    }

    fn find_value(&self, cx: &Context, id: NodeId, key: Key) -> Found {
        match self.0.shelf.find(&key) {
            Some(value) => {
                self.0.meet(Contact::new(id, cx.sender()));
                Found::Value { value }
            }
            None => Found::Contacts(self.find_node(cx, id, key)),
        }
    }
}
