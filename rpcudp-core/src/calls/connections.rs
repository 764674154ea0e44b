use std::net::SocketAddr;
use std::time::Instant;

use super::Calls;
use super::backoff::not_ready_interval;
use super::slot::{Slot, State};
use crate::MessageId;

/// Calls over connections, which are opened when they are needed, and may end before a response.
impl<T> Calls<T> {
    /// Records that a call's request, which has waited until its connection was open, leaves now.
    /// The round trip and the intervals between retransmissions count from here. `time` is the time
    /// with a random number, which varies the interval. No effect on a call that is sent once.
    pub fn depart(&mut self, key: &MessageId, time: (Instant, u32)) {
        let sent = self.origin_micros(time.0);
        let slot = self.slots.get_mut(key.slot()).filter(|slot| slot.has_key(key));
        let Some(slot) = slot else { return };
        match slot.state {
            State::Retransmits => (slot.sent, slot.retransmit_count) = (sent, 0),
            State::Resumed => {}
            State::Once | State::Multicast | State::Running | State::Carried | State::Ended => return,
        }
        self.schedule(key.slot() as u32, time.0, time.1);
    }

    /// Ends the calls to `peer`, because it is not reachable any more, and passes their data to
    /// `on_end`. Unless `is_final`, calls that are retransmitted go on, and calls that wait for
    /// their peer are sent again later. `now` is the time, with a random number that varies the
    /// interval. Looks at every call in the table.
    pub fn end_calls_to(
        &mut self,
        peer: SocketAddr,
        is_final: bool,
        time: (Instant, u32),
        mut on_end: impl FnMut(&mut T),
    ) {
        for index in 0..self.slots.capacity() {
            if self.slots.get(index).is_some_and(|slot| slot.state != State::Ended && slot.peer == peer) {
                self.end_or_repeat(index, is_final, time, &mut on_end);
            }
        }
    }

    /// Ends one call as [`end_calls_to`](Self::end_calls_to) does, because its request did not
    /// reach the peer. A call that is retransmitted goes on, unless the end is final.
    pub fn end_undelivered(
        &mut self,
        key: &MessageId,
        is_final: bool,
        time: (Instant, u32),
        mut on_end: impl FnMut(&mut T),
    ) {
        let slot = self.slots.get(key.slot()).filter(|slot| slot.has_key(key));
        if slot.is_some_and(|slot| slot.state != State::Ended) {
            self.end_or_repeat(key.slot(), is_final, time, &mut on_end);
        }
    }

    fn end_or_repeat(
        &mut self,
        index: usize,
        is_final: bool,
        (now, random): (Instant, u32),
        on_end: &mut impl FnMut(&mut T),
    ) {
        let Slot { state, waits_for_ready, retransmit_count, .. } = &self.slots[index];
        if is_final || (*state == State::Once && !waits_for_ready) {
            on_end(self.end(index));
        } else if *state == State::Once {
            let interval = not_ready_interval(*retransmit_count, random);
            self.schedule_after(index as u32, now, interval);
        } else if *state == State::Carried {
            self.resume_carried(index, now, random);
        }
    }
}
