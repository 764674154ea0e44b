//! The calls in flight of an engine. The event loop's thread polls them, so a response is decoded
//! there, straight into Python objects, and the engine's threads never take the GIL.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rpcudp::{Call, CallError};

use crate::call_future::CallFuture;
use crate::decode::Decoded;
use crate::inbox::Inbox;
use crate::runtime::generation;

/// A call in flight.
pub(crate) struct PendingCall {
    pub(crate) call: Call<Decoded, Decoded>,
    pub(crate) style: Style,
    pub(crate) method: &'static str,
    pub(crate) peer: SocketAddr,
}

/// The result of a call's future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `(True, value)`, or `(False, None)`, as in `rpcudp`.
    Pair,
    /// The value, or an exception.
    Typed,
}

/// The end of a call.
pub(crate) type CallResult = Result<Decoded, CallError<Decoded>>;

/// A table of calls in flight. A slot and its waker are used for one call after another.
pub(crate) struct Calls {
    /// The process to which the calls belong.
    generation: u64,
    slots: Mutex<Slots>,
    inbox: Arc<Inbox>,
    event_loop: Py<PyAny>,
}

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

struct Slot {
    waker: Waker,
    /// `None` while the slot is free, and while the call is polled.
    call: Option<(PendingCall, Py<CallFuture>)>,
}

impl Slots {
    fn used_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

impl Calls {
    pub(crate) fn new(inbox: Arc<Inbox>, event_loop: &Bound<'_, PyAny>) -> Arc<Self> {
        let event_loop = event_loop.clone().unbind();
        Arc::new(Self { generation: generation(), slots: Mutex::default(), inbox, event_loop })
    }

    /// Returns the event loop of the calls.
    pub(crate) fn event_loop(&self) -> &Py<PyAny> {
        &self.event_loop
    }

    /// Reserves a slot. Returns its index, the waker of the call, and the number of used slots.
    pub(crate) fn reserve(&self) -> (usize, Waker, usize) {
        let mut slots = self.slots();
        if let Some(index) = slots.free.pop() {
            return (index, slots.slots[index].waker.clone(), slots.used_count());
        }
        let index = slots.slots.len();
        let waker = Waker::from(Arc::new(SlotWaker { inbox: Arc::clone(&self.inbox), index }));
        slots.slots.push(Slot { waker: waker.clone(), call: None });
        (index, waker, slots.used_count())
    }

    /// Returns the number of calls in flight.
    pub(crate) fn len(&self) -> usize {
        self.slots().used_count()
    }

    /// Returns a slot that is not needed.
    pub(crate) fn release(&self, index: usize) {
        self.slots().free.push(index);
    }

    /// Puts a call into a reserved slot. Returns its future.
    ///
    /// # Errors
    ///
    /// If there is no memory left.
    pub(crate) fn insert<'py>(
        self: &Arc<Self>,
        py: Python<'py>,
        index: usize,
        call: PendingCall,
    ) -> PyResult<Bound<'py, CallFuture>> {
        let future = Bound::new(py, CallFuture::new(Arc::clone(self), call.method, index));
        let future = future.inspect_err(|_| self.release(index))?;
        self.slots().slots[index].call = Some((call, future.clone().unbind()));
        Ok(future)
    }

    /// Polls the call in a slot. Returns it with its future and its result if it has ended.
    pub(crate) fn poll<'py>(
        &self,
        py: Python<'py>,
        index: usize,
    ) -> Option<(PendingCall, Bound<'py, CallFuture>, CallResult)> {
        let (mut call, future) = self.slots().slots.get_mut(index)?.call.take()?;
        // The call has ended unless its slot had another one, so its waker is rarely needed.
        let mut polled = Pin::new(&mut call.call).poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_pending() {
            let waker = self.slots().slots[index].waker.clone();
            polled = Pin::new(&mut call.call).poll(&mut Context::from_waker(&waker));
        }
        match polled {
            Poll::Ready(result) => {
                self.release(index);
                Some((call, future.into_bound(py), result))
            }
            // Python's garbage collector, which may have run in the poll, cancelled the future.
            Poll::Pending if future.get().is_done() => {
                self.release(index);
                None
            }
            Poll::Pending => {
                self.slots().slots[index].call = Some((call, future));
                None
            }
        }
    }

    /// Drops the calls, whose futures refer to this table.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut *self.slots());
        // The table is unlocked here, because dropping objects runs Python code.
        drop(slots);
    }

    /// Visits the Python objects, for Python's garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        // The lock is held by this thread only if the collector runs inside one of the methods
        // above, which call no Python code while they hold it.
        let Ok(slots) = self.slots.try_lock() else { return Ok(()) };
        slots.slots.iter().filter_map(|slot| slot.call.as_ref()).try_for_each(|(_, future)| visit.call(future))
    }

    /// Ends the call of a future that was cancelled.
    pub(crate) fn cancel(&self, index: usize, future: &Bound<'_, CallFuture>) {
        let mut slots = self.slots();
        let Some(slot) = slots.slots.get_mut(index) else { return };
        if slot.call.as_ref().is_some_and(|(_, pending)| pending.is(future)) {
            let call = slot.call.take();
            slots.free.push(index);
            drop(slots);
            if self.generation == generation() {
                drop(call);
            } else {
                // The locks of the parent's threads may be held for ever.
                std::mem::forget(call);
            }
        }
    }

    /// Passes an exception to the event loop's handler of exceptions.
    ///
    /// # Errors
    ///
    /// The exception of the handler.
    pub(crate) fn report(&self, py: Python<'_>, message: &str, exception: Py<PyAny>) -> PyResult<()> {
        let context = PyDict::new(py);
        context.set_item("message", message)?;
        context.set_item("exception", exception)?;
        self.event_loop.call_method1(py, "call_exception_handler", (context,)).map(drop)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waker that passes the number of a slot to the event loop.
struct SlotWaker {
    inbox: Arc<Inbox>,
    index: usize,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.inbox.add(|events| events.ready.push(self.index));
    }
}
