//! The options of links.

use std::collections::HashSet;
use std::sync::Arc;

use rpcudp_secure::{Identity, LinkOptions, PeerId};

use super::Builder;
use crate::links::plain::Plain;

/// Links: encrypted connections with peers that prove their keys.
#[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
impl Builder {
    /// Sets the identity of the endpoint, which may then call over links
    /// ([`Client::secure`](crate::Client::secure)) and serves its peers over links too, on the same
    /// port as the plain wire. Default: none, and no links.
    ///
    /// ```
    /// use rpcudp::{Endpoint, Identity};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = std::env::temp_dir().join(format!("rpcudp-identity-{}.pem", std::process::id()));
    /// # std::fs::write(&file, Identity::generate().to_pem())?;
    /// let identity = Identity::from_pem(&std::fs::read(&file)?)?;
    /// # std::fs::remove_file(&file)?;
    /// let peer_id = identity.peer_id();
    /// let endpoint = Endpoint::builder().identity(identity).bind("127.0.0.1:0").await?;
    /// assert_eq!(endpoint.peer_id(), Some(peer_id));
    /// # Ok(())
    /// # }
    /// ```
    pub fn identity(mut self, identity: Identity) -> Self {
        self.config.links.identity = Some(identity);
        self
    }

    /// Sets a new identity, unless there is one.
    pub(crate) fn with_any_identity(mut self) -> Self {
        self.config.links.identity.get_or_insert_with(Identity::generate);
        self
    }

    /// Sets the keys of the peers that may call this endpoint over links. Default: all. Others are
    /// refused before their handshake is complete. Replaces an earlier
    /// [`allow_if`](Self::allow_if).
    ///
    /// This endpoint may call others too. If such a peer sends requests over the link that was
    /// opened to it, they are refused ([`Refusal::Rejected`](crate::Refusal::Rejected)).
    ///
    /// Has no effect on the plain wire, for which [`plain`](Self::plain) is.
    pub fn allow(self, peers: impl IntoIterator<Item = PeerId>) -> Self {
        let peers: HashSet<_> = peers.into_iter().collect();
        self.allow_if(move |peer| peers.contains(&peer))
    }

    /// Sets a function that decides which peers may call this endpoint over links, by their keys.
    /// It is called in each handshake, so that a list may change while the endpoint runs, and must
    /// not block. If it panics, the peer is refused. Replaces an earlier [`allow`](Self::allow).
    ///
    /// A link that is up stays up if its key is not allowed any more, until it has been idle for
    /// the idle timeout.
    pub fn allow_if(mut self, is_allowed: impl Fn(PeerId) -> bool + Send + Sync + 'static) -> Self {
        self.config.links.allow = Some(Arc::new(is_allowed));
        self
    }

    /// Sets the use of the plain wire. Default: [`Plain::On`], so that Python peers and others
    /// without a key go on.
    ///
    /// ```
    /// use rpcudp::{CallError, Endpoint, Identity, Plain, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self) -> u8;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let builder = Endpoint::builder().identity(Identity::generate()).plain(Plain::Off);
    /// let endpoint = builder.bind("127.0.0.1:0").await?;
    /// let plain = ClockClient::new(&endpoint, "127.0.0.1:1234".parse()?);
    /// assert!(matches!(plain.hour().await, Err(CallError::Insecure { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn plain(mut self, plain: Plain) -> Self {
        self.config.links.plain = plain;
        self
    }

    /// Sets further options of the links: their number, timeout, MTU and memory. Default:
    /// [`LinkOptions::default()`].
    pub fn link_options(mut self, options: LinkOptions) -> Self {
        self.config.links.options = options;
        self
    }
}
