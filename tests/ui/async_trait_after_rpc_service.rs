use async_trait::async_trait;
use rpcudp::rpc_service;

#[rpc_service]
#[async_trait]
trait Greeter {
    async fn sayhi(&self, name: &str) -> String;
}

struct Hello;

#[async_trait]
impl Greeter for Hello {
    async fn sayhi(&self, name: &str) -> String {
        format!("Hello {name}")
    }
}

fn main() {}
