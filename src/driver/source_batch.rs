use std::mem;
use std::net::SocketAddr;

use rpcudp_core::{Admission, Counter, DropReason, Limiter};

use crate::endpoint::handlers::Origin;

/// Consecutive requests from one source. They are admitted together and their responses are charged
/// together, so that the limits are locked twice for all of them and not twice for each.
#[derive(Debug)]
pub(crate) struct SourceBatch {
    pub(crate) source: SocketAddr,
    admission: Admission,
    /// Requests of the batch that have not been handled.
    remaining_count: usize,
    response_len: usize,
    /// The part of `response_len` that has been charged.
    charged_len: usize,
    /// The index of the first uncharged response in the batch of responses.
    first_response: usize,
    /// The uncharged responses, by counter.
    counts: ResponseCounts,
}

/// The numbers of responses that are counted when they have been charged: completed, replayed and
/// running.
type ResponseCounts = [(Counter, u64); 3];

const NO_RESPONSES: ResponseCounts =
    [(Counter::RequestsCompleted, 0), (Counter::RequestsReplayed, 0), (Counter::RunningSent, 0)];

/// The responses to charge.
pub(crate) struct Charge {
    /// Their length in bytes. 0 if the source is not charged.
    pub(crate) len: usize,
    /// The index of the first of them in the batch of responses.
    pub(crate) first_response: usize,
    pub(crate) counts: ResponseCounts,
}

impl SourceBatch {
    pub(crate) fn new(source: SocketAddr, admission: Admission, request_count: usize, first_response: usize) -> Self {
        Self {
            source,
            admission,
            remaining_count: request_count,
            response_len: 0,
            charged_len: 0,
            first_response,
            counts: NO_RESPONSES,
        }
    }

    /// Returns whether the next request of this source belongs to the batch.
    pub(crate) fn includes(&self, source: SocketAddr) -> bool {
        self.remaining_count > 0 && self.source == source
    }

    /// Returns the origin of the batch's requests.
    pub(crate) fn origin(&self) -> Origin {
        let Admission { is_validated, source_hash, .. } = self.admission;
        if is_validated { Origin::Validated(source_hash) } else { Origin::Unvalidated(source_hash) }
    }

    /// Takes the next request.
    ///
    /// # Errors
    ///
    /// The reason to drop it.
    pub(crate) fn take_request(&mut self) -> Result<(), DropReason> {
        self.remaining_count -= 1;
        let Admission { requests, response_bytes, drop_reason, .. } = &mut self.admission;
        *requests = requests.checked_sub(1).ok_or(*drop_reason)?;
        if self.response_len > 0 && *response_bytes < Limiter::MIN_RESPONSE_LEN {
            return Err(DropReason::ResponseBudget);
        }
        Ok(())
    }

    /// Adds a response of `len` bytes, with the counter to add it to.
    ///
    /// # Errors
    ///
    /// The reason to drop it.
    pub(crate) fn add_response(&mut self, len: usize, counter: Option<Counter>) -> Result<(), DropReason> {
        let left = &mut self.admission.response_bytes;
        if *left < u64::MAX {
            *left = left.checked_sub(len as u64).ok_or(DropReason::ResponseBudget)?;
            self.response_len += len;
        }
        self.counts.iter_mut().filter(|(of, _)| Some(*of) == counter).for_each(|(_, count)| *count += 1);
        Ok(())
    }

    /// Returns the responses to charge before they leave, and treats them as charged.
    pub(crate) fn charge(&mut self) -> Charge {
        let len = self.response_len - self.charged_len;
        self.charged_len = self.response_len;
        let first_response = mem::take(&mut self.first_response);
        Charge { len, first_response, counts: mem::replace(&mut self.counts, NO_RESPONSES) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETED: Option<Counter> = Some(Counter::RequestsCompleted);

    fn batch(requests: usize, response_bytes: u64, request_count: usize) -> SourceBatch {
        let source = ([192, 0, 2, 1], 7_000).into();
        let drop_reason = DropReason::TooManyRequests;
        let admission = Admission { requests, response_bytes, drop_reason, is_validated: false, source_hash: 0 };
        SourceBatch::new(source, admission, request_count, 0)
    }

    #[test]
    fn requests_beyond_the_admission_are_dropped() {
        let mut batch = batch(2, u64::MAX, 3);
        assert!(!batch.includes(([192, 0, 2, 2], 7_000).into()));
        assert_eq!((batch.take_request(), batch.take_request()), (Ok(()), Ok(())));
        assert!(batch.includes(batch.source));
        assert_eq!(batch.take_request(), Err(DropReason::TooManyRequests));
        assert!(!batch.includes(batch.source), "all three requests were taken");
    }

    #[test]
    fn responses_are_charged_while_the_budget_lasts() {
        let mut batch = batch(5, 3_000, 5);
        assert_eq!((batch.take_request(), batch.add_response(1_000, COMPLETED)), (Ok(()), Ok(())));
        assert_eq!(
            (batch.take_request(), batch.add_response(2_001, COMPLETED)),
            (Ok(()), Err(DropReason::ResponseBudget))
        );
        assert_eq!((batch.take_request(), batch.add_response(1_500, COMPLETED)), (Ok(()), Ok(())));
        assert_eq!(batch.take_request(), Err(DropReason::ResponseBudget), "less than a response is left");
        assert_eq!((batch.charge().len, batch.charge().len), (2_500, 0));
    }

    #[test]
    fn responses_without_a_budget_are_not_charged() {
        let mut batch = batch(2, u64::MAX, 2);
        assert_eq!((batch.take_request(), batch.add_response(60_000, COMPLETED)), (Ok(()), Ok(())));
        assert_eq!((batch.take_request(), batch.charge().len), (Ok(()), 0));
    }

    #[test]
    fn responses_within_the_budget_are_counted_once() {
        let mut batch = batch(5, 3_000, 5);
        assert_eq!(batch.add_response(2_900, COMPLETED), Ok(()));
        assert_eq!(batch.add_response(2_900, COMPLETED), Err(DropReason::ResponseBudget));
        assert_eq!(batch.add_response(22, Some(Counter::RunningSent)), Ok(()));
        assert_eq!(batch.add_response(22, None), Ok(()), "a refusal is counted elsewhere");
        assert_eq!(batch.charge().counts.map(|(_, count)| count), [1, 0, 1]);
        assert_eq!(batch.charge().counts.map(|(_, count)| count), [0, 0, 0]);
    }
}
