use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use foca::Timer;
use tokio::time::Instant;

use super::node::Node;

/// The engine's timers: one of each kind, and two for each member. A timer in place of another of
/// its kind makes the other void, so that no sequence of packets makes their number grow.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    pending: BTreeMap<Key, (Instant, Timer<Node>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Probe,
    IndirectProbe,
    Announce,
    AnnounceToDown,
    Gossip,
    Suspect(SocketAddr),
    Down(SocketAddr),
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer<Node>, now: Instant, after: Duration) {
        let key = match &timer {
            Timer::ProbeRandomMember(_) => Key::Probe,
            Timer::SendIndirectProbe { .. } => Key::IndirectProbe,
            Timer::PeriodicAnnounce(_) => Key::Announce,
            Timer::PeriodicAnnounceDown(_) => Key::AnnounceToDown,
            Timer::PeriodicGossip(_) => Key::Gossip,
            Timer::ChangeSuspectToDown { member_id, .. } => Key::Suspect(member_id.addr),
            Timer::RemoveDown(node) => Key::Down(node.addr),
        };
        // The same suspicion, raised again by a later probe, keeps its first deadline.
        if self.pending.get(&key).is_none_or(|(_, earlier)| *earlier != timer) {
            self.pending.insert(key, (now + after, timer));
        }
    }

    /// Returns the time of the next timer.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.pending.values().map(|(due, _)| *due).min()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Removes and returns the timer that is due for the longest time.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer<Node>> {
        let due = self.pending.iter().filter(|(_, (due, _))| *due <= now);
        let key = due.min_by_key(|(_, (due, _))| *due).map(|(key, _)| *key)?;
        self.pending.remove(&key).map(|(_, timer)| timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn suspicion(incarnation: u16) -> Timer<Node> {
        let member_id = Node { addr: ([10, 0, 0, 1], 7_000).into(), run: 1 };
        Timer::ChangeSuspectToDown { member_id, incarnation, token: 0 }
    }

    #[tokio::test(start_paused = true)]
    async fn a_repeated_suspicion_keeps_its_deadline_and_a_new_one_replaces_it() {
        let (mut timers, start) = (Timers::default(), Instant::now());
        timers.set(suspicion(1), start, 4 * SECOND);
        timers.set(suspicion(1), start + SECOND, 4 * SECOND);
        assert_eq!(timers.next(), Some(start + 4 * SECOND));
        timers.set(suspicion(2), start + SECOND, 4 * SECOND);
        assert_eq!(timers.next(), Some(start + 5 * SECOND));
        assert_eq!(timers.take_due(start + 4 * SECOND), None);
        assert_eq!(timers.take_due(start + 5 * SECOND), Some(suspicion(2)));
        assert_eq!(timers.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn timers_fire_in_the_order_of_their_times() {
        let (mut timers, start) = (Timers::default(), Instant::now());
        timers.set(Timer::ProbeRandomMember(0), start, 2 * SECOND);
        timers.set(Timer::PeriodicGossip(0), start, SECOND);
        // Set again, as the engine does after it was idle: the last one counts.
        timers.set(Timer::PeriodicGossip(1), start, 3 * SECOND);
        let order = std::iter::from_fn(|| timers.take_due(start + 9 * SECOND)).collect::<Vec<_>>();
        assert_eq!(order, [Timer::ProbeRandomMember(0), Timer::PeriodicGossip(1)]);
    }
}
