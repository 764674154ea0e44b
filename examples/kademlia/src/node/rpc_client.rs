use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp::{CallError, Endpoint};
use tokio::task::JoinSet;

use crate::node::shared::Shared;
use crate::protocol::{FindValueResponse, KademliaClient, SinglePingClient};
use crate::stats::Counter;
use crate::{Contact, Contacts, Key, NodeId, Value};

/// A client that calls other nodes, and updates the routing table by the outcome of each call.
#[derive(Clone, Debug)]
pub(crate) struct RpcClient {
    pub(crate) shared: Arc<Shared>,
    pub(crate) endpoint: Endpoint,
}

/// The object of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookupKind {
    Nodes,
    Value,
}

impl RpcClient {
    pub(crate) fn new(shared: Arc<Shared>, endpoint: Endpoint) -> Self {
        Self { shared, endpoint }
    }

    /// Sends a node the query of a lookup. A node that is not validated is pinged at the same time.
    ///
    /// Returns `None` if the node does not respond, or has another id.
    pub(crate) async fn query(&self, contact: Contact, key: Key, kind: LookupKind) -> Option<FindValueResponse> {
        let Self { shared, .. } = self;
        shared.counters.increment(Counter::Query);
        let response = async {
            let (client, timeout) = (self.client(&contact), shared.config.timeout);
            match kind {
                LookupKind::Nodes => {
                    client.find_node(shared.id, key).timeout(timeout).await.map(FindValueResponse::Contacts)
                }
                LookupKind::Value => client.find_value(shared.id, key).timeout(timeout).await,
            }
        };
        let response = if shared.is_validated(&contact) {
            let response = response.await;
            self.record_outcome(&contact, &response);
            response.ok()?
        } else {
            let (response, is_validated) = tokio::join!(response, self.validate(contact));
            if let Err(CallError::Decode { .. }) = response {
                shared.counters.increment(Counter::BadResponse);
            }
            response.ok().filter(|_| is_validated)?
        };
        self.filter_response(&contact, response)
    }

    /// Pings a contact, and inserts it into the routing table if the node there has the contact's
    /// id. Returns whether it has.
    pub(crate) async fn validate(&self, contact: Contact) -> bool {
        let Self { shared, .. } = self;
        let id = self.client(&contact).ping(shared.id).timeout(shared.config.timeout).await;
        self.handle_ping_result(contact, &id)
    }

    /// Pings the node at an address, and inserts it into the routing table.
    pub(crate) async fn ping_addr(&self, addr: SocketAddr) -> Result<(), CallError> {
        let Self { shared, endpoint } = self;
        let ping = KademliaClient::new(endpoint, addr).ping(shared.id);
        // A bootstrap may have no other node to try, so this waits longer than other requests.
        let id = ping.timeout(3 * shared.config.timeout).await?;
        shared.handle_validated(Contact::new(id, addr));
        Ok(())
    }

    /// Validates the sender of a request like [`validate`](Self::validate), but does not retransmit
    /// the ping, and limits the number of pings in flight.
    pub(crate) async fn validate_caller(&self, contact: Contact) -> bool {
        let Self { shared, endpoint } = self;
        if !shared.validations().begin(contact.addr) {
            shared.counters.increment(Counter::DroppedCheck);
            return false;
        }
        let _guard = ValidationGuard { shared, contact };
        let ping = SinglePingClient::new(endpoint, contact.addr).ping(shared.id);
        let id = ping.timeout(shared.config.timeout).await;
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

    /// Stores a value at a node. Returns whether the node has stored it.
    pub(crate) async fn store_at(&self, contact: &Contact, key: Key, value: &Value) -> bool {
        let Self { shared, .. } = self;
        let outcome = self.client(contact).store(shared.id, key, value.clone()).timeout(shared.config.timeout).await;
        self.record_outcome(contact, &outcome);
        outcome.unwrap_or(false)
    }

    /// Stores a value at several nodes concurrently. Returns how many have stored it.
    pub(crate) async fn store_at_all(&self, contacts: &[Contact], key: Key, value: &Value) -> usize {
        let mut stores = JoinSet::new();
        for contact in contacts {
            let (rpc, contact, value) = (self.clone(), *contact, value.clone());
            stores.spawn(async move { rpc.store_at(&contact, key, &value).await });
        }
        let mut count = 0;
        while let Some(is_stored) = stores.join_next().await {
            count += usize::from(is_stored.is_ok_and(|is_stored| is_stored));
        }
        count
    }

    fn client(&self, contact: &Contact) -> KademliaClient {
        KademliaClient::new(&self.endpoint, contact.addr)
    }

    /// Refuses a value that is too large, and removes contacts with unusable addresses.
    fn filter_response(&self, contact: &Contact, response: FindValueResponse) -> Option<FindValueResponse> {
        let Self { shared, .. } = self;
        match response {
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

    /// Updates the routing table by the outcome of a call.
    fn record_outcome<T>(&self, contact: &Contact, outcome: &Result<T, CallError>) {
        match outcome {
            Ok(_) => self.shared.handle_response(contact),
            Err(CallError::Timeout { .. } | CallError::Unreachable { .. } | CallError::Io { .. }) => {
                self.shared.handle_failure(contact);
            }
            Err(CallError::Decode { .. }) => {
                self.shared.counters.increment(Counter::BadResponse);
                self.shared.handle_failure(contact);
            }
            // The node refused the request, or this node is closing.
            Err(_) => {}
        }
    }
}

/// Ends the count of a validation in flight, also if its future is dropped.
struct ValidationGuard<'a> {
    shared: &'a Shared,
    contact: Contact,
}

impl Drop for ValidationGuard<'_> {
    fn drop(&mut self) {
        self.shared.validations().end(self.contact.addr);
    }
}
