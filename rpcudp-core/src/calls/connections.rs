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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{SECOND, once, peer, start};
    use super::super::{Calls, Schedule};
    use crate::CallEvent;

    #[test]
    fn end_of_a_path_ends_the_calls_that_are_sent_once() {
        let now = start();
        let mut calls = Calls::new(now);
        let base = once(now, 600 * SECOND);
        let retransmitted = Schedule { retransmits: true, ..base };
        let patient = Schedule { waits_for_ready: true, ..base };
        for (port, schedule, name) in
            [(1, base, "once"), (1, retransmitted, "retransmitted"), (1, patient, "patient"), (2, base, "elsewhere")]
        {
            calls.insert(peer(port), schedule, [name.len() as u8; 16], name).unwrap();
        }
        let mut ended = Vec::new();
        calls.end_calls_to(peer(1), false, (now, 0), |name| ended.push(*name));
        assert_eq!(ended, ["once"]);
        // The patient call is sent again, although it is not retransmitted otherwise.
        let Some(CallEvent::Retransmit { data, .. }) = calls.poll(now + SECOND / 2, 0) else {
            panic!("nothing is due")
        };
        assert_eq!(*data, "patient");
        ended.clear();
        calls.end_calls_to(peer(1), true, (now, 0), |name| ended.push(*name));
        assert_eq!(ended, ["retransmitted", "patient"], "the end is final");
        calls.end_calls_to(peer(1), true, (now, 0), |_| panic!("all have ended"));
    }

    #[test]
    fn call_that_waited_for_its_connection_counts_its_time_from_its_departure() {
        let now = start();
        let mut calls = Calls::new(now);
        let schedule = Schedule { retransmits: true, ..once(now, 60 * SECOND) };
        let id = calls.insert(peer(1), schedule, [1; 16], ()).unwrap();
        let departure = now + 10 * SECOND;
        assert!(matches!(calls.poll(now + SECOND, 0), Some(CallEvent::Retransmit { .. })));
        calls.depart(&id, (departure, 0));
        assert_eq!(calls.transmission_count(&id), 1);
        assert!(calls.due(&id).unwrap() >= departure + Duration::from_millis(400));
        let arrival = departure + Duration::from_millis(20);
        assert!(calls.complete(&id, peer(1), Duration::ZERO, || arrival).is_ok());
        assert_eq!(calls.round_trip(peer(1)), Some(Duration::from_millis(20)));
        calls.depart(&id, (arrival, 0));
        assert!(calls.poll(arrival + 60 * SECOND, 0).is_none(), "it has ended");
    }
}
