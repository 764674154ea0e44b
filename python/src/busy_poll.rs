//! Polling for the response of a single call, instead of sleeping until it arrives.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use rpcudp::Endpoint;

use crate::inbox::Inbox;

/// The decision whether the event loop's thread polls for responses.
///
/// A near peer responds before the system has put a thread to sleep and woken it again. So the
/// thread looks for the response for a moment after it has sent a request, in a callback of the
/// event loop, as long as few calls are in flight and responses come within that moment.
pub(crate) struct BusyPoll(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The method `call_soon` of the event loop, and the function by which it polls. `None` if
    /// polling is disabled, and after the end, because the function refers to the engine.
    functions: Option<(Py<PyAny>, Py<PyAny>)>,
    /// The time at which polling ends, while the event loop polls.
    until: Option<Instant>,
    /// The number of calls that sleep before one polls again.
    sleeping: u32,
    /// The number of calls that slept after polling was last in vain.
    backoff: u32,
}

impl BusyPoll {
    /// Calls in flight up to which the thread polls. With more, responses arrive together, and the
    /// thread has other work.
    const MAX_CALLS: usize = 2;

    /// The time for which the thread polls after a request: about as long as it takes to sleep and
    /// be woken.
    const MAX_TIME: Duration = Duration::from_micros(100);

    /// The part of that time after which other callbacks of the event loop run.
    const SLICE: Duration = Duration::from_micros(50);

    /// Calls that sleep before one polls again, if responses always take longer.
    const MAX_BACKOFF: u32 = 1_023;

    /// `poll` is the function by which the event loop polls, if it may.
    pub(crate) fn new(event_loop: &Bound<'_, PyAny>, poll: Option<Py<PyAny>>) -> PyResult<Self> {
        // A single processor has to run the peer, which may be on this machine.
        let is_alone = thread::available_parallelism().is_ok_and(|count| count.get() == 1);
        let functions = match poll.filter(|_| !is_alone) {
            Some(poll) => Some((event_loop.getattr("call_soon")?.unbind(), poll)),
            None => None,
        };
        Ok(Self(Mutex::new(State { functions, until: None, sleeping: 0, backoff: 0 })))
    }

    /// Has the event loop poll, if the request that was just sent is worth it.
    ///
    /// # Errors
    ///
    /// If the event loop is closed.
    pub(crate) fn begin(&self, py: Python<'_>, call_count: usize) -> PyResult<()> {
        if call_count > Self::MAX_CALLS {
            return Ok(());
        }
        let mut state = self.state();
        if state.functions.is_none() {
            return Ok(());
        }
        if state.sleeping > 0 {
            state.sleeping -= 1;
            return Ok(());
        }
        let was_polling = state.until.replace(Instant::now() + Self::MAX_TIME).is_some();
        if was_polling { Ok(()) } else { schedule(py, state) }
    }

    /// Waits for an event in the inbox, for a slice of the time that is left.
    pub(crate) fn wait(&self, endpoint: &Endpoint, inbox: &Inbox) {
        let Some(until) = self.state().until else { return };
        let until = until.min(Instant::now() + Self::SLICE);
        loop {
            endpoint.busy_poll();
            if !inbox.is_empty() || Instant::now() >= until {
                return;
            }
            // The peer may be a process that waits for this processor.
            thread::yield_now();
        }
    }

    /// Ends polling, because a response has arrived. The next request begins anew.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.until = None;
        state.backoff /= 2;
    }

    /// Goes on to poll in another callback of the event loop, if the time is not over.
    ///
    /// # Errors
    ///
    /// If the event loop is closed.
    pub(crate) fn go_on(&self, py: Python<'_>, call_count: usize) -> PyResult<()> {
        let mut state = self.state();
        let Some(until) = state.until else { return Ok(()) };
        let is_over = Instant::now() >= until;
        if is_over {
            state.backoff = (2 * state.backoff + 1).min(Self::MAX_BACKOFF);
            state.sleeping = state.backoff;
        }
        // The calls may have been cancelled.
        if is_over || call_count == 0 || call_count > Self::MAX_CALLS {
            state.until = None;
            return Ok(());
        }
        schedule(py, state)
    }

    /// Ends polling for good, because the endpoint is closed.
    pub(crate) fn clear(&self) {
        let functions = self.state().functions.take();
        // The state is unlocked here, because dropping objects runs Python code.
        drop(functions);
    }

    /// Visits the Python objects, for Python's garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // No code of this type calls Python while it holds the lock.
        let Ok(state) = self.0.try_lock() else { return Ok(()) };
        state.functions.iter().try_for_each(|(call_soon, poll)| {
            visit.call(call_soon)?;
            visit.call(poll)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the event loop poll soon.
fn schedule(py: Python<'_>, state: MutexGuard<'_, State>) -> PyResult<()> {
    let Some((call_soon, poll)) = &state.functions else { return Ok(()) };
    let (call_soon, poll) = (call_soon.clone_ref(py), poll.clone_ref(py));
    drop(state);
    call_soon.call1(py, (poll,)).map(drop)
}
