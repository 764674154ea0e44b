use rpcudp::rpc_service;
use std::rc::Rc;

#[rpc_service]
trait Greeter {
    async fn sayhi(&self, name: &str) -> String {
        let name = Rc::new(name);
        std::future::ready(()).await;
        format!("Hello {name}")
    }
}

fn main() {}
