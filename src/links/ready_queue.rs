use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lock::Lock;
use crate::wake_flag::WakeFlag;

/// The streams that have work for the driver that owns the links.
#[derive(Debug)]
pub(crate) struct ReadyQueue<T> {
    ready: Lock<Vec<T>>,
    has_ready: AtomicBool,
    driver: Arc<WakeFlag>,
}

impl<T> ReadyQueue<T> {
    pub(super) fn new(driver: &Arc<WakeFlag>) -> Self {
        Self { ready: Lock::default(), has_ready: AtomicBool::new(false), driver: Arc::clone(driver) }
    }

    pub(super) fn push(&self, item: T) {
        let mut ready = self.ready.lock();
        ready.push(item);
        self.has_ready.store(true, Ordering::Release);
        drop(ready);
        self.driver.set();
    }

    pub(crate) fn take(&self) -> Vec<T> {
        let mut ready = self.ready.lock();
        self.has_ready.store(false, Ordering::Release);
        std::mem::take(&mut *ready)
    }

    pub(crate) fn has_ready(&self) -> bool {
        self.has_ready.load(Ordering::Acquire)
    }
}
