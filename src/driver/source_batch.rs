use std::net::SocketAddr;

use rpcudp_core::{Admission, DropReason, Limiter};

/// Requests that came one after the other from one source: they are admitted together, and their answers are charged together,
/// so that the limits are locked twice and not twice for each.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) source: SocketAddr,
    admission: Admission,
    /// How many of the requests that it was begun for have not been heard yet.
    expected: usize,
    answered_len: usize,
    /// How many of the answered bytes were charged.
    charged_len: usize,
    /// Where in the batch of answers those begin that were not charged.
    pub(crate) first_answer: usize,
}

impl Visit {
    pub(crate) fn new(source: SocketAddr, admission: Admission, expected: usize, first_answer: usize) -> Self {
        Self { source, admission, expected, answered_len: 0, charged_len: 0, first_answer }
    }

    /// Whether it goes on with another request of this source.
    pub(crate) fn includes(&self, source: SocketAddr) -> bool {
        self.expected > 0 && self.source == source
    }

    /// Hears the next request.
    ///
    /// # Errors
    ///
    /// The reason to drop it.
    pub(crate) fn request(&mut self) -> Result<(), DropReason> {
        self.expected -= 1;
        let Admission { requests, answer_bytes, drop_reason } = &mut self.admission;
        *requests = requests.checked_sub(1).ok_or(*drop_reason)?;
        if self.answered_len > 0 && *answer_bytes < Limiter::MIN_RESPONSE_LEN {
            return Err(DropReason::ResponseBudget);
        }
        Ok(())
    }

    /// Notes an answer of so many bytes.
    ///
    /// # Errors
    ///
    /// The reason to drop it.
    pub(crate) fn answer(&mut self, len: usize) -> Result<(), DropReason> {
        let left = &mut self.admission.answer_bytes;
        if *left < u64::MAX {
            *left = left.checked_sub(len as u64).ok_or(DropReason::ResponseBudget)?;
            self.answered_len += len;
        }
        Ok(())
    }

    /// How many bytes are to be charged for its answers, before they leave. They count as charged.
    pub(crate) fn charge(&mut self) -> usize {
        let len = self.answered_len - self.charged_len;
        self.charged_len = self.answered_len;
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(requests: usize, answer_bytes: u64, expected: usize) -> Visit {
        let source = ([192, 0, 2, 1], 7_000).into();
        Visit::new(source, Admission { requests, answer_bytes, drop_reason: DropReason::TooManyRequests }, expected, 0)
    }

    #[test]
    fn what_was_admitted_is_heard_and_the_rest_is_not() {
        let mut visit = visit(2, u64::MAX, 3);
        assert!(!visit.includes(([192, 0, 2, 2], 7_000).into()));
        assert_eq!((visit.request(), visit.request()), (Ok(()), Ok(())));
        assert!(visit.includes(visit.source));
        assert_eq!(visit.request(), Err(DropReason::TooManyRequests));
        assert!(!visit.includes(visit.source), "others were not asked for");
    }

    #[test]
    fn answers_are_charged_as_long_as_there_is_something_left() {
        let mut visit = visit(5, 3_000, 5);
        assert_eq!((visit.request(), visit.answer(1_000)), (Ok(()), Ok(())));
        assert_eq!((visit.request(), visit.answer(2_001)), (Ok(()), Err(DropReason::ResponseBudget)));
        assert_eq!((visit.request(), visit.answer(1_500)), (Ok(()), Ok(())));
        assert_eq!(visit.request(), Err(DropReason::ResponseBudget), "half a kibibyte is no answer");
        assert_eq!((visit.charge(), visit.charge()), (2_500, 0));
    }

    #[test]
    fn one_that_is_known_is_not_charged() {
        let mut visit = visit(2, u64::MAX, 2);
        assert_eq!((visit.request(), visit.answer(60_000)), (Ok(()), Ok(())));
        assert_eq!((visit.request(), visit.charge()), (Ok(()), 0));
    }
}
