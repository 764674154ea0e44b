//! Decides whether several datagrams leave as one segmented send (GSO).

use std::sync::atomic::{AtomicU32, Ordering};

/// The maximum number of datagrams of a segmented send on a socket, and the failures so far.
///
/// quinn-udp turns segmentation off for the life of the socket after any error that could mean that
/// a network card lacks it, and the same errors report a source address that has vanished, or a
/// destination that the socket cannot reach. One response would then make all later ones slower. So
/// a segmented send counts as failed only if its first datagram alone succeeds right after it, and
/// segmentation then pauses and is tried again.
#[derive(Debug)]
pub(super) struct Segmentation {
    max_count: usize,
    /// The number of batches until segmentation is tried again.
    pause: AtomicU32,
}

impl Segmentation {
    /// The number of batches that leave without segmentation after it failed. A card that lacks it
    /// then costs a thousandth of a system call for each batch.
    pub(super) const PAUSE: u32 = 1_000;

    /// `max_count` is the number of datagrams that a segmented send of this kernel can carry.
    pub(super) fn new(max_count: usize) -> Self {
        Self { max_count, pause: AtomicU32::new(0) }
    }

    /// Returns whether the next batch may leave with segmented sends.
    pub(super) fn is_on(&self) -> bool {
        self.max_count > 1 && self.pause.load(Ordering::Relaxed) == 0
    }

    /// Returns the maximum number of datagrams in a segmented send of the next batch.
    pub(super) fn begin_batch(&self) -> usize {
        if self.pause.load(Ordering::Relaxed) == 0 {
            return self.max_count;
        }
        // Two threads may end the pause at once, which must not wrap it around.
        let _ = self.pause.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |pause| pause.checked_sub(1));
        1
    }

    /// Pauses segmentation, because the datagrams of a segmented send leave only one by one.
    pub(super) fn pause(&self) {
        self.pause.store(Self::PAUSE, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segmentation_is_tried_again_after_a_pause() {
        let segmentation = Segmentation::new(64);
        assert_eq!(segmentation.begin_batch(), 64);
        segmentation.pause();
        assert!((0..Segmentation::PAUSE).all(|_| segmentation.begin_batch() == 1));
        assert_eq!(segmentation.begin_batch(), 64);
    }
}
