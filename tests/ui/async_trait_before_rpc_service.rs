use async_trait::async_trait;
use rpcudp::rpc_service;

#[async_trait]
#[rpc_service]
trait Greeter {
    async fn sayhi(&self, name: &str) -> Result<String, u8>;
}

fn main() {}
