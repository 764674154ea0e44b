use std::mem;
use std::net::UdpSocket;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use pyo3::{PyTraverseError, intern};
use rpcudp::transport::Udp;
use rpcudp::{CallError, Cork, DynamicMethod, Endpoint, UdpOptions};
use rpcudp_kademlia::Node;

use crate::address::{from_socket_addr, to_socket_addr};
use crate::busy_poll::BusyPoll;
use crate::call_future::{CallFuture, CallOutcome, Callbacks};
use crate::calls::{CallResult, Calls, PendingCall, Style};
use crate::decode::Decoded;
use crate::encode::{Failure, Object};
use crate::errors::exception;
use crate::inbox::{Events, Inbox};
use crate::node::{self, NodeOptions, Records};
use crate::operations::Operations;
use crate::outcome::Outcome;
use crate::requests::{Handlers, PythonService};
use crate::runtime::{RuntimeKind, generation, runtime};
use crate::values::value_object;

/// The parts of an engine with a socket.
pub(crate) struct Connected {
    /// The process to which the endpoint belongs.
    pub(crate) generation: u64,
    pub(crate) endpoint: Endpoint,
    inbox: Arc<Inbox>,
    calls: Arc<Calls>,
    handlers: Arc<Handlers>,
    operations: Operations,
    /// The Kademlia node to which the endpoint belongs, if it does.
    node: Option<(Node, Records)>,
    /// The functions of `_hooks.py`.
    hooks: Py<PyAny>,
    /// The method `create_future` of the event loop.
    create_future: Py<PyAny>,
    /// Empty lists, whose memory the next batch uses.
    spare: Mutex<Events>,
    busy_poll: BusyPoll,
    /// Whether the log has the level of debugging. Read again with each batch.
    is_debug: AtomicBool,
}

/// The options of an endpoint that is not that of a node.
pub(crate) struct Limits {
    pub(crate) trusted_network: bool,
    pub(crate) max_handlers: usize,
    pub(crate) handler_timeout: Duration,
    pub(crate) max_calls: usize,
    /// The function by which the event loop polls for responses, if it may.
    pub(crate) poll: Option<Py<PyAny>>,
}

/// The options of one call.
pub(crate) struct CallOptions {
    pub(crate) style: Style,
    pub(crate) timeout: Duration,
    pub(crate) retransmit: bool,
    pub(crate) wait_for_ready: bool,
}

impl Connected {
    /// Calls that end together and have no cork, because their tasks' requests leave one by one.
    const MAX_UNCORKED: usize = 2;

    /// Calls that end together after which the requests of their tasks leave. The peers do not wait
    /// for more.
    const BATCH_LEN: usize = 16;

    /// Starts an endpoint, or a node, on a socket.
    ///
    /// # Errors
    ///
    /// If the socket cannot be used, or an option is invalid.
    pub(crate) fn new(
        socket: UdpSocket,
        service: PythonService,
        (limits, node): (Limits, Option<NodeOptions<'_>>),
        hooks: &Bound<'_, PyAny>,
        event_loop: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let inbox = Arc::clone(&service.inbox);
        let runtime = runtime(if node.is_some() { RuntimeKind::Nodes } else { RuntimeKind::Protocols })?;
        let _entered = runtime.enter();
        let udp = Udp::from_socket(socket, &UdpOptions::default())?;
        let (endpoint, node) = match node {
            Some(options) => {
                let (node, records) = node::bind(options, udp, service, Arc::clone(&inbox))?;
                (node.endpoint().clone(), Some((node, records)))
            }
            None => {
                let mut builder = Endpoint::builder()
                    .serve_dynamic(service)
                    .busy_poll(limits.poll.is_some())
                    .max_handlers(limits.max_handlers)
                    .max_calls(limits.max_calls)
                    .handler_timeout(limits.handler_timeout);
                if limits.trusted_network {
                    builder = builder.trusted_network();
                }
                let endpoint = builder.bind_transport(udp);
                (endpoint.map_err(|error| PyOSError::new_err(error.to_string()))?, None)
            }
        };
        let connected = Self {
            generation: generation(),
            endpoint,
            calls: Calls::new(Arc::clone(&inbox), event_loop),
            handlers: Handlers::new(hooks)?,
            operations: Operations::new(Arc::clone(&inbox)),
            node,
            inbox,
            hooks: hooks.clone().unbind(),
            create_future: event_loop.getattr("create_future")?.unbind(),
            spare: Mutex::default(),
            busy_poll: BusyPoll::new(event_loop, limits.poll)?,
            is_debug: false.into(),
        };
        connected.read_log_level(hooks.py())?;
        Ok(connected)
    }

    /// Returns the file descriptor that becomes readable if there is something to
    /// [`drain`](Self::drain).
    pub(crate) fn wake_fd(&self) -> RawFd {
        self.inbox.wake_up().fd()
    }

    /// Returns the node and its records.
    ///
    /// # Errors
    ///
    /// If the endpoint is not that of a node.
    pub(crate) fn node(&self) -> PyResult<&(Node, Records)> {
        self.node.as_ref().ok_or_else(|| PyRuntimeError::new_err("the protocol is none of a Kademlia node"))
    }

    /// Starts a call. Returns its future.
    ///
    /// # Errors
    ///
    /// If the address or an argument cannot be used, or the endpoint is closed.
    pub(crate) fn start<'py>(
        &self,
        method: DynamicMethod,
        address: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
        options: &CallOptions,
    ) -> PyResult<Bound<'py, CallFuture>> {
        let py = address.py();
        let peer = to_socket_addr(address)?;
        let arguments: Vec<_> = arguments.iter().map(|argument| (argument, Failure::default())).collect();
        let objects: Vec<_> = arguments.iter().map(|(argument, failure)| Object::new(argument, failure)).collect();
        let call = method.fallible_call::<Decoded, Decoded>(&self.endpoint, peer, &objects);
        drop(objects);
        for (index, (_, failure)) in arguments.into_iter().enumerate() {
            if let Some(error) = failure.into_error(format_args!("argument {} of `{}`", index + 1, method.name())) {
                return Err(error);
            }
        }
        if self.is_debug() {
            self.hooks.call_method1(py, "log_call", (method.name(), address))?;
        }
        let call = call.timeout(options.timeout).retransmit(options.retransmit);
        let call = if options.wait_for_ready { call.wait_for_ready() } else { call };
        let mut call = PendingCall { call, style: options.style, method: method.name(), peer };
        let (index, waker, call_count) = self.calls.reserve();
        // The first poll sends the request.
        match Pin::new(&mut call.call).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                let future = self.calls.insert(py, index, call)?;
                self.busy_poll.begin(py, call_count)?;
                Ok(future)
            }
            Poll::Ready(result) => {
                self.calls.release(index);
                let outcome = self.outcome(py, &call, result, true)?;
                Bound::new(py, CallFuture::ended(Arc::clone(&self.calls), call.method, outcome))
            }
        }
    }

    /// Starts an operation of the node. Returns its future.
    ///
    /// # Errors
    ///
    /// If the endpoint is not that of a node.
    pub(crate) fn operate<'py, F>(
        &self,
        py: Python<'py>,
        operation: impl FnOnce(Node) -> F,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let operation = operation(self.node()?.0.clone());
        self.operations.start(self.create_future.bind(py), runtime(RuntimeKind::Nodes)?, operation)
    }

    /// Completes the calls and the operations that have ended, runs the handlers of requests that
    /// have arrived, and passes changed records to the program's storage.
    ///
    /// # Errors
    ///
    /// An exception that ends the program. It is raised after all others have their events.
    pub(crate) fn drain(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        self.inbox.wake_up().clear();
        self.handle_events(protocol, Callbacks::run)
    }

    /// Polls for responses for a moment. The event loop calls this if [`BusyPoll`] decides so.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain).
    pub(crate) fn poll(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = protocol.py();
        let wake_up = self.inbox.wake_up();
        if !wake_up.prevent() {
            self.busy_poll.end();
            return self.drain(protocol);
        }
        py.detach(|| self.busy_poll.wait(&self.endpoint, &self.inbox));
        // An event that is added from here on wakes the event loop.
        wake_up.allow();
        if self.inbox.is_empty() {
            return self.busy_poll.go_on(py, self.calls.len());
        }
        self.busy_poll.end();
        self.handle_events(protocol, Callbacks::run)
    }

    /// Handles the events in the inbox. `wake` wakes the tasks of calls that have ended.
    fn handle_events(
        &self,
        protocol: &Bound<'_, PyAny>,
        wake: fn(Callbacks, &Bound<'_, CallFuture>) -> PyResult<()>,
    ) -> PyResult<()> {
        let py = protocol.py();
        let mut events = mem::take(&mut *self.spare.lock().unwrap_or_else(PoisonError::into_inner));
        self.inbox.take(&mut events);
        // The tasks of many calls make calls, whose requests leave together.
        let cork = (events.ready.len() > Self::MAX_UNCORKED).then(|| self.endpoint.cork());
        let mut result = self.read_log_level(py);
        let mut note = |done: PyResult<()>| match done {
            Err(error) if result.is_ok() => result = Err(error),
            _ => {}
        };
        for (number, index) in (1..).zip(events.ready.drain(..)) {
            if let Some((call, future, call_result)) = self.calls.poll(py, index) {
                let outcome = self.outcome(py, &call, call_result, false).unwrap_or_else(|error| {
                    note(Err(error.clone_ref(py)));
                    CallOutcome::Exception(error.into_value(py).into_any())
                });
                note(wake(future.get().finish(outcome), &future));
            }
            if number % Self::BATCH_LEN == 0 {
                cork.iter().for_each(Cork::flush);
            }
        }
        drop(cork);
        for request in events.requests.drain(..) {
            note(self.handlers.handle(protocol, request));
        }
        for id in events.ended.drain(..) {
            note(self.handlers.cancel(py, id));
        }
        for (id, outcome) in events.finished.drain(..) {
            note(self.operations.complete(py, id, outcome, || self.closed_error(py)));
        }
        if let Some((_, records)) = &self.node {
            note(self.store(records, protocol));
        }
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = events;
        result
    }

    /// Closes the endpoint. The socket is closed when this returns, and the calls and operations
    /// have ended.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain).
    pub(crate) fn close(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = protocol.py();
        match &self.node {
            Some((node, _)) => {
                let runtime = runtime(RuntimeKind::Nodes)?;
                py.detach(|| runtime.block_on(node.close(Duration::ZERO)));
            }
            None => {
                let closed = self.endpoint.close(Duration::ZERO);
                py.detach(|| closed.wait());
            }
        }
        // Coroutines that still handle a request run on, as in `rpcudp`.
        self.handlers.detach();
        // A task may be running that closes the endpoint, so no other runs here.
        self.inbox.wake_up().clear();
        let drained = self.handle_events(protocol, Callbacks::schedule);
        self.busy_poll.clear();
        self.calls.clear();
        drained.and_then(|()| self.operations.close(py, || self.closed_error(py)))
    }

    /// Drops the Python objects that refer to this one.
    pub(crate) fn clear(&self) {
        self.busy_poll.clear();
        self.calls.clear();
    }

    /// Visits the Python objects, for Python's garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.create_future)?;
        self.busy_poll.traverse(visit)?;
        self.calls.traverse(visit)
    }

    /// Returns the outcome of a call for its future. A call that `is_new` raises the errors of its
    /// arguments.
    fn outcome(&self, py: Python<'_>, call: &PendingCall, result: CallResult, is_new: bool) -> PyResult<CallOutcome> {
        let error = match (result, call.style) {
            (Ok(Decoded(value)), Style::Typed) => return Ok(CallOutcome::Value(value)),
            (Ok(Decoded(value)), Style::Pair) => {
                if self.is_debug() {
                    let peer = from_socket_addr(py, call.peer)?;
                    self.hooks.call_method1(py, "log_response", (call.method, peer, &value))?;
                }
                return Ok(CallOutcome::Value((true, value).into_pyobject(py)?.into_any().unbind()));
            }
            (Err(error), _) => error,
        };
        let is_misuse = matches!(error, CallError::TooLarge { .. } | CallError::Encode { .. } | CallError::Closed);
        let error = self.exception(py, error)?;
        match call.style {
            _ if is_new && is_misuse => Err(PyErr::from_value(error)),
            Style::Typed => Ok(CallOutcome::Exception(error.unbind())),
            Style::Pair => {
                let peer = from_socket_addr(py, call.peer)?;
                self.hooks.call_method1(py, "log_failure", (call.method, peer, error))?;
                Ok(CallOutcome::Value((false, py.None()).into_pyobject(py)?.into_any().unbind()))
            }
        }
    }

    /// Passes the changes of a node's records to the storage of the program.
    fn store(&self, records: &Records, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = protocol.py();
        let changes = records.take_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let changes = changes
            .iter()
            .map(|(key, value)| Ok((PyBytes::new(py, key.as_bytes()), value_object(py, value.as_ref())?)))
            .collect::<PyResult<Vec<_>>>()?;
        self.hooks.call_method1(py, "store_changes", (protocol, changes)).map(drop)
    }

    fn closed_error<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.exception(py, CallError::Closed)
    }

    fn exception<'py>(&self, py: Python<'py>, error: CallError<Decoded>) -> PyResult<Bound<'py, PyAny>> {
        exception(&self.hooks.bind(py).getattr("make_error")?, error)
    }

    fn read_log_level(&self, py: Python<'_>) -> PyResult<()> {
        let is_debug = self.hooks.call_method0(py, intern!(py, "is_debug"))?.is_truthy(py)?;
        self.is_debug.store(is_debug, Ordering::Relaxed);
        Ok(())
    }

    fn is_debug(&self) -> bool {
        self.is_debug.load(Ordering::Relaxed)
    }
}
