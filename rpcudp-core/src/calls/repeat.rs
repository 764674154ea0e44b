use std::time::Instant;

use super::slot::State;
use super::{Calls, tick_after};
use crate::MessageId;

/// Calls that their owner repeats at another peer.
impl<T> Calls<T> {
    /// Whether a call's handler is running, as its peer has reported.
    #[must_use]
    pub fn is_running(&self, key: &MessageId) -> bool {
        self.slots.get(key.slot()).is_some_and(|slot| slot.has_key(key) && slot.state == State::Running)
    }

    /// Spends the retry budget for another request of a call that its owner repeats: to another
    /// peer, under another key. Returns whether the budget allows that. `is_counted` says whether
    /// the call itself was counted as one that may be retransmitted.
    pub fn try_repeat(&mut self, now: Instant, is_counted: bool) -> bool {
        let now = tick_after(self.origin, now);
        if !is_counted {
            self.retry_budget.record_call(now);
        }
        let is_allowed = self.retry_budget.try_retransmit(now);
        self.withheld += u64::from(!is_allowed);
        is_allowed
    }
}
