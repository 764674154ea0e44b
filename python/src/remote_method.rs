use std::sync::OnceLock;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rpcudp::DynamicMethod;

use crate::call_future::CallFuture;
use crate::calls::Style;
use crate::connected::CallOptions;
use crate::engine::Engine;

/// A method of peers, called as `method(address, *arguments)` with a future of `(True, value)` or
/// `(False, None)`.
#[pyclass(frozen, module = "rpcudp_fast._engine")]
pub(crate) struct RemoteMethod {
    engine: Py<Engine>,
    name: Box<str>,
    method: OnceLock<DynamicMethod>,
}

#[pymethods]
impl RemoteMethod {
    /// Creates the method of this name.
    #[new]
    fn new(engine: Py<Engine>, name: &str) -> Self {
        Self { engine, name: name.into(), method: OnceLock::new() }
    }

    #[pyo3(signature = (address, *arguments))]
    fn __call__<'py>(
        &self,
        address: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, CallFuture>> {
        // A name is kept for ever, so one that is never called is not kept.
        let method = *self.method.get_or_init(|| DynamicMethod::new(&self.name));
        let engine = self.engine.get();
        let timeout = engine.default_timeout();
        let options = CallOptions { style: Style::Pair, timeout, retransmit: false, wait_for_ready: false };
        engine.connected()?.start(method, address, arguments, &options)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.engine)
    }

    fn __repr__(&self) -> String {
        format!("<remote method {}>", self.name)
    }
}
