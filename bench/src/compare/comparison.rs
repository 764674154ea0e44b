use std::fmt;

use crate::contenders::Contender;
use crate::measuring::{Machine, Sample};

/// A cell of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) size: usize,
    pub(crate) in_flight: usize,
    pub(crate) contender: Contender,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, in_flight, contender } = self;
        write!(f, "{size:>5} B  {in_flight:>4} in flight  {contender:<6}")
    }
}

/// The samples of a run, and the contenders and cells that were skipped.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) machine: Machine,
    /// The cells, in groups of equal size and number of calls in flight. The cells of a group are
    /// compared.
    pub(crate) groups: Vec<Vec<Key>>,
    pub(crate) samples: Vec<Sample<Key>>,
    pub(crate) skipped: Vec<String>,
}

impl Comparison {
    pub(crate) fn failure_count(&self) -> u64 {
        self.samples.iter().map(|sample| sample.failures.count).sum()
    }

    /// Returns all samples of a cell, whether or not they count.
    pub(crate) fn all_of(&self, key: Key) -> impl Iterator<Item = &Sample<Key>> {
        self.samples.iter().filter(move |sample| sample.key == key)
    }
}
