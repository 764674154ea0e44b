use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::peer_id::PeerId;
use crate::tls::Allow;

/// The options of a table of links. Each has a default that suits the open internet.
///
/// ```
/// use rpcudp_secure::LinkOptions;
/// use std::time::Duration;
///
/// let options = LinkOptions::default().max_links(100).idle_timeout(Duration::from_secs(5));
/// ```
#[derive(Clone)]
pub struct LinkOptions {
    pub(crate) allow: Allow,
    pub(crate) max_links: usize,
    pub(crate) idle_timeout: Duration,
    /// The MTU; `None` for the default of each peer's address.
    pub(crate) mtu: Option<u16>,
    pub(crate) local_addr: Option<SocketAddr>,
    pub(crate) max_message_len: usize,
    pub(crate) message_memory_len: usize,
}

impl LinkOptions {
    /// The smallest MTU of QUIC (RFC 9000, 14), in bytes of UDP payload.
    pub const MIN_MTU: u16 = 1_200;

    /// The largest MTU: what UDP carries.
    pub const MAX_MTU: u16 = 65_527;

    /// The default MTU on loopback, which fragments no datagram.
    pub(crate) const LOOPBACK_MTU: u16 = 8_900;

    /// Sets the keys that may open a link to this endpoint. Default: every key that its peer
    /// proves. A key for which the function returns `false`, or panics, is refused.
    ///
    /// This endpoint may open links to others too. [`Links::is_allowed`](crate::Links::is_allowed)
    /// tells whether the peer of such a link is one that might have opened it.
    #[must_use]
    pub fn allow(mut self, allow: impl Fn(PeerId) -> bool + Send + Sync + 'static) -> Self {
        self.allow = Arc::new(allow);
        self
    }

    /// Sets the number of links that may be up at once. Default: 1,024. If there are more, the one
    /// that has been idle for the longest time is closed. At least 1.
    #[must_use]
    pub fn max_links(mut self, count: usize) -> Self {
        self.max_links = count.max(1);
        self
    }

    /// Sets the time after which a link without traffic ends. Default: 30 s. The shorter of both
    /// ends' times counts. At least 1 s. While a call over the link is in flight, or a request that
    /// came over it is handled, both ends show that they are alive.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout.clamp(Duration::from_secs(1), Duration::from_secs(24 * 60 * 60));
        self
    }

    /// Sets the largest datagram that is sent, in bytes of UDP payload. Default: 1,200, which every
    /// path carries, and 8,900 to a peer at an address of `127.0.0.0/8`, which no network has in
    /// between. More is faster, for paths that are known to carry it: 1,452 on Ethernet. Bounded by
    /// [`MIN_MTU`](Self::MIN_MTU) and [`MAX_MTU`](Self::MAX_MTU).
    #[must_use]
    pub fn mtu(mut self, mtu: u16) -> Self {
        self.mtu = Some(mtu.clamp(Self::MIN_MTU, Self::MAX_MTU));
        self
    }

    /// Sets the address that the socket of the table is bound to. Default: none. An endpoint sets
    /// it itself.
    ///
    /// A table that was made again with the same identity and address resets the links of the
    /// earlier one, so that their peers need not wait for the idle timeout. Tables of one identity
    /// at several addresses must not: any of them would give the tokens that end the links of the
    /// others (RFC 9000, 21.11).
    #[must_use]
    pub fn local_addr(mut self, addr: SocketAddr) -> Self {
        self.local_addr = Some(addr);
        self
    }

    /// Sets the length of the largest frame in each direction, in bytes. Default: 16 MiB. At most 1
    /// GiB. A longer one that arrives is stopped.
    #[must_use]
    pub fn max_message_len(mut self, len: usize) -> Self {
        self.max_message_len = len.min(1 << 30);
        self
    }

    /// Returns the length of the largest frame, in bytes.
    #[must_use]
    pub fn largest_message_len(&self) -> usize {
        self.max_message_len
    }

    /// Sets the memory for large frames that are arriving, and for requests that their owner holds,
    /// in bytes. Default: 256 MiB. One key may take a quarter of it, over all links to it. Frames
    /// beyond it wait at their sender. Both are at least twice
    /// [`max_message_len`](Self::max_message_len), and requests leave one such length of both to
    /// responses.
    ///
    /// As much again is for responses that wait, or that their peers have not acknowledged, and a
    /// quarter of it for those to one key. Responses beyond it are dropped, and the streams that
    /// they answer on are reset. Frames to be sent over
    /// one link may take as much, too.
    #[must_use]
    pub fn message_memory(mut self, len: usize) -> Self {
        self.message_memory_len = len;
        self
    }
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            allow: Arc::new(|_| true),
            max_links: 1_024,
            idle_timeout: Duration::from_secs(30),
            mtu: None,
            local_addr: None,
            max_message_len: 16 << 20,
            message_memory_len: 256 << 20,
        }
    }
}

impl fmt::Debug for LinkOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkOptions")
            .field("max_links", &self.max_links)
            .field("idle_timeout", &self.idle_timeout)
            .field("mtu", &self.mtu)
            .field("local_addr", &self.local_addr)
            .field("max_message_len", &self.max_message_len)
            .field("message_memory_len", &self.message_memory_len)
            .finish_non_exhaustive()
    }
}
