use std::sync::atomic::{AtomicU32, Ordering};

/// The numbers of running handlers by source. A source that has none takes no memory of its own.
///
/// A secret hash selects a counter for each source, so that neither a lock nor an allocation is
/// needed. Sources with the same counter share it: one of 4,096 sources shares the counter of a
/// given source that has many handlers.
#[derive(Debug)]
pub(super) struct SourceShares {
    counts: Box<[AtomicU32]>,
}

impl SourceShares {
    const COUNT: usize = 4_096;

    pub(super) fn new() -> Self {
        Self { counts: (0..Self::COUNT).map(|_| AtomicU32::new(0)).collect() }
    }

    /// Adds a handler of a source. Returns the number of its other handlers.
    pub(super) fn add(&self, source_hash: u64) -> usize {
        self.count(source_hash).fetch_add(1, Ordering::AcqRel) as usize
    }

    /// Removes a handler of a source.
    pub(super) fn remove(&self, source_hash: u64) {
        self.count(source_hash).fetch_sub(1, Ordering::AcqRel);
    }

    fn count(&self, source_hash: u64) -> &AtomicU32 {
        &self.counts[source_hash as usize % Self::COUNT]
    }
}
