use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpcudp_secure::HeldMemory;

use crate::lock::Lock;
use crate::wake_flag::WakeFlag;

/// The memory of large frames that handlers have released, for the driver of the links.
#[derive(Debug)]
pub(crate) struct LargeFrames {
    released: Lock<Vec<HeldMemory>>,
    has_released: AtomicBool,
    driver: Arc<WakeFlag>,
}

impl LargeFrames {
    pub(crate) fn new(driver: &Arc<WakeFlag>) -> Arc<Self> {
        let has_released = AtomicBool::new(false);
        Arc::new(Self { released: Lock::default(), has_released, driver: Arc::clone(driver) })
    }

    /// Releases memory, and wakes the driver.
    pub(super) fn release(&self, held: HeldMemory) {
        self.released.lock().push(held);
        if !self.has_released.swap(true, Ordering::AcqRel) {
            self.driver.set();
        }
    }

    pub(crate) fn has_released(&self) -> bool {
        self.has_released.load(Ordering::Acquire)
    }

    /// Takes the memory that was released since the last call.
    pub(crate) fn take(&self) -> Vec<HeldMemory> {
        if self.has_released.swap(false, Ordering::AcqRel) { mem::take(&mut self.released.lock()) } else { Vec::new() }
    }
}
