use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use rpcudp_secure::LinkStatus;

use crate::endpoint::Endpoint;

impl Endpoint {
    /// Returns the links that are up: the peers, their addresses, and the traffic with each. Empty
    /// without a [`Builder::identity`](crate::Builder::identity), and after the endpoint has
    /// closed.
    ///
    /// The driver makes the list, in a time that grows with the number of links (at most 1,024 by
    /// default). [`link_stats`](Self::link_stats) has the counts of all links, and costs nothing.
    ///
    /// ```
    /// use rpcudp::{AnyPeer, Client, Endpoint, Identity, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self) -> u8;
    /// }
    ///
    /// struct Noon;
    ///
    /// impl Clock for Noon {
    ///     fn hour(&self) -> u8 {
    ///         12
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Endpoint::builder().identity(Identity::generate()).serve(ClockServer::new(Noon));
    /// let server = server.bind("127.0.0.1:0").await?;
    /// let endpoint = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await?;
    /// ClockClient::secure(&endpoint, server.local_addr(), AnyPeer).hour().await?;
    ///
    /// let links = server.links().await;
    /// assert_eq!(links.len(), 1);
    /// assert_eq!((Some(links[0].peer_id), links[0].addr), (endpoint.peer_id(), endpoint.local_addr()));
    /// assert!(links[0].bytes_received > 0 && links[0].bytes_sent > 0);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    pub async fn links(&self) -> Vec<LinkStatus> {
        let Some(links) = &self.shared().links else { return Vec::new() };
        let mut listed = links.list();
        let mut closed = self.closed();
        poll_fn(|cx| match Pin::new(&mut listed).poll(cx) {
            Poll::Ready(links) => Poll::Ready(links.unwrap_or_default()),
            // A driver that has ended makes no list.
            Poll::Pending => Pin::new(&mut closed).poll(cx).map(|()| Vec::new()),
        })
        .await
    }
}
