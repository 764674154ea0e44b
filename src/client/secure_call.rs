use std::sync::Arc;

use rpcudp_secure::Expected;

use super::call::Call;
use super::link_call::target_of;
use super::target::Target;
use crate::links::secure_peer::{Route, SecurePeer};

impl<T, E, D> Call<T, E, D> {
    /// Sends this call over a link to the peer with the expected key, as
    /// [`Client::secure`](crate::Client::secure) does for all calls of a client. For
    /// [`DynamicMethod`](crate::DynamicMethod), and for one call of a plain client.
    ///
    /// A call to a group is not sent and ends with an error, because the peers of the group decide:
    /// those of [`Peers::secure`](crate::Peers::secure) are called over links. No effect on a call
    /// that was sent.
    ///
    /// ```
    /// use rpcudp::{Call, DynamicMethod, Endpoint, Identity, rpc_service};
    ///
    /// # #[rpc_service]
    /// # trait Adder {
    /// #     fn add(&self, a: i64, b: i64) -> i64;
    /// # }
    /// # struct Sums;
    /// # impl Adder for Sums {
    /// #     fn add(&self, a: i64, b: i64) -> i64 {
    /// #         a + b
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Endpoint::builder().identity(Identity::generate()).serve(AdderServer::new(Sums));
    /// let server = server.bind("127.0.0.1:0").await?;
    /// let key = server.peer_id().ok_or("the server has no identity")?;
    ///
    /// let endpoint = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await?;
    /// let call: Call<i64> = DynamicMethod::new("add").call(&endpoint, server.local_addr(), &[40, 2]);
    /// assert_eq!(call.secure(key).await?, 42);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "secure")))]
    pub fn secure(mut self, expected: impl Into<Expected>) -> Self {
        if self.pending.is_ready() {
            let peer = self.pending.peer();
            let target = match &self.pending.target {
                Target::Group(_) => Arc::new(SecurePeer::new(peer, peer, Route::Plain)),
                _ => target_of(self.pending.endpoint.shared(), peer, expected.into()),
            };
            self.pending.target = Target::Secure(target);
        }
        self
    }
}
