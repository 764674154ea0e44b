/// The contract that both sides compile against.
#[rpc_service]
pub trait Greeter {
    /// Returns a greeting with the caller's address.
    fn sayhi(&self, cx: &Context, name: &str) -> String;
    /// Returns the value of a key.
    #[rpc(at_least_once)]
    async fn lookup(&self, key: &[u8]) -> Option<Vec<u8>>;
    /// Takes money out, and returns the balance.
    #[rpc(at_most_once, timeout = "2s", wait_for_ready)]
    async fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
    /// Passes a rumour on.
    #[rpc(oneway)]
    fn gossip(&self, rumour: Rumour<'_>);
}
