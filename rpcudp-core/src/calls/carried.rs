use std::time::Instant;

use super::Calls;
use super::slot::State;
use crate::MessageId;

/// Calls that travel over a path which repeats what is lost, such as a stream.
impl<T> Calls<T> {
    /// Retransmits a call at long intervals, as if its handler was running, because its request, or
    /// its response, is under way on a path that repeats what is lost. The owner leaves out
    /// retransmissions while one of them is. The others find a response that was lost with another
    /// path. Returns `false` if the call is not retransmitted in any case. `random` varies the
    /// interval.
    ///
    /// [`resume`](Self::resume), and [`end_calls_to`](Self::end_calls_to) if the path ends,
    /// retransmit it at the usual intervals again. It measures no round trip.
    ///
    /// ```
    /// use rpcudp_core::{Calls, Schedule};
    /// use std::time::{Duration, Instant};
    ///
    /// let now = Instant::now();
    /// let deadline = now + Duration::from_secs(60);
    /// let mut calls = Calls::new(now);
    /// let schedule = Schedule { sent: now, deadline, retransmits: true, waits_for_ready: false };
    /// let id = calls.insert("192.0.2.1:7000".parse()?, schedule, [7; 16], ())?;
    ///
    /// assert!(calls.carry(&id, now, 0));
    /// assert!(calls.due(&id) > Some(now + Duration::from_secs(1)));
    /// calls.resume(&id, now, 0);
    /// assert!(calls.due(&id) < Some(now + Duration::from_secs(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn carry(&mut self, id: &MessageId, now: Instant, random: u32) -> bool {
        let index = id.slot();
        let Some(slot) = self.slots.get_mut(index).filter(|slot| slot.has_id(id)) else { return false };
        if matches!(slot.state, State::Retransmits | State::Resumed | State::Running) {
            slot.state = State::Carried;
            self.schedule(index as u32, now, random);
        }
        self.is_carried(id)
    }

    /// Whether a call is under way on a path that repeats what is lost.
    #[must_use]
    pub fn is_carried(&self, id: &MessageId) -> bool {
        self.slots.get(id.slot()).is_some_and(|slot| slot.has_id(id) && slot.state == State::Carried)
    }

    /// Retransmits a call again after its path has ended. No effect on other calls. `random` varies
    /// the interval.
    pub fn resume(&mut self, id: &MessageId, now: Instant, random: u32) {
        if self.is_carried(id) {
            self.resume_carried(id.slot(), now, random);
        }
    }

    pub(super) fn resume_carried(&mut self, index: usize, now: Instant, random: u32) {
        self.slots[index].state = State::Resumed;
        self.schedule(index as u32, now, random);
    }
}
