use std::sync::Arc;

use rpcudp::Context;
use tokio::time::timeout;

use crate::node::rpc_client::{Proof, RpcClient};
use crate::node::shared::{Purpose, Shared};
use crate::protocol::{FindValueResponse, MaybeValue, ObservedAddr, ServedKademlia, ShortId};
use crate::stats::Counter;
use crate::storage::{Record, StoredValue};
use crate::{Contact, Contacts};

/// The handlers of the requests that a node serves.
#[derive(Debug)]
pub(crate) struct Service(pub(crate) Arc<Shared>);

impl ServedKademlia for Service {
    fn stun(&self, cx: &Context) -> ObservedAddr {
        ObservedAddr(cx.sender())
    }

    fn ping(&self, cx: &Context, id: ShortId) -> ShortId {
        let unspent_len = (PING_LEN + id.len + trailer_len(cx)).saturating_sub(PING_RESPONSE_LEN);
        self.0.handle_caller(Contact::new(id.node_id(), cx.sender()), unspent_len);
        self.0.id.into()
    }

    async fn store(&self, cx: &Context, id: ShortId, key: ShortId, value: MaybeValue) -> bool {
        let Self(shared) = self;
        let (caller, key_len, key) = (Contact::new(id.node_id(), cx.sender()), key.len, key.key());
        let MaybeValue(Some(value)) = value else {
            shared.counters.increment(Counter::UnstorableValue);
            return false;
        };
        if !value.fits() {
            shared.counters.increment(Counter::OversizedValue);
            return false;
        }
        // A forged source address must not use up the storage limit of another subnet.
        let request_len = STORE_LEN + id.len + key_len + value.encoded_len() + trailer_len(cx);
        if self.validate(cx, caller, request_len - STORE_RESPONSE_LEN).await != Proof::Contact {
            shared.counters.increment(Counter::UnvalidatedStore);
            return false;
        }
        let (expires_at, republish_at) = shared.expiry(&key);
        let record = Record { value, origin: Some(cx.sender()), expires_at };
        let is_stored = shared.store.insert(key, record, republish_at).await;
        shared.counters.add(Counter::Stored, usize::from(is_stored));
        is_stored
    }

    fn find_node(&self, cx: &Context, id: ShortId, key: ShortId) -> Contacts {
        self.find_contacts(cx, id, key, FIND_NODE_LEN + id.len + key.len)
    }

    async fn find_value(&self, cx: &Context, id: ShortId, key: ShortId) -> FindValueResponse {
        let Self(shared) = self;
        let caller = Contact::new(id.node_id(), cx.sender());
        let request_len = FIND_VALUE_LEN + id.len + key.len + trailer_len(cx);
        let value = match shared.store.get(&key.key(), shared.now()) {
            StoredValue::Confirmed(value) => Some(value),
            StoredValue::Restored => None,
            StoredValue::Missing => return self.find_contacts(cx, id, key, request_len).into(),
        };
        let response_len = value.as_ref().map(|value| VALUE_RESPONSE_LEN + value.encoded_len());
        if let (Some(value), Some(unspent_len)) = (&value, response_len.and_then(|len| request_len.checked_sub(len))) {
            shared.handle_caller(caller, unspent_len);
            return FindValueResponse::Value { value: value.clone() };
        }
        // A forged source address must not receive more than was sent in its name, except contacts,
        // nor start the lookup that confirms a restored value.
        if self.validate(cx, caller, request_len).await == Proof::None {
            shared.counters.increment(Counter::WithheldValue);
            return self.find_contacts(cx, id, key, 0).into();
        }
        if let Some(value) = value {
            return FindValueResponse::Value { value };
        }
        let rpc = RpcClient::new(Arc::clone(shared), cx.endpoint());
        // If the lookup takes longer, the caller goes on with the contacts.
        let _ = timeout(shared.config.timeout, rpc.confirm(key.key(), Some(cx.message_id()))).await;
        match shared.store.get(&key.key(), shared.now()) {
            StoredValue::Confirmed(value) => FindValueResponse::Value { value },
            StoredValue::Restored | StoredValue::Missing => self.find_contacts(cx, id, key, 0).into(),
        }
    }
}

impl Service {
    /// Returns the contacts closest to a key. `unspent_len` is that of
    /// [`Shared::handle_caller`]: contacts do not count as a response.
    fn find_contacts(&self, cx: &Context, id: ShortId, key: ShortId, unspent_len: usize) -> Contacts {
        let Self(shared) = self;
        let caller = Contact::new(id.node_id(), cx.sender());
        shared.handle_caller(caller, unspent_len);
        // One more than k, because the caller itself is left out.
        let mut closest = shared.table().closest(&key.key(), shared.config.k + 1);
        closest.retain(|contact| contact.addr != caller.addr && contact.id != caller.id && !contact.id.is_short());
        closest.truncate(shared.config.k);
        closest.into()
    }

    /// Returns what is known of the caller. Pings a caller that is not validated, if its request
    /// was long enough for that.
    async fn validate(&self, cx: &Context, caller: Contact, unspent_len: usize) -> Proof {
        let Self(shared) = self;
        if shared.is_validated(&caller) {
            return Proof::Contact;
        }
        if !shared.may_ping(&caller, unspent_len) {
            return Proof::None;
        }
        let rpc = RpcClient::new(Arc::clone(shared), cx.endpoint());
        rpc.validate_caller(caller, Purpose::Request).await
    }
}

/// The lengths of requests without their ids and keys, and of responses without the value: the head
/// of a frame has 21 bytes, an array one, a method name one more than its letters, and the head of
/// an id two.
const PING_LEN: usize = 21 + 1 + 5 + 1 + 2;
const PING_RESPONSE_LEN: usize = 21 + 2 + crate::ID_LEN;
const STORE_LEN: usize = 21 + 1 + 6 + 1 + 2 * 2;
const STORE_RESPONSE_LEN: usize = 21 + 1;
const FIND_NODE_LEN: usize = 21 + 1 + 10 + 1 + 2 * 2;
const FIND_VALUE_LEN: usize = FIND_NODE_LEN + 1;
const VALUE_RESPONSE_LEN: usize = 21 + 1 + 6;

/// Returns the length of the trailer with the remaining time, which Rust callers send.
fn trailer_len(cx: &Context) -> usize {
    if cx.remaining().is_some() { 10 } else { 0 }
}
