use std::net::SocketAddr;

use rpcudp_core::{Admission, DropReason, Limiter};

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
    pub(crate) first_response: usize,
}

impl SourceBatch {
    pub(crate) fn new(source: SocketAddr, admission: Admission, request_count: usize, first_response: usize) -> Self {
        Self { source, admission, remaining_count: request_count, response_len: 0, charged_len: 0, first_response }
    }

    /// Returns whether the next request of this source belongs to the batch.
    pub(crate) fn includes(&self, source: SocketAddr) -> bool {
        self.remaining_count > 0 && self.source == source
    }

    /// Takes the next request.
    ///
    /// # Errors
    ///
    /// The reason to drop it.
    pub(crate) fn take_request(&mut self) -> Result<(), DropReason> {
        self.remaining_count -= 1;
        let Admission { requests, response_bytes, drop_reason } = &mut self.admission;
        *requests = requests.checked_sub(1).ok_or(*drop_reason)?;
        if self.response_len > 0 && *response_bytes < Limiter::MIN_RESPONSE_LEN {
            return Err(DropReason::ResponseBudget);
        }
        Ok(())
    }

    /// Adds a response of `len` bytes.
    ///
    /// # Errors
    ///
    /// The reason to drop it.
    pub(crate) fn add_response(&mut self, len: usize) -> Result<(), DropReason> {
        let left = &mut self.admission.response_bytes;
        if *left < u64::MAX {
            *left = left.checked_sub(len as u64).ok_or(DropReason::ResponseBudget)?;
            self.response_len += len;
        }
        Ok(())
    }

    /// Returns the bytes to charge before the responses leave, and counts them as charged.
    pub(crate) fn charge(&mut self) -> usize {
        let len = self.response_len - self.charged_len;
        self.charged_len = self.response_len;
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(requests: usize, response_bytes: u64, request_count: usize) -> SourceBatch {
        let source = ([192, 0, 2, 1], 7_000).into();
        let drop_reason = DropReason::TooManyRequests;
        SourceBatch::new(source, Admission { requests, response_bytes, drop_reason }, request_count, 0)
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
        assert_eq!((batch.take_request(), batch.add_response(1_000)), (Ok(()), Ok(())));
        assert_eq!((batch.take_request(), batch.add_response(2_001)), (Ok(()), Err(DropReason::ResponseBudget)));
        assert_eq!((batch.take_request(), batch.add_response(1_500)), (Ok(()), Ok(())));
        assert_eq!(batch.take_request(), Err(DropReason::ResponseBudget), "less than a response is left");
        assert_eq!((batch.charge(), batch.charge()), (2_500, 0));
    }

    #[test]
    fn a_validated_source_is_not_charged() {
        let mut batch = batch(2, u64::MAX, 2);
        assert_eq!((batch.take_request(), batch.add_response(60_000)), (Ok(()), Ok(())));
        assert_eq!((batch.take_request(), batch.charge()), (Ok(()), 0));
    }
}
