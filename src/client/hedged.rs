use super::call::Call;
use super::detour::Hedge;
use super::idempotent::Hedgeable;
use super::target::Target;

impl<T, E, D> Call<T, E, D> {
    /// Sends the request to a second peer of the group, if the first takes longer than 95 % of the
    /// method's calls did. The first response counts, and the other request is dropped.
    ///
    /// A hedge shortens the longest waits: those for a peer that is slow at the moment, or for a
    /// retransmission. The time of the method is the 95th percentile of its last 128 hedged calls
    /// in this group; the first 16 are not hedged. Hedges add at most 10 % to the hedged calls, and
    /// spend the endpoint's retry budget.
    ///
    /// Only for methods that are `at_least_once`, because both peers may run the method. No effect
    /// on a call that was sent, or on a client of one peer.
    ///
    /// ```
    /// # use rpcudp::{CallError, rpc_service};
    /// #[rpc_service]
    /// trait Index {
    ///     #[rpc(at_least_once)]
    ///     async fn search(&self, text: &str) -> Vec<u64>;
    /// }
    ///
    /// async fn search(index: &IndexClient) -> Result<Vec<u64>, CallError> {
    ///     index.search("udp").hedged().await
    /// }
    /// ```
    ///
    /// The contract decides, so a method that may not run twice does not compile:
    ///
    /// ```compile_fail
    /// # use rpcudp::{CallError, rpc_service};
    /// #[rpc_service]
    /// trait Account {
    ///     #[rpc(at_most_once)]
    ///     async fn withdraw(&self, cents: u64) -> u64;
    /// }
    ///
    /// async fn withdraw(account: &AccountClient) -> Result<u64, CallError> {
    ///     account.withdraw(5).hedged().await
    /// }
    /// ```
    pub fn hedged(mut self) -> Self
    where
        D: Hedgeable,
    {
        if let Target::Group(target) = &mut self.pending.target {
            let detour = target.detour.get_or_insert_default();
            if detour.hedge == Hedge::Off {
                detour.hedge = Hedge::On;
            }
        }
        self
    }
}
