//! The one kind of mutex that the endpoint uses.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex under which no user code runs: no handler, layer, `Drop` of a user's type, subscriber or
/// recorder.
///
/// So a lock is held for a few instructions, cannot be taken twice by one thread, and is never
/// poisoned by a user's panic. A panic of our own while a lock is held is a bug; the data behind
/// the lock is still used afterwards, because each critical section leaves it consistent at every
/// step.
///
/// One exception: the layers of the feature `tower` run under their own lock, because a layer may
/// require `&mut self`.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Locks the mutex, poisoned or not.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the value without locking, because `&mut self` proves that no other thread has it.
    #[cfg(feature = "tower")]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}
