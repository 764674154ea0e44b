//! The future of a call, which the event loop's thread completes.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyKeyboardInterrupt, PyStopIteration, PySystemExit};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};
use pyo3::{PyTraverseError, import_exception, intern};

use crate::calls::Calls;

import_exception!(asyncio, CancelledError);
import_exception!(asyncio, InvalidStateError);

/// The future of a call, with the methods of `asyncio.Future`.
///
/// It wakes the tasks that await it while the event loop runs the engine's callback. asyncio's own
/// schedules another callback for each of them, which takes as long as the rest of a call.
#[pyclass(frozen, weakref, module = "rpcudp_fast._engine")]
pub(crate) struct CallFuture {
    calls: Arc<Calls>,
    method: &'static str,
    /// The slot of the call.
    index: usize,
    /// asyncio's mark of a future that a task has begun to await.
    is_blocking: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` until the call has ended.
    outcome: Option<CallOutcome>,
    /// Whether the outcome is an exception that no code has read.
    is_unread: bool,
    callbacks: Callbacks,
}

/// The end of a call, as the program sees it.
pub(crate) enum CallOutcome {
    Value(Py<PyAny>),
    Exception(Py<PyAny>),
    /// The program has cancelled the future, with this message.
    Cancelled(Option<Py<PyAny>>),
}

/// The functions to call when the future is done, each with its context. Most futures have one.
#[derive(Default)]
pub(crate) struct Callbacks {
    first: Option<Callback>,
    others: Vec<Callback>,
}

struct Callback {
    function: Py<PyAny>,
    context: Py<PyAny>,
}

impl CallFuture {
    /// Creates the future of the call in a slot.
    pub(crate) fn new(calls: Arc<Calls>, method: &'static str, index: usize) -> Self {
        Self { calls, method, index, is_blocking: false.into(), state: Mutex::default() }
    }

    /// Creates the future of a call that has ended.
    pub(crate) fn ended(calls: Arc<Calls>, method: &'static str, outcome: CallOutcome) -> Self {
        let future = Self::new(calls, method, usize::MAX);
        future.finish(outcome);
        future
    }

    /// Sets the outcome, unless the future is done. Returns the callbacks, which the caller must
    /// run.
    pub(crate) fn finish(&self, outcome: CallOutcome) -> Callbacks {
        let mut state = self.state();
        if state.outcome.is_some() {
            return Callbacks::default();
        }
        state.is_unread = matches!(outcome, CallOutcome::Exception(_));
        state.outcome = Some(outcome);
        mem::take(&mut state.callbacks)
    }

    /// Returns whether the future has an outcome.
    pub(crate) fn is_done(&self) -> bool {
        self.state().outcome.is_some()
    }

    /// Returns the value, or raises the exception. `None` if the call has not ended.
    fn outcome(&self, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        let mut state = self.state();
        let outcome = state.outcome.as_ref()?;
        let exception = match outcome {
            CallOutcome::Value(value) => return Some(Ok(value.clone_ref(py))),
            CallOutcome::Exception(exception) => exception.clone_ref(py),
            CallOutcome::Cancelled(message) => return Some(Err(cancelled_error(py, message.as_ref()))),
        };
        state.is_unread = false;
        drop(state);
        let exception = exception.into_bound(py);
        // Every raise of the same exception would add to its traceback.
        Some(exception.setattr("__traceback__", py.None()).and(Err(PyErr::from_value(exception))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl CallFuture {
    fn __await__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, Self> {
        slf.clone()
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, Self> {
        slf.clone()
    }

    /// Yields the future to the task that awaits it, and ends with the value once it is done.
    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        match slf.get().outcome(slf.py()) {
            None => {
                slf.get().is_blocking.store(true, Ordering::Relaxed);
                Ok(slf.clone())
            }
            Some(Ok(value)) => Err(PyStopIteration::new_err((value,))),
            Some(Err(error)) => Err(error),
        }
    }

    #[getter(_asyncio_future_blocking)]
    fn is_blocking(&self) -> bool {
        self.is_blocking.load(Ordering::Relaxed)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, is_blocking: bool) {
        self.is_blocking.store(is_blocking, Ordering::Relaxed);
    }

    /// Returns `asyncio.Future`, so that `isinstance` takes this for one.
    #[getter(__class__)]
    fn class<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyType>> {
        static FUTURE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        FUTURE.import(py, "asyncio", "Future").cloned()
    }

    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.calls.event_loop().clone_ref(py)
    }

    fn done(&self) -> bool {
        self.is_done()
    }

    fn cancelled(&self) -> bool {
        matches!(self.state().outcome, Some(CallOutcome::Cancelled(_)))
    }

    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.outcome(py).unwrap_or_else(|| Err(InvalidStateError::new_err("the call has not ended")))
    }

    fn exception(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let mut state = self.state();
        match &state.outcome {
            None => Err(InvalidStateError::new_err("the call has not ended")),
            Some(CallOutcome::Value(_)) => Ok(None),
            Some(CallOutcome::Cancelled(message)) => Err(cancelled_error(py, message.as_ref())),
            Some(CallOutcome::Exception(exception)) => {
                let exception = exception.clone_ref(py);
                state.is_unread = false;
                Ok(Some(exception))
            }
        }
    }

    /// Ends the call, and tells its peer. Returns whether it had not ended before.
    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        if slf.get().is_done() {
            return Ok(false);
        }
        let callbacks = slf.get().finish(CallOutcome::Cancelled(msg));
        slf.get().calls.cancel(slf.get().index, slf);
        callbacks.schedule(slf)?;
        Ok(true)
    }

    #[pyo3(signature = (function, /, *, context=None))]
    fn add_done_callback(slf: &Bound<'_, Self>, function: Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<()> {
        static COPY_CONTEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        let context = match context {
            Some(context) => context,
            None => COPY_CONTEXT.import(py, "contextvars", "copy_context")?.call0()?.unbind(),
        };
        let callback = Callback { function, context };
        let mut state = slf.get().state();
        if state.outcome.is_none() {
            state.callbacks.push(callback);
            return Ok(());
        }
        drop(state);
        callback.schedule(slf)
    }

    /// Removes all callbacks that are equal to `function`. Returns their number.
    fn remove_done_callback(&self, function: &Bound<'_, PyAny>) -> PyResult<usize> {
        // The comparison may run code of the program, so the future is not locked.
        let callbacks = mem::take(&mut self.state().callbacks);
        let mut result = Ok(0);
        for callback in callbacks.into_each() {
            match callback.function.bind(function.py()).eq(function) {
                Ok(true) => result = result.map(|count| count + 1),
                Ok(false) => self.state().callbacks.push(callback),
                Err(error) => {
                    self.state().callbacks.push(callback);
                    result = Err(error);
                }
            }
        }
        result
    }

    /// Returns the message with which the future was cancelled. asyncio reads it.
    #[getter(_cancel_message)]
    fn cancel_message(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &self.state().outcome {
            Some(CallOutcome::Cancelled(message)) => message.as_ref().map(|message| message.clone_ref(py)),
            _ => None,
        }
    }

    /// Returns the exception for code that awaits a cancelled future. asyncio calls it.
    fn _make_cancelled_error(&self, py: Python<'_>) -> Py<PyAny> {
        let state = self.state();
        let message = match &state.outcome {
            Some(CallOutcome::Cancelled(message)) => message.as_ref(),
            _ => None,
        };
        cancelled_error(py, message).into_value(py).into_any()
    }

    fn __repr__(&self) -> String {
        let state = match self.state().outcome {
            None => "pending",
            Some(CallOutcome::Cancelled(_)) => "cancelled",
            Some(_) => "finished",
        };
        format!("<call of {} {state}>", self.method)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The collector may run while this thread has locked the future.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        match &state.outcome {
            Some(
                CallOutcome::Value(object) | CallOutcome::Exception(object) | CallOutcome::Cancelled(Some(object)),
            ) => {
                visit.call(object)?;
            }
            Some(CallOutcome::Cancelled(None)) | None => {}
        }
        state.callbacks.iter().try_for_each(|callback| {
            visit.call(&callback.function)?;
            visit.call(&callback.context)
        })
    }

    fn __clear__(&self) {
        let state = mem::take(&mut *self.state());
        // The future is unlocked here, because dropping objects runs Python code.
        drop(state);
    }
}

impl Drop for CallFuture {
    /// Reports an exception that no code has read, as asyncio does.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (true, Some(CallOutcome::Exception(exception))) = (state.is_unread, state.outcome.take()) else { return };
        Python::attach(|py| {
            // An object may be dropped while an exception is raised.
            let raised = PyErr::take(py);
            let message = format!("the exception of a call of `{}` was never retrieved", self.method);
            // A closed event loop may have no handler of exceptions any more.
            drop(self.calls.report(py, &message, exception));
            raised.into_iter().for_each(|raised| raised.restore(py));
        });
    }
}

impl Callbacks {
    /// Calls the functions now. The event loop must be running no other task.
    ///
    /// # Errors
    ///
    /// The first exception that ends the program. It is raised after all functions were called.
    pub(crate) fn run(self, future: &Bound<'_, CallFuture>) -> PyResult<()> {
        let mut result = Ok(());
        for callback in self.into_each() {
            let run = callback.run(future);
            result = result.and(run);
        }
        result
    }

    /// Has the event loop call the functions soon.
    ///
    /// # Errors
    ///
    /// If the event loop is closed.
    pub(crate) fn schedule(self, future: &Bound<'_, CallFuture>) -> PyResult<()> {
        self.into_each().try_for_each(|callback| callback.schedule(future))
    }

    fn push(&mut self, callback: Callback) {
        if self.first.is_none() {
            self.first = Some(callback);
        } else {
            self.others.push(callback);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Callback> {
        self.first.iter().chain(&self.others)
    }

    fn into_each(self) -> impl Iterator<Item = Callback> {
        self.first.into_iter().chain(self.others)
    }
}

impl Callback {
    fn run(self, future: &Bound<'_, CallFuture>) -> PyResult<()> {
        let py = future.py();
        let called = self.context.bind(py).call_method1(intern!(py, "run"), (&self.function, future));
        match called {
            Ok(_) => Ok(()),
            Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error),
            Err(error) if error.is_instance_of::<PySystemExit>(py) => Err(error),
            Err(error) => {
                let message = format!("exception in a callback of {}", future.get().__repr__());
                future.get().calls.report(py, &message, error.into_value(py).into_any())
            }
        }
    }

    fn schedule(self, future: &Bound<'_, CallFuture>) -> PyResult<()> {
        let py = future.py();
        let options = PyDict::new(py);
        options.set_item("context", self.context)?;
        let event_loop = future.get().calls.event_loop().bind(py);
        event_loop.call_method("call_soon", (self.function, future), Some(&options)).map(drop)
    }
}

fn cancelled_error(py: Python<'_>, message: Option<&Py<PyAny>>) -> PyErr {
    match message {
        Some(message) => CancelledError::new_err((message.clone_ref(py),)),
        None => CancelledError::new_err(()),
    }
}
