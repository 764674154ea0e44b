use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::first_packet::FirstPacket;

/// The limits on handshakes that peers begin, and on their moves to other addresses. A handshake
/// costs the called end most of a millisecond and 25 KB, and its first packet may bear a forged
/// address. So may one that looks like a move, and QUIC sends 1,200 bytes there to validate it.
#[derive(Debug)]
pub(super) struct Admission {
    handshaking: usize,
    /// The handshakes among them whose callers have not proven their addresses.
    unvalidated: usize,
    window: Window,
    /// The sources that had a link, and the end of the time for which they count as known.
    known: HashMap<Source, Instant>,
}

/// The handshakes and moves of the current second.
#[derive(Debug)]
struct Window {
    ends: Instant,
    /// The accepted ones, by standing.
    accepted: [usize; Standing::COUNT],
    by_source: HashMap<(Source, Standing), u32>,
    retried: usize,
    /// The first packets that were looked at, by kind.
    first_packets: [usize; FirstPacket::COUNT],
    /// The packets after a Retry among them. At most as many sources as such packets.
    after_retry: HashMap<Source, u32>,
    moved: usize,
    /// By the links' places in the table.
    moved_by_link: HashMap<u32, u32>,
}

/// An IPv4 address, or the /64 prefix of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source(u64);

/// The trust in the source of a handshake. Each has limits of its own, so that a flood of one
/// standing leaves the next its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Standing {
    /// The source may be forged.
    Unvalidated,
    /// The caller has proven that it receives at its address.
    Validated,
    /// Validated, and the source had a link within [`Admission::KNOWN_TIME`].
    Known,
}

/// The decision about a handshake that a peer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    /// Let the caller prove its address first. Takes no memory.
    Retry,
    Ignore,
}

impl Admission {
    /// Handshakes at once of addresses that are not validated.
    pub(super) const MAX_UNVALIDATED: usize = 32;

    /// Handshakes at once.
    pub(super) const MAX_HANDSHAKING: usize = 256;

    /// The time for a handshake that a peer begins.
    pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

    /// Handshakes a second. They take an eighth of a core at most.
    const PER_SECOND: usize = 300;

    /// The handshakes among them of sources that are not known.
    const UNKNOWN_PER_SECOND: usize = 200;

    /// The handshakes among these in the names of sources that are not validated.
    const UNVALIDATED_PER_SECOND: usize = 100;

    /// Retries a second, at 9 us each.
    const RETRIES_PER_SECOND: usize = 10_000;

    /// The time for which a source that had a link is known.
    const KNOWN_TIME: Duration = Duration::from_secs(600);

    const MAX_KNOWN: usize = 1_024;

    /// Datagrams a second from other addresses than those of their links.
    const MOVES_PER_SECOND: usize = 500;

    /// The same for one link.
    const MOVES_PER_LINK: u32 = 16;

    pub(super) fn new(now: Instant) -> Self {
        Self { handshaking: 0, unvalidated: 0, window: Window::new(now), known: HashMap::new() }
    }

    /// Returns whether a first packet is worth a look, which takes some 7 us. Beyond a limit of a
    /// second it is not.
    pub(super) fn looks_at(&mut self, now: Instant, source: SocketAddr, packet: FirstPacket) -> bool {
        self.window.renew(now);
        let count = || self.window.after_retry.get(&Source::of(source.ip())).copied().unwrap_or(0);
        self.window.first_packets[packet as usize] < packet.limit()
            && (packet != FirstPacket::AfterRetry || count() < FirstPacket::MAX_AFTER_RETRY_PER_SOURCE)
    }

    /// Counts a first packet that was looked at, and that belongs to no handshake under way.
    pub(super) fn count(&mut self, source: SocketAddr, packet: FirstPacket) {
        self.window.first_packets[packet as usize] += 1;
        if packet == FirstPacket::AfterRetry {
            *self.window.after_retry.entry(Source::of(source.ip())).or_default() += 1;
        }
    }

    /// Decides about a handshake. One that is accepted is counted until [`end`](Self::end).
    pub(super) fn admit(&mut self, now: Instant, source: SocketAddr, is_validated: bool) -> Verdict {
        self.window.renew(now);
        if self.handshaking >= Self::MAX_HANDSHAKING {
            return Verdict::Ignore;
        }
        let (source, standing) = self.standing(now, source, is_validated);
        if (is_validated || self.unvalidated < Self::MAX_UNVALIDATED) && self.window.admit(source, standing) {
            self.handshaking += 1;
            self.unvalidated += usize::from(!is_validated);
            return Verdict::Accept;
        }
        if is_validated || self.window.retried >= Self::RETRIES_PER_SECOND {
            return Verdict::Ignore;
        }
        self.window.retried += 1;
        Verdict::Retry
    }

    /// Records the end of a handshake that was accepted, well or badly.
    pub(super) fn end(&mut self, is_validated: bool) {
        self.handshaking -= 1;
        self.unvalidated -= usize::from(!is_validated);
    }

    /// Decides about a datagram of a link from another address than the link has.
    pub(super) fn admit_move(&mut self, now: Instant, slot: u32) -> bool {
        self.window.renew(now);
        let count = self.window.moved_by_link.entry(slot).or_default();
        let is_allowed = *count < Self::MOVES_PER_LINK && self.window.moved < Self::MOVES_PER_SECOND;
        *count += u32::from(is_allowed);
        self.window.moved += usize::from(is_allowed);
        is_allowed
    }

    /// Records that a handshake that was accepted just now was garbage: it has cost next to
    /// nothing, and keeps no other from being accepted.
    pub(super) fn end_unbegun(&mut self, now: Instant, source: SocketAddr, is_validated: bool) {
        self.end(is_validated);
        let (source, standing) = self.standing(now, source, is_validated);
        self.window.take_back(source, standing);
    }

    /// Makes a source known for a while: it has proven its address, and has a key that is allowed.
    pub(super) fn know(&mut self, now: Instant, source: SocketAddr) {
        if self.known.len() >= Self::MAX_KNOWN {
            self.known.retain(|_, until| now < *until);
        }
        let source = Source::of(source.ip());
        if self.known.len() < Self::MAX_KNOWN || self.known.contains_key(&source) {
            self.known.insert(source, now + Self::KNOWN_TIME);
        }
    }

    pub(super) fn handshaking(&self) -> usize {
        self.handshaking
    }

    fn standing(&self, now: Instant, source: SocketAddr, is_validated: bool) -> (Source, Standing) {
        let source = Source::of(source.ip());
        let is_known = || self.known.get(&source).is_some_and(|until| now < *until);
        let standing = match is_validated {
            false => Standing::Unvalidated,
            true if is_known() => Standing::Known,
            true => Standing::Validated,
        };
        (source, standing)
    }
}

impl Window {
    const LENGTH: Duration = Duration::from_secs(1);

    fn new(now: Instant) -> Self {
        Self {
            ends: now + Self::LENGTH,
            accepted: [0; Standing::COUNT],
            by_source: HashMap::new(),
            retried: 0,
            first_packets: [0; FirstPacket::COUNT],
            after_retry: HashMap::new(),
            moved: 0,
            moved_by_link: HashMap::new(),
        }
    }

    /// Begins a new second if this one has passed.
    fn renew(&mut self, now: Instant) {
        if now >= self.ends {
            *self = Self::new(now);
        }
    }

    /// Counts a handshake, if the limits have room for it.
    fn admit(&mut self, source: Source, standing: Standing) -> bool {
        let [unvalidated, validated, known] = self.accepted;
        let unknown = unvalidated + validated;
        let is_full = unknown + known >= Admission::PER_SECOND
            || (standing != Standing::Known && unknown >= Admission::UNKNOWN_PER_SECOND)
            || (standing == Standing::Unvalidated && unvalidated >= Admission::UNVALIDATED_PER_SECOND);
        if is_full {
            return false;
        }
        // At most as many sources as handshakes.
        let count = self.by_source.entry((source, standing)).or_default();
        if *count >= standing.limit_per_source() {
            return false;
        }
        *count += 1;
        self.accepted[standing as usize] += 1;
        true
    }

    /// Takes back the count of a handshake of this second.
    fn take_back(&mut self, source: Source, standing: Standing) {
        let Some(count) = self.by_source.get_mut(&(source, standing)).filter(|count| **count > 0) else { return };
        *count -= 1;
        if *count == 0 {
            self.by_source.remove(&(source, standing));
        }
        self.accepted[standing as usize] -= 1;
    }
}

impl Standing {
    const COUNT: usize = 3;

    /// Returns the handshakes a second of one source.
    fn limit_per_source(self) -> u32 {
        match self {
            Self::Unvalidated | Self::Validated => 20,
            // Several peers may share an address, and lose their links at once.
            Self::Known => 50,
        }
    }
}

impl Source {
    fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            // No prefix of a global IPv6 address begins with so many zeros.
            IpAddr::V4(ip) => ip.to_bits().into(),
            IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: u32) -> SocketAddr {
        (IpAddr::from((0x0a00_0000 + host).to_be_bytes()), 7_000).into()
    }

    fn admission() -> (Admission, Instant) {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        (Admission::new(now), now)
    }

    #[test]
    fn unvalidated_handshakes_beyond_the_limit_get_a_retry() {
        let (mut admission, now) = admission();
        let verdicts: Vec<_> = (0..40).map(|host| admission.admit(now, source(host), false)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Accept).count(), 32);
        assert!(verdicts[32..].iter().all(|verdict| *verdict == Verdict::Retry));
        assert_eq!(admission.admit(now, source(99), true), Verdict::Accept, "its address is validated");
        admission.end(false);
        assert_eq!(admission.admit(now, source(98), false), Verdict::Accept);
    }

    #[test]
    fn retries_are_bounded_in_a_second() {
        let (mut admission, now) = admission();
        let count = (0..20_000).filter(|host| admission.admit(now, source(*host), false) == Verdict::Retry).count();
        assert_eq!(count, 10_000);
        assert_eq!(admission.admit(now + Window::LENGTH, source(1), false), Verdict::Retry);
    }

    #[test]
    fn handshakes_at_once_are_bounded() {
        let (mut admission, now) = admission();
        let admit = |second| move |host: &u32| (source(*host), now + second * Window::LENGTH);
        let mut count = 0;
        for second in 0..5 {
            let hosts = (0..1_000).map(|host| admit(second)(&host));
            count += hosts.filter(|(source, now)| admission.admit(*now, *source, true) == Verdict::Accept).count();
        }
        assert_eq!((count, admission.handshaking()), (256, 256));
    }

    #[test]
    fn handshakes_in_a_second_are_bounded_for_a_source_and_in_all() {
        let (mut admission, now) = admission();
        let mut accept = |host, now| {
            let verdict = admission.admit(now, source(host), true);
            if verdict == Verdict::Accept {
                admission.end(true);
            }
            verdict == Verdict::Accept
        };
        assert_eq!((0..100).filter(|_| accept(1, now)).count(), 20);
        assert_eq!((0..1_000).filter(|host| accept(host + 2, now)).count(), 180);
        assert!(accept(1, now + Window::LENGTH));
    }

    /// Begins and ends handshakes, each with the address of its number. Returns how many were
    /// accepted.
    fn accepted(
        admission: &mut Admission,
        now: Instant,
        hosts: impl Iterator<Item = u32>,
        is_validated: bool,
    ) -> usize {
        let is_accepted = |host: &u32| {
            let is_accepted = admission.admit(now, source(*host), is_validated) == Verdict::Accept;
            if is_accepted {
                admission.end(is_validated);
            }
            is_accepted
        };
        hosts.filter(is_accepted).count()
    }

    #[test]
    fn moves_in_a_second_are_bounded_for_a_link_and_in_all() {
        let (mut admission, now) = admission();
        assert_eq!((0..100).filter(|_| admission.admit_move(now, 1)).count(), 16);
        assert_eq!((0..1_000).filter(|slot| admission.admit_move(now, slot + 2)).count(), 484);
        assert!(admission.admit_move(now + Window::LENGTH, 1));
    }

    #[test]
    fn sources_that_had_a_link_have_limits_of_their_own_for_ten_minutes() {
        let (mut admission, now) = admission();
        (1..20).for_each(|host| admission.know(now, source(host)));
        assert_eq!(accepted(&mut admission, now, 1_000..2_000, true), 200, "the limit of unknown sources");
        assert_eq!(accepted(&mut admission, now, [1; 1_000].into_iter(), true), 50);
        assert_eq!(accepted(&mut admission, now, (2..20).cycle().take(1_000), true), 50);
        assert_eq!(accepted(&mut admission, now + Admission::KNOWN_TIME, [1; 1_000].into_iter(), true), 20);
        (2..5_000).for_each(|host| admission.know(now, source(host)));
        assert!(admission.known.len() <= Admission::MAX_KNOWN);
    }

    #[test]
    fn handshakes_in_forged_names_leave_the_others_their_share() {
        let (mut admission, now) = admission();
        assert_eq!(accepted(&mut admission, now, [1; 1_000].into_iter(), false), 20);
        assert_eq!(admission.admit(now, source(1), false), Verdict::Retry, "its owner may prove the address");
        assert_eq!(accepted(&mut admission, now, [1].into_iter(), true), 1);
        assert_eq!(accepted(&mut admission, now, 2..1_000, false), 80);
        assert_eq!(accepted(&mut admission, now, 2..1_000, true), 99);
    }

    #[test]
    fn garbage_that_was_accepted_does_not_count() {
        let (mut admission, now) = admission();
        for host in 0..10_000 {
            assert_eq!(admission.admit(now, source(host % 2), false), Verdict::Accept);
            admission.end_unbegun(now, source(host % 2), false);
        }
        assert_eq!((admission.handshaking(), admission.window.by_source.len()), (0, 0));
    }

    /// Counts first packets that are looked at, from the hosts with these numbers.
    fn looked_at(
        admission: &mut Admission,
        now: Instant,
        hosts: impl Iterator<Item = u32>,
        packet: FirstPacket,
    ) -> usize {
        let is_looked_at = |host: &u32| {
            let is_looked_at = admission.looks_at(now, source(*host), packet);
            if is_looked_at {
                admission.count(source(*host), packet);
            }
            is_looked_at
        };
        hosts.filter(is_looked_at).count()
    }

    #[test]
    fn first_packets_in_a_second_are_bounded() {
        let (mut admission, now) = admission();
        for second in 0..2 {
            let now = now + second * Window::LENGTH;
            for packet in [FirstPacket::Unaddressed, FirstPacket::AfterRetry, FirstPacket::Stale] {
                assert_eq!(looked_at(&mut admission, now, 0..20_000, packet), packet.limit());
            }
            assert_eq!(admission.window.after_retry.len(), FirstPacket::AfterRetry.limit());
        }
    }

    #[test]
    fn first_packets_after_a_retry_are_bounded_for_each_source() {
        let (mut admission, now) = admission();
        assert_eq!(looked_at(&mut admission, now, [1; 1_000].into_iter(), FirstPacket::AfterRetry), 64);
        assert_eq!(looked_at(&mut admission, now, [2].into_iter(), FirstPacket::AfterRetry), 1);
        assert_eq!(looked_at(&mut admission, now, [1; 1_000].into_iter(), FirstPacket::Unaddressed), 1_000);
    }
}
