/// The counts of datagrams that were sent, delivered and dropped on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkStats {
    /// Datagrams sent by nodes.
    pub sent: u64,
    /// Datagrams and duplicates on their way to a node or arrived there.
    pub delivered: u64,
    /// Datagrams lost at random, in bursts or outside, whole or in one of their fragments.
    pub lost: u64,
    /// Datagrams dropped because the queue of a link had no room for them, or for one of their
    /// fragments.
    pub overflowed: u64,
    /// Duplicates made.
    pub duplicated: u64,
    /// Datagrams and duplicates held back, so that others overtake them.
    pub held_back: u64,
    /// Datagrams dropped because they were larger than the MTU.
    pub oversized: u64,
    /// Datagrams dropped because a partition separates the hosts.
    pub cut_off: u64,
    /// Datagrams dropped at a router, because no mapping lets them through.
    pub unmapped: u64,
    /// Datagrams to an address that no node is bound to.
    pub unreachable: u64,
}
