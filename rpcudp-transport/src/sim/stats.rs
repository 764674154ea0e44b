/// What has become of the datagrams that were sent on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkStats {
    /// Datagrams that nodes sent.
    pub sent: u64,
    /// Those that were put on their way to a node, copies included.
    pub delivered: u64,
    /// Those that were lost by chance.
    pub lost: u64,
    /// Copies that were made.
    pub duplicated: u64,
    /// Those that were held back for others to overtake.
    pub held_back: u64,
    /// Those that were larger than the MTU.
    pub oversized: u64,
    /// Those that a partition stopped.
    pub cut_off: u64,
    /// Those to an address that no node is bound to.
    pub unreachable: u64,
}
