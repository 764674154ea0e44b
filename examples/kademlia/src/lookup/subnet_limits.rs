use std::collections::HashMap;
use std::net::SocketAddr;

use crate::Subnet;

/// How many of each subnet a lookup follows: those that were asked and have not failed.
#[derive(Clone, Debug)]
pub(super) struct SubnetLimits {
    max_per_subnet: usize,
    max_per_addr: usize,
    indices: HashMap<Subnet, SubnetIndex>,
    /// What there is at each index_of; a lookup asks that of many candidates at each of its steps.
    usages: Vec<Usage>,
}

/// A subnet that a lookup has heard of.
#[derive(Clone, Copy, Debug)]
pub(super) struct SubnetIndex(usize);

#[derive(Clone, Copy, Debug)]
struct Usage {
    in_use: usize,
    limit: usize,
}

impl SubnetLimits {
    /// None yet, at most so many of each, and room for as many indices as are expected.
    pub(super) fn new(max_per_subnet: usize, max_per_addr: usize, expected: usize) -> Self {
        let (indices, usages) = (HashMap::with_capacity(expected), Vec::with_capacity(expected));
        Self { max_per_subnet, max_per_addr, indices, usages }
    }

    /// The index_of that an address is at.
    pub(super) fn index_of(&mut self, addr: SocketAddr) -> SubnetIndex {
        let subnet = Subnet::of(addr);
        let limit = match subnet {
            Subnet::Local(_) => self.max_per_addr,
            Subnet::V4(_) | Subnet::V6(_) => self.max_per_subnet,
        };
        *self.indices.entry(subnet).or_insert_with(|| {
            self.usages.push(Usage { in_use: 0, limit });
            SubnetIndex(self.usages.len() - 1)
        })
    }

    /// Whether one more of this index_of may be asked.
    pub(super) fn has_room(&self, index: SubnetIndex) -> bool {
        let Usage { in_use, limit } = self.usages[index.0];
        in_use < limit
    }

    /// Notes that one of this index_of is asked.
    pub(super) fn acquire(&mut self, index: SubnetIndex) {
        self.usages[index.0].in_use += 1;
    }

    /// Notes that one has failed.
    pub(super) fn release(&mut self, index: SubnetIndex) {
        self.usages[index.0].in_use -= 1;
    }
}
