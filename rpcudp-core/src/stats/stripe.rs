use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The index of the set of counters that a thread adds to.
///
/// The first [`OWNED`](Self::OWNED) threads of the process own a stripe each, and add to it without
/// an atomic addition, which takes several times as long as the rest of counting. A thread returns
/// its stripe when it ends. Further threads share the other stripes: if all shared one, each
/// addition would move a cache line between cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StripeIndex(usize);

/// The stripes in [`OWNED`](StripeIndex::OWNED) that have an owner, as a bit mask.
static OWNERS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The thread's stripe, or [`StripeIndex::NONE`] before the thread counts. A constant at first,
    /// because a thread-local value without a destructor is then read without a check.
    static INDEX: Cell<StripeIndex> = const { Cell::new(StripeIndex::NONE) };
    static OWNERSHIP: Ownership = const { Ownership };
}

/// The thread's claim on its stripe, which ends with the thread.
struct Ownership;

impl StripeIndex {
    /// The number of stripes that belong to one thread each.
    const OWNED: usize = 8;
    /// The number of stripes that all other threads share.
    const SHARED: usize = 4;
    pub(super) const COUNT: usize = Self::OWNED + Self::SHARED;
    const NONE: Self = Self(Self::COUNT);

    /// Returns the thread's stripe.
    #[inline]
    pub(super) fn of_thread() -> Self {
        let index = INDEX.get();
        if index == Self::NONE { Self::assign() } else { index }
    }

    pub(super) fn get(self) -> usize {
        self.0
    }

    /// Adds to a counter of the thread's own stripe.
    #[inline]
    pub(super) fn add(self, counter: &AtomicU64, count: u64) {
        if self.0 < Self::OWNED {
            // No other thread writes to it.
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
        } else {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Gives the thread a stripe of its own, or a shared one if there is none left.
    #[cold]
    fn assign() -> Self {
        let index = Self::claim().unwrap_or_else(Self::next_shared);
        INDEX.set(index);
        index
    }

    fn claim() -> Option<Self> {
        let is_free = |owners: usize| owners.trailing_ones() < Self::OWNED as u32;
        // Acquires the former owner's counts, to which this thread adds.
        let claim = |owners: usize| is_free(owners).then(|| owners | (owners + 1));
        let owners = OWNERS.fetch_update(Ordering::Acquire, Ordering::Relaxed, claim).ok()?;
        let index = Self(owners.trailing_ones() as usize);
        // A thread that is ending cannot return a stripe later.
        if OWNERSHIP.try_with(|_| ()).is_err() {
            index.release();
            return None;
        }
        Some(index)
    }

    fn next_shared() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Self(Self::OWNED + NEXT.fetch_add(1, Ordering::Relaxed) % Self::SHARED)
    }

    fn release(self) {
        OWNERS.fetch_and(!(1 << self.0), Ordering::Release);
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        // Other destructors of the thread may count after this one.
        let owned = INDEX.replace(StripeIndex::next_shared());
        owned.release();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Barrier};
    use std::thread;

    use super::*;

    #[test]
    fn threads_own_different_stripes_and_return_them() {
        // More rounds than stripes, so that a stripe that is not returned is missed. Other tests of
        // the process hold some stripes.
        for _ in 0..4 * StripeIndex::OWNED {
            let barrier = Arc::new(Barrier::new(3));
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let barrier = Arc::clone(&barrier);
                    thread::spawn(move || {
                        let index = StripeIndex::of_thread();
                        barrier.wait();
                        (index.0 < StripeIndex::OWNED).then_some(index.0)
                    })
                })
                .collect();
            let owned: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
            assert_eq!(owned.iter().collect::<BTreeSet<_>>().len(), owned.len(), "{owned:?}");
        }
    }

    #[test]
    fn no_count_of_many_threads_is_lost() {
        const THREADS: u64 = 3 * StripeIndex::COUNT as u64;
        const ADDITIONS: u64 = 10_000;
        let stripes: Arc<[AtomicU64; StripeIndex::COUNT]> = Arc::default();
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let stripes = Arc::clone(&stripes);
                thread::spawn(move || {
                    for _ in 0..ADDITIONS {
                        let index = StripeIndex::of_thread();
                        index.add(&stripes[index.get()], 1);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let sum: u64 = stripes.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        assert_eq!(sum, THREADS * ADDITIONS);
    }
}
