//! The engine of the Python package `rpcudp_fast`: endpoints of `rpcudp` for event loops of
//! asyncio.
//!
//! The engine's threads never take the GIL. They add events to the inbox of an event loop,
//! which they wake once for all events that it has not taken. The loop's thread then
//! drains the inbox: it polls the calls that have ended, so that responses are
//! decoded straight into Python objects, and runs the handlers of requests.

mod address;
mod busy_poll;
mod call_future;
mod calls;
mod connected;
mod decode;
mod encode;
mod engine;
mod errors;
mod ext;
mod inbox;
mod incoming_request;
mod node;
mod operations;
mod outcome;
mod remote_method;
mod requests;
mod runtime;
mod socket;
mod stats;
mod values;
mod wake_up;

use pyo3::prelude::*;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule]
mod _engine {
    #[pymodule_export]
    use super::engine::Engine;
    #[pymodule_export]
    use super::ext::Extension;
    #[pymodule_export]
    use super::remote_method::RemoteMethod;
    #[pymodule_export]
    use super::runtime::forked;
}
