//! The table of sessions against a naive model, which checks capacities and the order of the line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

const LEASE: Duration = Duration::from_secs(10);
const CAPACITY: usize = 3;
const QUEUE: usize = 4;
const SEED_COUNT: u64 = 200;

fn limits() -> PoolLimits {
    PoolLimits { name: "".into(), capacity: CAPACITY, queue: QUEUE, lease: LEASE }
}

fn addr(number: u16) -> SocketAddr {
    ([192, 0, 2, 1], number).into()
}

fn request(key: u64) -> JoinRequest {
    let id = SessionId(key + 1_000);
    JoinRequest { addr: addr(key as u16), link: None, pool: 0, key, is_confirmed: true, is_trusted: true, id }
}

fn keep(key: u64, addr: SocketAddr, is_confirmed: bool) -> KeepRequest {
    KeepRequest {
        addr,
        link: None,
        session: Credential { id: SessionId(key + 1_000), key },
        number: None,
        is_confirmed,
    }
}

/// The sessions as lists: members, and the line in order. Each with the end of its lease.
#[derive(Default)]
struct Model {
    members: BTreeMap<u64, Instant>,
    line: Vec<(u64, Instant)>,
    /// The order in which peers became members.
    joined: Vec<u64>,
    ended: BTreeMap<u64, EndReason>,
}

impl Model {
    fn join(&mut self, key: u64, now: Instant) -> bool {
        if self.ended.contains_key(&key) || self.keep(key, now) {
            return true;
        }
        if self.members.len() < CAPACITY {
            self.admit(key, now + LEASE);
        } else if self.line.len() < QUEUE {
            self.line.push((key, now + LEASE));
        } else {
            return false;
        }
        true
    }

    fn admit(&mut self, key: u64, expires: Instant) {
        self.members.insert(key, expires);
        self.joined.push(key);
    }

    fn keep(&mut self, key: u64, now: Instant) -> bool {
        let in_line = self.line.iter_mut().find(|(other, _)| *other == key).map(|(_, expires)| expires);
        let Some(expires) = self.members.get_mut(&key).or(in_line) else { return false };
        *expires = now + LEASE;
        true
    }

    fn end(&mut self, key: u64, reason: EndReason) {
        let was_in_line =
            self.line.iter().position(|(other, _)| *other == key).map(|at| self.line.remove(at)).is_some();
        if self.members.remove(&key).is_some() || was_in_line {
            self.ended.insert(key, reason);
        }
        while self.members.len() < CAPACITY && !self.line.is_empty() {
            let (key, expires) = self.line.remove(0);
            self.admit(key, expires);
        }
    }

    fn expire(&mut self, now: Instant) {
        loop {
            let all = self.members.iter().map(|(key, expires)| (*expires, *key));
            let due = all.chain(self.line.iter().map(|(key, expires)| (*expires, *key))).min();
            match due.filter(|(expires, _)| *expires <= now) {
                Some((_, key)) => self.end(key, EndReason::Expired),
                None => return,
            }
        }
    }

    fn standing(&self, key: u64) -> Standing {
        if self.members.contains_key(&key) {
            return Standing::At(0);
        }
        match self.line.iter().position(|(other, _)| *other == key) {
            Some(at) => Standing::At(at + 1),
            None => self.ended.get(&key).map_or(Standing::Unknown, |reason| Standing::Ended(reason.clone())),
        }
    }
}

/// Lets every peer in whose turn has come. Returns the keys in order, and the ends of members.
fn drain(table: &mut Table) -> (Vec<u64>, Vec<(u64, EndReason)>) {
    let (mut joined, mut ended) = (Vec::new(), Vec::new());
    while let Some(effect) = table.next_effect() {
        match effect {
            Effect::Enter { key, .. } => table.enter(key, Ok(Arc::new(()))),
            Effect::Joined { member, .. } => joined.push(member.credential().key),
            Effect::Ended { member, reason, was_member: true, .. } => ended.push((member.credential().key, reason)),
            _ => {}
        }
    }
    (joined, ended)
}

#[test]
fn table_agrees_with_a_naive_model() {
    for seed in 0..SEED_COUNT {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut table, mut model) = (Table::new([limits()]), Model::default());
        let mut now = Instant::now();
        let (mut next_key, mut joined) = (0, Vec::new());
        let mut ends: BTreeMap<u64, usize> = BTreeMap::new();
        for _ in 0..300 {
            now += Duration::from_millis(rng.random_range(0..1_500));
            table.expire(now);
            model.expire(now);
            let key = rng.random_range(0..=next_key);
            let credential = Credential { id: SessionId(key + 1_000), key };
            match rng.random_range(0..10) {
                0..4 => {
                    next_key += u64::from(key == next_key);
                    let is_in = !matches!(table.join(&request(key), now), Joined::Full { .. });
                    assert_eq!(is_in, model.join(key, now), "seed {seed}");
                }
                4..8 => {
                    table.keep(&keep(key, addr(key as u16), true), now);
                    model.keep(key, now);
                }
                8 => {
                    table.leave(credential, None);
                    model.end(key, EndReason::Left);
                }
                _ => {
                    let reason = EndReason::Evicted("x".into());
                    table.evict(0, credential.id, reason.clone());
                    model.end(key, reason);
                }
            }
            let (newly_joined, newly_ended) = drain(&mut table);
            joined.extend(newly_joined);
            newly_ended.iter().for_each(|(key, _)| *ends.entry(*key).or_default() += 1);
            for key in 0..next_key {
                let credential = Credential { id: SessionId(key + 1_000), key };
                assert_eq!(table.standing(credential), model.standing(key), "seed {seed}, session {key}");
            }
            assert_eq!(joined, model.joined, "seed {seed}: the line is not fair");
            assert_eq!(table.pool_population(0), (model.members.len(), model.line.len()), "seed {seed}");
            assert_eq!(table.expiries.len(), table.sessions.len(), "seed {seed}");
        }
        assert!(ends.values().all(|count| *count == 1), "seed {seed}");
        assert_eq!(joined.len(), ends.len() + table.population().0, "seed {seed}: one end for each join");
        table.close();
        let (_, last) = drain(&mut table);
        assert!(last.iter().all(|(_, reason)| *reason == EndReason::Closing), "seed {seed}");
        assert_eq!((table.population(), table.pools[0].by_addr.len(), table.keys.len()), ((0, 0), 0, 0));
    }
}

#[test]
fn session_that_ends_while_its_hook_runs_is_joined_and_ended_once() {
    let mut table = Table::new([limits()]);
    let now = Instant::now();
    let Joined::Session(credential) = table.join(&request(7), now) else { panic!("there is a place") };
    let Some(Effect::Enter { key: 7, .. }) = table.next_effect() else { panic!("its turn has come") };
    table.leave(credential, None);
    assert_eq!(table.standing(credential), Standing::At(1), "the hook decides first");
    table.enter(7, Ok(Arc::new(())));
    assert_eq!(drain(&mut table), (vec![7], vec![(7, EndReason::Left)]));
    // The hook refuses.
    table.join(&request(8), now);
    assert!(matches!(table.next_effect(), Some(Effect::Enter { key: 8, .. })));
    table.enter(8, Err("banned".into()));
    assert_eq!(drain(&mut table), (vec![], vec![]), "it was no member");
    let credential = Credential { id: SessionId(1_008), key: 8 };
    assert_eq!(table.standing(credential), Standing::Ended(EndReason::Refused("banned".into())));
}

#[test]
fn address_of_another_member_is_taken_with_a_token_only() {
    let mut table = Table::new([limits()]);
    let now = Instant::now();
    for key in [1, 2] {
        table.join(&request(key), now);
    }
    drain(&mut table);
    assert_eq!(table.keep(&keep(1, addr(2), false), now), Standing::Unconfirmed);
    assert_eq!(table.find(0, addr(2)).unwrap().credential().key, 2);
    // A router has given the address to the first member. The second one moves later.
    assert_eq!(table.keep(&keep(1, addr(2), true), now), Standing::At(0));
    assert_eq!(table.find(0, addr(2)).unwrap().credential().key, 1);
    assert_eq!(table.keep(&keep(2, addr(2), false), now), Standing::Unconfirmed);
    assert_eq!(table.keep(&keep(2, addr(1), true), now), Standing::At(0));
    assert_eq!(table.find(0, addr(1)).unwrap().credential().key, 2);
    assert!(table.pools[0].displaced.is_empty());
}

#[test]
fn sessions_of_one_address_hold_no_more_than_two_places() {
    let mut table = Table::new([limits()]);
    let now = Instant::now();
    for key in 1..=3 {
        table.join(&JoinRequest { addr: addr(9), ..request(key) }, now);
        drain(&mut table);
        assert!(table.pool_population(0).0 <= 2);
    }
    assert_eq!(table.find(0, addr(9)).unwrap().credential().key, 3);
    // The second session is not extended, and ends when its peer shows that it is at the address.
    assert_eq!(table.keep(&keep(2, addr(9), false), now), Standing::Unconfirmed);
    assert!(matches!(table.keep(&keep(2, addr(9), true), now), Standing::Ended(EndReason::Evicted(_))));
    assert_eq!((table.pool_population(0), table.pools[0].displaced.len()), ((1, 0), 0));
    // A session whose address is free again has it back.
    table.join(&JoinRequest { addr: addr(9), ..request(4) }, now);
    drain(&mut table);
    table.leave(keep(4, addr(9), false).session, None);
    assert_eq!(table.keep(&keep(3, addr(9), true), now), Standing::At(0));
    assert_eq!(table.find(0, addr(9)).unwrap().credential().key, 3);
}

#[test]
fn peer_that_is_told_to_wait_while_its_hook_runs_is_notified() {
    let mut table = Table::new([limits()]);
    let now = Instant::now();
    for (key, is_told) in [(1, false), (2, true)] {
        let Joined::Session(credential) = table.join(&request(key), now) else { panic!("there is a place") };
        assert!(matches!(table.next_effect(), Some(Effect::Enter { .. })));
        if is_told {
            assert_eq!(table.report(credential), Standing::At(1));
        }
        table.enter(key, Ok(Arc::new(())));
        let Some(Effect::Joined { waited, .. }) = table.next_effect() else { panic!("it has joined") };
        assert_eq!(waited, is_told);
        assert_eq!(table.report(credential), Standing::At(0));
    }
    // Each later request is told too.
    table.join(&request(3), now);
    assert!(matches!(table.next_effect(), Some(Effect::Enter { .. })));
    assert_eq!(table.keep(&keep(3, addr(3), false), now), Standing::At(1));
    table.enter(3, Ok(Arc::new(())));
    assert!(matches!(table.next_effect(), Some(Effect::Joined { waited: true, .. })));
}

#[test]
fn table_that_closes_while_a_hook_runs_reports_the_end_last() {
    let mut table = Table::new([limits()]);
    table.join(&request(1), Instant::now());
    assert!(matches!(table.next_effect(), Some(Effect::Enter { .. })));
    table.close();
    table.enter(1, Ok(Arc::new(())));
    assert!(matches!(table.next_effect(), Some(Effect::Joined { .. })));
    assert!(matches!(table.next_effect(), Some(Effect::Ended { reason: EndReason::Closing, .. })));
    assert!(matches!(table.next_effect(), Some(Effect::Closed)));
    assert!(table.next_effect().is_none());
}

#[test]
fn ended_sessions_are_remembered_in_bounded_memory() {
    let mut table = Table::new([limits()]);
    let now = Instant::now();
    for key in 0..10_000 {
        let Joined::Session(credential) = table.join(&request(key), now) else { panic!("there is a place") };
        drain(&mut table);
        table.leave(credential, None);
        drain(&mut table);
    }
    let standing = |key| table.standing(Credential { id: SessionId(key + 1_000), key });
    assert_eq!((standing(9_999), standing(5_000)), (Standing::Ended(EndReason::Left), Standing::Unknown));
    assert_eq!((table.sessions.len(), table.expiries.len()), (0, 0));
}

#[test]
fn effects_are_bounded_while_a_hook_blocks() {
    const PEERS: u64 = 10_000;
    let mut table = Table::new([limits()]);
    let now = Instant::now();
    table.join(&request(1), now);
    drain(&mut table);
    table.join(&request(2), now);
    assert!(matches!(table.next_effect(), Some(Effect::Enter { key: 2, .. })), "its hook blocks from here");
    // The third place and the line are taken and left, and a member moves back and forth.
    for key in 3..PEERS {
        table.join(&request(key), now);
        table.join(&request(key + PEERS), now);
        for key in [key, key + PEERS] {
            table.leave(Credential { id: SessionId(key + 1_000), key }, None);
        }
        assert_eq!(table.keep(&keep(1, addr(key as u16), true), now), Standing::At(0));
    }
    let bound = EffectQueue::MAX_NOTICES + 3 * (CAPACITY + QUEUE);
    assert!(table.effects.len() <= bound, "{} effects", table.effects.len());
    table.enter(2, Ok(Arc::new(())));
    let (mut moves, mut joined) = (Vec::new(), 0);
    while let Some(effect) = table.next_effect() {
        match effect {
            Effect::Enter { key, .. } => table.enter(key, Ok(Arc::new(()))),
            Effect::Moved { member, from, .. } => moves.push((from, member.addr())),
            Effect::Joined { .. } => joined += 1,
            _ => {}
        }
    }
    assert_eq!(moves, [(addr(1), addr((PEERS - 1) as u16))], "one move, from the first address to the last");
    assert!(joined >= 1);
    // Later moves count again.
    table.keep(&keep(1, addr(1), true), now);
    assert!(matches!(table.next_effect(), Some(Effect::Moved { .. })));
}

#[test]
fn all_peers_in_a_long_line_are_told_that_the_endpoint_closes() {
    const PEERS: u64 = 100_000;
    let mut table = Table::new([PoolLimits { queue: PEERS as usize, ..limits() }]);
    let now = Instant::now();
    for key in 1..=PEERS {
        let addr = ([10, (key >> 16) as u8, (key >> 8) as u8, key as u8], 7_000).into();
        // Ids are random, so the line is not left in its order.
        let id = SessionId(key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        assert!(matches!(table.join(&JoinRequest { addr, id, ..request(key) }, now), Joined::Session(_)));
        drain(&mut table);
    }
    table.close();
    let mut told = 0;
    while let Some(effect) = table.next_effect() {
        told += u64::from(matches!(effect, Effect::Ended { reason: EndReason::Closing, .. }));
    }
    assert_eq!((told, table.population()), (PEERS, (0, 0)));
}

/// Sessions over links.
#[cfg(feature = "secure")]
mod links {
    use rpcudp_secure::PeerId;

    use super::*;
    use crate::links::source;

    fn link(number: u8) -> Option<Arc<LinkedPeer>> {
        let peer_id = PeerId::from_bytes([number; 32]);
        Some(Arc::new(LinkedPeer::new(None, peer_id, source::of_key(peer_id, 1), true)))
    }

    fn request_over(number: u8, key: u64) -> JoinRequest {
        JoinRequest { link: link(number), ..request(key) }
    }

    #[test]
    fn session_over_a_link_belongs_to_its_key() {
        let mut table = Table::new([limits()]);
        let now = Instant::now();
        let Joined::Session(credential) = table.join(&request_over(1, 7), now) else { panic!("there is a place") };
        assert_eq!(drain(&mut table).0, [7]);
        let source = link(1).unwrap().source;
        assert!(table.find(0, source).is_some() && table.find(0, addr(7)).is_none());
        // With the credential, from the member's address: over the plain wire, and over a link of
        // another key.
        for other in [None, link(2)] {
            let request = JoinRequest { link: other.clone(), ..request(7) };
            assert!(matches!(table.join(&request, now), Joined::Full { .. }));
            let request = KeepRequest { link: other.clone(), ..keep(7, addr(7), true) };
            assert_eq!(table.keep(&request, now + LEASE / 2), Standing::Unknown);
            assert!(!table.leave(credential, other.as_ref()));
        }
        assert_eq!((table.counts().unknown, table.population()), (4, (1, 0)));
        table.expire(now + LEASE);
        let (_, ended) = drain(&mut table);
        assert_eq!(ended, [(7, EndReason::Expired)], "no other request has extended the lease");
        // A session of the plain wire is not kept over a link.
        table.join(&request(8), now);
        drain(&mut table);
        assert_eq!(table.keep(&KeepRequest { link: link(1), ..keep(8, addr(8), true) }, now), Standing::Unknown);
        assert_eq!(table.keep(&keep(8, addr(8), true), now), Standing::At(0));
    }

    #[test]
    fn link_may_come_from_any_address() {
        let mut table = Table::new([limits()]);
        let now = Instant::now();
        table.join(&request_over(1, 7), now);
        drain(&mut table);
        let from = |number, port| KeepRequest { link: link(1), number: Some(number), ..keep(7, addr(port), false) };
        assert_eq!(table.keep(&from(1, 70), now), Standing::At(0));
        assert!(matches!(table.next_effect(), Some(Effect::Moved { from, .. }) if from == addr(7)));
        assert_eq!(table.keep(&from(3, 71), now), Standing::At(0));
        // One that was overtaken does not move it back.
        assert_eq!(table.keep(&from(2, 70), now), Standing::At(0));
        let member = table.find(0, link(1).unwrap().source).unwrap();
        assert_eq!(member.addr(), addr(71));
        // The address belongs to the plain session there.
        table.join(&JoinRequest { addr: addr(71), ..request(9) }, now);
        drain(&mut table);
        assert_eq!(table.find(0, addr(71)).unwrap().credential().key, 9);
        assert_eq!(table.population(), (2, 0));
    }

    #[test]
    fn key_that_joins_again_gives_up_its_place_and_its_turn() {
        let mut table = Table::new([limits()]);
        let now = Instant::now();
        for key in 1..=(CAPACITY + QUEUE) as u64 {
            table.join(&request_over(key as u8, key), now);
            drain(&mut table);
        }
        // A member: the first in line takes its place.
        assert!(matches!(table.join(&request_over(1, 100), now), Joined::Session(_)));
        let (joined, ended) = drain(&mut table);
        assert_eq!((joined, ended.len(), table.population()), (vec![4], 1, (CAPACITY, QUEUE)));
        assert_eq!(table.standing(Credential { id: SessionId(1_100), key: 100 }), Standing::At(QUEUE));
        // One in line goes to its end.
        assert!(matches!(table.join(&request_over(5, 101), now), Joined::Session(_)));
        drain(&mut table);
        assert_eq!(table.standing(Credential { id: SessionId(1_101), key: 101 }), Standing::At(QUEUE));
        assert_eq!(table.population(), (CAPACITY, QUEUE));
        // A late duplicate of its first request begins nothing.
        assert_eq!(table.join(&request_over(5, 5), now), Joined::Session(Credential { id: SessionId(1_005), key: 5 }));
        assert!(matches!(table.report(Credential { id: SessionId(1_005), key: 5 }), Standing::Ended(_)));
        assert_eq!(table.population(), (CAPACITY, QUEUE));
    }
}
