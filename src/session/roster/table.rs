use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::effect::{Effect, EffectQueue};
use super::end_reason::EndReason;
use super::ended::EndedSessions;
use super::member::{Data, Member};
use super::pool::{Line, Pool, PoolLimits};
use super::request::{JoinRequest, Joined, KeepRequest, Standing};
use super::session_id::{Credential, SessionId};
use crate::clock::later;
use crate::links::linked_peer::LinkedPeer;

/// The sessions of an endpoint: who is a member of which pool, who waits in line, and for how long
/// each lease runs. Knows neither sockets nor hooks: it queues [`Effect`]s, which its owner carries
/// out.
#[derive(Debug)]
pub(crate) struct Table {
    pools: Box<[Pool]>,
    /// The sessions by the keys that the peers have drawn.
    sessions: HashMap<u64, Entry>,
    keys: HashMap<SessionId, u64>,
    /// The end of each lease, or an earlier time, with the key of the session.
    expiries: BTreeSet<(Instant, u64)>,
    ended: EndedSessions,
    effects: EffectQueue,
    counts: Counts,
}

/// A session.
#[derive(Debug)]
struct Entry {
    member: Member,
    pool: usize,
    place: Place,
    /// The number of the latest request that kept the session alive.
    keep_number: Option<u64>,
    expires: Instant,
    /// The time under which the session is in [`Table::expiries`]: not after `expires`.
    listed: Instant,
}

/// The place of a session in its pool.
#[derive(Debug)]
enum Place {
    /// Waits in line, with this ticket.
    Waiting(u64),
    /// Its turn has come, and the hook for joining decides. `Some` if the session has ended
    /// meanwhile.
    Entering {
        waited: bool,
        end: Option<EndReason>,
    },
    Member,
}

/// The numbers of events so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) joined: u64,
    pub(crate) ended: u64,
    pub(crate) challenged: u64,
    pub(crate) unknown: u64,
}

impl Table {
    pub(crate) fn new(pools: impl IntoIterator<Item = PoolLimits>) -> Self {
        Self {
            pools: pools.into_iter().map(Pool::new).collect(),
            sessions: HashMap::new(),
            keys: HashMap::new(),
            expiries: BTreeSet::new(),
            ended: EndedSessions::default(),
            effects: EffectQueue::default(),
            counts: Counts::default(),
        }
    }

    pub(crate) fn limits(&self, pool: usize) -> &PoolLimits {
        &self.pools[pool].limits
    }

    /// Returns the index of a pool.
    pub(crate) fn pool(&self, name: &str) -> Option<usize> {
        self.pools.iter().position(|pool| *pool.limits.name == *name)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the numbers of members and of peers in line, in all pools.
    pub(crate) fn population(&self) -> (usize, usize) {
        let waiting = self.pools.iter().map(|pool| pool.line.len()).sum();
        (self.sessions.len() - waiting, waiting)
    }

    /// Gives a peer a place in a pool or in its line. A request that repeats another, with the same
    /// key, finds the same session.
    pub(crate) fn join(&mut self, request: &JoinRequest, now: Instant) -> Joined {
        let JoinRequest { addr, ref link, pool: at, key, is_confirmed, is_trusted, id } = *request;
        if let Some(entry) = self.sessions.get(&key) {
            let credential = entry.member.credential();
            if entry.pool != at || !entry.member.admits(link.as_ref()) {
                let PoolLimits { capacity, queue, .. } = self.pools[at].limits;
                return Joined::Full { capacity, queue };
            }
            if link.is_some() {
                self.note_addr(key, addr);
            } else if !self.has_addr(key, addr) {
                if !is_confirmed {
                    return self.challenge();
                }
                self.move_to(key, addr);
            }
            self.touch(key, now);
            return Joined::Session(credential);
        }
        // A late duplicate of the request must not begin the session again.
        if let Some(credential) = self.ended.of_key(key) {
            return Joined::Session(credential);
        }
        let source = LinkedPeer::source_of(link.as_ref(), addr);
        let known = self.pools[at].by_addr.get(&source).copied();
        if let (Some(_), Some(earlier)) = (link, known) {
            // The peer with the key has forgotten its session, as after a restart.
            self.end(earlier, EndReason::Evicted("the same key has joined again".into()));
        }
        let (pool, is_taken) = (&self.pools[at], known.is_some());
        if !is_confirmed && (!is_trusted || is_taken || pool.is_more_than_half_full()) {
            return self.challenge();
        }
        let has_place = pool.has_place();
        let PoolLimits { capacity, queue, lease, ref name } = pool.limits;
        if !has_place && !pool.has_place_in_line() {
            return Joined::Full { capacity, queue };
        }
        let credential = Credential { id, key };
        let member = Member::new(credential, name.clone(), addr, link.clone());
        let pool = &mut self.pools[at];
        let place = if has_place {
            pool.taken += 1;
            self.effects.push(Effect::Enter { pool: at, key, member: member.clone() });
            Place::Entering { waited: false, end: None }
        } else {
            Place::Waiting(pool.line.push(key))
        };
        let expires = later(now, lease);
        self.expiries.insert((expires, key));
        self.keys.insert(id, key);
        self.sessions.insert(key, Entry { member, pool: at, place, keep_number: None, expires, listed: expires });
        self.take_addr(at, source, key);
        Joined::Session(credential)
    }

    fn challenge(&mut self) -> Joined {
        self.counts.challenged += 1;
        Joined::Unconfirmed
    }

    /// Makes a session whose turn has come a member with this data, or ends it because the hook
    /// refused.
    pub(crate) fn enter(&mut self, key: u64, data: Result<Data, String>) {
        let Some(entry) = self.sessions.get_mut(&key) else { return };
        let Place::Entering { waited, end } = &mut entry.place else { return };
        let (waited, end) = (*waited, end.take());
        match data {
            Ok(data) => {
                entry.member.set_data(data);
                entry.place = Place::Member;
                self.counts.joined += 1;
                let (pool, member) = (entry.pool, entry.member.clone());
                // Right after the hook, so that hooks and events have one order.
                self.effects.push_first(Effect::Joined { pool, member, waited });
                if let Some(reason) = end {
                    self.end(key, reason);
                }
            }
            Err(text) => {
                // The session has not been a member.
                self.end_now(key, end.unwrap_or(EndReason::Refused(text)), false);
            }
        }
    }

    /// Extends the lease of a session, and moves it to the address that the request came from if
    /// the request is the latest. A request from an address that the session does not have changes
    /// nothing before the peer has shown that it receives there: a member could name another's.
    pub(crate) fn keep(&mut self, request: &KeepRequest, now: Instant) -> Standing {
        let KeepRequest { addr, ref link, session, number, is_confirmed } = *request;
        let Some(key) = self.key_of(session) else { return self.standing_of_missing(session) };
        if !self.sessions[&key].member.admits(link.as_ref()) {
            self.counts.unknown += 1;
            return Standing::Unknown;
        }
        let has_addr = link.is_some() || self.has_addr(key, addr);
        if !has_addr && !is_confirmed {
            self.counts.challenged += 1;
            return Standing::Unconfirmed;
        }
        let entry = self.sessions.get_mut(&key).expect("`key_of` has found the session");
        let is_latest = number.is_none() || number > entry.keep_number;
        entry.keep_number = number.max(entry.keep_number);
        if !has_addr {
            // A request that was overtaken by another must not move the session back.
            if !is_latest {
                return self.standing(session);
            }
            self.move_to(key, addr);
        } else if is_latest {
            self.note_addr(key, addr);
        }
        self.touch(key, now);
        self.report(session)
    }

    /// Returns the standing of a session, to be sent to its peer. A peer that is told to wait is
    /// notified when its session has become a member.
    pub(crate) fn report(&mut self, credential: Credential) -> Standing {
        if let Some(key) = self.key_of(credential)
            && let Some(Entry { place: Place::Entering { waited, .. }, .. }) = self.sessions.get_mut(&key)
        {
            *waited = true;
        }
        self.standing(credential)
    }

    /// Returns the standing of a session.
    pub(crate) fn standing(&self, credential: Credential) -> Standing {
        let Some(entry) = self.key_of(credential).and_then(|key| self.sessions.get(&key)) else {
            return self.ended.reason(credential).map_or(Standing::Unknown, Standing::Ended);
        };
        Standing::At(match entry.place {
            Place::Waiting(ticket) => self.pools[entry.pool].line.position(ticket),
            Place::Entering { .. } => 1,
            Place::Member => 0,
        })
    }

    /// Returns the lease of a session.
    pub(crate) fn lease_of(&self, credential: Credential) -> Option<Duration> {
        let key = self.key_of(credential)?;
        Some(self.pools[self.sessions[&key].pool].limits.lease)
    }

    fn standing_of_missing(&mut self, credential: Credential) -> Standing {
        let standing = self.standing(credential);
        self.counts.unknown += u64::from(standing == Standing::Unknown);
        standing
    }

    /// Ends a session because the peer leaves, over this link or the plain wire. Returns whether
    /// the session is or was known.
    pub(crate) fn leave(&mut self, credential: Credential, link: Option<&Arc<LinkedPeer>>) -> bool {
        match self.key_of(credential) {
            Some(key) if !self.sessions[&key].member.admits(link) => {
                self.counts.unknown += 1;
                return false;
            }
            Some(key) => self.end(key, EndReason::Left),
            None => return self.standing_of_missing(credential) != Standing::Unknown,
        }
        true
    }

    /// Ends a session by its id. Returns whether there was one in this pool.
    pub(crate) fn evict(&mut self, pool: usize, id: SessionId, reason: EndReason) -> bool {
        let Some(key) = self.keys.get(&id).copied().filter(|key| self.sessions[key].pool == pool) else {
            return false;
        };
        self.end(key, reason);
        true
    }

    /// Ends all sessions.
    pub(crate) fn close(&mut self) {
        let mut keys: Vec<_> = self.keys.iter().map(|(id, key)| (*id, *key)).collect();
        keys.sort_unstable();
        // Peers in line must not take the places that become free. The lines go first, because each
        // removal from one takes a time that grows with its length.
        for pool in &mut self.pools {
            pool.limits.capacity = 0;
            pool.limits.queue = 0;
            pool.line = Line::default();
        }
        keys.into_iter().for_each(|(_, key)| self.end(key, EndReason::Closing));
        self.effects.push(Effect::Closed);
    }

    /// Queues the first members of a pool's group.
    pub(crate) fn push_group(&mut self, pool: usize) {
        self.effects.push(Effect::Grouped(pool));
    }

    /// Ends the sessions that have expired. Returns the time of the next look.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some((listed, key)) = self.expiries.first().copied().filter(|(listed, _)| *listed <= now) {
            let entry = self.sessions.get_mut(&key).expect("a session is listed while it lives");
            if entry.expires > now {
                // The session was kept alive since it was listed.
                self.expiries.remove(&(listed, key));
                entry.listed = entry.expires;
                self.expiries.insert((entry.listed, key));
            } else {
                self.end(key, EndReason::Expired);
                // A session ends after its hook.
                self.expiries.remove(&(listed, key));
            }
        }
        self.next_expiry()
    }

    /// Returns the earliest time at which a lease may run out.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(listed, _)| *listed)
    }

    /// Returns the member of a pool that is kept under this address.
    pub(crate) fn find(&self, pool: usize, source: SocketAddr) -> Option<&Member> {
        let entry = self.sessions.get(self.pools[pool].by_addr.get(&source)?)?;
        matches!(entry.place, Place::Member).then_some(&entry.member)
    }

    /// Returns a member of a pool by its id.
    pub(crate) fn get(&self, pool: usize, id: SessionId) -> Option<&Member> {
        let entry = self.sessions.get(self.keys.get(&id)?)?;
        (entry.pool == pool && matches!(entry.place, Place::Member)).then_some(&entry.member)
    }

    /// Returns the members of a pool, ordered by id.
    pub(crate) fn members(&self, pool: usize) -> Vec<Member> {
        let entries = self.sessions.values().filter(|entry| entry.pool == pool);
        let members = entries.filter(|entry| matches!(entry.place, Place::Member));
        let mut members: Vec<_> = members.map(|entry| entry.member.clone()).collect();
        members.sort_unstable_by_key(Member::id);
        members
    }

    /// Returns the numbers of members and of peers in line of a pool.
    pub(crate) fn pool_population(&self, pool: usize) -> (usize, usize) {
        (self.pools[pool].taken, self.pools[pool].line.len())
    }

    /// Takes the next effect.
    pub(crate) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop()
    }

    fn key_of(&self, credential: Credential) -> Option<u64> {
        let entry = self.sessions.get(&credential.key)?;
        (entry.member.credential() == credential).then_some(credential.key)
    }

    fn touch(&mut self, key: u64, now: Instant) {
        let Some(entry) = self.sessions.get_mut(&key) else { return };
        entry.expires = entry.expires.max(later(now, self.pools[entry.pool].limits.lease));
    }

    /// Returns whether a session has an address, which another session may have taken from it.
    fn has_addr(&self, key: u64, addr: SocketAddr) -> bool {
        let Some(entry) = self.sessions.get(&key) else { return false };
        entry.member.addr() == addr && self.pools[entry.pool].by_addr.get(&addr) == Some(&key)
    }

    /// Moves a session to an address at which its peer receives. Ends it if another session of the
    /// same peer has taken that address from it.
    fn move_to(&mut self, key: u64, addr: SocketAddr) {
        let Some(entry) = self.sessions.get_mut(&key) else { return };
        let (at, from) = (entry.pool, entry.member.addr());
        let pool = &mut self.pools[at];
        if from == addr && pool.by_addr.get(&addr).is_some_and(|other| *other != key) {
            return self.supersede(key);
        }
        entry.member.set_addr(addr);
        pool.clear_addr(from, key);
        if let Place::Member = entry.place {
            self.effects.push(Effect::Moved { pool: at, member: entry.member.clone(), from });
        }
        self.take_addr(at, addr, key);
    }

    /// Notes the address of a session over a link, which stays under its key.
    fn note_addr(&mut self, key: u64, addr: SocketAddr) {
        let Some(Entry { member, pool, place, .. }) = self.sessions.get(&key) else { return };
        let from = member.addr();
        if from == addr {
            return;
        }
        member.set_addr(addr);
        if let Place::Member = place {
            self.effects.push(Effect::Moved { pool: *pool, member: member.clone(), from });
        }
    }

    /// Gives an address to a session. The session that had it before may have moved without a
    /// request so far. An earlier one ends, so that an address holds no more than two places.
    fn take_addr(&mut self, pool: usize, addr: SocketAddr, key: u64) {
        if let Some(earlier) = self.pools[pool].set_addr(addr, key) {
            self.supersede(earlier);
        }
    }

    fn supersede(&mut self, key: u64) {
        self.end(key, EndReason::Evicted("the same address has joined again".into()));
    }

    fn end(&mut self, key: u64, reason: EndReason) {
        let Some(entry) = self.sessions.get_mut(&key) else { return };
        match &mut entry.place {
            Place::Waiting(ticket) => {
                let ticket = *ticket;
                self.pools[entry.pool].line.remove(ticket);
                self.end_now(key, reason, false);
            }
            Place::Entering { end, .. } => {
                end.get_or_insert(reason);
            }
            Place::Member => self.end_now(key, reason, true),
        }
    }

    /// Removes a session that is not in line any more, and lets others into its place.
    fn end_now(&mut self, key: u64, reason: EndReason, was_member: bool) {
        let Some(Entry { member, pool: at, place, listed, .. }) = self.sessions.remove(&key) else { return };
        self.keys.remove(&member.id());
        self.expiries.remove(&(listed, key));
        let pool = &mut self.pools[at];
        pool.clear_addr(member.source(), key);
        pool.taken -= usize::from(!matches!(place, Place::Waiting(_)));
        member.set_end(reason.clone());
        self.ended.insert(member.credential(), reason.clone());
        self.counts.ended += u64::from(was_member);
        self.effects.push(Effect::Ended { pool: at, member, reason, was_member });
        self.admit_from_line(at);
    }

    fn admit_from_line(&mut self, at: usize) {
        let pool = &mut self.pools[at];
        while pool.taken < pool.limits.capacity
            && let Some(key) = pool.line.pop()
        {
            let entry = self.sessions.get_mut(&key).expect("a session in line lives");
            entry.place = Place::Entering { waited: true, end: None };
            pool.taken += 1;
            self.effects.push(Effect::Enter { pool: at, key, member: entry.member.clone() });
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
