use rpcudp_secure::Expected;

use super::join::{Join, State};
use crate::client::link_call::target_of;

impl Join {
    /// Joins over a link to the peer with the expected key: the session then belongs to the key of
    /// this endpoint.
    ///
    /// The server counts only requests over a link of that key as the member's. The session goes on
    /// if the link is lost and another one opened, and if this endpoint has another address, and no
    /// token is needed for that. Its id and its secret are encrypted, as all calls of
    /// [`Session::client`](crate::Session::client) are. A key has one session in each pool: a
    /// second one ends the first at once, as after a restart of this program.
    ///
    /// The expected key is pinned, as for [`Client::secure`](crate::Client::secure); with
    /// [`AnyPeer`](crate::AnyPeer) every server is accepted. The endpoint needs a
    /// [`Builder::identity`](crate::Builder::identity). Without this option, a session is over the
    /// plain wire.
    ///
    /// ```
    /// use rpcudp::session::Sessions;
    /// use rpcudp::{Endpoint, Identity, SecureContext, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Lobby {
    ///     /// For members over links.
    ///     #[rpc(session, secure)]
    ///     fn whoami(&self, cx: &SecureContext) -> String;
    /// }
    ///
    /// struct Game;
    ///
    /// impl Lobby for Game {
    ///     fn whoami(&self, cx: &SecureContext) -> String {
    ///         cx.peer_id().to_string()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let host = Identity::generate();
    /// let builder = Endpoint::builder().identity(host.clone()).sessions(Sessions::new());
    /// let server = builder.serve(LobbyServer::new(Game)).bind("127.0.0.1:0").await?;
    ///
    /// let ada = Identity::generate();
    /// let endpoint = Endpoint::builder().identity(ada.clone()).bind("127.0.0.1:0").await?;
    /// let session = endpoint.join(server.local_addr()).secure(host.peer_id()).await?;
    /// let lobby: LobbyClient = session.client();
    /// assert_eq!(lobby.whoami().await?, ada.peer_id().to_string());
    /// assert_eq!(server.sessions().list()[0].peer_id(), Some(ada.peer_id()));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    pub fn secure(mut self, expected: impl Into<Expected>) -> Self {
        if let State::Ready(plan) = &mut self.state {
            plan.secure = Some(target_of(self.endpoint.shared(), plan.peer, expected.into()));
        }
        self
    }
}
