use std::collections::{BTreeSet, HashMap};

use crate::Subnet;

/// A network whose records are counted together: a subnet, or one that contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Prefix {
    Subnet(Subnet),
    V6Slash56([u8; 7]),
    V6Slash48([u8; 6]),
    /// All networks.
    All,
}

impl Prefix {
    /// Returns the networks that contain a subnet, the smallest first.
    pub(super) fn of(subnet: Subnet) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(Self::Subnet(subnet)), |prefix| prefix.parent())
    }

    /// Returns the next larger network.
    fn parent(self) -> Option<Self> {
        match self {
            Self::Subnet(Subnet::V6([a, b, c, d, e, f, g, _])) => Some(Self::V6Slash56([a, b, c, d, e, f, g])),
            Self::V6Slash56([a, b, c, d, e, f, _]) => Some(Self::V6Slash48([a, b, c, d, e, f])),
            Self::Subnet(_) | Self::V6Slash48(_) => Some(Self::All),
            Self::All => None,
        }
    }
}

/// The number of bytes that each network has stored, ordered to find the largest part of another.
#[derive(Clone, Debug, Default)]
pub(super) struct SubnetUsage {
    lens: HashMap<Prefix, usize>,
    /// The parts of each network, the one that has stored the most last.
    parts: HashMap<Prefix, BTreeSet<(usize, Prefix)>>,
}

impl SubnetUsage {
    pub(super) fn len_of(&self, prefix: Prefix) -> usize {
        self.lens.get(&prefix).copied().unwrap_or(0)
    }

    /// Returns the part of a network that has stored the most, with its number of bytes.
    pub(super) fn largest_part(&self, prefix: Prefix) -> Option<(usize, Prefix)> {
        self.parts.get(&prefix)?.last().copied()
    }

    /// Returns the subnet that has stored the most of the largest part of a network, and so on.
    pub(super) fn largest_subnet(&self, mut prefix: Prefix) -> Subnet {
        loop {
            match prefix {
                Prefix::Subnet(subnet) => return subnet,
                _ => (_, prefix) = self.largest_part(prefix).expect("a network with usage has parts"),
            }
        }
    }

    pub(super) fn add(&mut self, subnet: Subnet, len: usize) {
        Prefix::of(subnet).for_each(|prefix| self.set(prefix, self.len_of(prefix) + len));
    }

    pub(super) fn subtract(&mut self, subnet: Subnet, len: usize) {
        Prefix::of(subnet).for_each(|prefix| self.set(prefix, self.len_of(prefix) - len));
    }

    fn set(&mut self, prefix: Prefix, len: usize) {
        // A network without values has no entry.
        let old = if len == 0 { self.lens.remove(&prefix) } else { self.lens.insert(prefix, len) };
        let Some(parent) = prefix.parent() else { return };
        let parts = self.parts.entry(parent).or_default();
        if let Some(old) = old {
            parts.remove(&(old, prefix));
        }
        if len > 0 {
            parts.insert((len, prefix));
        } else if parts.is_empty() {
            self.parts.remove(&parent);
        }
    }
}
