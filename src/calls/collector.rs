use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::task::Waker;

use rpcudp_core::DropReason;

use super::completion::Completion;

/// The responses to a multicast call that its task has not taken, each from another source.
#[derive(Debug)]
pub(crate) struct Collector {
    /// `None` while the task has been woken and has not polled the call.
    waker: Option<Waker>,
    sources: BTreeSet<SocketAddr>,
    responses: VecDeque<(SocketAddr, Completion)>,
    /// The length of the responses, in bytes.
    len: usize,
    /// The end of the call, which its task takes after the responses.
    end: Option<Completion>,
}

impl Collector {
    pub(super) fn new(waker: Waker) -> Self {
        Self { waker: Some(waker), sources: BTreeSet::new(), responses: VecDeque::new(), len: 0, end: None }
    }

    /// Sources that a call takes responses from, as many as a group has members. A host that sees
    /// the request can respond under any number of addresses.
    pub(crate) const MAX_SOURCES: usize = 4_096;

    /// Bytes of responses that wait for the task.
    const MAX_LEN: usize = 4 << 20;

    /// Adds a response. Returns the waker of the task if the task does not know of an earlier one
    /// yet.
    ///
    /// # Errors
    ///
    /// The reason to drop the response: its source has responded, or there is no room.
    pub(super) fn push(
        &mut self,
        source: SocketAddr,
        completion: impl FnOnce() -> Completion,
    ) -> Result<Option<Waker>, DropReason> {
        let has_room = self.sources.len() < Self::MAX_SOURCES && self.len < Self::MAX_LEN;
        if self.end.is_some() || !has_room || !self.sources.insert(source) {
            return Err(DropReason::UnmatchedResponse);
        }
        let completion = completion();
        self.len += len(&completion);
        self.responses.push_back((source, completion));
        Ok(self.take_waker())
    }

    /// Ends the call, unless it has ended. Returns the waker of its task.
    pub(super) fn end(&mut self, completion: Completion) -> Option<Waker> {
        if self.end.is_some() {
            return None;
        }
        self.end = Some(completion);
        self.take_waker()
    }

    /// Whether there is an event that the task has not taken.
    pub(super) fn has_event(&self) -> bool {
        !self.responses.is_empty() || self.end.is_some()
    }

    /// Whether the call goes on.
    pub(super) fn is_pending(&self) -> bool {
        self.end.is_none()
    }

    /// Takes the first response that waits.
    pub(super) fn take_response(&mut self) -> Option<(SocketAddr, Completion)> {
        let (source, completion) = self.responses.pop_front()?;
        self.len -= len(&completion);
        Some((source, completion))
    }

    /// Takes the end of the call.
    pub(super) fn take_end(&mut self) -> Option<Completion> {
        self.end.take()
    }

    /// Returns the place of the task's waker.
    pub(super) fn waker(&mut self) -> &mut Option<Waker> {
        &mut self.waker
    }

    /// Takes the waker. The task registers another when it polls the call. A task's waker may not
    /// be cloned under the lock of the table.
    fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}

/// Returns the length of a response that waits, in bytes.
fn len(completion: &Completion) -> usize {
    match completion {
        Completion::Response(body) => body.len(),
        Completion::Failure(failure) => failure.message.len() + failure.detail.as_ref().map_or(0, Vec::len),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;
    use crate::calls::response_body::ResponseBody;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    fn collector() -> Collector {
        Collector::new(Waker::from(Arc::new(Task)))
    }

    fn push(collector: &mut Collector, source: u32, len: usize) -> Result<bool, DropReason> {
        let source = SocketAddr::from((source.to_be_bytes(), 7_000));
        let body = vec![0xc0; len];
        collector.push(source, || Completion::Response(ResponseBody::new(&body))).map(|waker| waker.is_some())
    }

    #[test]
    fn a_source_responds_once_and_wakes_the_task_once() {
        let mut collector = collector();
        assert_eq!(push(&mut collector, 1, 1), Ok(true));
        assert_eq!(push(&mut collector, 2, 1), Ok(false), "the task has been woken");
        assert_eq!(push(&mut collector, 1, 1), Err(DropReason::UnmatchedResponse));
        assert!(collector.end(Completion::TimedOut(None)).is_none(), "the task has been woken");
        assert_eq!(push(&mut collector, 3, 1), Err(DropReason::UnmatchedResponse), "the call has ended");
        assert!(collector.has_event() && !collector.is_pending());
        assert_eq!(collector.responses.len(), 2);
    }

    #[test]
    fn sources_and_waiting_bytes_are_bounded() {
        let mut many = collector();
        let taken = (0..5_000).filter(|source| push(&mut many, *source, 1).is_ok()).count();
        assert_eq!(taken, Collector::MAX_SOURCES);

        let mut large = collector();
        let taken = (0..100).filter(|source| push(&mut large, *source, 65_000).is_ok()).count();
        assert_eq!(taken, (4 << 20) / 65_000 + 1);
        assert!(large.take_response().is_some());
        assert_eq!(push(&mut large, 200, 1), Ok(false), "there is room again");
    }
}
