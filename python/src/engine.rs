//! An endpoint that belongs to an event loop.

use std::mem;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use rpcudp::DynamicMethod;
use rpcudp::contract::{Delivery, Method};
use rpcudp_kademlia::Node;

use crate::address::{from_socket_addr, to_socket_addr};
use crate::call_future::CallFuture;
use crate::calls::Style;
use crate::connected::{CallOptions, Connected, Limits};
use crate::inbox::Inbox;
use crate::node::{self, NodeOptions};
use crate::operations::contact_object;
use crate::outcome::Outcome;
use crate::requests::PythonService;
use crate::runtime::{forked_error, generation};
use crate::values::{key_of, value_object, value_of};
use crate::wake_up::WakeUp;
use crate::{socket, stats};

/// An endpoint that calls and serves for an event loop. A protocol has one.
#[pyclass(frozen, module = "rpcudp_fast._engine")]
pub(crate) struct Engine {
    /// The functions of `_hooks.py`.
    hooks: Py<PyAny>,
    /// The two ends of the connection over which Python passes the socket.
    channel: Mutex<Option<(UnixStream, UnixStream)>>,
    /// The timeout of calls, in nanoseconds.
    wait_timeout: AtomicU64,
    connected: OnceLock<Connected>,
    is_closed: AtomicBool,
}

#[pymethods]
impl Engine {
    /// Creates an engine without a socket. `hooks` is the module `_hooks`.
    #[new]
    fn new(hooks: Py<PyAny>, wait_timeout: f64) -> PyResult<Self> {
        let engine = Self {
            hooks,
            channel: Mutex::default(),
            wait_timeout: 0.into(),
            connected: OnceLock::new(),
            is_closed: false.into(),
        };
        engine.set_wait_timeout(wait_timeout)?;
        Ok(engine)
    }

    /// The timeout of calls that have none of their own, in seconds.
    #[getter]
    fn wait_timeout(&self) -> f64 {
        self.default_timeout().as_secs_f64()
    }

    #[setter]
    fn set_wait_timeout(&self, timeout: f64) -> PyResult<()> {
        let timeout = seconds("wait_timeout", timeout)?.as_nanos();
        self.wait_timeout.store(timeout.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(())
    }

    /// Returns the file descriptor of the connection over which Python passes the socket, with
    /// `socket.send_fds`.
    fn channel(&self) -> PyResult<RawFd> {
        let (ours, theirs) = UnixStream::pair()?;
        let fd = theirs.as_raw_fd();
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = Some((ours, theirs));
        Ok(fd)
    }

    /// Starts the endpoint on the socket that was passed. Returns the file descriptor that becomes
    /// readable if there is something to [`drain`](Self::drain).
    ///
    /// `methods` has the name, whether it is at most once, and the documentation of each method.
    /// `limits` has `trusted_network`, `max_handlers`, `handler_timeout` and `max_calls`. With
    /// `node`, the endpoint is that of a Kademlia node. `poll` calls [`poll`](Self::poll), if the
    /// event loop's thread may do so instead of sleeping.
    fn connect(
        &self,
        event_loop: &Bound<'_, PyAny>,
        name: String,
        methods: Vec<(String, bool, Option<String>)>,
        limits: (bool, usize, f64, usize),
        node: Option<NodeOptions<'_>>,
        poll: Option<Py<PyAny>>,
    ) -> PyResult<RawFd> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (ours, _theirs) = channel.ok_or_else(|| PyRuntimeError::new_err("no socket was passed"))?;
        let socket = UdpSocket::from(socket::receive(&ours)?);
        let methods = methods.into_iter().map(|(name, is_at_most_once, doc)| {
            let delivery = if is_at_most_once { Delivery::AtMostOnce } else { Delivery::Maybe };
            Method { delivery, doc: doc.unwrap_or_default().into(), ..Method::named(name) }
        });
        let inbox = Arc::new(Inbox::new(WakeUp::new()?));
        let service = PythonService { name, methods: methods.collect(), inbox, next_id: 0.into() };
        let (trusted_network, max_handlers, handler_timeout, max_calls) = limits;
        let handler_timeout = seconds("handler_timeout", handler_timeout)?;
        let limits = Limits { trusted_network, max_handlers, handler_timeout, max_calls, poll };
        let hooks = self.hooks.bind(event_loop.py());
        let connected = Connected::new(socket, service, (limits, node), hooks, event_loop)?;
        let fd = connected.wake_fd();
        self.connected.set(connected).map_err(|_| PyRuntimeError::new_err("the protocol is connected already"))?;
        Ok(fd)
    }

    /// Completes the calls that have ended, and runs the handlers of requests that have arrived.
    fn drain(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        self.connected()?.drain(protocol)
    }

    /// Polls for the responses of calls that have just been sent.
    fn poll(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        if self.is_closed.load(Ordering::Relaxed) { Ok(()) } else { self.connected()?.poll(protocol) }
    }

    /// Calls a method, with a future of its value.
    #[pyo3(signature = (address, name, arguments, timeout, retransmit, wait_for_ready))]
    fn call<'py>(
        &self,
        address: &Bound<'py, PyAny>,
        name: &str,
        arguments: &Bound<'py, PyTuple>,
        timeout: Option<f64>,
        retransmit: bool,
        wait_for_ready: bool,
    ) -> PyResult<Bound<'py, CallFuture>> {
        let timeout = timeout.map_or_else(|| Ok(self.default_timeout()), |timeout| seconds("timeout", timeout))?;
        let options = CallOptions { style: Style::Typed, timeout, retransmit, wait_for_ready };
        self.connected()?.start(DynamicMethod::new(name), address, arguments, &options)
    }

    /// Closes the endpoint. The socket is closed when this returns, and every call has ended.
    fn close(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.connected.get() {
            Some(connected) if connected.generation == generation() => {
                let was_closed = self.is_closed.swap(true, Ordering::Relaxed);
                if was_closed { Ok(()) } else { connected.close(protocol) }
            }
            _ => Ok(()),
        }
    }

    /// Returns the counters of the endpoint.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        stats::of(py, &self.connected()?.endpoint.stats())
    }

    /// Returns the bound address.
    fn local_addr<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        from_socket_addr(py, self.connected()?.endpoint.local_addr())
    }

    /// Joins a network through the nodes at these addresses. The result is a list of the closest
    /// nodes, as `(id, host, port)`.
    fn bootstrap<'py>(&self, addresses: Vec<Bound<'py, PyAny>>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let addresses = addresses.iter().map(to_socket_addr).collect::<PyResult<_>>()?;
        self.operate(py, |node| node::bootstrap(node, addresses))
    }

    /// Looks up values, of which `at_once` are looked up at a time. The result is a list with the
    /// value of each key, or `None`.
    fn get_many<'py>(
        &self,
        keys: Vec<Bound<'py, PyBytes>>,
        at_once: usize,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let keys = keys.iter().map(key_of).collect::<PyResult<_>>()?;
        self.operate(py, |node| node::get_many(node, keys, at_once))
    }

    /// Stores values, of which `at_once` are stored at a time. The result is a list with the number
    /// of nodes that have stored each value.
    fn set_many<'py>(
        &self,
        values: Vec<(Bound<'py, PyBytes>, Bound<'py, PyAny>)>,
        at_once: usize,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let values = values.iter().map(|(key, value)| Ok((key_of(key)?, value_of(value)?))).collect::<PyResult<_>>()?;
        self.operate(py, |node| node::set_many(node, values, at_once))
    }

    /// Returns the contacts closest to a key, as `(id, host, port)`.
    fn neighbors<'py>(&self, key: &Bound<'py, PyBytes>, count: usize) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let contacts = node::neighbours(&self.connected()?.node()?.0, &key_of(key)?, count);
        contacts.iter().map(|contact| contact_object(key.py(), contact)).collect()
    }

    /// Returns the number of contacts.
    fn contact_count(&self) -> PyResult<usize> {
        Ok(self.connected()?.node()?.0.contact_count())
    }

    /// Returns the value that the node itself stores under a key, or `None`.
    fn stored<'py>(&self, key: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        value_object(key.py(), self.connected()?.node()?.1.value(&key_of(key)?).as_ref())
    }

    /// Returns the keys and values that the node itself stores.
    fn stored_items<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyBytes>, Bound<'py, PyAny>)>> {
        let values = self.connected()?.node()?.1.values();
        values
            .iter()
            .map(|(key, value)| Ok((PyBytes::new(py, key.as_bytes()), value_object(py, Some(value))?)))
            .collect()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.hooks)?;
        self.connected.get().map_or(Ok(()), |connected| connected.traverse(&visit))
    }
}

impl Engine {
    pub(crate) fn default_timeout(&self) -> Duration {
        Duration::from_nanos(self.wait_timeout.load(Ordering::Relaxed))
    }

    pub(crate) fn connected(&self) -> PyResult<&Connected> {
        let connected = self.connected.get().ok_or_else(|| {
            PyRuntimeError::new_err(
                "the protocol is not connected: pass its class to `loop.create_datagram_endpoint`, and await that",
            )
        })?;
        if connected.generation == generation() { Ok(connected) } else { Err(forked_error()) }
    }

    /// Starts an operation of the node. Returns its future.
    fn operate<'py, F>(&self, py: Python<'py>, operation: impl FnOnce(Node) -> F) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("the node is stopped"));
        }
        self.connected()?.operate(py, operation)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The locks of the parent's threads may be held for ever.
        if self.connected.get().is_some_and(|connected| connected.generation != generation()) {
            mem::forget(self.connected.take());
        } else if let Some(connected) = self.connected.get() {
            connected.clear();
        }
    }
}

/// Returns a duration of an option.
fn seconds(option: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("`{option}` is a number of seconds from 0, and not {seconds}")))
}
