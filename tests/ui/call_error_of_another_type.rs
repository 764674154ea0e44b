use rpcudp::{CallError, rpc_service};

#[rpc_service]
trait Account {
    fn unlock(&self, pin: u16) -> Result<(), u8>;
    fn withdraw(&self, cents: u64) -> Result<u64, String>;
}

async fn withdraw(account: AccountClient) -> Result<u64, CallError<String>> {
    account.unlock(1234).await?;
    account.withdraw(1).await
}

fn main() {}
