use std::net::{IpAddr, SocketAddr};

/// A datagram of a batch: its path, and its place in the buffer.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) destination: SocketAddr,
    pub(super) source: Option<IpAddr>,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Entry {
    /// Returns whether both have one destination and one source.
    pub(super) fn has_path_of(&self, other: &Self) -> bool {
        self.destination == other.destination && self.source == other.source
    }

    /// Returns a hash of the destination and the source. If a peer makes two of them the same,
    /// their datagrams are not moved together.
    pub(super) fn path_hash(&self) -> u32 {
        let (ip, port) = (hash_ip(self.destination.ip()), u64::from(self.destination.port()));
        let destination = (ip ^ port << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((destination ^ self.source.map_or(0, hash_ip)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32
    }
}

fn hash_ip(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            (bits >> 64) as u64 ^ (bits as u64).rotate_left(17)
        }
    }
}
