use rand::{Rng, RngExt};

use crate::{Key, NodeId};

/// The division of the key space into the ranges of the k-buckets.
///
/// Bucket `i` covers the keys that share exactly `i` leading bits with the local id. The last
/// bucket also covers all keys that share more.
#[derive(Clone, Copy, Debug)]
pub(super) struct BucketRanges {
    local_id: NodeId,
    count: usize,
}

impl BucketRanges {
    pub(super) fn new(local_id: NodeId, count: usize) -> Self {
        Self { local_id, count }
    }

    /// Returns the index of the bucket that covers a key.
    pub(super) fn index(self, key: &Key) -> usize {
        self.local_id.distance(key).common_prefix_len().min(self.count - 1)
    }

    /// Returns a random key that a bucket covers.
    pub(super) fn random_key(self, index: usize, rng: &mut impl Rng) -> Key {
        let (local, random) = (Key::from(self.local_id), Key::from_bytes(rng.random()));
        let is_last = index + 1 == self.count;
        if is_last {
            local.with_random_suffix(index, random)
        } else {
            local.with_random_suffix(index + 1, random).with_flipped_bit(index)
        }
    }

    /// Returns the bucket indices by distance from a key: each key that a bucket covers is closer
    /// than each key that the next bucket covers.
    ///
    /// The bucket that covers the key comes first, because its keys share the most bits with the
    /// key. All keys in later buckets differ from the key in the same first bit. The next bit
    /// decides among them: there the key agrees either with the next bucket alone, or with all
    /// buckets after it. Keys in earlier buckets differ from the key in an earlier bit.
    pub(super) fn by_distance(self, key: &Key) -> impl Iterator<Item = usize> {
        let (first, last) = (self.index(key), self.count - 1);
        let local = Key::from(self.local_id);
        let key = *key;
        let agrees_alone = move |index: &usize| key.bit(*index) != local.bit(*index);
        let later = first + 1..last;
        let before_last = later.clone().filter(agrees_alone);
        let after_last = later.rev().filter(move |index| !agrees_alone(index));
        let last = (first < last).then_some(last);
        std::iter::once(first).chain(before_last).chain(last).chain(after_last).chain((0..first).rev())
    }
}
