//! The runtime of the process, and its end in a forked child.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

/// The number of forks between the first process and this one. A child has none of its parent's
/// threads, so state of another generation is dead, and its locks may be held for ever.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The use of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuntimeKind {
    /// Protocols, whose calls and handlers are Python's. One thread suffices for all of them: a
    /// second one would be woken, and take the processor from the event loop, for little work.
    Protocols,
    /// Kademlia nodes, whose lookups are the engine's.
    Nodes,
}

impl RuntimeKind {
    /// The threads for nodes, if the machine has as many processors.
    const MAX_THREADS: usize = 4;

    fn thread_count(self) -> usize {
        match self {
            Self::Protocols => 1,
            Self::Nodes => thread::available_parallelism().map_or(1, NonZero::get).min(Self::MAX_THREADS),
        }
    }
}

/// Returns the generation of this process.
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Ends the state of the parent process. Called by Python in the child after a fork.
#[pyfunction]
pub(crate) fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Returns the error of an object that belongs to the parent process.
pub(crate) fn forked_error() -> PyErr {
    PyRuntimeError::new_err(
        "this protocol belongs to the parent process, and its sockets and threads do not exist after a fork: create \
         the protocol in the child",
    )
}

/// Returns a runtime of this process, and starts it if necessary. It runs until the process ends,
/// and none of its threads takes the GIL.
///
/// # Errors
///
/// If its threads cannot be started.
pub(crate) fn runtime(kind: RuntimeKind) -> PyResult<&'static Runtime> {
    static RUNTIMES: Mutex<[Option<(u64, &'static Runtime)>; 2]> = Mutex::new([None; 2]);
    let current = &mut RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner)[kind as usize];
    match *current {
        Some((since, runtime)) if since == generation() => Ok(runtime),
        _ => {
            let runtime = Builder::new_multi_thread()
                .worker_threads(kind.thread_count())
                .thread_name("rpcudp")
                .enable_all()
                .build()
                .map_err(|error| PyRuntimeError::new_err(format!("the engine cannot start its threads: {error}")))?;
            // A runtime that is dropped waits for its threads, which a forked child does not have.
            let runtime: &'static Runtime = Box::leak(Box::new(runtime));
            *current = Some((generation(), runtime));
            Ok(runtime)
        }
    }
}
