use std::net::SocketAddr;

use super::slot::State;
use super::{Calls, Schedule, TooManyCalls};
use crate::MessageId;

/// Calls to an address that reaches several peers.
impl<T> Calls<T> {
    /// Inserts a call to a multicast or broadcast address and returns its message id, as
    /// [`insert`](Self::insert) does.
    ///
    /// The call takes responses from any source: each goes through [`complete`](Self::complete),
    /// which does not end the call. The message id is the only secret that a response must know.
    /// The call ends at its deadline. It is never sent again: the other fields of `schedule` have
    /// no effect.
    ///
    /// ```
    /// use rpcudp_core::{CallEvent, Calls, Schedule};
    /// use std::time::{Duration, Instant};
    ///
    /// let now = Instant::now();
    /// let deadline = now + Duration::from_secs(1);
    /// let schedule = Schedule { sent: now, deadline, retransmits: false, waits_for_ready: false };
    /// let mut calls = Calls::new(now);
    /// let id = calls.insert_multicast("239.1.2.3:7000".parse()?, schedule, [7; 16], ())?;
    ///
    /// for member in ["192.0.2.1:7000", "192.0.2.2:7000"] {
    ///     assert!(calls.complete(&id, member.parse()?, Duration::ZERO, || now).is_ok());
    /// }
    /// assert!(matches!(calls.poll(deadline, 0), Some(CallEvent::TimedOut { key, .. }) if key == id));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the table is full.
    pub fn insert_multicast(
        &mut self,
        destination: SocketAddr,
        schedule: Schedule,
        random: [u8; 16],
        data: T,
    ) -> Result<MessageId, TooManyCalls> {
        let schedule = Schedule { retransmits: false, waits_for_ready: false, ..schedule };
        self.insert_with_state(destination, schedule, random, State::Multicast, data)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{CallEvent, DropReason};

    #[expect(clippy::disallowed_methods, reason = "a test needs some time to start from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn multicast_call_ends_at_its_deadline_only() {
        let origin = start();
        let at = |millis| origin + Duration::from_millis(millis);
        let schedule = Schedule { sent: origin, deadline: at(500), retransmits: true, waits_for_ready: true };
        let mut calls = Calls::new(origin);
        let [group, member] = ["239.1.2.3:7000", "192.0.2.1:7000"].map(|addr| addr.parse().unwrap());
        let id = calls.insert_multicast(group, schedule, [7; 16], "data").unwrap();
        assert!(!calls.waits_for_ready(&id) && !calls.retransmits(&id));

        assert_eq!(calls.complete(&id, member, Duration::ZERO, || at(1)), Ok(&mut "data"));
        assert_eq!(calls.running(&id, member, at(2), 0), Ok(()));
        assert_eq!(calls.unreachable(&id, group), Err(DropReason::UnmatchedResponse));
        assert!(!calls.was_made_to(&id, member), "a response validates no source");
        assert!(calls.poll(at(499), 0).is_none());
        assert!(matches!(calls.poll(at(500), 0), Some(CallEvent::TimedOut { .. })));
        assert_eq!(calls.complete(&id, member, Duration::ZERO, || at(501)), Err(DropReason::UnmatchedResponse));
        assert_eq!(calls.remove(&id), Some("data"));
    }

    #[test]
    fn response_to_a_multicast_call_must_have_its_message_id() {
        let now = start();
        let schedule =
            Schedule { sent: now, deadline: now + Duration::from_secs(1), retransmits: false, waits_for_ready: false };
        let mut calls = Calls::new(now);
        let [group, member] = ["239.1.2.3:7000", "192.0.2.1:7000"].map(|addr| addr.parse().unwrap());
        let id = calls.insert_multicast(group, schedule, [7; 16], ()).unwrap();
        let guessed = MessageId::with_slot(id.slot() as u32, [8; 16]);
        assert_eq!(calls.expects(&guessed, member), Err(DropReason::UnmatchedResponse));
        let other = calls.insert(group, schedule, [9; 16], ()).unwrap();
        assert_eq!(calls.expects(&other, member), Err(DropReason::WrongSource), "an ordinary call has one peer");
    }
}
