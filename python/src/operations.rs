//! Operations of a node that the engine's threads run from start to end, such as lookups.

use std::collections::HashMap;
use std::future::Future;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use rpcudp_kademlia::Contact;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::address::from_socket_addr;
use crate::inbox::Inbox;
use crate::outcome::Outcome;
use crate::values::value_object;

/// The futures of operations, by number.
pub(crate) struct Operations {
    futures: Mutex<HashMap<u64, Py<PyAny>>>,
    next_id: AtomicU64,
    inbox: Arc<Inbox>,
}

impl Operations {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Self {
        Self { futures: Mutex::default(), next_id: 0.into(), inbox }
    }

    /// Starts an operation, which completes a new future. It is dropped if the future is cancelled.
    pub(crate) fn start<'py>(
        &self,
        create_future: &Bound<'py, PyAny>,
        runtime: &Runtime,
        operation: impl Future<Output = Outcome> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = create_future.py();
        let future = create_future.call0()?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.futures().insert(id, future.clone().unbind());
        let unfinished = Unfinished { id, inbox: Arc::clone(&self.inbox), outcome: Outcome::Closed };
        let task = runtime.spawn(async move { unfinished.end(operation.await) });
        let on_done = OnOperationDone { task: task.abort_handle() };
        future.call_method1("add_done_callback", (Py::new(py, on_done)?,))?;
        Ok(future)
    }

    /// Completes the future of an operation that has ended.
    ///
    /// # Errors
    ///
    /// If there is no memory left.
    pub(crate) fn complete<'py>(
        &self,
        py: Python<'py>,
        id: u64,
        outcome: Outcome,
        closed_error: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let Some(future) = self.futures().remove(&id) else { return Ok(()) };
        let future = future.bind(py);
        if future.call_method0("done")?.is_truthy()? {
            return Ok(());
        }
        let result = match outcome {
            Outcome::Contacts(contacts) => {
                let contacts = contacts.into_iter().map(|contact| contact_object(py, &contact));
                PyList::new(py, contacts.collect::<PyResult<Vec<_>>>()?)?.into_any()
            }
            Outcome::Values(values) => {
                let values = values.into_iter().map(|value| value_object(py, value.as_ref()));
                PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)?.into_any()
            }
            Outcome::Counts(counts) => PyList::new(py, counts)?.into_any(),
            Outcome::Unusable(message) => {
                return future.call_method1("set_exception", (PyValueError::new_err(message),)).map(drop);
            }
            Outcome::Closed => return future.call_method1("set_exception", (closed_error()?,)).map(drop),
        };
        future.call_method1("set_result", (result,)).map(drop)
    }

    /// Ends the operations that have not ended, because the node is closed.
    ///
    /// # Errors
    ///
    /// If there is no memory left.
    pub(crate) fn close<'py>(
        &self,
        py: Python<'py>,
        closed_error: impl Fn() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let ids: Vec<_> = self.futures().keys().copied().collect();
        ids.into_iter().try_for_each(|id| self.complete(py, id, Outcome::Closed, &closed_error))
    }

    fn futures(&self) -> MutexGuard<'_, HashMap<u64, Py<PyAny>>> {
        self.futures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation that passes its outcome to the event loop when it ends, also if it is aborted.
struct Unfinished {
    id: u64,
    inbox: Arc<Inbox>,
    outcome: Outcome,
}

impl Unfinished {
    fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let outcome = mem::replace(&mut self.outcome, Outcome::Closed);
        self.inbox.add(|events| events.finished.push((self.id, outcome)));
    }
}

/// The callback of an operation's future, which ends the operation if the future was cancelled.
#[pyclass(frozen)]
struct OnOperationDone {
    task: AbortHandle,
}

#[pymethods]
impl OnOperationDone {
    fn __call__(&self, _future: &Bound<'_, PyAny>) {
        self.task.abort();
    }
}

/// Returns `(id, host, port)`.
pub(crate) fn contact_object<'py>(py: Python<'py>, contact: &Contact) -> PyResult<Bound<'py, PyAny>> {
    let address = from_socket_addr(py, contact.addr)?;
    let id = PyBytes::new(py, contact.id.as_bytes());
    Ok((id, address.get_item(0)?, address.get_item(1)?).into_pyobject(py)?.into_any())
}
