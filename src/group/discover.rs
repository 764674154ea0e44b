use std::error::Error;
use std::net::SocketAddr;
use std::task::Context;

use ::tower::discover::{Change as Discovered, Discover};

use super::change::Change;
use super::peers::Peers;

impl Peers {
    /// Returns the peers that a [`Discover`] of tower names, which any stream of tower's changes
    /// is. The services of the changes are dropped. An error leaves the peers as they are.
    ///
    /// ```
    /// use std::error::Error;
    /// use std::net::SocketAddr;
    ///
    /// use rpcudp::Peers;
    /// use tower::discover::Discover;
    ///
    /// /// The peers that a registry names, whose client speaks tower.
    /// fn peers<D>(registry: D) -> Peers
    /// where
    ///     D: Discover<Key = SocketAddr, Error = Box<dyn Error + Send + Sync>> + Send + 'static,
    /// {
    ///     Peers::discover(registry).named("the registry")
    /// }
    /// ```
    pub fn discover<D>(discover: D) -> Self
    where
        D: Discover<Key = SocketAddr, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let mut discover = Box::pin(discover);
        Self::changes(move |cx: &mut Context<'_>| {
            discover.as_mut().poll_discover(cx).map(|change| {
                Some(match change? {
                    Ok(Discovered::Insert(addr, _)) => Change::Insert(addr),
                    Ok(Discovered::Remove(addr)) => Change::Remove(addr),
                    Err(error) => Change::failed(error),
                })
            })
        })
    }
}
