use std::collections::BTreeSet;
use std::time::Instant;

/// The timers of all links, at most one for each.
///
/// QUIC moves its timers with each packet. A timer that moves to a later time stays where it is;
/// its owner looks again when it expires.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Instant, u32)>);

impl Timers {
    /// Sets a link's timer to `at`, unless it is set to an earlier time. `armed` is the time that
    /// it is set to.
    pub(super) fn arm(&mut self, slot: u32, armed: &mut Option<Instant>, at: Option<Instant>) {
        let Some(at) = at else { return };
        if armed.is_some_and(|armed| armed <= at) {
            return;
        }
        self.clear(slot, armed);
        self.0.insert((at, slot));
        *armed = Some(at);
    }

    pub(super) fn clear(&mut self, slot: u32, armed: &mut Option<Instant>) {
        if let Some(at) = armed.take() {
            self.0.remove(&(at, slot));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes a link whose timer has expired.
    pub(super) fn take_expired(&mut self, now: Instant) -> Option<u32> {
        let (at, slot) = *self.0.first()?;
        if at > now {
            return None;
        }
        self.0.pop_first();
        Some(slot)
    }
}
