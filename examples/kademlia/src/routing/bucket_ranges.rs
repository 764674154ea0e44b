use rand::{Rng, RngExt};

use crate::{Key, NodeId};

/// Which part of the space belongs to which bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct BucketRanges {
    local_id: NodeId,
    count: usize,
}

impl BucketRanges {
    pub(super) fn new(local_id: NodeId, count: usize) -> Self {
        Self { local_id, count }
    }

    pub(super) fn random_key(self, index: usize, rng: &mut impl Rng) -> Key {
        let (own, random) = (Key::from(self.local_id), Key::from_bytes(rng.random()));
        let is_last = index + 1 == self.count;
        if is_last {
            own.with_random_suffix(index, random)
        } else {
            own.with_random_suffix(index + 1, random).with_flipped_bit(index)
        }
    }

    pub(super) fn index(self, key: &Key) -> usize {
        self.local_id.distance(key).common_prefix_len().min(self.count - 1)
    }

    /// The buckets in the order of their distance from a key: everything in one is nearer than everything in the next.
    ///
    /// The nearest is the one that the key would be in, for it shares the most bits with those. All in later buckets
    /// differ from the key in the same first bit; which of them is nearer is decided by the next bit, where the key
    /// agrees either with the next bucket alone or with all after it. Earlier buckets differ in an earlier bit.
    pub(super) fn by_distance(self, key: &Key) -> impl Iterator<Item = usize> {
        let (first, last) = (self.index(key), self.count - 1);
        let own = Key::from(self.local_id);
        let key = *key;
        let agrees_alone = move |index: &usize| key.bit(*index) != own.bit(*index);
        let later = first + 1..last;
        let before_last = later.clone().filter(agrees_alone);
        let after_last = later.rev().filter(move |index| !agrees_alone(index));
        let last = (first < last).then_some(last);
        std::iter::once(first).chain(before_last).chain(last).chain(after_last).chain((0..first).rev())
    }
}
