use std::fmt;
use std::sync::{Arc, Weak};

use super::Endpoint;
use super::shared::Shared;

/// A reference to an endpoint that does not keep it open.
///
/// Made by [`Endpoint::downgrade`]. A service or background task of an endpoint holds one, to make
/// calls on its own initiative: with an [`Endpoint`] it would keep its own endpoint open for ever.
/// [`Builder::serve_with`](crate::Builder::serve_with) passes one to a service.
///
/// ```
/// use rpcudp::Endpoint;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
/// let weak = endpoint.downgrade();
/// assert!(weak.upgrade().is_some());
///
/// let closed = endpoint.closed();
/// drop(endpoint);
/// closed.await;
/// assert!(weak.upgrade().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WeakEndpoint {
    shared: Weak<Shared>,
}

impl Endpoint {
    /// Returns a reference that does not keep the endpoint open.
    #[must_use]
    pub fn downgrade(&self) -> WeakEndpoint {
        WeakEndpoint { shared: Arc::downgrade(self.shared()) }
    }
}

impl WeakEndpoint {
    /// Returns a handle, or `None` if the endpoint is closing or closed.
    #[must_use = "the endpoint closes when its last handle is dropped"]
    pub fn upgrade(&self) -> Option<Endpoint> {
        let shared = self.shared.upgrade()?;
        (!shared.lifecycle.is_closing()).then(|| Endpoint::new(&shared))
    }
}

impl fmt::Debug for WeakEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakEndpoint").finish_non_exhaustive()
    }
}
