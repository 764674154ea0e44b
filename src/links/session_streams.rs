use std::mem;
use std::sync::{Arc, Weak};

use super::flow::Flow;
use crate::lock::Lock;

/// The streams of the requests that need the session of their caller. They end with it.
#[derive(Debug, Default)]
pub(crate) struct SessionStreams {
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    flows: Vec<Weak<Flow>>,
    /// The number of streams at which those that have ended are removed.
    prune_at: usize,
    has_ended: bool,
}

impl SessionStreams {
    /// Streams below which none is removed.
    const KEPT: usize = 8;

    /// Adds a stream, or ends it if the session has ended.
    pub(crate) fn add(&self, flow: &Arc<Flow>) {
        let mut state = self.state.lock();
        if state.has_ended {
            drop(state);
            return flow.end_session();
        }
        if state.flows.len() >= state.prune_at {
            state.flows.retain(|flow| flow.strong_count() > 0);
            state.prune_at = Self::KEPT.max(2 * state.flows.len());
        }
        state.flows.push(Arc::downgrade(flow));
    }

    /// Ends all streams, also those that are added later.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.has_ended = true;
        let flows = mem::take(&mut state.flows);
        // Ending a stream wakes tasks: not under the lock.
        drop(state);
        flows.iter().filter_map(Weak::upgrade).for_each(|flow| flow.end_session());
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use rpcudp_secure::LinkStream;

    use super::*;
    use crate::links::flow::FlowEnd;
    use crate::links::ready_queue::ReadyQueue;

    fn has_ended(flow: &Arc<Flow>) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        let end = flow.poll_chunk(cx);
        assert!(matches!(end, Poll::Pending | Poll::Ready(Err(FlowEnd::Reset(LinkStream::SESSION_ENDED)))), "{end:?}");
        assert_eq!(end.is_ready(), matches!(flow.poll_room(cx), Poll::Ready(Err(_))));
        end.is_ready()
    }

    #[test]
    fn streams_end_with_their_session_and_after_it() {
        let queue = Arc::new(ReadyQueue::new(&Arc::default()));
        let (streams, flows) = (SessionStreams::default(), [(); 3].map(|()| Flow::new(&queue)));
        flows[..2].iter().for_each(|flow| streams.add(flow));
        // Bytes that the member has sent are not read any more.
        flows[0].receive(b"evicted");
        streams.end();
        assert_eq!([0, 1, 2].map(|index| has_ended(&flows[index])), [true, true, false]);
        // A request whose session ended while it was being routed.
        streams.add(&flows[2]);
        assert!(has_ended(&flows[2]));
    }

    #[test]
    fn streams_that_have_ended_are_forgotten() {
        let queue = Arc::new(ReadyQueue::new(&Arc::default()));
        let streams = SessionStreams::default();
        let kept: Vec<_> = (0..10).map(|_| Flow::new(&queue)).collect();
        kept.iter().for_each(|flow| streams.add(flow));
        (0..10_000).for_each(|_| streams.add(&Flow::new(&queue)));
        assert!(streams.state.lock().flows.len() <= 2 * kept.len() + 1);
    }
}
