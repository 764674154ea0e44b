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
use rpcudp::{Call, CallError};

use crate::decode::Decoded;
use crate::inbox::Inbox;

/// A call with its `asyncio.Future`.
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

/// A table of calls in flight. A slot, its waker and its callback are used for one call after
/// another.
pub(crate) struct Calls {
    slots: Mutex<Slots>,
    inbox: Arc<Inbox>,
}

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

struct Slot {
    waker: Waker,
    on_done: Py<OnDone>,
    /// `None` while the slot is free, and while the call is polled.
    call: Option<(PendingCall, Py<PyAny>)>,
}

/// A slot that is reserved for a call.
pub(crate) struct Reserved {
    pub(crate) index: usize,
    pub(crate) waker: Waker,
    on_done: Py<OnDone>,
}

impl Calls {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Arc<Self> {
        Arc::new(Self { slots: Mutex::default(), inbox })
    }

    /// Reserves a slot.
    pub(crate) fn reserve(self: &Arc<Self>, py: Python<'_>) -> PyResult<Reserved> {
        {
            let mut slots = self.slots();
            if let Some(index) = slots.free.pop() {
                let slot = &slots.slots[index];
                return Ok(Reserved { index, waker: slot.waker.clone(), on_done: slot.on_done.clone_ref(py) });
            }
        }
        // Creating an object may run Python's garbage collector, so the table is not locked.
        let placeholder = Py::new(py, OnDone { calls: Arc::clone(self), index: 0.into() })?;
        let mut slots = self.slots();
        let index = slots.slots.len();
        placeholder.get().index.store(index, std::sync::atomic::Ordering::Relaxed);
        let waker = Waker::from(Arc::new(SlotWaker { inbox: Arc::clone(&self.inbox), index }));
        let on_done = placeholder.clone_ref(py);
        slots.slots.push(Slot { waker: waker.clone(), on_done: placeholder, call: None });
        Ok(Reserved { index, waker, on_done })
    }

    /// Returns a slot that is not needed.
    pub(crate) fn release(&self, index: usize) {
        self.slots().free.push(index);
    }

    /// Puts a call into its slot. The call ends if its future is cancelled.
    pub(crate) fn insert(&self, reserved: &Reserved, call: PendingCall, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = future.py();
        future.call_method1(pyo3::intern!(py, "add_done_callback"), (&reserved.on_done,))?;
        self.slots().slots[reserved.index].call = Some((call, future.clone().unbind()));
        Ok(())
    }

    /// Polls the call in a slot. Returns it with its result if it has ended.
    pub(crate) fn poll(&self, py: Python<'_>, index: usize) -> Option<(PendingCall, Py<PyAny>, CallResult)> {
        let (mut call, future, waker) = {
            let mut slots = self.slots();
            let slot = slots.slots.get_mut(index)?;
            let (call, future) = slot.call.take()?;
            (call, future, slot.waker.clone())
        };
        match Pin::new(&mut call.call).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                self.slots().slots[index].call = Some((call, future));
                None
            }
            Poll::Ready(result) => {
                let on_done = {
                    let mut slots = self.slots();
                    slots.free.push(index);
                    slots.slots[index].on_done.clone_ref(py)
                };
                // Without it, asyncio would schedule the callback. It fails only if there is no
                // memory left, and then the callback has no effect.
                drop(future.call_method1(py, pyo3::intern!(py, "remove_done_callback"), (on_done,)));
                Some((call, future, result))
            }
        }
    }

    /// Drops the calls and the callbacks, which refer to this table.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut *self.slots());
        // The table is unlocked here, because dropping objects runs Python code.
        drop(slots);
    }

    /// Visits the Python objects, for Python's garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The lock is held by this thread only if the collector runs inside one of the methods
        // above, which call no Python code while they hold it.
        let Ok(slots) = self.slots.try_lock() else { return Ok(()) };
        slots.slots.iter().filter_map(|slot| slot.call.as_ref()).try_for_each(|(_, future)| visit.call(future))
    }

    /// Ends the call of a future that was cancelled.
    fn cancel(&self, index: usize, future: &Bound<'_, PyAny>) {
        let mut slots = self.slots();
        let Some(slot) = slots.slots.get_mut(index) else { return };
        if slot.call.as_ref().is_some_and(|(_, pending)| pending.is(future)) {
            let call = slot.call.take();
            slots.free.push(index);
            drop(slots);
            drop(call);
        }
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

/// The callback of a call's future. It has an effect only if the future is done before the call,
/// because it was cancelled.
#[pyclass(frozen)]
struct OnDone {
    calls: Arc<Calls>,
    index: std::sync::atomic::AtomicUsize,
}

#[pymethods]
impl OnDone {
    fn __call__(&self, future: &Bound<'_, PyAny>) {
        self.calls.cancel(self.index.load(std::sync::atomic::Ordering::Relaxed), future);
    }
}
