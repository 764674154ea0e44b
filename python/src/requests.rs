//! The requests of an engine, whose handlers are Python functions on the event loop's thread.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyString;
use rpcudp::contract::{Delivery, Method};
use rpcudp::dynamic::RawArguments;
use rpcudp::{Context, DynamicResponse, DynamicService, Refusal};

use crate::address::from_socket_addr;
use crate::encode::{Failure, Object};
use crate::inbox::Inbox;
use crate::incoming_request::IncomingRequest;

/// The service that passes every request to the event loop.
pub(crate) struct PythonService {
    pub(crate) name: String,
    /// The methods whose delivery or documentation is known. Requests for others are passed on too,
    /// because attributes of a Python object come and go.
    pub(crate) methods: Vec<Method>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) next_id: AtomicU64,
}

impl DynamicService for PythonService {
    fn name(&self) -> &str {
        &self.name
    }

    fn methods(&self) -> Vec<Method> {
        self.methods.clone()
    }

    fn other_methods(&self) -> Option<Delivery> {
        Some(Delivery::Maybe)
    }

    async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
        let (responder, response) = DynamicResponse::deferred();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut bytes = Vec::with_capacity(method.len() + arguments.bytes().len());
        bytes.extend_from_slice(method.as_bytes());
        bytes.extend_from_slice(arguments.bytes());
        let (sender, name_len, argument_count) = (cx.sender(), method.len(), arguments.count());
        let request = IncomingRequest { id, sender, bytes, name_len, argument_count, responder };
        self.inbox.add(|events| events.requests.push(request));
        let mut running = Running { inbox: &self.inbox, id: Some(id) };
        let response = response.await;
        running.id = None;
        response
    }
}

/// A request that a handler is running for. If it ends before the handler does, because its caller
/// has cancelled it or it takes too long, the event loop cancels the handler.
struct Running<'a> {
    inbox: &'a Inbox,
    id: Option<u64>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.inbox.add(|events| events.ended.push(id));
        }
    }
}

/// The handlers of an engine.
pub(crate) struct Handlers {
    hooks: Hooks,
    names: Mutex<HashMap<Box<str>, Py<PyString>>>,
    /// The tasks of coroutines, by the number of the request. asyncio itself holds no strong
    /// reference to a task.
    tasks: Mutex<HashMap<u64, Py<PyAny>>>,
}

/// The functions of `_hooks.py` that the handlers need.
struct Hooks {
    /// The class of coroutines.
    coroutine: Py<PyAny>,
    create_task: Py<PyAny>,
    is_awaitable: Py<PyAny>,
    log_exception: Py<PyAny>,
    log_unknown: Py<PyAny>,
}

impl Handlers {
    /// # Errors
    ///
    /// If a function is missing.
    pub(crate) fn new(hooks: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let hook = |name: &str| hooks.getattr(name).map(Bound::unbind);
        let hooks = Hooks {
            coroutine: hook("CoroutineType")?,
            create_task: hook("create_task")?,
            is_awaitable: hook("is_awaitable")?,
            log_exception: hook("log_exception")?,
            log_unknown: hook("log_unknown")?,
        };
        Ok(Arc::new(Self { hooks, names: Mutex::default(), tasks: Mutex::default() }))
    }

    /// Lets the tasks run on when their requests end, because the endpoint is closed.
    pub(crate) fn detach(&self) {
        let tasks = std::mem::take(&mut *self.tasks());
        drop(tasks);
    }

    /// Runs the handler of a request, and responds to it.
    ///
    /// # Errors
    ///
    /// An exception that ends the program, such as `KeyboardInterrupt`.
    pub(crate) fn handle(self: &Arc<Self>, protocol: &Bound<'_, PyAny>, request: IncomingRequest) -> PyResult<()> {
        let py = protocol.py();
        let Some(function) = self.function(protocol, request.name())? else {
            self.hooks.log_unknown.call1(py, (protocol, request.name()))?;
            request.responder.respond(DynamicResponse::refusal(Refusal::UnknownMethod));
            return Ok(());
        };
        let arguments = match request.arguments(py)? {
            Ok(arguments) => arguments,
            Err(response) => {
                request.responder.respond(response);
                return Ok(());
            }
        };
        match function.call1(arguments) {
            Ok(result) if result.get_type().is(&self.hooks.coroutine) => self.spawn(&result, request),
            Ok(result) => match encoded(&result, request.name()) {
                Ok(response) => {
                    request.responder.respond(response);
                    Ok(())
                }
                // An awaitable of another class has no form in msgpack.
                Err(_) if self.hooks.is_awaitable.call1(py, (&result,))?.is_truthy(py)? => self.spawn(&result, request),
                Err(error) => self.fail(py, request.name(), request.sender, error).map(|response| {
                    request.responder.respond(response);
                }),
            },
            Err(error) => {
                let response = self.fail(py, request.name(), request.sender, error)?;
                request.responder.respond(response);
                Ok(())
            }
        }
    }

    /// Cancels the task of a request that has ended.
    pub(crate) fn cancel(&self, py: Python<'_>, id: u64) -> PyResult<()> {
        let task = self.tasks().remove(&id);
        task.map_or(Ok(()), |task| task.call_method0(py, "cancel").map(drop))
    }

    /// Returns the handler of a method, or `None` if the protocol has no such callable.
    fn function<'py>(&self, protocol: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = protocol.py();
        let known = self.names().get(name).map(|attribute| attribute.clone_ref(py));
        let attribute = match &known {
            Some(attribute) => attribute.bind(py).clone(),
            None => PyString::new(py, &format!("rpc_{name}")),
        };
        let function = protocol.getattr_opt(&attribute)?.filter(|function| function.is_callable());
        if known.is_none() && function.is_some() {
            // Only names of attributes are kept, so peers cannot add to them.
            self.names().insert(name.into(), attribute.unbind());
        }
        Ok(function)
    }

    /// Starts the task of a coroutine, whose end responds to the request.
    fn spawn(self: &Arc<Self>, coroutine: &Bound<'_, PyAny>, request: IncomingRequest) -> PyResult<()> {
        let py = coroutine.py();
        let id = request.id;
        let on_done = OnHandled { handlers: Arc::clone(self), request: Mutex::new(Some(request)) };
        let task = self.hooks.create_task.call1(py, (coroutine, Py::new(py, on_done)?))?;
        self.tasks().insert(id, task);
        Ok(())
    }

    /// Logs an exception of a handler. Returns the error for the caller.
    ///
    /// # Errors
    ///
    /// The exception, if it ends the program.
    fn fail(&self, py: Python<'_>, method: &str, sender: SocketAddr, error: PyErr) -> PyResult<DynamicResponse> {
        let sender = from_socket_addr(py, sender)?;
        let pair = self.hooks.log_exception.call1(py, (method, sender, error))?;
        let (name, text): (String, String) = pair.extract(py)?;
        Ok(DynamicResponse::error(&HandlerError { name, text }))
    }

    fn names(&self) -> MutexGuard<'_, HashMap<Box<str>, Py<PyString>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<u64, Py<PyAny>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The exception of a handler, as its caller gets it.
#[derive(serde::Serialize)]
struct HandlerError {
    name: String,
    text: String,
}

/// Returns the response with a handler's value.
///
/// # Errors
///
/// A `TypeError` if msgpack does not have the value.
fn encoded(value: &Bound<'_, PyAny>, method: &str) -> PyResult<DynamicResponse> {
    let failure = Failure::default();
    let response = DynamicResponse::value(&Object::new(value, &failure));
    match failure.into_error(format_args!("the value of `rpc_{method}`")) {
        Some(error) => Err(error),
        None => Ok(response),
    }
}

/// The callback of a coroutine's task, which responds to the request.
#[pyclass(frozen)]
struct OnHandled {
    handlers: Arc<Handlers>,
    request: Mutex<Option<IncomingRequest>>,
}

#[pymethods]
impl OnHandled {
    fn __call__(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = task.py();
        let taken = self.request.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(request) = taken else { return Ok(()) };
        self.handlers.tasks().remove(&request.id);
        // A task that was cancelled gives no response, and the engine refuses the request.
        if task.call_method0(pyo3::intern!(py, "cancelled"))?.is_truthy()? {
            return Ok(());
        }
        let result = task.call_method0(pyo3::intern!(py, "result"));
        let response = match result.and_then(|value| encoded(&value, request.name())) {
            Ok(response) => response,
            Err(error) => self.handlers.fail(py, request.name(), request.sender, error)?,
        };
        request.responder.respond(response);
        Ok(())
    }
}
