use std::net::SocketAddr;
use std::time::Instant;

use super::Calls;
use super::backoff::not_ready_interval;
use super::slot::State;
use crate::{DropReason, MessageId};

/// Calls whose peer has reported that it is not ready, or that their handler is running.
impl<T> Calls<T> {
    /// Whether a call is sent again if its peer is not ready, instead of ending. If so, its owner
    /// calls [`postpone`](Self::postpone) or [`renew`](Self::renew).
    #[must_use]
    pub fn waits_for_ready(&self, id: &MessageId) -> bool {
        self.slots.get(id.slot()).is_some_and(|slot| slot.has_id(id) && slot.waits_for_ready)
    }

    /// Schedules another transmission of a call because its peer is not ready: it is unreachable.
    /// The interval grows with each report. The message id stays the same, because an earlier copy
    /// of the request may have arrived.
    ///
    /// # Errors
    ///
    /// Returns the reason to ignore the report, as [`expects`](Self::expects) does.
    pub fn postpone(
        &mut self,
        id: &MessageId,
        source: SocketAddr,
        now: Instant,
        random: u32,
    ) -> Result<&mut T, DropReason> {
        self.expects(id, source)?;
        let index = id.slot();
        let slot = &mut self.slots[index];
        if matches!(slot.state, State::Retransmits | State::Running | State::Carried) {
            slot.state = State::Resumed;
        }
        let interval = not_ready_interval(slot.retransmit_count, random);
        self.schedule_after(index as u32, now, interval);
        Ok(&mut self.slots[index].data)
    }

    /// Schedules another transmission of a call because its peer has refused it without running it,
    /// as [`postpone`](Self::postpone) does, but with a fresh message id: the peer may remember
    /// that it refused the old one. Responses to the old id match no call.
    ///
    /// # Errors
    ///
    /// Returns the reason to drop the refusal, as [`expects`](Self::expects) does.
    pub fn renew(
        &mut self,
        id: &MessageId,
        source: SocketAddr,
        now: Instant,
        random: u32,
    ) -> Result<&mut T, DropReason> {
        self.postpone(id, source, now, random)?;
        let slot = &mut self.slots[id.slot()];
        slot.renewal_count = slot.renewal_count.wrapping_add(1);
        Ok(&mut slot.data)
    }

    /// Records that the handler of a call is running, as its peer reports. From now on the request
    /// is retransmitted at long intervals.
    ///
    /// # Errors
    ///
    /// Returns the reason to drop the report, as [`expects`](Self::expects) does.
    pub fn running(&mut self, id: &MessageId, source: SocketAddr, now: Instant, random: u32) -> Result<(), DropReason> {
        self.expects(id, source)?;
        let slot = &mut self.slots[id.slot()];
        if matches!(slot.state, State::Retransmits | State::Resumed | State::Running) {
            slot.state = State::Running;
            self.schedule(id.slot() as u32, now, random);
        }
        Ok(())
    }
}
