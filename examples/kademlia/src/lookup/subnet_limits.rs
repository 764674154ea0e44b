use std::collections::HashMap;
use std::net::SocketAddr;

use crate::Subnet;

/// The number of nodes of each subnet that a lookup has queried, without those that failed.
#[derive(Clone, Debug)]
pub(super) struct SubnetLimits {
    max_per_subnet: usize,
    max_per_addr: usize,
    indices: HashMap<Subnet, SubnetIndex>,
    /// The usage of each subnet, by index: `has_room` is called for many candidates in each step.
    usages: Vec<Usage>,
}

/// The index of a subnet.
#[derive(Clone, Copy, Debug)]
pub(super) struct SubnetIndex(usize);

#[derive(Clone, Copy, Debug)]
struct Usage {
    queried: usize,
    limit: usize,
}

impl SubnetLimits {
    /// Creates the limits, with capacity for `expected` subnets.
    pub(super) fn new(max_per_subnet: usize, max_per_addr: usize, expected: usize) -> Self {
        let (indices, usages) = (HashMap::with_capacity(expected), Vec::with_capacity(expected));
        Self { max_per_subnet, max_per_addr, indices, usages }
    }

    /// Returns the index of an address's subnet.
    pub(super) fn index_of(&mut self, addr: SocketAddr) -> SubnetIndex {
        let subnet = Subnet::of(addr);
        let limit = match subnet {
            Subnet::Local(_) => self.max_per_addr,
            Subnet::V4(_) | Subnet::V6(_) => self.max_per_subnet,
        };
        *self.indices.entry(subnet).or_insert_with(|| {
            self.usages.push(Usage { queried: 0, limit });
            SubnetIndex(self.usages.len() - 1)
        })
    }

    /// Returns whether one more node of the subnet may be queried.
    pub(super) fn has_room(&self, index: SubnetIndex) -> bool {
        let Usage { queried, limit } = self.usages[index.0];
        queried < limit
    }

    /// Counts a query to a node of the subnet.
    pub(super) fn acquire(&mut self, index: SubnetIndex) {
        self.usages[index.0].queried += 1;
    }

    /// Takes back the count of a query that has failed.
    pub(super) fn release(&mut self, index: SubnetIndex) {
        self.usages[index.0].queried -= 1;
    }
}
