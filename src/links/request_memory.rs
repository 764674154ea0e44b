use std::fmt;
use std::sync::Arc;

use rpcudp_secure::HeldMemory;

use super::large_frames::LargeFrames;

/// The memory that a request takes of its peer's share. Its drop releases it.
pub(crate) struct RequestMemory {
    held: HeldMemory,
    released: Arc<LargeFrames>,
}

impl RequestMemory {
    pub(crate) fn new(held: HeldMemory, released: &Arc<LargeFrames>) -> Self {
        Self { held, released: Arc::clone(released) }
    }
}

impl Drop for RequestMemory {
    fn drop(&mut self) {
        self.released.release(self.held);
    }
}

impl fmt::Debug for RequestMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.held.fmt(f)
    }
}
