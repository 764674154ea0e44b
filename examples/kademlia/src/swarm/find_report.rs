use std::time::Duration;

/// What came of looking for keys.
#[derive(Clone, Debug, Default)]
pub struct FindReport {
    /// How many nodes were asked, one after the other, for each key that was found; 0 where the node had it itself.
    pub hops: Vec<u32>,
    /// How long each of these took.
    pub times: Vec<Duration>,
    /// The keys that were not found, or not with the value that was set.
    pub missing: Vec<u32>,
}

impl FindReport {
    /// How many keys were found.
    #[must_use]
    pub fn found_count(&self) -> usize {
        self.hops.len()
    }
}
