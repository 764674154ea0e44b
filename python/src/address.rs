//! Addresses in the form of Python's `socket`.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

/// Returns the peer at `(host, port)` or `(host, port, flowinfo, scope_id)`. A host name is
/// resolved, which blocks, as in asyncio's `sendto`.
///
/// # Errors
///
/// If the object has another form, or the name cannot be resolved.
pub(crate) fn to_socket_addr(address: &Bound<'_, PyAny>) -> PyResult<SocketAddr> {
    let malformed = || PyTypeError::new_err(format!("an address is a tuple (host, port), and not {address:?}"));
    let tuple = match address.cast::<PyTuple>() {
        Ok(tuple) => tuple.clone(),
        // A list is what msgpack makes of a tuple, such as the response of `stun`.
        Err(_) => address
            .extract::<Vec<Bound<'_, PyAny>>>()
            .map_err(|_| malformed())
            .and_then(|items| PyTuple::new(address.py(), items))?,
    };
    if tuple.len() != 2 && tuple.len() != 4 {
        return Err(malformed());
    }
    let host = tuple.get_item(0)?;
    let host = host.cast::<PyString>().map_err(|_| malformed())?.to_str()?;
    let port = tuple.get_item(1)?.extract::<u16>().map_err(|_| {
        PyValueError::new_err(format!("a port is an int from 0 to 65,535, and that of {address:?} is not"))
    })?;
    match host.parse() {
        Ok(IpAddr::V6(host)) if tuple.len() == 4 => {
            Ok(SocketAddrV6::new(host, port, tuple.get_item(2)?.extract()?, tuple.get_item(3)?.extract()?).into())
        }
        Ok(host) => Ok(SocketAddr::new(host, port)),
        Err(_) => resolve(address.py(), host, port),
    }
}

fn resolve(py: Python<'_>, host: &str, port: u16) -> PyResult<SocketAddr> {
    let socket = py.import("socket")?;
    let options = PyDict::new(py);
    options.set_item("type", socket.getattr("SOCK_DGRAM")?)?;
    let found = socket.call_method("getaddrinfo", (host, port), Some(&options))?;
    let (_, _, _, _, address) = found.get_item(0)?.extract::<(u32, u32, u32, Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
    to_socket_addr(&address)
}

/// Returns the address of a peer as asyncio passes it: `(host, port)`, and for IPv6 `(host, port,
/// flowinfo, scope_id)`.
///
/// # Errors
///
/// If there is no memory left.
pub(crate) fn from_socket_addr(py: Python<'_>, address: SocketAddr) -> PyResult<Bound<'_, PyTuple>> {
    match address {
        SocketAddr::V4(address) => (address.ip().to_string(), address.port()).into_pyobject(py),
        SocketAddr::V6(address) => {
            (address.ip().to_string(), address.port(), address.flowinfo(), address.scope_id()).into_pyobject(py)
        }
    }
}
