use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rpcudp::MessageId;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::lookup::{Lookup, LookupOptions, LookupResult, QueriedNode, QueryOutcome, Step};
use crate::node::rpc_client::{LookupKind, RpcClient};
use crate::node::shared::Shared;
use crate::protocol::FindValueResponse;
use crate::stats::Counter;
use crate::storage::Record;
use crate::{Contact, Key, Value};

impl RpcClient {
    /// Finds the k nodes closest to a key, or the value under the key if a node returns it.
    pub(crate) async fn lookup(&self, key: Key, kind: LookupKind) -> LookupResult {
        let Self { shared, .. } = self;
        shared.counters.increment(Counter::Lookup);
        let started = Instant::now();
        let seeds = {
            let mut table = shared.table();
            table.mark_lookup(&key, shared.clock.timestamp(started));
            table.closest_or_stale(&key, shared.config.k)
        };
        let mut lookup = Lookup::new(key, shared.id, LookupOptions::from(&shared.config), seeds);
        let mut queried: Vec<QueriedNode> = Vec::new();
        let mut responses = FuturesUnordered::new();
        let mut unresponsive_timer = pin!(sleep(shared.config.unresponsive_after));
        let mut value = None;
        let mut is_reseeded = false;
        // The clock is read only after each wait.
        let mut now = started;
        while value.is_none() {
            let until = match lookup.poll(shared.clock.timestamp(now)) {
                Step::Done if lookup.closest().len() < shared.config.k && !is_reseeded => {
                    // All contacts near the key may be offline, as after a partition. Begin
                    // again with all contacts.
                    is_reseeded = true;
                    lookup.add_seeds(shared.table().closest_or_stale(&key, usize::MAX));
                    continue;
                }
                // No node has responded in time. A late response is better than none.
                Step::Done if lookup.closest().is_empty() && !responses.is_empty() => None,
                Step::Done => break,
                Step::Query(contact) => {
                    let index = queried.len();
                    queried.push(QueriedNode {
                        contact,
                        distance: contact.id.distance(&key),
                        hops: lookup.hops(&contact).unwrap_or_default(),
                        queried_after: now - started,
                        response_time: None,
                        outcome: QueryOutcome::Late,
                    });
                    let rpc = self.clone();
                    responses.push(async move { (index, rpc.query(contact, key, kind).await) });
                    continue;
                }
                Step::Wait(until) => Some(until),
            };
            // Queried nodes become unresponsive in the order of the queries, so the timer's
            // present deadline is early enough. Resetting the timer only after it has
            // fired saves a reset for each response.
            if let Some(until) = until.filter(|_| unresponsive_timer.is_elapsed()) {
                unresponsive_timer.as_mut().reset(shared.clock.instant(until));
            }
            let response = tokio::select! {
                biased;
                response = responses.next(), if !responses.is_empty() => response,
                () = &mut unresponsive_timer, if until.is_some() => None,
            };
            now = Instant::now();
            let Some((index, response)) = response else { continue };
            let node = &mut queried[index];
            node.response_time = Some(now - started - node.queried_after);
            node.outcome = handle_outcome(&mut lookup, &node.contact, response, &mut value);
        }
        // Late responses and failures still update the routing table.
        if !responses.is_empty() {
            tokio::spawn(responses.for_each(async |_| ()));
        }
        let closest = lookup.closest();
        let holder = queried.iter().find(|node| node.outcome == QueryOutcome::Value).map(|node| node.contact);
        let hops = holder.or_else(|| closest.first().copied()).and_then(|contact| lookup.hops(&contact)).unwrap_or(0);
        LookupResult { value, closest, queried, hops, elapsed: started.elapsed() }
    }
}

impl RpcClient {
    /// Looks up the key of a restored record, and confirms the record unless another node has a
    /// value. The record stays unconfirmed if no node responds.
    ///
    /// Returns at once if too many keys are being confirmed. If this one is, waits a short time for
    /// the result, so that two restored nodes that query each other do not wait for each other
    /// long. A retransmission of the `request` that has begun it waits as long as that.
    pub(crate) async fn confirm(&self, key: Key, request: Option<MessageId>) {
        let Self { shared, .. } = self;
        let _guard = match Confirmation::begin(shared, key, request) {
            Confirmation::Begun(guard) => guard,
            Confirmation::InProgress { mut end, by_same_request } => {
                let wait = if by_same_request { shared.config.timeout } else { MAX_WAIT };
                return drop(timeout(wait, end.changed()).await);
            }
            Confirmation::TooMany => return,
        };
        let LookupResult { value, closest, queried, .. } = self.lookup(key, LookupKind::Confirmation).await;
        let (expires_at, republish_at) = shared.expiry(&key);
        let holder = queried.iter().find(|node| node.outcome == QueryOutcome::Value);
        let found = value.zip(holder);
        if found.is_none() && closest.is_empty() {
            return;
        }
        let found = found.map(|(value, holder)| Record { value, origin: Some(holder.contact.addr), expires_at });
        shared.store.confirm(key, found, republish_at).await;
    }
}

/// The time that a request waits for the confirmation that another one has begun: less than the
/// time after which a lookup goes on without the node.
const MAX_WAIT: Duration = Duration::from_millis(300);

/// The number of keys that are confirmed at a time.
const MAX_CONFIRMATIONS: usize = 16;

enum Confirmation<'a> {
    Begun(ConfirmationGuard<'a>),
    /// The receiver's sender is dropped at the end.
    InProgress {
        end: watch::Receiver<()>,
        by_same_request: bool,
    },
    TooMany,
}

/// Removes a key from those that are being confirmed, also if the future is dropped.
struct ConfirmationGuard<'a> {
    shared: &'a Shared,
    key: Key,
    /// Dropped at the end, which wakes those that wait.
    _end: watch::Sender<()>,
}

impl<'a> Confirmation<'a> {
    fn begin(shared: &'a Shared, key: Key, request: Option<MessageId>) -> Self {
        let mut confirming = shared.confirming();
        if let Some((begun_by, end)) = confirming.get(&key) {
            return Self::InProgress { end: end.clone(), by_same_request: request.is_some() && *begun_by == request };
        }
        if confirming.len() >= MAX_CONFIRMATIONS {
            return Self::TooMany;
        }
        let (end, on_end) = watch::channel(());
        confirming.insert(key, (request, on_end));
        Self::Begun(ConfirmationGuard { shared, key, _end: end })
    }
}

impl Drop for ConfirmationGuard<'_> {
    fn drop(&mut self) {
        self.shared.confirming().remove(&self.key);
    }
}

fn handle_outcome(
    lookup: &mut Lookup,
    contact: &Contact,
    response: Option<FindValueResponse>,
    value: &mut Option<Value>,
) -> QueryOutcome {
    match response {
        Some(FindValueResponse::Value { value: found }) => {
            *value = Some(found);
            QueryOutcome::Value
        }
        Some(FindValueResponse::Contacts(contacts)) => {
            let count = contacts.list.len();
            lookup.handle_response(contact, contacts.list);
            QueryOutcome::Contacts(count)
        }
        None => {
            lookup.handle_failure(contact);
            QueryOutcome::Failed
        }
    }
}
