use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::change::Change;
use super::peer_source::PeerSource;

/// The peers of a group: a list, or a source that changes them while the group is in use.
///
/// ```
/// use rpcudp::{Change, Peers};
/// use tokio::sync::mpsc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let list = Peers::fixed(["192.0.2.1:7000".parse()?, "192.0.2.2:7000".parse()?]);
///
/// let (changes, receiver) = mpsc::channel(16);
/// let mut peers = Peers::changes(receiver).named("the directory");
/// changes.send(Change::Insert("192.0.2.1:7000".parse()?)).await?;
/// assert!(matches!(peers.next_change().await, Some(Change::Insert(_))));
/// # Ok(())
/// # }
/// ```
pub struct Peers {
    source: Box<dyn PeerSource>,
    name: Arc<str>,
}

impl Peers {
    /// Returns a list of peers that does not change.
    #[must_use]
    pub fn fixed(peers: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut rest = Vec::from_iter(peers).into_iter();
        Self::changes(move |_: &mut Context<'_>| Poll::Ready(rest.next().map(Change::Insert))).named("a fixed list")
    }

    /// Returns a list of peers with keys that does not change. Calls go over links to peers that
    /// have proven these keys, as those of [`Client::secure`](crate::Client::secure), and never
    /// over the plain wire.
    ///
    /// The endpoint needs a [`Builder::identity`](crate::Builder::identity). A source of peers that
    /// change reports [`Change::InsertSecure`].
    ///
    /// ```
    /// use rpcudp::{Endpoint, Identity, Peers, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     #[rpc(at_least_once)]
    ///     fn hour(&self) -> u8;
    /// }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let identity = Identity::generate();
    /// # let key = identity.peer_id();
    /// # let server = Endpoint::builder().identity(identity).serve(ClockServer::new(Noon));
    /// # let server = server.bind("127.0.0.1:0").await?;
    /// # let addr = server.local_addr();
    /// let endpoint = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await?;
    /// let clock = ClockClient::group(&endpoint, Peers::secure([(addr, key)]));
    /// assert_eq!(clock.hour().await?, 12);
    /// assert_eq!(clock.peers()[0].peer_id, Some(key));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "secure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    #[must_use]
    pub fn secure(peers: impl IntoIterator<Item = (SocketAddr, crate::PeerId)>) -> Self {
        let mut rest = Vec::from_iter(peers).into_iter();
        let next =
            move |_: &mut Context<'_>| Poll::Ready(rest.next().map(|(addr, key)| Change::InsertSecure(addr, key)));
        Self::changes(next).named("a fixed list")
    }

    /// Returns the peers that a source names. If the source ends, the peers stay as they are.
    ///
    /// A task of the endpoint's runtime polls the source, and ends with the group. Until the first
    /// change, of any kind, calls to the group wait, at most for their timeout. So a source that
    /// finds no peer reports a [`Change::Failed`] with the reason.
    pub fn changes(source: impl PeerSource) -> Self {
        Self { source: Box::new(source), name: "a source without a name".into() }
    }

    /// Sets the name of the source, for errors and log lines, such as the name that a resolver
    /// looks up.
    #[must_use]
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Returns the name of the source.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the next change. Returns `None` if the source has ended.
    ///
    /// For programs that use a source without a group. A group that is made from these peers
    /// afterwards sees only later changes.
    ///
    /// # Cancel safety
    ///
    /// No change is lost if the future is dropped.
    pub async fn next_change(&mut self) -> Option<Change> {
        poll_fn(|cx| self.source.poll_change(cx)).await
    }
}

/// Peers can be a source, to combine or filter several.
impl PeerSource for Peers {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        self.source.poll_change(cx)
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("name", &self.name).finish_non_exhaustive()
    }
}
