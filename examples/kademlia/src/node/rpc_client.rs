use std::sync::Arc;

use rpcudp::{CallError, Endpoint};
use tokio::task::JoinSet;

use crate::node::shared::Local;
use crate::protocol::{Found, KademliaClient, KnockClient};
use crate::stats::Count;
use crate::{Contact, Contacts, Key, NodeId, Value};

/// The other nodes, as this one calls them: every answer and every silence is noted.
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    pub(crate) local: Arc<Local>,
    pub(crate) endpoint: Endpoint,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Nodes,
    Value,
}

impl Peers {
    pub(crate) fn new(local: Arc<Local>, endpoint: Endpoint) -> Self {
        Self { local, endpoint }
    }

    /// Asks a node for what it knows about a key; one that has not proven who it is is asked that as well, in the same
    /// breath. None where it does not answer, or is another.
    pub(crate) async fn ask(&self, contact: Contact, key: Key, want: Want) -> Option<Found> {
        let Self { local, .. } = self;
        local.counters.one(Count::Asked);
        let found = async {
            let (client, timeout) = (self.client(&contact), local.config.timeout);
            match want {
                Want::Nodes => client.find_node(local.id, key).timeout(timeout).await.map(Found::Contacts),
                Want::Value => client.find_value(local.id, key).timeout(timeout).await,
            }
        };
        let found = if local.is_proven(&contact) {
            let found = found.await;
            self.note(&contact, &found);
            found.ok()?
        } else {
            let (found, is_proven) = tokio::join!(found, self.prove(contact));
            if let Err(CallError::Decode { .. }) = found {
                local.counters.one(Count::BadAnswer);
            }
            found.ok().filter(|_| is_proven)?
        };
        self.examine(&contact, found)
    }

    /// Asks a node who it is. Says whether it is who it was said to be; it gets its place in the table then.
    pub(crate) async fn prove(&self, contact: Contact) -> bool {
        let Self { local, .. } = self;
        let id = self.client(&contact).ping(local.id).timeout(local.config.timeout).await;
        self.conclude(contact, &id)
    }

    /// The same for one who has called us, if it is: asks once, and only if few such are being asked.
    pub(crate) async fn prove_stranger(&self, stranger: Contact) -> bool {
        let Self { local, endpoint } = self;
        if !local.introductions().begin(stranger.addr) {
            local.counters.one(Count::TooManyIntroductions);
            return false;
        }
        let _ending = Ending { local, stranger };
        let knock = KnockClient::new(endpoint, stranger.addr).ping(local.id);
        let id = knock.timeout(local.config.timeout).await;
        self.conclude(stranger, &id)
    }

    fn conclude(&self, contact: Contact, id: &Result<NodeId, CallError>) -> bool {
        match id {
            Ok(id) if *id == contact.id => self.local.welcome(contact),
            Ok(_) => self.local.mistook(&contact),
            Err(_) => self.note(&contact, id),
        }
        id.as_ref().is_ok_and(|id| *id == contact.id)
    }

    /// Stores a value at a node, and says whether it keeps it.
    pub(crate) async fn store_at(&self, contact: &Contact, key: Key, value: &Value) -> bool {
        let Self { local, .. } = self;
        let stored = self.client(contact).store(local.id, key, value.clone()).timeout(local.config.timeout).await;
        self.note(contact, &stored);
        stored.unwrap_or(false)
    }

    /// Stores a value at all of these at once, and says how many keep it.
    pub(crate) async fn store_at_all(&self, contacts: &[Contact], key: Key, value: &Value) -> usize {
        let mut stores = JoinSet::new();
        for contact in contacts {
            let (peers, contact, value) = (self.clone(), *contact, value.clone());
            stores.spawn(async move { peers.store_at(&contact, key, &value).await });
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
    fn examine(&self, contact: &Contact, found: Found) -> Option<Found> {
        let Self { local, .. } = self;
        match found {
            Found::Value { value } if !value.fits() => {
                local.counters.one(Count::BadAnswer);
                None
            }
            Found::Value { value } => Some(Found::Value { value }),
            Found::Contacts(Contacts { list, malformed }) => {
                local.counters.add(Count::MalformedContact, malformed);
                Some(Found::Contacts(local.believable(list, contact.addr).into()))
            }
        }
    }

    /// Notes how a call to somebody known has ended.
    fn note<T>(&self, contact: &Contact, ended: &Result<T, CallError>) {
        match ended {
            Ok(_) => self.local.heard(contact),
            Err(CallError::Timeout { .. } | CallError::Unreachable { .. } | CallError::Io { .. }) => {
                self.local.missed(contact);
            }
            Err(CallError::Decode { .. }) => {
                self.local.counters.one(Count::BadAnswer);
                self.local.missed(contact);
            }
            // It is there and says no, or we are closing.
            Err(_) => {}
        }
    }
}

/// Makes room for another introduction, also where the handler that waits for it is stopped.
struct Ending<'a> {
    local: &'a Local,
    stranger: Contact,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.local.introductions().end(self.stranger.addr);
    }
}
