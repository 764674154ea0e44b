//! Keys, ids and values of a node in Python.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};
use rpcudp_kademlia::{ID_LEN, Key, NodeId, Value};

/// Returns the key of 20 bytes.
pub(crate) fn key_of(bytes: &Bound<'_, PyBytes>) -> PyResult<Key> {
    bytes_of(bytes).map(Key::from_bytes)
}

/// Returns the id of 20 bytes.
pub(crate) fn id_of(bytes: &Bound<'_, PyBytes>) -> PyResult<NodeId> {
    bytes_of(bytes).map(NodeId::from_bytes)
}

fn bytes_of(bytes: &Bound<'_, PyBytes>) -> PyResult<[u8; ID_LEN]> {
    let bytes = bytes.as_bytes();
    bytes
        .try_into()
        .map_err(|_| PyValueError::new_err(format!("an id or a key has {ID_LEN} bytes, and not {}", bytes.len())))
}

/// Returns the value of a Python object.
///
/// # Errors
///
/// If the object is none that `kademlia` stores.
pub(crate) fn value_of(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(value) = object.cast::<PyBool>() {
        return Ok(value.is_true().into());
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(text.to_str()?.into());
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().into());
    }
    if let Ok(value) = object.cast::<PyFloat>() {
        return Ok(value.value().into());
    }
    if object.is_instance_of::<PyInt>() {
        if let Ok(value) = object.extract::<i64>() {
            return Ok(value.into());
        }
        let value = object.extract::<u64>();
        return value
            .map(Value::from)
            .map_err(|_| PyTypeError::new_err("an int of more than 64 bits cannot be stored"));
    }
    Err(PyTypeError::new_err("Value must be of type int, float, bool, str, or bytes"))
}

/// Returns the Python object of a value, or `None`.
pub(crate) fn value_object<'py>(py: Python<'py>, value: Option<&Value>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        None => py.None().into_bound(py),
        Some(Value::Bool(value)) => PyBool::new(py, *value).to_owned().into_any(),
        Some(Value::Int(value)) => PyInt::new(py, *value).into_any(),
        Some(Value::Unsigned(value)) => PyInt::new(py, *value).into_any(),
        Some(Value::Float(value)) => PyFloat::new(py, *value).into_any(),
        Some(Value::Text(text)) => PyString::new(py, text).into_any(),
        Some(Value::Bytes(bytes)) => PyBytes::new(py, bytes).into_any(),
    })
}
