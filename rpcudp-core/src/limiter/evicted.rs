use super::bucket::Bucket;

/// The buckets of a source.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Buckets {
    pub(super) requests: Bucket,
    /// The response bytes that the source was sent while it was unvalidated.
    pub(super) response_bytes: Bucket,
    /// The response bytes that the source was sent while it was validated.
    pub(super) validated_response_bytes: Bucket,
}

/// The buckets of evicted sources, so that a source that is evicted and returns does not start with
/// full ones. An attacker that forges many addresses decides when a source is evicted.
///
/// A secret hash selects a place for each source. Sources in the same place share its buckets: each
/// has at most the tokens that it had at its eviction, and some have fewer. With 16,384 places,
/// half a million requests per second from forged addresses take 31 requests per second, and at
/// most 4 % of the default response bytes if each response has 1,200 bytes, from each other source
/// that is evicted.
#[derive(Debug, Default)]
pub(super) struct EvictedBuckets {
    /// Allocated at the first eviction: most endpoints have fewer sources than they remember.
    places: Vec<Buckets>,
}

impl EvictedBuckets {
    const COUNT: usize = 1 << 14;

    /// Stores the buckets of an evicted source.
    pub(super) fn store(&mut self, hash: u64, buckets: &Buckets) {
        if self.places.is_empty() {
            self.places.resize(Self::COUNT, Buckets::default());
        }
        let place = &mut self.places[index(hash)];
        place.requests.limit_to(buckets.requests);
        place.response_bytes.limit_to(buckets.response_bytes);
        place.validated_response_bytes.limit_to(buckets.validated_response_bytes);
    }

    /// Returns the buckets for a source that is new or returns.
    pub(super) fn load(&self, hash: u64) -> Buckets {
        self.places.get(index(hash)).copied().unwrap_or_default()
    }
}

/// Returns the index of a source's place. `hash` depends on the secret.
fn index(hash: u64) -> usize {
    // `LruMap` uses the low bits.
    (hash >> 32) as usize & (EvictedBuckets::COUNT - 1)
}

#[cfg(test)]
impl EvictedBuckets {
    /// Returns the memory that all places take, in bytes.
    pub(super) const MEMORY_LEN: usize = Self::COUNT * size_of::<Buckets>();
}
