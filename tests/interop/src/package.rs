use std::fmt;

use rpcudp::Dialect;

/// A Python package of this wire, in the version that the tests are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// `rpcudp` 5.0.1, the newest: on asyncio.
    Rpcudp5,
    /// `rpcudp` 4.0.0: the same on older Pythons. From 3.11 on it serves coroutines alone, without a shim.
    Rpcudp4,
    /// `storjrpcudp` 2.4: on Twisted, with kind bytes of its own.
    Storj,
    /// `kademlia` 2.2.3, on `rpcudp` 5.0.1: a DHT.
    Kademlia,
}

impl Package {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::Kademlia as usize + 1;

    /// The kind bytes that it sends and takes.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Rpcudp5 | Self::Rpcudp4 | Self::Kademlia => Dialect::Rpcudp,
            Self::Storj => Dialect::Storj,
        }
    }

    /// The name on PyPI, and the version.
    pub(crate) fn name_and_version(self) -> (&'static str, &'static str) {
        match self {
            Self::Rpcudp5 => ("rpcudp", "5.0.1"),
            Self::Rpcudp4 => ("rpcudp", "4.0.0"),
            Self::Storj => ("storjrpcudp", "2.4"),
            Self::Kademlia => ("kademlia", "2.2.3"),
        }
    }

    /// What pip installs: every package, each pinned.
    pub(crate) fn requirements(self) -> &'static str {
        match self {
            Self::Rpcudp5 => include_str!("../python/requirements/rpcudp-5.0.1.txt"),
            Self::Rpcudp4 => include_str!("../python/requirements/rpcudp-4.0.0.txt"),
            Self::Storj => include_str!("../python/requirements/storjrpcudp-2.4.txt"),
            Self::Kademlia => include_str!("../python/requirements/kademlia-2.2.3.txt"),
        }
    }

    /// What speaks through it, in the folder `python`.
    pub(crate) fn script(self) -> &'static str {
        match self {
            Self::Rpcudp5 | Self::Rpcudp4 => "rpcudp_peer.py",
            Self::Storj => "storj_peer.py",
            Self::Kademlia => "kademlia_nodes.py",
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, version) = self.name_and_version();
        write!(f, "{name} {version}")
    }
}
