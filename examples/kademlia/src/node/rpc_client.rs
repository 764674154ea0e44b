use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::{Either, join_all, select};
use rpcudp::transport::canonical;
use rpcudp::{CallError, Endpoint};
use tokio::task::JoinSet;

use crate::node::shared::{Purpose, Shared};
use crate::node::strangers::Place;
use crate::protocol::{FindValueResponse, MaybeValue, ServedKademliaClient, ShortId, SinglePingClient};
use crate::stats::Counter;
use crate::{Contact, Contacts, Key, NamedContact, Value};

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
    /// The value, to confirm a restored one. Contacts that have just failed are not queried again,
    /// because many such lookups follow one another after a restart.
    Confirmation,
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
                LookupKind::Nodes => client
                    .find_node(shared.id.into(), key.into())
                    .timeout(timeout)
                    .await
                    .map(FindValueResponse::Contacts),
                LookupKind::Value | LookupKind::Confirmation => {
                    client.find_value(shared.id.into(), key.into()).timeout(timeout).await
                }
            }
        };
        let response = if shared.is_validated(&contact) {
            let response = response.await;
            self.record_outcome(&contact, response.as_ref());
            response.ok()?
        } else {
            let (response, is_validated) = tokio::join!(response, self.validate(contact));
            if let Err(CallError::Decode { .. }) = response {
                shared.counters.increment(Counter::BadResponse);
            }
            response.ok().filter(|_| is_validated)?
        };
        let mut response = self.filter_response(&contact, response).await;
        if let (LookupKind::Confirmation, Some(FindValueResponse::Contacts(contacts))) = (kind, &mut response) {
            contacts.list.retain(|contact| !shared.has_failed(contact.addr));
        }
        response
    }

    /// Pings a contact, and inserts it into the routing table if the node there has the contact's
    /// id. Returns whether it has.
    pub(crate) async fn validate(&self, contact: Contact) -> bool {
        let Self { shared, .. } = self;
        let id = self.client(&contact).ping(shared.id.into()).timeout(shared.config.timeout).await;
        self.handle_ping_result(contact, id.as_ref()) == Proof::Contact
    }

    /// Pings the node at an address, and inserts it into the routing table.
    pub(crate) async fn ping_addr(&self, addr: SocketAddr) -> Result<(), CallError> {
        let Self { shared, endpoint } = self;
        let client = ServedKademliaClient::new(endpoint, addr);
        // A bootstrap may have no other node to try, so this waits longer than other requests.
        let ping = client.ping(shared.id.into()).timeout(3 * shared.config.timeout);
        // A ping is too short to be answered with another one, so a second request introduces this
        // node: see `Credits`. Its response is of no use, because the lookup asks again.
        let introduction = client.find_node(shared.id.into(), shared.id.into()).timeout(shared.config.timeout);
        let id = match select(ping, introduction).await {
            Either::Left((id, _)) => id,
            Either::Right((_, ping)) => ping.await,
        };
        shared.handle_validated(Contact::new(id?.node_id(), addr));
        Ok(())
    }

    /// Validates the sender of a request like [`validate`](Self::validate), but does not retransmit
    /// the ping, and limits the number of pings in flight.
    pub(crate) async fn validate_caller(&self, contact: Contact, purpose: Purpose) -> Proof {
        let Self { shared, endpoint } = self;
        let now = shared.now();
        let place = shared.places(purpose).acquire(contact.addr, now, &mut *shared.rng());
        let Some(Place { number, lost }) = place else {
            shared.counters.increment(Counter::DroppedCheck);
            return Proof::None;
        };
        let _guard = PlaceGuard { shared, purpose, number };
        let ping = SinglePingClient::new(endpoint, contact.addr).ping(shared.id.into());
        tokio::select! {
            biased;
            id = ping.omit_deadline().timeout(shared.config.timeout) => self.handle_ping_result(contact, id.as_ref()),
            _ = lost => {
                shared.counters.increment(Counter::DroppedCheck);
                Proof::None
            }
        }
    }

    fn handle_ping_result(&self, contact: Contact, id: Result<&ShortId, &CallError>) -> Proof {
        match id {
            Ok(id) if id.node_id() == contact.id => {
                self.shared.handle_validated(contact);
                Proof::Contact
            }
            Ok(_) => {
                self.shared.handle_wrong_id(&contact);
                Proof::Addr
            }
            Err(error) => {
                self.record_outcome::<()>(&contact, Err(error));
                let has_responded = matches!(error, CallError::Refused { .. } | CallError::Decode { .. });
                if has_responded { Proof::Addr } else { Proof::None }
            }
        }
    }

    /// Stores a value at a node. Returns whether the node has stored it.
    pub(crate) async fn store_at(&self, contact: &Contact, key: Key, value: &Value) -> bool {
        let Self { shared, .. } = self;
        let value = MaybeValue(Some(value.clone()));
        let store = self.client(contact).store(shared.id.into(), key.into(), value);
        let outcome = store.timeout(shared.config.timeout).await;
        self.record_outcome(contact, outcome.as_ref());
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

    fn client(&self, contact: &Contact) -> ServedKademliaClient {
        ServedKademliaClient::new(&self.endpoint, contact.addr)
    }

    /// Refuses a value that is too large, resolves host names, and removes contacts with unusable
    /// addresses.
    async fn filter_response(&self, contact: &Contact, response: FindValueResponse) -> Option<FindValueResponse> {
        let Self { shared, .. } = self;
        match response {
            FindValueResponse::Value { value } if !value.fits() => {
                shared.counters.increment(Counter::BadResponse);
                None
            }
            FindValueResponse::Value { value } => Some(FindValueResponse::Value { value }),
            FindValueResponse::Contacts(Contacts { mut list, named, malformed }) => {
                shared.counters.add(Counter::MalformedContact, malformed);
                if !named.is_empty() {
                    list.extend(self.resolve(named, contact.addr).await);
                }
                Some(FindValueResponse::Contacts(shared.retain_contactable(list, contact.addr).into()))
            }
        }
    }

    /// Resolves the host names of contacts. A contact is left out if its name has no address that
    /// this node can send to.
    async fn resolve(&self, named: Vec<NamedContact>, referrer: SocketAddr) -> Vec<Contact> {
        let Self { shared, .. } = self;
        if !shared.config.resolves_host_names {
            shared.counters.add(Counter::MalformedContact, named.len());
            return Vec::new();
        }
        let resolving = named.iter().map(|contact| shared.host_names.resolve(&contact.host));
        let resolved = join_all(resolving).await;
        let mut contacts = Vec::new();
        for (NamedContact { id, port, .. }, resolved) in named.into_iter().zip(resolved) {
            let ips = resolved.unwrap_or_else(|_| {
                shared.counters.increment(Counter::DroppedHostName);
                Box::default()
            });
            let mut addrs: Vec<_> = ips.iter().map(|ip| canonical(SocketAddr::new(*ip, port))).collect();
            // The referrer's own family is likelier to work.
            addrs.sort_by_key(|addr| addr.is_ipv4() != referrer.is_ipv4());
            let usable = addrs
                .into_iter()
                .map(|addr| Contact::new(id, addr))
                .find(|it| shared.is_contactable(it, Some(referrer)));
            shared.counters.add(Counter::MalformedContact, usize::from(usable.is_none()));
            contacts.extend(usable);
        }
        contacts
    }

    /// Updates the routing table by the outcome of a call.
    fn record_outcome<T>(&self, contact: &Contact, outcome: Result<&T, &CallError>) {
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

/// The proof that a ping has given about the sender of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The node at the address has the id.
    Contact,
    /// The address is not forged, but the node there has another id, or serves no `ping`.
    Addr,
    None,
}

/// Gives the place of a validation back, also if its future is dropped.
struct PlaceGuard<'a> {
    shared: &'a Shared,
    purpose: Purpose,
    number: u64,
}

impl Drop for PlaceGuard<'_> {
    fn drop(&mut self) {
        self.shared.places(self.purpose).release(self.number);
    }
}
