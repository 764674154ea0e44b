use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::evidence::Evidence;
use super::rendezvous::place_of;
use crate::links::secure_peer::SecurePeer;
use crate::lock::Lock;

/// A peer of a group, with the figures that requests to it leave. Calls share it without a lock.
#[derive(Debug)]
pub(crate) struct Member {
    /// The address under which the endpoint's tables keep the peer: its own, or, if requests go
    /// over a link, the one that stands for its key. It tells members apart.
    pub(crate) source: SocketAddr,
    /// The hash of the address or the key by which the keys of calls rank the member.
    pub(super) place: u64,
    /// The target of requests over a link, which changes with the peer's address.
    link: Option<Arc<Lock<Arc<SecurePeer>>>>,
    /// Requests that were sent, and requests that have ended. The difference is in flight.
    started: AtomicU64,
    ended: AtomicU64,
    /// Requests that ended without a response.
    unanswered: AtomicU64,
    /// Consecutive requests that ended without a response.
    silent_count: AtomicU32,
    /// The smoothed response time in ticks. Zero if there is no measurement.
    smoothed: AtomicU32,
    /// Whether the group has ejected the member.
    pub(super) is_ejected: AtomicBool,
    /// Whether the source has removed the member.
    pub(super) is_removed: AtomicBool,
    /// The time at which the source last named the member, in milliseconds since the group's
    /// origin.
    pub(super) named_at: AtomicU64,
    /// The member itself, if this is the part of one client.
    whole: Option<Arc<Self>>,
    /// The parts of clients that count requests apart.
    parts: Lock<Vec<Weak<Self>>>,
}

/// The consequence of a request's end for its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The member's state stays.
    Unchanged,
    /// An ejected member has responded.
    Restore,
    /// The member is not responding, or is unreachable.
    Eject { is_unreachable: bool },
    /// An ejected member has not responded, or is unreachable.
    StayEjected { is_unreachable: bool },
    /// The request shows nothing, and the member is ejected: another call may probe it.
    ProbeAgain,
}

impl Member {
    /// Consecutive requests without a response after which a member is ejected.
    const MAX_SILENT: u32 = 5;

    /// The least response time that a refusal counts as, in ticks of 16 microseconds: 1 ms. A busy
    /// peer refuses faster than others respond, and must not attract calls by that.
    const MIN_REFUSED: u32 = 1_000 / 16;

    /// The largest response time that refusals alone lead to: about a second.
    const MAX_REFUSED: u32 = 1 << 16;

    pub(super) fn new(addr: SocketAddr, named_at: u64) -> Self {
        Self {
            source: addr,
            place: place_of(addr),
            link: None,
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            silent_count: AtomicU32::new(0),
            smoothed: AtomicU32::new(0),
            is_ejected: AtomicBool::new(false),
            is_removed: AtomicBool::new(false),
            named_at: AtomicU64::new(named_at),
            whole: None,
            parts: Lock::default(),
        }
    }

    /// Returns a member that is called over a link. `place` is the hash of its key.
    #[cfg(feature = "secure")]
    pub(super) fn over_link(peer: Arc<SecurePeer>, place: u64, named_at: u64) -> Self {
        let mut member = Self::new(peer.source(), named_at);
        (member.link, member.place) = (Some(Arc::new(Lock::new(peer))), place);
        member
    }

    /// Returns the target of requests to the member, if they go over a link.
    #[inline]
    pub(crate) fn link(&self) -> Option<Arc<SecurePeer>> {
        if self.link.is_none() { None } else { self.present_link() }
    }

    // Apart, so that the test of a plain member is inlined.
    fn present_link(&self) -> Option<Arc<SecurePeer>> {
        self.link.as_ref().map(|link| Arc::clone(&link.lock()))
    }

    /// Returns the address of the peer.
    #[inline]
    pub(crate) fn addr(&self) -> SocketAddr {
        if self.link.is_none() { self.source } else { self.linked_addr() }
    }

    fn linked_addr(&self) -> SocketAddr {
        self.present_link().map_or(self.source, |link| link.addr())
    }

    /// Takes the address and the age of the same member, which the source has named again.
    pub(super) fn rename(&self, named: &Self) {
        self.named_at.store(named.named_at.load(Ordering::Relaxed), Ordering::Relaxed);
        if let (Some(link), Some(named)) = (&self.link, named.link()) {
            *link.lock() = named;
        }
    }

    /// Returns a part of the member that counts the requests of one client. If all threads counted
    /// together, each request would move a cache line between cores twice, which takes longer than
    /// the rest of picking a member.
    pub(super) fn part(self: &Arc<Self>) -> Arc<Self> {
        let mut part = Self::new(self.source, 0);
        (part.whole, part.link, part.place) = (Some(Arc::clone(self)), self.link.clone(), self.place);
        let part = Arc::new(part);
        let mut parts = self.parts.lock();
        parts.retain(|part| part.strong_count() > 0);
        parts.push(Arc::downgrade(&part));
        drop(parts);
        part
    }

    /// Returns the member that this is a part of, or this one.
    pub(super) fn whole(self: &Arc<Self>) -> &Arc<Self> {
        self.whole.as_ref().unwrap_or(self)
    }

    /// Returns whether the member is in its group, and is not ejected.
    pub(super) fn is_available(&self) -> bool {
        !self.is_removed.load(Ordering::Relaxed) && !self.is_ejected.load(Ordering::Relaxed)
    }

    /// Counts a request that is being sent.
    pub(super) fn begin(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the end of a request.
    pub(super) fn end(self: &Arc<Self>, evidence: Evidence) -> Verdict {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.whole().judge(evidence)
    }

    /// Returns the consequence of a request's end.
    fn judge(&self, evidence: Evidence) -> Verdict {
        let is_ejected = self.is_ejected.load(Ordering::Relaxed);
        let unless_ejected = |verdict| if is_ejected { verdict } else { Verdict::Unchanged };
        match evidence {
            Evidence::Responded(elapsed) => {
                elapsed.inspect(|elapsed| self.measure(*elapsed));
                self.clear_silence();
                unless_ejected(Verdict::Restore)
            }
            Evidence::NotReady => {
                let smoothed = self.smoothed.load(Ordering::Relaxed);
                let refused = smoothed.saturating_mul(2).clamp(Self::MIN_REFUSED, Self::MAX_REFUSED).max(smoothed);
                self.smoothed.store(refused, Ordering::Relaxed);
                self.clear_silence();
                unless_ejected(Verdict::Restore)
            }
            Evidence::Silent => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                let count = self.silent_count.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                match (is_ejected, count >= Self::MAX_SILENT) {
                    (true, _) => Verdict::StayEjected { is_unreachable: false },
                    (false, true) => Verdict::Eject { is_unreachable: false },
                    (false, false) => Verdict::Unchanged,
                }
            }
            Evidence::Unreachable => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                let is_unreachable = true;
                if is_ejected { Verdict::StayEjected { is_unreachable } } else { Verdict::Eject { is_unreachable } }
            }
            Evidence::Abandoned(elapsed) => {
                // The response would have taken longer than that.
                if elapsed > self.smoothed.load(Ordering::Relaxed) {
                    self.measure(elapsed);
                }
                unless_ejected(Verdict::ProbeAgain)
            }
            Evidence::None => unless_ejected(Verdict::ProbeAgain),
        }
    }

    /// Returns a number to compare members by: less is better. `None` if the member has not been
    /// measured.
    pub(super) fn load(&self) -> Option<u64> {
        let smoothed = self.smoothed.load(Ordering::Relaxed);
        (smoothed > 0).then(|| u64::from(smoothed).saturating_mul(self.in_flight().saturating_add(1)))
    }

    /// Returns the requests in flight, and all requests, with those of parts.
    pub(super) fn requests(&self) -> (u64, u64) {
        let parts = self.parts.lock();
        let parts: Vec<_> = parts.iter().filter_map(Weak::upgrade).collect();
        let all = || parts.iter().map(|part| &**part).chain([self]);
        (all().map(Self::in_flight).sum(), all().map(|part| part.started.load(Ordering::Relaxed)).sum())
    }

    pub(super) fn in_flight(&self) -> u64 {
        // Read in this order, because the other way round a request may seem to end before it has
        // begun.
        let ended = self.ended.load(Ordering::Relaxed);
        self.started.load(Ordering::Relaxed).saturating_sub(ended)
    }

    pub(crate) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Returns the smoothed response time in ticks, or zero.
    pub(crate) fn smoothed(&self) -> u32 {
        self.smoothed.load(Ordering::Relaxed)
    }

    /// Shortens the smoothed response time by a sixty-fourth, because no call measures it now.
    pub(super) fn forget(&self) {
        let smoothed = self.smoothed.load(Ordering::Relaxed);
        self.smoothed.store((smoothed - smoothed.div_ceil(64)).max(1), Ordering::Relaxed);
    }

    /// Forgets consecutive silence, so that a restored member is judged afresh.
    fn clear_silence(&self) {
        if self.silent_count.load(Ordering::Relaxed) != 0 {
            self.silent_count.store(0, Ordering::Relaxed);
        }
    }

    /// Adds a response time to the smoothed one: with a weight of a quarter if it is longer, so
    /// that a member which has become slow gets few calls before that shows, else of an eighth.
    /// Threads may overwrite each other's measurement, which costs no more than that measurement.
    fn measure(&self, elapsed: u32) {
        let elapsed = elapsed.clamp(1, u32::MAX / 8);
        let smoothed = self.smoothed.load(Ordering::Relaxed);
        let next = match smoothed {
            0 => elapsed,
            // Rounds towards the measurement, so that a small time does not stay a step away.
            _ if elapsed > smoothed => smoothed + (elapsed - smoothed).div_ceil(4),
            _ => smoothed - (smoothed - elapsed).div_ceil(8),
        };
        self.smoothed.store(next, Ordering::Relaxed);
    }
}

/// The counts of a part outlive it.
impl Drop for Member {
    fn drop(&mut self) {
        if let Some(whole) = &self.whole {
            whole.started.fetch_add(*self.started.get_mut(), Ordering::Relaxed);
            whole.ended.fetch_add(*self.ended.get_mut(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Arc<Member> {
        Arc::new(Member::new(([192, 0, 2, 1], 7).into(), 0))
    }

    fn end(member: &Arc<Member>, evidence: Evidence) -> Verdict {
        member.begin();
        member.end(evidence)
    }

    #[test]
    fn five_silent_requests_in_a_row_eject_a_member() {
        let member = member();
        (0..4).for_each(|_| assert_eq!(end(&member, Evidence::Silent), Verdict::Unchanged));
        assert_eq!(end(&member, Evidence::Responded(None)), Verdict::Unchanged);
        assert_eq!(end(&member, Evidence::None), Verdict::Unchanged);
        (0..4).for_each(|_| assert_eq!(end(&member, Evidence::Silent), Verdict::Unchanged));
        assert_eq!(end(&member, Evidence::Silent), Verdict::Eject { is_unreachable: false });
        assert_eq!(end(&member, Evidence::Unreachable), Verdict::Eject { is_unreachable: true });
        assert_eq!((member.requests(), member.unanswered()), ((0, 12), 10));
    }

    #[test]
    fn parts_count_apart_and_are_judged_together() {
        let member = member();
        let parts = [member.part(), member.part()];
        (0..4).for_each(|at| assert_eq!(end(&parts[at % 2], Evidence::Silent), Verdict::Unchanged));
        assert_eq!(end(&member, Evidence::Silent), Verdict::Eject { is_unreachable: false });
        parts[0].begin();
        assert_eq!((member.requests(), member.unanswered()), ((1, 6), 5));
        drop(parts);
        assert_eq!(member.requests(), (1, 6));
    }

    #[test]
    fn measurements_converge_and_refusals_do_not_look_fast() {
        let member = member();
        (0..100).for_each(|_| assert_eq!(end(&member, Evidence::Responded(Some(100))), Verdict::Unchanged));
        assert_eq!(member.smoothed(), 100);
        (0..100).for_each(|_| assert_eq!(end(&member, Evidence::Responded(Some(7))), Verdict::Unchanged));
        assert_eq!(member.smoothed(), 7);
        end(&member, Evidence::Abandoned(5));
        assert_eq!(member.smoothed(), 7);
        end(&member, Evidence::Abandoned(27));
        assert_eq!(member.smoothed(), 12);
        end(&member, Evidence::NotReady);
        assert_eq!(member.smoothed(), Member::MIN_REFUSED);
        (0..100).for_each(|_| assert_eq!(end(&member, Evidence::NotReady), Verdict::Unchanged));
        assert_eq!(member.smoothed(), Member::MAX_REFUSED);
        member.measure(u32::MAX);
        assert!(member.smoothed() > Member::MAX_REFUSED);
        assert_eq!(member.load(), Some(member.smoothed().into()));
    }
}
