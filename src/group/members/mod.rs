use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::member::Member;

/// The members of a group: those that calls may go to, and those that were ejected because they did
/// not respond.
#[derive(Debug)]
pub(super) struct Members {
    /// The largest number of members.
    max_count: usize,
    available: Vec<Arc<Member>>,
    ejected: Vec<Ejection>,
    /// The earliest time at which an ejected member may be probed.
    next_probe: Option<Instant>,
    /// Whether the source has reported anything, or has ended.
    pub(super) is_known: bool,
    /// Tasks of calls that wait for a peer, by the number of their registration.
    pub(super) waiting: BTreeMap<u64, Waker>,
}

/// An ejected member.
#[derive(Debug)]
struct Ejection {
    member: Arc<Member>,
    since: Instant,
    until: Instant,
    /// The number of times that the member did not respond to a probe.
    failed_probes: u32,
    is_probed: bool,
    /// Whether the network reports the member as unreachable, so that a request to it costs no
    /// time.
    is_unreachable: bool,
}

/// The state of a member, for users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberState {
    Available,
    /// Ejected until this time.
    Ejected(Instant),
    Probed,
}

impl Default for Members {
    fn default() -> Self {
        Self::new(Self::MAX_COUNT)
    }
}

impl Members {
    /// The largest number of members. A source may be a network service, which must not fill the
    /// memory.
    pub(super) const MAX_COUNT: usize = 4_096;

    /// The time of the first ejection, and the longest.
    const FIRST_EJECTION: Duration = Duration::from_secs(5);
    const MAX_EJECTION: Duration = Duration::from_secs(300);

    pub(super) fn new(max_count: usize) -> Self {
        Self {
            max_count,
            available: Vec::new(),
            ejected: Vec::new(),
            next_probe: None,
            is_known: false,
            waiting: BTreeMap::new(),
        }
    }

    /// Returns the largest number of members.
    pub(super) fn max_count(&self) -> usize {
        self.max_count
    }

    pub(super) fn len(&self) -> usize {
        self.available.len() + self.ejected.len()
    }

    /// Returns all members with their states, ordered by address.
    pub(super) fn all(&self) -> Vec<(Arc<Member>, MemberState)> {
        let available = self.available.iter().map(|member| (Arc::clone(member), MemberState::Available));
        let ejected = self.ejected.iter().map(|ejection| {
            let state = if ejection.is_probed { MemberState::Probed } else { MemberState::Ejected(ejection.until) };
            (Arc::clone(&ejection.member), state)
        });
        let mut all: Vec<_> = available.chain(ejected).collect();
        all.sort_by_cached_key(|(member, _)| (member.addr(), member.source));
        all
    }

    /// Returns the only member, if the group has one.
    pub(super) fn only(&self) -> Option<&Arc<Member>> {
        match (&*self.available, &*self.ejected) {
            ([only], []) => Some(only),
            _ => None,
        }
    }

    /// Adds a member, or notes that the source has named it again. Returns `false` if the group is
    /// full.
    pub(super) fn insert(&mut self, named: Member) -> bool {
        let ejected = self.ejected.iter().map(|ejection| &ejection.member);
        if let Some(member) = self.available.iter().chain(ejected).find(|member| member.source == named.source) {
            member.rename(&named);
            return true;
        }
        if self.len() >= self.max_count {
            return false;
        }
        self.available.push(Arc::new(named));
        true
    }

    /// Removes a member. Requests in flight to it go on.
    pub(super) fn remove(&mut self, source: SocketAddr) {
        let stays = |member: &Member| {
            let stays = member.source != source;
            if !stays {
                member.is_removed.store(true, Ordering::Relaxed);
            }
            stays
        };
        self.available.retain(|member| stays(member));
        self.ejected.retain(|ejection| stays(&ejection.member));
        self.set_next_probe();
    }

    /// Removes all members.
    pub(super) fn clear(&mut self) {
        let ejected = self.ejected.drain(..).map(|ejection| ejection.member);
        self.available.drain(..).chain(ejected).for_each(|member| member.is_removed.store(true, Ordering::Relaxed));
        self.next_probe = None;
    }

    /// Picks the member for a request, none of `avoid`: one whose ejection is over, else the less
    /// loaded of two drawn at random. If all are ejected, the one that was ejected first.
    pub(super) fn pick(&mut self, now: Instant, random: u64, avoid: &[Arc<Member>]) -> Option<Arc<Member>> {
        if self.next_probe.is_some_and(|at| at <= now) {
            let is_candidate = |ejection: &Ejection| ejection.is_due(now) && !is_in(avoid, &ejection.member);
            if let Some(at) = self.ejected.iter().position(is_candidate) {
                return Some(self.probe(at));
            }
        }
        let count = self.available.len() as u64;
        let picked = match count {
            0 => return self.oldest_ejected(avoid),
            1 => &self.available[0],
            _ => {
                let (low, high) = (random & u64::from(u32::MAX), random >> 32);
                // The product with a 32-bit number scales without a division.
                let first = (low * count) >> 32;
                let second = (first + 1 + ((high * (count - 1)) >> 32)) % count;
                let (first, second) = (&self.available[first as usize], &self.available[second as usize]);
                less_loaded(first, second)
            }
        };
        if !is_in(avoid, picked) {
            return Some(Arc::clone(picked));
        }
        let rest = self.available.iter().filter(|member| !is_in(avoid, member));
        rest.reduce(less_loaded).cloned().or_else(|| self.unreachable(avoid))
    }

    /// Picks the member with the highest rank for a key, none of `avoid`. Each key ranks the
    /// members in an order of its own (rendezvous hashing), so that the keys of a member that goes
    /// spread over the others, and no other key moves.
    pub(super) fn pick_by_rank(
        &mut self,
        now: Instant,
        rank: impl Fn(&Member) -> u64,
        avoid: &[Arc<Member>],
    ) -> Option<Arc<Member>> {
        let ranked = |member: &Arc<Member>| (rank(member), member.source);
        let best = self.available.iter().filter(|member| !is_in(avoid, member)).max_by_key(|member| ranked(member));
        if self.next_probe.is_some_and(|at| at <= now) {
            let due = self.ejected.iter().enumerate();
            let due = due.filter(|(_, ejection)| ejection.is_due(now) && !is_in(avoid, &ejection.member));
            let due = due.max_by_key(|(_, ejection)| ranked(&ejection.member));
            if let Some((at, ejection)) = due
                && best.is_none_or(|best| ranked(best) < ranked(&ejection.member))
            {
                return Some(self.probe(at));
            }
        }
        match best {
            Some(best) => Some(Arc::clone(best)),
            None if self.available.is_empty() => self.oldest_ejected(avoid),
            None => self.unreachable(avoid),
        }
    }

    /// Ejects a member, unless half of the group is ejected. Returns whether it did.
    pub(super) fn eject(&mut self, member: &Arc<Member>, now: Instant, is_unreachable: bool) -> bool {
        let Some(at) = self.available.iter().position(|known| Arc::ptr_eq(known, member)) else { return false };
        if 2 * (self.ejected.len() + 1) > self.len() {
            return false;
        }
        let member = self.available.swap_remove(at);
        member.is_ejected.store(true, Ordering::Relaxed);
        let until = now + Self::FIRST_EJECTION;
        let ejection = Ejection { member, since: now, until, failed_probes: 0, is_probed: false, is_unreachable };
        self.ejected.push(ejection);
        self.set_next_probe();
        true
    }

    /// Makes an ejected member available, because it has responded. Returns whether it was ejected.
    pub(super) fn restore(&mut self, member: &Arc<Member>) -> bool {
        let Some(at) = self.position(member) else { return false };
        let Ejection { member, .. } = self.ejected.swap_remove(at);
        member.is_ejected.store(false, Ordering::Relaxed);
        self.available.push(member);
        self.set_next_probe();
        true
    }

    /// Lengthens the ejection of a member that has not responded to a probe, if the ejection is
    /// over.
    pub(super) fn stay_ejected(&mut self, member: &Arc<Member>, now: Instant, is_unreachable: bool) {
        let Some(at) = self.position(member) else { return };
        let ejection = &mut self.ejected[at];
        if !ejection.is_probed {
            return;
        }
        (ejection.is_probed, ejection.is_unreachable) = (false, is_unreachable);
        // Requests that have no other member left may come earlier, and often.
        if ejection.until <= now {
            ejection.failed_probes = ejection.failed_probes.saturating_add(1);
            let doubled = Self::FIRST_EJECTION.saturating_mul(1 << ejection.failed_probes.min(10));
            ejection.until = now + doubled.min(Self::MAX_EJECTION);
        }
        self.set_next_probe();
    }

    /// Lets another call probe an ejected member, because the last probe showed nothing.
    pub(super) fn probe_again(&mut self, member: &Arc<Member>) {
        let Some(at) = self.position(member) else { return };
        self.ejected[at].is_probed = false;
        self.set_next_probe();
    }

    fn position(&self, member: &Arc<Member>) -> Option<usize> {
        self.ejected.iter().position(|ejection| Arc::ptr_eq(&ejection.member, member))
    }

    fn probe(&mut self, at: usize) -> Arc<Member> {
        self.ejected[at].is_probed = true;
        let member = Arc::clone(&self.ejected[at].member);
        self.set_next_probe();
        member
    }

    /// Returns the member that was ejected first, of those that no call is probing if there is one.
    fn oldest_ejected(&mut self, avoid: &[Arc<Member>]) -> Option<Arc<Member>> {
        let candidates = self.ejected.iter().enumerate().filter(|(_, ejection)| !is_in(avoid, &ejection.member));
        let (at, _) = candidates.min_by_key(|(_, ejection)| (ejection.is_probed, ejection.since))?;
        Some(self.probe(at))
    }

    /// Returns an ejected member that the network reports as unreachable, for a request that all
    /// available members have not run: the report would come at once, or the member is back.
    fn unreachable(&mut self, avoid: &[Arc<Member>]) -> Option<Arc<Member>> {
        let is_candidate = |ejection: &Ejection| ejection.is_unreachable && !is_in(avoid, &ejection.member);
        let at = self.ejected.iter().position(is_candidate)?;
        Some(self.probe(at))
    }

    fn set_next_probe(&mut self) {
        let waiting = self.ejected.iter().filter(|ejection| !ejection.is_probed);
        self.next_probe = waiting.map(|ejection| ejection.until).min();
    }
}

impl Ejection {
    fn is_due(&self, now: Instant) -> bool {
        self.until <= now && !self.is_probed
    }
}

fn is_in(members: &[Arc<Member>], member: &Arc<Member>) -> bool {
    members.iter().any(|known| known.source == member.source)
}

/// Returns the less loaded of two members, or the first if their loads differ little. If one was
/// never measured, the one with fewer requests in flight.
///
/// The other one's response time is forgotten a little, so that a member that was slow is measured
/// again: one that is ten times as slow after about 120 comparisons, which keeps it out of the 99th
/// percentile.
fn less_loaded<'a>(first: &'a Arc<Member>, second: &'a Arc<Member>) -> &'a Arc<Member> {
    let (Some(first_load), Some(second_load)) = (first.load(), second.load()) else {
        return if second.in_flight() < first.in_flight() { second } else { first };
    };
    // A member with few calls is measured too rarely to tell apart what differs by less.
    let is_more = |load: u64, other: u64| load / 3 > other / 2;
    if is_more(first_load, second_load) {
        first.forget();
        return second;
    }
    if is_more(second_load, first_load) {
        second.forget();
    }
    first
}

#[cfg(test)]
mod tests;
