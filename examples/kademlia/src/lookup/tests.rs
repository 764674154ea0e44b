use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::RoutingTable;

const ZERO: Timestamp = Timestamp::from_millis(0);

/// A world of nodes that know each other as their routing tables would have it, some of which are dead.
struct World {
    tables: BTreeMap<Contact, RoutingTable>,
    dead: BTreeSet<Contact>,
    rng: StdRng,
}

impl World {
    fn new(count: usize, k: usize, death: f64, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let contact = |number: usize, rng: &mut StdRng| {
            let [_, _, _, _, a, b, c, d] = number.to_be_bytes();
            Contact::new(NodeId::from_bytes(rng.random()), SocketAddr::from(([10, a | b, c, d], 1)))
        };
        let contacts: Vec<_> = (0..count).map(|number| contact(number, &mut rng)).collect();
        let mut tables = BTreeMap::new();
        for own in &contacts {
            let mut table = RoutingTable::new(own.id, k, 2, ZERO);
            // Each in an order of its own: a bucket keeps those that come first.
            let start = rng.random_range(0..count);
            contacts.iter().cycle().skip(start).take(count).for_each(|other| {
                table.insert(*other, ZERO);
            });
            tables.insert(*own, table);
        }
        let dead = contacts.iter().filter(|_| rng.random_bool(death)).copied().collect();
        Self { tables, dead, rng }
    }

    fn alive(&self) -> impl Iterator<Item = &Contact> {
        self.tables.keys().filter(|contact| !self.dead.contains(contact))
    }

    fn nearest(&self, key: &Key, count: usize, own: &Contact) -> Vec<Contact> {
        let mut all: Vec<_> = self.alive().filter(|contact| *contact != own).copied().collect();
        all.sort_by_key(|contact| contact.id.distance(key));
        all.truncate(count);
        all
    }

    /// Runs a lookup; requests are answered in a random order, those to the dead never.
    fn run(&mut self, lookup: &mut Lookup, k: usize) -> Timestamp {
        let (mut now, mut under_way) = (ZERO, Vec::new());
        let mut most_waiting = 0;
        loop {
            let step = lookup.poll(now);
            match step {
                Step::Query(contact) => under_way.push((contact, now)),
                Step::Done => break,
                Step::Wait(until) => {
                    assert!(until > now, "a lookup does not wait for the past");
                    let live: Vec<_> =
                        (0..under_way.len()).filter(|at| !self.dead.contains(&under_way[*at].0)).collect();
                    if live.is_empty() {
                        now = until;
                        continue;
                    }
                    let (contact, _) = under_way.remove(live[self.rng.random_range(0..live.len())]);
                    lookup.handle_response(&contact, self.tables[&contact].closest(&lookup.key, k));
                }
            }
            let waiting = under_way.iter().filter(|(_, asked)| now.since(*asked) < lookup.options.unresponsive_after);
            most_waiting = most_waiting.max(waiting.count());
        }
        assert!(most_waiting <= lookup.options.alpha, "{most_waiting} were waited for at once");
        now
    }
}

fn options(k: usize) -> LookupOptions {
    LookupOptions { k, ..LookupOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_lookup_finds_the_k_nearest_of_all(seed: u64, count in 2_usize..200, k in 3_usize..20, key: [u8; 20]) {
        let mut world = World::new(count, k, 0.0, seed);
        let own = *world.tables.keys().nth(seed as usize % count).unwrap();
        let key = Key::from_bytes(key);
        let mut lookup = Lookup::new(key, own.id, options(k), world.tables[&own].closest(&key, k));
        let ended = world.run(&mut lookup, k);
        prop_assert_eq!(lookup.closest(), world.nearest(&key, k, &own));
        prop_assert_eq!(ended, ZERO, "nobody was waited for");
        // One hop for each bit that a table has more than its fullest bucket, and some.
        let farthest = lookup.closest().iter().filter_map(|contact| lookup.hops(contact)).max().unwrap_or(0);
        prop_assert!(farthest <= 2 + count.ilog2(), "{farthest} hops among {count} nodes");
    }

    /// Whatever peers tell, a lookup ends, asks no more than it may, and asks nobody twice.
    #[test]
    fn lies_do_not_keep_a_lookup_going(seed: u64, fake_share in 0.0..1.0_f64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let key = Key::from_bytes(rng.random());
        let mut next = 0_u32;
        let mut liar = |rng: &mut StdRng, nearness: usize| {
            next += 1;
            let id = key.with_random_suffix(nearness.min(150), Key::from_bytes(rng.random()));
            let addr = (std::net::Ipv4Addr::from(0x0a00_0000 + next), 1);
            Contact::new(NodeId::from_bytes(*id.as_bytes()), addr.into())
        };
        let options = LookupOptions { max_queries: 100, ..LookupOptions::default() };
        let seeds: Vec<_> = (0..5).map(|_| liar(&mut rng, 0)).collect();
        let mut lookup = Lookup::new(key, NodeId::from_bytes([0; 20]), options, seeds);
        let (mut now, mut asked, mut open) = (ZERO, BTreeSet::new(), Vec::new());
        loop {
            match lookup.poll(now) {
                Step::Query(contact) => {
                    prop_assert!(asked.insert(contact), "asked twice");
                    open.push(contact);
                }
                Step::Wait(until) => match open.pop() {
                    // Ever nearer to the key, without end.
                    Some(contact) if rng.random_bool(1.0 - fake_share) => {
                        let nearness = asked.len();
                        lookup.handle_response(&contact, (0..60).map(|_| liar(&mut rng, nearness)).collect());
                    }
                    Some(contact) => lookup.handle_failure(&contact),
                    None => now = until,
                },
                Step::Done => break,
            }
        }
        prop_assert!(asked.len() <= 100 && lookup.query_count() == asked.len());
        prop_assert!(lookup.candidates.len() <= 5 + 100 * 20);
    }
}

/// Tables know of no more than k in a bucket, and of those three in ten are dead: what is beyond a dead one may be missed,
/// but not the nearest, and not much.
#[test]
fn the_dead_are_passed_by() {
    let (k, mut missed, mut sought) = (20, 0, 0);
    for seed in 0..5 {
        let mut world = World::new(150, k, 0.3, seed);
        for turn in 0..20 {
            let own = *world.alive().nth(turn).unwrap();
            let key = Key::from_bytes(world.rng.random());
            let mut lookup = Lookup::new(key, own.id, options(k), world.tables[&own].closest(&key, k));
            world.run(&mut lookup, k);
            let (found, nearest) = (lookup.closest(), world.nearest(&key, k, &own));
            assert_eq!(found.first(), nearest.first(), "seed {seed}, turn {turn}");
            assert!(found.iter().all(|contact| !world.dead.contains(contact)));
            missed += nearest.iter().filter(|contact| !found.contains(contact)).count();
            sought += nearest.len();
        }
    }
    assert!(missed * 5 < sought, "{missed} of {sought} were missed");
}

fn contact(byte: u8, addr: &str) -> Contact {
    Contact::new(NodeId::from_bytes([byte; 20]), addr.parse().unwrap())
}

fn lookup(seeds: impl IntoIterator<Item = Contact>) -> Lookup {
    Lookup::new(Key::from_bytes([0; 20]), NodeId::from_bytes([0xff; 20]), LookupOptions::default(), seeds)
}

#[test]
fn a_straggler_is_not_waited_for_and_counts_when_it_answers() {
    let all: Vec<_> = (1..=4).map(|byte| contact(byte, &format!("10.0.0.{byte}:1"))).collect();
    let mut lookup = lookup(all.clone());
    let asked: Vec<_> = (0..3).map(|_| lookup.poll(ZERO)).collect();
    assert_eq!(asked, [Step::Query(all[0]), Step::Query(all[1]), Step::Query(all[2])]);
    let late = ZERO + Duration::from_millis(500);
    assert_eq!(lookup.poll(ZERO), Step::Wait(late));
    // The three are stragglers: the fourth is asked.
    assert_eq!(lookup.poll(late), Step::Query(all[3]));
    lookup.handle_response(&all[3], vec![]);
    lookup.handle_response(&all[1], vec![]);
    assert_eq!(lookup.poll(late), Step::Done);
    assert_eq!(lookup.closest(), [all[1], all[3]]);
}

#[test]
fn an_answer_that_nobody_asked_for_is_nothing() {
    let (asked, stranger) = (contact(1, "10.0.0.1:1"), contact(2, "10.0.0.2:1"));
    let mut lookup = lookup([asked]);
    lookup.handle_response(&asked, vec![stranger]);
    lookup.handle_response(&stranger, vec![]);
    assert_eq!(lookup.poll(ZERO), Step::Query(asked));
    let elsewhere = Contact { addr: stranger.addr, ..asked };
    lookup.handle_response(&elsewhere, vec![stranger]);
    assert_eq!(lookup.closest(), []);
    lookup.handle_response(&asked, vec![]);
    lookup.handle_response(&asked, vec![stranger]);
    assert_eq!(lookup.poll(ZERO), Step::Done);
}

#[test]
fn one_neighbourhood_and_one_address_are_followed_twice_at_most() {
    let seed = contact(0x80, "10.0.0.1:1");
    let mut lookup = lookup([seed]);
    lookup.poll(ZERO);
    let neighbours = (1..10).map(|byte| contact(byte, &format!("203.0.113.{byte}:1")));
    let at_one_addr = (20..30).map(|byte| contact(byte, "10.0.0.9:9"));
    lookup.handle_response(&seed, neighbours.chain(at_one_addr).collect());
    let mut asked = Vec::new();
    while let Step::Query(contact) = lookup.poll(ZERO) {
        asked.push(contact.id.as_bytes()[0]);
        // One of the neighbours is dead: another gets its chance.
        if asked == [1] { lookup.handle_failure(&contact) } else { lookup.handle_response(&contact, vec![]) }
    }
    assert_eq!(asked, [1, 2, 3, 20, 21]);
}

#[test]
fn those_whom_a_doubtful_informant_told_of_come_last() {
    let (liar, honest) = (contact(0x80, "10.0.0.1:1"), contact(0x81, "10.0.0.2:1"));
    let mut lookup = lookup([liar, honest]);
    assert_eq!((lookup.poll(ZERO), lookup.poll(ZERO)), (Step::Query(liar), Step::Query(honest)));
    let fakes: Vec<_> = (1..=20).map(|byte| contact(byte, &format!("10.0.1.{byte}:1"))).collect();
    let real = contact(0x40, "10.0.2.1:1");
    lookup.handle_response(&liar, fakes.clone());
    // One of them the honest one names as well: that one is asked.
    lookup.handle_response(&honest, vec![real]);
    let mut asked = Vec::new();
    while let Step::Query(contact) = lookup.poll(ZERO) {
        if contact == real {
            lookup.handle_response(&real, vec![fakes[10]]);
        } else {
            lookup.handle_failure(&contact);
        }
        asked.push(contact);
    }
    assert_eq!(asked[..6], [fakes[0], fakes[1], fakes[2], fakes[3], real, fakes[10]]);
    // With fewer than k that have answered, the others get their chance in the end.
    assert_eq!(asked[6..], [&fakes[4..10], &fakes[11..]].concat());
}
