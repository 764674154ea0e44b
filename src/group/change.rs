use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

/// A change of the peers of a group. A [`PeerSource`](crate::PeerSource) reports it.
///
/// ```
/// use rpcudp::Change;
///
/// let peer = "192.0.2.1:7000".parse()?;
/// let changes = [Change::Insert(peer), Change::failed("the directory does not respond"), Change::Remove(peer)];
/// # assert!(matches!(&changes[1], Change::Failed(error) if error.to_string() == "the directory does not respond"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// The source names a peer. A source that refreshes what it knows reports a known peer again,
    /// which only renews the peer's age.
    Insert(SocketAddr),
    /// A peer is gone. New calls avoid it; calls in flight to it go on.
    Remove(SocketAddr),
    /// The source names a peer with a key, which is called over a link, and never over the plain
    /// wire. The key tells the peer apart: with a known key, the peer has another address now.
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    InsertSecure(SocketAddr, crate::PeerId),
    /// The peer with this key is gone, as with [`Remove`](Self::Remove).
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    RemoveSecure(crate::PeerId),
    /// The source could not refresh what it knows. All peers stay.
    Failed(Arc<dyn Error + Send + Sync>),
}

impl Change {
    /// Returns [`Failed`](Self::Failed) with an error or a text.
    #[must_use]
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into().into())
    }
}
