use std::net::IpAddr;

/// The addresses that count as one source: an IPv4 address, or the /64 prefix of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Prefix {
    V4(u32),
    V6(u64),
}

impl Prefix {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.to_bits()),
            IpAddr::V6(ip) => Self::V6((ip.to_bits() >> 64) as u64),
        }
    }

    pub(super) fn hash(self) -> u64 {
        match self {
            Self::V4(bits) => u64::from(bits) | 1 << 32,
            Self::V6(bits) => bits,
        }
    }
}
