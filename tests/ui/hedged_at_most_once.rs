//! Only a call of an at-least-once method may be hedged.

use rpcudp::{Endpoint, Peers, rpc_service};

#[rpc_service]
trait Account {
    fn balance(&self) -> u64;
    #[rpc(at_least_once)]
    fn owner(&self) -> Result<String, String>;
    #[rpc(at_most_once)]
    fn withdraw(&self, cents: u64) -> Result<u64, String>;
    #[rpc(oneway)]
    fn remind(&self);
}

fn calls(endpoint: &Endpoint) {
    let account = AccountClient::group(endpoint, Peers::fixed([]));
    let _ = account.owner().hedged();
    let _ = account.balance().hedged();
    let _ = account.withdraw(5).hedged();
    let _ = account.remind().hedged();
}

fn main() {}
