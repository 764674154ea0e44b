use std::fmt;

use rpcudp::Dialect;

/// A Python package with this wire protocol, in a tested version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// `rpcudp` 5.0.1, the newest version, on asyncio.
    Rpcudp5,
    /// `rpcudp` 4.0.0, for older Pythons, on asyncio. From Python 3.11 on it serves only coroutines
    /// unless it gets a shim.
    Rpcudp4,
    /// `storjrpcudp` 2.4, on Twisted, with its own kind bytes.
    Storj,
    /// `kademlia` 2.2.3, a DHT on `rpcudp` 5.0.1.
    Kademlia,
    /// This repository's `rpcudp_fast`, which has the API of `rpcudp` 5.0.1. It is not installed
    /// from PyPI: the variable `RPCUDP_FAST_PYTHON` names an interpreter that has it.
    Fast,
}

impl Package {
    /// The number of packages.
    pub(crate) const COUNT: usize = Self::Fast as usize + 1;

    /// Returns the dialect of the package, which decides the kind bytes.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Rpcudp5 | Self::Rpcudp4 | Self::Kademlia | Self::Fast => Dialect::Rpcudp,
            Self::Storj => Dialect::Storj,
        }
    }

    /// Returns the name and the version.
    pub(crate) fn name_and_version(self) -> (&'static str, &'static str) {
        match self {
            Self::Rpcudp5 => ("rpcudp", "5.0.1"),
            Self::Rpcudp4 => ("rpcudp", "4.0.0"),
            Self::Storj => ("storjrpcudp", "2.4"),
            Self::Kademlia => ("kademlia", "2.2.3"),
            Self::Fast => ("rpcudp_fast", env!("CARGO_PKG_VERSION")),
        }
    }

    /// Returns the requirements file for pip, which pins every package.
    pub(crate) fn requirements(self) -> &'static str {
        match self {
            Self::Rpcudp5 => include_str!("../python/requirements/rpcudp-5.0.1.txt"),
            Self::Rpcudp4 => include_str!("../python/requirements/rpcudp-4.0.0.txt"),
            Self::Storj => include_str!("../python/requirements/storjrpcudp-2.4.txt"),
            Self::Kademlia => include_str!("../python/requirements/kademlia-2.2.3.txt"),
            Self::Fast => "",
        }
    }

    /// Returns the script in the folder `python` that runs the package.
    pub(crate) fn script(self) -> &'static str {
        match self {
            Self::Rpcudp5 | Self::Rpcudp4 | Self::Fast => "rpcudp_peer.py",
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
