use pyo3::prelude::*;
use pyo3::types::PyDict;
use rpcudp::{DropReason, Stats};

/// Returns an endpoint's counters as `{"calls": {...}, "requests": {...}, "datagrams": {...},
/// "dropped": {...}}`.
///
/// # Errors
///
/// If there is no memory left.
pub(crate) fn of<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    macro_rules! counters {
        ($of:expr => $($name:ident)*) => {{
            let counters = PyDict::new(py);
            $(counters.set_item(stringify!($name), $of.$name)?;)*
            counters
        }};
    }
    let calls = counters!(stats.calls => started completed refused timed_out unreachable undecodable unsendable
        cancelled retransmitted withheld cancels_sent running_received in_flight);
    let requests = counters!(stats.requests => received completed refused panicked cancelled cancels_received replayed
        evicted running_sent stored_bytes running);
    let datagrams = counters!(stats.datagrams => received sent unreachable receive_errors);
    let dropped = PyDict::new(py);
    for reason in DropReason::ALL {
        match stats.dropped(reason) {
            0 => {}
            count => dropped.set_item(reason.name(), count)?,
        }
    }
    let all = PyDict::new(py);
    for (name, counters) in [("calls", calls), ("requests", requests), ("datagrams", datagrams), ("dropped", dropped)] {
        all.set_item(name, counters)?;
    }
    Ok(all)
}
