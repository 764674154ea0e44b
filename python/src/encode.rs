//! Python objects to msgpack, from the types of `u-msgpack-python`.

use std::cell::RefCell;
use std::fmt::Display;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::ext;

/// The failure of an encoding, with the place of the object that msgpack does not have.
#[derive(Debug, Default)]
pub(crate) struct Failure(RefCell<Option<Failed>>);

#[derive(Debug)]
struct Failed {
    reason: String,
    /// The keys and indices that lead to the object, innermost first.
    path: Vec<String>,
}

impl Failure {
    /// Returns the error of an encoding that failed. `what` is the outermost object, such as
    /// "argument 2 of `get`".
    pub(crate) fn into_error(self, what: impl Display) -> Option<PyErr> {
        let Failed { reason, path } = self.0.into_inner()?;
        let path: String = path.into_iter().rev().collect();
        let place = if path.is_empty() { "it" } else { &path };
        Some(PyTypeError::new_err(format!("{what} cannot be sent: {place} {reason}")))
    }

    fn set<E: Error>(&self, reason: impl Display) -> E {
        *self.0.borrow_mut() = Some(Failed { reason: reason.to_string(), path: Vec::new() });
        E::custom("the object has no form in msgpack")
    }

    /// Adds the step from a container to the object that failed.
    fn at(&self, step: impl FnOnce() -> String) {
        if let Some(failed) = &mut *self.0.borrow_mut() {
            failed.path.push(step());
        }
    }
}

/// A Python object, encoded as `u-msgpack-python` encodes it.
pub(crate) struct Object<'a, 'py> {
    object: &'a Bound<'py, PyAny>,
    failure: &'a Failure,
}

impl<'a, 'py> Object<'a, 'py> {
    pub(crate) fn new(object: &'a Bound<'py, PyAny>, failure: &'a Failure) -> Self {
        Self { object, failure }
    }

    fn sequence<S: Serializer>(
        &self,
        elements: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(elements.len()))?;
        for (index, element) in elements.enumerate() {
            let result = sequence.serialize_element(&Self::inner(&element, self.failure));
            result.inspect_err(|_| self.failure.at(|| format!("[{index}]")))?;
        }
        sequence.end()
    }

    fn mapping<S: Serializer>(&self, dict: &Bound<'py, PyDict>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(dict.len()))?;
        for (key, value) in dict.iter() {
            let repr = || key.repr().map_or_else(|_| "?".into(), |repr| repr.to_string());
            let result = map.serialize_key(&Self::inner(&key, self.failure));
            result.inspect_err(|_| self.failure.at(|| format!("(key {})", repr())))?;
            let result = map.serialize_value(&Self::inner(&value, self.failure));
            result.inspect_err(|_| self.failure.at(|| format!("[{}]", repr())))?;
        }
        map.end()
    }

    fn inner<'b>(object: &'b Bound<'py, PyAny>, failure: &'b Failure) -> Object<'b, 'py> {
        Object { object, failure }
    }

    fn integer<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(value) = self.object.extract::<i64>() {
            return serializer.serialize_i64(value);
        }
        match self.object.extract::<u64>() {
            Ok(value) => serializer.serialize_u64(value),
            Err(_) => Err(self.failure.set("is an int of more than 64 bits")),
        }
    }

    /// Encodes an object of the rarer types.
    fn other<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object = self.object;
        match ext::timestamp_of(object) {
            Ok(Some(timestamp)) => return timestamp.serialize(serializer),
            Ok(None) => {}
            Err(error) => return Err(self.failure.set(format_args!("is a datetime that cannot be encoded: {error}"))),
        }
        match ext::Extension::of(object) {
            Ok(Some(extension)) => return extension.serialize(serializer),
            Ok(None) => {}
            Err(error) => return Err(self.failure.set(format_args!("is an Ext that cannot be encoded: {error}"))),
        }
        let class = object.get_type();
        let name = class.qualname().map_or_else(|_| "object".into(), |name| name.to_string());
        Err(self.failure.set(format_args!(
            "is a {name}, which msgpack does not have (send None, bool, int, float, str, bytes, list, tuple, dict, \
             datetime or Ext)"
        )))
    }
}

impl Serialize for Object<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object = self.object;
        if let Ok(text) = object.cast::<PyString>() {
            match text.to_str() {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => Err(self.failure.set("is a str that UTF-8 does not have: it contains a surrogate")),
            }
        } else if let Ok(bytes) = object.cast::<PyBytes>() {
            serializer.serialize_bytes(bytes.as_bytes())
        } else if object.is_none() {
            serializer.serialize_unit()
        } else if let Ok(value) = object.cast::<PyBool>() {
            serializer.serialize_bool(value.is_true())
        } else if object.is_instance_of::<PyInt>() {
            self.integer(serializer)
        } else if let Ok(value) = object.cast::<PyFloat>() {
            serializer.serialize_f64(value.value())
        } else if let Ok(list) = object.cast::<PyList>() {
            self.sequence(list.iter(), serializer)
        } else if let Ok(tuple) = object.cast::<PyTuple>() {
            self.sequence(tuple.iter(), serializer)
        } else if let Ok(dict) = object.cast::<PyDict>() {
            self.mapping(dict, serializer)
        } else {
            self.other(serializer)
        }
    }
}
