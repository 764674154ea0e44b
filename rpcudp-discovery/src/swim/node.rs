use std::net::SocketAddr;

/// The identity of a member: an address, and the run of the process there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) addr: SocketAddr,
    /// A random number that the node draws when it starts, so that others can tell its runs apart
    /// and a source off the path cannot guess it. It changes each time that the node joins again.
    pub(crate) run: u64,
}

impl Node {
    /// Returns the address of a member whose run is not known yet.
    pub(crate) fn unknown(addr: SocketAddr) -> Self {
        Self { addr, run: 0 }
    }
}

impl foca::Identity for Node {
    type Addr = SocketAddr;

    fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn renew(&self) -> Option<Self> {
        Some(Self { addr: self.addr, run: self.run.wrapping_add(1) })
    }

    /// Another run at an address never takes the place of this one by itself: the engine removes
    /// this one when the other has responded to a call.
    fn win_addr_conflict(&self, _: &Self) -> bool {
        true
    }
}
