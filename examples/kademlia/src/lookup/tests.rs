use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::RoutingTable;

const ZERO: Timestamp = Timestamp::from_millis(0);

/// A network of nodes with routing tables, some of which are offline.
struct TestNetwork {
    tables: BTreeMap<Contact, RoutingTable>,
    offline: BTreeSet<Contact>,
    rng: StdRng,
}

impl TestNetwork {
    fn new(count: usize, k: usize, offline_share: f64, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let contact = |number: usize, rng: &mut StdRng| {
            let [_, _, _, _, a, b, c, d] = number.to_be_bytes();
            Contact::new(NodeId::from_bytes(rng.random()), SocketAddr::from(([10, a | b, c, d], 1)))
        };
        let contacts: Vec<_> = (0..count).map(|number| contact(number, &mut rng)).collect();
        let mut tables = BTreeMap::new();
        for local in &contacts {
            let mut table = RoutingTable::new(local.id, k, 2, ZERO);
            // Each table sees the nodes in its own order, because a k-bucket keeps the first ones.
            let start = rng.random_range(0..count);
            contacts.iter().cycle().skip(start).take(count).for_each(|other| {
                table.insert(*other, ZERO);
            });
            tables.insert(*local, table);
        }
        let offline = contacts.iter().filter(|_| rng.random_bool(offline_share)).copied().collect();
        Self { tables, offline, rng }
    }

    fn online(&self) -> impl Iterator<Item = &Contact> {
        self.tables.keys().filter(|contact| !self.offline.contains(contact))
    }

    fn closest(&self, key: &Key, count: usize, local: &Contact) -> Vec<Contact> {
        let mut all: Vec<_> = self.online().filter(|contact| *contact != local).copied().collect();
        all.sort_by_key(|contact| contact.id.distance(key));
        all.truncate(count);
        all
    }

    /// Runs a lookup. Online nodes respond in a random order. Returns the time at its end.
    fn run(&mut self, lookup: &mut Lookup, k: usize) -> Timestamp {
        let (mut now, mut in_flight) = (ZERO, Vec::new());
        let mut most_in_flight = 0;
        loop {
            let step = lookup.poll(now);
            match step {
                Step::Query(contact) => in_flight.push((contact, now)),
                Step::Done => break,
                Step::Wait(until) => {
                    assert!(until > now, "the wait ends in the past");
                    let online: Vec<_> =
                        (0..in_flight.len()).filter(|at| !self.offline.contains(&in_flight[*at].0)).collect();
                    if online.is_empty() {
                        now = until;
                        continue;
                    }
                    let (contact, _) = in_flight.remove(online[self.rng.random_range(0..online.len())]);
                    lookup.handle_response(&contact, self.tables[&contact].closest(&lookup.key, k));
                }
            }
            let responsive =
                in_flight.iter().filter(|(_, queried_at)| now.since(*queried_at) < lookup.options.unresponsive_after);
            most_in_flight = most_in_flight.max(responsive.count());
        }
        assert!(most_in_flight <= lookup.options.alpha, "{most_in_flight} queries were in flight");
        now
    }
}

fn options(k: usize) -> LookupOptions {
    LookupOptions { k, ..LookupOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_lookup_finds_the_k_closest_of_all_nodes(seed: u64, count in 2_usize..200, k in 3_usize..20, key: [u8; 20]) {
        let mut network = TestNetwork::new(count, k, 0.0, seed);
        let local = *network.tables.keys().nth(seed as usize % count).unwrap();
        let key = Key::from_bytes(key);
        let mut lookup = Lookup::new(key, local.id, options(k), network.tables[&local].closest(&key, k));
        let ended = network.run(&mut lookup, k);
        prop_assert_eq!(lookup.closest(), network.closest(&key, k, &local));
        prop_assert_eq!(ended, ZERO, "the lookup has waited for an unresponsive node");
        // Two hops, and one for each doubling of the network.
        let farthest = lookup.closest().iter().filter_map(|contact| lookup.hops(contact)).max().unwrap_or(0);
        prop_assert!(farthest <= 2 + count.ilog2(), "{farthest} hops among {count} nodes");
    }

    /// A lookup ends, keeps its limits and queries no node twice, whichever contacts it receives.
    #[test]
    fn a_lookup_among_hostile_nodes_ends_within_its_limits(seed: u64, failure_share in 0.0..1.0_f64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let key = Key::from_bytes(rng.random());
        let mut next = 0_u32;
        let mut fake_contact = |rng: &mut StdRng, prefix_len: usize| {
            next += 1;
            let id = key.with_random_suffix(prefix_len.min(150), Key::from_bytes(rng.random()));
            let addr = (std::net::Ipv4Addr::from(0x0a00_0000 + next), 1);
            Contact::new(NodeId::from_bytes(*id.as_bytes()), addr.into())
        };
        let options = LookupOptions { max_queries: 100, ..LookupOptions::default() };
        let seeds: Vec<_> = (0..5).map(|_| fake_contact(&mut rng, 0)).collect();
        let mut lookup = Lookup::new(key, NodeId::from_bytes([0; 20]), options, seeds);
        let (mut now, mut queried, mut in_flight) = (ZERO, BTreeSet::new(), Vec::new());
        loop {
            match lookup.poll(now) {
                Step::Query(contact) => {
                    prop_assert!(queried.insert(contact), "queried twice");
                    in_flight.push(contact);
                }
                Step::Wait(until) => match in_flight.pop() {
                    // Contacts that are closer to the key with each response.
                    Some(contact) if rng.random_bool(1.0 - failure_share) => {
                        let prefix_len = queried.len();
                        lookup.handle_response(&contact, (0..60).map(|_| fake_contact(&mut rng, prefix_len)).collect());
                    }
                    Some(contact) => lookup.handle_failure(&contact),
                    None => now = until,
                },
                Step::Done => break,
            }
        }
        prop_assert!(queried.len() <= 100 && lookup.query_count() == queried.len());
        prop_assert!(lookup.candidates.iter().count() <= 5 + 100 * 20);
    }
}

/// With 30 % of the nodes offline, a lookup always finds the closest online node. It may miss
/// others, because a routing table has at most k contacts in a bucket and some of them are offline.
#[test]
fn a_lookup_passes_by_offline_nodes() {
    let (k, mut missed, mut expected) = (20, 0, 0);
    for seed in 0..5 {
        let mut network = TestNetwork::new(150, k, 0.3, seed);
        for turn in 0..20 {
            let local = *network.online().nth(turn).unwrap();
            let key = Key::from_bytes(network.rng.random());
            let mut lookup = Lookup::new(key, local.id, options(k), network.tables[&local].closest(&key, k));
            network.run(&mut lookup, k);
            let (found, closest) = (lookup.closest(), network.closest(&key, k, &local));
            assert_eq!(found.first(), closest.first(), "seed {seed}, turn {turn}");
            assert!(found.iter().all(|contact| !network.offline.contains(contact)));
            missed += closest.iter().filter(|contact| !found.contains(contact)).count();
            expected += closest.len();
        }
    }
    assert!(missed * 5 < expected, "{missed} of {expected} were missed");
}

fn contact(byte: u8, addr: &str) -> Contact {
    Contact::new(NodeId::from_bytes([byte; 20]), addr.parse().unwrap())
}

fn lookup(seeds: impl IntoIterator<Item = Contact>) -> Lookup {
    Lookup::new(Key::from_bytes([0; 20]), NodeId::from_bytes([0xff; 20]), LookupOptions::default(), seeds)
}

#[test]
fn the_response_of_an_unresponsive_node_counts() {
    let all: Vec<_> = (1..=4).map(|byte| contact(byte, &format!("10.0.0.{byte}:1"))).collect();
    let mut lookup = lookup(all.clone());
    let queried: Vec<_> = (0..3).map(|_| lookup.poll(ZERO)).collect();
    assert_eq!(queried, [Step::Query(all[0]), Step::Query(all[1]), Step::Query(all[2])]);
    let late = ZERO + Duration::from_millis(500);
    assert_eq!(lookup.poll(ZERO), Step::Wait(late));
    // The first three are unresponsive, so the fourth is queried.
    assert_eq!(lookup.poll(late), Step::Query(all[3]));
    lookup.handle_response(&all[3], vec![]);
    lookup.handle_response(&all[1], vec![]);
    assert_eq!(lookup.poll(late), Step::Done);
    assert_eq!(lookup.closest(), [all[1], all[3]]);
}

#[test]
fn an_unexpected_response_is_ignored() {
    let (seed, other) = (contact(1, "10.0.0.1:1"), contact(2, "10.0.0.2:1"));
    let mut lookup = lookup([seed]);
    lookup.handle_response(&seed, vec![other]);
    lookup.handle_response(&other, vec![]);
    assert_eq!(lookup.poll(ZERO), Step::Query(seed));
    let elsewhere = Contact { addr: other.addr, ..seed };
    lookup.handle_response(&elsewhere, vec![other]);
    assert_eq!(lookup.closest(), []);
    lookup.handle_response(&seed, vec![]);
    lookup.handle_response(&seed, vec![other]);
    assert_eq!(lookup.poll(ZERO), Step::Done);
}

#[test]
fn at_most_two_nodes_of_a_subnet_and_two_ids_of_an_address_are_queried() {
    let seed = contact(0x80, "10.0.0.1:1");
    let mut lookup = lookup([seed]);
    lookup.poll(ZERO);
    let in_one_subnet = (1..10).map(|byte| contact(byte, &format!("203.0.113.{byte}:1")));
    let at_one_addr = (20..30).map(|byte| contact(byte, "10.0.0.9:9"));
    lookup.handle_response(&seed, in_one_subnet.chain(at_one_addr).collect());
    let mut queried = Vec::new();
    while let Step::Query(contact) = lookup.poll(ZERO) {
        queried.push(contact.id.as_bytes()[0]);
        // One node of the subnet fails, so another one is queried.
        if queried == [1] { lookup.handle_failure(&contact) } else { lookup.handle_response(&contact, vec![]) }
    }
    assert_eq!(queried, [1, 2, 3, 20, 21]);
}

#[test]
fn contacts_of_a_referrer_that_is_not_credible_are_queried_last() {
    let (hostile, honest) = (contact(0x80, "10.0.0.1:1"), contact(0x81, "10.0.0.2:1"));
    let mut lookup = lookup([hostile, honest]);
    assert_eq!((lookup.poll(ZERO), lookup.poll(ZERO)), (Step::Query(hostile), Step::Query(honest)));
    let fakes: Vec<_> = (1..=20).map(|byte| contact(byte, &format!("10.0.1.{byte}:1"))).collect();
    let real = contact(0x40, "10.0.2.1:1");
    lookup.handle_response(&hostile, fakes.clone());
    // The honest node returns a real contact, which returns one of the fake contacts as well.
    lookup.handle_response(&honest, vec![real]);
    let mut queried = Vec::new();
    while let Step::Query(contact) = lookup.poll(ZERO) {
        if contact == real {
            lookup.handle_response(&real, vec![fakes[10]]);
        } else {
            lookup.handle_failure(&contact);
        }
        queried.push(contact);
    }
    assert_eq!(queried[..6], [fakes[0], fakes[1], fakes[2], fakes[3], real, fakes[10]]);
    // Fewer than k nodes have responded, so the other fake contacts are queried in the end.
    assert_eq!(queried[6..], [&fakes[4..10], &fakes[11..]].concat());
}
