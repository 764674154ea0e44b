use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: &str) -> String {
        format!("Hello {name}")
    }
}

fn main() {}
