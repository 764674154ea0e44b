use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use crate::lookup::{Lookup, LookupOptions, Outcome, Search, Step, Visit};
use crate::node::rpc_client::{Peers, Want};
use crate::protocol::Found;
use crate::stats::Count;
use crate::{Contact, Key, Value};

impl Peers {
    /// Looks for the k nodes nearest to a key, or until one of them has the value.
    pub(crate) async fn search(&self, key: Key, want: Want) -> Search {
        let Self { local, .. } = self;
        local.counters.one(Count::Lookup);
        let started = Instant::now();
        let seeds = {
            let mut table = local.table();
            table.touch(&key, local.clock.at(started));
            table.closest_or_suspect(&key, local.config.k)
        };
        let mut lookup = Lookup::new(key, local.id, LookupOptions::from(&local.config), seeds);
        let mut visits: Vec<Visit> = Vec::new();
        let mut answers = FuturesUnordered::new();
        let mut patience = pin!(sleep(local.config.straggler_after));
        let mut value = None;
        let mut is_extended = false;
        // The clock is looked at when something was waited for, and not in between.
        let mut now = started;
        while value.is_none() {
            match lookup.poll(local.clock.at(now)) {
                Step::Done if lookup.closest().len() < local.config.k && !is_extended => {
                    // Those that we know near the key may all be gone, as after a partition: begin farther away.
                    is_extended = true;
                    lookup.extend(local.table().closest_or_suspect(&key, usize::MAX));
                }
                Step::Done => break,
                Step::Ask(contact) => {
                    let number = visits.len();
                    visits.push(Visit {
                        contact,
                        distance: contact.id.distance(&key),
                        hops: lookup.hops(&contact).unwrap_or_default(),
                        asked: now - started,
                        took: None,
                        outcome: Outcome::Late,
                    });
                    let peers = self.clone();
                    answers.push(async move { (number, peers.ask(contact, key, want).await) });
                }
                Step::Wait(until) => {
                    // Nobody straggles earlier than whoever was asked before: the time that was waited for until now is
                    // early enough to look again, and not setting another for each answer saves as much.
                    if patience.is_elapsed() {
                        patience.as_mut().reset(local.clock.instant(until));
                    }
                    let answered = tokio::select! {
                        biased;
                        answered = answers.next(), if !answers.is_empty() => answered,
                        () = &mut patience => None,
                    };
                    now = Instant::now();
                    let Some((number, found)) = answered else { continue };
                    let visit = &mut visits[number];
                    visit.took = Some(now - started - visit.asked);
                    visit.outcome = take(&mut lookup, &visit.contact, found, &mut value);
                }
            }
        }
        // Those that answer late, or never, are still noted.
        if !answers.is_empty() {
            tokio::spawn(answers.for_each(async |_| ()));
        }
        let closest = lookup.closest();
        let holder = visits.iter().find(|visit| visit.outcome == Outcome::Value).map(|visit| visit.contact);
        let hops = holder.or_else(|| closest.first().copied()).and_then(|contact| lookup.hops(&contact)).unwrap_or(0);
        Search { value, closest, visits, hops, elapsed: started.elapsed() }
    }
}

fn take(lookup: &mut Lookup, who: &Contact, found: Option<Found>, value: &mut Option<Value>) -> Outcome {
    match found {
        Some(Found::Value { value: found }) => {
            *value = Some(found);
            Outcome::Value
        }
        Some(Found::Contacts(contacts)) => {
            let count = contacts.list.len();
            lookup.answered(who, contacts.list);
            Outcome::Contacts(count)
        }
        None => {
            lookup.failed(who);
            Outcome::Failed
        }
    }
}
