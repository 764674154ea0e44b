use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The limits on handshakes that peers begin, and on their moves to other addresses. A handshake
/// costs the called end most of a millisecond and 25 KB, and its first packet may bear a forged
/// address. So may one that looks like a move, and QUIC sends 1,200 bytes there to validate it.
#[derive(Debug)]
pub(super) struct Admission {
    handshaking: usize,
    /// The handshakes among them whose callers have not proven their addresses.
    unvalidated: usize,
    window: Window,
    /// The sources that had a link, and the end of the time for which they are exempt.
    known: HashMap<Source, Instant>,
}

/// The handshakes and moves of the current second.
#[derive(Debug)]
struct Window {
    ends: Instant,
    accepted: usize,
    retried: usize,
    by_source: HashMap<Source, u32>,
    moved: usize,
    /// By the links' places in the table.
    moved_by_link: HashMap<u32, u32>,
}

/// An IPv4 address, or the /64 prefix of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source(u64);

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

    /// Handshakes a second.
    const PER_SECOND: usize = 500;

    /// Handshakes a second of one source.
    const PER_SOURCE: u32 = 20;

    /// Retries a second, at 9 us each.
    const RETRIES_PER_SECOND: usize = 10_000;

    /// The time for which a source that had a link is exempt from the limits of a second.
    const KNOWN_TIME: Duration = Duration::from_secs(600);

    const MAX_KNOWN: usize = 1_024;

    /// Datagrams a second from other addresses than those of their links.
    const MOVES_PER_SECOND: usize = 500;

    /// The same for one link.
    const MOVES_PER_LINK: u32 = 16;

    const SECOND: Duration = Duration::from_secs(1);

    pub(super) fn new(now: Instant) -> Self {
        Self { handshaking: 0, unvalidated: 0, window: Window::new(now), known: HashMap::new() }
    }

    /// Decides about a handshake. One that is accepted is counted until [`end`](Self::end).
    pub(super) fn admit(&mut self, now: Instant, source: SocketAddr, is_validated: bool) -> Verdict {
        self.begin_second(now);
        if self.handshaking >= Self::MAX_HANDSHAKING {
            return Verdict::Ignore;
        }
        let source = Source::of(source.ip());
        if !is_validated && self.unvalidated >= Self::MAX_UNVALIDATED {
            let is_allowed = self.window.retried < Self::RETRIES_PER_SECOND;
            self.window.retried += usize::from(is_allowed);
            return if is_allowed { Verdict::Retry } else { Verdict::Ignore };
        }
        let is_known = is_validated && self.known.get(&source).is_some_and(|until| now < *until);
        if !is_known {
            if self.window.accepted >= Self::PER_SECOND {
                return Verdict::Ignore;
            }
            // At most as many sources as handshakes.
            let count = self.window.by_source.entry(source).or_default();
            if *count >= Self::PER_SOURCE {
                return Verdict::Ignore;
            }
            *count += 1;
            self.window.accepted += 1;
        }
        self.handshaking += 1;
        self.unvalidated += usize::from(!is_validated);
        Verdict::Accept
    }

    /// Records the end of a handshake that was accepted, well or badly.
    pub(super) fn end(&mut self, is_validated: bool) {
        self.handshaking -= 1;
        self.unvalidated -= usize::from(!is_validated);
    }

    /// Decides about a datagram of a link from another address than the link has.
    pub(super) fn admit_move(&mut self, now: Instant, slot: u32) -> bool {
        self.begin_second(now);
        let count = self.window.moved_by_link.entry(slot).or_default();
        let is_allowed = *count < Self::MOVES_PER_LINK && self.window.moved < Self::MOVES_PER_SECOND;
        *count += u32::from(is_allowed);
        self.window.moved += usize::from(is_allowed);
        is_allowed
    }

    fn begin_second(&mut self, now: Instant) {
        if now >= self.window.ends {
            self.window = Window::new(now);
        }
    }

    /// Exempts a source from the limits of a second, for a while: it has proven its address, and
    /// has a key that is allowed.
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
}

impl Window {
    fn new(now: Instant) -> Self {
        let ends = now + Admission::SECOND;
        Self { ends, accepted: 0, retried: 0, by_source: HashMap::new(), moved: 0, moved_by_link: HashMap::new() }
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
        assert_eq!(admission.admit(now + Admission::SECOND, source(1), false), Verdict::Retry);
    }

    #[test]
    fn handshakes_at_once_are_bounded() {
        let (mut admission, now) = admission();
        let count = (0..1_000).filter(|host| admission.admit(now, source(*host), true) == Verdict::Accept).count();
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
        assert_eq!((0..1_000).filter(|host| accept(host + 2, now)).count(), 480);
        assert!(accept(1, now + Admission::SECOND));
    }

    #[test]
    fn moves_in_a_second_are_bounded_for_a_link_and_in_all() {
        let (mut admission, now) = admission();
        assert_eq!((0..100).filter(|_| admission.admit_move(now, 1)).count(), 16);
        assert_eq!((0..1_000).filter(|slot| admission.admit_move(now, slot + 2)).count(), 484);
        assert!(admission.admit_move(now + Admission::SECOND, 1));
    }

    #[test]
    fn sources_that_had_a_link_are_exempt_for_ten_minutes() {
        let (mut admission, now) = admission();
        admission.know(now, source(1));
        let mut count = |now| {
            let accepted = (0..100).filter(|_| admission.admit(now, source(1), true) == Verdict::Accept).count();
            (0..accepted).for_each(|_| admission.end(true));
            accepted
        };
        assert_eq!(count(now), 100);
        assert_eq!(count(now + Admission::KNOWN_TIME), 20);
        (2..5_000).for_each(|host| admission.know(now, source(host)));
        assert!(admission.known.len() <= Admission::MAX_KNOWN);
    }
}
