use std::sync::Arc;

use rpcudp::{CallError, Endpoint};
use tokio::task::JoinSet;

use crate::node::shared::Shared;
use crate::protocol::{FindValueResponse, KademliaClient, SinglePingClient};
use crate::stats::Counter;
use crate::{Contact, Contacts, Key, NodeId, Value};

/// The other nodes, as this one calls them: every answer and every silence is noted.
#[derive(Clone, Debug)]
pub(crate) struct RpcClient {
    pub(crate) shared: Arc<Shared>,
    pub(crate) endpoint: Endpoint,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookupKind {
    Nodes,
    Value,
}

impl RpcClient {
    pub(crate) fn new(shared: Arc<Shared>, endpoint: Endpoint) -> Self {
        Self { shared, endpoint }
    }

    /// Asks a node for what it knows about a key; one that has not validated who it is is asked that as well, in the same
    /// breath. None where it does not answer, or is another.
    pub(crate) async fn query(&self, contact: Contact, key: Key, kind: LookupKind) -> Option<FindValueResponse> {
        let Self { shared, .. } = self;
        shared.counters.increment(Counter::Query);
        let found = async {
            let (client, timeout) = (self.client(&contact), shared.config.timeout);
            match kind {
                LookupKind::Nodes => {
                    client.find_node(shared.id, key).timeout(timeout).await.map(FindValueResponse::Contacts)
                }
                LookupKind::Value => client.find_value(shared.id, key).timeout(timeout).await,
            }
        };
        let found = if shared.is_validated(&contact) {
            let found = found.await;
            self.record_outcome(&contact, &found);
            found.ok()?
        } else {
            let (found, is_validated) = tokio::join!(found, self.validate(contact));
            if let Err(CallError::Decode { .. }) = found {
                shared.counters.increment(Counter::BadResponse);
            }
            found.ok().filter(|_| is_validated)?
        };
        self.filter_response(&contact, found)
    }

    /// Asks a node who it is. Says whether it is who it was said to be; it gets its place in the table then.
    pub(crate) async fn validate(&self, contact: Contact) -> bool {
        let Self { shared, .. } = self;
        let id = self.client(&contact).ping(shared.id).timeout(shared.config.timeout).await;
        self.handle_ping_result(contact, &id)
    }

    /// The same for one who has called us, if it is: asks once, and only if few such are being asked.
    pub(crate) async fn validate_caller(&self, contact: Contact) -> bool {
        let Self { shared, endpoint } = self;
        if !shared.validations().begin(contact.addr) {
            shared.counters.increment(Counter::DroppedCheck);
            return false;
        }
        let _guard = ValidationGuard { shared, contact };
        let ping_addr = SinglePingClient::new(endpoint, contact.addr).ping(shared.id);
        let id = ping_addr.timeout(shared.config.timeout).await;
        self.handle_ping_result(contact, &id)
    }

    fn handle_ping_result(&self, contact: Contact, id: &Result<NodeId, CallError>) -> bool {
        match id {
            Ok(id) if *id == contact.id => self.shared.handle_validated(contact),
            Ok(_) => self.shared.handle_wrong_id(&contact),
            Err(_) => self.record_outcome(&contact, id),
        }
        id.as_ref().is_ok_and(|id| *id == contact.id)
    }

    /// Stores a value at a node, and says whether it keeps it.
    pub(crate) async fn store_at(&self, contact: &Contact, key: Key, value: &Value) -> bool {
        let Self { shared, .. } = self;
        let stored = self.client(contact).store(shared.id, key, value.clone()).timeout(shared.config.timeout).await;
        self.record_outcome(contact, &stored);
        stored.unwrap_or(false)
    }

    /// Stores a value at all of these at once, and says how many keep it.
    pub(crate) async fn store_at_all(&self, contacts: &[Contact], key: Key, value: &Value) -> usize {
        let mut stores = JoinSet::new();
        for contact in contacts {
            let (rpc, contact, value) = (self.clone(), *contact, value.clone());
            stores.spawn(async move { rpc.store_at(&contact, key, &value).await });
        }
        let mut count = 0;
        while let Some(is_kept) = stores.join_next().await {
            count += usize::from(is_kept.is_ok_and(|is_kept| is_kept));
        }
        count
    }

    pub(crate) fn client(&self, contact: &Contact) -> KademliaClient {
        KademliaClient::new(&self.endpoint, contact.addr)
    }

    /// Takes out of an answer what nobody should be told.
    fn filter_response(&self, contact: &Contact, found: FindValueResponse) -> Option<FindValueResponse> {
        let Self { shared, .. } = self;
        match found {
            FindValueResponse::Value { value } if !value.fits() => {
                shared.counters.increment(Counter::BadResponse);
                None
            }
            FindValueResponse::Value { value } => Some(FindValueResponse::Value { value }),
            FindValueResponse::Contacts(Contacts { list, malformed }) => {
                shared.counters.add(Counter::MalformedContact, malformed);
                Some(FindValueResponse::Contacts(shared.retain_contactable(list, contact.addr).into()))
            }
        }
    }

    /// Notes how a call to somebody known has ended.
    fn record_outcome<T>(&self, contact: &Contact, ended: &Result<T, CallError>) {
        match ended {
            Ok(_) => self.shared.handle_response(contact),
            Err(CallError::Timeout { .. } | CallError::Unreachable { .. } | CallError::Io { .. }) => {
                self.shared.handle_failure(contact);
            }
            Err(CallError::Decode { .. }) => {
                self.shared.counters.increment(Counter::BadResponse);
                self.shared.handle_failure(contact);
            }
            // It is there and says no, or we are closing.
            Err(_) => {}
        }
    }
}

/// Makes room for another introduction, also where the handler that waits for it is stopped.
struct ValidationGuard<'a> {
    shared: &'a Shared,
    contact: Contact,
}

impl Drop for ValidationGuard<'_> {
    fn drop(&mut self) {
        self.shared.validations().end(self.contact.addr);
    }
}
