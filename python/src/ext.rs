//! msgpack's extension types in Python: `datetime`, and `Ext` for the others.

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyType};
use rpcudp::value::{Ext, Timestamp};

const SECONDS_PER_DAY: i64 = 86_400;

/// A value of one of msgpack's extension types, as `umsgpack.Ext`.
#[pyclass(name = "Ext", frozen, module = "rpcudp_fast")]
pub(crate) struct Extension {
    value: Ext,
}

#[pymethods]
impl Extension {
    #[new]
    fn new(r#type: i64, data: &Bound<'_, PyBytes>) -> PyResult<Self> {
        let number = r#type;
        let kind = i8::try_from(number)
            .map_err(|_| PyValueError::new_err(format!("the type {number} is not from -128 to 127")))?;
        Ok(Self { value: Ext::new(kind, data.as_bytes()) })
    }

    #[getter]
    fn r#type(&self) -> i8 {
        self.value.kind
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.value.data)
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, op: CompareOp) -> bool {
        // Also equal to an `umsgpack.Ext`.
        let is_equal = Self::of(other).is_ok_and(|other| other.is_some_and(|other| other == self.value));
        match op {
            CompareOp::Eq => is_equal,
            CompareOp::Ne => !is_equal,
            _ => false,
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        (self.value.kind, self.data(py)).into_pyobject(py)?.hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Ext({}, {})", self.value.kind, self.data(py).repr()?))
    }
}

impl Extension {
    /// Returns the Python object of an extension value.
    pub(crate) fn object(py: Python<'_>, value: Ext) -> PyResult<Bound<'_, PyAny>> {
        Ok(Bound::new(py, Self { value })?.into_any())
    }

    /// Returns the extension value of an `Ext` of this package or of `umsgpack`, or `None` for
    /// another object.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Ext>> {
        if let Ok(extension) = object.cast::<Self>() {
            return Ok(Some(extension.get().value.clone()));
        }
        let class = object.get_type();
        if class.name()? != "Ext" {
            return Ok(None);
        }
        let kind = object.getattr("type")?.extract()?;
        Ok(Some(Ext::new(kind, object.getattr("data")?.extract::<&[u8]>()?)))
    }
}

/// Objects of the module `datetime`.
struct Datetime {
    class: Py<PyType>,
    timedelta: Py<PyType>,
    utc: Py<PyAny>,
    /// 1970-01-01T00:00:00Z.
    epoch: Py<PyAny>,
}

impl Datetime {
    fn of(py: Python<'_>) -> PyResult<&Self> {
        static DATETIME: PyOnceLock<Datetime> = PyOnceLock::new();
        DATETIME.get_or_try_init(py, || {
            let module = py.import("datetime")?;
            let class = module.getattr("datetime")?.cast_into::<PyType>()?;
            let utc = module.getattr("timezone")?.getattr("utc")?;
            let arguments = PyDict::new(py);
            arguments.set_item("tzinfo", &utc)?;
            let epoch = class.call((1970, 1, 1), Some(&arguments))?.unbind();
            let timedelta = module.getattr("timedelta")?.cast_into::<PyType>()?.unbind();
            Ok(Self { class: class.unbind(), timedelta, utc: utc.unbind(), epoch })
        })
    }
}

/// Returns the `datetime` of a timestamp, in UTC. Nanoseconds are rounded down to microseconds.
pub(crate) fn datetime_of(py: Python<'_>, timestamp: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    let Datetime { timedelta, epoch, .. } = Datetime::of(py)?;
    let (days, seconds) =
        (timestamp.seconds().div_euclid(SECONDS_PER_DAY), timestamp.seconds().rem_euclid(SECONDS_PER_DAY));
    let since = timedelta.bind(py).call1((days, seconds, timestamp.nanoseconds() / 1_000))?;
    epoch.bind(py).add(since)
}

/// Returns the timestamp of a `datetime`, or `None` for another object. A `datetime` without a time
/// zone is one in UTC.
pub(crate) fn timestamp_of(object: &Bound<'_, PyAny>) -> PyResult<Option<Timestamp>> {
    let py = object.py();
    let Datetime { class, utc, epoch, .. } = Datetime::of(py)?;
    if !object.is_instance(class.bind(py))? {
        return Ok(None);
    }
    let since = if object.getattr("tzinfo")?.is_none() {
        let arguments = PyDict::new(py);
        arguments.set_item("tzinfo", utc)?;
        object.call_method("replace", (), Some(&arguments))?.sub(epoch.bind(py))?
    } else {
        object.sub(epoch.bind(py))?
    };
    let days: i64 = since.getattr("days")?.extract()?;
    let seconds: i64 = since.getattr("seconds")?.extract()?;
    let microseconds: u32 = since.getattr("microseconds")?.extract()?;
    let timestamp = Timestamp::new(days * SECONDS_PER_DAY + seconds, microseconds * 1_000);
    timestamp.map(Some).ok_or_else(|| PyOverflowError::new_err("the datetime is out of range"))
}
