use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::task::{Context, Poll, Waker};

use super::Driver;
use crate::endpoint::busy_poll::PolledDriver;
use crate::endpoint::shared::Shared;
use crate::lock::Lock;

/// A driver that threads of the program may run too.
struct SharedDriver {
    /// `None` after the driver has ended. Methods of services run under the lock, so no thread
    /// waits for it.
    driver: Mutex<Option<Driver>>,
    /// The waker of the driver's task, if it was polled while another thread ran the driver.
    missed: Lock<Option<Waker>>,
}

/// Runs a driver, which threads of the program may run too if its endpoint allows it.
pub(crate) async fn run(driver: Driver) {
    let Shared { config, send_queues, .. } = &*driver.shared;
    if config.busy_poll && send_queues.len() == 1 { SharedDriver::run(driver).await } else { driver.run().await }
}

impl SharedDriver {
    async fn run(driver: Driver) {
        let shared = Arc::clone(&driver.shared);
        let this = Arc::new(Self { driver: Mutex::new(Some(driver)), missed: Lock::default() });
        let for_threads: Arc<dyn PolledDriver> = this.clone();
        let _ = shared.polled_driver.set(Arc::downgrade(&for_threads));
        drop((shared, for_threads));
        poll_fn(|cx| this.poll(cx)).await;
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let locked = self.try_lock().or_else(|| {
            *self.missed.lock() = Some(cx.waker().clone());
            // The other thread may have finished before the waker was there.
            self.try_lock()
        });
        let Some(mut driver) = locked else { return Poll::Pending };
        let polled = driver.as_mut().map_or(Poll::Ready(()), |driver| driver.poll(cx));
        if polled.is_ready() {
            *driver = None;
        }
        polled
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<Driver>>> {
        match self.driver.try_lock() {
            Ok(driver) => Some(driver),
            Err(TryLockError::Poisoned(poisoned)) => {
                // The driver has panicked on a thread of the program, and ends as its task would.
                let mut driver = poisoned.into_inner();
                *driver = None;
                Some(driver)
            }
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Wakes the driver's task when it is dropped, if the task found the driver taken.
struct WakeMissed<'a>(&'a Lock<Option<Waker>>);

impl Drop for WakeMissed<'_> {
    fn drop(&mut self) {
        let missed = self.0.lock().take();
        missed.into_iter().for_each(Waker::wake);
    }
}

impl PolledDriver for SharedDriver {
    fn receive_now(&self) -> usize {
        // Declared first, so that it is dropped after the lock, also by a panic.
        let _missed;
        let Some(mut driver) = self.try_lock() else { return 0 };
        _missed = WakeMissed(&self.missed);
        driver.as_mut().map_or(0, Driver::receive_now)
    }
}

impl Driver {
    /// Receives one batch without waiting, on another thread than that of the driver's task.
    /// Returns the number of datagrams.
    fn receive_now(&mut self) -> usize {
        // The task pauses, or tasks that it has woken must run first.
        if self.receive_again.is_some() || self.wake_chain.is_active() || self.wake_chain.is_behind() {
            return 0;
        }
        let next_expiry = self.dispatch.next_expiry();
        let (received_count, has_work) = match self.transport.try_receive(&mut self.batch) {
            Ok(()) => {
                self.handle_batch();
                let has_work = self.dispatch.next_expiry() != next_expiry || self.has_work();
                (self.batch.len() + self.batch.unreachable().count(), has_work)
            }
            // The task counts other errors, and pauses after many.
            Err(error) => (0, error.kind() != io::ErrorKind::WouldBlock),
        };
        if has_work {
            self.send_queue().driver().set();
        }
        received_count
    }

    /// Returns whether a batch has left work for the driver's task.
    fn has_work(&self) -> bool {
        self.links.is_some()
            || self.wake_chain.is_active()
            || self.wake_chain.is_behind()
            || self.send_queue().is_flush_pending()
            || (self.expires_at.is_none() && self.shared.handlers.has_limited())
    }
}
