//! The threads of a runtime that may block.

use tokio::runtime::Handle;

use crate::panic::{Panicked, catch};

/// Runs code on a thread of the runtime that may block, or drops it if the runtime has ended.
pub(crate) fn spawn_blocking(runtime: &Handle, code: impl FnOnce() + Send + 'static) {
    // If the system refuses the first thread, tokio queues the code and panics. That must not end
    // the driver, because requests of peers lead here.
    let _: Result<_, Panicked> = catch(|| drop(runtime.spawn_blocking(code)));
}
