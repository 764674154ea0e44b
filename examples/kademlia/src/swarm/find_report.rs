use std::time::Duration;

/// The result of looking up many keys.
#[derive(Clone, Debug, Default)]
pub struct FindReport {
    /// For each found key, the number of successive queries that led to the value. Zero if the node
    /// itself had the value.
    pub hops: Vec<u32>,
    /// For each found key, the duration of the lookup.
    pub times: Vec<Duration>,
    /// The numbers of the keys that were not found, or had another value than was set.
    pub missing: Vec<u32>,
}

impl FindReport {
    /// Returns the number of found keys.
    #[must_use]
    pub fn found_count(&self) -> usize {
        self.hops.len()
    }
}
