use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use crate::lookup::{Lookup, LookupOptions, LookupResult, QueriedNode, QueryOutcome, Step};
use crate::node::rpc_client::{LookupKind, RpcClient};
use crate::protocol::FindValueResponse;
use crate::stats::Counter;
use crate::{Contact, Key, Value};

impl RpcClient {
    /// Looks for the k nodes nearest to a key, or until one of them has the value.
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
        let mut patience = pin!(sleep(shared.config.unresponsive_after));
        let mut value = None;
        let mut is_reseeded = false;
        // The clock is looked at when something was waited for, and not in between.
        let mut now = started;
        while value.is_none() {
            match lookup.poll(shared.clock.timestamp(now)) {
                Step::Done if lookup.closest().len() < shared.config.k && !is_reseeded => {
                    // Those that we know near the key may all be gone, as after a partition: begin farther away.
                    is_reseeded = true;
                    lookup.add_seeds(shared.table().closest_or_stale(&key, usize::MAX));
                }
                Step::Done => break,
                Step::Query(contact) => {
                    let number = queried.len();
                    queried.push(QueriedNode {
                        contact,
                        distance: contact.id.distance(&key),
                        hops: lookup.hops(&contact).unwrap_or_default(),
                        queried_after: now - started,
                        response_time: None,
                        outcome: QueryOutcome::Late,
                    });
                    let rpc = self.clone();
                    responses.push(async move { (number, rpc.query(contact, key, kind).await) });
                }
                Step::Wait(until) => {
                    // Nobody straggles earlier than whoever was asked before: the time that was waited for until now is
                    // early enough to look again, and not setting another for each answer saves as much.
                    if patience.is_elapsed() {
                        patience.as_mut().reset(shared.clock.instant(until));
                    }
                    let answered = tokio::select! {
                        biased;
                        answered = responses.next(), if !responses.is_empty() => answered,
                        () = &mut patience => None,
                    };
                    now = Instant::now();
                    let Some((number, found)) = answered else { continue };
                    let node = &mut queried[number];
                    node.response_time = Some(now - started - node.queried_after);
                    node.outcome = take(&mut lookup, &node.contact, found, &mut value);
                }
            }
        }
        // Those that answer late, or never, are still noted.
        if !responses.is_empty() {
            tokio::spawn(responses.for_each(async |_| ()));
        }
        let closest = lookup.closest();
        let holder = queried.iter().find(|node| node.outcome == QueryOutcome::Value).map(|node| node.contact);
        let hops = holder.or_else(|| closest.first().copied()).and_then(|contact| lookup.hops(&contact)).unwrap_or(0);
        LookupResult { value, closest, queried, hops, elapsed: started.elapsed() }
    }
}

fn take(
    lookup: &mut Lookup,
    who: &Contact,
    found: Option<FindValueResponse>,
    value: &mut Option<Value>,
) -> QueryOutcome {
    match found {
        Some(FindValueResponse::Value { value: found }) => {
            *value = Some(found);
            QueryOutcome::Value
        }
        Some(FindValueResponse::Contacts(contacts)) => {
            let count = contacts.list.len();
            lookup.handle_response(who, contacts.list);
            QueryOutcome::Contacts(count)
        }
        None => {
            lookup.handle_failure(who);
            QueryOutcome::Failed
        }
    }
}
