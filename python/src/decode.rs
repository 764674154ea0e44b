//! msgpack to Python objects, with the types of `u-msgpack-python`.

use std::fmt;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use rpcudp::value::{Ext, Value};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::ext;

/// A Python object that is decoded from msgpack. Decoding it takes the GIL.
#[derive(Debug)]
pub(crate) struct Decoded(pub(crate) Py<PyAny>);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Python::attach(|py| ToPython(py).deserialize(deserializer).map(|object| Self(object.unbind())))
    }
}

/// The decoder of one value.
#[derive(Clone, Copy)]
struct ToPython<'py>(Python<'py>);

impl<'de, 'py> DeserializeSeed<'de> for ToPython<'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, 'py> Visitor<'de> for ToPython<'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        self.deserialize(value)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        infallible(value.into_pyobject(self.0)).map(|object| object.to_owned().into_any())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.0, value).into_any())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.0, value).into_any())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(PyFloat::new(self.0, value).into_any())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.0, text).into_any())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(PyBytes::new(self.0, bytes).into_any())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        // No capacity is reserved, because the claimed length comes from the peer.
        let mut elements = Vec::new();
        while let Some(element) = access.next_element_seed(self)? {
            elements.push(element);
        }
        infallible(PyList::new(self.0, elements)).map(Bound::into_any)
    }

    /// Decodes a `dict`. As in `u-msgpack-python`, a key that is an array becomes a tuple, and a
    /// key that a `dict` cannot have, or has already, is an error.
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.0);
        let mut count = 0;
        while let Some(key) = access.next_key_seed(self)? {
            let key = if key.is_instance_of::<PyList>() { hashable(&key).map_err(de::Error::custom)? } else { key };
            let value = access.next_value_seed(self)?;
            dict.set_item(&key, value).map_err(|_| de::Error::custom("a key of a map is a map or a list"))?;
            count += 1;
        }
        if dict.len() != count {
            return Err(de::Error::custom("a map has a key twice"));
        }
        Ok(dict.into_any())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, pair: D) -> Result<Self::Value, D::Error> {
        match Value::from(Ext::from_pair(pair)?) {
            Value::Timestamp(timestamp) => ext::datetime_of(self.0, timestamp),
            Value::Ext(extension) => ext::Extension::object(self.0, extension),
            _ => unreachable!("an extension value is a timestamp or another extension value"),
        }
        .map_err(de::Error::custom)
    }
}

/// Returns the tuple of a list, and of the lists in it.
fn hashable<'py>(list: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let Ok(list) = list.cast::<PyList>() else { return Ok(list.clone()) };
    let elements = list.iter().map(|element| hashable(&element)).collect::<PyResult<Vec<_>>>()?;
    PyTuple::new(list.py(), elements).map(Bound::into_any)
}

/// Returns an object whose creation fails only if there is no memory left.
fn infallible<T, E: fmt::Display, D: de::Error>(created: Result<T, E>) -> Result<T, D> {
    created.map_err(de::Error::custom)
}
