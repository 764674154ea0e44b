use std::collections::{BTreeSet, HashMap};

use crate::Subnet;

/// The number of bytes that each subnet has stored, ordered to find the largest.
#[derive(Clone, Debug, Default)]
pub(super) struct SubnetUsage {
    lens: HashMap<Subnet, usize>,
    ranking: BTreeSet<(usize, Subnet)>,
}

impl SubnetUsage {
    pub(super) fn len_of(&self, subnet: &Subnet) -> usize {
        self.lens.get(subnet).copied().unwrap_or(0)
    }

    /// Returns the largest number of bytes, and the subnet that has stored them.
    pub(super) fn largest(&self) -> Option<(usize, Subnet)> {
        self.ranking.last().copied()
    }

    pub(super) fn add(&mut self, subnet: Subnet, len: usize) {
        self.set(subnet, self.len_of(&subnet) + len);
    }

    pub(super) fn subtract(&mut self, subnet: Subnet, len: usize) {
        self.set(subnet, self.len_of(&subnet) - len);
    }

    fn set(&mut self, subnet: Subnet, len: usize) {
        // A subnet without values has no entry.
        let old = if len == 0 { self.lens.remove(&subnet) } else { self.lens.insert(subnet, len) };
        if let Some(old) = old {
            self.ranking.remove(&(old, subnet));
        }
        if len > 0 {
            self.ranking.insert((len, subnet));
        }
    }
}
